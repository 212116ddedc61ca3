//! Whole numbers of any length, with just the operations that reading and printing an 80-bit number need.
//!
//! Their length is bounded by the caller: five thousand digits at most, so nothing here tries to be clever.

use std::cmp::Ordering;
use std::fmt::Write;

/// Limbs of 64 bits, the lowest first; the highest is never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Natural {
    limbs: Vec<u64>,
}

impl Natural {
    pub(crate) fn from_u64(value: u64) -> Natural {
        let mut number = Natural { limbs: vec![value] };
        number.trim();
        number
    }

    /// Reads decimal digits, and nothing else.
    pub(crate) fn from_digits(digits: impl Iterator<Item = u8>) -> Natural {
        let mut number = Natural { limbs: Vec::new() };
        let (mut piece, mut weight) = (0, 1);
        for digit in digits {
            piece = piece * 10 + u64::from(digit - b'0');
            weight *= 10;
            if weight == TEN_TO_19 {
                number.multiply_add(weight, piece);
                (piece, weight) = (0, 1);
            }
        }
        number.multiply_add(weight, piece);
        number
    }

    /// Multiplies by `10^power`.
    pub(crate) fn scale_decimal(&mut self, mut power: u32) {
        while power > 0 {
            let step = power.min(19);
            self.multiply_add(10u64.pow(step), 0);
            power -= step;
        }
    }

    /// Multiplies by `2^bits`.
    pub(crate) fn shift_left(&mut self, bits: u32) {
        let (whole, part) = ((bits / 64) as usize, bits % 64);
        if part > 0 {
            let mut carry = 0;
            for limb in &mut self.limbs {
                let shifted = *limb << part | carry;
                carry = *limb >> (64 - part);
                *limb = shifted;
            }
            self.limbs.push(carry);
            self.trim();
        }
        if !self.limbs.is_empty() {
            self.limbs.splice(0..0, std::iter::repeat_n(0, whole));
        }
    }

    pub(crate) fn bit_len(&self) -> u32 {
        match self.limbs.last() {
            Some(top) => self.limbs.len() as u32 * 64 - top.leading_zeros(),
            None => 0,
        }
    }

    /// The 128 highest bits, how far they stand above the number's lowest, and whether anything below is not zero.
    pub(crate) fn leading(&self) -> (u128, u32, bool) {
        let bits = self.bit_len();
        let len = self.limbs.len();
        if len <= 2 {
            let value = self.limbs.iter().rev();
            return (
                value.fold(0, |value, &limb| value << 64 | u128::from(limb)),
                0,
                false,
            );
        }
        let [third, second, first] = [len - 3, len - 2, len - 1].map(|at| self.limbs[at]);
        let gap = first.leading_zeros();
        let mut value = u128::from(first) << 64 | u128::from(second);
        let mut rest = third;
        if gap > 0 {
            value = value << gap | u128::from(third >> (64 - gap));
            rest = third << gap;
        }
        let inexact = rest != 0 || self.limbs[..len - 3].iter().any(|&limb| limb != 0);
        (value, bits - 128, inexact)
    }

    /// `self / divisor` if that takes at most 68 bits, and whether there is a remainder.
    pub(crate) fn divide(mut self, divisor: &Natural) -> (u128, bool) {
        let mut step = divisor.clone();
        step.shift_left(QUOTIENT_BITS - 1);
        let mut quotient = 0;
        for _ in 0..QUOTIENT_BITS {
            quotient <<= 1;
            if self.compare(&step) != Ordering::Less {
                self.subtract(&step);
                quotient |= 1;
            }
            self.shift_left(1);
        }
        (quotient, !self.limbs.is_empty())
    }

    /// Decimal digits; none for zero.
    pub(crate) fn into_decimal(mut self) -> String {
        let mut pieces = Vec::new();
        while !self.limbs.is_empty() {
            let mut rest = 0u128;
            for limb in self.limbs.iter_mut().rev() {
                let value = rest << 64 | u128::from(*limb);
                *limb = (value / u128::from(TEN_TO_19)) as u64;
                rest = value % u128::from(TEN_TO_19);
            }
            self.trim();
            pieces.push(rest as u64);
        }
        let mut text = String::with_capacity(pieces.len() * 19);
        // The first piece has no leading zeros, the others need them.
        let mut width = 0;
        for piece in pieces.into_iter().rev() {
            write!(text, "{piece:0width$}").expect("a string takes any text");
            width = 19;
        }
        text
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry > 0 {
            self.limbs.push(carry);
        }
    }

    fn compare(&self, other: &Natural) -> Ordering {
        let by_len = self.limbs.len().cmp(&other.limbs.len());
        by_len.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// Takes away something not larger.
    fn subtract(&mut self, other: &Natural) {
        let mut borrow = false;
        for (i, limb) in self.limbs.iter_mut().enumerate() {
            let amount = other.limbs.get(i).copied().unwrap_or(0);
            let (value, first) = limb.overflowing_sub(amount);
            let (value, second) = value.overflowing_sub(u64::from(borrow));
            *limb = value;
            borrow = first || second;
        }
        debug_assert!(!borrow, "the larger minus the smaller");
        self.trim();
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

/// As many bits as a quotient may have: 64 that are kept, the one that decides rounding, and a few to spare.
pub(crate) const QUOTIENT_BITS: u32 = 68;

const TEN_TO_19: u64 = 10_000_000_000_000_000_000;
