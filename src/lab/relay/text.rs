//! The bytes that pass through the relay, in words.
//!
//! ```text
//! array of 2, 20 bytes: GET k                 a request is shown as a person would have typed it
//! bulk string, 7 bytes: "v"                   a reply with the name of its type
//! map of 1, 15 bytes:                         one that has others in it, a line for each
//!   simple string "a" => integer 1
//! ```
//!
//! Only so much of a value is kept as is shown; the rest is counted.

use std::fmt::Write as _;

use crate::base::text::quote;
use crate::wire::tokens::{Garbled, Kind, Token, Tokens};

/// One value that passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) size: usize,
    pub(crate) text: String,
    /// Nobody asked for it.
    pub(crate) is_push: bool,
}

/// Listens to one direction of one connection.
pub(crate) struct Listener {
    tokens: Tokens,
    page: Page,
}

/// The value at hand, as far as it is told.
#[derive(Default)]
struct Page {
    is_request: bool,
    /// The kind of the outermost value.
    what: String,
    is_push: bool,
    text: String,
    lines: usize,
    /// The string at hand: its beginning, and its length.
    string: Vec<u8>,
    string_len: usize,
    string_kind: Option<Kind>,
    open: Vec<Open>,
}

/// An aggregate whose elements are coming.
struct Open {
    is_map: bool,
    count: usize,
}

impl Listener {
    pub(crate) fn of_requests() -> Listener {
        Listener {
            tokens: Tokens::of_requests(),
            page: Page {
                is_request: true,
                ..Page::default()
            },
        }
    }

    pub(crate) fn of_replies() -> Listener {
        Listener {
            tokens: Tokens::of_replies(),
            page: Page::default(),
        }
    }

    /// Whether a value has begun and not ended.
    pub(crate) fn is_midway(&self) -> bool {
        self.tokens.is_midway()
    }

    pub(crate) fn hear(&mut self, bytes: &[u8], told: &mut dyn FnMut(Told)) -> Result<(), Garbled> {
        let Listener { tokens, page } = self;
        tokens.feed(bytes, &mut |token| page.take(token, told))
    }
}

impl Page {
    fn take(&mut self, token: Token<'_>, told: &mut dyn FnMut(Told)) {
        match token {
            Token::Line(kind, line) => self.value(kind, line, line.len()),
            Token::Begin(kind, _) => {
                self.string_kind = Some(kind);
                self.string_len = 0;
                self.string.clear();
            }
            Token::Bytes(bytes) => {
                let room = SHOWN_BYTES_MAX - self.string.len();
                self.string
                    .extend_from_slice(&bytes[..room.min(bytes.len())]);
                self.string_len += bytes.len();
            }
            Token::End => {
                let string = std::mem::take(&mut self.string);
                let kind = self.string_kind.unwrap_or(Kind::BulkString);
                self.value(kind, &string, self.string_len);
                self.string = string;
            }
            Token::Null(kind) => {
                let name = format!("no {}", kind.name());
                self.name(&name);
            }
            Token::Inline(line) => {
                "inline".clone_into(&mut self.what);
                let shown = &line[..line.len().min(SHOWN_BYTES_MAX)];
                self.text = String::from_utf8_lossy(shown).escape_debug().to_string();
            }
            Token::Aggregate(kind, count) => self.aggregate(kind, count),
            Token::Close => drop(self.open.pop()),
            Token::Done(size) => {
                if self.lines > LINES_MAX {
                    let more = self.lines - LINES_MAX;
                    // Writing to a string cannot fail.
                    let _ = write!(self.text, "\n  ... and {more} more");
                }
                told(Told {
                    what: std::mem::take(&mut self.what),
                    size,
                    text: std::mem::take(&mut self.text),
                    is_push: std::mem::take(&mut self.is_push),
                });
                self.lines = 0;
            }
        }
    }

    /// A value that has no others in it.
    fn value(&mut self, kind: Kind, shown: &[u8], len: usize) {
        if self.is_request {
            return self.word(shown, len);
        }
        self.name(kind.name());
        if kind == Kind::Null || self.lines > LINES_MAX {
            return;
        }
        let is_plain = matches!(
            kind,
            Kind::Integer | Kind::Double | Kind::BigNumber | Kind::Boolean
        );
        let shown = &shown[..shown.len().min(SHOWN_BYTES_MAX)];
        let shown = if is_plain {
            shown.to_vec()
        } else {
            quote(shown)
        };
        if !self.open.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&String::from_utf8_lossy(&shown));
        self.rest(len);
    }

    /// A word of a request: as it is, if a person could have typed it so.
    fn word(&mut self, shown: &[u8], len: usize) {
        self.lines += 1;
        if self.lines > LINES_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let is_plain = !shown.is_empty() && shown.iter().all(u8::is_ascii_graphic);
        let shown = if is_plain {
            shown.to_vec()
        } else {
            quote(shown)
        };
        self.text.push_str(&String::from_utf8_lossy(&shown));
        self.rest(len);
    }

    /// How much of a string is not shown.
    fn rest(&mut self, len: usize) {
        if len > SHOWN_BYTES_MAX {
            let _ = write!(self.text, "... ({len} bytes)");
        }
    }

    fn aggregate(&mut self, kind: Kind, count: usize) {
        let is_map = matches!(kind, Kind::Map | Kind::Attribute);
        let shown = if is_map { count / 2 } else { count };
        self.is_push |= kind == Kind::Push && self.open.is_empty();
        if !self.is_request || self.open.is_empty() {
            self.name(&format!("{} of {shown}", kind.name()));
        }
        if kind == Kind::Attribute {
            // It stands before an element and is none itself.
            if let Some(outer) = self.open.last_mut() {
                outer.count -= 1;
            }
        }
        self.open.push(Open { is_map, count: 0 });
    }

    /// Says what comes now: in front of everything if it is the value itself, on a line of its own if it is part of it.
    fn name(&mut self, name: &str) {
        let depth = self.open.len();
        let Some(outer) = self.open.last_mut() else {
            // An attribute in front of the value is told with it.
            let separator = if self.what.is_empty() { "" } else { ", " };
            let _ = write!(self.what, "{separator}{name}");
            return;
        };
        let is_value_of_key = outer.is_map && outer.count % 2 == 1;
        outer.count += 1;
        self.lines += usize::from(!is_value_of_key);
        if self.lines > LINES_MAX {
            return;
        }
        if is_value_of_key {
            let _ = write!(self.text, " => {name}");
        } else {
            let _ = write!(self.text, "\n{:width$}{name}", "", width = depth * 2);
        }
    }
}

/// How much of a string is shown.
const SHOWN_BYTES_MAX: usize = 60;

/// How many elements of a value, or words of a request, are shown.
const LINES_MAX: usize = 40;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
