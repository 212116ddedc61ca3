//! Bytes to lines, with an end to how long a line may be.
//!
//! A line that is too long is reported once and thrown away as it comes, so that its sender can go on with the next.

use std::fmt;

#[derive(Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// We are inside a line that was too long.
    is_skipping: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a line may have {LINE_BYTES_MAX} bytes, not more")
    }
}

impl Lines {
    /// How many bytes may be added before somebody takes a line out.
    pub(crate) fn room(&self) -> usize {
        LINE_BYTES_MAX + 1 - self.bytes.len()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line without its end. When nothing more will come, the rest counts as one.
    pub(crate) fn next(&mut self, is_last: bool) -> Option<Result<Vec<u8>, TooLong>> {
        while let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
            let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
            line.pop();
            if !std::mem::take(&mut self.is_skipping) {
                return Some(Ok(line));
            }
        }
        if self.bytes.len() > LINE_BYTES_MAX || self.is_skipping {
            self.bytes.clear();
            let is_news = !std::mem::replace(&mut self.is_skipping, true);
            return is_news.then_some(Err(TooLong));
        }
        let rest = is_last && !self.bytes.is_empty();
        rest.then(|| Ok(std::mem::take(&mut self.bytes)))
    }
}

/// Longer than any command a person types.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<Result<Vec<u8>, TooLong>> {
        Some(Ok(text.into()))
    }

    #[test]
    fn lines_come_whole_and_the_rest_comes_at_the_end() {
        let mut lines = Lines::default();
        lines.push(b"date\n\nuna");
        assert_eq!(lines.next(false), line("date"));
        assert_eq!(lines.next(false), line(""));
        assert_eq!(lines.next(false), None);
        lines.push(b"me");
        assert_eq!(lines.next(true), line("uname"));
        assert_eq!(lines.next(true), None);
    }

    #[test]
    fn an_endless_line_is_told_once_and_never_kept() {
        let mut lines = Lines::default();
        let mut told = 0;
        for _ in 0..100 {
            let room = lines.room();
            assert!(room > 0);
            lines.push(&vec![b'x'; room]);
            told += usize::from(lines.next(false) == Some(Err(TooLong)));
        }
        lines.push(b"xx\ndate\n");
        assert_eq!((told, lines.next(false)), (1, line("date")));
        lines.push(&[b'y'; LINE_BYTES_MAX]);
        assert_eq!((lines.next(false), lines.room()), (None, 1));
        lines.push(b"\n");
        assert_eq!(lines.next(false), line(&"y".repeat(LINE_BYTES_MAX)));
    }
}
