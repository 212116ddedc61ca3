//! Small things about text: quoting, splitting, sizes as people write them.

use std::borrow::Cow;
use std::io;

/// The text in double quotes, as MONITOR, SLOWLOG and DEBUG show bytes: printable ASCII as it is, the rest escaped.
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    push_quoted(&mut out, bytes);
    out
}

/// Appends what [`quote`] returns.
pub(crate) fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'x', HEX[high], HEX[low]]);
            }
        }
    }
    out.push(b'"');
}

/// Splits a line into words as a shell would; `None` when quotes are unbalanced.
///
/// Between double quotes, `\n \r \t \b \a`, `\xHH` and any other escaped byte are understood; between single quotes
/// only `\'` is. A closing quote must be followed by space. A zero byte ends the line.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut buffer = line.to_vec();
    let mut spans = Vec::new();
    split_args_in_place(&mut buffer, |start, end| spans.push(start..end))?;
    Some(
        spans
            .into_iter()
            .map(|span| buffer[span].to_vec())
            .collect(),
    )
}

/// As [`split_args`], but unescapes inside `line` itself, for no word outgrows its source; `word` is told where each
/// one lies.
pub(crate) fn split_args_in_place(
    line: &mut [u8],
    mut word: impl FnMut(usize, usize),
) -> Option<()> {
    let mut read = 0;
    loop {
        while line.get(read).copied().is_some_and(is_space) {
            read += 1;
        }
        if at(line, read) == 0 {
            return Some(());
        }
        let start = read;
        let end;
        (end, read) = unescape_word(line, read)?;
        word(start, end);
    }
}

/// Unescapes the word at `start` onto itself; returns where it ends now, and where its source ended.
fn unescape_word(line: &mut [u8], start: usize) -> Option<(usize, usize)> {
    let (mut read, mut write) = (start, start);
    loop {
        let byte = at(line, read);
        let plain = match byte {
            b' ' | b'\n' | b'\r' | b'\t' | 0 => return Some((write, read)),
            b'"' | b'\'' => {
                (write, read) = unescape_quoted(line, byte, read + 1, write)?;
                return Some((write, read));
            }
            plain => plain,
        };
        line[write] = plain;
        write += 1;
        read += 1;
    }
}

/// The same from behind an opening quote to behind the closing one, which also ends the word.
fn unescape_quoted(
    line: &mut [u8],
    quote: u8,
    mut read: usize,
    mut write: usize,
) -> Option<(usize, usize)> {
    loop {
        let next = at(line, read + 1);
        let (byte, taken) = match at(line, read) {
            0 => return None,
            b'\\' if quote == b'"' && next != 0 => match (next, hex_pair(line, read + 2)) {
                (b'x', Some(byte)) => (byte, 4),
                (b'n', _) => (b'\n', 2),
                (b'r', _) => (b'\r', 2),
                (b't', _) => (b'\t', 2),
                (b'b', _) => (0x08, 2),
                (b'a', _) => (0x07, 2),
                (escaped, _) => (escaped, 2),
            },
            b'\\' if quote == b'\'' && next == b'\'' => (b'\'', 2),
            byte if byte == quote => {
                let ends = next == 0 || is_space(next);
                return ends.then_some((write, read + 1));
            }
            byte => (byte, 1),
        };
        line[write] = byte;
        write += 1;
        read += taken;
    }
}

/// The byte there, or the zero that ends the line.
#[inline]
fn at(line: &[u8], index: usize) -> u8 {
    line.get(index).copied().unwrap_or(0)
}

fn hex_pair(line: &[u8], from: usize) -> Option<u8> {
    let digit = |index| char::from(at(line, index)).to_digit(16);
    Some((digit(from)? << 4 | digit(from + 1)?) as u8)
}

/// A size as configuration files write it: digits, then nothing or one of b, k, kb, m, mb, g, gb in any case, where
/// the forms without b count in thousands.
///
/// Lenient where Redis is: no digits are 0, too many stand for the largest number, and the unit's factor wraps. A
/// caller that accepts negative sizes takes the sign off first.
pub(crate) fn parse_memory(text: &[u8]) -> Option<u64> {
    let text = up_to_nul(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if number.len() > 127 {
        return None;
    }
    let number = number.iter().fold(0u64, |value, &digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.wrapping_mul(unit))
}

/// A size as INFO shows it to people: `512B`, `1.00K`, `2.50G`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [(u32, &str); 5] = [(10, "K"), (20, "M"), (30, "G"), (40, "T"), (50, "P")];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let unit = UNITS.into_iter().find(|(shift, _)| bytes >> shift < 1024);
    let Some((shift, name)) = unit else {
        return format!("{bytes}B");
    };
    format!("{:.2}{name}", bytes as f64 / (1u64 << shift) as f64)
}

/// Whether two words are the same but for ASCII case.
#[inline]
pub(crate) fn same_word(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// As much of `text` as C takes for it: a NUL byte ends it.
///
/// Redis reads option words and repeats arguments in errors as C strings, though the arguments may hold any bytes.
#[inline]
pub(crate) fn up_to_nul(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    &text[..end.unwrap_or(text.len())]
}

/// Whether `text` is this word in any case, as C compares: a NUL byte ends the text.
#[inline]
pub(crate) fn is_word(text: &[u8], word: &[u8]) -> bool {
    match text.get(word.len()) {
        None => text.eq_ignore_ascii_case(word),
        Some(0) => text[..word.len()].eq_ignore_ascii_case(word),
        Some(_) => false,
    }
}

/// The bytes that C's `isspace` calls space.
#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// The operating system's words for an error, without the number that Rust appends.
pub(crate) fn explain(error: &io::Error) -> Cow<'static, str> {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_string().into(),
        None if error.kind() == io::ErrorKind::NotFound => "No such file or directory".into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_args(line.as_bytes())?;
        Some(
            words
                .iter()
                .map(|word| word.escape_ascii().to_string())
                .collect(),
        )
    }

    #[test]
    fn quoting_shows_every_byte() {
        assert_eq!(
            quote(b"a b\"\\\n\r\t\x07\x08\x00\x7f\xff~"),
            br#""a b\"\\\n\r\t\a\b\x00\x7f\xff~""#
        );
        assert_eq!(quote(b""), b"\"\"");
    }

    #[test]
    fn words_are_split() {
        let some = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(words(""), some(&[]));
        assert_eq!(words(" \t\r\n\x0b\x0c"), some(&[]));
        assert_eq!(words("set  key value "), some(&["set", "key", "value"]));
        assert_eq!(words(r#"a "b c" 'd e'"#), some(&["a", "b c", "d e"]));
        assert_eq!(words(r#""" ''"#), some(&["", ""]));
        assert_eq!(words(r#"pre"fix ed""#), some(&["prefix ed"]));
        assert_eq!(words(r#""\x41\x4a\xzz\n\q\"""#), some(&["AJxzz\\nq\\\""]));
        assert_eq!(words(r"'it\'s \n'"), some(&["it\\'s \\\\n"]));
        // A vertical tab separates words only where space is skipped.
        assert_eq!(words("a\x0bb"), some(&["a\\x0bb"]));
        assert_eq!(words("a b\0c d"), some(&["a", "b"]));
        assert_eq!(words(r#"a"b"c"#), None);
        assert_eq!(words(r#""open"#), None);
        assert_eq!(words("'open"), None);
        assert_eq!(words(r#""zero"#), None);
        assert_eq!(words("\"a\0b\""), None);
        assert_eq!(words(r#""a\"#), None);
    }

    #[test]
    fn what_is_quoted_splits_back() {
        let mut rng = Rng::from_seed(9);
        for _ in 0..2000 {
            let words: Vec<Vec<u8>> = (0..rng.index(5))
                .map(|_| {
                    let mut word = vec![0; rng.index(12)];
                    rng.fill(&mut word);
                    word
                })
                .collect();
            let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>();
            assert_eq!(split_args(&line.join(&b' ')), Some(words));
        }
    }

    #[test]
    fn any_line_is_survived() {
        let mut rng = Rng::from_seed(10);
        for _ in 0..50_000 {
            let line: Vec<u8> = (0..rng.index(20))
                .map(|_| b"ab \"'\\x4\0\n\x0b"[rng.index(11)])
                .collect();
            if let Some(words) = split_args(&line) {
                assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
        }
    }

    #[test]
    fn sizes() {
        let cases: &[(&str, Option<u64>)] = &[
            ("0", Some(0)),
            ("100", Some(100)),
            ("1b", Some(1)),
            ("1k", Some(1000)),
            ("1Kb", Some(1024)),
            ("2mB", Some(2 << 20)),
            ("2M", Some(2_000_000)),
            ("1g", Some(1_000_000_000)),
            ("1GB", Some(1 << 30)),
            ("", Some(0)),
            ("kb", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("17179869184gb", Some(0)),
            ("1t", None),
            ("1 mb", None),
            ("-1", None),
            ("+1", None),
            ("1kbb", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse_memory(text.as_bytes()), *value, "{text}");
        }
        assert_eq!(parse_memory(&[b'0'; 127]), Some(0));
        assert_eq!(parse_memory(&[b'0'; 128]), None);
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(human_bytes(0), "0B");
        assert_eq!(human_bytes(1023), "1023B");
        assert_eq!(human_bytes(1024), "1.00K");
        assert_eq!(human_bytes(1_572_864), "1.50M");
        assert_eq!(human_bytes(5 << 30), "5.00G");
        assert_eq!(human_bytes(1 << 40), "1.00T");
        assert_eq!(human_bytes(1 << 50), "1.00P");
        assert_eq!(human_bytes(1 << 60), "1152921504606846976B");
    }
}
