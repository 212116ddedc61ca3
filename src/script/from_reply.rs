//! A command's reply as values of Lua.
//!
//! The bytes are our own, from the same writer that serves clients, so their form is known. RESP2 has no word for a
//! missing value but the length -1, which scripts see as `false`; RESP3's null is `nil`. What Lua has no type for comes
//! as a table with one field that says what it is: `ok`, `err`, `map`, `set`, `double`, `big_number` or
//! `verbatim_string`.

use crate::base::num::parse_i64;

use super::errors;
use super::seat::{Kind, Raise, Stack};

type Pushed = Result<(), Raise>;

/// Pushes the value that the reply is.
pub(super) fn push(stack: Stack, reply: &[u8]) -> Pushed {
    Reader { stack, rest: reply }.value()
}

/// Nothing here owns anything, since Lua may jump over it.
struct Reader<'a> {
    stack: Stack,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The rest of the line, without its end.
    fn line(&mut self) -> &'a [u8] {
        let end = memchr::memchr(b'\r', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        line
    }

    /// `None` for -1.
    fn length(&mut self) -> Option<usize> {
        parse_i64(self.line()).and_then(|len| usize::try_from(len).ok())
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let len = len.min(self.rest.len());
        let bytes = &self.rest[..len];
        self.rest = self.rest.get(len + 2..).unwrap_or_default();
        bytes
    }

    fn value(&mut self) -> Pushed {
        let stack = self.stack;
        let Some((&kind, rest)) = self.rest.split_first() else {
            stack.push_nil();
            return Ok(());
        };
        self.rest = rest;
        match kind {
            b'$' => match self.length() {
                Some(len) => stack.push_bytes(self.bytes(len)),
                None => stack.push_boolean(false),
            },
            b':' => {
                let number = parse_i64(self.line()).unwrap_or_default();
                stack.push_number(number as f64);
            }
            b'+' => {
                stack.push_table(0, 1);
                stack.push_bytes(self.line());
                stack.set_field(-2, b"ok");
            }
            b'-' => errors::push_counted(stack, self.line()),
            b'*' | b'>' => match self.length() {
                Some(len) => self.array(len)?,
                None => stack.push_boolean(false),
            },
            b'%' => self.map()?,
            b'~' => self.set()?,
            b'#' => stack.push_boolean(self.line() == b"t"),
            b',' => {
                let text = std::str::from_utf8(self.line()).unwrap_or_default();
                stack.push_table(0, 1);
                stack.push_number(text.parse().unwrap_or(f64::NAN));
                stack.set_field(-2, b"double");
            }
            b'(' => {
                stack.push_table(0, 1);
                stack.push_bytes(self.line());
                stack.set_field(-2, b"big_number");
            }
            b'=' => self.verbatim(),
            b'|' => return self.behind_attribute(),
            _ => {
                self.line();
                stack.push_nil();
            }
        }
        Ok(())
    }

    /// Room for a table, what it stands in, and a key and a value of it.
    fn make_room(&self) -> Pushed {
        if self.stack.has_room(6) {
            return Ok(());
        }
        errors::push(self.stack, b"ERR reached lua stack limit");
        Err(Raise)
    }

    fn array(&mut self, len: usize) -> Pushed {
        self.make_room()?;
        self.stack.push_table(len, 0);
        for at in 1..=len {
            self.value()?;
            self.stack.set_element(-2, at);
        }
        Ok(())
    }

    fn map(&mut self) -> Pushed {
        self.make_room()?;
        let (stack, len) = (self.stack, self.length().unwrap_or_default());
        stack.push_table(0, 1);
        stack.push_table(0, len);
        for _ in 0..len {
            self.value()?;
            self.value()?;
            self.add();
        }
        stack.set_field(-2, b"map");
        Ok(())
    }

    fn set(&mut self) -> Pushed {
        self.make_room()?;
        let (stack, len) = (self.stack, self.length().unwrap_or_default());
        stack.push_table(0, 1);
        stack.push_table(0, len);
        for _ in 0..len {
            self.value()?;
            stack.push_boolean(true);
            self.add();
        }
        stack.set_field(-2, b"set");
        Ok(())
    }

    /// Takes a key and a value into the table beneath them. Lua's tables have no key nil.
    fn add(&mut self) {
        if self.stack.kind(-2) == Kind::Nil {
            self.stack.pop(2);
        } else {
            self.stack.raw_set(-3);
        }
    }

    /// Scripts see no attributes: the value is the one that follows.
    fn behind_attribute(&mut self) -> Pushed {
        for _ in 0..2 * self.length().unwrap_or_default() {
            self.value()?;
            self.stack.pop(1);
        }
        self.value()
    }

    fn verbatim(&mut self) {
        let stack = self.stack;
        let len = self.length().unwrap_or_default();
        let bytes = self.bytes(len);
        let (format, text) = bytes.split_at(bytes.len().min(3));
        stack.push_table(0, 1);
        stack.push_table(0, 2);
        stack.push_bytes(format);
        stack.set_field(-2, b"format");
        stack.push_bytes(text.get(1..).unwrap_or_default());
        stack.set_field(-2, b"string");
        stack.set_field(-2, b"verbatim_string");
    }
}

#[cfg(test)]
mod tests {
    use crate::base::output::Output;
    use crate::script::interpreter::{Deprecated, Interpreter};
    use crate::script::trial::{Answers, run};
    use crate::wire::reply::Protocol;

    /// What the script sees of a reply, as its own code says it.
    fn seen(reply: &'static str, expression: &str) -> String {
        let code = format!("local r = redis.pcall('x') return tostring({expression})");
        let mut host = Answers(|out: &mut Output| {
            out.push(reply.as_bytes());
            Ok(())
        });
        let reply = run(
            &Interpreter::new(Deprecated::Hidden),
            &code,
            &mut host,
            Protocol::Resp2,
        );
        let (_, text) = reply.split_once("\r\n").expect("a reply");
        text.trim_end().to_owned()
    }

    #[test]
    fn every_form_of_reply_has_its_value() {
        assert_eq!(seen("+OK\r\n", "r.ok"), "OK");
        assert_eq!(seen("-ERR a b\r\n", "r.err"), "ERR a b");
        assert_eq!(seen(":-7\r\n", "r"), "-7");
        assert_eq!(seen("$3\r\na\r\n\r\n", "#r"), "3");
        assert_eq!(seen("$-1\r\n", "r"), "false");
        assert_eq!(seen("*-1\r\n", "r"), "false");
        assert_eq!(seen("*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", "r[2][1]"), "x");
        assert_eq!(seen("*3\r\n_\r\n:1\r\n_\r\n", "r[2]"), "1");
        assert_eq!(seen("%1\r\n$1\r\nk\r\n:5\r\n", "r.map.k"), "5");
        assert_eq!(seen("%1\r\n_\r\n:5\r\n", "next(r.map)"), "nil");
        assert_eq!(seen("~1\r\n$1\r\nk\r\n", "r.set.k"), "true");
        assert_eq!(seen("_\r\n", "r"), "nil");
        assert_eq!(seen("#t\r\n", "r"), "true");
        assert_eq!(seen(",1.5\r\n", "r.double"), "1.5");
        assert_eq!(seen(",inf\r\n", "r.double"), "inf");
        assert_eq!(seen("|1\r\n+a\r\n*1\r\n:2\r\n:7\r\n", "r"), "7");
        assert_eq!(seen("(123\r\n", "r.big_number"), "123");
        assert_eq!(seen("=6\r\ntxt:ab\r\n", "r.verbatim_string.string"), "ab");
    }
}
