//! Requests of a debugging client: arrays of bulk strings, neither empty nor long.

use crate::base::num::leading_i32;

/// The most words of a request, and the most bytes of one.
const MOST: i64 = 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Whole(Vec<Vec<u8>>),
    Partial,
    Wrong,
}

/// Reads the request at the beginning of what has come.
pub(super) fn read(bytes: &[u8]) -> Request {
    let mut rest = bytes;
    let count = match number(&mut rest, b'*') {
        Ok(count) => count,
        Err(other) => return other,
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let len = match number(&mut rest, b'$') {
            Ok(len) => len,
            Err(other) => return other,
        };
        let Some((word, behind)) = rest.split_at_checked(len) else {
            return Request::Partial;
        };
        match behind {
            [b'\r', b'\n', others @ ..] => rest = others,
            [] | [b'\r'] => return Request::Partial,
            _ => return Request::Wrong,
        }
        words.push(word.to_vec());
    }
    Request::Whole(words)
}

/// A number needs no more room than this, and what goes on without an end is none.
const LINE_BYTES_MAX: usize = 64;

/// A line of a mark and a number that is neither too small nor too large.
fn number(rest: &mut &[u8], mark: u8) -> Result<usize, Request> {
    match rest.first() {
        None => return Err(Request::Partial),
        Some(&first) if first != mark => return Err(Request::Wrong),
        Some(_) => {}
    }
    let line = &rest[1..rest.len().min(LINE_BYTES_MAX)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        let is_long = rest.len() >= LINE_BYTES_MAX;
        return Err(if is_long {
            Request::Wrong
        } else {
            Request::Partial
        });
    };
    let number = i64::from(leading_i32(&line[..end]));
    *rest = &rest[end + 3..];
    if (1..=MOST).contains(&number) {
        Ok(number as usize)
    } else {
        Err(Request::Wrong)
    }
}
