//! Numbers that are kept in fewer bits, as JSON.SET is told by FPHA for arrays of numbers.
//!
//! What is kept is the nearest number that the type has. It is shown as the shortest decimal that leads to the same
//! one: 0.3 stays 0.3 in each of them, though none has it, and what was shown can be read again without a further loss.
//!
//! ```text
//! BF16  sign 1, exponent 8, fraction 7      FP16  sign 1, exponent 5, fraction 10
//! FP32, FP64  as the processor has them
//! ```

/// How precisely numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Bf16,
    Fp16,
    Fp32,
    Fp64,
}

/// The number is beyond what the type has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// The fraction's bits of the two short types, and the exponent of their smallest number that is not denormal.
const BF16: (i32, i32) = (7, -126);
const FP16: (i32, i32) = (10, -14);
const FP16_MAX: f64 = 65504.0;

impl Precision {
    pub(crate) const ALL: [Self; 4] = [Self::Bf16, Self::Fp16, Self::Fp32, Self::Fp64];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::Fp16 => "FP16",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
        }
    }

    /// The nearest number that the type has.
    pub(super) fn nearest(self, number: f64) -> Result<f64, OutOfRange> {
        let (near, max) = match self {
            Self::Bf16 => (rounded(number, BF16), f64::from(bf16_max())),
            Self::Fp16 => (rounded(number, FP16), FP16_MAX),
            Self::Fp32 => (f64::from(number as f32), f64::from(f32::MAX)),
            Self::Fp64 => (number, f64::MAX),
        };
        if near.abs() <= max {
            Ok(near)
        } else {
            Err(OutOfRange)
        }
    }
}

fn bf16_max() -> f32 {
    f32::from_bits(0x7f7f_0000)
}

/// Rounded to so many bits of fraction, to the even one if two are as near.
fn rounded(number: f64, (fraction, exponent_min): (i32, i32)) -> f64 {
    let quantum = 2_f64.powi(exponent_of(number).max(exponent_min) - fraction);
    (number / quantum).round_ties_even() * quantum
}

/// The power of two that is not above a number. Zero and denormal ones are small, that is all that matters.
fn exponent_of(number: f64) -> i32 {
    (number.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

/// The bits of a number that the type has.
pub(super) fn bf16_bits(number: f64) -> u16 {
    ((number as f32).to_bits() >> 16) as u16
}

pub(super) fn bf16(bits: u16) -> f64 {
    let number = f64::from(f32::from_bits(u32::from(bits) << 16));
    shortest(number, |near| rounded(near, BF16) == number)
}

/// The bits of a number that the type has.
pub(super) fn fp16_bits(number: f64) -> u16 {
    let (fraction, exponent_min) = FP16;
    let sign = u16::from(number.is_sign_negative()) << 15;
    let exponent = exponent_of(number).max(exponent_min);
    // With the leading one, which the exponent's field then counts unless the number is denormal.
    let digits = (number.abs() / 2_f64.powi(exponent - fraction)) as u16;
    let field = ((exponent - exponent_min) as u16) << fraction;
    sign | (field + digits)
}

pub(super) fn fp16(bits: u16) -> f64 {
    let (fraction, exponent_min) = FP16;
    let (field, digits) = (bits >> fraction & 0x1f, bits & ((1 << fraction) - 1));
    let digits = digits | u16::from(field > 0) << fraction;
    let exponent = i32::from(field.saturating_sub(1)) + exponent_min - fraction;
    let size = f64::from(digits) * 2_f64.powi(exponent);
    let number = if bits >> 15 == 1 { -size } else { size };
    shortest(number, |near| rounded(near, FP16) == number)
}

/// The shortest decimal of a float.
pub(super) fn fp32(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// The decimal with the fewest digits that is as good as a number; five are enough for both types.
fn shortest(number: f64, is_as_good: impl Fn(f64) -> bool) -> f64 {
    if number == 0.0 {
        return number;
    }
    let power = number.abs().log10().floor() as i32;
    for digits in 0..5 {
        // Where powers of ten are exact, arithmetic gives the same as writing down and reading.
        let shift = digits - power;
        let near = match shift {
            0..=22 => {
                let scale = 10_f64.powi(shift);
                (number * scale).round() / scale
            }
            -22..0 => {
                let scale = 10_f64.powi(-shift);
                (number / scale).round() * scale
            }
            _ => {
                let text = format!("{number:.*e}", digits as usize);
                text.parse().unwrap_or(number)
            }
        };
        if is_as_good(near) {
            return near;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_kept_and_the_shortest_is_shown() {
        let fp16_of = |number| Precision::Fp16.nearest(number).map(fp16_bits);
        for (number, bits, shown) in [
            (0.3, 0x34cd, 0.3),
            (-0.1, 0xae66, -0.1),
            (1.0, 0x3c00, 1.0),
            (65504.0, 0x7bff, 65500.0),
            (65519.0, 0x7bff, 65500.0),
            (2049.0, 0x6800, 2048.0),
            (6e-8, 0x0001, 6e-8),
            (6.1e-5, 0x03ff, 6.1e-5),
            (0.0, 0, 0.0),
            (1e-9, 0, 0.0),
        ] {
            assert_eq!(fp16_of(number), Ok(bits), "{number}");
            assert_eq!(fp16(bits), shown, "{number}");
        }
        assert_eq!(fp16_of(65520.0), Err(OutOfRange));
        assert_eq!(Precision::Bf16.nearest(3.4e38), Err(OutOfRange));
        assert_eq!(Precision::Fp32.nearest(-3.5e38), Err(OutOfRange));
        assert_eq!(Precision::Fp64.nearest(1e300), Ok(1e300));
        for number in [0.3, 1e38, -1e-38, 100.0, 3.140_625] {
            let near = Precision::Bf16.nearest(number).expect("it has it");
            assert_eq!(f64::from(near as f32), near);
        }
        assert_eq!(bf16(bf16_bits(rounded(0.7, BF16))), 0.7);
        assert_eq!(bf16(bf16_bits(rounded(1e38, BF16))), 1e38);
        assert_eq!(fp32(0.1), 0.1);
    }

    /// All there are: what is shown leads back to what is kept.
    #[test]
    fn what_is_shown_can_be_read_again() {
        for bits in 0..=u16::MAX {
            let number = fp16(bits);
            if bits >> 10 & 0x1f != 0x1f {
                let near = Precision::Fp16.nearest(number).map(fp16_bits);
                assert_eq!(near, Ok(bits), "{number}");
            }
            if bits >> 7 & 0xff != 0xff {
                let number = bf16(bits);
                let near = Precision::Bf16.nearest(number).map(bf16_bits);
                assert_eq!(near, Ok(bits), "{number}");
            }
        }
    }
}
