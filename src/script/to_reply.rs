//! What a script returns, as a reply.
//!
//! Lua has one kind of table, so a table says by a field what it is, and a table that says nothing is an array up to
//! its first hole. A value that has no form in the client's protocol gets the nearest one.
//!
//! Tables are walked on Lua's stack, which holds what is open: the table; for a map or a set also its table of elements
//! and the key that comes next. So nesting ends where it ends in Redis, when a function has no room for more values.

use crate::base::output::Mark;
use crate::base::text::up_to_nul;
use crate::wire::reply::{Protocol, Reply};

use super::errors::{self, Failure};
use super::returned::Returned;
use super::seat::{Ended, Job, Kind, Stack};

/// Writes what a script has returned; or says that it is an error. One inside of it that the statistics do not know is
/// shown to `on_error`.
pub(crate) fn write(
    reply: &mut Reply<'_>,
    returned: &Returned<'_>,
    on_error: &mut dyn FnMut(&[u8]),
) -> Result<(), Failure> {
    let stack = returned.main.stack();
    if stack.kind(-1) != Kind::Table {
        write_plain(reply, stack, returned.spoken);
        return Ok(());
    }
    let mark = reply.deferred();
    let mut writing = Writing {
        reply,
        on_error,
        spoken: returned.spoken,
        open: Vec::new(),
        failure: None,
    };
    if returned.main.read(&mut writing, 1) {
        return writing.failure.map_or(Ok(()), Err);
    }
    // There was no memory even to look at the tables.
    reply.rewind(mark);
    Err(errors::read(returned.main))
}

/// A table whose elements are being written.
struct Open {
    shape: Shape,
    mark: Mark,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Map,
    /// The key is written, and its value is the next.
    MapValue,
    Set,
}

struct Writing<'a, 'r> {
    reply: &'a mut Reply<'r>,
    on_error: &'a mut dyn FnMut(&[u8]),
    spoken: Protocol,
    open: Vec<Open>,
    /// What was returned is an error.
    failure: Option<Failure>,
}

impl Job for Writing<'_, '_> {
    fn run(&mut self, stack: Stack) -> Ended {
        if let Some((text, is_counted)) = errors::in_table(stack, 2) {
            self.failure = Some(Failure {
                text: without_line_end(text).to_vec(),
                place: None,
                is_counted,
            });
            return Ok(0);
        }
        self.begin(stack);
        while let Some(last) = self.open.last_mut() {
            let has_next = match last.shape {
                Shape::Array => {
                    stack.push_element(-1, last.count + 1);
                    let is_last = stack.kind(-1) == Kind::Nil;
                    if is_last {
                        stack.pop(1);
                    }
                    !is_last
                }
                Shape::Map => {
                    last.shape = Shape::MapValue;
                    let has_next = stack.next(-2);
                    if has_next {
                        stack.push_copy(-2);
                    }
                    has_next
                }
                Shape::MapValue => {
                    last.shape = Shape::Map;
                    true
                }
                Shape::Set => {
                    let has_next = stack.next(-2);
                    if has_next {
                        stack.pop(1);
                        stack.push_copy(-1);
                    }
                    has_next
                }
            };
            if has_next {
                last.count += 1;
                self.begin(stack);
            } else {
                self.finish(stack);
            }
        }
        Ok(0)
    }
}

impl Writing<'_, '_> {
    /// Writes the value on top, or opens it; one that is written is gone from the stack.
    fn begin(&mut self, stack: Stack) {
        if !stack.has_room(4) {
            let text = b"ERR reached lua stack limit";
            (self.on_error)(text);
            self.reply.error(text);
            stack.pop(1);
        } else if stack.kind(-1) != Kind::Table {
            write_plain(self.reply, stack, self.spoken);
            stack.pop(1);
        } else {
            self.begin_table(stack);
        }
    }

    /// Writes the table on top if a field says that it is a value without elements, or opens it.
    fn begin_table(&mut self, stack: Stack) {
        let table = stack.top();
        if let Some((text, is_counted)) = errors::in_table(stack, table) {
            let text = without_line_end(text);
            if !is_counted {
                (self.on_error)(text);
            }
            self.reply.error(text);
        } else if let Some(text) = text_in(stack, table, b"ok") {
            self.reply.raw(b"+");
            self.reply.raw(&on_one_line(up_to_nul(text)));
            self.reply.raw(b"\r\n");
        } else if let Some(number) = number_in(stack, table, b"double") {
            self.reply.double(number);
        } else if push_table_in(stack, table, b"map") {
            stack.push_nil();
            return self.open(Shape::Map);
        } else if push_table_in(stack, table, b"set") {
            stack.push_nil();
            return self.open(Shape::Set);
        } else if let Some(digits) = text_in(stack, table, b"big_number") {
            self.reply.big_number(&on_one_line(digits));
        } else if push_table_in(stack, table, b"verbatim_string") {
            let format = text_in(stack, table + 1, b"format");
            let text = text_in(stack, table + 1, b"string");
            let (Some(format), Some(text)) = (format, text) else {
                stack.pop(1);
                return self.open(Shape::Array);
            };
            self.write_verbatim(format, text);
        } else {
            return self.open(Shape::Array);
        }
        stack.set_top(table - 1);
    }

    /// A format is three letters, and what is missing is blank. It ends before a byte of zero.
    fn write_verbatim(&mut self, format: &[u8], text: &[u8]) {
        let mut letters = [b' '; 3];
        for (letter, &byte) in letters.iter_mut().zip(up_to_nul(format)) {
            *letter = byte;
        }
        self.reply.verbatim_of(&letters, text);
    }

    fn open(&mut self, shape: Shape) {
        let mark = self.reply.deferred();
        let count = 0;
        self.open.push(Open { shape, mark, count });
    }

    /// The innermost table has no more elements.
    fn finish(&mut self, stack: Stack) {
        let Some(Open { shape, mark, count }) = self.open.pop() else {
            return;
        };
        match shape {
            Shape::Array => {
                stack.pop(1);
                self.reply.finish_array(mark, count);
            }
            Shape::Map | Shape::MapValue => {
                stack.pop(2);
                self.reply.finish_map(mark, count / 2);
            }
            Shape::Set => {
                stack.pop(2);
                self.reply.finish_set(mark, count);
            }
        }
    }
}

/// A field that is a string, which the table holds.
fn text_in<'a>(stack: Stack, table: i32, name: &[u8]) -> Option<&'a [u8]> {
    stack.push_field(table, name);
    let text = stack.bytes(-1);
    stack.pop(1);
    text
}

fn number_in(stack: Stack, table: i32, name: &[u8]) -> Option<f64> {
    stack.push_field(table, name);
    let number = stack.number(-1);
    stack.pop(1);
    number
}

/// Pushes a field that is a table; nothing if there is none.
fn push_table_in(stack: Stack, table: i32, name: &[u8]) -> bool {
    stack.push_field(table, name);
    let is_table = stack.kind(-1) == Kind::Table;
    if !is_table {
        stack.pop(1);
    }
    is_table
}

/// Writes the value on top, which is no table.
fn write_plain(reply: &mut Reply<'_>, stack: Stack, spoken: Protocol) {
    if let Some(text) = stack.bytes(-1) {
        return reply.bulk(text);
    }
    if let Some(number) = stack.number(-1) {
        return reply.integer(truncated(number));
    }
    match stack.kind(-1) {
        // In the older protocol truth is 1, and falsehood is that there is nothing.
        Kind::Boolean if spoken == Protocol::Resp2 => {
            if stack.truth(-1) {
                reply.integer(1);
            } else {
                reply.null();
            }
        }
        Kind::Boolean => reply.boolean(stack.truth(-1)),
        _ => reply.null(),
    }
}

/// As C converts a double to 64 bits on most machines: what does not fit is the smallest number.
pub(super) fn truncated(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

/// Line ends inside would be taken for the end of the reply.
fn on_one_line(text: &[u8]) -> Vec<u8> {
    let flat = |&byte: &u8| match byte {
        b'\r' | b'\n' => b' ',
        other => other,
    };
    text.iter().map(flat).collect()
}

/// A text without the line ends that it ends with.
pub(super) fn without_line_end(text: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let end = text.iter().rposition(|byte| !is_end(byte));
    &text[..end.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use crate::script::interpreter::{Deprecated, Interpreter};
    use crate::script::trial::{nobody, run};
    use crate::wire::reply::Protocol;

    fn written(code: &str, client: Protocol) -> String {
        run(
            &Interpreter::new(Deprecated::Hidden),
            code,
            &mut nobody(),
            client,
        )
    }

    fn plain(code: &str) -> String {
        written(code, Protocol::Resp2)
    }

    #[test]
    fn values_without_elements() {
        assert_eq!(plain("return 3.99"), ":3\r\n");
        assert_eq!(plain("return -1.5"), ":-1\r\n");
        assert_eq!(plain("return 1e20"), ":-9223372036854775808\r\n");
        assert_eq!(plain("return 'a'"), "$1\r\na\r\n");
        assert_eq!(plain("return true"), ":1\r\n");
        assert_eq!(plain("return false"), "$-1\r\n");
        assert_eq!(plain("return pairs"), "$-1\r\n");
        assert_eq!(plain("return {ok='a\\r\\nb'}"), "+a  b\r\n");
        assert_eq!(plain("return {err='a b\\n'}"), "-a b\r\n");
        assert_eq!(plain("return {err='\\nx'}"), "- x\r\n");
        for (given, expected) in [
            ("\\nx", "ERR x"),
            ("\\n", "ERR "),
            ("a\\nb", "ERR a b"),
            ("A\\n \\nb\\n", "A  b"),
        ] {
            let code = format!("return redis.error_reply('{given}')");
            assert_eq!(plain(&code), format!("-{expected}\r\n"));
        }
        assert_eq!(plain("return {double=3.5}"), "$3\r\n3.5\r\n");
    }

    #[test]
    fn arrays_end_at_the_first_hole() {
        assert_eq!(plain("return {1,{2},nil,4}"), "*2\r\n:1\r\n*1\r\n:2\r\n");
        assert_eq!(plain("return {}"), "*0\r\n");
    }

    #[test]
    fn the_newer_protocol_has_more_forms() {
        let new = |code| written(&format!("redis.setresp(3) {code}"), Protocol::Resp3);
        assert_eq!(new("return {true,false}"), "*2\r\n#t\r\n#f\r\n");
        assert_eq!(new("return {map={a=1}}"), "%1\r\n$1\r\na\r\n:1\r\n");
        assert_eq!(new("return {set={a=true}}"), "~1\r\n$1\r\na\r\n");
        assert_eq!(
            new("return {{set={[{2}]=true}},5}"),
            "*2\r\n~1\r\n*1\r\n:2\r\n:5\r\n"
        );
        assert_eq!(
            new("return {map={[{map={}}]={7}}}"),
            "%1\r\n%0\r\n*1\r\n:7\r\n"
        );
        assert_eq!(
            new("return {verbatim_string={format='a\\0b',string='c'}}"),
            "=5\r\na  :c\r\n"
        );
        assert_eq!(
            new("return {verbatim_string={format='txt',string='a'}}"),
            "=5\r\ntxt:a\r\n"
        );
        assert_eq!(plain("return {map={a=1}}"), "*2\r\n$1\r\na\r\n:1\r\n");
    }

    #[test]
    fn a_table_that_holds_itself_ends_in_an_error() {
        let text = plain("local t = {} t[1] = t return t");
        assert!(text.ends_with("-ERR reached lua stack limit\r\n"));
        assert_eq!(text.matches("*1").count(), 7995);
    }
}
