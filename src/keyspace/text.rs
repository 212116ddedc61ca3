//! Strings as commands see them, in any of their forms: a number in the entry, bytes in the entry, or bytes apart.

use std::sync::Arc;

use crate::base::num;
use crate::spec::error::Error;
use crate::store::{EntryRef, INLINE_MAX, New, Payload};
use crate::types::Value;

/// Up to this length a string that was set whole is reported as `embstr`.
const EMBSTR_MAX: usize = 44;

/// A string value that is read.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    /// Long, and held by reference count: it can be queued for output without a copy.
    Shared(&'a Arc<Vec<u8>>),
}

impl<'a> Text<'a> {
    #[inline]
    pub(crate) fn of(payload: Payload<'a, Value>) -> Option<Self> {
        match payload {
            Payload::Int(number) => Some(Self::Int(number)),
            Payload::Inline(bytes) => Some(Self::Bytes(bytes)),
            Payload::Object(Value::Str(bytes)) => Some(Self::Shared(bytes)),
            Payload::Object(_) | Payload::Folded(..) => None,
        }
    }

    /// The string in an entry, or WRONGTYPE.
    #[inline]
    pub(crate) fn of_entry(entry: EntryRef<'a, Value>) -> Result<Self, Error> {
        Self::of(entry.payload()).ok_or(Error::WrongType)
    }

    /// The bytes; a number is written into `digits`.
    pub(crate) fn bytes<'b>(self, digits: &'b mut [u8; 20]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Int(number) => num::format_i64(number, digits),
            Self::Bytes(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Int(number) => num::digits_len(number),
            Self::Bytes(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut [0; 20]).to_vec()
    }

    /// The number this is the canonical text of.
    pub(crate) fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Bytes(bytes) => num::parse_i64(bytes),
            Self::Shared(_) => None,
        }
    }
}

/// The form in which bytes that were set whole are kept. Long ones may have arrived in a buffer of their own: then
/// `shared` gives it, and it is adopted without a copy.
#[inline]
pub(crate) fn whole(bytes: &[u8], shared: impl FnOnce() -> Option<Arc<Vec<u8>>>) -> New<'_, Value> {
    if bytes.len() <= 20
        && let Some(number) = num::parse_i64(bytes)
    {
        return New::Int(number);
    }
    if bytes.len() <= INLINE_MAX {
        return New::Inline(bytes);
    }
    New::Object(Value::Str(
        shared().unwrap_or_else(|| Arc::new(bytes.to_vec())),
    ))
}

/// The form of bytes that were edited in place (APPEND, SETRANGE, SETBIT): never a number, and reported as `raw`.
pub(crate) fn edited(bytes: &[u8]) -> New<'_, Value> {
    if bytes.len() <= INLINE_MAX {
        New::InlineRaw(bytes)
    } else {
        New::Object(Value::Str(Arc::new(bytes.to_vec())))
    }
}

/// The answer of OBJECT ENCODING for a string.
pub(crate) fn encoding(entry: EntryRef<'_, Value>) -> &'static str {
    match entry.payload() {
        Payload::Int(_) => "int",
        Payload::Inline(bytes) if bytes.len() <= EMBSTR_MAX && !entry.raw_reported() => "embstr",
        Payload::Inline(_) | Payload::Folded(..) | Payload::Object(_) => "raw",
    }
}
