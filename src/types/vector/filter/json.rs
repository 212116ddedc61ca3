//! One field of a JSON object, read where it lies.
//!
//! Other fields are stepped over without a look at whether they are well made, so this costs what passing the bytes
//! costs. A field is compared by the letters it is written with: one written with escapes is another name. Objects are
//! nothing to compute with, and a list that has one is none either.

use std::borrow::Cow;

use crate::base::text::is_space;

use super::Datum;

/// How deep lists may lie in lists.
const DEPTH_MAX: usize = 64;

/// The longest number that is read to its end.
const NUMBER_BYTES_MAX: usize = 255;

/// The value of the field of this name in the object that `json` is.
pub(super) fn field<'j>(json: &'j [u8], name: &[u8]) -> Option<Datum<'j>> {
    if name.is_empty() {
        return None;
    }
    let mut reader = Reader { json, at: 0 };
    reader.expect(b'{')?;
    loop {
        reader.skip_spaces();
        let start = reader.at + 1;
        reader.skip_string()?;
        let is_it = &json[start..reader.at - 1] == name;
        reader.expect(b':')?;
        reader.skip_spaces();
        if is_it {
            return reader.value(DEPTH_MAX);
        }
        reader.skip_value()?;
        reader.expect(b',')?;
    }
}

struct Reader<'j> {
    json: &'j [u8],
    at: usize,
}

impl<'j> Reader<'j> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Steps over spaces and this byte.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_spaces();
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Steps over a text with its quotation marks.
    fn skip_string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' => self.skip_nested(b'{', b'}'),
            b'[' => self.skip_nested(b'[', b']'),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => {
                let len = self.number_text().len();
                self.at += len;
                (len > 0).then_some(())
            }
        }
    }

    fn skip_nested(&mut self, open: u8, close: u8) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                byte if byte == open => depth += 1,
                byte if byte == close => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_it = self.json[self.at..].starts_with(word);
        self.at += word.len();
        is_it.then_some(())
    }

    fn number_text(&self) -> &'j [u8] {
        let rest = &self.json[self.at..];
        let is_part = |byte: &&u8| byte.is_ascii_digit() || b"-+.eE".contains(byte);
        &rest[..rest.iter().take_while(is_part).count()]
    }

    fn value(&mut self, depth: usize) -> Option<Datum<'j>> {
        match self.peek()? {
            b'"' => self.string(),
            b'[' => self.list(depth.checked_sub(1)?),
            b't' => self.literal(b"true", Datum::Number(1.0)),
            b'f' => self.literal(b"false", Datum::Number(0.0)),
            b'n' => self.literal(b"null", Datum::Null),
            b'0'..=b'9' | b'-' | b'+' => self.number(),
            _ => None,
        }
    }

    /// A word that is not the beginning of a longer one.
    fn literal(&mut self, word: &[u8], meaning: Datum<'j>) -> Option<Datum<'j>> {
        self.word(word)?;
        let ends = |byte: u8| is_space(byte) || b",]}".contains(&byte);
        self.peek().is_none_or(ends).then_some(meaning)
    }

    fn number(&mut self) -> Option<Datum<'j>> {
        let text = self.number_text();
        let text = &text[..text.len().min(NUMBER_BYTES_MAX)];
        self.at += text.len();
        let number = std::str::from_utf8(text).ok()?.parse().ok()?;
        Some(Datum::Number(number))
    }

    fn string(&mut self) -> Option<Datum<'j>> {
        let start = self.at + 1;
        self.skip_string()?;
        let text = &self.json[start..self.at - 1];
        let text = if text.contains(&b'\\') {
            Cow::Owned(unescaped(text))
        } else {
            Cow::Borrowed(text)
        };
        Some(Datum::Text(text))
    }

    fn list(&mut self, depth: usize) -> Option<Datum<'j>> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_spaces();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Datum::List(items));
        }
        loop {
            self.skip_spaces();
            items.push(self.value(depth)?);
            self.skip_spaces();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Datum::List(items))
    }
}

/// Letters behind a backslash stand for line ends and the like, or for themselves; numbers of characters are not read.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let byte = match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(&other) => other,
                None => break,
            },
            byte => byte,
        };
        plain.push(byte);
    }
    plain
}
