//! MurmurHash64A, the hash inside HyperLogLogs. Dense and sparse registers are dumped and merged between servers, so
//! it must agree bit for bit, on every machine, with the little-endian reading.

/// The hash of `key` under `seed`.
pub(crate) fn murmur64a(key: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (key.len() as u64).wrapping_mul(M);
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(M);
        mixed ^= mixed >> R;
        hash = (hash ^ mixed.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(M);
    }
    hash ^= hash >> R;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> R)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let seed = 0xadc8_3b19;
        let cases: &[(&[u8], u64)] = &[
            (b"", 0xd8df_ea65_85bc_9732),
            (b"a", 0x53d2_470a_9b43_b1a7),
            (b"12345678", 0x95eb_b863_8913_2953),
            (b"hello world 12345", 0x040d_e06b_0594_a3f4),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur64a(key, seed), *hash);
        }
    }
}
