//! A reply as a value, whichever protocol it came in, and how it grows out of tokens.

use crate::wire::tokens::{Kind, Token};

/// A server's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: `_`, or RESP2's missing string or array.
    Null,
    Simple(String),
    Bulk(Vec<u8>),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// An integer of any length, as its digits.
    BigNumber(String),
    /// Text with a hint how to show it, such as `txt`.
    Verbatim(String, Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    /// Something nobody asked for.
    Push(Vec<Value>),
    /// The server said no; on its own this becomes [`Error::Server`](super::Error::Server).
    Error(String),
}

impl Value {
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Simple(_) => "a simple string",
            Value::Bulk(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Double(_) => "a double",
            Value::Boolean(_) => "a boolean",
            Value::BigNumber(_) => "a big number",
            Value::Verbatim(..) => "a verbatim string",
            Value::Array(_) => "an array",
            Value::Map(_) => "a map",
            Value::Set(_) => "a set",
            Value::Push(_) => "a push",
            Value::Error(_) => "an error",
        }
    }

    /// The bytes of anything that is text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bulk(bytes) | Value::Verbatim(_, bytes) => Some(bytes),
            Value::Simple(text) | Value::BigNumber(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The elements of an array, a set or a push.
    pub fn as_slice(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            _ => None,
        }
    }
}

/// Puts values together. Attributes are read and dropped: no command sends them unless asked to by DEBUG.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<(Kind, Vec<Value>)>,
    string: (Option<Kind>, Vec<u8>),
    /// Bytes of strings in the value at hand.
    pub size: usize,
    finished: Option<Value>,
}

impl Builder {
    /// Takes the next token; returns a value when it is complete.
    pub(crate) fn take(&mut self, token: Token<'_>) -> Option<Value> {
        match token {
            Token::Line(kind, line) => {
                self.size += line.len() + size_of::<Value>();
                self.element(of_line(kind, line));
            }
            Token::Begin(kind, _) => {
                self.size += size_of::<Value>();
                self.string = (Some(kind), Vec::new());
            }
            Token::Bytes(bytes) => {
                self.size += bytes.len();
                self.string.1.extend_from_slice(bytes);
            }
            Token::End => {
                let (kind, bytes) = std::mem::take(&mut self.string);
                self.element(of_string(kind.unwrap_or(Kind::BulkString), bytes));
            }
            // The number of elements is the server's word; room is made as they come.
            Token::Aggregate(kind, _) => self.open.push((kind, Vec::new())),
            Token::Close => {
                if let Some((kind, items)) = self.open.pop()
                    && kind != Kind::Attribute
                {
                    self.size += size_of::<Value>();
                    self.element(of_aggregate(kind, items));
                }
            }
            Token::Null(_) => self.element(Value::Null),
            Token::Inline(_) => {}
            Token::Done(_) => {
                self.size = 0;
                return self.finished.take();
            }
        }
        None
    }

    fn element(&mut self, value: Value) {
        match self.open.last_mut() {
            Some((_, items)) => items.push(value),
            None => self.finished = Some(value),
        }
    }
}

fn of_line(kind: Kind, line: &[u8]) -> Value {
    let text = || String::from_utf8_lossy(line).into_owned();
    match kind {
        Kind::Error => Value::Error(text()),
        Kind::Integer => match text().parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::BigNumber(text()),
        },
        Kind::Double => text()
            .parse()
            .map_or_else(|_| Value::Simple(text()), Value::Double),
        Kind::Boolean => Value::Boolean(line == b"t"),
        Kind::BigNumber => Value::BigNumber(text()),
        Kind::Null => Value::Null,
        _ => Value::Simple(text()),
    }
}

fn of_string(kind: Kind, bytes: Vec<u8>) -> Value {
    match kind {
        Kind::BulkError => Value::Error(String::from_utf8_lossy(&bytes).into_owned()),
        // Three letters and a colon come before the text.
        Kind::Verbatim if bytes.get(3) == Some(&b':') => {
            let format = String::from_utf8_lossy(&bytes[..3]).into_owned();
            Value::Verbatim(format, bytes[4..].to_vec())
        }
        _ => Value::Bulk(bytes),
    }
}

fn of_aggregate(kind: Kind, items: Vec<Value>) -> Value {
    match kind {
        Kind::Map => {
            let mut items = items.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        Kind::Set => Value::Set(items),
        Kind::Push => Value::Push(items),
        _ => Value::Array(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tokens::Tokens;

    fn values(bytes: &[u8]) -> Vec<Value> {
        let mut builder = Builder::default();
        let mut values = Vec::new();
        let mut tokens = Tokens::of_replies();
        let mut take = |token: Token<'_>| values.extend(builder.take(token));
        tokens.feed(bytes, &mut take).expect("RESP");
        values
    }

    #[test]
    fn every_kind_becomes_a_value() {
        let text = |text: &str| Value::Simple(text.into());
        let bytes = b"+OK\r\n-ERR no\r\n:7\r\n$2\r\n\x00\xff\r\n$-1\r\n*-1\r\n_\r\n#f\r\n,inf\r\n(123\r\n\
            =6\r\nmkd:*x\r\n!5\r\nERR x\r\n*2\r\n:1\r\n*0\r\n%1\r\n+a\r\n~1\r\n+b\r\n|1\r\n+x\r\n+y\r\n>1\r\n+p\r\n";
        let expected = [
            text("OK"),
            Value::Error("ERR no".into()),
            Value::Integer(7),
            Value::Bulk(vec![0, 255]),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Boolean(false),
            Value::Double(f64::INFINITY),
            Value::BigNumber("123".into()),
            Value::Verbatim("mkd".into(), b"*x".to_vec()),
            Value::Error("ERR x".into()),
            Value::Array(vec![Value::Integer(1), Value::Array(vec![])]),
            Value::Map(vec![(text("a"), Value::Set(vec![text("b")]))]),
            Value::Push(vec![text("p")]),
        ];
        assert_eq!(values(bytes), expected);
    }
}
