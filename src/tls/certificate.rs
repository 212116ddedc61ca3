//! The parts of a certificate: what it says, who says so, and the proof.
//!
//! ```text
//!  Certificate = { signed: { version, number, issuer, validity, subject, key, ... }, algorithm, signature }
//! ```
//!
//! The library reads certificates itself and says nothing of their parts, except of their key. So the few places that
//! need more (`verify.rs`) have this: slices into the bytes, nothing decoded that nobody asks for.

use std::time::Duration;

use pkcs8::der::asn1::{AnyRef, BitStringRef, GeneralizedTime, UtcTime};
use pkcs8::der::{Decode, Error, Reader, SliceReader, Tag};

pub(super) struct Certificate<'a> {
    /// What is signed, with its header.
    pub(super) signed: &'a [u8],
    /// The first version of certificates, which knows no purposes and no constraints.
    pub(super) is_of_version_1: bool,
    pub(super) issuer: &'a [u8],
    /// Since the epoch, both included.
    pub(super) valid_from: Duration,
    pub(super) valid_until: Duration,
    pub(super) subject: &'a [u8],
    pub(super) key: Key<'a>,
    /// How it was signed, without the header.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// A public key.
pub(super) struct Key<'a> {
    /// What it is for, without the header.
    pub(super) algorithm: &'a [u8],
    pub(super) bits: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Certificate<'a>, Error> {
        SliceReader::new(bytes)?.sequence(|whole| {
            let signed = whole.tlv_bytes()?;
            let algorithm = inside(whole.tlv_bytes()?)?;
            let signature = BitStringRef::decode(whole)?.raw_bytes();
            SliceReader::new(signed)?.sequence(|part| {
                let is_of_version_1 = Tag::peek(part)? == Tag::Integer;
                if !is_of_version_1 {
                    part.tlv_bytes()?;
                }
                let _number = part.tlv_bytes()?;
                let _algorithm_again = part.tlv_bytes()?;
                let issuer = part.tlv_bytes()?;
                let (valid_from, valid_until) =
                    part.sequence(|times| Ok::<_, Error>((moment(times)?, moment(times)?)))?;
                let subject = part.tlv_bytes()?;
                let key = part.sequence(|key| {
                    let algorithm = inside(key.tlv_bytes()?)?;
                    let bits = BitStringRef::decode(key)?.raw_bytes();
                    Ok::<_, Error>(Key { algorithm, bits })
                })?;
                while !part.is_finished() {
                    part.tlv_bytes()?;
                }
                Ok(Certificate {
                    signed,
                    is_of_version_1,
                    issuer,
                    valid_from,
                    valid_until,
                    subject,
                    key,
                    algorithm,
                    signature,
                })
            })
        })
    }
}

/// The first common name of a subject.
pub(super) fn common_name(subject: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
    let mut sets = SliceReader::new(inside(subject)?)?;
    while !sets.is_finished() {
        let mut attributes = SliceReader::new(inside(sets.tlv_bytes()?)?)?;
        while !attributes.is_finished() {
            let (kind, value) = attributes.sequence(|attribute| {
                let kind = attribute.tlv_bytes()?;
                Ok::<_, Error>((kind, AnyRef::decode(attribute)?.value()))
            })?;
            if kind == COMMON_NAME {
                return Ok(Some(value.to_vec()));
            }
        }
    }
    Ok(None)
}

/// What is behind the header.
fn inside(whole: &[u8]) -> Result<&[u8], Error> {
    Ok(AnyRef::from_der(whole)?.value())
}

fn moment(reader: &mut SliceReader<'_>) -> Result<Duration, Error> {
    Ok(if Tag::peek(reader)? == Tag::UtcTime {
        UtcTime::decode(reader)?.to_unix_duration()
    } else {
        GeneralizedTime::decode(reader)?.to_unix_duration()
    })
}
