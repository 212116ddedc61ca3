//! Two checksums that other programs compute too.
//!
//! `crc16` (XMODEM: polynomial 0x1021, start 0) decides which of the 16384 cluster slots a key lives in; `crc64`
//! (Jones: reflected polynomial 0x95ac9329ac4bc9b5, start 0, no final inversion) closes RDB files and DUMP payloads.
//! It is not the CRC-64/XZ that most libraries offer.

/// CRC-16/XMODEM.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (crc << 8) ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// The cluster slot of a key. If the key has a non-empty `{tag}`, only the first such tag counts, so that related
/// keys can be made to live together.
pub fn key_slot(key: &[u8]) -> u16 {
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
    for &byte in bytes {
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
