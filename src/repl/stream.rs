//! The stream and its backlog: the last bytes of it, in counted blocks.
//!
//! There is one copy of the stream, however many replicas read it. Each has a cursor, an offset in the stream; what it
//! is sent are references to full blocks, and copies only of the block that still grows. A block goes when it lies
//! outside the backlog's size and every cursor has passed it, so a slow replica makes the backlog longer and nothing
//! else: its output limit counts how much.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::output::Output;

#[derive(Debug)]
pub(crate) struct Stream {
    /// Full blocks, oldest first.
    blocks: VecDeque<Block>,
    /// The block that grows, and its capacity.
    tail: Vec<u8>,
    block_bytes: usize,
    start: u64,
    /// The offset of the tail's first byte.
    tail_start: u64,
}

#[derive(Debug)]
struct Block {
    /// The offset of its first byte.
    start: u64,
    bytes: Arc<Vec<u8>>,
}

/// What is kept of a stream for one reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The memory of its blocks, apart from what they cost.
    pub(crate) bytes: usize,
    pub(crate) blocks: usize,
}

impl Held {
    pub(crate) fn memory(self) -> usize {
        self.bytes + self.blocks * BLOCK_COST_BYTES
    }
}

/// A block is large enough that a reference to it costs less than a copy, and no more than a sixteenth of the backlog.
const BLOCK_BYTES_MAX: usize = 16 * 1024;
/// What a full block takes besides its bytes: the counts of the reference, and where the bytes are.
const BLOCK_COST_BYTES: usize = 2 * size_of::<usize>() + size_of::<Vec<u8>>();
/// A list of no more blocks is not made shorter.
const LIST_LEN_MIN: usize = 64;
/// A shorter piece of a block is copied, for a reference to it would cost more.
const SHARED_MIN: usize = 1024;

impl Stream {
    /// A stream that goes on at this offset, with a backlog of so many bytes.
    pub(crate) fn new(offset: u64, size: u64) -> Self {
        Self {
            blocks: VecDeque::new(),
            tail: Vec::new(),
            block_bytes: block_bytes(size),
            start: offset,
            tail_start: offset,
        }
    }

    /// The backlog gets another size. The blocks that are there stay as they are until they are trimmed.
    pub(crate) fn resize(&mut self, size: u64) {
        self.block_bytes = block_bytes(size);
    }

    /// The offset of the oldest byte that is kept, and the one behind the newest.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    /// Whether a reader at this offset can go on without a gap.
    pub(crate) fn reaches(&self, offset: u64) -> bool {
        (self.start..=self.end()).contains(&offset)
    }

    pub(crate) fn memory(&self) -> usize {
        let cost = |block: &Block| block.bytes.capacity() + BLOCK_COST_BYTES;
        let blocks: usize = self.blocks.iter().map(cost).sum();
        blocks + self.blocks.capacity() * size_of::<Block>() + self.tail.capacity()
    }

    /// What is kept for a reader at this offset: all from the block in which it is, even if that is the last and it has
    /// read all of it.
    pub(crate) fn held_from(&self, offset: u64) -> Held {
        let first = self
            .blocks
            .partition_point(|block| block.start + block.bytes.len() as u64 <= offset);
        let full = self.blocks.iter().skip(first);
        let bytes = full.map(|block| block.bytes.capacity()).sum::<usize>();
        Held {
            bytes: bytes + self.tail.capacity(),
            blocks: self.blocks.len() - first + usize::from(self.tail.capacity() > 0),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.block_bytes.min(self.tail.capacity());
        if self.tail.len() + bytes.len() <= room {
            self.tail.extend_from_slice(bytes);
        } else {
            self.push_beyond(bytes);
        }
    }

    /// The same where a block ends.
    #[cold]
    fn push_beyond(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.tail.len() >= self.block_bytes {
                self.seal();
            }
            if self.tail.capacity() == 0 {
                self.tail.reserve_exact(self.block_bytes);
            }
            let room = self.block_bytes - self.tail.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            bytes = later;
        }
    }

    fn seal(&mut self) {
        let bytes = std::mem::take(&mut self.tail);
        let start = self.tail_start;
        self.tail_start += bytes.len() as u64;
        self.blocks.push_back(Block {
            start,
            bytes: Arc::new(bytes),
        });
    }

    /// Drops blocks that the backlog need not keep and that no cursor is in front of. `needed` is the least cursor.
    pub(crate) fn trim(&mut self, size: u64, needed: u64) {
        while let Some(block) = self.blocks.front() {
            let end = block.start + block.bytes.len() as u64;
            if end > needed || self.end() - end < size {
                break;
            }
            self.start = end;
            self.blocks.pop_front();
        }
        // A slow reader may have made the list of blocks long.
        let most = 4 * self.blocks.len().max(LIST_LEN_MIN);
        if self.blocks.capacity() > most {
            self.blocks.shrink_to(most / 2);
        }
    }

    /// Appends what is behind `cursor` to an output, at least `most` bytes if there are so many, and whole blocks
    /// beyond that. Returns the cursor behind what was appended.
    pub(crate) fn show(&self, cursor: u64, most: u64, out: &mut Output) -> u64 {
        debug_assert!(self.reaches(cursor), "a cursor keeps its block");
        let mut at = cursor;
        let first = self
            .blocks
            .partition_point(|block| block.start + block.bytes.len() as u64 <= cursor);
        for block in self.blocks.iter().skip(first) {
            if at - cursor >= most {
                return at;
            }
            let from = (at - block.start) as usize;
            let len = block.bytes.len();
            if len - from >= SHARED_MIN {
                out.push_shared(Arc::clone(&block.bytes), from..len);
            } else {
                out.push(&block.bytes[from..]);
            }
            at = block.start + len as u64;
        }
        if at - cursor < most {
            out.push(&self.tail[(at - self.tail_start) as usize..]);
            at = self.end();
        }
        at
    }
}

fn block_bytes(size: u64) -> usize {
    ((size / 16) as usize).clamp(SHARED_MIN, BLOCK_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// Any number of readers, each at its own pace, get every byte once and in order, and what is kept is bounded by
    /// the size and the slowest of them.
    #[test]
    fn readers_at_any_pace_see_the_stream_as_it_was() {
        let mut rng = Rng::from_seed(5);
        for round in 0..40 {
            let size = [16_384, 20_000, 1 << 20][round % 3];
            let base = rng.below(1 << 40);
            let mut stream = Stream::new(base, size);
            let mut model: Vec<u8> = Vec::new();
            let mut readers: Vec<(u64, Vec<u8>, u64)> = Vec::new();
            for _ in 0..300 {
                match rng.below(4) {
                    0 | 1 => {
                        let len = [3, 100, 5000, 40_000][rng.index(4)];
                        let bytes: Vec<u8> =
                            (0..rng.index(len)).map(|_| rng.next_u32() as u8).collect();
                        stream.push(&bytes);
                        model.extend_from_slice(&bytes);
                    }
                    2 if readers.len() < 4 => {
                        let span = stream.end() - stream.start();
                        let at = stream.start() + rng.below(span + 1);
                        readers.push((at, Vec::new(), at));
                    }
                    _ => {
                        for (cursor, seen, _) in &mut readers {
                            let mut out = Output::new();
                            *cursor = stream.show(*cursor, rng.below(30_000), &mut out);
                            seen.extend(out.take());
                        }
                    }
                }
                let needed = readers
                    .iter()
                    .map(|reader| reader.0)
                    .min()
                    .unwrap_or(u64::MAX);
                stream.trim(size, needed);
                assert_eq!(stream.end(), base + model.len() as u64);
                let kept = stream.end() - stream.start();
                let lag = stream.end().saturating_sub(needed.min(stream.end()));
                assert!(kept <= size.max(lag) + 2 * BLOCK_BYTES_MAX as u64, "{kept}");
                if rng.one_in(60) && !readers.is_empty() {
                    readers.remove(0);
                }
            }
            for (cursor, seen, from) in &readers {
                let (from, to) = ((from - base) as usize, (cursor - base) as usize);
                assert_eq!(seen, &model[from..to]);
            }
        }
    }

    #[test]
    fn what_is_held_for_a_reader_begins_with_its_block() {
        let mut stream = Stream::new(0, 16_384);
        assert_eq!(stream.held_from(0), Held::default());
        stream.push(&[b'x'; 1500]);
        let held = |bytes, blocks| Held { bytes, blocks };
        assert_eq!(stream.held_from(1023), held(2048, 2));
        assert_eq!(stream.held_from(1024), held(1024, 1));
        assert_eq!(stream.held_from(1500), held(1024, 1));
        assert_eq!(stream.held_from(0).memory(), 2048 + 2 * BLOCK_COST_BYTES);
    }

    #[test]
    fn a_list_that_a_slow_reader_made_long_is_given_back() {
        let mut stream = Stream::new(0, 16_384);
        let empty = stream.memory();
        for _ in 0..10_000 {
            stream.push(&[b'x'; 1024]);
            stream.trim(16_384, 0);
        }
        stream.trim(16_384, u64::MAX);
        assert!(stream.memory() < empty + 16_384 + 2 * 1024 + 8192);
        assert!(stream.reaches(10_000 * 1024 - 16_384));
    }

    #[test]
    fn a_backlog_keeps_what_its_size_says() {
        let mut stream = Stream::new(7, 16_384);
        for _ in 0..100 {
            stream.push(&[b'x'; 1000]);
            stream.trim(16_384, u64::MAX);
        }
        assert_eq!(stream.end(), 100_007);
        assert!(stream.reaches(100_007 - 16_384) && !stream.reaches(7) && !stream.reaches(100_008));
        assert!(stream.memory() < 30_000);
    }
}
