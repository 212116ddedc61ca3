//! Sums, products and powers of numbers.
//!
//! Two integers give an integer, and one that does not fit is an error; anything else is done with doubles.

use super::pack::Number;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Multiply,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    Overflow,
    NotANumber,
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Big(number) => number as f64,
            Self::Double(number) => number,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.as_f64() == 0.0
    }
}

impl Arithmetic {
    pub(crate) fn of(self, one: Number, other: Number) -> Result<Number, NumberError> {
        if let (Number::Int(one), Number::Int(other)) = (one, other) {
            let result = match self {
                Self::Add => one.checked_add(other),
                Self::Multiply => one.checked_mul(other),
                Self::Power => match u32::try_from(other) {
                    Ok(other) => one.checked_pow(other),
                    Err(_) => return finite((one as f64).powf(other as f64)),
                },
            };
            return result.map(Number::Int).ok_or(NumberError::Overflow);
        }
        let (one, other) = (one.as_f64(), other.as_f64());
        finite(match self {
            Self::Add => one + other,
            Self::Multiply => one * other,
            Self::Power => one.powf(other),
        })
    }
}

fn finite(number: f64) -> Result<Number, NumberError> {
    if number.is_finite() {
        Ok(Number::Double(number))
    } else {
        Err(NumberError::NotANumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers() {
        let [one, max] = [1, i64::MAX].map(Number::Int);
        assert_eq!(Arithmetic::Add.of(one, one), Ok(Number::Int(2)));
        assert_eq!(Arithmetic::Add.of(one, max), Err(NumberError::Overflow));
        assert_eq!(
            Arithmetic::Multiply.of(Number::Int(2), Number::Double(1.5)),
            Ok(Number::Double(3.0))
        );
        assert_eq!(
            Arithmetic::Power.of(Number::Int(2), Number::Int(10)),
            Ok(Number::Int(1024))
        );
        assert_eq!(
            Arithmetic::Multiply.of(Number::Double(1e300), Number::Double(1e300)),
            Err(NumberError::NotANumber)
        );
        assert_eq!(
            Arithmetic::Add.of(Number::Big(u64::MAX), one),
            Ok(Number::Double(u64::MAX as f64))
        );
    }
}
