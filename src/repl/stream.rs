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

/// A block is large enough that a reference to it costs less than a copy, and no more than a sixteenth of the backlog.
const BLOCK_BYTES_MAX: usize = 16 * 1024;
/// What a full block takes besides its bytes: the counts of the reference, and where the bytes are.
const BLOCK_COST_BYTES: usize = 48;
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

    /// The block that grows, if so many bytes find room in it. Not more than they may be appended.
    #[inline]
    pub(crate) fn tail_with_room(&mut self, most: usize) -> Option<&mut Vec<u8>> {
        let room = self.block_bytes.min(self.tail.capacity());
        (self.tail.len() + most <= room).then_some(&mut self.tail)
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
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
                return;
            }
            self.start = end;
            self.blocks.pop_front();
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
