//! Passwords, of which nothing is kept but the SHA-256 digest.
//!
//! A digest is compared in constant time, and with all of a user's, so that the time a refusal takes tells nothing.

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// From 64 hexadecimal digits, small letters only.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        let pair = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
        self.0.iter().flat_map(pair).collect()
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// Whether a password is one of those.
pub(super) fn is_among(password: &[u8], known: &[Digest]) -> bool {
    let given = Digest::of(password);
    let any = (known.iter()).fold(Choice::from(0), |any, digest| {
        any | digest.0.ct_eq(&given.0)
    });
    any.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_small_digits() {
        let text = b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let digest = Digest::of(b"test");
        assert_eq!(digest.text(), text);
        assert_eq!(Digest::parse(text), Some(digest.clone()));
        assert_eq!(Digest::parse(&text.to_ascii_uppercase()), None);
        assert_eq!(Digest::parse(&text[1..]), None);
        let known = [Digest::of(b"x"), digest];
        assert!(is_among(b"test", &known) && !is_among(b"tes", &known) && !is_among(b"", &[]));
    }
}
