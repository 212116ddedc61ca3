//! What an array or object has in it: children one after another, behind an index if they are many fields.
//!
//! Everything that goes from child to child begins here, so that nobody else has to know whether there is an index. A
//! run of a tree has such a content without a head.

use std::ops::Range;
use std::sync::Arc;

use crate::store::alloc::size_class;

use super::index::{self, Index};
use super::pack::{self, Head};

/// Looks for a field, which may have a number: its place among the fields, and where its value begins.
pub(super) fn find(body: &[u8], text: &[u8], id: Option<u16>) -> Option<(usize, usize)> {
    if let Some(index) = Index::of(body) {
        return index.find(text, id);
    }
    let (mut at, mut place) = (0, 0);
    while at < body.len() {
        let (name, len) = pack::name(&body[at..]);
        let value = at + len;
        if name.is(text, id) {
            return Some((place, value));
        }
        at = value + pack::value_len(&body[value..]);
        place += 1;
    }
    None
}

/// How many elements or fields there are.
pub(super) fn count(body: &[u8], is_object: bool) -> usize {
    if let Some(index) = Index::of(body).filter(|_| is_object) {
        return index.count();
    }
    let (mut rest, mut count) = (body, 0);
    while !rest.is_empty() {
        rest = &rest[pack::child_len(rest, is_object)..];
        count += 1;
    }
    count
}

/// Where a child begins.
pub(super) fn offset(body: &[u8], is_object: bool, number: usize) -> Option<usize> {
    let (mut at, mut rest) = (0, number);
    if let Some(index) = Index::of(body).filter(|_| is_object) {
        (at, rest) = index.near(number)?;
    }
    for _ in 0..rest {
        let child = body.get(at..).filter(|rest| !rest.is_empty())?;
        at += pack::child_len(child, is_object);
    }
    (at < body.len()).then_some(at)
}

/// The children, without the index.
#[inline]
pub(super) fn children(body: &[u8], is_object: bool) -> &[u8] {
    match Index::of(body).filter(|_| is_object) {
        Some(index) => index.fields(),
        None => body,
    }
}

/// What a container of some children has in it: them, and the index that they need.
pub(super) fn shared(children: &[u8], count: usize, is_object: bool) -> Arc<[u8]> {
    let len = if is_object {
        index::len(count, children.len())
    } else {
        0
    };
    let mut body = blank(len + children.len());
    let bytes = Arc::get_mut(&mut body).expect("it is new");
    bytes[len..].copy_from_slice(children);
    if len > 0 {
        index::fill(bytes, len, count);
    }
    body
}

/// Ends a container whose children have been written behind a head, which has to be another now.
pub(super) fn close(out: &mut Vec<u8>, head: Range<usize>, is_object: bool, count: usize) {
    let children = out.len() - head.end;
    let index = if is_object {
        index::len(count, children)
    } else {
        0
    };
    let new = Head::new(is_object, index + children);
    let start = head.start + new.as_bytes().len();
    let room = std::iter::repeat_n(0, index);
    out.splice(head, new.as_bytes().iter().copied().chain(room));
    if index > 0 {
        index::fill(&mut out[start..], index, count);
    }
}

/// A block that is shared begins with two counts.
pub(super) const SHARED_HEAD: usize = 2 * size_of::<usize>();

/// How many shared bytes are asked for so that so many fit: as many as the allocator gives anyway.
pub(super) fn with_room(len: usize) -> usize {
    size_class(SHARED_HEAD + len) - SHARED_HEAD
}

/// Shared bytes to be written to.
pub(super) fn blank(len: usize) -> Arc<[u8]> {
    static ZEROES: [u8; 4096] = [0; 4096];
    match ZEROES.get(..len) {
        Some(zeroes) => zeroes.into(),
        None => vec![0; len].into(),
    }
}

/// Fails if an object, at any depth, has an index that is wrong.
#[cfg(test)]
pub(super) fn validate(body: &[u8], is_object: bool) {
    let fields = children(body, is_object);
    if let Some(index) = Index::of(body).filter(|_| is_object) {
        let mut right = body.to_vec();
        index::fill(&mut right, index.len(), count(fields, true));
        assert_eq!(right, body);
    }
    let mut rest = fields;
    while !rest.is_empty() {
        let value = pack::value_start(rest, is_object);
        if let Some((is_object, inner)) = pack::content(&rest[value..]) {
            validate(&rest[value..][inner], is_object);
        }
        rest = &rest[pack::child_len(rest, is_object)..];
    }
}
