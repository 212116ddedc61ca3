//! From commands to the bytes of a file.

use crc64fast::Digest;

use crate::base::num;

/// Collects the bytes for a file. It knows which database the file's reader has selected.
#[derive(Debug, Default)]
pub struct Feed {
    pub bytes: Vec<u8>,
    /// `None`: the next command says its database.
    db: Option<u16>,
    /// The last time that was noted, in seconds of Unix time.
    noted_s: i64,
}

impl Feed {
    /// Adds a command. `now_s` is given if times are to be noted.
    pub fn command<'a>(
        &mut self,
        db: u16,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        now_s: Option<i64>,
    ) {
        self.note_time(now_s);
        self.select(db);
        push_command(&mut self.bytes, words);
    }

    /// The same for one that is in its bytes already.
    #[inline]
    pub(crate) fn encoded(&mut self, db: u16, bytes: &[u8], now_s: Option<i64>) {
        self.note_time(now_s);
        self.select(db);
        self.bytes.extend_from_slice(bytes);
    }

    /// The next command means this database.
    #[inline]
    pub(crate) fn select(&mut self, db: u16) {
        if self.db != Some(db) {
            self.push_select(db);
        }
    }

    #[cold]
    fn push_select(&mut self, db: u16) {
        self.db = Some(db);
        let mut digits = [0; 20];
        let digits = num::format_i64(i64::from(db), &mut digits);
        push_command(&mut self.bytes, [b"SELECT".as_slice(), digits].into_iter());
    }

    /// MULTI or EXEC, which mean all databases.
    pub fn bracket(&mut self, word: &[u8], now_s: Option<i64>) {
        self.note_time(now_s);
        push_command(&mut self.bytes, std::iter::once(word));
    }

    #[inline]
    fn note_time(&mut self, now_s: Option<i64>) {
        if let Some(now_s) = now_s
            && now_s > self.noted_s
        {
            self.noted_s = now_s;
            self.bytes
                .extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
        }
    }

    /// Another file begins: nothing is known of its reader. The bytes collected for the old file are returned.
    pub(crate) fn cut(&mut self) -> Vec<u8> {
        self.db = None;
        self.noted_s = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// A command as clients send it.
pub(crate) fn push_command<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    push_count(out, b'*', words.len());
    for word in words {
        push_word(out, word);
    }
}

pub(crate) fn push_count(out: &mut Vec<u8>, letter: u8, count: usize) {
    // Most counts and lengths have one or two digits, and are one copy.
    let digit = |number: usize| b'0' + (number % 10) as u8;
    match count {
        0..10 => out.extend_from_slice(&[letter, digit(count), b'\r', b'\n']),
        10..100 => {
            out.extend_from_slice(&[letter, digit(count / 10), digit(count), b'\r', b'\n']);
        }
        _ => {
            out.push(letter);
            out.extend_from_slice(num::format_i64(count as i64, &mut [0; 20]));
            out.extend_from_slice(b"\r\n");
        }
    }
}

pub(crate) fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    push_count(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// The checksum of a file that grows.
#[derive(Clone, Default)]
pub struct Sum {
    digest: Digest,
    pub(crate) offset: u64,
    /// Bytes since the last line with a checksum.
    pub(crate) unsummed: u64,
}

impl Sum {
    pub fn add(&mut self, bytes: &[u8]) {
        self.digest.write(bytes);
        self.offset += bytes.len() as u64;
        self.unsummed += bytes.len() as u64;
    }

    pub(crate) fn value(&self) -> u64 {
        self.digest.sum64()
    }

    /// A line that says the checksum of all before it; it is added to what is summed.
    pub fn line(&mut self) -> Vec<u8> {
        let line = format!("#C:{}:{:016x}\r\n", self.offset, self.value()).into_bytes();
        self.add(&line);
        self.unsummed = 0;
        line
    }
}
