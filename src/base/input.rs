//! Bytes that came from a socket and were not understood yet.
//!
//! A client that says nothing should hold no buffer. So the 64 KiB that `read` fills are lent from a pool for a turn;
//! when the turn settles, what was not consumed (mostly nothing, else the beginning of a request) is copied to a small
//! buffer of the client's own, and the large one goes back. A client that sends requests in pieces keeps that small
//! buffer until it has been quiet for a while: see [`Input::shrink`].
//!
//! ```text
//!  buf  [ consumed | unconsumed: bytes() | free: space() ]
//!                  start                 end
//! ```
//!
//! A long string (a *big*) does not pass through that buffer at all: once its length is known, `space` hands out
//! room inside a vector of its own, which becomes the stored value without another copy. An announced length alone
//! takes no memory: the vector gets its final size when a megabyte has come, so that what has come is copied once.
//!
//! Positions are given relative to `bytes()`, so they survive moving the bytes to another buffer.
//! Memory handed to `read` is always initialised, which keeps this safe code.

use std::ops::Range;
use std::sync::Arc;

/// The bytes that one client has sent and that are not worked off.
#[derive(Debug, Default)]
pub struct Input {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// `buf` belongs to the pool.
    lent: bool,
    /// This input's own small buffer while `buf` is another.
    own: Vec<u8>,
    big: Option<Box<Big>>,
    /// Room for the next big: a client that sends one mostly sends another as large.
    next_big: Vec<u8>,
}

#[derive(Debug)]
struct Big {
    /// Initialised up to its length, of which `filled` bytes have arrived.
    bytes: Vec<u8>,
    filled: usize,
    len: usize,
}

/// The bytes of an input, apart from it.
pub(crate) struct LentBytes {
    buf: Vec<u8>,
    range: Range<usize>,
}

impl LentBytes {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf[self.range.clone()]
    }
}

/// Buffers to read into, lent for a turn.
#[derive(Debug)]
pub struct InputPool {
    free: Vec<Vec<u8>>,
    buffer_bytes: usize,
    keep: usize,
}

impl InputPool {
    /// Lends buffers of that size and keeps at most `keep` of them.
    pub(crate) fn new(buffer_bytes: usize, keep: usize) -> InputPool {
        InputPool {
            free: Vec::new(),
            buffer_bytes: buffer_bytes.max(1),
            keep,
        }
    }

    /// Memory resting here.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.free.len() * self.buffer_bytes
    }

    #[inline]
    fn lend(&mut self) -> Vec<u8> {
        self.free
            .pop()
            .unwrap_or_else(|| vec![0; self.buffer_bytes])
    }

    /// How long an input's own buffer is.
    fn own_bytes(&self) -> usize {
        (self.buffer_bytes / 4).max(1)
    }

    #[inline]
    fn give_back(&mut self, buffer: Vec<u8>) {
        if self.free.len() < self.keep && buffer.len() == self.buffer_bytes {
            self.free.push(buffer);
        }
    }
}

impl Default for InputPool {
    fn default() -> Self {
        InputPool::new(READ_BYTES, 64)
    }
}

impl Input {
    pub const fn new() -> Input {
        Input {
            buf: Vec::new(),
            start: 0,
            end: 0,
            lent: false,
            own: Vec::new(),
            big: None,
            next_big: Vec::new(),
        }
    }

    /// Where to read next; never empty. Tell [`Input::filled`] how much arrived.
    #[inline]
    pub(crate) fn space(&mut self, pool: &mut InputPool) -> &mut [u8] {
        if self.buf.is_empty() && self.big.is_none() {
            // An input that holds nothing, as nearly every one does between two turns.
            self.buf = pool.lend();
            self.lent = true;
            return &mut self.buf;
        }
        self.space_behind(pool)
    }

    /// The same where there is something already.
    fn space_behind(&mut self, pool: &mut InputPool) -> &mut [u8] {
        if self.awaits_big() {
            return self.big.as_mut().expect("awaited").space();
        }
        if !self.lent || !self.has_room() {
            self.make_room(pool);
        }
        &mut self.buf[self.end..]
    }

    /// That many bytes were read into [`Input::space`].
    pub(crate) fn filled(&mut self, n: usize) {
        if let Some(big) = &mut self.big
            && big.filled < big.len
        {
            big.filled += n;
            assert!(big.filled <= big.bytes.len(), "no more was lent");
            return;
        }
        self.end += n;
        assert!(self.end <= self.buf.len(), "no more was lent");
    }

    /// Appends bytes that did not come through [`Input::space`]: tests, files, another input.
    pub fn push(&mut self, mut bytes: &[u8], pool: &mut InputPool) {
        while !bytes.is_empty() {
            let space = self.space(pool);
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            self.filled(n);
            bytes = &bytes[n..];
        }
    }

    /// The bytes that are not consumed yet, those of a big string excepted. Not while they are lent out.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// Lends the bytes out for the time that requests in them run. Only their number is known here until they are back.
    #[inline]
    pub(crate) fn lend_bytes(&mut self) -> LentBytes {
        LentBytes {
            buf: std::mem::take(&mut self.buf),
            range: self.start..self.end,
        }
    }

    /// How much of the memory that this input holds went out with the bytes.
    #[inline]
    pub(crate) fn lent_room(&self, lent: &LentBytes) -> usize {
        if self.lent { 0 } else { lent.buf.capacity() }
    }

    /// Takes them back.
    #[inline]
    pub(crate) fn take_back(&mut self, lent: LentBytes) {
        debug_assert!(self.buf.is_empty(), "nothing comes while they are lent out");
        self.buf = lent.buf;
    }

    /// As [`Input::bytes`], for unescaping in place.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    /// The first `n` of [`Input::bytes`] are done with.
    #[inline]
    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n;
        assert!(self.start <= self.end, "no more can be consumed than came");
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Ends a turn: the lent buffer goes back, and the bytes left in it move to a buffer of this input's own.
    #[inline]
    pub fn settle(&mut self, pool: &mut InputPool) {
        if self.lent && self.start == self.end && self.big.is_none() {
            pool.give_back(std::mem::take(&mut self.buf));
            self.lent = false;
            (self.start, self.end) = (0, 0);
        } else {
            self.settle_rest(pool);
        }
    }

    /// The same where something is left, or was kept.
    fn settle_rest(&mut self, pool: &mut InputPool) {
        let left = self.end - self.start;
        if self.lent {
            if left > self.buf.len() / 2 {
                // Copying most of a buffer to save the rest is no bargain: keep it, the pool makes another.
                self.lent = false;
                return;
            }
            let buffer = if left > 0 || self.big.is_some() {
                let mut own = std::mem::take(&mut self.own);
                own.resize(left.max(pool.own_bytes()), 0);
                own[..left].copy_from_slice(self.bytes());
                own
            } else {
                Vec::new()
            };
            pool.give_back(std::mem::replace(&mut self.buf, buffer));
            self.lent = false;
        } else if left == 0 {
            self.set_aside(pool);
        } else if self.buf.len() > READ_BYTES && left < self.buf.len() / 4 {
            self.buf = self.bytes().to_vec();
        } else {
            return;
        }
        (self.start, self.end) = (0, left);
    }

    /// Puts an empty buffer where it can be had again: one that was lent and then kept goes to the pool, the small one
    /// rests here.
    fn set_aside(&mut self, pool: &mut InputPool) {
        let buffer = std::mem::take(&mut self.buf);
        if buffer.len() == pool.own_bytes() {
            self.own = buffer;
        } else {
            pool.give_back(buffer);
        }
    }

    /// Gives back room that nothing lies in: for a client that says nothing, or stopped in the middle of something
    /// long.
    pub(crate) fn shrink(&mut self) {
        self.own = Vec::new();
        self.next_big = Vec::new();
        if !self.lent && self.end - self.start < self.buf.len() {
            self.buf = self.bytes().to_vec();
            (self.start, self.end) = (0, self.buf.len());
        }
        if let Some(big) = &mut self.big {
            big.bytes.truncate(big.filled);
            big.bytes.shrink_to_fit();
        }
    }

    /// Gives up the room kept for another big.
    pub(crate) fn forget_big(&mut self) {
        self.next_big = Vec::new();
    }

    /// Memory of this input's own, not counting a lent buffer.
    pub fn memory(&self) -> usize {
        let buf = if self.lent { 0 } else { self.buf.capacity() };
        let big = self.big.as_ref().map_or(0, |big| big.bytes.capacity());
        buf + self.own.capacity() + big + self.next_big.capacity()
    }

    /// Bytes waiting, those of a big included.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start + self.big.as_ref().map_or(0, |big| big.filled)
    }

    /// Whether nothing is waiting.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end && self.big.is_none()
    }

    /// A string of `len` bytes begins at `bytes()[at..]`: the part that is there moves to a vector of its own, the rest
    /// will be read there.
    pub(crate) fn expect_big(&mut self, at: usize, len: usize) {
        debug_assert!(self.big.is_none(), "one big at a time");
        let from = self.start + at;
        let have = (self.end - from).min(len);
        let mut bytes = std::mem::take(&mut self.next_big);
        if bytes.capacity() != len {
            bytes = Vec::with_capacity(if have == len {
                len
            } else {
                Big::room(have, len)
            });
        }
        bytes.extend_from_slice(&self.buf[from..from + have]);
        let big = Big {
            bytes,
            filled: have,
            len,
        };
        self.buf.copy_within(from + have..self.end, from);
        self.end -= have;
        self.big = Some(Box::new(big));
    }

    /// How much of an expected big has come, and how long it will be.
    pub(crate) fn big_progress(&self) -> Option<(usize, usize)> {
        self.big.as_ref().map(|big| (big.filled, big.len))
    }

    /// The big, once complete.
    pub(crate) fn take_big(&mut self) -> Option<Arc<Vec<u8>>> {
        if self.big.as_ref().is_none_or(|big| big.filled < big.len) {
            return None;
        }
        let big = self.big.take()?;
        Some(Arc::new(big.bytes))
    }

    /// A request whose last big had so many bytes is complete: sets room aside for the next. Not sooner, or a client
    /// would count for twice what it has sent.
    pub(crate) fn expect_another_big(&mut self, len: usize) {
        self.next_big = Vec::with_capacity(len.min(TRUSTED_BYTES));
    }

    fn awaits_big(&self) -> bool {
        self.big.as_ref().is_some_and(|big| big.filled < big.len)
    }

    /// Whether at least a quarter of the buffer is free (at least one byte).
    fn has_room(&self) -> bool {
        self.buf.len() - self.end >= self.buf.len().div_ceil(4)
    }

    /// Makes it so.
    fn make_room(&mut self, pool: &mut InputPool) {
        let left = self.end - self.start;
        if !self.lent && left <= pool.buffer_bytes / 4 {
            if self.buf.len() == pool.buffer_bytes {
                // The buffer was kept in an earlier turn.
                self.buf.copy_within(self.start..self.end, 0);
            } else {
                let mut buffer = pool.lend();
                buffer[..left].copy_from_slice(self.bytes());
                self.set_aside(pool);
                self.buf = buffer;
            }
            self.lent = true;
        } else if self.has_room() {
            return;
        } else if self.start > left {
            // Moving down copies less than was consumed, so it cannot be done too often.
            self.buf.copy_within(self.start..self.end, 0);
        } else {
            // A buffer that outgrows the pool's is this input's own until the request in it is done.
            let size = (left * 2).max(pool.buffer_bytes);
            let mut larger = Vec::with_capacity(size);
            larger.extend_from_slice(self.bytes());
            larger.resize(size, 0);
            let outgrown = std::mem::replace(&mut self.buf, larger);
            if self.lent {
                pool.give_back(outgrown);
                self.lent = false;
            }
        }
        (self.start, self.end) = (0, left);
    }
}

impl Big {
    /// How large the vector may be when `filled` bytes have come: announcing much is free, so it takes some to be
    /// believed. From then on the vector has its final size, and nothing is copied again.
    fn room(filled: usize, len: usize) -> usize {
        if filled < TRUSTED_BYTES {
            len.min(TRUSTED_BYTES)
        } else {
            len
        }
    }

    fn space(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let room = Big::room(self.filled, self.len);
            self.bytes.reserve_exact(room - self.filled);
            // Only what the next reads may fill becomes memory of ours; the rest is room that the system has promised.
            let more = (self.filled * 3).clamp(READ_BYTES, TOUCHED_BYTES);
            self.bytes.resize(room.min(self.filled + more), 0);
        }
        &mut self.bytes[self.filled..]
    }
}

/// So much room is set aside for a string that was announced and has not come.
const TRUSTED_BYTES: usize = 1024 * 1024;

/// So much of it is made ready at a time, which takes a tenth of a millisecond or two.
const TOUCHED_BYTES: usize = 512 * 1024;

/// The size of one `read`: enough that a pipelining client needs few of them.
pub(crate) const READ_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// A buffer that was kept for a turn because most of it was not understood yet goes back later.
    #[test]
    fn a_pipelining_client_uses_no_new_buffer_each_turn() {
        let mut pool = InputPool::new(100, 4);
        let mut input = Input::new();
        for left in [0, 10] {
            input.push(&[7; 70], &mut pool);
            input.consume(10);
            input.settle(&mut pool);
            assert_eq!((input.memory(), pool.free.len()), (100, 0));
            input.consume(input.len() - left);
            input.push(&[7; 20], &mut pool);
            input.consume(input.len());
            input.settle(&mut pool);
            assert_eq!((input.memory(), pool.free.len()), (0, 1));
        }
    }

    /// Against a plain vector: pushed bytes come out in order, wherever they live meanwhile.
    #[test]
    fn keeps_bytes_in_order() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..300 {
            let mut pool = InputPool::new(1 + rng.index(200), rng.index(3));
            let mut input = Input::new();
            let mut model: Vec<u8> = Vec::new();
            for _ in 0..200 {
                match rng.below(4) {
                    0 => {
                        let mut bytes = vec![0; rng.index(300)];
                        rng.fill(&mut bytes);
                        input.push(&bytes, &mut pool);
                        model.extend(&bytes);
                    }
                    1 => {
                        let n = rng.index(model.len() + 1);
                        input.consume(n);
                        model.drain(..n);
                    }
                    2 => {
                        let space = input.space(&mut pool);
                        assert!(!space.is_empty());
                        let n = rng.index(space.len() + 1);
                        space[..n].fill(7);
                        input.filled(n);
                        model.resize(model.len() + n, 7);
                    }
                    _ => input.settle(&mut pool),
                }
                assert_eq!(input.bytes(), model);
                assert_eq!(input.len(), model.len());
                assert_eq!(input.is_empty(), model.is_empty());
            }
            input.consume(model.len());
            input.settle(&mut pool);
            input.shrink();
            assert_eq!(input.memory(), 0);
            assert!(pool.memory() <= 2 * pool.buffer_bytes);
        }
    }

    #[test]
    fn a_quiet_client_holds_nothing_and_a_cut_request_little() {
        let mut pool = InputPool::default();
        let mut input = Input::new();
        input.push(b"whole", &mut pool);
        assert_eq!(input.memory(), 0);
        input.consume(5);
        input.settle(&mut pool);
        assert_eq!((input.memory(), pool.memory()), (0, READ_BYTES));
        input.push(b"whole and a piece", &mut pool);
        input.consume(6);
        input.settle(&mut pool);
        assert_eq!(input.bytes(), b"and a piece");
        assert_eq!(input.memory(), READ_BYTES / 4);
        input.shrink();
        assert_eq!((input.bytes(), input.memory()), (&b"and a piece"[..], 11));
        assert_eq!(pool.memory(), READ_BYTES);
    }

    #[test]
    fn a_big_is_taken_out_of_the_stream() {
        let mut rng = Rng::from_seed(2);
        for _ in 0..200 {
            let mut pool = InputPool::new(64, 1);
            let mut input = Input::new();
            let mut big = vec![0; rng.index(2000)];
            rng.fill(&mut big);
            let stream = [b"head:", big.as_slice(), b":tail"].concat();
            let (first, rest) = stream.split_at(5 + rng.index(stream.len() - 4));
            input.push(first, &mut pool);
            input.expect_big(5, big.len());
            if rng.one_in(2) {
                input.settle(&mut pool);
            }
            for piece in rest.chunks(1 + rng.index(500)) {
                input.push(piece, &mut pool);
            }
            assert_eq!(input.big_progress(), Some((big.len(), big.len())));
            assert_eq!(*input.take_big().unwrap(), big);
            assert_eq!(input.bytes(), b"head::tail");
        }
    }
}
