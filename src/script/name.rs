//! The name of a script: the digest of its text.

use sha1::{Digest, Sha1};

/// In lower-case digits.
pub(crate) type Name = [u8; 40];

/// The name that a client gives, in either case.
pub(crate) fn name_in(word: &[u8]) -> Option<Name> {
    let mut name: Name = word.try_into().ok()?;
    name.make_ascii_lowercase();
    Some(name)
}

/// The name of a script with this text.
pub(crate) fn name_of(text: &[u8]) -> Name {
    let mut name = [0; 40];
    for (digits, byte) in name.chunks_exact_mut(2).zip(Sha1::digest(text)) {
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
        digits.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_digest() {
        assert_eq!(&name_of(b""), b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }
}
