//! The 80-bit arithmetic of INCRBYFLOAT.
//!
//! Redis adds in C's `long double`, which on x86-64 has a significand of 64 bits, and prints the sum with 17 places and
//! no trailing zeros. So `0.1 + 0.2` is `0.3` there, and it must be here, on every machine. A double has only 53 bits,
//! hence this small software version: read text, add, multiply, print; each result rounded once, to nearest, ties to
//! even, as the processor does.
//!
//! ```text
//! value = significand * 2^exponent        exponent -16445 ..= 16320
//! ```
//!
//! The significand's highest bit is set, unless the exponent is the lowest one (subnormal numbers and zero).
//! An exponent above the highest means infinity; there is no nan, the sum of opposite infinities is infinite
//! too, which callers refuse all the same.

pub(super) mod natural;

use std::ops::{Add, Mul};

use super::double::{self, round_shift};
use natural::{Natural, QUOTIENT_BITS};

/// An extended-precision number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LongDouble {
    negative: bool,
    exponent: i32,
    significand: u64,
}

/// Reads a number as INCRBYFLOAT and blocking commands' timeouts accept it: decimal or hexadecimal, `inf` and
/// `infinity` in any case; no nan, no space. Digits that would round to infinity or, not being zero, to zero are
/// refused, and so are texts beyond five thousand bytes.
pub(crate) fn parse(text: &[u8]) -> Option<LongDouble> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    if let Some((negative, digits)) = double::hexadecimal_part(text) {
        return parse_hexadecimal(negative, digits);
    }
    let (negative, magnitude) = double::split_sign(text);
    if magnitude.eq_ignore_ascii_case(b"inf") || magnitude.eq_ignore_ascii_case(b"infinity") {
        return Some(LongDouble::infinity(negative));
    }
    parse_decimal(negative, magnitude)
}

impl LongDouble {
    pub(crate) const ZERO: LongDouble = LongDouble {
        negative: false,
        exponent: EXPONENT_MIN,
        significand: 0,
    };

    pub(crate) fn is_finite(self) -> bool {
        self.exponent <= EXPONENT_MAX
    }

    pub(crate) fn is_negative(self) -> bool {
        self.negative && self.significand != 0
    }

    /// The next whole number upwards, if an `i64` holds it.
    pub(crate) fn ceil_to_i64(self) -> Option<i64> {
        if !self.is_finite() || self.exponent > 0 {
            return None;
        }
        let bits = self.exponent.unsigned_abs();
        let whole = self.significand.checked_shr(bits).unwrap_or(0);
        let exact = whole.checked_shl(bits).unwrap_or(0) == self.significand;
        let whole = i128::from(whole);
        let up = if self.negative {
            -whole
        } else {
            whole + i128::from(!exact)
        };
        i64::try_from(up).ok()
    }

    /// The number with 17 places and no trailing zeros, as Redis shows extended numbers to people. Never `-0`.
    pub(crate) fn text(self) -> String {
        let sign = if self.negative { "-" } else { "" };
        if !self.is_finite() {
            return format!("{sign}inf");
        }
        let (whole, fraction) = if self.exponent >= 0 {
            let mut whole = Natural::from_u64(self.significand);
            whole.shift_left(self.exponent as u32);
            (whole.into_decimal(), 0)
        } else {
            let (whole, fraction) = self.whole_and_places();
            (whole.to_string(), fraction)
        };
        if fraction > 0 {
            let places = format!("{fraction:017}");
            return format!("{sign}{whole}.{}", places.trim_end_matches('0'));
        }
        match whole.as_str() {
            "" | "0" => "0".to_owned(),
            whole => format!("{sign}{whole}"),
        }
    }

    /// A number with a fraction, rounded to 17 places. A number with a fraction is below 2^64.
    fn whole_and_places(self) -> (u128, u64) {
        let bits = self.exponent.unsigned_abs();
        let whole = u128::from(self.significand.checked_shr(bits).unwrap_or(0));
        let fraction = if bits < 64 {
            self.significand & ((1 << bits) - 1)
        } else {
            self.significand
        };
        // Below 2^121. Shifting by more than that leaves less than half of the last place.
        let scaled = u128::from(fraction) * u128::from(PLACES);
        let rounded = round_shift(scaled, bits, false) as u64;
        if rounded == PLACES {
            (whole + 1, 0)
        } else {
            (whole, rounded)
        }
    }

    fn infinity(negative: bool) -> LongDouble {
        LongDouble {
            negative,
            exponent: EXPONENT_MAX + 1,
            significand: 1 << 63,
        }
    }

    /// The number nearest to `value * 2^exponent`, where `more` says that `value` is a little too small.
    fn rounded(negative: bool, value: u128, exponent: i64, more: bool) -> LongDouble {
        if value == 0 {
            return LongDouble {
                negative,
                ..LongDouble::ZERO
            };
        }
        let shift = value.leading_zeros();
        let value = value << shift;
        let mut exponent = exponent - i64::from(shift) + 64;
        let below = (i64::from(EXPONENT_MIN) - exponent).clamp(0, 1000);
        exponent += below;
        let mut kept = round_shift(value, 64 + below as u32, more);
        if kept >> 64 == 1 {
            kept >>= 1;
            exponent += 1;
        }
        if exponent > i64::from(EXPONENT_MAX) {
            return LongDouble::infinity(negative);
        }
        LongDouble {
            negative,
            exponent: exponent.max(i64::from(EXPONENT_MIN)) as i32,
            significand: kept as u64,
        }
    }
}

impl Add for LongDouble {
    type Output = LongDouble;

    fn add(self, other: LongDouble) -> LongDouble {
        let (large, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        if !large.is_finite() {
            return large;
        }
        // One bit of headroom for the carry; 63 below the significand keep what the smaller number loses by shifting,
        // and whatever falls out even there only matters as not being zero.
        let distance = (large.exponent - small.exponent) as u32;
        let high = u128::from(large.significand) << 63;
        let wide = u128::from(small.significand) << 63;
        let low = wide.checked_shr(distance).unwrap_or(0);
        let lost = wide != low.checked_shl(distance).unwrap_or(0);
        let exponent = i64::from(large.exponent) - 63;
        if large.negative == small.negative {
            return LongDouble::rounded(large.negative, high + low, exponent, lost);
        }
        if high >= low {
            let difference = high - low - u128::from(lost);
            let negative = large.negative && difference != 0;
            return LongDouble::rounded(negative, difference, exponent, lost);
        }
        LongDouble::rounded(small.negative, low - high, exponent, false)
    }
}

impl Mul for LongDouble {
    type Output = LongDouble;

    fn mul(self, other: LongDouble) -> LongDouble {
        let negative = self.negative != other.negative;
        if !self.is_finite() || !other.is_finite() {
            return LongDouble::infinity(negative);
        }
        let product = u128::from(self.significand) * u128::from(other.significand);
        let exponent = i64::from(self.exponent) + i64::from(other.exponent);
        LongDouble::rounded(negative, product, exponent, false)
    }
}

impl From<i64> for LongDouble {
    fn from(value: i64) -> LongDouble {
        LongDouble::rounded(value < 0, u128::from(value.unsigned_abs()), 0, false)
    }
}

impl From<f64> for LongDouble {
    /// Exact; a nan becomes infinite.
    fn from(value: f64) -> LongDouble {
        let negative = value.is_sign_negative();
        if !value.is_finite() {
            return LongDouble::infinity(negative);
        }
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let (significand, exponent) = match bits >> 52 & 0x7ff {
            0 => (fraction, -1074),
            biased => (fraction | 1 << 52, biased as i64 - 1075),
        };
        LongDouble::rounded(negative, u128::from(significand), exponent, false)
    }
}

fn parse_hexadecimal(negative: bool, text: &[u8]) -> Option<LongDouble> {
    let number = double::hexadecimal(text)?;
    let significand = number.significand;
    let value = LongDouble::rounded(negative, significand, number.exponent, number.inexact);
    in_range(value, significand == 0)
}

fn parse_decimal(negative: bool, text: &[u8]) -> Option<LongDouble> {
    let (mantissa, exponent) = match text.iter().position(|&byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], double::clamped_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.iter().position(|&byte| byte == b'.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    let digits = || whole.iter().chain(fraction).copied();
    if whole.len() + fraction.len() == 0 || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent - fraction.len() as i64;
    let leading_zeros = digits().take_while(|&digit| digit == b'0').count();
    let count = whole.len() + fraction.len() - leading_zeros;
    let digits = digits().skip(leading_zeros);
    if count == 0 {
        return Some(LongDouble {
            negative,
            ..LongDouble::ZERO
        });
    }

    // Two products and a quotient of machine words serve nearly every number that people write.
    if count <= 38 {
        let value = digits
            .clone()
            .fold(0u128, |value, digit| value * 10 + u128::from(digit - b'0'));
        if exponent >= 0 && count as i64 + exponent <= 38 {
            let value = value * 10u128.pow(exponent as u32);
            return Some(LongDouble::rounded(negative, value, 0, false));
        }
        if (-18..0).contains(&exponent) {
            let shift = value.leading_zeros();
            let divisor = 10u128.pow(exponent.unsigned_abs() as u32);
            let (value, divisor) = (value << shift, divisor);
            let inexact = value % divisor != 0;
            let exponent = -i64::from(shift);
            return Some(LongDouble::rounded(
                negative,
                value / divisor,
                exponent,
                inexact,
            ));
        }
    }
    // The first digit counts 10^magnitude; outside these bounds the number is certainly out of range.
    let magnitude = exponent + count as i64 - 1;
    if !(-4960..=4940).contains(&magnitude) {
        return None;
    }
    in_range(
        parse_long(negative, Natural::from_digits(digits), exponent),
        false,
    )
}

/// `number * 10^exponent`, rounded.
fn parse_long(negative: bool, mut number: Natural, exponent: i64) -> LongDouble {
    if exponent >= 0 {
        number.scale_decimal(exponent as u32);
        let (value, shift, inexact) = number.leading();
        return LongDouble::rounded(negative, value, i64::from(shift), inexact);
    }
    let mut divisor = Natural::from_u64(1);
    divisor.scale_decimal(exponent.unsigned_abs() as u32);
    // Move one of them so that the quotient has as many bits as the division yields, or one less.
    let shift =
        i64::from(divisor.bit_len()) - i64::from(number.bit_len()) + i64::from(QUOTIENT_BITS - 1);
    if shift >= 0 {
        number.shift_left(shift as u32);
    } else {
        divisor.shift_left(shift.unsigned_abs() as u32);
    }
    let (quotient, inexact) = number.divide(&divisor);
    LongDouble::rounded(negative, quotient, -shift, inexact)
}

/// Refuses what C's `strtold` calls out of range.
fn in_range(value: LongDouble, zero_is_meant: bool) -> Option<LongDouble> {
    let vanished = value.significand == 0 && !zero_is_meant;
    (value.is_finite() && !vanished).then_some(value)
}

const EXPONENT_MIN: i32 = -16_445;
const EXPONENT_MAX: i32 = 16_320;

/// 10^17: the places behind the point.
const PLACES: u64 = 100_000_000_000_000_000;

/// Redis copies such texts to a buffer of 5 KiB, its closing zero included.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn sum(one: &str, other: &str) -> String {
        match (parse(one.as_bytes()), parse(other.as_bytes())) {
            (Some(one), Some(other)) if (one + other).is_finite() => (one + other).text(),
            (Some(_), Some(_)) => "infinite".to_owned(),
            _ => "refused".to_owned(),
        }
    }

    /// INCRBYFLOAT of a Redis 8.0.6 gave these.
    #[test]
    fn sums_are_those_of_the_processor() {
        let cases: &[(&str, &str, &str)] = &[
            ("0.1", "0.2", "0.3"),
            ("3.0", "1.1", "4.1"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1", "0"),
            ("0", "-0", "0"),
            ("0", "+5", "5"),
            ("0", "5.", "5"),
            ("0", "0x10", "16"),
            ("0", "0x1p-3", "0.125"),
            ("0", "0x1.ffffffffffffffffp0", "2"),
            ("0", "0.000000000000000005", "0"),
            ("0", "0.0000000000000000051", "0.00000000000000001"),
            ("0", "0.000000000000000015", "0.00000000000000002"),
            ("0", "-0.000000000000000001", "0"),
            (
                "0",
                "123456789012345678901234567890",
                "123456789012345678899921813504",
            ),
            (
                "900.0000000000",
                "0x24939fc2a65adcd.64d981ff2bp-46",
                "3240.90601596765119141",
            ),
            (
                "0x2bea2f2448f4ba8.c8a29ee7b7p-9",
                "104.0000000000000008",
                "386278505990157.82965087890625",
            ),
            (
                "0x338f11a2bc40e79.7fc9887d64p4",
                "-0x678ab275efc08537p-52",
                "3715207608244691231.25",
            ),
            (
                "0x40ac01337e665d9.7cdf1add7fp37",
                "244643e-2255",
                "40029963083596602898175229952",
            ),
            ("0", "3e-4951", "0"),
            ("0", "1.8e-4951", "refused"),
            ("0", "1e-5000", "refused"),
            ("0", "1e5000", "refused"),
            ("0", "1.18973149535723176509e+4932", "refused"),
            ("1.1e4932", "1.1e4932", "infinite"),
            ("0", "inf", "infinite"),
            ("inf", "-Infinity", "infinite"),
            ("0", "nan", "refused"),
            ("0", "", "refused"),
            ("0", " 1", "refused"),
            ("0", "1 ", "refused"),
            ("0", "1e", "refused"),
            ("0", "0x", "refused"),
            ("0", "1\0", "refused"),
            ("0", "0x1p16384", "refused"),
            ("0", "0x1p-16446", "refused"),
        ];
        for (one, other, expected) in cases {
            assert_eq!(sum(one, other), *expected, "{one} + {other}");
        }
        assert_eq!(sum("0", &format!("{}1", "0".repeat(5118))), "1");
        assert_eq!(sum("0", &format!("{}1", "0".repeat(5119))), "refused");
        let long = sum("0", "1e4932");
        assert!(long.starts_with("10000000000000000000060189493879638913238377742545331147737850"));
        assert_eq!(long.len(), 4933);
    }

    #[test]
    fn whole_numbers_add_as_integers() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..20_000 {
            let one = rng.next_u64() as i64 >> rng.below(63);
            let other = rng.next_u64() as i64 >> rng.below(63);
            if let Some(sum) = one.checked_add(other) {
                assert_eq!(
                    (LongDouble::from(one) + other.into()).text(),
                    sum.to_string()
                );
            }
            let product = i128::from(one >> 32) * i128::from(other >> 32);
            let multiplied = LongDouble::from(one >> 32) * (other >> 32).into();
            assert_eq!(multiplied.text(), product.to_string());
            assert_eq!(multiplied.ceil_to_i64(), i64::try_from(product).ok());
        }
    }

    /// Small decimals are added exactly as far as 17 places show; from a hundred on, 64 bits are too few for that.
    #[test]
    fn short_decimals_add_as_decimals() {
        let mut rng = Rng::from_seed(2);
        let text = |value: i64| {
            format!(
                "{}{}.{:04}",
                if value < 0 { "-" } else { "" },
                value.abs() / 10_000,
                value.abs() % 10_000
            )
        };
        for _ in 0..20_000 {
            let (one, other) = (rng.range(-39_999, 39_999), rng.range(-39_999, 39_999));
            let expected = text(one + other);
            let expected = expected.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(sum(&text(one), &text(other)), expected);
        }
    }

    #[test]
    fn doubles_widen_exactly() {
        let mut rng = Rng::from_seed(3);
        for _ in 0..20_000 {
            let value = f64::from_bits(rng.next_u64());
            let (mantissa, exponent) = (
                value.to_bits() & ((1 << 52) - 1),
                value.to_bits() >> 52 & 0x7ff,
            );
            if exponent == 0x7ff {
                continue;
            }
            let sign = if value < 0.0 { "-" } else { "" };
            let hexadecimal = format!("{sign}0x1.{mantissa:013x}p{}", exponent as i64 - 1023);
            if exponent > 0 {
                assert_eq!(parse(hexadecimal.as_bytes()), Some(LongDouble::from(value)));
            }
        }
        assert_eq!(LongDouble::from(0.5).text(), "0.5");
        assert_eq!(LongDouble::from(-0.0).text(), "0");
        assert_eq!(LongDouble::from(5e-324).text(), "0");
        assert!(!LongDouble::from(f64::NAN).is_finite());
    }

    #[test]
    fn rounding_up_to_whole_numbers() {
        let ceil = |text: &str| parse(text.as_bytes()).unwrap().ceil_to_i64();
        assert_eq!(ceil("0"), Some(0));
        assert_eq!(ceil("0.0001"), Some(1));
        assert_eq!(ceil("-0.9"), Some(0));
        assert_eq!(ceil("-1.5"), Some(-1));
        assert_eq!(ceil("2"), Some(2));
        assert_eq!(ceil("9223372036854775807"), Some(i64::MAX));
        assert_eq!(ceil("9223372036854775808"), None);
        assert_eq!(ceil("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(ceil("1e30"), None);
        assert_eq!(ceil("1e-4000"), Some(1));
        assert_eq!(ceil("inf"), None);
        let thousand = LongDouble::from(1000);
        let ms = |text: &str| (parse(text.as_bytes()).unwrap() * thousand).ceil_to_i64();
        assert_eq!(
            (ms("0.1"), ms("1.5"), ms("0.001")),
            (Some(100), Some(1500), Some(1))
        );
    }
}
