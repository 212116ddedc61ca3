//! Integers as decimal text.
//!
//! Parsing accepts only the canonical text of a number, the one `format` would print: a value such as `"01"` or `"+1"`
//! must stay a string, because turning it into an integer and back would change the bytes a client stored.
//! [`parse_u64_loosely`] and [`leading_i32`] are the exceptions, for numbers that nobody stores.

use super::text::is_space;

/// Reads the canonical text of an `i64`: an optional minus sign, no plus, no leading zero, no space, not `-0`.
#[inline]
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (&first, rest) = text.split_first()?;
    if first == b'-' {
        let magnitude = digits(rest)?;
        if magnitude == 0 || magnitude > i64::MIN.unsigned_abs() {
            return None;
        }
        return Some(0i64.wrapping_sub_unsigned(magnitude));
    }
    i64::try_from(digits(text)?).ok()
}

/// Reads the canonical text of a `u64`: digits only, no leading zero.
#[inline]
pub(crate) fn parse_u64(text: &[u8]) -> Option<u64> {
    digits(text)
}

/// Reads a `u64` as Redis reads cursors and the numbers of stream IDs, which is `strtoull` on the whole text: white
/// space in front, a sign and leading zeros are welcome, and a minus wraps around. A canonical negative number is
/// refused.
pub(crate) fn parse_u64_loosely(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_u64(text) {
        return Some(number);
    }
    if parse_i64(text).is_some() {
        return None;
    }
    let spaces = text.iter().take_while(|byte| is_space(**byte)).count();
    let (is_negative, digits) = match &text[spaces..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}

/// The number at the beginning of a text as C's `atoi` reads it, 0 if there is none: beyond 64 bits it is the nearest
/// there is, of which the lower 32 bits are taken.
pub(crate) fn leading_i32(text: &[u8]) -> i32 {
    let start = text.iter().take_while(|byte| is_space(**byte)).count();
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let digit = if is_negative { -digit } else { digit };
        number.saturating_mul(10).saturating_add(digit)
    });
    number as i32
}

/// How many bytes the decimal text of `value` takes, its minus sign included.
#[inline]
pub(crate) fn digits_len(value: i64) -> usize {
    digits_len_u64(value.unsigned_abs()) + usize::from(value < 0)
}

/// How many decimal digits `value` has; zero has one.
#[inline]
pub(crate) fn digits_len_u64(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Prints into the end of `buf` and returns the text.
#[inline]
pub(crate) fn format_i64(value: i64, buf: &mut [u8; 20]) -> &[u8] {
    let mut at = fill_digits(value.unsigned_abs(), buf);
    if value < 0 {
        at -= 1;
        buf[at] = b'-';
    }
    &buf[at..]
}

/// Prints into the end of `buf` and returns the text.
#[inline]
pub(crate) fn format_u64(value: u64, buf: &mut [u8; 20]) -> &[u8] {
    let at = fill_digits(value, buf);
    &buf[at..]
}

/// Appends the decimal text of `value`.
#[inline]
pub(crate) fn push_u64(out: &mut Vec<u8>, value: u64) {
    let mut buf = [0; 20];
    out.extend_from_slice(format_u64(value, &mut buf));
}

#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    let (&first, rest) = text.split_first()?;
    let mut value = u64::from(first.wrapping_sub(b'0'));
    if value > 9 || (value == 0 && !rest.is_empty()) || text.len() > 20 {
        return None;
    }
    // Nineteen digits cannot overflow, so only the twentieth needs the careful arithmetic.
    let (safe, last) = rest.split_at(rest.len().min(18));
    for &byte in safe {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for &byte in last {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Writes the digits at the end of `buf` and returns where they start. Two digits per division: dividing is what costs.
#[inline]
pub(crate) fn fill_digits(mut value: u64, buf: &mut [u8]) -> usize {
    let mut at = buf.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        buf[at] = PAIRS[pair];
        buf[at + 1] = PAIRS[pair + 1];
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        buf[at] = PAIRS[pair];
        buf[at + 1] = PAIRS[pair + 1];
    } else {
        at -= 1;
        buf[at] = b'0' + value as u8;
    }
    at
}

/// The two digits of a number below 100.
#[inline]
pub(crate) fn two_digits(value: u8) -> [u8; 2] {
    let pair = usize::from(value) * 2;
    [PAIRS[pair], PAIRS[pair + 1]]
}

/// The digits of a number below a hundred million, without zeros in front: the first is the lowest byte, and how many
/// there are. All eight are made at once: each step splits every part of the word in two, and multiplies instead of
/// dividing.
#[inline]
pub(crate) fn eight_digits(value: u32) -> (u64, u32) {
    debug_assert!(value < 100_000_000);
    let value = u64::from(value);
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    // 10,486 in 2^20 is a hundredth, and exact below 10,000.
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    // 103 in 2^10 is a tenth, and exact below 100.
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - tens * 10) << 8);
    // Zero has one digit, too.
    let zeros = (digits | (1 << 56)).trailing_zeros() / 8;
    ((digits | 0x3030_3030_3030_3030) >> (8 * zeros), 8 - zeros)
}

/// `00 01 02 ... 99`.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut i = 0;
    while i < 100 {
        pairs[i * 2] = b'0' + (i / 10) as u8;
        pairs[i * 2 + 1] = b'0' + (i % 10) as u8;
        i += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn leading_numbers_are_read_as_atoi_reads_them() {
        for (text, number) in [
            ("12ab", 12),
            (" \x0b\t-7 8", -7),
            ("+3", 3),
            ("", 0),
            ("x1", 0),
            ("--1", 0),
            ("4294967297", 1),
            ("99999999999999999999", -1),
            ("-99999999999999999999", 0),
        ] {
            assert_eq!(leading_i32(text.as_bytes()), number, "{text}");
        }
    }

    #[test]
    fn eight_digits_are_those_of_the_number() {
        let mut rng = Rng::from_seed(8);
        let mut values: Vec<u32> = (0..20_000).collect();
        values.extend((1..9).flat_map(|power| [10_u32.pow(power) - 1, 10_u32.pow(power - 1)]));
        values.extend((0..20_000).map(|_| rng.below(100_000_000) as u32 >> rng.below(20)));
        for value in values {
            let (digits, count) = eight_digits(value);
            let text = value.to_string();
            let written = &digits.to_le_bytes()[..count as usize];
            assert_eq!(written, text.as_bytes(), "{value}");
        }
    }

    #[test]
    fn only_canonical_text_is_a_number() {
        let some: &[(&str, i64)] = &[
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("100", 100),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("1000000000000000000", 1_000_000_000_000_000_000),
        ];
        for (text, value) in some {
            assert_eq!(parse_i64(text.as_bytes()), Some(*value), "{text}");
        }
        let none = [
            "",
            "-",
            "+",
            "01",
            "-01",
            "00",
            "-0",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "0x1",
            "1e3",
            "a",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "-99999999999999999999",
            "1\0",
        ];
        for text in none {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn a_loose_number_is_what_strtoull_reads() {
        let read = [
            (&b"0"[..], 0),
            (b"00", 0),
            (b" \t\n\x0b\x0c\r5", 5),
            (b"+7", 7),
            (b"-0", 0),
            (b" -1", u64::MAX),
            (b"18446744073709551615", u64::MAX),
            (b"-18446744073709551615", 1),
        ];
        for (text, number) in read {
            assert_eq!(parse_u64_loosely(text), Some(number), "{text:?}");
        }
        let refused = [
            &b""[..],
            b" ",
            b"+",
            b"-",
            b"-1",
            b"5x",
            b"5 ",
            b"0x1",
            b"--1",
            b"18446744073709551616",
            b"-18446744073709551616",
        ];
        for text in refused {
            assert_eq!(parse_u64_loosely(text), None, "{text:?}");
        }
    }

    #[test]
    fn text_and_number_agree() {
        let mut rng = Rng::from_seed(1);
        let edges = [0, 1, -1, 9, 10, 99, 100, -100, i64::MAX, i64::MIN];
        let random = (0..20_000).map(|_| rng.next_u64() as i64 >> rng.below(64));
        for value in random.chain(edges) {
            let mut buf = [0; 20];
            let text = format_i64(value, &mut buf).to_vec();
            assert_eq!(text, value.to_string().as_bytes());
            assert_eq!(digits_len(value), text.len());
            assert_eq!(parse_i64(&text), Some(value));
            let mut pushed = Vec::new();
            push_u64(&mut pushed, value as u64);
            assert_eq!(pushed, (value as u64).to_string().as_bytes());
            assert_eq!(parse_u64(&pushed), Some(value as u64));
        }
    }
}
