//! A vector as it is kept: made one unit long, and coarsened.
//!
//! ```text
//! record:  length f32 | range f32 | components
//! ```
//!
//! *Length* is what the vector had before it was made one unit long, *range* the largest component, which is 127 among
//! bytes. Both are little-endian, and so are the components: floats, signed bytes, or one bit each in words of 64.
//! Everything here happens in the order in which Redis does it, since clients see the last digit.

use crate::store::distance::{bits_apart, dot_f32, dot_f32_in_order, dot_i8};

/// What becomes of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantization {
    /// It stays a float.
    None,
    /// A signed byte, relative to the largest component of its vector.
    Bytes,
    /// Its sign.
    Bits,
}

impl Quantization {
    /// As VINFO and VEMB name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "f32",
            Self::Bytes => "int8",
            Self::Bits => "bin",
        }
    }

    /// The number it has in files.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes => 1,
            Self::Bits => 2,
        }
    }

    pub(crate) fn of_number(number: u64) -> Option<Self> {
        [Self::None, Self::Bytes, Self::Bits]
            .into_iter()
            .find(|quantization| quantization.number() == number)
    }
}

/// What all records of a set have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) quantization: Quantization,
    /// How many components a vector has.
    pub(crate) dimension: usize,
}

/// The bytes before the components.
const HEAD_BYTES: usize = 8;

impl Form {
    /// The bytes of the components of one vector.
    pub(crate) fn vector_bytes(self) -> usize {
        match self.quantization {
            Quantization::None => self.dimension * 4,
            Quantization::Bytes => self.dimension,
            Quantization::Bits => self.dimension.div_ceil(64) * 8,
        }
    }

    pub(crate) fn record_bytes(self) -> usize {
        HEAD_BYTES + self.vector_bytes()
    }

    /// The record of `vector`, which is as long as it was given.
    pub(crate) fn record(self, vector: &[f32]) -> Vec<u8> {
        debug_assert_eq!(vector.len(), self.dimension);
        let (unit, length) = unit_long(vector);
        let mut record = Vec::with_capacity(self.record_bytes());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&0.0_f32.to_le_bytes());
        match self.quantization {
            Quantization::None => {
                record.extend(unit.iter().flat_map(|component| component.to_le_bytes()))
            }
            Quantization::Bytes => {
                let range = push_bytes(&mut record, &unit);
                record[4..8].copy_from_slice(&range.to_le_bytes());
            }
            Quantization::Bits => push_bits(&mut record, &unit),
        }
        record
    }

    /// The record with these parts, as a file has them.
    pub(crate) fn record_of_parts(self, length: f32, range: f32, vector: &[u8]) -> Vec<u8> {
        debug_assert_eq!(vector.len(), self.vector_bytes());
        let mut record = Vec::with_capacity(self.record_bytes());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&range.to_le_bytes());
        record.extend_from_slice(vector);
        record
    }

    /// How far apart two records are: 0 if they point the same way, 2 if in opposite ways. Floats are summed in the
    /// order that is fastest: the last digit is for comparing only.
    #[inline]
    pub(crate) fn distance(self, one: &[u8], other: &[u8]) -> f32 {
        match self.quantization {
            Quantization::None => 1.0 - dot_f32(vector(one), vector(other)),
            Quantization::Bytes => distance_of_bytes(one, other),
            Quantization::Bits => {
                (bits_apart(vector(one), vector(other)) as f32) * 2.0 / self.dimension as f32
            }
        }
    }

    /// The distance that a client is shown.
    pub(crate) fn shown_distance(self, one: &[u8], other: &[u8]) -> f32 {
        match self.quantization {
            Quantization::None => 1.0 - dot_f32_in_order(vector(one), vector(other)),
            Quantization::Bytes | Quantization::Bits => self.distance(one, other),
        }
    }

    /// The components of a record, at the length they came with; as far as they have not been coarsened.
    pub(crate) fn components(self, record: &[u8]) -> Vec<f32> {
        let bytes = vector(record);
        let length = length(record);
        match self.quantization {
            Quantization::None => bytes
                .chunks_exact(4)
                .map(|component| head(component, 0) * length)
                .collect(),
            Quantization::Bytes => {
                let range = range(record);
                let whole = |byte: &u8| f32::from(*byte as i8) * range / 127.0;
                bytes.iter().map(|byte| whole(byte) * length).collect()
            }
            Quantization::Bits => (0..self.dimension)
                .map(|at| bytes[at / 8] >> (at % 8) & 1)
                .map(|bit| if bit == 1 { 1.0 } else { -1.0 })
                .collect(),
        }
    }
}

/// The components of a record, as they are kept.
pub(crate) fn vector(record: &[u8]) -> &[u8] {
    &record[HEAD_BYTES..]
}

/// How long the vector was when it came.
pub(crate) fn length(record: &[u8]) -> f32 {
    head(record, 0)
}

/// Its largest component, once it was one unit long.
pub(crate) fn range(record: &[u8]) -> f32 {
    head(record, 4)
}

fn head(record: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

#[inline]
fn distance_of_bytes(one: &[u8], other: &[u8]) -> f32 {
    let (left, right) = (range(one), range(other));
    // A vector of zeroes points nowhere: it is as far from one direction as from its opposite.
    if left == 0.0 || right == 0.0 {
        return 1.0;
    }
    let scale = (left / 127.0) * (right / 127.0);
    (1.0 - dot_i8(vector(one), vector(other)) as f32 * scale).clamp(0.0, 2.0)
}

/// The vector at a length of one, and the length it had. One of zeroes stays as it is and counts as one long.
fn unit_long(vector: &[f32]) -> (Vec<f32>, f32) {
    let groups = vector.chunks_exact(4);
    let mut sum = 0.0_f32;
    let rest = groups.remainder();
    for group in groups {
        sum +=
            group[0] * group[0] + group[1] * group[1] + group[2] * group[2] + group[3] * group[3];
    }
    for component in rest {
        sum += component * component;
    }
    if sum == 0.0 {
        return (vector.to_vec(), 1.0);
    }
    let length = sum.sqrt();
    let unit = vector.iter().map(|component| component / length);
    (unit.collect(), length)
}

/// Appends each component as a signed byte; returns the component that 127 stands for.
fn push_bytes(record: &mut Vec<u8>, unit: &[f32]) -> f32 {
    let mut range = 0.0_f32;
    for &component in unit {
        if component.abs() > range {
            range = component.abs();
        }
    }
    if range == 0.0 {
        record.resize(record.len() + unit.len(), 0);
        return 0.0;
    }
    let scale = 127.0 / range;
    let bytes = unit
        .iter()
        .map(|component| (component * scale).round() as i8 as u8);
    record.extend(bytes);
    range
}

/// Appends one bit for each component, set if it is positive, in whole words of 64.
fn push_bits(record: &mut Vec<u8>, unit: &[f32]) {
    for word in unit.chunks(64) {
        let mut bits = 0_u64;
        for (at, &component) in word.iter().enumerate() {
            bits |= u64::from(component > 0.0) << at;
        }
        record.extend_from_slice(&bits.to_le_bytes());
    }
}
