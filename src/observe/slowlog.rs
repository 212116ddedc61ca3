//! The slow log: the last commands that took longer than a threshold.

use std::collections::VecDeque;

/// One slow command.
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) unix_s: i64,
    pub(crate) duration_us: i64,
    /// Shortened: at most 32 arguments of at most 128 bytes, the rest told by a remark.
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) address: String,
    pub(crate) client_name: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Slowlog {
    /// Newest first.
    pub(crate) entries: VecDeque<Entry>,
    next_id: i64,
}

pub(crate) const ARGS_MAX: usize = 32;
pub(crate) const ARG_BYTES_MAX: usize = 128;

impl Slowlog {
    /// Adds an entry, and drops the oldest beyond `most`. A log without room does not even use up a number.
    pub(crate) fn push<'a>(
        &mut self,
        args: impl ExactSizeIterator<Item = &'a [u8]>,
        unix_s: i64,
        duration_us: i64,
        address: &str,
        client_name: &[u8],
        most: usize,
    ) {
        if most == 0 {
            return;
        }
        let entry = Entry {
            id: self.next_id,
            unix_s,
            duration_us,
            args: shorten(args),
            address: address.to_owned(),
            client_name: client_name.to_vec(),
        };
        self.next_id += 1;
        self.entries.push_front(entry);
        self.entries.truncate(most);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

fn shorten<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = args.len();
    let shown = if count > ARGS_MAX {
        ARGS_MAX - 1
    } else {
        count
    };
    let mut kept: Vec<Vec<u8>> = args
        .take(shown)
        .map(|arg| {
            if arg.len() > ARG_BYTES_MAX {
                let mut text = arg[..ARG_BYTES_MAX].to_vec();
                text.extend_from_slice(
                    format!("... ({} more bytes)", arg.len() - ARG_BYTES_MAX).as_bytes(),
                );
                text
            } else {
                arg.to_vec()
            }
        })
        .collect();
    if shown < count {
        kept.push(format!("... ({} more arguments)", count - shown).into_bytes());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_shortened() {
        let long = vec![b'x'; 200];
        let args: Vec<&[u8]> = std::iter::once(long.as_slice())
            .chain(std::iter::repeat_n(b"y".as_slice(), 39))
            .collect();
        let mut log = Slowlog::default();
        log.push(args.iter().copied(), 1, 2, "addr", b"", 10);
        let entry = &log.entries[0];
        assert_eq!(entry.args.len(), 32);
        assert!(entry.args[0].ends_with(b"... (72 more bytes)"));
        assert_eq!(entry.args[31], b"... (9 more arguments)");
    }

    #[test]
    fn the_oldest_leave_first() {
        let mut log = Slowlog::default();
        for _ in 0..5 {
            log.push([b"x".as_slice()].into_iter(), 0, 0, "", b"", 3);
        }
        assert_eq!(
            log.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(),
            [4, 3, 2]
        );
    }
}
