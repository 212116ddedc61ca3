//! JSON as it is written here: straight into a text, value by value.
//!
//! ```text
//!  object(&mut text, |json| {
//!      json.field("a", 1);                     {"a":1,"b":[1,2]}
//!      json.list("b", [1, 2]);
//!  })
//! ```
//!
//! Bytes that are no UTF-8 are shown as people would see them: with a mark in place of what cannot be read.

use std::fmt::{Display, Write as _};

use crate::base::num::format_u64;

/// An object that is being written.
pub(super) struct Json<'a> {
    text: &'a mut String,
    is_first: bool,
}

pub(super) fn object(text: &mut String, fill: impl FnOnce(&mut Json<'_>)) {
    text.push('{');
    fill(&mut Json {
        text,
        is_first: true,
    });
    text.push('}');
}

// Writing to a string cannot fail.
impl Json<'_> {
    fn name(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text
    }

    /// A number, or another value that prints as JSON has it.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.name(name), "{value}");
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        quote(self.name(name), value);
    }

    pub(super) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Json<'_>)) {
        object(self.name(name), fill);
    }

    /// An array of numbers.
    pub(super) fn list(&mut self, name: &str, values: impl IntoIterator<Item = u64>) {
        self.array(name, values, number);
    }

    /// An array of anything.
    pub(super) fn array<T>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut String, T),
    ) {
        array(self.name(name), values, write);
    }
}

pub(super) fn array<T>(
    text: &mut String,
    values: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    text.push('[');
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write(text, value);
    }
    text.push(']');
}

/// A number, without the detour of formatting: a frame has thousands of them.
pub(super) fn number(text: &mut String, value: u64) {
    let mut digits = [0; 20];
    let digits = format_u64(value, &mut digits);
    text.reserve(digits.len());
    for digit in digits {
        text.push(char::from(*digit));
    }
}

pub(super) fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c < ' ' || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_json_has_them() {
        let mut text = String::new();
        object(&mut text, |json| {
            json.field("a", 1);
            json.text("b", "x\"\\\r\n\u{2028}");
            json.list("c", [0, u64::MAX]);
            json.object("d", |_| {});
            json.array("e", ["f"], quote);
        });
        let expected = r#"{"a":1,"b":"x\"\\\u000d\u000a\u2028","c":[0,18446744073709551615],"d":{},"e":["f"]}"#;
        assert_eq!(text, expected);
    }
}
