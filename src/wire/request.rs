//! Requests out of bytes.
//!
//! ```text
//! multi-bulk   *2\r\n $3\r\nGET\r\n $5\r\nhello\r\n
//! inline       GET hello\r\n            words split like a shell's, quotes and escapes allowed
//! ```
//!
//! A [`Decoder`] belongs to a session and remembers how far it got, so a request cut anywhere continues there. It
//! copies nothing: an argument is a [`Span`] of the input, relative to its request's first byte, and stays valid
//! until the input is told that the request is done ([`Batch::retire`]). Long strings are the exception: they are
//! read into vectors of their own (see `base::input`) and appear in the request as references.
//!
//! Memory follows the bytes that came, never the lengths that were announced.

use std::fmt;
use std::sync::Arc;

use super::args::{Args, Span};
use crate::base::input::Input;
use crate::base::num;
use crate::base::text;

/// What a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `proto-max-bulk-len`
    pub bulk_bytes_max: usize,
    /// Who has not authenticated yet may only send small requests.
    pub authenticated: bool,
    /// Strings of at least this length are read into a vector of their own. A link that must keep its bytes as they
    /// came (the one to our primary) sets it to `usize::MAX`.
    pub big_bytes_min: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bulk_bytes_max: 512 * 1024 * 1024,
            authenticated: true,
            big_bytes_min: BIG_BYTES_MIN,
        }
    }
}

/// Why a connection cannot go on: after such an error nobody knows where the next request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    UnbalancedQuotes,
    InlineTooBig,
    CountTooBig,
    LengthTooBig,
    /// A byte came where `$` was due.
    NotBulk(u8),
    InvalidCount,
    InvalidLength,
    UnauthenticatedCount,
    UnauthenticatedLength,
}

impl ProtocolError {
    /// The error reply, without its leading `-`: `ERR Protocol error: ...`.
    pub fn text(self) -> Vec<u8> {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            ProtocolError::UnbalancedQuotes => text.extend(b"unbalanced quotes in request"),
            ProtocolError::InlineTooBig => text.extend(b"too big inline request"),
            ProtocolError::CountTooBig => text.extend(b"too big mbulk count string"),
            ProtocolError::LengthTooBig => text.extend(b"too big bulk count string"),
            ProtocolError::NotBulk(byte) => {
                text.extend(b"expected '$', got '");
                text.push(byte);
                text.push(b'\'');
            }
            ProtocolError::InvalidCount => text.extend(b"invalid multibulk length"),
            ProtocolError::InvalidLength => text.extend(b"invalid bulk length"),
            ProtocolError::UnauthenticatedCount => text.extend(b"unauthenticated multibulk length"),
            ProtocolError::UnauthenticatedLength => text.extend(b"unauthenticated bulk length"),
        }
        text
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

/// Whole requests, waiting to be executed. Their bytes lie in the input they were decoded from; a batch stays with
/// that input until it is retired.
#[derive(Debug, Default)]
pub struct Batch {
    requests: Vec<Request>,
    spans: Vec<Span>,
    bigs: Vec<Arc<Vec<u8>>>,
    /// Where in `Input::bytes` the undecoded part begins.
    end: usize,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    start: usize,
    end: usize,
    first_span: u32,
    span_count: u32,
    first_big: u32,
    is_inline: bool,
}

impl Batch {
    pub const fn new() -> Batch {
        Batch {
            requests: Vec::new(),
            spans: Vec::new(),
            bigs: Vec::new(),
            end: 0,
        }
    }

    /// Requests held.
    #[inline]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The arguments of request `i`, given the input it came from.
    #[inline]
    pub fn args<'a>(&'a self, i: usize, input: &'a Input) -> Args<'a> {
        let request = &self.requests[i];
        Args {
            bytes: &input.bytes()[request.start..request.end],
            spans: &self.spans[request.first_span as usize..][..request.span_count as usize],
            bigs: &self.bigs[request.first_big as usize..],
        }
    }

    /// Whether request `i` came in the inline form.
    pub fn is_inline(&self, i: usize) -> bool {
        self.requests[i].is_inline
    }

    /// Where in `Input::bytes` request `i` ends.
    #[inline]
    pub fn consumed(&self, i: usize) -> usize {
        self.requests[i].end
    }

    /// The first `executed` requests are done: their bytes are consumed, the rest stays to be executed later. With
    /// every request done, empty ones skipped behind them go too.
    pub fn retire(&mut self, executed: usize, input: &mut Input) {
        if executed == self.requests.len() {
            input.consume(self.end);
            self.requests.clear();
            self.spans.clear();
            self.bigs.clear();
            self.end = 0;
        } else if executed > 0 {
            self.retire_part(executed, input);
        }
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.requests.capacity() * size_of::<Request>()
            + self.spans.capacity() * size_of::<Span>()
            + self.bigs.iter().map(|big| big.capacity()).sum::<usize>()
    }

    /// Forgets room that one long request made; for batches that go back to a pool.
    pub fn trim(&mut self) {
        if self.spans.capacity() > SPANS_KEPT {
            self.spans.shrink_to(SPANS_KEPT);
        }
    }

    #[cold]
    fn retire_part(&mut self, executed: usize, input: &mut Input) {
        let bytes = self.requests[executed - 1].end;
        let next = self.requests[executed];
        input.consume(bytes);
        self.end -= bytes;
        self.requests.drain(..executed);
        self.spans.drain(..next.first_span as usize);
        self.bigs.drain(..next.first_big as usize);
        for request in &mut self.requests {
            request.start -= bytes;
            request.end -= bytes;
            request.first_span -= next.first_span;
            request.first_big -= next.first_big;
        }
    }
}

/// Finds requests in an input, a byte at a time if it must.
#[derive(Debug, Default)]
pub struct Decoder {
    progress: Progress,
    /// Arguments of a request that is not complete.
    spans: Vec<Span>,
    bigs: Vec<Arc<Vec<u8>>>,
    failed: Option<ProtocolError>,
    starved: bool,
}

/// How far into a request we are, counted from its first byte.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Understood so far.
    at: usize,
    /// A line that begins at `at` was searched for its end up to here.
    searched: usize,
    /// Arguments still to come; 0 means that the count was not read yet.
    missing: usize,
    bulk: Bulk,
}

/// What is known of the string that begins at `Progress::at`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Bulk {
    /// Nothing: its header comes first.
    #[default]
    Unknown,
    /// Its header was read.
    Length(usize),
    /// It was read into a vector of its own; only its line end is still in the input.
    Taken,
}

enum Step {
    Done,
    /// A request without arguments, or one with none left: nothing to execute.
    Empty,
    Starved,
    /// A long string of this length begins at `progress.at`.
    Big(usize),
    Failed(ProtocolError),
}

impl Decoder {
    pub const fn new() -> Decoder {
        Decoder {
            progress: Progress {
                at: 0,
                searched: 0,
                missing: 0,
                bulk: Bulk::Unknown,
            },
            spans: Vec::new(),
            bigs: Vec::new(),
            failed: None,
            starved: false,
        }
    }

    /// Appends whole requests to `batch` until the input has no more or the batch holds `most`.
    ///
    /// An error comes after the requests that precede it: execute those first. It is final, every later call repeats
    /// it. While a client is not authenticated, a batch is given one request at a time, for the next one's limits
    /// depend on what this one does.
    pub fn decode(
        &mut self,
        input: &mut Input,
        batch: &mut Batch,
        most: usize,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let most = if limits.authenticated {
            most
        } else {
            most.min(1)
        };
        self.starved = false;
        while batch.requests.len() < most {
            let step = if self.is_midway() {
                self.resume(input, batch, limits)
            } else {
                self.begin(input, batch, limits)
            };
            match step {
                Step::Done | Step::Empty => {}
                Step::Starved => {
                    self.starved = true;
                    return Ok(());
                }
                Step::Big(len) => input.expect_big(batch.end + self.progress.at, len),
                Step::Failed(error) => {
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Whether the last `decode` stopped for want of bytes, rather than because the batch was full.
    #[inline]
    pub fn is_starved(&self) -> bool {
        self.starved
    }

    /// Whether a request has begun and not ended.
    #[inline]
    pub fn is_midway(&self) -> bool {
        self.progress.missing > 0
    }

    /// Whether there is nothing to remember: the next byte begins a request, as for a new decoder.
    pub fn is_fresh(&self) -> bool {
        let Progress { at, searched, missing, .. } = self.progress;
        at == 0 && searched == 0 && missing == 0 && self.failed.is_none()
    }

    /// Memory held for a request that is not complete.
    pub fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
            + self.bigs.iter().map(|big| big.capacity()).sum::<usize>()
    }
}

impl Decoder {
    /// The first byte of a request decides its form.
    fn begin(&mut self, input: &mut Input, batch: &mut Batch, limits: &Limits) -> Step {
        let bytes = &input.bytes()[batch.end..];
        match bytes.first() {
            None => Step::Starved,
            Some(b'*') => {
                let first_span = batch.spans.len();
                let mut progress = self.progress;
                let step = multi_bulk(bytes, &mut progress, &mut batch.spans, limits);
                match step {
                    Step::Done => {
                        self.progress = Progress::default();
                        batch.requests.push(Request {
                            start: batch.end,
                            end: batch.end + progress.at,
                            first_span: first_span as u32,
                            span_count: (batch.spans.len() - first_span) as u32,
                            first_big: batch.bigs.len() as u32,
                            is_inline: false,
                        });
                        batch.end += progress.at;
                    }
                    Step::Empty => {
                        self.progress = Progress::default();
                        batch.end += progress.at;
                    }
                    Step::Starved | Step::Big(_) | Step::Failed(_) => {
                        self.progress = progress;
                        self.spans.extend(batch.spans.drain(first_span..));
                    }
                }
                step
            }
            Some(_) => self.inline(input, batch),
        }
    }

    /// Goes on with a request that was cut.
    fn resume(&mut self, input: &mut Input, batch: &mut Batch, limits: &Limits) -> Step {
        if input.big_progress().is_some() {
            let Some(big) = input.take_big() else {
                return Step::Starved;
            };
            self.spans.push(Span {
                start: self.bigs.len() as u32,
                len: Span::BIG,
            });
            self.bigs.push(big);
            self.progress.bulk = Bulk::Taken;
        }
        let bytes = &input.bytes()[batch.end..];
        let step = multi_bulk(bytes, &mut self.progress, &mut self.spans, limits);
        if let Step::Done = step {
            batch.requests.push(Request {
                start: batch.end,
                end: batch.end + self.progress.at,
                first_span: batch.spans.len() as u32,
                span_count: self.spans.len() as u32,
                first_big: batch.bigs.len() as u32,
                is_inline: false,
            });
            batch.end += self.progress.at;
            batch.spans.append(&mut self.spans);
            batch.bigs.append(&mut self.bigs);
            self.spans = Vec::new();
            self.bigs = Vec::new();
            self.progress = Progress::default();
        }
        step
    }

    fn inline(&mut self, input: &mut Input, batch: &mut Batch) -> Step {
        let bytes = &mut input.bytes_mut()[batch.end..];
        let from = self.progress.searched;
        let Some(found) = bytes[from..]
            .iter()
            .position(|&byte| matches!(byte, b'\n' | 0))
        else {
            self.progress.searched = bytes.len();
            return starved_line(bytes.len(), ProtocolError::InlineTooBig);
        };
        let newline = from + found;
        if bytes[newline] == 0 {
            self.progress.searched = newline;
            return starved_line(bytes.len(), ProtocolError::InlineTooBig);
        }
        self.progress = Progress::default();
        let line_end = newline - usize::from(newline > 0 && bytes[newline - 1] == b'\r');
        let first_span = batch.spans.len();
        let spans = &mut batch.spans;
        let split = text::split_args_in_place(&mut bytes[..line_end], |start, end| {
            spans.push(Span {
                start: start as u32,
                len: (end - start) as u32,
            });
        });
        if split.is_none() {
            batch.spans.truncate(first_span);
            return Step::Failed(ProtocolError::UnbalancedQuotes);
        }
        let start = batch.end;
        batch.end += newline + 1;
        if batch.spans.len() == first_span {
            return Step::Empty;
        }
        batch.requests.push(Request {
            start,
            end: batch.end,
            first_span: first_span as u32,
            span_count: (batch.spans.len() - first_span) as u32,
            first_big: batch.bigs.len() as u32,
            is_inline: true,
        });
        Step::Done
    }
}

/// Reads on from `progress` in `bytes`, which begin with the request.
fn multi_bulk(
    bytes: &[u8],
    progress: &mut Progress,
    spans: &mut Vec<Span>,
    limits: &Limits,
) -> Step {
    if progress.missing == 0 {
        let count = match line(bytes, progress, ProtocolError::CountTooBig) {
            Ok(text) => num::parse_i64(&text[1..]),
            Err(step) => return step,
        };
        match count {
            Some(count) if count <= i64::from(i32::MAX) => {
                if count > UNAUTHENTICATED_COUNT && !limits.authenticated {
                    return Step::Failed(ProtocolError::UnauthenticatedCount);
                }
                if count <= 0 {
                    return Step::Empty;
                }
                progress.missing = count as usize;
            }
            _ => return Step::Failed(ProtocolError::InvalidCount),
        }
    }
    while progress.missing > 0 {
        if progress.bulk == Bulk::Unknown {
            match bulk_header(bytes, progress, limits) {
                Ok(len) => progress.bulk = Bulk::Length(len),
                Err(step) => return step,
            }
        }
        let len = match progress.bulk {
            Bulk::Length(len) if len >= limits.big_bytes_min => return Step::Big(len),
            Bulk::Length(len) => len,
            Bulk::Taken | Bulk::Unknown => 0,
        };
        if bytes.len() < progress.at + len + 2 {
            return Step::Starved;
        }
        if progress.bulk != Bulk::Taken {
            spans.push(Span {
                start: progress.at as u32,
                len: len as u32,
            });
        }
        progress.at += len + 2;
        progress.searched = progress.at;
        progress.bulk = Bulk::Unknown;
        progress.missing -= 1;
    }
    Step::Done
}

fn bulk_header(bytes: &[u8], progress: &mut Progress, limits: &Limits) -> Result<usize, Step> {
    let text = line(bytes, progress, ProtocolError::LengthTooBig)?;
    if text.first() != Some(&b'$') {
        let got = text.first().copied().unwrap_or(b'\r');
        return Err(Step::Failed(ProtocolError::NotBulk(got)));
    }
    match num::parse_i64(&text[1..]) {
        Some(len) if len >= 0 && len as u64 <= limits.bulk_bytes_max as u64 => {
            if len > UNAUTHENTICATED_BYTES && !limits.authenticated {
                return Err(Step::Failed(ProtocolError::UnauthenticatedLength));
            }
            // Positions are 32 bits wide; only a link that takes no bigs could ever get there.
            if progress.at as u64 + len as u64 >= u64::from(u32::MAX) {
                return Err(Step::Failed(ProtocolError::InvalidLength));
            }
            Ok(len as usize)
        }
        _ => Err(Step::Failed(ProtocolError::InvalidLength)),
    }
}

/// The line that begins at `progress.at`, without its end, and steps over it.
fn line<'a>(
    bytes: &'a [u8],
    progress: &mut Progress,
    too_big: ProtocolError,
) -> Result<&'a [u8], Step> {
    let start = progress.at;
    let from = progress.searched.max(start);
    let found = bytes[from..]
        .iter()
        .position(|&byte| matches!(byte, b'\r' | 0));
    match found.map(|offset| from + offset) {
        Some(end) if bytes[end] == b'\r' => {
            progress.searched = end;
            if end + 2 > bytes.len() {
                return Err(Step::Starved);
            }
            progress.at = end + 2;
            progress.searched = progress.at;
            Ok(&bytes[start..end])
        }
        stuck => {
            progress.searched = stuck.unwrap_or(bytes.len());
            Err(starved_line(bytes.len() - start, too_big))
        }
    }
}

fn starved_line(have: usize, too_big: ProtocolError) -> Step {
    if have > LINE_BYTES_MAX {
        Step::Failed(too_big)
    } else {
        Step::Starved
    }
}

/// From this length on a string is worth a vector of its own.
pub const BIG_BYTES_MIN: usize = 32 * 1024;

/// The longest inline request, and the longest search for the end of a header.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What a client may send before it has authenticated: enough for AUTH and HELLO.
const UNAUTHENTICATED_COUNT: i64 = 10;
const UNAUTHENTICATED_BYTES: i64 = 16 * 1024;

/// Spans a batch keeps room for between turns.
const SPANS_KEPT: usize = 4096;
