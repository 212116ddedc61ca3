//! The first line of a library, where it says its name: `#!lua name=mylib`.
//!
//! The line is split as redis-cli splits a line, so words may be in quotes.

use crate::base::text;

/// The sentence for a name of a library or of a function that is none.
pub(super) const BAD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Reads the line. Returns the name, and the code from the end of that line on, so that lines keep their numbers.
pub(super) fn read(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Vec<u8>> {
    if !text.starts_with(b"#!") {
        return Err(b"ERR Missing library metadata".to_vec());
    }
    let invalid = || b"ERR Invalid library metadata".to_vec();
    let end = memchr::memchr2(b'\n', 0, text).filter(|&at| text[at] == b'\n');
    let (line, code) = text.split_at(end.ok_or_else(invalid)?);
    let words = text::split_args(line).ok_or_else(invalid)?;
    let (first, rest) = words.split_first().ok_or_else(invalid)?;
    let mut name = None;
    for word in rest {
        let is_name = (word.get(..5)).is_some_and(|start| start.eq_ignore_ascii_case(b"name="));
        if !is_name {
            return Err([b"ERR Invalid metadata value given: ", &**word].concat());
        }
        if name.replace(&word[5..]).is_some() {
            let refusal = "ERR Invalid metadata value, name argument was given multiple times";
            return Err(refusal.into());
        }
    }
    let name = name.ok_or("ERR Library name was not given")?;
    if !is_name(name) {
        return Err(BAD_NAME.into());
    }
    let engine = &first[2..];
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Engine '", engine, b"' not found"].concat());
    }
    Ok((name.to_vec(), code))
}

/// Whether a library or a function may be called so.
pub(super) fn is_name(name: &[u8]) -> bool {
    let may_stand = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    !name.is_empty() && name.iter().all(may_stand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let refusal = read(text.as_bytes()).expect_err(text);
        String::from_utf8(refusal).expect("it is quoted from text")
    }

    #[test]
    fn the_name_is_read_and_lines_keep_their_numbers() {
        for text in [
            "#!lua name=lib\ncode",
            "#!LUA NAME=lib \r\ncode",
            "#!lua \"name=l\\x69b\"\ncode",
        ] {
            let (name, code) = read(text.as_bytes()).expect(text);
            assert_eq!((&*name, code), (&b"lib"[..], &b"\ncode"[..]));
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(refusal("code"), "ERR Missing library metadata");
        assert_eq!(refusal("#!lua name=lib"), "ERR Invalid library metadata");
        assert_eq!(refusal("#!lua name='lib\n"), "ERR Invalid library metadata");
        assert_eq!(refusal("#!lua na\0me\n"), "ERR Invalid library metadata");
        assert_eq!(refusal("#!lua\n"), "ERR Library name was not given");
        assert_eq!(refusal("#!js name=lib\n"), "ERR Engine 'js' not found");
        assert_eq!(
            refusal("#!lua name=lib x=1\n"),
            "ERR Invalid metadata value given: x=1"
        );
        assert_eq!(refusal("#!lua name=my-lib\n"), BAD_NAME);
    }
}
