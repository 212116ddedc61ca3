//! HyperLogLog: how many different elements were seen, in at most 12 KiB, off by 0.81 % on average.
//!
//! It is a string to everybody else: GET, SET and DUMP see these bytes, so they are what Redis would have written
//! after the same PFADDs, down to the order in which sparse opcodes merge.
//!
//! ```text
//! "HYLL"  encoding u8  0 0 0  cardinality u64 LE  registers
//!            |                   |                   dense:  16384 registers of 6 bits, low bits first (12288 bytes)
//!            0 dense, 1 sparse   |                   sparse: opcodes that run over all 16384 registers
//!                                top bit set: the cached number is stale
//!
//! ZERO   00nnnnnn            1..64 registers are 0
//! XZERO  01nnnnnn nnnnnnnn   1..16384 registers are 0
//! VAL    1vvvvvnn            1..4 registers are v + 1
//! ```
//!
//! An element's hash picks a register by its low 14 bits; the register remembers the longest run of zeros (plus
//! one) seen in the other 50. A key starts sparse, two bytes long, and becomes dense once: when a register needs
//! more than 32 or the string would grow past a limit the caller gives.
//!
//! Strings come from outside: anybody may SET one that only begins like a HyperLogLog. Every walk over opcodes
//! therefore checks that they end exactly at register 16384 and reports `Corrupted` otherwise.

pub(crate) mod check;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::base::murmur::murmur64a;

/// Bits of the hash that choose a register.
const INDEX_BITS: u32 = 14;
const REGISTER_COUNT: usize = 1 << INDEX_BITS;
/// Bits of the hash in which zeros are counted. A run is at most this plus one.
const RUN_BITS: u32 = 64 - INDEX_BITS;
const HEADER_LEN: usize = 16;
/// The length of a string without elements.
pub(crate) const EMPTY_LEN: usize = HEADER_LEN + 2;
const DENSE_LEN: usize = HEADER_LEN + REGISTER_COUNT * 6 / 8;
const MAGIC: &[u8; 4] = b"HYLL";
const HASH_SEED: u64 = 0xadc8_3b19;
/// 1 / (2 ln 2), the constant that the mean of the registers approaches.
const ALPHA: f64 = 0.721_347_520_444_481_7;

const ZERO_LEN_MAX: usize = 64;
const XZERO_LEN_MAX: usize = 16384;
const VAL_LEN_MAX: usize = 4;
const VAL_MAX: u8 = 32;
/// How many opcodes after a change are tried for merging: those an insertion can have made mergeable.
const MERGE_SCAN: usize = 5;

/// Why a string cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HllError {
    /// It does not begin like a HyperLogLog, or is dense with the wrong length.
    NotHll,
    /// Its opcodes do not add up.
    Corrupted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HllEncoding {
    Dense,
    Sparse,
}

impl HllEncoding {
    /// The word PFDEBUG ENCODING answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
        }
    }
}

/// A string without elements. Its cached cardinality is a valid zero.
pub(crate) fn empty() -> Vec<u8> {
    let mut string = Vec::with_capacity(EMPTY_LEN);
    string.extend_from_slice(MAGIC);
    string.push(1);
    string.resize(HEADER_LEN, 0);
    string.extend_from_slice(&Opcode::Xzero(REGISTER_COUNT).encode()[..2]);
    string
}

/// Whether a string may be treated as a HyperLogLog, and how its registers are laid out. Cheap: opcodes are not
/// looked at.
pub(crate) fn encoding(string: &[u8]) -> Result<HllEncoding, HllError> {
    if string.len() < HEADER_LEN || !string.starts_with(MAGIC) {
        return Err(HllError::NotHll);
    }
    match string[4] {
        0 if string.len() == DENSE_LEN => Ok(HllEncoding::Dense),
        1 => Ok(HllEncoding::Sparse),
        _ => Err(HllError::NotHll),
    }
}

/// Notes an element. True if a register grew; the string is unchanged otherwise.
pub(crate) fn add(
    string: &mut Vec<u8>,
    element: &[u8],
    sparse_bytes_max: usize,
) -> Result<bool, HllError> {
    let (index, run) = place(element);
    match encoding(string)? {
        HllEncoding::Dense => Ok(dense_raise(string, index, run)),
        HllEncoding::Sparse => sparse_raise(string, index, run, sparse_bytes_max),
    }
}

/// As `add`, for a dense string that cannot be resized where it lies. None if it is not dense.
pub(crate) fn add_in_place(string: &mut [u8], element: &[u8]) -> Option<bool> {
    let dense = encoding(string) == Ok(HllEncoding::Dense);
    let (index, run) = place(element);
    dense.then(|| dense_raise(string, index, run))
}

/// The estimate stored in the string, unless an element has been added since.
pub(crate) fn cached_count(string: &[u8]) -> Result<Option<u64>, HllError> {
    encoding(string)?;
    let field: [u8; 8] = string[8..16].try_into().expect("the header is 16 bytes");
    Ok((field[7] & STALE == 0).then(|| u64::from_le_bytes(field)))
}

/// Stores an estimate in the string's header. PFCOUNT does so, which makes it a command that writes.
pub(crate) fn store_count(string: &mut [u8], count: u64) {
    string[8..16].copy_from_slice(&count.to_le_bytes());
}

/// Marks the stored estimate as outdated.
pub(crate) fn invalidate_count(string: &mut [u8]) {
    string[15] |= STALE;
}

/// Estimates the number of elements from the registers.
pub(crate) fn count(string: &[u8]) -> Result<u64, HllError> {
    let mut histogram = Histogram::new();
    match encoding(string)? {
        HllEncoding::Dense => {
            for registers in DenseQuads::new(string) {
                for register in registers {
                    histogram.add(register, 1);
                }
            }
        }
        HllEncoding::Sparse => walk(string, |_, value, len| histogram.add(value, len))?,
    }
    Ok(histogram.estimate())
}

/// Rewrites a sparse string as a dense one. True if it was sparse. A failure leaves it as it was.
pub(crate) fn make_dense(string: &mut Vec<u8>) -> Result<bool, HllError> {
    if encoding(string)? == HllEncoding::Dense {
        return Ok(false);
    }
    let mut dense = Vec::with_capacity(DENSE_LEN);
    dense.extend_from_slice(&string[..HEADER_LEN]);
    dense[4] = 0;
    dense.resize(DENSE_LEN, 0);
    walk(string, |first, value, len| {
        if value > 0 {
            (first..first + len).for_each(|index| dense_set(&mut dense, index, value));
        }
    })?;
    *string = dense;
    Ok(true)
}

/// The opcodes of a sparse string in words: `Z:100 v:3,1 z:20 ...` (PFDEBUG DECODE). None if it is dense.
pub(crate) fn describe(string: &[u8]) -> Result<Option<String>, HllError> {
    if encoding(string)? == HllEncoding::Dense {
        return Ok(None);
    }
    let mut text = String::new();
    let mut at = HEADER_LEN;
    while at < string.len() {
        let opcode = Opcode::at(string, at).ok_or(HllError::Corrupted)?;
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = match opcode {
            Opcode::Zero(len) => write!(text, "{separator}z:{len}"),
            Opcode::Xzero(len) => write!(text, "{separator}Z:{len}"),
            Opcode::Val(value, len) => write!(text, "{separator}v:{value},{len}"),
        };
        at += opcode.bytes();
    }
    Ok(Some(text))
}

/// All registers, one byte each: the union of the strings merged into it.
pub(crate) struct Registers {
    values: Box<[u8; REGISTER_COUNT]>,
}

impl Registers {
    pub(crate) fn new() -> Self {
        let zeros = vec![0; REGISTER_COUNT].into_boxed_slice();
        Self {
            values: zeros.try_into().expect("the slice was made of that length"),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.values.as_slice()
    }

    /// Takes the larger of each pair of registers. After an error some registers may have been merged.
    pub(crate) fn merge(&mut self, string: &[u8]) -> Result<HllEncoding, HllError> {
        let encoding = encoding(string)?;
        match encoding {
            HllEncoding::Dense => {
                for (ours, theirs) in self.values.chunks_exact_mut(4).zip(DenseQuads::new(string)) {
                    for (our, their) in ours.iter_mut().zip(theirs) {
                        *our = their.max(*our);
                    }
                }
            }
            HllEncoding::Sparse => {
                let values = &mut self.values;
                walk(string, |first, value, len| {
                    if value > 0 {
                        values[first..first + len]
                            .iter_mut()
                            .for_each(|our| *our = value.max(*our));
                    }
                })?;
            }
        }
        Ok(encoding)
    }

    /// Estimates the number of elements in the union.
    pub(crate) fn count(&self) -> u64 {
        let mut histogram = Histogram::new();
        self.values
            .iter()
            .for_each(|value| histogram.add(*value, 1));
        histogram.estimate()
    }

    /// Writes the union into PFMERGE's destination, whose own registers must have been merged before, and marks
    /// its stored estimate as outdated. `target` says how to lay it out at least: a sparse destination is made
    /// dense if any source was.
    pub(crate) fn store(
        &self,
        destination: &mut Vec<u8>,
        target: HllEncoding,
        sparse_bytes_max: usize,
    ) -> Result<(), HllError> {
        if target == HllEncoding::Dense {
            make_dense(destination)?;
        }
        if encoding(destination)? == HllEncoding::Dense {
            for (triple, quad) in destination[HEADER_LEN..]
                .chunks_exact_mut(3)
                .zip(self.values.chunks_exact(4))
            {
                triple.copy_from_slice(&[
                    quad[0] | quad[1] << 6,
                    quad[1] >> 2 | quad[2] << 4,
                    quad[2] >> 4 | quad[3] << 2,
                ]);
            }
            invalidate_count(destination);
            return Ok(());
        }
        for (index, value) in self
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| **value > 0)
        {
            // A sparse destination can turn dense half way.
            match encoding(destination)? {
                HllEncoding::Dense => dense_raise(destination, index, *value),
                HllEncoding::Sparse => sparse_raise(destination, index, *value, sparse_bytes_max)?,
            };
        }
        invalidate_count(destination);
        Ok(())
    }
}

/// The register an element belongs to, and what it would raise it to.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, HASH_SEED);
    let index = hash as usize & (REGISTER_COUNT - 1);
    // The added bit ends a run of zeros that would leave the 50 bits.
    let run = ((hash >> INDEX_BITS) | 1 << RUN_BITS).trailing_zeros() + 1;
    (index, run as u8)
}

/// In the last byte of the cached cardinality: it must be computed again.
const STALE: u8 = 0x80;

// ---- dense ----

/// The registers of a dense string, four (three bytes) at a time.
struct DenseQuads<'a> {
    triples: std::slice::ChunksExact<'a, u8>,
}

impl<'a> DenseQuads<'a> {
    fn new(string: &'a [u8]) -> Self {
        Self {
            triples: string[HEADER_LEN..].chunks_exact(3),
        }
    }
}

impl Iterator for DenseQuads<'_> {
    type Item = [u8; 4];

    fn next(&mut self) -> Option<[u8; 4]> {
        let triple = self.triples.next()?;
        let [a, b, c] = [triple[0], triple[1], triple[2]];
        Some([
            a & 63,
            (a >> 6 | b << 2) & 63,
            (b >> 4 | c << 4) & 63,
            c >> 2,
        ])
    }
}

fn dense_get(string: &[u8], index: usize) -> u8 {
    let (byte, shift) = (HEADER_LEN + index * 6 / 8, index * 6 % 8);
    // The last register ends with its byte, so the byte after is only missing when nothing of it is needed.
    let next = string.get(byte + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([string[byte], next]) >> shift) as u8 & 63
}

fn dense_set(string: &mut [u8], index: usize, value: u8) {
    let (byte, shift) = (HEADER_LEN + index * 6 / 8, index * 6 % 8);
    let next = string.get(byte + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([string[byte], next]);
    let pair = (pair & !(63 << shift) | u16::from(value) << shift).to_le_bytes();
    string[byte] = pair[0];
    if let Some(next) = string.get_mut(byte + 1) {
        *next = pair[1];
    }
}

fn dense_raise(string: &mut [u8], index: usize, run: u8) -> bool {
    let grows = run > dense_get(string, index);
    if grows {
        dense_set(string, index, run);
        invalidate_count(string);
    }
    grows
}

// ---- sparse ----

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    Zero(usize),
    Xzero(usize),
    Val(u8, usize),
}

impl Opcode {
    /// None if the string ends inside an opcode.
    fn at(string: &[u8], at: usize) -> Option<Self> {
        let byte = *string.get(at)?;
        Some(match byte >> 6 {
            0 => Self::Zero(usize::from(byte & 0x3f) + 1),
            1 => {
                Self::Xzero((usize::from(byte & 0x3f) << 8 | usize::from(*string.get(at + 1)?)) + 1)
            }
            _ => Self::Val((byte >> 2 & 0x1f) + 1, usize::from(byte & 3) + 1),
        })
    }

    /// The shorter of the two opcodes that say `len` zeros.
    fn zeros(len: usize) -> Self {
        if len > ZERO_LEN_MAX {
            Self::Xzero(len)
        } else {
            Self::Zero(len)
        }
    }

    fn bytes(self) -> usize {
        if matches!(self, Self::Xzero(_)) { 2 } else { 1 }
    }

    /// How many registers it stands for.
    fn span(self) -> usize {
        match self {
            Self::Zero(len) | Self::Xzero(len) | Self::Val(_, len) => len,
        }
    }

    fn value(self) -> u8 {
        if let Self::Val(value, _) = self {
            value
        } else {
            0
        }
    }

    /// The same value over another number of registers.
    fn with_span(self, len: usize) -> Self {
        match self {
            Self::Zero(_) | Self::Xzero(_) => Self::zeros(len),
            Self::Val(value, _) => Self::Val(value, len),
        }
    }

    /// Its bytes; the first `bytes()` count.
    fn encode(self) -> [u8; 2] {
        match self {
            Self::Zero(len) => {
                debug_assert!((1..=ZERO_LEN_MAX).contains(&len));
                [(len - 1) as u8, 0]
            }
            Self::Xzero(len) => {
                debug_assert!((1..=XZERO_LEN_MAX).contains(&len));
                [0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]
            }
            Self::Val(value, len) => {
                debug_assert!((1..=VAL_MAX).contains(&value) && (1..=VAL_LEN_MAX).contains(&len));
                [0x80 | (value - 1) << 2 | (len - 1) as u8, 0]
            }
        }
    }
}

/// Calls `visit(first register, value, count)` for each opcode of a sparse string.
fn walk(string: &[u8], mut visit: impl FnMut(usize, u8, usize)) -> Result<(), HllError> {
    let mut at = HEADER_LEN;
    let mut first = 0;
    while at < string.len() {
        let opcode = Opcode::at(string, at).ok_or(HllError::Corrupted)?;
        if opcode.span() > REGISTER_COUNT - first {
            return Err(HllError::Corrupted);
        }
        visit(first, opcode.value(), opcode.span());
        first += opcode.span();
        at += opcode.bytes();
    }
    if first == REGISTER_COUNT {
        Ok(())
    } else {
        Err(HllError::Corrupted)
    }
}

/// Raises one register of a sparse string: the opcode that covers it is replaced by up to three, and equal
/// neighbours are joined.
fn sparse_raise(
    string: &mut Vec<u8>,
    index: usize,
    run: u8,
    bytes_max: usize,
) -> Result<bool, HllError> {
    if run > VAL_MAX {
        return promote(string, index, run);
    }

    let mut at = HEADER_LEN;
    let mut previous = None;
    let mut first = 0;
    let opcode = loop {
        let opcode = Opcode::at(string, at).ok_or(HllError::Corrupted)?;
        if index < first + opcode.span() {
            break opcode;
        }
        previous = Some(at);
        first += opcode.span();
        at += opcode.bytes();
    };
    if opcode.value() >= run {
        return Ok(false);
    }

    let before = index - first;
    let after = opcode.span() - before - 1;
    let parts = [
        (before > 0).then(|| opcode.with_span(before)),
        Some(Opcode::Val(run, 1)),
        (after > 0).then(|| opcode.with_span(after)),
    ];
    // Two long runs of zeros and the value between them are the most there can be: five bytes.
    let mut bytes = [0; 5];
    let mut len = 0;
    for part in parts.into_iter().flatten() {
        let part_len = part.bytes();
        bytes[len..len + part_len].copy_from_slice(&part.encode()[..part_len]);
        len += part_len;
    }
    if len > opcode.bytes() && string.len() + len - opcode.bytes() > bytes_max {
        return promote(string, index, run);
    }
    string.splice(at..at + opcode.bytes(), bytes.into_iter().take(len));

    join_equal_neighbours(string, previous.unwrap_or(HEADER_LEN));
    invalidate_count(string);
    Ok(true)
}

/// Joins adjacent VAL opcodes of one value as long as four registers suffice. It looks at a few opcodes only, so
/// which ones get joined depends on the order of insertions; that order is visible in the bytes.
fn join_equal_neighbours(string: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..MERGE_SCAN {
        let Some(opcode) = Opcode::at(string, at) else {
            break;
        };
        if let (Opcode::Val(value, len), Some(Opcode::Val(next_value, next_len))) =
            (opcode, Opcode::at(string, at + 1))
            && value == next_value
            && len + next_len <= VAL_LEN_MAX
        {
            string.remove(at);
            string[at] = Opcode::Val(value, len + next_len).encode()[0];
        } else {
            at += opcode.bytes();
        }
    }
}

fn promote(string: &mut Vec<u8>, index: usize, run: u8) -> Result<bool, HllError> {
    make_dense(string)?;
    Ok(dense_raise(string, index, run))
}

// ---- estimate ----

/// How many registers hold each value. The estimate needs nothing else.
struct Histogram {
    counts: [u32; 64],
}

impl Histogram {
    fn new() -> Self {
        Self { counts: [0; 64] }
    }

    fn add(&mut self, value: u8, registers: usize) {
        self.counts[usize::from(value & 63)] += registers as u32;
    }

    /// The estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches": no table of
    /// corrections, right from zero up.
    fn estimate(&self) -> u64 {
        let registers = REGISTER_COUNT as f64;
        let share = |count: f64| count / registers;
        let mut z = registers
            * tau(share(
                registers - f64::from(self.counts[RUN_BITS as usize + 1]),
            ));
        for value in (1..=RUN_BITS as usize).rev() {
            z += f64::from(self.counts[value]);
            z *= 0.5;
        }
        z += registers * sigma(share(f64::from(self.counts[0])));
        (ALPHA * registers * registers / z).round() as u64
    }
}

/// Sum that corrects for registers still at zero.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (share, 1.0, share);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Sum that corrects for registers that have reached their maximum.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (share, 1.0, 1.0 - share);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
