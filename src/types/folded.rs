//! Small values as bytes.
//!
//! A set, hash, sorted set or list that is one short blob does without a handle: the entry of its key holds the bytes
//! of the blob and the number of its *form*, which says how to read them. That saves three words and an allocation, and
//! a look-up finds the elements in the lines of the cache that it has read for the key.
//!
//! To be read, such a value is made over the bytes where they are ([`Lent`](crate::store::Lent)). To be changed, its
//! bytes are copied into a blob with room, and back afterwards; `keyspace::edit` does that.

use super::{Kind, Typed};
use crate::store::{Blob, FOLDED_MAX};

/// The forms that are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A set of integers.
    Ints,
    /// A set of texts.
    Members,
    Fields,
    Scores,
    Elements,
}

impl Form {
    pub(crate) const ALL: [Self; 5] = [
        Self::Ints,
        Self::Members,
        Self::Fields,
        Self::Scores,
        Self::Elements,
    ];

    /// The form with this number, which an entry has kept.
    #[inline]
    pub(crate) fn of(number: u8) -> Self {
        Self::ALL[usize::from(number)]
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Ints | Self::Members => Kind::Set,
            Self::Fields => Kind::Hash,
            Self::Scores => Kind::Zset,
            Self::Elements => Kind::List,
        }
    }
}

/// A family with such forms.
pub(crate) trait Folds: Typed {
    /// The form of this value and its bytes, if it is one blob.
    fn as_blob(&self) -> Option<(Form, &[u8])>;

    /// The value that starts a blob; `None` if the form is another family's.
    fn from_blob(form: Form, blob: Blob) -> Option<Self>;

    /// The blob, for other uses.
    fn into_blob(self) -> Option<Blob>;

    /// The number of the form and the bytes, if the value is short enough to be folded.
    #[inline]
    fn folded(&self) -> Option<(u8, &[u8])> {
        let (form, bytes) = self.as_blob()?;
        (bytes.len() <= FOLDED_MAX).then_some((form as u8, bytes))
    }
}

/// A family whose values are always objects of their own.
pub(crate) trait Whole: Typed {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Value;

    #[test]
    fn each_form_has_its_number_and_its_kind() {
        for (number, form) in Form::ALL.into_iter().enumerate() {
            assert_eq!((form as usize, Form::of(number as u8)), (number, form));
            // An empty blob of any of them is all zeroes but for its length.
            let blob = Blob::from(vec![6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let kind = Value::from_blob(number as u8, blob).kind();
            assert_eq!(kind, form.kind());
        }
    }
}
