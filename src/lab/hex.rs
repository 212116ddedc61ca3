//! Bytes as `hexdump -C` shows them.
//!
//! ```text
//! 00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 0a              |hello world.|
//! 0000000c
//! ```
//!
//! An offset, sixteen bytes with a gap in the middle, and what of it is printable ASCII. A line that repeats the one
//! before is left out; one `*` stands for any number of them. The last line is the length, and of nothing there is
//! nothing to show, not even that.

use std::fmt::Write as _;

/// The dump of `bytes`, every line ended.
pub(crate) fn dump(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() / LINE_BYTES + 2) * LINE_CHARS);
    let mut before: Option<&[u8]> = None;
    let mut is_starred = false;
    for (number, line) in bytes.chunks(LINE_BYTES).enumerate() {
        if line.len() == LINE_BYTES && before == Some(line) {
            if !is_starred {
                text.push_str("*\n");
            }
            is_starred = true;
            continue;
        }
        push_line(&mut text, number * LINE_BYTES, line);
        before = Some(line);
        is_starred = false;
    }
    if !bytes.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:08x}", bytes.len());
    }
    text
}

fn push_line(text: &mut String, offset: usize, line: &[u8]) {
    let _ = write!(text, "{offset:08x} ");
    for at in 0..LINE_BYTES {
        if at == LINE_BYTES / 2 {
            text.push(' ');
        }
        match line.get(at) {
            Some(byte) => {
                text.push(' ');
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
            None => text.push_str("   "),
        }
    }
    text.push_str("  |");
    for &byte in line {
        let is_printable = byte == b' ' || byte.is_ascii_graphic();
        text.push(if is_printable { char::from(byte) } else { '.' });
    }
    text.push_str("|\n");
}

const LINE_BYTES: usize = 16;
/// Characters of a full line, its end included.
pub(crate) const LINE_CHARS: usize = 79;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_offsets_and_repetitions() {
        assert_eq!(dump(b""), "");
        let hello = "\
00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 0a              |hello world.|
0000000c
";
        assert_eq!(dump(b"hello world\n"), hello);
        let zeros = "\
00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000030  00                                                |.|
00000031
";
        assert_eq!(dump(&[0; 49]), zeros);
        let line =
            "00000000  ff 7f 20 7e 80 41 41 41  41 41 41 41 41 41 41 41  |.. ~.AAAAAAAAAAA|\n";
        assert_eq!(line.len(), LINE_CHARS);
        assert!(dump(b"\xff\x7f ~\x80AAAAAAAAAAA").starts_with(line));
    }
}
