//! Few decimal digits that read back as the same double: Grisu2.
//!
//! Scores are printed by Redis with this algorithm, and it is not perfect: about one double in four hundred gets a
//! digit more than needed, or a last digit that is right but not the nearest. Replicas, scripts and clients compare
//! those texts, so an exact printer would be a wrong one. Hence Grisu2, in the arithmetic of 64-bit significands it was
//! published with (Loitsch, *Printing floating-point numbers quickly and accurately with integers*, 2010).
//!
//! The idea: between the midpoints to a double's two neighbours every decimal reads back as that double. Multiply value
//! and midpoints by a power of ten that brings the binary exponent into a small range, produce digits of the upper
//! midpoint until what is left is less than the distance between the midpoints, then step the last digit down towards
//! the value. The multiplication is inexact in its last bit, so the interval is first narrowed by that much.

use super::powers;

/// `significand * 2^exponent`
#[derive(Clone, Copy)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

/// The digits of a finite positive double, and the power of ten that the last one counts.
pub(crate) struct Digits {
    text: [u8; 18],
    len: usize,
    pub(crate) exponent: i32,
}

impl Digits {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

/// The digits of `value`, which must be positive and finite.
pub(crate) fn shortest(value: f64) -> Digits {
    let bits = value.to_bits();
    let fraction = bits & (HIDDEN_BIT - 1);
    let biased = (bits >> 52) as i32 & 0x7ff;
    let exact = if biased == 0 {
        Scaled {
            significand: fraction,
            exponent: -1074,
        }
    } else {
        Scaled {
            significand: fraction | HIDDEN_BIT,
            exponent: biased - 1075,
        }
    };

    let upper = normalize(Scaled {
        significand: (exact.significand << 1) + 1,
        exponent: exact.exponent - 1,
    });
    // Below a power of two the doubles lie twice as close, so the lower midpoint is nearer. (The smallest normal
    // double is no exception here though its neighbours are equally far: the algorithm does not ask.)
    let closer = u32::from(exact.significand == HIDDEN_BIT);
    let lower_exponent = exact.exponent - 1 - closer as i32;
    let lower = Scaled {
        significand: ((exact.significand << (1 + closer)) - 1) << (lower_exponent - upper.exponent),
        exponent: upper.exponent,
    };

    let power = power_for(upper.exponent);
    let value = multiply(normalize(exact), power);
    let mut upper = multiply(upper, power);
    let mut lower = multiply(lower, power);
    upper.significand -= 1;
    lower.significand += 1;
    generate(value, lower, upper, -powers::decimal(power))
}

fn normalize(number: Scaled) -> Scaled {
    let shift = number.significand.leading_zeros();
    Scaled {
        significand: number.significand << shift,
        exponent: number.exponent - shift as i32,
    }
}

/// Which power of ten brings a number with that exponent to one between 2^-60 and 2^-32 (of its unit): enough bits in
/// front of the point for the first digits, enough behind it for the rest.
fn power_for(exponent: i32) -> usize {
    const LOG10_2: f64 = 0.301_029_995_663_981_14;
    let wanted = (f64::from(-(exponent + powers::COUNT as i32)) * LOG10_2) as i32;
    let mut index = ((wanted + 348) / 8) as usize;
    loop {
        let result = exponent + powers::exponent(index) + 64;
        if result < -60 {
            index += 1;
        } else if result > -32 {
            index -= 1;
        } else {
            return index;
        }
    }
}

fn multiply(number: Scaled, power: usize) -> Scaled {
    let product = u128::from(number.significand) * u128::from(powers::significand(power));
    Scaled {
        significand: ((product + (1 << 63)) >> 64) as u64,
        exponent: number.exponent + powers::exponent(power) + 64,
    }
}

fn generate(value: Scaled, lower: Scaled, upper: Scaled, mut exponent: i32) -> Digits {
    let point = -upper.exponent as u32;
    let unit = 1u64 << point;
    let mut distance = upper.significand - value.significand;
    let mut width = upper.significand - lower.significand;
    let mut whole = upper.significand >> point;
    let mut part = upper.significand & (unit - 1);
    let mut digits = [0; 18];
    let mut len = 0;

    // The digits in front of the point, at most ten of them.
    let mut place = 1_000_000_000;
    for left in (0..10).rev() {
        let digit = whole / place;
        if digit > 0 || len > 0 {
            digits[len] = b'0' + digit as u8;
            len += 1;
        }
        whole -= digit * place;
        let rest = (whole << point) + part;
        if rest <= width {
            exponent += left;
            let step = place << point;
            step_down(&mut digits[len - 1], width, rest, step, distance);
            return Digits {
                text: digits,
                len,
                exponent,
            };
        }
        place /= 10;
    }
    // Those behind it: what is left, ten times as large each turn.
    loop {
        part *= 10;
        width *= 10;
        distance = distance.wrapping_mul(10);
        exponent -= 1;
        let digit = part >> point;
        if digit > 0 || len > 0 {
            digits[len] = b'0' + digit as u8;
            len += 1;
        }
        part &= unit - 1;
        if part < width {
            step_down(&mut digits[len - 1], width, part, unit, distance);
            return Digits {
                text: digits,
                len,
                exponent,
            };
        }
    }
}

/// Lowers the last digit while that stays inside the interval and comes nearer to the value, which lies `distance`
/// below the upper end; the digits stand for the number `rest` below it.
fn step_down(last: &mut u8, width: u64, mut rest: u64, step: u64, distance: u64) {
    while rest < distance
        && width - rest >= step
        && (rest + step < distance || distance - rest > rest + step - distance)
    {
        *last -= 1;
        rest += step;
    }
}

/// The bit that a normal double's significand has and does not store.
const HIDDEN_BIT: u64 = 1 << 52;
