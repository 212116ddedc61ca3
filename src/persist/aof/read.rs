//! Reads a file, item by item.
//!
//! A file may be damaged or cut off anywhere. A cut is told apart from an error, since the last bytes before a power
//! failure may be missing, and that is no reason to refuse all others. Memory is taken as bytes come, whatever a length
//! says; a long word goes straight into a vector of its own.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::persist::STRING_TOO_LONG;
use crate::store::STRING_BYTES_MAX;
use crate::wire::args::{Args, OwnedRequests};
use crate::wire::request::BIG_BYTES_MIN;

use super::feed::Sum;

/// The next thing in a file.
#[derive(Debug)]
pub enum Item<'a> {
    Command(Args<'a>),
    /// The commands that follow happened at this time, in seconds of Unix time.
    Time(i64),
    /// Another line that begins with `#`.
    Comment,
    End,
}

/// Why a file cannot be read any further.
#[derive(Debug)]
pub enum Trouble {
    /// It ends in the middle of an item.
    Ended,
    Malformed(&'static str),
    /// A word is longer than the store can hold.
    TooLong,
    Io(io::Error),
    /// The bytes between two lines with checksums are not what they were; offsets in the file.
    Checksum {
        from: u64,
        to: u64,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("Unexpected end of file"),
            Self::Malformed(what) => f.write_str(what),
            Self::TooLong => f.write_str(STRING_TOO_LONG),
            Self::Io(error) => write!(f, "{error}"),
            Self::Checksum { from, to } => {
                write!(
                    f,
                    "Checksum mismatch: the bytes from {from} to {to} are damaged"
                )
            }
        }
    }
}

/// The result of a look; the words of a command are where the caller wanted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Command,
    Time(i64),
    Comment,
    End,
}

/// A line is never longer.
const LINE_MAX: usize = 1024;
/// So much is read at once.
const READ_BYTES: usize = 256 * 1024;
/// Of a long word so much is read at first, and then as much again as has come.
const WORD_STEP_BYTES: usize = 1024 * 1024;
/// No command has more words than a client could send.
const WORDS_MAX: i64 = i32::MAX as i64;

pub struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
    /// The part of the buffer that has been worked off.
    at: usize,
    /// Where in the file the buffer begins.
    start: u64,
    sum: Sum,
    /// The part of the buffer that is in the sum. It lags behind, since many bytes are summed faster at once.
    summed: usize,
    /// Up to where the last checksum vouched.
    vouched_to: u64,
    is_at_end: bool,
    /// Where in the file we are, by lines.
    lines: u64,
    /// The command that `item` shows.
    shown: OwnedRequests,
}

impl<R: Read> Reader<R> {
    /// `ahead` has been read from the input already.
    pub fn new(ahead: Vec<u8>, input: R) -> Self {
        Self {
            input,
            buffer: ahead,
            at: 0,
            start: 0,
            sum: Sum::default(),
            summed: 0,
            vouched_to: 0,
            is_at_end: false,
            lines: 1,
            shown: OwnedRequests::new(),
        }
    }

    /// Where the next item begins.
    pub(crate) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The number of the line that is read next.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// The checksum of all that was read.
    pub(crate) fn sum(&mut self) -> &Sum {
        self.sum_up();
        &self.sum
    }

    /// The next thing in the file.
    pub fn item(&mut self) -> Result<Item<'_>, Trouble> {
        let mut shown = std::mem::take(&mut self.shown);
        shown.clear();
        let found = self.read(&mut shown);
        self.shown = shown;
        Ok(match found? {
            Found::Command => Item::Command(self.shown.at(0)),
            Found::Time(seconds) => Item::Time(seconds),
            Found::Comment => Item::Comment,
            Found::End => Item::End,
        })
    }

    /// The same; the words of a command are added to what the caller has already.
    pub(super) fn read(&mut self, words: &mut OwnedRequests) -> Result<Found, Trouble> {
        match self.peek()? {
            None => Ok(Found::End),
            Some(b'#') => self.comment(),
            Some(b'*') => match self.command(words) {
                Ok(()) => Ok(Found::Command),
                Err(trouble) => {
                    words.give_up();
                    Err(trouble)
                }
            },
            Some(_) => Err(Trouble::Malformed("Expected a command")),
        }
    }

    fn command(&mut self, words: &mut OwnedRequests) -> Result<(), Trouble> {
        let count = self.number(b'*', WORDS_MAX)?;
        if count < 1 {
            return Err(Trouble::Malformed("A command has at least one word"));
        }
        for _ in 0..count {
            let len = self.number(b'$', i64::MAX)? as usize;
            if len > STRING_BYTES_MAX {
                return Err(Trouble::TooLong);
            }
            if len >= BIG_BYTES_MIN {
                words.push_shared(Arc::new(self.long_word(len)?));
                self.need(2)?;
            } else {
                self.need(len + 2)?;
                words.push(&self.buffer[self.at..self.at + len]);
                self.at += len;
            }
            if &self.buffer[self.at..self.at + 2] != b"\r\n" {
                return Err(Trouble::Malformed("A word does not end where it should"));
            }
            self.at += 2;
            self.lines += 1;
        }
        words.end();
        Ok(())
    }

    fn long_word(&mut self, len: usize) -> Result<Vec<u8>, Trouble> {
        let here = len.min(self.buffer.len() - self.at);
        let mut word = Vec::with_capacity(len.min(here + WORD_STEP_BYTES));
        word.extend_from_slice(&self.buffer[self.at..self.at + here]);
        self.at += here;
        if here == len {
            return Ok(word);
        }
        self.forget();
        while word.len() < len {
            let step = (len - word.len()).min(word.len().max(WORD_STEP_BYTES));
            word.reserve_exact(step);
            let input = &mut self.input;
            let count = input
                .take(step as u64)
                .read_to_end(&mut word)
                .map_err(Trouble::Io)?;
            if count == 0 {
                self.is_at_end = true;
                return Err(Trouble::Ended);
            }
        }
        self.sum.add(&word[here..]);
        self.start += (len - here) as u64;
        Ok(word)
    }

    fn comment(&mut self) -> Result<Found, Trouble> {
        let begin = self.offset();
        // The sum before this line is what the line speaks of.
        self.sum_up();
        let line = self.line()?;
        let text = std::str::from_utf8(&self.buffer[line]).unwrap_or("");
        if let Some(seconds) = text.strip_prefix("#TS:") {
            return match seconds.parse() {
                Ok(seconds) => Ok(Found::Time(seconds)),
                Err(_) => Err(Trouble::Malformed("Invalid timestamp annotation")),
            };
        }
        if let Some((offset, sum)) = text
            .strip_prefix("#C:")
            .and_then(|rest| rest.split_once(':'))
            && let (Ok(offset), Ok(sum)) = (offset.parse::<u64>(), u64::from_str_radix(sum, 16))
        {
            if offset != begin || sum != self.sum.value() {
                return Err(Trouble::Checksum {
                    from: self.vouched_to,
                    to: begin,
                });
            }
            self.vouched_to = offset;
        }
        Ok(Found::Comment)
    }

    /// A line with a letter and a number.
    #[inline]
    fn number(&mut self, letter: u8, most: i64) -> Result<i64, Trouble> {
        if let Some((number, len)) = short_number(&self.buffer[self.at..], letter) {
            self.at += len;
            self.lines += 1;
            return Ok(number);
        }
        let range = self.line()?;
        let line = &self.buffer[range];
        let number = line
            .strip_prefix(&[letter])
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<i64>().ok())
            .filter(|number| (0..=most).contains(number));
        number.ok_or(Trouble::Malformed("Expected a count or a length"))
    }

    /// The next line without its end.
    fn line(&mut self) -> Result<std::ops::Range<usize>, Trouble> {
        let mut seen = 0;
        loop {
            // Reading more moves the bytes in the buffer.
            let from = self.at;
            let rest = &self.buffer[from + seen..];
            let window = &rest[..rest.len().min(LINE_MAX - seen)];
            if let Some(end) = memchr::memchr(b'\n', window) {
                let end = from + seen + end;
                self.at = end + 1;
                self.lines += 1;
                let without = if end > from && self.buffer[end - 1] == b'\r' {
                    end - 1
                } else {
                    end
                };
                return Ok(from..without);
            }
            seen += window.len();
            if seen >= LINE_MAX {
                return Err(Trouble::Malformed("A line is too long"));
            }
            if !self.more()? {
                return Err(Trouble::Ended);
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, Trouble> {
        if self.at == self.buffer.len() && !self.more()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    /// So many bytes, which are not many, are in the buffer from here on.
    #[inline]
    fn need(&mut self, len: usize) -> Result<(), Trouble> {
        while self.buffer.len() - self.at < len {
            if !self.more()? {
                return Err(Trouble::Ended);
            }
        }
        Ok(())
    }

    /// Reads some more bytes; false at the end of the file.
    #[cold]
    fn more(&mut self) -> Result<bool, Trouble> {
        if self.is_at_end {
            return Ok(false);
        }
        self.forget();
        self.buffer.reserve(READ_BYTES);
        let input = &mut self.input;
        let count = input
            .take(READ_BYTES as u64)
            .read_to_end(&mut self.buffer)
            .map_err(Trouble::Io)?;
        self.is_at_end = count == 0;
        Ok(count > 0)
    }

    /// Drops the bytes that have been worked off.
    fn forget(&mut self) {
        self.sum_up();
        self.start += self.at as u64;
        self.buffer.drain(..self.at);
        (self.at, self.summed) = (0, 0);
    }

    fn sum_up(&mut self) {
        self.sum.add(&self.buffer[self.summed..self.at]);
        self.summed = self.at;
    }
}

/// The number in a line of the usual form that is all there, and how long the line is.
#[inline]
fn short_number(bytes: &[u8], letter: u8) -> Option<(i64, usize)> {
    if *bytes.first()? != letter {
        return None;
    }
    let mut number = 0;
    for (index, byte) in bytes[1..].iter().take(SHORT_DIGITS + 1).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let is_line = index > 0 && *byte == b'\r' && bytes.get(index + 2) == Some(&b'\n');
            return is_line.then_some((number, index + 3));
        }
        number = number * 10 + i64::from(digit);
    }
    None
}

/// Numbers of so many digits are below every limit.
const SHORT_DIGITS: usize = 9;

#[cfg(test)]
mod tests {
    use super::super::feed::{Feed, push_command};
    use super::*;
    use crate::base::rng::Rng;

    /// Gives its bytes a few at a time.
    struct Drip<'a>(&'a [u8], Rng);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = (1 + self.1.index(50)).min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn sample() -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
        let mut feed = Feed::default();
        feed.command(0, [b"SET".as_slice(), b"a", b"1"].into_iter(), Some(77));
        feed.bracket(b"MULTI", Some(77));
        feed.command(
            3,
            [b"SET".as_slice(), b"b", &[7; 3000]].into_iter(),
            Some(78),
        );
        feed.command(3, [b"DEL".as_slice(), b""].into_iter(), Some(78));
        feed.bracket(b"EXEC", Some(78));
        let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
        let commands = vec![
            words(&[b"SELECT", b"0"]),
            words(&[b"SET", b"a", b"1"]),
            words(&[b"MULTI"]),
            words(&[b"SELECT", b"3"]),
            words(&[b"SET", b"b", &[7; 3000]]),
            words(&[b"DEL", b""]),
            words(&[b"EXEC"]),
        ];
        (feed.bytes, commands)
    }

    fn read_all(bytes: &[u8], seed: u64) -> (Vec<Vec<Vec<u8>>>, Result<u64, Trouble>) {
        let mut reader = Reader::new(Vec::new(), Drip(bytes, Rng::from_seed(seed)));
        let mut commands = Vec::new();
        loop {
            match reader.item() {
                Ok(Item::Command(args)) => {
                    commands.push(args.iter().map(<[u8]>::to_vec).collect());
                }
                Ok(Item::Time(_) | Item::Comment) => {}
                Ok(Item::End) => return (commands, Ok(reader.offset())),
                Err(trouble) => return (commands, Err(trouble)),
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let (bytes, commands) = sample();
        for seed in 0..50 {
            let (read, end) = read_all(&bytes, seed);
            assert_eq!(read, commands);
            assert_eq!(end.expect("all is well"), bytes.len() as u64);
        }
    }

    #[test]
    fn an_early_end_is_no_damage() {
        let (bytes, commands) = sample();
        for len in 0..bytes.len() {
            let (read, end) = read_all(&bytes[..len], len as u64);
            assert_eq!(read, commands[..read.len()]);
            assert!(matches!(end, Ok(_) | Err(Trouble::Ended)), "{end:?}");
        }
    }

    #[test]
    fn checksums_find_what_still_parses() {
        let mut sum = Sum::default();
        let mut bytes = Vec::new();
        for round in 0..5u8 {
            let from = bytes.len();
            push_command(
                &mut bytes,
                [b"SET".as_slice(), b"key", &[b'0' + round]].into_iter(),
            );
            sum.add(&bytes[from..]);
            bytes.extend(sum.line());
        }
        assert_eq!(read_all(&bytes, 1).0.len(), 5);
        let place = bytes
            .windows(3)
            .rposition(|window| window == b"key")
            .expect("it is there");
        bytes[place] = b'K';
        let (read, end) = read_all(&bytes, 2);
        assert_eq!(read.len(), 5);
        assert!(matches!(end, Err(Trouble::Checksum { .. })), "{end:?}");
    }

    #[test]
    fn words_beyond_the_stores_limit_are_refused() {
        for (len, is_held) in [(1 << 32, false), ((1 << 32) - 1, true), (i64::MAX, false)] {
            let bytes = format!("*2\r\n$3\r\nGET\r\n${len}\r\nabc").into_bytes();
            let (read, end) = read_all(&bytes, 3);
            assert!(read.is_empty());
            match end {
                Err(Trouble::Ended) => assert!(is_held),
                Err(Trouble::TooLong) => assert!(!is_held),
                other => panic!("{other:?}"),
            }
        }
    }

    /// There is an answer for any bytes, and memory follows the bytes.
    #[test]
    fn any_bytes_are_read_or_refused() {
        let (bytes, _) = sample();
        let mut rng = Rng::from_seed(9);
        for seed in 0..3000 {
            let mut bytes = bytes.clone();
            for _ in 0..=rng.below(5) {
                let at = rng.index(bytes.len());
                match rng.below(4) {
                    0 => bytes[at] = rng.next_u32() as u8,
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.insert(at, b"*$#9\r\n"[rng.index(6)]),
                    _ => {
                        bytes.remove(at);
                        bytes.push(b'*');
                    }
                }
            }
            let _ = read_all(&bytes, seed);
        }
        let lie = b"*1\r\n$4000000000\r\nabc";
        assert!(matches!(read_all(lie, 1).1, Err(Trouble::Ended)));
        let lie = b"*2147483647\r\n$1\r\na\r\n";
        assert!(matches!(read_all(lie, 1).1, Err(Trouble::Ended)));
    }
}
