//! Commands and their replies as the debugger shows them.

use crate::base::num::parse_i64;
use crate::base::text::push_quoted;
use crate::script::said::Said;
use crate::script::seat::Shared;
use crate::wire::args::Args;

use super::error_words;

/// So many words of a command are shown.
const WORDS_MAX: usize = 10;

/// Notes a command that the script has called, and its reply or how it was refused, if the client sees each step.
pub(in crate::script) fn note_call(shared: &Shared, args: Args<'_>, reply: Result<&[u8], &[u8]>) {
    let watch = &shared.watch;
    let Some(mut watcher) = watch.watcher.take() else {
        return;
    };
    watch.note(|said| {
        say_request(args, said);
        match reply {
            Ok(reply) => {
                if let Some(error) = error_in(reply) {
                    said.line(&[b"<error> ", error].concat());
                }
                watcher.show(said, [b"<reply> ", &*shown(reply)].concat());
            }
            Err(refusal) => said.line(&refused(refusal)),
        }
    });
    watch.watcher.set(Some(watcher));
}

pub(super) fn say_request(args: Args<'_>, said: &mut Said) {
    let mut line = b"<redis>".to_vec();
    for word in args.iter().take(WORDS_MAX) {
        line.push(b' ');
        line.extend_from_slice(word);
    }
    if args.len() > WORDS_MAX {
        let more = args.len() - WORDS_MAX - 1;
        line.extend_from_slice(format!(" ... ({more} more)").as_bytes());
    }
    said.line(&line);
}

/// The line of an error reply.
pub(super) fn error_in(reply: &[u8]) -> Option<&[u8]> {
    (reply.first() == Some(&b'-')).then(|| line(&mut &*reply))
}

pub(super) fn refused(text: &[u8]) -> Vec<u8> {
    [b"<error> ", &*error_words(text)].concat()
}

/// A reply on one line.
pub(super) fn shown(reply: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    push(&mut text, &mut &*reply);
    text
}

/// Takes a line, its mark included.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
    let line = &rest[..end];
    *rest = rest.get(end + 2..).unwrap_or_default();
    line
}

/// Takes a value. False: it is of a kind that is not shown, and what follows it is not found.
fn push(text: &mut Vec<u8>, rest: &mut &[u8]) -> bool {
    let head = line(rest);
    let Some((&kind, number)) = head.split_first() else {
        return false;
    };
    let len = parse_i64(number).and_then(|len| usize::try_from(len).ok());
    match (kind, len) {
        (b':', _) => text.extend_from_slice(number),
        (b'+' | b'-', _) => push_quoted(text, head),
        (b'$', Some(len)) => {
            push_quoted(text, rest.get(..len).unwrap_or_default());
            *rest = rest.get(len + 2..).unwrap_or_default();
        }
        (b'$' | b'*', None) => text.extend_from_slice(b"NULL"),
        (b'*', Some(len)) => return push_many(text, rest, len, ["[", "", "]"]),
        (b'~', Some(len)) => return push_many(text, rest, len, ["~(", "", ")"]),
        (b'%', Some(len)) => return push_many(text, rest, len, ["{", " => ", "}"]),
        (b'_', _) => text.extend_from_slice(b"(null)"),
        (b'#', _) => {
            let word: &[u8] = if number == b"t" { b"#true" } else { b"#false" };
            text.extend_from_slice(word);
        }
        (b',', _) => {
            text.extend_from_slice(b"(double) ");
            text.extend_from_slice(number);
        }
        _ => return false,
    }
    true
}

/// The elements of an array or a set, or of a map whose values follow their keys.
fn push_many(text: &mut Vec<u8>, rest: &mut &[u8], len: usize, marks: [&str; 3]) -> bool {
    let [open, between, close] = marks;
    text.extend_from_slice(open.as_bytes());
    for at in 0..len {
        if at > 0 {
            text.push(b',');
        }
        if !push(text, rest) {
            return false;
        }
        if !between.is_empty() {
            text.extend_from_slice(between.as_bytes());
            if !push(text, rest) {
                return false;
            }
        }
    }
    text.extend_from_slice(close.as_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn replies_are_shown_on_one_line() {
        for (reply, expected) in [
            (":-1\r\n", "-1"),
            ("+OK\r\n", "\"+OK\""),
            ("-ERR a b\r\n", "\"-ERR a b\""),
            ("$-1\r\n", "NULL"),
            ("$3\r\na\r\n\r\n", "\"a\\r\\n\""),
            ("*2\r\n$1\r\na\r\n*0\r\n", "[\"a\",[]]"),
            ("%1\r\n$1\r\na\r\n:1\r\n", "{\"a\" => 1}"),
            ("~1\r\n$1\r\na\r\n", "~(\"a\")"),
            ("_\r\n", "(null)"),
            (",1.5\r\n", "(double) 1.5"),
            ("#t\r\n", "#true"),
            ("=5\r\ntxt:a\r\n", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&shown(reply.as_bytes())), expected);
        }
    }
}
