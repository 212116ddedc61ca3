//! Values of kind 7. Redis leaves them to modules, and types of ours that come from there are written the same way.
//!
//! ```text
//! value   id: a length | parts | 0
//! id      nine letters of six bits each, that name the type, and ten bits of a version of its own
//! part    1 length, a signed number | 2 length, one without a sign | 3 f32 | 4 f64 | 5 string
//! ```
//!
//! So a server that does not know the type can pass over the value. Numbers of either sign are written as the same
//! 64 bits.

mod documents;
mod vectors;

use super::fault::Fault;
use crate::base::hash::Seed;
use crate::types::Value;

/// In front of a part.
pub(crate) mod part {
    pub(crate) const END: u64 = 0;
    pub(crate) const SINT: u64 = 1;
    pub(crate) const UINT: u64 = 2;
    pub(crate) const FLOAT: u64 = 3;
    pub(crate) const DOUBLE: u64 = 4;
    pub(crate) const STRING: u64 = 5;
}

/// A part that was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    /// The bits of a number, with a sign or without.
    Int(u64),
    Float(f32),
    Double(f64),
    Text(Vec<u8>),
    End,
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VERSION_BITS: u64 = 10;

/// The identifier of a type, whose name has nine letters, and of the version of its parts.
pub(crate) const fn id(name: &[u8; 9], version: u64) -> u64 {
    let (mut id, mut at) = (0, 0);
    while at < name.len() {
        let mut letter = 0;
        while LETTERS[letter] != name[at] {
            letter += 1;
        }
        id = id << 6 | letter as u64;
        at += 1;
    }
    id << VERSION_BITS | version
}

/// The name that an identifier spells.
pub(crate) fn name(id: u64) -> String {
    (0..9)
        .map(|place| char::from(LETTERS[(id >> (58 - 6 * place)) as usize & 63]))
        .collect()
}

/// The version that an identifier says.
pub(crate) const fn version(id: u64) -> u64 {
    id & ((1 << VERSION_BITS) - 1)
}

/// A document, as it is written: see `documents`.
pub(super) const JSON: u64 = id(b"ReJSON-RL", 3);

/// A vector set: see `vectors`.
pub(super) const VECTORS: u64 = id(b"vectorset", 0);

/// The value of a known type, whose identifier has been read. `None` if the type is not known, or not this version.
pub(super) fn value(id: u64, mut parts: Parts<'_>, seed: Seed) -> Result<Option<Value>, Fault> {
    let value = match id {
        id if id - version(id) == JSON - version(JSON) => {
            let json = documents::read(version(id), &mut parts)?;
            return Ok(json.map(|json| Value::Json(Box::new(json))));
        }
        VECTORS => Value::Vector(vectors::read(&mut parts, seed)?),
        _ => return Ok(None),
    };
    parts.end()?;
    Ok(Some(value))
}

/// The parts of a value, one after another.
pub(crate) struct Parts<'a>(pub(crate) &'a mut dyn FnMut() -> Result<Part, Fault>);

#[allow(dead_code, reason = "other types follow")]
impl Parts<'_> {
    pub(crate) fn next(&mut self) -> Result<Part, Fault> {
        (self.0)()
    }

    pub(crate) fn int(&mut self) -> Result<u64, Fault> {
        match self.next()? {
            Part::Int(bits) => Ok(bits),
            _ => Err(Fault::Malformed),
        }
    }

    pub(crate) fn double(&mut self) -> Result<f64, Fault> {
        match self.next()? {
            Part::Double(number) => Ok(number),
            _ => Err(Fault::Malformed),
        }
    }

    pub(crate) fn float(&mut self) -> Result<f32, Fault> {
        match self.next()? {
            Part::Float(number) => Ok(number),
            _ => Err(Fault::Malformed),
        }
    }

    pub(crate) fn text(&mut self) -> Result<Vec<u8>, Fault> {
        match self.next()? {
            Part::Text(text) => Ok(text),
            _ => Err(Fault::Malformed),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.next()? {
            Part::End => Ok(()),
            _ => Err(Fault::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_spells_its_name_and_version() {
        let id = id(b"ReJSON-RL", 3);
        assert_eq!((name(id).as_str(), version(id)), ("ReJSON-RL", 3));
        // As it stands in files of Redis.
        assert_eq!(super::id(b"vectorset", 0), 0xbde7_2da2_bb1e_b400);
    }
}
