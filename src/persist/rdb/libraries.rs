//! Libraries of functions as FUNCTION DUMP gives them: records of an RDB file, with the end of a value's payload.
//!
//! ```text
//! payload   record ... | version:2 (little endian) | CRC-64:8 (little endian, of all before it)
//! record    245 text
//! ```

use crate::base::crc::crc64;
use crate::base::lzf::Compressor;

use super::file::opcode;
use super::{Fault, Limits, Reader, Writer};

/// The first that knows functions.
const VERSION: u16 = 10;

/// The payload that holds these texts.
pub(crate) fn dump_libraries<'a>(
    texts: impl Iterator<Item = &'a [u8]>,
    lzf: Option<&mut Compressor>,
) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = Writer::new(&mut payload, lzf, VERSION);
    for text in texts {
        writer.byte(opcode::FUNCTIONS);
        writer.string(text);
    }
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// The texts in a payload, whose end has been checked and taken off; or what is wrong with it.
pub(crate) fn libraries_in(
    body: &[u8],
    version: u16,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut reader = Reader::new(body, version, limits);
    let mut texts = Vec::new();
    loop {
        match reader.byte() {
            Ok(opcode::FUNCTIONS) => {}
            Ok(opcode::FUNCTIONS_EARLY) => return Err("Pre-GA function format not supported"),
            Ok(_) => return Err("given type is not a function"),
            Err(_) => return Ok(texts),
        }
        let text = reader.string();
        texts.push(text.map_err(|_: Fault| "Failed loading library code")?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::rdb::{checked_payload, tests::limits};

    const FEW: usize = 8;

    #[test]
    fn what_was_dumped_is_found() {
        let texts = [b"one".as_slice(), &[b'x'; 1000]];
        let payload = dump_libraries(texts.into_iter(), Some(&mut Compressor::new()));
        let (body, version) = checked_payload(&payload, false).expect("it is whole");
        assert_eq!(
            libraries_in(body, version, &limits(FEW)).expect("it is fine"),
            texts
        );
        assert_eq!(
            libraries_in(b"", version, &limits(FEW))
                .expect("it is fine")
                .len(),
            0
        );
        for (body, wrong) in [
            (&body[..body.len() - 1], "Failed loading library code"),
            (b"\xf6", "Pre-GA function format not supported"),
            (b"\0", "given type is not a function"),
        ] {
            assert_eq!(libraries_in(body, version, &limits(FEW)), Err(wrong));
        }
    }
}
