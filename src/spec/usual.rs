//! Where keys stand and what becomes of them, for the forms that several commands share. A row that spells its keys out
//! is one that differs.

use super::flags::key;
use super::model::KeySpec;

/// Only looks whether it is there, or at a fact about it.
pub(crate) const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RO])];
/// Reads the key.
pub(crate) const READ: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RO, key::ACCESS])];
/// Changes a value that is there.
pub(crate) const UPDATED: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RW, key::UPDATE])];
/// Changes a value that is there and tells of it.
pub(crate) const READ_UPDATED: &[KeySpec] =
    &[KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::UPDATE])];
/// Adds to a value that is there.
pub(crate) const ADDED_TO: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RW, key::INSERT])];
/// Removes a part.
pub(crate) const REMOVED_FROM: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RW, key::DELETE])];
/// Removes a part and tells of it.
pub(crate) const POPPED: &[KeySpec] = &[KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::DELETE])];
/// Writes without looking.
pub(crate) const OVERWRITTEN: &[KeySpec] = &[KeySpec::at(1).flags(&[key::OW, key::UPDATE])];
/// [`LOOKED_AT`], of a subcommand.
pub(crate) const SUB_LOOKED_AT: &[KeySpec] = &[KeySpec::at(2).flags(&[key::RO])];
/// [`READ`], of a subcommand.
pub(crate) const SUB_READ: &[KeySpec] = &[KeySpec::at(2).flags(&[key::RO, key::ACCESS])];
/// All words are keys that are only looked at.
pub(crate) const ALL_LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).to(-1).flags(&[key::RO])];
/// All words are keys that are read.
pub(crate) const ALL_READ: &[KeySpec] = &[KeySpec::at(1).to(-1).flags(&[key::RO, key::ACCESS])];
/// All words are keys that are removed.
pub(crate) const ALL_REMOVED: &[KeySpec] = &[KeySpec::at(1).to(-1).flags(&[key::RM, key::DELETE])];
/// All words but the last, a time-out, are keys that are popped from.
pub(crate) const ALL_POPPED: &[KeySpec] =
    &[KeySpec::at(1)
        .to(-2)
        .flags(&[key::RW, key::ACCESS, key::DELETE])];
/// A number says how many keys that are read follow it.
pub(crate) const COUNTED_READ: &[KeySpec] =
    &[KeySpec::counted_at(1).flags(&[key::RO, key::ACCESS])];
/// From the first key to the second.
pub(crate) const ELEMENT_MOVED: &[KeySpec] = &[
    KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::DELETE]),
    KeySpec::at(2).flags(&[key::RW, key::INSERT]),
];
/// The first key gets a result of the second.
pub(crate) const STORED: &[KeySpec] = &[
    KeySpec::at(1).flags(&[key::OW, key::UPDATE]),
    KeySpec::at(2).flags(&[key::RO, key::ACCESS]),
];
/// The first key gets a result of all others.
pub(crate) const ALL_STORED: &[KeySpec] = &[
    KeySpec::at(1).flags(&[key::OW, key::UPDATE]),
    KeySpec::at(2).to(-1).flags(&[key::RO, key::ACCESS]),
];
/// The first key gets a result of so many others.
pub(crate) const COUNTED_STORED: &[KeySpec] = &[
    KeySpec::at(1).flags(&[key::OW, key::UPDATE]),
    KeySpec::counted_at(2).flags(&[key::RO, key::ACCESS]),
];
