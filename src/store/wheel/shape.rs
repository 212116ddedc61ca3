//! The wheel as a picture shows it: which slots have records, and how many.

use super::Wheel;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WheelShape {
    /// The time up to which all work is done, in milliseconds.
    pub(crate) reached: u64,
    pub(crate) records: usize,
    /// Records that are due already, and those that are looked at once a second.
    pub(crate) ready: u32,
    pub(crate) parked: u32,
    /// The occupied slots of each level, with the number of their records.
    pub(crate) levels: Vec<Vec<(u8, u32)>>,
}

impl Wheel {
    pub(crate) fn shape(&self) -> WheelShape {
        let of_level = |level: &super::Level| {
            let slots = level.slots.iter().enumerate();
            slots
                .filter(|(_, slot)| slot.len() > 0)
                .map(|(byte, slot)| (byte as u8, slot.len()))
                .collect()
        };
        WheelShape {
            reached: self.reached,
            records: self.records,
            ready: self.ready.len(),
            parked: self.parked.len(),
            levels: (self.levels.iter())
                .map(|level| level.as_deref().map_or_else(Vec::new, of_level))
                .collect(),
        }
    }
}
