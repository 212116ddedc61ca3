//! LZF, the compression of strings in RDB files.

/// Compresses; owns the table of positions so that it is allocated once.
#[derive(Debug, Default)]
pub struct Compressor {}

impl Compressor {
    pub fn new() -> Compressor {
        Compressor::default()
    }

    /// Appends the compressed form of `input` to `out` if it takes at most `most` bytes; otherwise leaves `out` as it was.
    pub fn compress(&mut self, _input: &[u8], _most: usize, _out: &mut Vec<u8>) -> bool {
        false
    }
}

/// Decompresses exactly `len` bytes, or finds the data malformed.
pub fn decompress(_input: &[u8], _len: usize) -> Option<Vec<u8>> {
    None
}
