//! From a command's name to its number.
//!
//! Every request passes here first, so the common case is a handful of instructions: a name of at most 16 bytes is
//! loaded as two words, folded eight bytes at a time, multiplied, and the top bits of the product name one slot. The
//! multiplier is searched for when the table is built, until no two names share a slot; so one comparison
//! decides, for known names and unknown ones alike.
//!
//! ```text
//! "ZRANGEBYSCORE"   first 8 bytes, last 8 bytes     (they overlap; the length tells names apart)
//! "EXPIRE"          first 4 and last 4 bytes, 0
//! "GET"             first, middle and last byte, 0
//!
//! slot = ((low ^ high rotated by 29 ^ length) * multiplier) >> (64 - 13)
//! ```
//!
//! Some hundreds of multipliers must be tried for 280 names in 8192 slots, which takes a fraction of a millisecond at
//! start-up. Names that are longer, or that no multiplier keeps apart (renamed commands can be anything), stand in a
//! plain map.
//!
//! Names match in any case, ASCII only, as in Redis. Folding sets bit 5 of every byte, which makes capitals small and
//! confuses some other bytes; so before the comparison only the bytes that are letters in the known name get that bit.

use std::collections::BTreeMap;

/// The names of all top-level commands, under which they can be called right now: renamed ones by their new name,
/// disabled ones not at all.
pub(crate) struct NameTable {
    multiplier: u64,
    /// Index into `names`, where a free slot leads to a name that nobody can say.
    slots: Box<[u16; SLOTS]>,
    names: Vec<Known>,
    /// Every name in lower case, those with a slot included.
    all: BTreeMap<Vec<u8>, u16>,
    /// Whether `all` has to be asked when the slots do not know a name.
    has_others: bool,
    /// No name is longer, so a longer word need not be looked for.
    longest: usize,
}

/// A name that fits two words.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Short {
    low: u64,
    high: u64,
    len: u8,
}

/// The name that was found last, as it was spelled.
pub(crate) struct LastName {
    name: Short,
    id: u16,
}

impl LastName {
    pub(crate) const NONE: Self = Self {
        name: Known::NOBODY.name,
        id: 0,
    };
}

/// A command's name.
struct Known {
    /// In lower case.
    name: Short,
    /// Bit 5 of every byte that is a letter.
    letters: [u64; 2],
    id: u16,
}

impl NameTable {
    /// Builds the table. Should a name come twice, the first one stands.
    pub(crate) fn new<N: AsRef<[u8]>>(names: &[(N, u16)]) -> Self {
        let mut all = BTreeMap::new();
        for (name, id) in names {
            let name = name.as_ref().to_ascii_lowercase();
            all.entry(name).or_insert(*id);
        }
        let mut table = Self {
            multiplier: 1,
            slots: Box::new([0; SLOTS]),
            names: Vec::new(),
            all,
            has_others: false,
            longest: 0,
        };
        table.build();
        table
    }

    /// Lets a command go by another name, or by none if `to` is empty. The refusals are those of `rename-command`.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        let &id = self
            .all
            .get(&from)
            .ok_or("No such command in rename-command")?;
        if from != to && self.all.contains_key(&to) {
            return Err("Target command name already exists");
        }
        self.all.remove(&from);
        if !to.is_empty() {
            self.all.insert(to, id);
        }
        self.build();
        Ok(())
    }

    /// The number of the command called `name`, in any case.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<u16> {
        if let Some(short) = Short::load(name)
            && let Some(id) = self.find_short(short)
        {
            return Some(id);
        }
        if self.has_others {
            self.find_other(name)
        } else {
            None
        }
    }

    /// The same for one name after the other. `last` is what was found last: mostly a command follows itself, and then
    /// one comparison tells.
    #[inline]
    pub(crate) fn find_next(&self, name: &[u8], last: &mut LastName) -> Option<u16> {
        let short = Short::load(name);
        if let Some(short) = short {
            if last.name == short {
                return Some(last.id);
            }
            if let Some(id) = self.find_short(short) {
                *last = LastName { name: short, id };
                return Some(id);
            }
        }
        if self.has_others {
            self.find_other(name)
        } else {
            None
        }
    }

    #[inline]
    fn find_short(&self, short: Short) -> Option<u16> {
        let index = usize::from(self.slots[short.slot(self.multiplier)]);
        let known = self.names.get(index)?;
        known.is_spelled(short).then_some(known.id)
    }

    /// The numbers of all commands that have a name, in the order of their names.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u16> {
        self.all.values().copied()
    }

    #[cold]
    fn find_other(&self, name: &[u8]) -> Option<u16> {
        if name.len() > self.longest {
            return None;
        }
        self.all.get(&name.to_ascii_lowercase()).copied()
    }

    fn build(&mut self) {
        let known = (self.all.iter()).filter_map(|(name, &id)| Known::new(name, id));
        self.names = std::iter::once(Known::NOBODY).chain(known).collect();
        self.spread();
        self.has_others = self.names.len() <= self.all.len();
        self.longest = self.all.keys().map(Vec::len).max().unwrap_or(0);
    }

    /// Tries multipliers until no two names share a slot.
    fn spread(&mut self) {
        for _ in 0..MOST_TRIES {
            // Any sequence of odd numbers does that has its bits well mixed; this one is the same at every start.
            let next = self.multiplier.wrapping_mul(0x5851_F42D_4C95_7F2D);
            self.multiplier = next.wrapping_add(0x1405_7B7E_F767_814F) | 1;
            if self.place().is_ok() {
                return;
            }
        }
        // Some names cannot be kept apart, or there are too many: a name that finds its slot taken goes without.
        while let Err(index) = self.place() {
            self.names.remove(index);
        }
    }

    /// Gives every name its slot, or says which one found its slot taken.
    fn place(&mut self) -> Result<(), usize> {
        self.slots.fill(0);
        for (index, known) in self.names.iter().enumerate().skip(1) {
            let slot = &mut self.slots[known.name.slot(self.multiplier)];
            if *slot != 0 {
                return Err(index);
            }
            *slot = index as u16;
        }
        Ok(())
    }
}

impl Short {
    #[inline]
    fn load(name: &[u8]) -> Option<Self> {
        let (low, high) = match name.len() {
            8..=16 => {
                let (first, last) = (name.first_chunk()?, name.last_chunk()?);
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            }
            4..=7 => {
                let (first, last) = (name.first_chunk()?, name.last_chunk()?);
                let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
                (u64::from(first) | u64::from(last) << 32, 0)
            }
            1..=3 => {
                let bytes = [name[0], name[name.len() / 2], name[name.len() - 1], 0];
                (u64::from(u32::from_le_bytes(bytes)), 0)
            }
            _ => return None,
        };
        let len = name.len() as u8;
        Some(Self { low, high, len })
    }

    #[inline]
    fn slot(self, multiplier: u64) -> usize {
        let (low, high) = (self.low | BIT_5, self.high | BIT_5);
        let mixed = low ^ high.rotate_left(29) ^ u64::from(self.len);
        (mixed.wrapping_mul(multiplier) >> (u64::BITS - SLOTS.ilog2())) as usize
    }
}

impl Known {
    /// Names have at least one byte.
    const NOBODY: Self = Self {
        name: Short {
            low: 0,
            high: 0,
            len: 0,
        },
        letters: [0, 0],
        id: 0,
    };

    /// For a name in lower case.
    fn new(name: &[u8], id: u16) -> Option<Self> {
        let upper = Short::load(&name.to_ascii_uppercase())?;
        let name = Short::load(name)?;
        let letters = [name.low ^ upper.low, name.high ^ upper.high];
        Some(Self { name, letters, id })
    }

    /// Whether `name` is this one, in whatever case.
    #[inline]
    fn is_spelled(&self, name: Short) -> bool {
        let [low, high] = self.letters;
        let name = Short {
            low: name.low | low,
            high: name.high | high,
            ..name
        };
        name == self.name
    }
}

/// What small letters have and capitals have not.
const BIT_5: u64 = 0x2020_2020_2020_2020;

/// Thirty for every command there is: with fewer, finding a multiplier takes too long; the table still fits half of
/// the first-level cache, and only the lines of commands in use are ever touched.
const SLOTS: usize = 8192;

/// Ten times what usually suffices. Beyond that the names themselves stand in the way.
const MOST_TRIES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    fn standard() -> Vec<(&'static str, u16)> {
        spec::all().map(|spec| spec.name).zip(0..).collect()
    }

    #[test]
    fn finds_every_command_in_any_case() {
        let names = standard();
        let table = NameTable::new(&names);
        let long = names.iter().filter(|(name, _)| name.len() > 16);
        assert_eq!(table.names.len() - 1 + long.count(), names.len());
        for &(name, id) in &names {
            let mixed: String = name
                .chars()
                .enumerate()
                .map(|(index, letter)| match index % 2 {
                    0 => letter.to_ascii_uppercase(),
                    _ => letter,
                })
                .collect();
            for spelling in [name, &name.to_ascii_uppercase(), &mixed] {
                assert_eq!(table.find(spelling.as_bytes()), Some(id), "{spelling}");
            }
        }
    }

    #[test]
    fn finds_nothing_else() {
        let table = NameTable::new(&standard());
        for name in [
            "",
            "g",
            "ge",
            "gett",
            "get\0",
            "get ",
            "GE[",
            "\u{e7}et",
            "config|get",
            "setset",
            "mmulti",
            "georadiusbymember_rp",
            "a name much longer than any that there is",
        ] {
            assert_eq!(table.find(name.as_bytes()), None, "{name}");
        }
        // One wrong byte anywhere, whichever of the words it falls into.
        for (name, _) in standard() {
            for index in 0..name.len() {
                let mut wrong = name.as_bytes().to_vec();
                wrong[index] = b'#';
                assert_eq!(table.find(&wrong), None);
                wrong[index] = name.as_bytes()[index] ^ 0x80;
                assert_eq!(table.find(&wrong), None);
            }
        }
    }

    #[test]
    fn renamed_commands_can_be_called_anything() {
        let long = "x".repeat(300);
        let names = [
            ("Secret-FlushAll", 1),
            (&long, 2),
            ("get", 3),
            ("GET", 4),
            ("", 5),
        ];
        let table = NameTable::new(&names);
        assert_eq!(table.find(b"secret-flushall"), Some(1));
        assert_eq!(table.find(long.to_uppercase().as_bytes()), Some(2));
        assert_eq!(table.find(b"Get"), Some(3));
        assert_eq!(table.find(b""), Some(5));
        assert_eq!(table.find(b"flushall"), None);
    }

    #[test]
    fn renaming_moves_a_command_and_an_empty_name_hides_it() {
        let mut table = NameTable::new(&standard());
        let get = table.find(b"get");
        assert_eq!(table.rename(b"GET", b"Fetch"), Ok(()));
        assert_eq!((table.find(b"get"), table.find(b"FETCH")), (None, get));
        assert_eq!(table.rename(b"config", b""), Ok(()));
        assert_eq!((table.find(b"config"), table.find(b"")), (None, None));
        assert!(table.rename(b"config", b"x").is_err());
        assert!(table.rename(b"set", b"DEL").is_err());
        assert_eq!(table.rename(b"set", b"SET"), Ok(()));
        assert!(table.find(b"set").is_some());
    }

    #[test]
    fn names_no_multiplier_keeps_apart_are_found_too() {
        // More names than slots.
        let names: Vec<_> = (0..5000u16).map(|id| (format!("name-{id}"), id)).collect();
        let table = NameTable::new(&names);
        assert!(table.names.len() > 1);
        for (name, id) in &names {
            assert_eq!(table.find(name.as_bytes()), Some(*id));
        }
    }

    #[test]
    fn only_capitals_stand_for_other_bytes() {
        for name in ["get", "x-y_z", "a|b", "client1", "zrangebyscore-x"] {
            let table = NameTable::new(&[(name, 7)]);
            for at in 0..name.len() {
                for byte in 0..=u8::MAX {
                    let mut spelling = name.as_bytes().to_vec();
                    spelling[at] = byte;
                    let is_name = spelling.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(table.find(&spelling), is_name.then_some(7), "{spelling:?}");
                }
            }
        }
    }
}
