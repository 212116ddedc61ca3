//! SipHash, for those who configure it: slower than the default hash, with a published security argument.
//!
//! `siphash13` (one round per word, three to finish) is what hash tables need; `siphash24` is the conservative one.

/// SipHash-1-3 of `bytes` under a 128-bit key.
pub fn siphash13(key: [u64; 2], bytes: &[u8]) -> u64 {
    siphash::<1, 3>(key, bytes)
}

/// SipHash-2-4 of `bytes` under a 128-bit key.
pub fn siphash24(key: [u64; 2], bytes: &[u8]) -> u64 {
    siphash::<2, 4>(key, bytes)
}

#[inline]
fn siphash<const WORD_ROUNDS: usize, const LAST_ROUNDS: usize>(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = bytes.len() as u8;
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        v[3] ^= word;
        rounds::<WORD_ROUNDS>(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    rounds::<LAST_ROUNDS>(&mut v);
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[inline]
fn rounds<const COUNT: usize>(v: &mut [u64; 4]) {
    for _ in 0..COUNT {
        v[0] = v[0].wrapping_add(v[1]);
        v[2] = v[2].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[1]);
        v[0] = v[0].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors published with SipHash-2-4: key 00..0f, messages 00..n.
    #[test]
    fn published_vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..64).collect();
        assert_eq!(siphash24(key, &message[..0]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash24(key, &message[..1]), 0x74f8_39c5_93dc_67fd);
        assert_eq!(siphash24(key, &message[..8]), 0x93f5_f579_9a93_2462);
        assert_eq!(siphash24(key, &message[..15]), 0xa129_ca61_49be_45e5);
    }

    /// The standard library's hasher is SipHash-1-3 with a zero key.
    #[test]
    #[expect(deprecated, reason = "its successor hides the algorithm")]
    fn agrees_with_the_standard_library() {
        use std::hash::{Hasher, SipHasher};
        let bytes: Vec<u8> = (0..100).collect();
        for len in 0..bytes.len() {
            let mut hasher = SipHasher::new_with_keys(5, 6);
            hasher.write(&bytes[..len]);
            assert_eq!(siphash24([5, 6], &bytes[..len]), hasher.finish());
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(&bytes[..len]);
            assert_eq!(siphash13([0, 0], &bytes[..len]), hasher.finish());
        }
    }
}
