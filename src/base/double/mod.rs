//! Doubles as text, and back.
//!
//! Printing follows Redis to the digit, because these texts are scores that clients compare and files that other
//! servers load: whole numbers as integers while they are below 2^62, everything else by few digits (`shortest`) in the
//! layout below.
//!
//! ```text
//! 100  -4611686018427387904    whole, at most 2^62
//! 123456789012345680000        whole, at most 7 zeros behind the digits
//! 0.000015  471.69283383125253 up to 6 places, or not far below 1
//! 1.234e-6  5e+18              the rest: no zeros in the exponent, but always its sign
//! inf -inf nan -0
//! ```
//!
//! Parsing has two doors, for Redis has two: [`parse_f64`] reads arguments and stored values, [`parse_bound`] the ends
//! of score ranges.

mod powers;
mod shortest;

use super::num;

/// Reads a double as ZADD, ZINCRBY, GEOADD or configuration accept it: decimal or hexadecimal, `inf` and `infinity` in
/// any case, no nan, no space. Digits that would round to infinity or, not being zero, to zero are refused.
pub(crate) fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = small_integer(text) {
        return Some(value);
    }
    if let Some((negative, digits)) = hexadecimal_part(text) {
        let magnitude = parse_hexadecimal(digits)?;
        return Some(if negative { -magnitude } else { magnitude });
    }
    let value = decimal(text)?;
    let spelled_out = text.iter().all(|byte| !byte.is_ascii_digit());
    if value.is_infinite() && !spelled_out {
        return None;
    }
    if value == 0.0 && has_nonzero_digit(text) {
        return None;
    }
    Some(value)
}

/// Reads one end of a score range (without its parenthesis): decimal only, nothing stands for 0, digits too large
/// for a double stand for infinity and those too small for zero.
pub(crate) fn parse_bound(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    decimal(text)
}

/// Appends a double the way scores and RESP3 doubles look.
pub(crate) fn push_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(format_f64(value, &mut [0; TEXT_BYTES]));
}

/// The same text in a buffer on the stack.
pub(crate) fn format_f64(value: f64, buf: &mut [u8; TEXT_BYTES]) -> &[u8] {
    format(value, buf, |text, value| {
        if value <= WHOLE_MAX && value == value.trunc() {
            text.push(num::format_u64(value as u64, &mut [0; 20]));
        } else {
            push_shortest_magnitude(text, value);
        }
    })
}

/// Appends the fewest digits that say the same double; whole numbers too get an exponent where that is shorter.
pub(crate) fn push_shortest(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(format(value, &mut [0; TEXT_BYTES], push_shortest_magnitude));
}

fn format(
    value: f64,
    buf: &mut [u8; TEXT_BYTES],
    push_finite: impl FnOnce(&mut Text<'_>, f64),
) -> &[u8] {
    let mut text = Text { buf, len: 0 };
    if value.is_nan() {
        text.push(b"nan");
    } else {
        if value.is_sign_negative() {
            text.push(b"-");
        }
        if value.is_infinite() {
            text.push(b"inf");
        } else {
            push_finite(&mut text, value.abs());
        }
    }
    let len = text.len;
    &buf[..len]
}

fn push_shortest_magnitude(text: &mut Text<'_>, value: f64) {
    if value == 0.0 {
        text.push(b"0");
        return;
    }
    let number = shortest::shortest(value);
    let digits = number.as_bytes();
    let len = digits.len() as i32;
    let exponent = number.exponent;
    // The place of the first digit, as a power of ten.
    let magnitude = exponent + len - 1;

    if exponent >= 0 && magnitude < len + 7 {
        text.push(digits);
        text.push(&b"0000000"[..exponent as usize]);
    } else if exponent < 0 && (exponent > -7 || magnitude.abs() < 4) {
        let whole = len + exponent;
        if whole > 0 {
            let (whole, fraction) = digits.split_at(whole as usize);
            text.push(whole);
            text.push(b".");
            text.push(fraction);
        } else {
            text.push(b"0.");
            text.push(&b"000000"[..-whole as usize]);
            text.push(digits);
        }
    } else {
        text.push(&digits[..1]);
        if digits.len() > 1 {
            text.push(b".");
            text.push(&digits[1..]);
        }
        text.push(if magnitude < 0 { b"e-" } else { b"e+" });
        let power = u64::from(magnitude.unsigned_abs());
        text.push(num::format_u64(power, &mut [0; 20]));
    }
}

/// A text being written.
struct Text<'a> {
    buf: &'a mut [u8; TEXT_BYTES],
    len: usize,
}

impl Text<'_> {
    fn push(&mut self, piece: &[u8]) {
        self.buf[self.len..self.len + piece.len()].copy_from_slice(piece);
        self.len += piece.len();
    }
}

/// Room for any double's text: a sign, `0.000000` or an exponent, and eighteen digits.
pub(crate) const TEXT_BYTES: usize = 32;

/// Most scores are small whole numbers; their digits are the double.
fn small_integer(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    let value = value as f64;
    Some(if digits.len() < text.len() {
        -value
    } else {
        value
    })
}

/// The standard library reads exactly C's decimal grammar, and rounds correctly; only its nan is one too many.
fn decimal(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// Whether there is a digit other than 0 in front of the exponent.
fn has_nonzero_digit(text: &[u8]) -> bool {
    text.iter()
        .take_while(|&&byte| byte != b'e' && byte != b'E')
        .any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Whether the text begins with a minus, and what follows its sign, if it has one.
pub(super) fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The sign, and what follows `0x`, if anything does.
pub(super) fn hexadecimal_part(text: &[u8]) -> Option<(bool, &[u8])> {
    let (negative, rest) = split_sign(text);
    match rest {
        [b'0', b'x' | b'X', digits @ ..] => Some((negative, digits)),
        _ => None,
    }
}

/// A hexadecimal number as C writes it, read without rounding: `1.8p3`.
pub(super) struct Hexadecimal {
    /// The leading digits, the first not zero unless all are.
    pub(crate) significand: u128,
    /// Whether digits that did not fit were not all zero.
    pub(crate) inexact: bool,
    /// The power of two that the significand's last bit counts.
    pub(crate) exponent: i64,
}

/// Reads what follows `0x`.
pub(super) fn hexadecimal(text: &[u8]) -> Option<Hexadecimal> {
    let mut number = Hexadecimal {
        significand: 0,
        inexact: false,
        exponent: 0,
    };
    let (digits, power) = match text.iter().position(|&byte| matches!(byte, b'p' | b'P')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut any = false;
    let mut behind_point = false;
    for &byte in digits {
        if byte == b'.' && !behind_point {
            behind_point = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16)?;
        any = true;
        if number.significand >> 124 == 0 {
            number.significand = number.significand << 4 | u128::from(digit);
            number.exponent -= if behind_point { 4 } else { 0 };
        } else {
            number.inexact |= digit != 0;
            number.exponent += if behind_point { 0 } else { 4 };
        }
    }
    if !any {
        return None;
    }
    if let Some(power) = power {
        number.exponent = number.exponent.saturating_add(clamped_exponent(power)?);
    }
    Some(number)
}

/// The number behind `e` or `p`. An exponent that is out of every format's range is only known to be so.
pub(super) fn clamped_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |value, &byte| {
        (value * 10 + i64::from(byte - b'0')).min(EXPONENT_CLAMP)
    });
    Some(if negative { -magnitude } else { magnitude })
}

fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let number = hexadecimal(text)?;
    if number.significand == 0 {
        return Some(0.0);
    }
    let shift = number.significand.leading_zeros();
    let significand = number.significand << shift;
    // The value is 1.xxx * 2^exponent; below -1022 doubles lose bits.
    let exponent = number.exponent - i64::from(shift) + 127;
    if exponent > 1023 {
        return None;
    }
    let dropped = 75 + (-1022 - exponent).clamp(0, 60) as u32;
    let kept = round_shift(significand, dropped, number.inexact) as u64;
    if kept == 0 {
        return None;
    }
    let biased = (exponent + 1022).max(0) as u64;
    // Rounding up to the next power of two carries into the exponent, which is just what it must do; so does a normal
    // number's leading bit, for which `biased` is one less than usual.
    let value = f64::from_bits((biased << 52) + kept);
    value.is_finite().then_some(value)
}

/// `value >> bits`, rounded to nearest, ties to even; `more` says that `value` is a little too small.
pub(super) fn round_shift(value: u128, bits: u32, more: bool) -> u128 {
    if bits == 0 {
        return value;
    }
    if bits > 128 {
        return 0;
    }
    let kept = value.checked_shr(bits).unwrap_or(0);
    let rest = value << (128 - bits);
    let half = 1 << 127;
    let up = rest > half || (rest == half && (more || kept & 1 == 1));
    kept + u128::from(up)
}

/// Up to here a whole double is printed as an integer: 2^62.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

/// Exponents beyond this mean zero or infinity in any format, even behind a text of many megabytes of zeros.
const EXPONENT_CLAMP: i64 = 1 << 40;

/// Appends a double as `%.17g` prints it: 17 significant digits, trailing zeros cut, an exponent of at least two
/// digits where one is needed.
pub(crate) fn push_general(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        push_f64(out, value);
        return;
    }
    let scientific = format!("{value:.16e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the format's exponent is a number");
    let trimmed = |text: &str| {
        let has_fraction = text.contains('.');
        if has_fraction {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    let text = if (-4..17).contains(&exponent) {
        let decimals = (16 - exponent) as usize;
        trimmed(&format!("{value:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
    };
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
