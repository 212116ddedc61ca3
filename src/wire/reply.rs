//! Replies as bytes.
//!
//! One method per kind of reply; each knows how its kind looks in RESP2 and in RESP3. Nothing here allocates: headers
//! are built on the stack, bytes go straight to the output.

use std::sync::Arc;

use crate::base::double;
use crate::base::num;
use crate::base::output::{Mark, Output, SHARE_MIN};

/// Which protocol a client speaks; HELLO changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

/// Appends replies to a client's output.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    out: &'a mut Output,
    pub(crate) protocol: Protocol,
    /// CLIENT REPLY OFF or SKIP: everything said is dropped.
    muted: bool,
}

impl<'a> Reply<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Output, protocol: Protocol) -> Reply<'a> {
        Reply {
            out,
            protocol,
            muted: false,
        }
    }

    /// A reply nobody hears, unless `muted` is false.
    #[inline]
    pub(crate) fn with_muted(out: &'a mut Output, protocol: Protocol, muted: bool) -> Reply<'a> {
        Reply {
            out,
            protocol,
            muted,
        }
    }

    #[inline]
    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    #[inline]
    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    #[inline]
    pub(crate) fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// Whether more was said than the receiver's limit allows, so that it will be disconnected and nothing more needs
    /// saying. For loops whose length a client chooses.
    #[inline]
    pub(crate) fn is_cut_off(&self) -> bool {
        self.out.is_cut_off()
    }

    /// How much has been said and not been sent yet, in bytes.
    #[inline]
    pub(crate) fn unsent(&self) -> usize {
        self.out.len()
    }

    /// The same output for another purpose, for as long as the borrow lasts.
    #[inline]
    #[cfg(test)]
    pub(crate) fn reborrow(&mut self) -> Reply<'_> {
        Reply {
            out: self.out,
            protocol: self.protocol,
            muted: self.muted,
        }
    }

    #[inline]
    pub(crate) fn output(&mut self) -> &mut Output {
        self.out
    }

    /// Bytes as they are: a reply made elsewhere.
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if !self.muted {
            self.out.push(bytes);
        }
    }

    /// `+OK`
    #[inline]
    pub(crate) fn ok(&mut self) {
        self.constant(*b"+OK\r\n");
    }

    /// A status line. Ours to word: no line breaks inside.
    pub(crate) fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error line; `text` begins with its code, as in `ERR syntax error`. Line breaks inside become spaces, for the
    /// text may quote a client.
    pub(crate) fn error(&mut self, text: &[u8]) {
        if self.muted {
            return;
        }
        self.out.push_array(*b"-");
        for (i, line) in text.split(|byte| matches!(byte, b'\r' | b'\n')).enumerate() {
            if i > 0 {
                self.out.push_array(*b" ");
            }
            self.out.push(line);
        }
        self.out.push_array(*b"\r\n");
    }

    #[inline]
    pub(crate) fn integer(&mut self, value: i64) {
        match value {
            0 => self.constant(*b":0\r\n"),
            1 => self.constant(*b":1\r\n"),
            _ => self.number_line(value),
        }
    }

    /// A length or count as an integer reply.
    #[inline]
    pub(crate) fn count(&mut self, value: usize) {
        self.integer(value as i64);
    }

    /// A string of any bytes.
    #[inline]
    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        if self.muted {
            return;
        }
        let len = bytes.len();
        if len < 10 {
            let header = [b'$', b'0' + len as u8, b'\r', b'\n'];
            return self.out.push_line(header, bytes);
        }
        if len < 100 {
            let [tens, units] = num::two_digits(len as u8);
            return self.out.push_line([b'$', tens, units, b'\r', b'\n'], bytes);
        }
        self.header(b'$', len);
        self.out.push(bytes);
        self.out.push_array(*b"\r\n");
    }

    /// A stored string: long ones go out without being copied.
    pub(crate) fn bulk_shared(&mut self, bytes: &Arc<Vec<u8>>) {
        if bytes.len() < SHARE_MIN {
            return self.bulk(bytes);
        }
        if self.muted {
            return;
        }
        self.header(b'$', bytes.len());
        self.out.push_shared(Arc::clone(bytes), 0..bytes.len());
        self.out.push_array(*b"\r\n");
    }

    /// Part of a stored string: GETRANGE of something long.
    pub(crate) fn bulk_shared_range(
        &mut self,
        bytes: &Arc<Vec<u8>>,
        range: std::ops::Range<usize>,
    ) {
        if range.len() < SHARE_MIN {
            return self.bulk(&bytes[range]);
        }
        if self.muted {
            return;
        }
        self.header(b'$', range.len());
        self.out.push_shared(Arc::clone(bytes), range);
        self.out.push_array(*b"\r\n");
    }

    /// An integer as a string.
    pub(crate) fn bulk_i64(&mut self, value: i64) {
        let mut buf = [0; 20];
        let text = num::format_i64(value, &mut buf);
        self.bulk(text);
    }

    /// A double: `,` in RESP3, a string in RESP2.
    pub(crate) fn double(&mut self, value: f64) {
        if self.muted {
            return;
        }
        let mut buf = [0; double::TEXT_BYTES];
        let text = double::format_f64(value, &mut buf);
        if self.is_resp3() {
            self.line(b',', text);
        } else {
            self.bulk(text);
        }
    }

    /// A double already printed by other rules (GEOPOS, GEODIST): `,` in RESP3, a string in RESP2.
    #[cfg(test)]
    pub(crate) fn human_long_double(&mut self, text: &str) {
        if self.is_resp3() {
            self.line(b',', text.as_bytes());
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// An integer of any length: `(` in RESP3, a string in RESP2.
    pub(crate) fn big_number(&mut self, text: &[u8]) {
        if self.is_resp3() {
            self.line(b'(', text);
        } else {
            self.bulk(text);
        }
    }

    /// `#t` or `#f`; 1 or 0 in RESP2.
    pub(crate) fn boolean(&mut self, value: bool) {
        if self.is_resp3() {
            self.constant(if value { *b"#t\r\n" } else { *b"#f\r\n" });
        } else {
            self.integer(i64::from(value));
        }
    }

    /// No value.
    #[inline]
    pub(crate) fn null(&mut self) {
        if self.is_resp3() {
            self.constant(*b"_\r\n");
        } else {
            self.constant(*b"$-1\r\n");
        }
    }

    /// No array.
    #[inline]
    pub(crate) fn null_array(&mut self) {
        if self.is_resp3() {
            self.constant(*b"_\r\n");
        } else {
            self.constant(*b"*-1\r\n");
        }
    }

    /// `len` elements follow.
    #[inline]
    pub(crate) fn array(&mut self, len: usize) {
        self.aggregate(Kind::Array, len);
    }

    /// `len` pairs follow.
    #[inline]
    pub(crate) fn map(&mut self, len: usize) {
        self.aggregate(Kind::Map, len);
    }

    /// `len` distinct elements follow.
    #[inline]
    pub(crate) fn set(&mut self, len: usize) {
        self.aggregate(Kind::Set, len);
    }

    /// `len` elements follow that were not asked for.
    #[inline]
    pub(crate) fn push(&mut self, len: usize) {
        self.aggregate(Kind::Push, len);
    }

    /// `len` pairs follow that say something about the reply after them. RESP2 has no such thing: the caller must not
    /// send them there.
    pub(crate) fn attribute(&mut self, len: usize) {
        debug_assert!(self.is_resp3(), "RESP2 clients would take it for the reply");
        if !self.muted {
            self.header(b'|', len);
        }
    }

    /// Text with a hint how to show it (`txt`, `mkd`); a plain string in RESP2.
    pub(crate) fn verbatim(&mut self, format: &str, text: &[u8]) {
        self.verbatim_of(format.as_bytes(), text);
    }

    /// The same, where the format may be any bytes.
    pub(crate) fn verbatim_of(&mut self, format: &[u8], text: &[u8]) {
        if !self.is_resp3() {
            return self.bulk(text);
        }
        if self.muted {
            return;
        }
        debug_assert_eq!(format.len(), 3, "a format is three letters");
        self.header(b'=', text.len() + 4);
        self.out.push(format);
        self.out.push_array(*b":");
        self.out.push(text);
        self.out.push_array(*b"\r\n");
    }

    /// Remembers this place for the header of an aggregate whose length is not known yet.
    pub(crate) fn deferred(&mut self) -> Mark {
        self.out.mark()
    }

    pub(crate) fn finish_array(&mut self, mark: Mark, len: usize) {
        self.finish(Kind::Array, mark, len);
    }

    pub(crate) fn finish_map(&mut self, mark: Mark, len: usize) {
        self.finish(Kind::Map, mark, len);
    }

    pub(crate) fn finish_set(&mut self, mark: Mark, len: usize) {
        self.finish(Kind::Set, mark, len);
    }

    /// Puts a bulk at a mark: something that is known only after what follows it.
    pub(crate) fn finish_bulk(&mut self, mark: Mark, bytes: &[u8]) {
        if self.muted {
            return;
        }
        let mut text = Vec::with_capacity(bytes.len() + 24);
        text.push(b'$');
        num::push_u64(&mut text, bytes.len() as u64);
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(bytes);
        text.extend_from_slice(b"\r\n");
        self.out.insert(mark, &text);
    }

    /// Takes back everything said since the mark.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark);
    }

    #[inline]
    fn constant<const N: usize>(&mut self, bytes: [u8; N]) {
        if !self.muted {
            self.out.push_array(bytes);
        }
    }

    #[inline]
    fn aggregate(&mut self, kind: Kind, len: usize) {
        if !self.muted {
            let (prefix, count) = kind.header(self.protocol, len);
            self.header(prefix, count);
        }
    }

    fn finish(&mut self, kind: Kind, mark: Mark, len: usize) {
        if self.muted {
            return;
        }
        let (prefix, count) = kind.header(self.protocol, len);
        let mut line = [0; 24];
        let at = fill_header(prefix, count, &mut line);
        self.out.insert(mark, &line[at..]);
    }

    /// A prefix, a length, the end of the line. Most lengths have one digit or two, and bytes of a known number cost
    /// less to append.
    #[inline]
    fn header(&mut self, prefix: u8, len: usize) {
        if len < 10 {
            self.out
                .push_array([prefix, b'0' + len as u8, b'\r', b'\n']);
        } else if len < 100 {
            let [tens, units] = num::two_digits(len as u8);
            self.out.push_array([prefix, tens, units, b'\r', b'\n']);
        } else {
            let mut line = [0; 24];
            let at = fill_header(prefix, len, &mut line);
            self.out.push(&line[at..]);
        }
    }

    #[inline(never)]
    fn number_line(&mut self, value: i64) {
        if self.muted {
            return;
        }
        match value {
            0..10 => self
                .out
                .push_array([b':', b'0' + value as u8, b'\r', b'\n']),
            10..100 => {
                let [tens, units] = num::two_digits(value as u8);
                self.out.push_array([b':', tens, units, b'\r', b'\n']);
            }
            100..100_000_000 => {
                let (digits, count) = num::eight_digits(value as u32);
                let end = u128::from(u16::from_le_bytes(*b"\r\n")) << (8 + 8 * count);
                let line = end | (u128::from(digits) << 8) | u128::from(b':');
                self.out.push_part(line.to_le_bytes(), count as usize + 3);
            }
            _ => {
                let mut digits = [0; 20];
                let digits = num::format_i64(value, &mut digits);
                self.out.push_line([b':'], digits);
            }
        }
    }

    fn line(&mut self, prefix: u8, text: &[u8]) {
        if self.muted {
            return;
        }
        self.out.push_line([prefix], text);
    }
}

/// Writes a header into the end of `line` and returns where it begins.
fn fill_header(prefix: u8, len: usize, line: &mut [u8; 24]) -> usize {
    let mut buf = [0; 20];
    let digits = num::format_u64(len as u64, &mut buf);
    let at = line.len() - digits.len() - 3;
    line[at] = prefix;
    line[at + 1..][..digits.len()].copy_from_slice(digits);
    line[22..].copy_from_slice(b"\r\n");
    at
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Map,
    Set,
    Push,
}

impl Kind {
    #[inline]
    fn header(self, protocol: Protocol, len: usize) -> (u8, usize) {
        match (self, protocol) {
            (Kind::Array, _) | (Kind::Set | Kind::Push, Protocol::Resp2) => (b'*', len),
            (Kind::Map, Protocol::Resp2) => (b'*', len * 2),
            (Kind::Map, Protocol::Resp3) => (b'%', len),
            (Kind::Set, Protocol::Resp3) => (b'~', len),
            (Kind::Push, Protocol::Resp3) => (b'>', len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(protocol: Protocol, say: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Output::new();
        say(&mut Reply::new(&mut out, protocol));
        out.take().escape_ascii().to_string()
    }

    /// The bytes that both protocols make of it.
    fn both(say: impl Fn(&mut Reply<'_>)) -> [String; 2] {
        [
            said(Protocol::Resp2, &say).replace("\\r\\n", "."),
            said(Protocol::Resp3, &say).replace("\\r\\n", "."),
        ]
    }

    #[test]
    // A method's path stands for one lifetime; the closure is there for each.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn every_kind_in_both_protocols() {
        assert_eq!(both(|r| r.ok()), ["+OK.", "+OK."]);
        assert_eq!(both(|r| r.simple("QUEUED")), ["+QUEUED."; 2]);
        assert_eq!(both(|r| r.error(b"ERR a\r\nb")), ["-ERR a  b."; 2]);
        for value in [
            0,
            1,
            9,
            10,
            42,
            99,
            100,
            999,
            -1,
            -100,
            12345,
            99_999_999,
            100_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(
                both(|r| r.integer(value)),
                [format!(":{value}."), format!(":{value}.")]
            );
            let text = value.to_string();
            let bulk = format!("${}.{text}.", text.len());
            assert_eq!(both(|r| r.bulk_i64(value)), [bulk.clone(), bulk]);
        }
        for len in [0, 1, 9, 10, 99, 100, 999, 1000, 70_000] {
            let text = "x".repeat(len);
            let bulk = format!("${len}.{text}.");
            let shared = Arc::new(text.into_bytes());
            assert_eq!(both(|r| r.bulk(&shared)), [bulk.as_str(); 2]);
            assert_eq!(both(|r| r.bulk_shared(&shared)), [bulk.as_str(); 2]);
            assert_eq!(
                both(|r| r.bulk_shared_range(&shared, 0..len)),
                [bulk.as_str(); 2]
            );
            assert_eq!(
                both(|r| r.array(len)),
                [format!("*{len}."), format!("*{len}.")]
            );
            assert_eq!(
                both(|r| r.map(len)),
                [format!("*{}.", len * 2), format!("%{len}.")]
            );
            assert_eq!(
                both(|r| r.set(len)),
                [format!("*{len}."), format!("~{len}.")]
            );
            assert_eq!(
                both(|r| r.push(len)),
                [format!("*{len}."), format!(">{len}.")]
            );
        }
        assert_eq!(said(Protocol::Resp3, |r| r.attribute(2)), "|2\\r\\n");
        assert_eq!(both(|r| r.double(1.5)), ["$3.1.5.", ",1.5."]);
        assert_eq!(
            both(|r| r.double(f64::NEG_INFINITY)),
            ["$4.-inf.", ",-inf."]
        );
        assert_eq!(both(|r| r.human_long_double("0.3")), ["$3.0.3.", ",0.3."]);
        assert_eq!(both(|r| r.big_number(b"123")), ["$3.123.", "(123."]);
        assert_eq!(both(|r| r.boolean(true)), [":1.", "#t."]);
        assert_eq!(both(|r| r.boolean(false)), [":0.", "#f."]);
        assert_eq!(both(|r| r.null()), ["$-1.", "_."]);
        assert_eq!(both(|r| r.null_array()), ["*-1.", "_."]);
        assert_eq!(both(|r| r.verbatim("txt", b"hi")), ["$2.hi.", "=6.txt:hi."]);
    }

    #[test]
    fn headers_may_come_after_their_elements() {
        let nested = |r: &mut Reply<'_>| {
            let outer = r.deferred();
            let inner = r.deferred();
            r.bulk(b"a");
            r.bulk(b"b");
            r.finish_map(inner, 1);
            let inner = r.deferred();
            r.finish_set(inner, 0);
            let dropped = r.deferred();
            r.bulk(b"c");
            r.rewind(dropped);
            r.finish_array(outer, 2);
        };
        assert_eq!(both(nested), ["*2.*2.$1.a.$1.b.*0.", "*2.%1.$1.a.$1.b.~0."]);
    }

    #[test]
    fn a_muted_reply_says_nothing() {
        let mut out = Output::new();
        let mut reply = Reply::with_muted(&mut out, Protocol::Resp3, true);
        let shared = Arc::new(vec![b'x'; SHARE_MIN]);
        let mark = reply.deferred();
        reply.ok();
        reply.simple("a");
        reply.error(b"ERR");
        reply.integer(0);
        reply.integer(50);
        reply.integer(-50);
        reply.bulk(b"b");
        reply.bulk_shared(&shared);
        reply.bulk_shared_range(&shared, 0..SHARE_MIN);
        reply.bulk_i64(1);
        reply.double(1.0);
        reply.human_long_double("1");
        reply.big_number(b"1");
        reply.boolean(true);
        reply.null();
        reply.null_array();
        reply.array(1);
        reply.map(1);
        reply.set(1);
        reply.push(1);
        reply.attribute(1);
        reply.verbatim("txt", b"v");
        reply.raw(b"raw");
        reply.finish_array(mark, 1);
        reply.reborrow().ok();
        assert!(reply.output().is_empty());
        reply.set_muted(false);
        reply.ok();
        assert_eq!(out.take(), b"+OK\r\n");
    }
}
