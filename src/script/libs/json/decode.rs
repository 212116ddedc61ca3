//! JSON to values.
//!
//! Tokens are read one at a time. Beyond JSON, numbers may be whatever C's `strtod` reads, unless a script forbids it;
//! and a zero byte ends the text wherever it stands outside of a string, because Redis's library reads a C string.
//! Inside of a string the same byte is an error, as is the end of the text.
//!
//! An escape gives the bytes of its character in UTF-8. Other bytes of strings pass unchecked.

use mlua::{Lua, Result, Table, Value};

use super::super::nest::{Frame, Nest};
use super::super::{SLOTS_MAX, raise};
use super::{Settings, number};

/// The value that a text spells.
pub(super) fn decode(lua: &Lua, settings: Settings, text: &[u8]) -> Result<Value> {
    if text.len() >= 2 && text[..2].contains(&0) {
        return Err(raise::error(
            lua,
            "JSON parser does not support UTF-16 or UTF-32",
        ));
    }
    Decoder {
        lua,
        settings,
        text,
        at: 0,
        string: Vec::new(),
        peeked: None,
        open: Nest::new(),
        slots: 1,
    }
    .document()
}

#[derive(Clone, Copy)]
enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its bytes are in the decoder.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Kind {
    /// The name by which an error calls it.
    fn name(self) -> &'static str {
        match self {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Error(what) => what,
        }
    }
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    index: usize,
}

/// A table whose end was not read.
#[derive(Clone, Copy)]
enum Open {
    Array { len: usize },
    Object,
}

struct Decoder<'a> {
    lua: &'a Lua,
    settings: Settings,
    text: &'a [u8],
    at: usize,
    /// The bytes of the last string token.
    string: Vec<u8>,
    /// A token that was read to see whether an array is empty, and is not used yet.
    peeked: Option<Token>,
    open: Nest<Open>,
    /// How full Redis's stack would be.
    slots: usize,
}

impl Decoder<'_> {
    fn document(mut self) -> Result<Value> {
        let mut token = self.token();
        loop {
            let mut done = self.begin(token)?;
            while let Some(value) = done {
                let Some(open) = self.open.inner() else {
                    let end = self.token();
                    if !matches!(end.kind, Kind::End) {
                        return Err(self.unexpected("the end", end));
                    }
                    return Ok(value);
                };
                put(open, value)?;
                done = self.after_element()?;
            }
            token = self.token();
        }
    }

    /// Reads a value from its first token on. Gives nothing for a table that has elements: the next value is its first.
    fn begin(&mut self, token: Token) -> Result<Option<Value>> {
        let value = match token.kind {
            Kind::String => Value::String(self.lua.create_string(&self.string)?),
            Kind::Number(value) => Value::Number(value),
            Kind::Boolean(value) => Value::Boolean(value),
            Kind::Null => Value::NULL,
            Kind::ArrayBegin => return self.begin_array(),
            Kind::ObjectBegin => return self.begin_object(),
            _ => return Err(self.unexpected("value", token)),
        };
        Ok(Some(value))
    }

    fn begin_array(&mut self) -> Result<Option<Value>> {
        self.descend(2)?;
        let table = self.lua.create_table()?;
        let token = self.token();
        if matches!(token.kind, Kind::ArrayEnd) {
            return Ok(Some(Value::Table(table)));
        }
        self.peeked = Some(token);
        self.slots += 1;
        self.open_table(table, Value::Nil, Open::Array { len: 0 })
    }

    fn begin_object(&mut self) -> Result<Option<Value>> {
        self.descend(3)?;
        let table = self.lua.create_table()?;
        let token = self.token();
        if matches!(token.kind, Kind::ObjectEnd) {
            return Ok(Some(Value::Table(table)));
        }
        let key = self.key(token)?;
        self.slots += 2;
        self.open_table(table, key, Open::Object)
    }

    fn open_table(&mut self, table: Table, key: Value, more: Open) -> Result<Option<Value>> {
        self.open.push(self.lua, Frame { table, key, more })?;
        Ok(None)
    }

    /// A key with its colon.
    fn key(&mut self, token: Token) -> Result<Value> {
        if !matches!(token.kind, Kind::String) {
            return Err(self.unexpected("object key string", token));
        }
        let key = self.lua.create_string(&self.string)?;
        let colon = self.token();
        if !matches!(colon.kind, Kind::Colon) {
            return Err(self.unexpected("colon", colon));
        }
        Ok(Value::String(key))
    }

    /// What stands behind an element: a comma, and in an object the next key; or the end of the table, which is given.
    fn after_element(&mut self) -> Result<Option<Value>> {
        let token = self.token();
        let Some(open) = self.open.inner() else {
            return Ok(None);
        };
        match (open.more, token.kind) {
            (Open::Array { .. }, Kind::ArrayEnd) => self.close(1),
            (Open::Object, Kind::ObjectEnd) => self.close(2),
            (Open::Array { .. }, Kind::Comma) => Ok(None),
            (Open::Object, Kind::Comma) => {
                let token = self.token();
                let key = self.key(token)?;
                if let Some(open) = self.open.inner() {
                    open.key = key;
                }
                Ok(None)
            }
            (Open::Array { .. }, _) => Err(self.unexpected("comma or array end", token)),
            (Open::Object, _) => Err(self.unexpected("comma or object end", token)),
        }
    }

    fn close(&mut self, slots: usize) -> Result<Option<Value>> {
        self.slots -= slots;
        Ok(self.open.pop()?.map(Value::Table))
    }

    fn descend(&self, slots: usize) -> Result<()> {
        let depth = self.open.len() + 1;
        if depth > self.settings.decode_max_depth as usize || self.slots + slots > SLOTS_MAX {
            let text = format!(
                "Found too many nested data structures ({depth}) at character {}",
                self.at
            );
            return Err(raise::error(self.lua, text));
        }
        Ok(())
    }

    fn unexpected(&self, expected: &str, found: Token) -> mlua::Error {
        let text = format!(
            "Expected {expected} but found {} at character {}",
            found.kind.name(),
            found.index + 1
        );
        raise::error(self.lua, text)
    }

    // ---------------------------------------------------------------------------------------------------------- tokens

    /// The byte at an offset from here; 0 behind the end, as in a C string.
    fn byte(&self, offset: usize) -> u8 {
        self.text.get(self.at + offset).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Token {
        if let Some(token) = self.peeked.take() {
            return token;
        }
        while matches!(self.byte(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let index = self.at;
        let single = match self.byte(0) {
            b'{' => Kind::ObjectBegin,
            b'}' => Kind::ObjectEnd,
            b'[' => Kind::ArrayBegin,
            b']' => Kind::ArrayEnd,
            b',' => Kind::Comma,
            b':' => Kind::Colon,
            0 => {
                return Token {
                    kind: Kind::End,
                    index,
                };
            }
            b'"' => {
                return self.string_token();
            }
            _ => {
                let kind = self.word();
                return Token { kind, index };
            }
        };
        self.at += 1;
        Token {
            kind: single,
            index,
        }
    }

    /// A number, or one of the words.
    fn word(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let allows_invalid = self.settings.decode_invalid_numbers != 0;
        match self.byte(0) {
            b'-' | b'0'..=b'9' => {
                if !allows_invalid && is_invalid_number(rest) {
                    return Kind::Error("invalid number");
                }
                self.number()
            }
            _ if rest.starts_with(b"true") => self.skip(4, Kind::Boolean(true)),
            _ if rest.starts_with(b"false") => self.skip(5, Kind::Boolean(false)),
            _ if rest.starts_with(b"null") => self.skip(4, Kind::Null),
            b'+' | b'i' | b'I' | b'n' | b'N' if allows_invalid && is_invalid_number(rest) => {
                self.number()
            }
            _ => Kind::Error("invalid token"),
        }
    }

    fn skip(&mut self, len: usize, kind: Kind) -> Kind {
        self.at += len;
        kind
    }

    fn number(&mut self) -> Kind {
        let (value, len) = number::read(&self.text[self.at..]);
        if len == 0 {
            return Kind::Error("invalid number");
        }
        self.skip(len, Kind::Number(value))
    }

    /// Reads a string into `string`.
    fn string_token(&mut self) -> Token {
        let index = self.at;
        self.at += 1;
        self.string.clear();
        let kind = loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0))
                .unwrap_or(rest.len());
            self.string.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.byte(0) {
                b'"' => {
                    self.at += 1;
                    return Token {
                        kind: Kind::String,
                        index,
                    };
                }
                b'\\' => {
                    if let Err(what) = self.escape() {
                        break Kind::Error(what);
                    }
                }
                _ => break Kind::Error("unexpected end of string"),
            }
        };
        // An error in a string is where it was found.
        Token {
            kind,
            index: self.at,
        }
    }

    fn escape(&mut self) -> std::result::Result<(), &'static str> {
        let byte = match self.byte(1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 0x0c,
            b'r' => b'\r',
            b'u' => return self.unicode().ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        self.string.push(byte);
        self.at += 2;
        Ok(())
    }

    /// An escape of four digits, or two of them for one character beyond 16 bits.
    fn unicode(&mut self) -> Option<()> {
        let first = self.four_digits(2)?;
        let (code, len) = if (first & 0xf800) == 0xd800 {
            let is_pair = first & 0x400 == 0 && self.byte(6) == b'\\' && self.byte(7) == b'u';
            if !is_pair {
                return None;
            }
            let second = self.four_digits(8)?;
            if second & 0xfc00 != 0xdc00 {
                return None;
            }
            (0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff), 12)
        } else {
            (first, 6)
        };
        let character = char::from_u32(code)?;
        let mut utf8 = [0; 4];
        let utf8 = character.encode_utf8(&mut utf8);
        self.string.extend_from_slice(utf8.as_bytes());
        self.at += len;
        Some(())
    }

    fn four_digits(&self, offset: usize) -> Option<u32> {
        (offset..offset + 4).try_fold(0, |value, offset| {
            let digit = char::from(self.byte(offset)).to_digit(16)?;
            Some(value << 4 | digit)
        })
    }
}

/// Puts a value into the innermost table.
fn put(open: &mut Frame<Open>, value: Value) -> Result<()> {
    match &mut open.more {
        Open::Array { len } => {
            *len += 1;
            open.table.raw_set(*len, value)
        }
        Open::Object => {
            let key = std::mem::replace(&mut open.key, Value::Nil);
            open.table.raw_set(key, value)
        }
    }
}

/// Whether what C would read as a number is none in JSON: a plus, a leading zero, hexadecimal digits, or a word.
fn is_invalid_number(text: &[u8]) -> bool {
    let text = match text {
        [b'+', ..] => return true,
        [b'-', rest @ ..] => rest,
        _ => text,
    };
    match text {
        [b'0', second, ..] => matches!(second, b'x' | b'X' | b'0'..=b'9'),
        _ => text.get(..3).is_some_and(|start| {
            start.eq_ignore_ascii_case(b"inf") || start.eq_ignore_ascii_case(b"nan")
        }),
    }
}
