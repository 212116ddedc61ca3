//! From documents to text.

use std::io::Write as _;

use crate::base::num;

use super::names::Names;
use super::pack::{Atom, Number};
use super::tree::View;

/// What stands between the signs; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout<'a> {
    /// Before each element, as often as it is deep.
    pub(crate) indent: &'a [u8],
    /// Before each element and before the closing bracket.
    pub(crate) newline: &'a [u8],
    /// After the colon.
    pub(crate) space: &'a [u8],
}

/// Writes values. Containers that are no part of a document can be written around them.
pub(crate) struct Printer<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) layout: Layout<'a>,
    depth: usize,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, layout: Layout<'a>) -> Self {
        Self {
            out,
            layout,
            depth: 0,
        }
    }

    /// The recursion is as deep as the document, which is bounded.
    pub(crate) fn value(&mut self, view: View<'_>, names: &Names) {
        match view.atom() {
            Atom::Array => {
                self.open(b'[');
                let mut is_empty = true;
                for (_, child) in view.children() {
                    self.next(is_empty);
                    self.value(child, names);
                    is_empty = false;
                }
                self.close(b']', is_empty);
            }
            Atom::Object => {
                self.open(b'{');
                let mut is_empty = true;
                for (name, child) in view.children() {
                    self.next(is_empty);
                    self.name(name.text(names));
                    self.value(child, names);
                    is_empty = false;
                }
                self.close(b'}', is_empty);
            }
            scalar => push_scalar(self.out, scalar),
        }
    }

    pub(crate) fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.depth += 1;
    }

    /// Before an element.
    pub(crate) fn next(&mut self, is_first: bool) {
        if !is_first {
            self.out.push(b',');
        }
        self.line();
    }

    pub(crate) fn name(&mut self, name: &[u8]) {
        push_quoted(self.out, name);
        self.out.push(b':');
        self.out.extend_from_slice(self.layout.space);
    }

    pub(crate) fn close(&mut self, bracket: u8, is_empty: bool) {
        self.depth -= 1;
        if !is_empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        self.out.extend_from_slice(self.layout.newline);
        for _ in 0..self.depth {
            self.out.extend_from_slice(self.layout.indent);
        }
    }
}

fn push_scalar(out: &mut Vec<u8>, scalar: Atom<'_>) {
    match scalar {
        Atom::Null | Atom::Array | Atom::Object => out.extend_from_slice(b"null"),
        Atom::Bool(true) => out.extend_from_slice(b"true"),
        Atom::Bool(false) => out.extend_from_slice(b"false"),
        Atom::Number(number) => push_number(out, number),
        Atom::Text(text) => push_quoted(out, text),
    }
}

/// The shortest text that reads as the same number. One with a fraction never looks like one without.
pub(crate) fn push_number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::Int(number) => out.extend_from_slice(num::format_i64(number, &mut [0; 20])),
        Number::Big(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Number::Double(number) => {
            let size = number.abs();
            // Writing to memory does not fail.
            if size != 0.0 && !(1e-5..1e16).contains(&size) {
                let _ = write!(out, "{number:e}");
                return;
            }
            let start = out.len();
            let _ = write!(out, "{number}");
            if !out[start..].contains(&b'.') {
                out.extend_from_slice(b".0");
            }
        }
    }
}

/// The signs that cannot stand between quotes as they are.
static IS_ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// Whether a text stands between quotes as it is, as most do.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words
        .iter()
        .chain([&last])
        .all(|word| !has_escaped(u64::from_le_bytes(*word)))
}

/// Whether one of eight signs is among those of [`IS_ESCAPED`]. A byte below `n` borrows from its upper bit when `n` is
/// taken from it; one that equals another is zero where the two differ.
fn has_escaped(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let borrows = |bytes: u64, n: u64| bytes.wrapping_sub(ONES * n) & !bytes;
    let is_equal = |byte: u8| borrows(word ^ (ONES * u64::from(byte)), 1);
    (borrows(word, 0x20) | is_equal(b'"') | is_equal(b'\\')) & ONES << 7 != 0
}

pub(crate) fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    let mut plain = 0;
    while let Some(skipped) = text[plain..]
        .iter()
        .position(|byte| IS_ESCAPED[usize::from(*byte)])
    {
        let at = plain + skipped;
        let byte = text[at];
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => b'u',
        };
        out.extend_from_slice(&text[plain..at]);
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let _ = write!(out, "{byte:04x}");
        }
        plain = at + 1;
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_kind() {
        for (number, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1.5e300, "1.5e300"),
            (0.00001, "0.00001"),
            (0.000_001, "1e-6"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            let mut out = Vec::new();
            push_number(&mut out, Number::Double(number));
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
        let mut out = Vec::new();
        push_number(&mut out, Number::Big(u64::MAX));
        assert_eq!(out, b"18446744073709551615");
    }

    #[test]
    fn a_text_is_plain_if_nothing_in_it_is_escaped() {
        for byte in 0..=255 {
            for len in 1..20 {
                for at in [0, len / 2, len - 1] {
                    let mut text = vec![0x80; len];
                    text[at] = byte;
                    assert_eq!(is_plain(&text), !IS_ESCAPED[usize::from(byte)], "{byte}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn quotes_and_controls_are_escaped() {
        let mut out = Vec::new();
        push_quoted(&mut out, "a\"\\/\n\t\u{1}\u{7f}é".as_bytes());
        assert_eq!(out, "\"a\\\"\\\\/\\n\\t\\u0001\u{7f}é\"".as_bytes());
    }
}
