//! Bytes on their way to a socket.
//!
//! ```text
//!  chunks (oldest first)                              tail
//!  [ Bytes 16 KiB ] [ Bytes ] [ Shared 1 MiB ] ...    [ used | room: zeros or old bytes ]
//!     ^ sent
//! ```
//!
//! Small replies are copied behind one another into the tail; a full tail becomes a chunk, and the buffer of a chunk
//! that was sent becomes the next tail, so a warm output allocates nothing. Large values are queued by reference.
//!
//! The tail is a vector whose whole length may be written to. So appending is one comparison and one copy, and for
//! bytes of a fixed number (the end of a line, a short header) a store or two; a vector's own `extend` costs three
//! times as much, and a reply is three or four pieces.
//!
//! A [`Mark`] remembers a place, so that a length can be written in front of elements already appended. Marks nest:
//! the one taken last is used first, and nothing may be sent in between.
//!
//! An output may be given a cap. One reply that outgrows it, however it is made, is dropped as it grows, with all that
//! was queued before: the owner of the cap finds the output [cut off](Output::is_cut_off) and gives the receiver up.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use super::short;

/// Appended at one end, sent at the other.
#[derive(Debug, Default)]
pub struct Output {
    chunks: VecDeque<Chunk>,
    tail: Vec<u8>,
    /// How much of the tail was appended.
    used: usize,
    /// How much of the first chunk (of the tail, when there is no chunk) went out already.
    sent: usize,
    /// Bytes in `chunks`, the sent ones included.
    queued: usize,
    /// Memory owned by `chunks`.
    owned: usize,
    /// Chunks gone since the beginning: the number of the first one still here.
    gone: u64,
    /// The buffer of a chunk that was sent, kept for the next tail.
    spare: Vec<u8>,
    /// The most bytes that may be queued; 0 for any number, [`CUT_OFF`] once there were more.
    cap: usize,
    /// Whether a tail larger than [`KEEP_ONCE`] has been needed since memory was last given back.
    was_large: bool,
}

#[derive(Debug)]
enum Chunk {
    /// A former tail, and how much of it was used.
    Bytes(Vec<u8>, usize),
    Shared(Arc<Vec<u8>>, Range<usize>),
}

/// A place in an output: everything appended so far lies before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) struct Mark {
    chunk: u64,
    offset: usize,
}

impl Output {
    pub(crate) const fn new() -> Output {
        Output {
            chunks: VecDeque::new(),
            tail: Vec::new(),
            used: 0,
            sent: 0,
            queued: 0,
            owned: 0,
            gone: 0,
            spare: Vec::new(),
            cap: 0,
            was_large: false,
        }
    }

    /// Sets how many bytes may be queued, roughly (it is looked at when a chunk is full); 0 for any number.
    #[inline]
    pub(crate) fn set_cap(&mut self, bytes: usize) {
        if self.cap != CUT_OFF {
            self.cap = bytes.min(CUT_OFF - 1);
        }
    }

    /// Whether there was more than the cap. From then on all appended bytes are dropped, if not at once.
    #[inline]
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cap == CUT_OFF
    }

    /// Appends a copy.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        match self.tail.get_mut(self.used..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used = end;
            }
            None => self.push_beyond(bytes),
        }
    }

    /// Appends a few bytes whose number the compiler knows: a store or two.
    #[inline]
    pub(crate) fn push_array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.push_part(bytes, N);
    }

    /// Appends the first few of these bytes. All of them are stored, if there is room.
    #[inline]
    pub(crate) fn push_part<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        let room = self.tail.get_mut(self.used..);
        match room.and_then(|room| room.first_chunk_mut()) {
            Some(room) if len <= N => {
                *room = bytes;
                self.used += len;
            }
            _ => self.push_part_beyond(bytes, len),
        }
    }

    /// By value, so that the bytes need not be in memory before.
    #[cold]
    fn push_part_beyond<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        self.push(&bytes[..len]);
    }

    /// Appends a few bytes, then others, then the end of a line: for one look at the room there is.
    #[inline]
    pub(crate) fn push_line<const N: usize>(&mut self, first: [u8; N], bytes: &[u8]) {
        // What is short is copied in place. A call would have to save registers, here and for who calls.
        if bytes.len() > short::LEN_MAX || !self.fill_line(first, bytes, short::copy) {
            self.push_long_line(first, bytes);
        }
    }

    #[inline(never)]
    fn push_long_line<const N: usize>(&mut self, first: [u8; N], bytes: &[u8]) {
        if !self.fill_line(first, bytes, <[u8]>::copy_from_slice) {
            self.push(&first);
            self.push(bytes);
            self.push(b"\r\n");
        }
    }

    /// A line into the tail. False, and nothing done, if it does not fit.
    #[inline]
    fn fill_line<const N: usize>(
        &mut self,
        first: [u8; N],
        bytes: &[u8],
        copy: impl FnOnce(&mut [u8], &[u8]),
    ) -> bool {
        if let Some(room) = self.tail.get_mut(self.used..)
            && let Some((start, rest)) = room.split_first_chunk_mut()
            && let Some((middle, rest)) = rest.split_at_mut_checked(bytes.len())
            && let Some(last) = rest.first_chunk_mut()
        {
            *start = first;
            copy(middle, bytes);
            *last = *b"\r\n";
            self.used += N + bytes.len() + 2;
            return true;
        }
        false
    }

    /// Appends without copying. Worth it from about [`SHARE_MIN`] bytes.
    pub(crate) fn push_shared(&mut self, bytes: Arc<Vec<u8>>, range: Range<usize>) {
        debug_assert!(range.start <= range.end && range.end <= bytes.len());
        // Even an empty tail becomes a chunk: a mark may point at it, and must not end up inside shared bytes.
        self.rotate();
        self.queued += range.len();
        self.chunks.push_back(Chunk::Shared(bytes, range));
        self.keep_to_cap();
    }

    /// Of how many pieces it consists: what it costs to let it go.
    pub(crate) fn pieces_count(&self) -> usize {
        self.chunks.len() + 1
    }

    /// Bytes not yet sent.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queued + self.used - self.sent
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory this output owns; shared values are someone else's.
    pub(crate) fn memory(&self) -> usize {
        self.owned
            + self.tail.capacity()
            + self.spare.capacity()
            + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// The place behind everything appended so far.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            chunk: self.gone + self.chunks.len() as u64,
            offset: self.used,
        }
    }

    /// Puts bytes at a place marked earlier.
    pub(crate) fn insert(&mut self, mark: Mark, bytes: &[u8]) {
        if self.is_cut_off() {
            return;
        }
        let index = (mark.chunk - self.gone) as usize;
        if index == self.chunks.len() {
            insert_at(&mut self.tail, &mut self.used, mark.offset, bytes);
            return;
        }
        let Chunk::Bytes(chunk, used) = &mut self.chunks[index] else {
            unreachable!("marks point into tails, and a tail becomes a chunk of bytes");
        };
        let before = chunk.capacity();
        insert_at(chunk, used, mark.offset, bytes);
        self.owned += chunk.capacity() - before;
        self.queued += bytes.len();
    }

    /// Drops everything appended since the mark.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        if self.is_cut_off() {
            return;
        }
        let index = (mark.chunk - self.gone) as usize;
        while self.chunks.len() > index {
            match self.chunks.pop_back().expect("longer than index") {
                Chunk::Bytes(bytes, used) => {
                    self.queued -= used;
                    self.owned -= bytes.capacity();
                    self.tail = bytes;
                }
                Chunk::Shared(_, range) => {
                    self.queued -= range.len();
                }
            }
        }
        self.used = mark.offset;
        debug_assert!(self.sent <= self.queued + self.used);
    }

    /// The first bytes to be sent, as far as they lie beside each other: all of them, for nearly every output.
    #[inline]
    pub(crate) fn front(&self) -> &[u8] {
        if self.chunks.is_empty() {
            return &self.tail[self.sent..self.used];
        }
        // A chunk may be empty, but none is that has been sent in part.
        let mut skip = self.sent;
        let mut rests = self
            .pieces()
            .map(|piece| &piece[std::mem::take(&mut skip)..]);
        rests.find(|rest| !rest.is_empty()).unwrap_or_default()
    }

    /// Lends the bytes to be sent, in order, as far as `slots` reach; says how many it filled.
    pub(crate) fn slices<'a>(&'a self, slots: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.sent;
        let mut filled = 0;
        for piece in self.pieces() {
            let piece = &piece[skip..];
            skip = 0;
            if piece.is_empty() {
                continue;
            }
            let Some(slot) = slots.get_mut(filled) else {
                break;
            };
            *slot = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    /// The first `n` unsent bytes went out.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) {
        assert!(n <= self.len(), "no more can be sent than there is");
        self.sent += n;
        if !self.chunks.is_empty() {
            self.let_chunks_go();
        }
        if self.sent == self.used && self.chunks.is_empty() {
            let used = std::mem::take(&mut self.used);
            self.sent = 0;
            if self.tail.capacity() > KEEP_ONCE {
                self.keep_if_wanted(used);
            }
        }
    }

    /// Keeps the large tail, of which so much was used, unless it is the first of its kind. Who asks once for much, as
    /// for INFO, holds nothing afterwards; who asks again is likely to go on.
    fn keep_if_wanted(&mut self, used: usize) {
        let is_first = used > KEEP_ONCE && !std::mem::replace(&mut self.was_large, true);
        if is_first || self.tail.capacity() > KEEP_MAX {
            self.tail = Vec::new();
        }
    }

    /// The chunks that went out as a whole.
    fn let_chunks_go(&mut self) {
        while let Some(first) = self.chunks.front() {
            let len = first.bytes().len();
            if self.sent < len {
                return;
            }
            self.sent -= len;
            self.queued -= len;
            self.gone += 1;
            if let Some(Chunk::Bytes(bytes, _)) = self.chunks.pop_front() {
                self.owned -= bytes.capacity();
                if bytes.len() > self.spare.len() && bytes.capacity() <= KEEP_MAX {
                    self.spare = bytes;
                }
            }
        }
    }

    /// Drops everything, sent or not.
    pub(crate) fn clear(&mut self) {
        self.advance(self.len());
    }

    /// Gives memory back if there is nothing to send: for clients that have gone quiet.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.gone += self.chunks.len() as u64;
            self.chunks = VecDeque::new();
            self.tail = Vec::new();
            self.spare = Vec::new();
            (self.used, self.sent, self.queued, self.owned) = (0, 0, 0, 0);
            self.was_large = false;
        }
    }

    /// All unsent bytes, as one piece that stays here.
    #[inline]
    pub(crate) fn contiguous(&mut self) -> &[u8] {
        if !self.chunks.is_empty() {
            self.join();
        }
        &self.tail[self.sent..self.used]
    }

    #[cold]
    fn join(&mut self) {
        let all = self.copy_to_vec();
        self.clear();
        self.used = all.len();
        self.tail = all;
    }

    /// Takes all unsent bytes out, as one piece.
    pub fn take(&mut self) -> Vec<u8> {
        let bytes = self.copy_to_vec();
        self.clear();
        bytes
    }

    /// All unsent bytes, as one piece.
    pub(crate) fn copy_to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len() + self.sent);
        for piece in self.pieces() {
            all.extend_from_slice(piece);
        }
        all.drain(..self.sent);
        all
    }

    /// Moves everything unsent of `other` behind the bytes here; shared bytes stay shared.
    pub(crate) fn append(&mut self, other: &mut Output) {
        let mut skip = other.sent;
        for chunk in &other.chunks {
            match chunk {
                Chunk::Bytes(..) => self.push(&chunk.bytes()[skip..]),
                Chunk::Shared(bytes, range) => {
                    self.push_shared(Arc::clone(bytes), range.start + skip..range.end);
                }
            }
            skip = 0;
        }
        self.push(&other.tail[skip..other.used]);
        other.clear();
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let chunks = self.chunks.iter().map(Chunk::bytes);
        chunks.chain([&self.tail[..self.used]])
    }

    /// Appends bytes that the tail has no room for: into a larger tail, or into the next one, or as a chunk of its own.
    #[cold]
    fn push_beyond(&mut self, mut bytes: &[u8]) {
        if bytes.len() >= CHUNK_BYTES {
            self.rotate();
            self.queued += bytes.len();
            self.owned += bytes.len();
            self.chunks
                .push_back(Chunk::Bytes(bytes.to_vec(), bytes.len()));
            return;
        }
        if self.used + bytes.len() > CHUNK_BYTES {
            let (fitting, rest) = bytes.split_at(self.tail.len() - self.used);
            self.tail[self.used..].copy_from_slice(fitting);
            self.used = self.tail.len();
            self.rotate();
            bytes = rest;
        }
        let end = self.used + bytes.len();
        if end > self.tail.len() {
            // With room behind it: the end of a line that follows shall not double what was made to measure.
            let len = (end + LINE_END_ROOM).next_power_of_two();
            resize_exactly(&mut self.tail, len.clamp(TAIL_FIRST_BYTES, CHUNK_BYTES));
        }
        self.tail[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }

    /// Puts the tail behind the chunks and begins another.
    fn rotate(&mut self) {
        let next = std::mem::take(&mut self.spare);
        let full = std::mem::replace(&mut self.tail, next);
        let used = std::mem::take(&mut self.used);
        self.queued += used;
        self.owned += full.capacity();
        self.chunks.push_back(Chunk::Bytes(full, used));
        self.keep_to_cap();
    }

    fn keep_to_cap(&mut self) {
        if self.is_cut_off() || (self.cap != 0 && self.queued - self.sent > self.cap) {
            self.cap = CUT_OFF;
            self.clear();
            self.release();
        }
    }
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Bytes(bytes, used) => &bytes[..*used],
            Chunk::Shared(bytes, range) => &bytes[range.clone()],
        }
    }
}

/// Inserts into the used part of a buffer, which it makes longer if it must.
fn insert_at(buffer: &mut Vec<u8>, used: &mut usize, offset: usize, bytes: &[u8]) {
    let end = *used + bytes.len();
    if end > buffer.len() {
        resize_exactly(buffer, end);
    }
    buffer.copy_within(offset..*used, offset + bytes.len());
    buffer[offset..offset + bytes.len()].copy_from_slice(bytes);
    *used = end;
}

fn resize_exactly(buffer: &mut Vec<u8>, len: usize) {
    buffer.reserve_exact(len - buffer.len());
    buffer.resize(len, 0);
}

/// From here on sharing a value is cheaper than copying it, counting the reference and the longer list of slices.
pub(crate) const SHARE_MIN: usize = 16 * 1024;

/// A tail is put aside at this size: small enough that growing it costs no large copies, large enough that one
/// `writev` of a few slices fills a socket's buffer.
const CHUNK_BYTES: usize = 16 * 1024;

/// In place of a cap: it was exceeded.
const CUT_OFF: usize = usize::MAX;

/// A tail's first size: an idle client that says PING now and then should not hold much.
const TAIL_FIRST_BYTES: usize = 128;

/// What follows nearly everything that is appended.
const LINE_END_ROOM: usize = 2;

/// A tail that was made larger than this is kept from the second time on.
const KEEP_ONCE: usize = 4 * 1024;

/// A buffer that was made larger than this is not kept.
const KEEP_MAX: usize = 2 * CHUNK_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn a_reply_that_outgrows_its_cap_is_dropped_while_it_grows() {
        let mut output = Output::new();
        output.set_cap(100_000);
        output.push(b"before");
        let mark = output.mark();
        for _ in 0..1000 {
            output.push(&[b'x'; 1000]);
            assert!(output.memory() < 200_000);
        }
        assert!(output.is_cut_off());
        output.insert(mark, b"*1000\r\n");
        output.push_shared(Arc::new(vec![0; 1 << 20]), 0..1 << 20);
        assert!(output.len() < 2 * CHUNK_BYTES);
        output.set_cap(0);
        assert!(output.is_cut_off(), "for good");
    }

    /// Against a plain vector, with marks, shared pieces and sends of any size.
    #[test]
    fn keeps_bytes_in_order() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..200 {
            let mut output = Output::new();
            let mut model: Vec<u8> = Vec::new();
            for _ in 0..60 {
                append_something(&mut rng, &mut output, &mut model, 3);
                assert_eq!(output.len(), model.len());
                assert_eq!(output.copy_to_vec(), model);
                // Send what some slices hold, or only a part of it.
                let mut slots = [IoSlice::new(&[]); 4];
                let used = output.slices(&mut slots);
                let sent: Vec<u8> = slots[..used]
                    .iter()
                    .flat_map(|slot| slot.to_vec())
                    .collect();
                assert!(model.starts_with(&sent));
                assert!(used == 4 || sent.len() == model.len());
                let n = rng.index(sent.len() + 1);
                output.advance(n);
                model.drain(..n);
                if rng.one_in(20) {
                    output.clear();
                    model.clear();
                }
                if rng.one_in(5) {
                    output.release();
                }
            }
            let rest = output.take();
            assert_eq!(rest, model);
            assert!(output.is_empty());
            assert_eq!(output.owned + output.queued + output.sent, 0);
            output.release();
            assert_eq!(output.memory(), 0);
        }
    }

    /// Appends pieces, and around some of them a nested part whose header is inserted afterwards, or which is dropped.
    fn append_something(rng: &mut Rng, output: &mut Output, model: &mut Vec<u8>, depth: u32) {
        for _ in 0..rng.index(4) {
            let most = if rng.one_in(5) { 40_000 } else { 50 };
            let mut bytes = vec![0; rng.index(most)];
            rng.fill(&mut bytes);
            match rng.below(4) {
                0 => {
                    let from = rng.index(bytes.len() + 1);
                    model.extend(&bytes[from..]);
                    let end = bytes.len();
                    output.push_shared(Arc::new(bytes), from..end);
                }
                1 if depth > 0 => {
                    let (mark, at) = (output.mark(), model.len());
                    append_something(rng, output, model, depth - 1);
                    if rng.one_in(4) {
                        output.truncate(mark);
                        model.truncate(at);
                    } else {
                        bytes.truncate(12);
                        output.insert(mark, &bytes);
                        model.splice(at..at, bytes);
                    }
                }
                2 => {
                    let mut other = Output::new();
                    other.push(b"before");
                    other.advance(2);
                    if rng.one_in(2) {
                        let end = bytes.len();
                        other.push_shared(Arc::new(bytes), 0..end);
                    }
                    model.extend(other.copy_to_vec());
                    output.append(&mut other);
                    assert!(other.is_empty());
                }
                _ => {
                    model.extend(&bytes);
                    output.push(&bytes);
                }
            }
        }
    }

    #[test]
    fn a_warm_output_keeps_its_buffer() {
        let mut output = Output::new();
        output.push(b"+OK\r\n");
        output.advance(5);
        let (memory, buffer) = (output.memory(), output.tail.as_ptr());
        output.push(b"+OK\r\n");
        assert_eq!((output.memory(), output.tail.as_ptr()), (memory, buffer));
    }

    #[test]
    fn a_large_tail_is_kept_from_the_second_time_on() {
        let mut output = Output::new();
        let mut kept_after = |bytes: usize| {
            (0..bytes / 8).for_each(|_| output.push(b"12345678"));
            output.clear();
            let kept = output.memory();
            if bytes == 0 {
                output.release();
            }
            kept
        };
        assert_eq!(kept_after(1000), 1024);
        assert_eq!(kept_after(8000), 0);
        assert_eq!(kept_after(1000), 1024);
        assert_eq!(kept_after(8000), 8192);
        assert_eq!(kept_after(1000), 8192);
        // Quiet for a while, and all is as at the beginning.
        assert_eq!(kept_after(0), 8192);
        assert_eq!(kept_after(8000), 0);
    }

    #[test]
    fn the_end_of_a_line_does_not_double_a_tail() {
        let mut output = Output::new();
        output.push(&[b'x'; 5000]);
        output.push(b"\r\n");
        assert_eq!(output.memory(), 8192);
    }

    #[test]
    fn a_shared_value_is_not_copied_and_not_counted() {
        let value = Arc::new(vec![b'v'; 1 << 20]);
        let mut output = Output::new();
        output.push(b"$");
        output.push_shared(Arc::clone(&value), 0..value.len());
        assert!(output.memory() < 4096);
        let mut slots = [IoSlice::new(&[]); 3];
        assert_eq!(output.slices(&mut slots), 2);
        assert!(std::ptr::eq(slots[1].as_ptr(), value.as_ptr()));
        output.advance(output.len());
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
