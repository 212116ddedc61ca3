//! Commands of a file in batches, as they go from the thread that reads to the loop that runs them.
//!
//! One batch is one hand-over between threads. It ends early when it has grown large, or when the commands already read
//! would otherwise be kept waiting.

use std::io::Read;

use crate::wire::args::OwnedRequests;

use super::read::{Found, Reader, Trouble};

/// Some commands of a file.
#[derive(Debug, Default)]
pub struct Batch {
    pub commands: OwnedRequests,
    /// Where in the file each of them ends.
    pub ends: Vec<u64>,
    /// How far the file had been read when it was complete.
    pub(crate) offset: u64,
}

pub(crate) const COMMANDS_MAX: usize = 2048;
const BYTES_MAX: usize = 256 * 1024;

impl<R: Read> Reader<R> {
    /// Adds commands until the batch is full, the file ends, or `is_late` says so. Returns whether the file goes on.
    /// Commands that came before a trouble are in the batch.
    pub fn fill(&mut self, batch: &mut Batch, is_late: impl Fn() -> bool) -> Result<bool, Trouble> {
        while batch.ends.len() < COMMANDS_MAX && batch.commands.bytes() < BYTES_MAX {
            let found = self.read(&mut batch.commands);
            batch.offset = self.offset();
            match found? {
                Found::Command => {
                    batch.ends.push(batch.offset);
                    if is_late() {
                        break;
                    }
                }
                Found::Time(_) | Found::Comment => {}
                Found::End => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Feed;
    use super::*;
    use crate::persist::aof::Item;

    /// A batch says the same as the items one by one, wherever it ends.
    #[test]
    fn batches_are_the_file() {
        let mut feed = Feed::default();
        for round in 0..5000_i64 {
            let key = format!("key{round}").into_bytes();
            let value = vec![b'v'; (round * round % 50_000) as usize];
            feed.command(
                (round % 3) as u16,
                [b"SET", &key[..], &value].into_iter(),
                Some(round / 100),
            );
        }
        let mut reader = Reader::new(Vec::new(), &feed.bytes[..]);
        let mut one_by_one = Vec::new();
        loop {
            match reader.item().expect("it is whole") {
                Item::Command(args) => {
                    let words: Vec<Vec<u8>> = args.iter().map(<[u8]>::to_vec).collect();
                    one_by_one.push((words, reader.offset()));
                }
                Item::Time(_) | Item::Comment => {}
                Item::End => break,
            }
        }
        let mut reader = Reader::new(Vec::new(), &feed.bytes[..]);
        let mut seen = 0;
        let mut goes_on = true;
        while goes_on {
            let mut batch = Batch::default();
            goes_on = reader
                .fill(&mut batch, || seen % 7 == 0)
                .expect("it is whole");
            assert_eq!(batch.commands.len(), batch.ends.len());
            for index in 0..batch.commands.len() {
                let (words, end) = &one_by_one[seen];
                assert!(
                    batch
                        .commands
                        .at(index)
                        .iter()
                        .eq(words.iter().map(Vec::as_slice))
                );
                assert_eq!(batch.ends[index], *end);
                seen += 1;
            }
        }
        assert_eq!(seen, one_by_one.len());
        assert_eq!(reader.sum().offset, feed.bytes.len() as u64);
    }
}
