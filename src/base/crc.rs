//! Two checksums that other programs compute too.
//!
//! `crc16` (XMODEM: polynomial 0x1021, start 0) decides which of the 16384 cluster slots a key lives in; `crc64`
//! (Jones: reflected polynomial 0x95ac9329ac4bc9b5, start 0, no final inversion) closes RDB files and DUMP payloads.
//! It is not the CRC-64/XZ that most libraries offer.

/// CRC-16/XMODEM.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (crc << 8) ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// The cluster slot of a key. If the key has a non-empty `{tag}`, only the first such tag counts, so that related
/// keys can be made to live together.
pub(crate) fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) & 0x3fff
}

fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else {
        return key;
    };
    let inner = &key[open + 1..];
    match inner.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(close) => &inner[..close],
    }
}

/// Carries a CRC-64/Jones on over `bytes`; start with 0.
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    // Sixteen bytes at a time: each looks up its effect after those behind it, all independently of one another.
    let (blocks, rest) = bytes.as_chunks::<16>();
    for block in blocks {
        let mut block = *block;
        for (byte, crc) in block.iter_mut().zip(crc.to_le_bytes()) {
            *byte ^= crc;
        }
        crc = 0;
        for (&byte, table) in block.iter().zip(CRC64.iter().rev()) {
            crc ^= table[usize::from(byte)];
        }
    }
    for &byte in rest {
        crc = (crc >> 8) ^ CRC64[0][usize::from(crc as u8 ^ byte)];
    }
    crc
}

static CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 {
                (crc << 1) ^ 0x1021
            } else {
                crc << 1
            };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// Row k is the effect of a byte followed by k zero bytes.
static CRC64: [[u64; 256]; 16] = {
    let mut tables = [[0; 256]; 16];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 {
                (crc >> 1) ^ 0x95ac_9329_ac4b_c9b5
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut k = 1;
    while k < 16 {
        let mut i = 0;
        while i < 256 {
            let crc = tables[k - 1][i];
            tables[k][i] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
            i += 1;
        }
        k += 1;
    }
    tables
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn published_check_values() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc16(b""), 0);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn pieces_add_up() {
        let mut rng = Rng::from_seed(2);
        for _ in 0..500 {
            let mut bytes = vec![0; rng.index(200)];
            rng.fill(&mut bytes);
            let bitwise = bytes.iter().fold(0u64, |crc, &byte| {
                (0..8).fold(crc ^ u64::from(byte), |crc, _| {
                    (crc >> 1)
                        ^ if crc & 1 == 1 {
                            0x95ac_9329_ac4b_c9b5
                        } else {
                            0
                        }
                })
            });
            assert_eq!(crc64(0, &bytes), bitwise);
            let (one, other) = bytes.split_at(rng.index(bytes.len() + 1));
            assert_eq!(crc64(crc64(0, one), other), bitwise);
        }
    }

    #[test]
    fn slots_follow_the_tag() {
        assert_eq!(key_slot(b"foo"), 12182);
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"user1000"));
        assert_eq!(key_slot(b"a{foo}{bar}"), key_slot(b"foo"));
        // An empty tag, or one that never closes, is no tag.
        assert_ne!(key_slot(b"{}foo"), key_slot(b""));
        assert_eq!(key_slot(b"foo{{bar}}zap"), key_slot(b"{bar"));
        assert_eq!(key_slot(b"{foo"), crc16(b"{foo") & 0x3fff);
    }
}
