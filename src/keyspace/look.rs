//! The aggregates in entries, for reading.
//!
//! One that is folded into its entry (`types::folded`) is made over the bytes where they are; any other is an object
//! there. [`Held`] is either.

use crate::spec::error::Error;
use crate::store::{EntryRef, Held, Lent, Payload};
use crate::types::{Folds, Form, Value};

/// The aggregate in an entry, or the long string.
#[inline]
pub(crate) fn value_of(entry: EntryRef<'_, Value>) -> Option<Held<'_, Value>> {
    match entry.payload() {
        Payload::Object(value) => Some(Held::There(value)),
        Payload::Folded(form, bytes) => Some(Held::Lent(folded_value(form, bytes))),
        Payload::Int(_) | Payload::Inline(_) => None,
    }
}

/// A folded value, made over its bytes.
#[inline]
pub(crate) fn folded_value(form: u8, bytes: &[u8]) -> Lent<'_, Value> {
    Lent::new(bytes, |blob| Value::from_blob(form, blob))
}

/// The aggregate in an entry, or WRONGTYPE.
#[inline]
pub(super) fn held<T: Folds>(entry: EntryRef<'_, Value>) -> Result<Held<'_, T>, Error> {
    match entry.payload() {
        Payload::Object(value) => T::of(value).map(Held::There),
        Payload::Folded(form, bytes) => {
            let form = Form::of(form);
            (form.kind() == T::KIND).then(|| {
                Held::Lent(Lent::new(bytes, |blob| {
                    T::from_blob(form, blob).expect("the family of the form")
                }))
            })
        }
        Payload::Int(_) | Payload::Inline(_) => None,
    }
    .ok_or(Error::WrongType)
}
