//! Reading arguments: numbers, moments and option words, refused in Redis's words.

use crate::base::text::{is_word, up_to_nul};
use crate::base::{double, longdouble, num};
use crate::engine::clock::Now;
use crate::spec::error::Error;

/// `ON` or `OFF`.
pub(crate) fn on_or_off(word: &[u8]) -> Result<bool, Error> {
    if is(word, "on") {
        Ok(true)
    } else if is(word, "off") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

/// An integer in canonical form.
#[inline]
pub(crate) fn integer(text: &[u8]) -> Result<i64, Error> {
    num::parse_i64(text).ok_or(Error::NotInteger)
}

/// An integer within bounds; `refusal` is the error for everything else, also for text that is no number.
pub(crate) fn integer_within(
    text: &[u8],
    least: i64,
    most: i64,
    refusal: impl Into<Error>,
) -> Result<i64, Error> {
    let number = num::parse_i64(text).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| refusal.into())
}

/// An integer that is not negative.
pub(crate) fn not_negative(text: &[u8]) -> Result<i64, Error> {
    integer_within(text, 0, i64::MAX, Error::NotPositive)
}

/// An integer that fits 32 bits, as numbers of databases must.
pub(crate) fn narrow_integer(text: &[u8]) -> Result<i64, Error> {
    let number = integer(text)?;
    if i32::try_from(number).is_ok() {
        Ok(number)
    } else {
        Err(Error::from(NARROW_RANGE))
    }
}

const NARROW_RANGE: &str =
    "ERR value is out of range, value must between -2147483648 and 2147483647";

/// An integer whose opposite is one too: a count or rank with a direction.
pub(crate) fn directed(text: &[u8]) -> Result<i64, Error> {
    let number = integer(text)?;
    if number == i64::MIN {
        Err(Error::CountRange)
    } else {
        Ok(number)
    }
}

/// Until when a blocking command waits, given in seconds from now with any fraction; `None` is for ever.
pub(crate) fn wait_until(text: &[u8], now: Now) -> Result<Option<i64>, Error> {
    let seconds = longdouble::parse(text).ok_or(Error::TimeoutNotFloat)?;
    let thousand = longdouble::parse(b"1000").expect("a number");
    match (seconds * thousand).ceil_to_i64() {
        Some(0) => Ok(None),
        Some(ms) if ms > 0 => ms
            .checked_add(now.unix_ms)
            .map(Some)
            .ok_or(Error::TimeoutOutOfRange),
        None if !seconds.is_negative() => Err(Error::TimeoutOutOfRange),
        _ => Err(Error::TimeoutNegative),
    }
}

/// The same in whole milliseconds.
pub(crate) fn wait_until_ms(text: &[u8], now: Now) -> Result<Option<i64>, Error> {
    match num::parse_i64(text).ok_or(Error::TimeoutNotInteger)? {
        0 => Ok(None),
        ms if ms > 0 => ms
            .checked_add(now.unix_ms)
            .map(Some)
            .ok_or(Error::TimeoutOutOfRange),
        _ => Err(Error::TimeoutNegative),
    }
}

/// The last words of SINTERCARD and ZINTERCARD: `[LIMIT limit]`, where 0 is no limit.
pub(crate) fn limit<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Result<usize, Error> {
    let mut limit = 0;
    while let Some(word) = words.next() {
        let value = words.next().filter(|_| is(word, "LIMIT"));
        let value = value.ok_or(Error::Syntax)?;
        limit = integer_within(value, 0, i64::MAX, "ERR LIMIT can't be negative")? as usize;
    }
    Ok(limit)
}

/// A double; never NaN.
pub(crate) fn float(text: &[u8]) -> Result<f64, Error> {
    double::parse_f64(text).ok_or(Error::NotFloat)
}

/// Whether an argument is this option word, in any case, up to a NUL byte.
#[inline]
pub(crate) fn is(arg: &[u8], word: &str) -> bool {
    is_word(arg, word.as_bytes())
}

/// How a moment is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Seconds from now: EX.
    Seconds,
    /// Milliseconds from now: PX.
    Milliseconds,
    /// Unix time in seconds: EXAT.
    UnixSeconds,
    /// Unix time in milliseconds: PXAT.
    UnixMilliseconds,
}

impl Moment {
    /// The option word that `arg` is, if it is one of the four.
    pub(crate) fn option(arg: &[u8]) -> Option<Self> {
        match up_to_nul(arg).len() {
            2 if is(arg, "EX") => Some(Self::Seconds),
            2 if is(arg, "PX") => Some(Self::Milliseconds),
            4 if is(arg, "EXAT") => Some(Self::UnixSeconds),
            4 if is(arg, "PXAT") => Some(Self::UnixMilliseconds),
            _ => None,
        }
    }

    fn is_seconds(self) -> bool {
        matches!(self, Self::Seconds | Self::UnixSeconds)
    }
    pub(crate) fn is_relative(self) -> bool {
        matches!(self, Self::Seconds | Self::Milliseconds)
    }

    /// The moment in unix milliseconds; `None` if it does not fit.
    pub(crate) fn unix_ms(self, value: i64, now: Now) -> Option<i64> {
        let ms = if self.is_seconds() {
            value.checked_mul(1000)?
        } else {
            value
        };
        let ms = if self.is_relative() {
            ms.checked_add(now.unix_ms)?
        } else {
            ms
        };
        // The very last moment stands for no deadline at all in an entry.
        Some(ms.min(i64::MAX - 1))
    }

    /// A deadline that must lie after the beginning of time, as the options of SET and GETEX and SETEX's argument
    /// must.
    pub(crate) fn deadline(self, text: &[u8], now: Now, command: &str) -> Result<i64, Error> {
        let value = integer(text)?;
        if value <= 0 {
            return Err(Error::invalid_expire(command));
        }
        self.unix_ms(value, now)
            .ok_or_else(|| Error::invalid_expire(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_that_do_not_fit_are_refused() {
        let now = Now {
            unix_ms: 1_000,
            ..Now::default()
        };
        assert_eq!(Moment::Seconds.unix_ms(2, now), Some(3_000));
        assert_eq!(Moment::UnixMilliseconds.unix_ms(2, now), Some(2));
        assert_eq!(Moment::Seconds.unix_ms(i64::MAX / 1000 + 1, now), None);
        assert_eq!(Moment::Milliseconds.unix_ms(i64::MAX, now), None);
        assert!(Moment::Seconds.deadline(b"0", now, "set").is_err());
        assert_eq!(Moment::option(b"pxat"), Some(Moment::UnixMilliseconds));
        assert_eq!(Moment::option(b"EXX"), None);
    }
}
