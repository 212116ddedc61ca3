//! Strings as rows of bits: SETBIT, BITCOUNT, BITPOS, BITOP and BITFIELD.
//!
//! Bit 0 is the highest bit of the first byte. A string is followed by endless zero bits: reading there is allowed,
//! writing there first makes the string longer, which is the caller's business.

use std::ops::RangeInclusive;

/// The unit that the bounds of BITCOUNT and BITPOS count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Byte,
    Bit,
}

/// The operations of BITOP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    And,
    Or,
    Xor,
    Not,
}

/// An integer inside a string, as BITFIELD names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) is_signed: bool,
    /// 1 to 64 bits, to 63 for an unsigned one: replies are signed.
    pub(crate) width: u8,
    /// Its highest bit.
    pub(crate) offset: u64,
}

/// The way BITFIELD treats a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[inline]
pub(crate) fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8)
        .ok()
        .and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte >> (7 - offset % 8) & 1 == 1)
}

/// Sets a bit that is within the string; returns the old bit.
#[inline]
pub(crate) fn set_bit(bytes: &mut [u8], offset: u64, value: bool) -> bool {
    let byte = &mut bytes[(offset / 8) as usize];
    let mask = 0x80 >> (offset % 8);
    let was = *byte & mask != 0;
    *byte = *byte & !mask | if value { mask } else { 0 };
    was
}

/// How many bits are set.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    let mut blocks = bytes.chunks_exact(BLOCK);
    let mut total = 0;
    for block in &mut blocks {
        // Eight words at a time, which compiles to vector instructions where there are any.
        let words = block
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")).count_ones());
        total += u64::from(words.sum::<u32>());
    }
    let rest = blocks.remainder().iter().map(|byte| byte.count_ones());
    total + u64::from(rest.sum::<u32>())
}

/// BITCOUNT: how many bits are set from `start` to `end`, both included, negative ones counting from the end.
pub(crate) fn count_in(bytes: &[u8], start: i64, end: i64, unit: Unit) -> u64 {
    // Two bounds before the string select nothing if they cross, though both would be moved to its first byte.
    // BITPOS has no such rule.
    if start < 0 && end < 0 && start > end {
        return 0;
    }
    let Some(span) = span(bytes.len(), start, end, unit) else {
        return 0;
    };
    let (first, last) = (*span.start(), *span.end());
    let (first_byte, last_byte) = ((first / 8) as usize, (last / 8) as usize);
    let before = bytes[first_byte] & !(0xff >> (first % 8));
    let after = bytes[last_byte] & (0x7f >> (last % 8));
    let outside = before.count_ones() + after.count_ones();
    count(&bytes[first_byte..=last_byte]) - u64::from(outside)
}

/// BITPOS: the first bit of this value from `start` to `end`, both included, negative ones counting from the end.
/// Without an `end`, the zeros beyond the string count too.
pub(crate) fn find(
    bytes: &[u8],
    value: bool,
    start: i64,
    end: Option<i64>,
    unit: Unit,
) -> Option<u64> {
    let span = span(bytes.len(), start, end.unwrap_or(-1), unit)?;
    let last = *span.end();
    let found = find_from(bytes, value, *span.start()).filter(|found| *found <= last);
    if found.is_none() && !value && end.is_none() {
        return Some(bytes.len() as u64 * 8);
    }
    found
}

/// BITOP: combines strings of which the shorter ones are followed by zeros. NOT takes one.
pub(crate) fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = Vec::with_capacity(len);
    let Some((first, others)) = sources.split_first() else {
        return result;
    };
    if operation == Operation::Not {
        result.extend(first.iter().map(|byte| !byte));
        return result;
    }
    result.extend_from_slice(first);
    result.resize(len, 0);
    for source in others {
        // A plain loop over two slices of one length compiles to vector instructions.
        let (within, beyond) = result.split_at_mut(source.len());
        let pairs = within.iter_mut().zip(*source);
        match operation {
            Operation::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                beyond.fill(0);
            }
            Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Operation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Operation::Not => unreachable!("it takes one source"),
        }
    }
    result
}

impl Field {
    /// Bytes a string needs to hold it.
    pub(crate) fn end_byte(self) -> u64 {
        (self.offset + u64::from(self.width)).div_ceil(8)
    }

    /// The number there; bits beyond the string are zero.
    pub(crate) fn get(self, bytes: &[u8]) -> i64 {
        let raw = self.bits(bytes);
        if self.is_signed {
            self.signed(raw)
        } else {
            raw as i64
        }
    }

    /// Writes the low bits of `value`; the string is long enough.
    pub(crate) fn set(self, bytes: &mut [u8], value: i64) {
        let width = u32::from(self.width);
        let (first, shift) = ((self.offset / 8) as usize, (self.offset % 8) as u32);
        // At most 64 bits from within a byte: nine bytes, so sixteen are a window around them.
        let window = &mut bytes[first..(self.end_byte() as usize)];
        let below = 128 - shift - width;
        let mask = u128::MAX >> (128 - width) << below;
        let field = u128::from(value as u64) << below & mask;
        let (mask, field) = (mask.to_be_bytes(), field.to_be_bytes());
        for (byte, (mask, field)) in window.iter_mut().zip(mask.iter().zip(field)) {
            *byte = *byte & !mask | field;
        }
    }

    /// The number to store when a client asked for `value`; `None` if it does not fit and that is a failure. An
    /// unsigned field takes a negative number for the large one with the same bits.
    pub(crate) fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        let value = if self.is_signed {
            i128::from(value)
        } else {
            i128::from(value as u64)
        };
        // Redis asks how far the value is below the upper bound, in 64 bits. For one that is further below than those
        // can tell, it finds it to be above.
        let most = self.most();
        if overflow == Overflow::Saturate
            && most - value > i128::from(i64::MAX)
            && value < self.least()
        {
            return Some(most as i64);
        }
        self.contain(value, overflow)
    }

    /// `value`, which is what the field holds, plus `increment`.
    pub(crate) fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        self.contain(i128::from(value) + i128::from(increment), overflow)
    }

    fn least(self) -> i128 {
        if self.is_signed {
            -(1 << (self.width - 1))
        } else {
            0
        }
    }

    fn most(self) -> i128 {
        if self.is_signed {
            (1 << (self.width - 1)) - 1
        } else {
            (1 << self.width) - 1
        }
    }

    fn contain(self, value: i128, overflow: Overflow) -> Option<i64> {
        if (self.least()..=self.most()).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(value.clamp(self.least(), self.most()) as i64),
            Overflow::Wrap => {
                let raw = value as u64 & u64::MAX >> (64 - self.width);
                Some(if self.is_signed {
                    self.signed(raw)
                } else {
                    raw as i64
                })
            }
        }
    }

    fn bits(self, bytes: &[u8]) -> u64 {
        let first = usize::try_from(self.offset / 8).unwrap_or(usize::MAX);
        let mut window = [0; 16];
        if let Some(there) = bytes.get(first..) {
            let len = there.len().min(9);
            window[..len].copy_from_slice(&there[..len]);
        }
        let shift = (self.offset % 8) as u32;
        (u128::from_be_bytes(window) << shift >> (128 - u32::from(self.width))) as u64
    }

    fn signed(self, raw: u64) -> i64 {
        let unused = 64 - self.width;
        (raw << unused) as i64 >> unused
    }
}

/// Which bits `start` and `end` select in a string of `len` bytes, if any.
fn span(len: usize, start: i64, end: i64, unit: Unit) -> Option<RangeInclusive<u64>> {
    let bytes = len as i64;
    let total = if unit == Unit::Bit { bytes * 8 } else { bytes };
    let place = |index: i64| {
        if index < 0 {
            (index + total).max(0)
        } else {
            index
        }
    };
    let (start, end) = (place(start), place(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as u64, end as u64);
    Some(match unit {
        Unit::Bit => start..=end,
        Unit::Byte => start * 8..=end * 8 + 7,
    })
}

/// The first bit of this value from `start` on, within the string.
fn find_from(bytes: &[u8], value: bool, start: u64) -> Option<u64> {
    let first = (start / 8) as usize;
    // Looking for a set bit in what has been flipped to make it one.
    let flip = if value { 0 } else { 0xff };
    let head = (bytes[first] ^ flip) & 0xff >> (start % 8);
    if head != 0 {
        return Some(first as u64 * 8 + u64::from(head.leading_zeros()));
    }
    let rest = &bytes[first + 1..];
    let empty = [flip; 32];
    let passed = rest
        .chunks_exact(32)
        .take_while(|block| *block == empty)
        .count()
        * 32;
    let index = passed + rest[passed..].iter().position(|byte| *byte != flip)?;
    let byte = rest[index] ^ flip;
    Some((first + 1 + index) as u64 * 8 + u64::from(byte.leading_zeros()))
}

const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn any_bytes(rng: &mut Rng) -> Vec<u8> {
        let most = if rng.below(4) == 0 { 300 } else { 6 };
        let len = rng.below(most);
        let kind = rng.below(4);
        let byte = |rng: &mut Rng| match kind {
            0 => 0,
            1 => 0xff,
            _ => rng.next_u64() as u8,
        };
        let mut bytes: Vec<u8> = (0..len).map(|_| byte(rng)).collect();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1 << rng.below(8);
        }
        bytes
    }

    fn as_bits(bytes: &[u8]) -> Vec<bool> {
        (0..bytes.len() as u64 * 8)
            .map(|offset| bit(bytes, offset))
            .collect()
    }

    /// The bits a client selects, by the words of the documentation.
    fn selected(bytes: &[u8], start: i64, end: i64, unit: Unit) -> Vec<(u64, bool)> {
        let size = if unit == Unit::Byte { 8 } else { 1 };
        let total = bytes.len() as i64 * 8 / size;
        let start = if start < 0 {
            (start + total).max(0)
        } else {
            start
        };
        let end = if end < 0 { (end + total).max(0) } else { end };
        let all = as_bits(bytes)
            .into_iter()
            .enumerate()
            .map(|(at, bit)| (at as u64, bit));
        all.filter(|(at, _)| (start..=end).contains(&(*at as i64 / size)))
            .collect()
    }

    #[test]
    fn counts_and_positions_agree_with_single_bits() {
        for seed in 0..4000 {
            let mut rng = Rng::from_seed(seed);
            let bytes = any_bytes(&mut rng);
            let reach = bytes.len() as i64 * 9 + 3;
            let (start, end) = (rng.range(-reach, reach), rng.range(-reach, reach));
            let unit = if rng.below(2) == 0 {
                Unit::Byte
            } else {
                Unit::Bit
            };
            let bits = selected(&bytes, start, end, unit);
            let crossed = start < 0 && end < 0 && start > end;
            let set = if crossed {
                0
            } else {
                bits.iter().filter(|(_, bit)| *bit).count()
            };
            assert_eq!(count_in(&bytes, start, end, unit), set as u64);
            for value in [false, true] {
                let first = bits
                    .iter()
                    .find(|(_, bit)| *bit == value)
                    .map(|(at, _)| *at);
                assert_eq!(find(&bytes, value, start, Some(end), unit), first);
                let open = selected(&bytes, start, -1, unit);
                let first = open
                    .iter()
                    .find(|(_, bit)| *bit == value)
                    .map(|(at, _)| *at);
                let beyond = (!value && !open.is_empty()).then_some(bytes.len() as u64 * 8);
                assert_eq!(find(&bytes, value, start, None, unit), first.or(beyond));
            }
        }
    }

    /// Replies of Redis 8.0.6.
    #[test]
    fn bounds_before_the_string() {
        let bytes = b"\xff\xf0";
        assert_eq!(count_in(bytes, -5, -10, Unit::Byte), 0);
        assert_eq!(find(bytes, true, -5, Some(-10), Unit::Byte), Some(0));
        assert_eq!(find(bytes, false, -5, Some(-10), Unit::Byte), None);
        assert_eq!(find(bytes, false, 5, None, Unit::Byte), None);
        assert_eq!(find(b"\xff\xff\xff", false, 0, None, Unit::Byte), Some(24));
        assert_eq!(find(b"\xff\xff\xff", false, 3, None, Unit::Byte), None);
        assert_eq!(find(b"", false, 0, None, Unit::Byte), None);
        assert_eq!(count_in(bytes, i64::MIN, i64::MAX, Unit::Bit), 12);
    }

    #[test]
    fn combinations_agree_with_single_bits() {
        for seed in 0..1000 {
            let mut rng = Rng::from_seed(seed);
            let sources: Vec<Vec<u8>> = (0..=rng.below(4)).map(|_| any_bytes(&mut rng)).collect();
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            let len = slices
                .iter()
                .map(|source| source.len())
                .max()
                .expect("there is one");
            for operation in [Operation::And, Operation::Or, Operation::Xor] {
                let result = combine(operation, &slices);
                assert_eq!(result.len(), len);
                for at in 0..len as u64 * 8 {
                    let mut bits = slices.iter().map(|source| bit(source, at));
                    let expected = match operation {
                        Operation::And => bits.all(|bit| bit),
                        Operation::Or => bits.any(|bit| bit),
                        _ => bits.filter(|bit| *bit).count() % 2 == 1,
                    };
                    assert_eq!(bit(&result, at), expected);
                }
            }
            let flipped = combine(Operation::Not, &slices[..1]);
            assert!(
                flipped
                    .iter()
                    .zip(slices[0])
                    .all(|(one, other)| *one == !other)
            );
        }
    }

    #[test]
    fn fields_agree_with_single_bits() {
        for seed in 0..4000 {
            let mut rng = Rng::from_seed(seed);
            let is_signed = rng.below(2) == 0;
            let width = 1 + rng.below(if is_signed { 64 } else { 63 }) as u8;
            let field = Field {
                is_signed,
                width,
                offset: rng.below(100),
            };
            let mut bytes: Vec<u8> = (0..30).map(|_| rng.next_u64() as u8).collect();
            let before = as_bits(&bytes);
            let value = rng.next_u64() as i64;
            field.set(&mut bytes, value);
            let stored = field
                .fit(value, Overflow::Wrap)
                .expect("wrapping never fails");
            assert_eq!(field.get(&bytes), stored);
            for (at, (was, is)) in before.iter().zip(as_bits(&bytes)).enumerate() {
                let place = (at as u64).checked_sub(field.offset);
                match place.filter(|place| *place < u64::from(width)) {
                    Some(place) => {
                        let shift = u64::from(width) - 1 - place;
                        assert_eq!(is, value >> shift & 1 == 1);
                    }
                    None => assert_eq!(*was, is),
                }
            }
            let short = &bytes[..rng.below(20) as usize];
            let mut long = short.to_vec();
            long.resize(40, 0);
            assert_eq!(field.get(short), field.get(&long));
            assert!(field.end_byte() <= 21);
        }
    }

    #[test]
    fn numbers_that_do_not_fit() {
        let field = |is_signed, width| Field {
            is_signed,
            width,
            offset: 0,
        };
        let outcomes = |field: Field, value, increment| {
            let each = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail];
            each.map(|overflow| field.add(value, increment, overflow))
        };
        assert_eq!(
            outcomes(field(false, 8), 250, 10),
            [Some(4), Some(255), None]
        );
        assert_eq!(
            outcomes(field(false, 8), 5, -10),
            [Some(251), Some(0), None]
        );
        assert_eq!(
            outcomes(field(true, 8), 120, 10),
            [Some(-126), Some(127), None]
        );
        assert_eq!(
            outcomes(field(true, 8), -120, -10),
            [Some(126), Some(-128), None]
        );
        assert_eq!(
            outcomes(field(true, 64), i64::MAX, 1),
            [Some(i64::MIN), Some(i64::MAX), None]
        );
        assert_eq!(
            outcomes(field(false, 63), i64::MAX, 1),
            [Some(0), Some(i64::MAX), None]
        );
        assert_eq!(outcomes(field(true, 1), 0, 1), [Some(-1), Some(0), None]);
        assert_eq!(
            outcomes(field(false, 63), 0, -129),
            [Some(i64::MAX - 128), Some(0), None]
        );
        assert_eq!(field(false, 8).fit(-1, Overflow::Saturate), Some(255));
        assert_eq!(field(false, 8).fit(-1, Overflow::Wrap), Some(255));
        assert_eq!(field(false, 8).fit(-1, Overflow::Fail), None);
        assert_eq!(
            field(false, 63).fit(i64::MIN, Overflow::Saturate),
            Some(i64::MAX)
        );
        assert_eq!(
            field(true, 64).fit(i64::MIN, Overflow::Fail),
            Some(i64::MIN)
        );
    }

    #[test]
    fn single_bits() {
        let mut bytes = vec![0; 3];
        assert!(!set_bit(&mut bytes, 9, true));
        assert_eq!(bytes, [0, 0x40, 0]);
        assert!(set_bit(&mut bytes, 9, false));
        assert_eq!(bytes, [0, 0, 0]);
        assert!(!bit(&bytes, u64::MAX));
    }
}
