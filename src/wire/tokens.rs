//! Any stream of RESP2 or RESP3, piece by piece.
//!
//! ```text
//! *2\r\n $3\r\nGET\r\n $5\r\nhello\r\n   Aggregate(Array, 2)  Begin(BulkString, 3) Bytes("GET") End ... Close Done(24)
//! ```
//!
//! The decoder of requests serves a server: it wants whole requests and copies nothing. This one serves programs that
//! look at the other direction, or at both: a client that builds values, a relay that prints the bytes it passes. It
//! keeps no strings, however long; they go to the sink in the pieces they came in. The tokenizer keeps one unfinished
//! line and how many elements are missing at each depth, and both have limits.
//!
//! Requests may also be plain lines (`Tokens::of_requests`); replies may not.

use std::fmt;

/// A piece of a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A value of one line, without its first byte and its end.
    Line(Kind, &'a [u8]),
    /// A string of so many bytes: `Bytes` follow, then `End`.
    Begin(Kind, usize),
    Bytes(&'a [u8]),
    End,
    /// So many elements follow; of maps and attributes, keys and values count one each.
    Aggregate(Kind, usize),
    /// The innermost aggregate is complete.
    Close,
    /// No string or no array, as RESP2 writes it.
    Null(Kind),
    /// A request that is a line of words.
    Inline(&'a [u8]),
    /// The value is complete; it took so many bytes.
    Done(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SimpleString,
    Error,
    Integer,
    BulkString,
    Array,
    Null,
    Boolean,
    Double,
    BigNumber,
    BulkError,
    Verbatim,
    Map,
    Set,
    Attribute,
    Push,
}

/// Bytes that are no RESP. Nobody knows where the next value would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbled {
    Kind(u8),
    Length,
    LineTooLong,
    TooDeep,
    /// A string was not followed by a line end.
    NoLineEnd,
}

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    allows_inline: bool,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    body: Body,
    /// How many elements are missing, from the outermost aggregate to the innermost.
    missing: Vec<Missing>,
    /// Bytes of the value at hand so far.
    size: usize,
}

#[derive(Debug)]
struct Missing {
    count: u64,
    /// Attributes come before the value they belong to, and are none themselves.
    is_attribute: bool,
}

/// Where we are in a string.
#[derive(Clone, Copy, Debug, Default)]
enum Body {
    #[default]
    Outside,
    Inside(usize),
    /// Its line end is to come: the byte that is due.
    LineEnd(u8),
}

impl Tokens {
    pub(crate) fn of_replies() -> Tokens {
        Tokens::default()
    }

    pub(crate) fn of_requests() -> Tokens {
        Tokens {
            allows_inline: true,
            ..Tokens::default()
        }
    }

    /// Whether a value has begun and not ended.
    pub(crate) fn is_midway(&self) -> bool {
        self.size > 0
    }

    /// Passes on what `bytes` consist of. After an error nothing more can be understood.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Token<'_>),
    ) -> Result<(), Garbled> {
        while !bytes.is_empty() {
            let taken = match self.body {
                Body::Outside => self.header(bytes, sink)?,
                Body::Inside(left) => {
                    let taken = left.min(bytes.len());
                    sink(Token::Bytes(&bytes[..taken]));
                    self.size += taken;
                    self.body = match left - taken {
                        0 => Body::LineEnd(b'\r'),
                        left => Body::Inside(left),
                    };
                    taken
                }
                Body::LineEnd(due) => {
                    if bytes[0] != due {
                        return Err(Garbled::NoLineEnd);
                    }
                    self.size += 1;
                    self.body = Body::LineEnd(b'\n');
                    if due == b'\n' {
                        self.body = Body::Outside;
                        sink(Token::End);
                        self.element_done(sink);
                    }
                    1
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Reads up to the end of a line, and understands the line if that was there.
    fn header(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Token<'_>)) -> Result<usize, Garbled> {
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.map_or(bytes.len(), |end| end + 1)];
        if self.line.len() + part.len() > LINE_BYTES_MAX {
            return Err(Garbled::LineTooLong);
        }
        self.size += part.len();
        if end.is_none() {
            self.line.extend_from_slice(part);
        } else if self.line.is_empty() {
            self.understand(part, sink)?;
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(part);
            self.understand(&line, sink)?;
            line.clear();
            self.line = line;
        }
        Ok(part.len())
    }

    fn understand(&mut self, line: &[u8], sink: &mut dyn FnMut(Token<'_>)) -> Result<(), Garbled> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (first, text) = match line.split_first() {
            Some((&first, text)) => (first, text),
            None => (b'\n', line),
        };
        if self.allows_inline && self.missing.is_empty() && first != b'*' {
            sink(Token::Inline(line));
            self.element_done(sink);
            return Ok(());
        }
        let kind = Kind::of(first).ok_or(Garbled::Kind(first))?;
        if !kind.has_length() {
            sink(Token::Line(kind, text));
            self.element_done(sink);
            return Ok(());
        }
        let Some(len) = length(text)? else {
            sink(Token::Null(kind));
            self.element_done(sink);
            return Ok(());
        };
        if kind.is_aggregate() {
            return self.aggregate(kind, len, sink);
        }
        sink(Token::Begin(kind, len));
        self.body = match len {
            0 => Body::LineEnd(b'\r'),
            len => Body::Inside(len),
        };
        Ok(())
    }

    fn aggregate(
        &mut self,
        kind: Kind,
        len: usize,
        sink: &mut dyn FnMut(Token<'_>),
    ) -> Result<(), Garbled> {
        if self.missing.len() >= DEPTH_MAX {
            return Err(Garbled::TooDeep);
        }
        let is_attribute = kind == Kind::Attribute;
        let count = match kind {
            Kind::Map | Kind::Attribute => len.saturating_mul(2),
            _ => len,
        };
        sink(Token::Aggregate(kind, count));
        if count > 0 {
            self.missing.push(Missing {
                count: count as u64,
                is_attribute,
            });
        } else {
            sink(Token::Close);
            if !is_attribute {
                self.element_done(sink);
            }
        }
        Ok(())
    }

    /// An element is complete, and with it perhaps what it is the last element of.
    fn element_done(&mut self, sink: &mut dyn FnMut(Token<'_>)) {
        while let Some(innermost) = self.missing.last_mut() {
            innermost.count -= 1;
            if innermost.count > 0 {
                return;
            }
            let was_attribute = innermost.is_attribute;
            self.missing.pop();
            sink(Token::Close);
            if was_attribute {
                return;
            }
        }
        sink(Token::Done(std::mem::take(&mut self.size)));
    }
}

impl Kind {
    pub(crate) fn of(first: u8) -> Option<Kind> {
        let found = KINDS.iter().find(|(byte, ..)| *byte == first)?;
        Some(found.1)
    }

    fn is_aggregate(self) -> bool {
        use Kind::{Array, Attribute, Map, Push, Set};
        matches!(self, Array | Map | Set | Attribute | Push)
    }

    /// Whether its line says how much follows.
    fn has_length(self) -> bool {
        let is_string = matches!(self, Kind::BulkString | Kind::BulkError | Kind::Verbatim);
        is_string || self.is_aggregate()
    }

    /// As the protocol's description calls it.
    pub(crate) fn name(self) -> &'static str {
        let found = KINDS.iter().find(|(_, kind, _)| *kind == self);
        found.map_or("", |(_, _, name)| name)
    }
}

impl fmt::Display for Garbled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Garbled::Kind(byte) => {
                write!(out, "no value begins with '{}'", byte.escape_ascii())
            }
            Garbled::Length => out.write_str("a length that is no number"),
            Garbled::LineTooLong => write!(out, "a line of more than {LINE_BYTES_MAX} bytes"),
            Garbled::TooDeep => write!(out, "values in values, more than {DEPTH_MAX} deep"),
            Garbled::NoLineEnd => out.write_str("a string that does not end where it should"),
        }
    }
}

/// A length; -1 stands for nothing at all.
fn length(text: &[u8]) -> Result<Option<usize>, Garbled> {
    match crate::base::num::parse_i64(text) {
        Some(-1) => Ok(None),
        Some(len) => usize::try_from(len).map(Some).map_err(|_| Garbled::Length),
        None => Err(Garbled::Length),
    }
}

const KINDS: [(u8, Kind, &str); 15] = [
    (b'+', Kind::SimpleString, "simple string"),
    (b'-', Kind::Error, "error"),
    (b':', Kind::Integer, "integer"),
    (b'$', Kind::BulkString, "bulk string"),
    (b'*', Kind::Array, "array"),
    (b'_', Kind::Null, "null"),
    (b'#', Kind::Boolean, "boolean"),
    (b',', Kind::Double, "double"),
    (b'(', Kind::BigNumber, "big number"),
    (b'!', Kind::BulkError, "bulk error"),
    (b'=', Kind::Verbatim, "verbatim string"),
    (b'%', Kind::Map, "map"),
    (b'~', Kind::Set, "set"),
    (b'|', Kind::Attribute, "attribute"),
    (b'>', Kind::Push, "push"),
];

/// The longest line: a status or an error, which scripts may word as they like.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// No reply of any command comes near it; scripts stop at some such depth.
const DEPTH_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// Tokens as text, the pieces of a string put together.
    fn tokens(mut tokens: Tokens, pieces: &[&[u8]]) -> (String, Result<(), Garbled>) {
        let mut text = Vec::new();
        let mut outcome = Ok(());
        for piece in pieces {
            outcome = tokens.feed(piece, &mut |token| match token {
                Token::Line(kind, line) => {
                    text.extend(format!(" {}:", kind.name()).into_bytes());
                    text.extend(line);
                }
                Token::Begin(_, len) => text.extend(format!(" {len}<").into_bytes()),
                Token::Bytes(bytes) => text.extend(bytes),
                Token::End => text.push(b'>'),
                Token::Aggregate(kind, len) => {
                    text.extend(format!(" {} {len}[", kind.name()).into_bytes());
                }
                Token::Close => text.push(b']'),
                Token::Null(kind) => text.extend(format!(" no {}", kind.name()).into_bytes()),
                Token::Inline(line) => {
                    text.extend(b" inline:");
                    text.extend(line);
                }
                Token::Done(size) => text.extend(format!(" ={size}\n").into_bytes()),
            });
            if outcome.is_err() {
                break;
            }
        }
        (String::from_utf8_lossy(&text).into_owned(), outcome)
    }

    const REPLIES: &str = "+OK\r\n-ERR x\r\n:-5\r\n$-1\r\n*-1\r\n$0\r\n\r\n$3\r\na\r\n\r\n_\r\n#t\r\n,1.5\r\n(99\r\n\
        *0\r\n%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n*2\r\n*1\r\n:1\r\n|1\r\n+x\r\n*0\r\n:2\r\n\
        >2\r\n+message\r\n=5\r\ntxt:x\r\n!3\r\nERR\r\n";

    const TOLD: &str = " simple string:OK =5
 error:ERR x =8
 integer:-5 =5
 no bulk string =5
 no array =5
 0<> =6
 3<a\r\n> =9
 null: =3
 boolean:t =4
 double:1.5 =6
 big number:99 =5
 array 0[] =4
 map 2[ simple string:a set 2[ integer:1 integer:2]] =20
 attribute 2[ simple string:ttl integer:3] 1<v> =21
 array 2[ array 1[ integer:1] attribute 2[ simple string:x array 0[]] integer:2] =28
 push 2[ simple string:message 5<txt:x>] =25
 3<ERR> =9
";

    #[test]
    fn every_kind_however_it_is_cut() {
        let whole = tokens(Tokens::of_replies(), &[REPLIES.as_bytes()]);
        assert_eq!(whole, (TOLD.into(), Ok(())));
        let mut rng = Rng::from_seed(7);
        for _ in 0..500 {
            let mut rest = REPLIES.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + rng.index(rest.len().min(12)));
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(tokens(Tokens::of_replies(), &pieces), (TOLD.into(), Ok(())));
        }
    }

    #[test]
    fn requests_may_be_lines() {
        let requests = b"PING\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n:5\n";
        let told = " inline:PING =6\n inline: =2\n array 2[ 3<GET> 1<k>] =20\n inline::5 =3\n";
        let outcome = tokens(Tokens::of_requests(), &[requests]);
        assert_eq!(outcome, (told.into(), Ok(())));
    }

    #[test]
    fn garbage_is_named_and_never_kept() {
        for (bytes, error) in [
            (&b"hello\r\n"[..], Garbled::Kind(b'h')),
            (b"\r\n", Garbled::Kind(b'\n')),
            (b"$x\r\n", Garbled::Length),
            (b"$-2\r\n", Garbled::Length),
            (b"*99999999999999999999\r\n", Garbled::Length),
            (b"$1\r\nab\r\n", Garbled::NoLineEnd),
        ] {
            let outcome = tokens(Tokens::of_replies(), &[bytes]).1;
            assert_eq!(outcome, Err(error), "{}", bytes.escape_ascii());
        }
        let nested = b"*1\r\n".repeat(DEPTH_MAX + 1);
        assert_eq!(
            tokens(Tokens::of_replies(), &[&nested]).1,
            Err(Garbled::TooDeep)
        );
        let long = vec![b'+'; LINE_BYTES_MAX + 1];
        assert_eq!(
            tokens(Tokens::of_replies(), &[&long]).1,
            Err(Garbled::LineTooLong)
        );
    }

    #[test]
    fn random_bytes_do_not_panic() {
        let mut rng = Rng::from_seed(11);
        let alphabet = b"+-:$*_#,(!=%~|>0123456789\r\n\r\nab";
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..rng.index(40))
                .map(|_| alphabet[rng.index(alphabet.len())])
                .collect();
            let _ = tokens(Tokens::of_replies(), &[&bytes]);
            let _ = tokens(Tokens::of_requests(), &[&bytes]);
        }
    }
}
