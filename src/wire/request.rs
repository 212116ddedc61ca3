//! Requests out of bytes.
//!
//! ```text
//! multi-bulk   *2\r\n $3\r\nGET\r\n $5\r\nhello\r\n
//! inline       GET hello\r\n            words split like a shell's, quotes and escapes allowed
//! ```
//!
//! A [`Decoder`] belongs to a session and remembers how far it got, so a request cut anywhere continues there and no
//! byte is searched twice. It copies nothing: an argument is a span of the input. Long strings are the exception: they
//! are read into vectors of their own (see `base::input`) and appear in the request as references.
//!
//! Memory follows the bytes that came, never the lengths that were announced. A request that is not complete is
//! nobody's business but the decoder's; one that is complete is the batch's.
//!
//! Redis's leniency is kept where clients could have come to rely on it: the byte behind `\r` and the two behind a
//! string are skipped, not checked; a zero byte in a header or an inline request hides everything behind it.

use std::sync::Arc;

use super::args::Span;
use super::batch::Request;
use crate::base::input::Input;
use crate::base::num;
use crate::base::text;

#[cfg(test)]
pub(crate) use super::args::OwnedArgs;
pub use super::batch::Batch;
pub(crate) use super::protocol_error::ProtocolError;

/// The limits of what a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `proto-max-bulk-len`
    pub bulk_bytes_max: usize,
    /// A client that has not authenticated may only send small requests.
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

/// Finds requests in an input, a byte at a time if it must.
#[derive(Debug, Default)]
pub struct Decoder {
    /// How far we are into the request that begins at `Batch::end`.
    progress: Progress,
    /// The spans of its arguments so far; empty unless the request is midway.
    spans: Vec<Span>,
    bigs: Vec<Arc<Vec<u8>>>,
    failed: Option<ProtocolError>,
    starved: bool,
}

/// The part of a request that has come, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Partial {
    /// Understood, and still in the input.
    pub(crate) understood: usize,
    /// Arguments that were taken out of the input.
    pub(crate) taken: usize,
    /// An argument that was taken out, but for its line end, which has not come.
    pub(crate) open: usize,
}

/// How far into a request we are, counted from its first byte.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Understood so far.
    at: usize,
    /// The line that begins at `at` was searched for its end up to here.
    searched: usize,
    /// Arguments still to come; 0 means that the count was not read yet.
    missing: usize,
    bulk: Bulk,
}

/// The state of the string that begins at `Progress::at`.
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

/// How an attempt to read a request ended.
enum Step {
    Done,
    /// No arguments: nothing to execute.
    Empty,
    Starved,
    /// A long string of this length begins at `Progress::at`.
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
    #[inline]
    pub fn decode(
        &mut self,
        input: &mut Input,
        batch: &mut Batch,
        most: usize,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        // Mostly all of it is whole requests.
        if self.is_fresh() && limits.authenticated {
            append_whole(input, batch, most, limits);
            if batch.end == input.bytes().len() && !batch.is_empty() {
                self.starved = batch.len() < most;
                return Ok(());
            }
        }
        self.decode_parts(input, batch, most, limits)
    }

    /// The same where something is cut, special or wrong.
    fn decode_parts(
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
        loop {
            if self.is_between() {
                append_whole(input, batch, most, limits);
            }
            if batch.requests.len() >= most {
                break;
            }
            if self.is_fresh() && batch.end == input.bytes().len() {
                self.starved = true;
                break;
            }
            match self.step(input, batch, limits) {
                Step::Done | Step::Empty => {}
                Step::Big(len) => input.expect_big(batch.end + self.progress.at, len),
                Step::Starved => {
                    self.starved = true;
                    break;
                }
                Step::Failed(error) => {
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        if batch.requests.is_empty() && batch.end > 0 {
            // Only empty requests so far. Nobody will retire them.
            batch.retire(0, input);
        }
        Ok(())
    }

    /// Whether the last `decode` stopped for want of bytes, rather than because the batch was full.
    #[inline]
    pub fn is_starved(&self) -> bool {
        self.starved
    }

    /// Whether arguments of a request have begun and not ended.
    #[inline]
    pub(crate) fn is_midway(&self) -> bool {
        self.progress.missing > 0
    }

    /// Whether nothing is known of the request that begins at `Batch::end`.
    #[inline]
    fn is_between(&self) -> bool {
        self.progress.missing == 0 && self.progress.searched == 0
    }

    /// Whether there is nothing to remember: the next byte begins a request, as for a new decoder.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_between() && self.progress.at == 0 && self.failed.is_none()
    }

    /// How far a request has got that is not complete.
    pub(crate) fn partial(&self) -> Partial {
        let taken: usize = self.bigs.iter().map(|big| big.len()).sum();
        let is_open = self.progress.bulk == Bulk::Taken;
        let open = self
            .bigs
            .last()
            .filter(|_| is_open)
            .map_or(0, |big| big.len());
        Partial {
            understood: self.progress.at,
            taken: taken - open,
            open,
        }
    }

    /// Memory held for a request that is not complete.
    pub fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
            + self.bigs.iter().map(|big| big.capacity()).sum::<usize>()
    }

    /// Gets one request further, of either form.
    #[inline(never)]
    fn step(&mut self, input: &mut Input, batch: &mut Batch, limits: &Limits) -> Step {
        if self.is_midway() {
            self.resume(input, batch, limits)
        } else {
            self.begin(input, batch, limits)
        }
    }

    /// Reads a request from its first byte, which decides its form.
    fn begin(&mut self, input: &mut Input, batch: &mut Batch, limits: &Limits) -> Step {
        let bytes = &input.bytes()[batch.end..];
        match bytes.first() {
            Some(b'*') => {}
            Some(_) => return self.inline(input, batch),
            None => return Step::Starved,
        }
        let step = multi_bulk(bytes, &mut self.progress, &mut self.spans, limits);
        match step {
            Step::Done => self.complete(batch),
            Step::Empty => {
                batch.end += self.progress.at;
                self.progress = Progress::default();
            }
            Step::Starved | Step::Big(_) | Step::Failed(_) => {}
        }
        step
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
            if let Some(big) = self.bigs.last() {
                input.expect_another_big(big.len());
            }
            self.complete(batch);
        }
        step
    }

    /// Hands a request that was read piece by piece over to the batch.
    fn complete(&mut self, batch: &mut Batch) {
        let request = Request {
            start: batch.end,
            end: batch.end + self.progress.at,
            first_span: batch.spans.len() as u32,
            end_span: (batch.spans.len() + self.spans.len()) as u32,
            first_big: batch.bigs.len() as u32,
            // It may be, but to look is not worth it: few requests are cut.
            is_canonical: false,
        };
        batch.end = request.end;
        batch.requests.push(request);
        for span in self.spans.iter_mut().filter(|span| span.len == Span::BIG) {
            span.start += request.first_big;
        }
        batch.spans.append(&mut self.spans);
        batch.bigs.append(&mut self.bigs);
        // A session between requests holds nothing.
        *self = Decoder::new();
    }

    fn inline(&mut self, input: &mut Input, batch: &mut Batch) -> Step {
        let bytes = &mut input.bytes_mut()[batch.end..];
        let searched = self.progress.searched;
        let found = memchr::memchr2(b'\n', 0, &bytes[searched..]);
        let newline = match found.map(|offset| searched + offset) {
            Some(newline) if bytes[newline] == b'\n' => newline,
            stuck => {
                self.progress.searched = stuck.unwrap_or(bytes.len());
                return starved_line(bytes.len(), ProtocolError::InlineTooBig);
            }
        };
        self.progress.searched = 0;
        let line_end = newline - usize::from(newline > 0 && bytes[newline - 1] == b'\r');
        let (line, spans) = (&mut bytes[..line_end], &mut batch.spans);
        let first_span = spans.len();
        let split = text::split_args_in_place(line, |start, end| {
            spans.push(Span {
                start: start as u32,
                len: (end - start) as u32,
            });
        });
        if split.is_none() {
            spans.truncate(first_span);
            return Step::Failed(ProtocolError::UnbalancedQuotes);
        }
        let request = Request {
            start: batch.end,
            end: batch.end + newline + 1,
            first_span: first_span as u32,
            end_span: spans.len() as u32,
            first_big: batch.bigs.len() as u32,
            is_canonical: false,
        };
        batch.end = request.end;
        if request.end_span == request.first_span {
            return Step::Empty;
        }
        batch.requests.push(request);
        Step::Done
    }
}

/// Appends requests that are all there and in no way special, as nearly every one is: each in the very bytes in which
/// we would write it, so whoever passes it on can do so in one piece. The first that is not so is left to
/// [`Decoder::step`], which finds out what it is. This keeps what must be remembered of a cut request out of the way
/// of those that are not cut.
#[inline(never)]
fn append_whole(input: &Input, batch: &mut Batch, most: usize, limits: &Limits) {
    let len_max = limits.bulk_bytes_max.min(limits.big_bytes_min - 1);
    if !limits.authenticated || len_max < HEADER_MAX {
        return;
    }
    let bytes = input.bytes();
    let mut start = batch.end;
    while batch.requests.len() < most {
        let first_span = batch.spans.len();
        let Some(len) = whole_len(&bytes[start..], &mut batch.spans) else {
            batch.spans.truncate(first_span);
            break;
        };
        batch.requests.push(Request {
            start,
            end: start + len,
            first_span: first_span as u32,
            end_span: batch.spans.len() as u32,
            first_big: batch.bigs.len() as u32,
            is_canonical: true,
        });
        start += len;
    }
    batch.end = start;
}

/// The length of such a request, if `bytes` begin with one; its arguments go to `spans`.
#[inline]
fn whole_len(bytes: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    // Each time the rest begins with the line end of what was read last, which is looked at with what follows.
    let mut take = |len: usize, rest: &[u8]| {
        spans.push(Span {
            start: (bytes.len() - rest.len()) as u32,
            len: len as u32,
        });
    };
    let (mut missing, mut rest);
    if let Some((others, len)) = first_headers(*bytes.first_chunk()?) {
        missing = others;
        rest = &bytes[8..];
        take(len, rest);
        rest = rest.get(len..)?;
    } else {
        (missing, rest) = count_of_many(bytes)?;
    }
    while missing > 0 {
        let (len, content) = next_header(rest)?;
        take(len, content);
        rest = content.get(len..)?;
        missing -= 1;
    }
    (rest.first_chunk()? == b"\r\n").then_some(bytes.len() - rest.len() + 2)
}

/// The two numbers that nearly every request begins with, `*3\r\n$4\r\n`, if each has one digit: one word. The first of
/// them without the argument that follows, which is there.
#[inline]
fn first_headers(bytes: [u8; 8]) -> Option<(usize, usize)> {
    const ZEROS: u64 = u64::from_le_bytes(*b"*0\r\n$0\r\n");
    const DIGITS: u64 = u64::from_le_bytes([0, 0xff, 0, 0, 0, 0xff, 0, 0]);
    let word = u64::from_le_bytes(bytes) ^ ZEROS;
    if word & !DIGITS != 0 {
        return None;
    }
    let others = (word as usize >> 8 & 0xff).wrapping_sub(1);
    let len = word as usize >> 40;
    if others > 8 || len > 9 {
        return None;
    }
    Some((others, len))
}

/// The greatest number that [`whole_len`] reads.
const HEADER_MAX: usize = 9999;

/// The number in a header of at most four digits behind the end of a line, and what follows.
#[inline]
fn next_header(bytes: &[u8]) -> Option<(usize, &[u8])> {
    // Even the shortest argument, an empty one, is that long.
    let header: &[u8; 8] = bytes.first_chunk()?;
    let digit = |at: usize| usize::from(header[at]).wrapping_sub(usize::from(b'0'));
    let ends = |at: usize| header[at..at + 2] == *b"\r\n";
    if !ends(0) || header[2] != b'$' {
        return None;
    }
    if ends(4) {
        let only = digit(3);
        return (only <= 9).then_some((only, &bytes[6..]));
    }
    // No number but zero begins with one.
    let first = digit(3).wrapping_sub(1);
    let second = digit(4);
    if first > 8 || second > 9 {
        return None;
    }
    let tens = first * 10 + second + 10;
    if ends(5) {
        return Some((tens, &bytes[7..]));
    }
    let third = digit(5);
    if third > 9 {
        return None;
    }
    let hundreds = tens * 10 + third;
    if ends(6) {
        return Some((hundreds, &bytes[8..]));
    }
    let fourth = digit(6);
    if fourth > 9 || bytes[7..].first_chunk()? != b"\r\n" {
        return None;
    }
    Some((hundreds * 10 + fourth, &bytes[9..]))
}

/// The number of arguments of a request that has many or begins with a long one, and what follows without its line end.
#[inline(never)]
fn count_of_many(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let digits = bytes
        .get(1..5)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let (digits, rest) = bytes.strip_prefix(b"*")?.split_at(digits.count());
    let is_canonical =
        digits.first().is_some_and(|&first| first != b'0') && rest.starts_with(b"\r\n");
    let count = num::parse_i64(digits).filter(|_| is_canonical)?;
    Some((count as usize, rest))
}

/// Reads on from `progress` in `bytes`, which begin with the request.
#[inline(never)]
fn multi_bulk(
    bytes: &[u8],
    progress: &mut Progress,
    spans: &mut Vec<Span>,
    limits: &Limits,
) -> Step {
    if progress.missing == 0 {
        match count_header(bytes, progress, limits) {
            Ok(0) => return Step::Empty,
            Ok(count) => progress.missing = count,
            Err(step) => return step,
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
        let end = progress.at + len + 2;
        if bytes.len() < end {
            return Step::Starved;
        }
        if progress.bulk != Bulk::Taken {
            spans.push(Span {
                start: progress.at as u32,
                len: len as u32,
            });
        }
        progress.at = end;
        progress.bulk = Bulk::Unknown;
        progress.missing -= 1;
    }
    Step::Done
}

/// The number of arguments; 0 for a request to be skipped.
fn count_header(bytes: &[u8], progress: &mut Progress, limits: &Limits) -> Result<usize, Step> {
    let text = line(bytes, progress, ProtocolError::CountTooBig)?;
    // The form was decided by the first byte, so there is one.
    match num::parse_i64(&text[1..]) {
        Some(count) if count <= i64::from(i32::MAX) => {
            if count > UNAUTHENTICATED_COUNT_MAX && !limits.authenticated {
                return Err(Step::Failed(ProtocolError::UnauthenticatedCount));
            }
            Ok(count.max(0) as usize)
        }
        _ => Err(Step::Failed(ProtocolError::InvalidCount)),
    }
}

/// The length of the next argument.
fn bulk_header(bytes: &[u8], progress: &mut Progress, limits: &Limits) -> Result<usize, Step> {
    let text = line(bytes, progress, ProtocolError::LengthTooBig)?;
    let digits = match text.split_first() {
        Some((b'$', digits)) => digits,
        Some((&other, _)) => return Err(Step::Failed(ProtocolError::NotBulk(other))),
        None => return Err(Step::Failed(ProtocolError::NotBulk(b'\r'))),
    };
    let len = match num::parse_i64(digits).map(usize::try_from) {
        Some(Ok(len)) if len <= limits.bulk_bytes_max => len,
        _ => return Err(Step::Failed(ProtocolError::InvalidLength)),
    };
    if len > UNAUTHENTICATED_BYTES_MAX && !limits.authenticated {
        return Err(Step::Failed(ProtocolError::UnauthenticatedLength));
    }
    // Spans are 32 bits wide. Only a link that takes no bigs can get there, behind gigabytes of one request.
    let end = (progress.at as u64).saturating_add(len as u64);
    if end >= u64::from(u32::MAX) && len < limits.big_bytes_min {
        return Err(Step::Failed(ProtocolError::InvalidLength));
    }
    Ok(len)
}

/// The line that begins at `progress.at`, without its end; steps over it.
fn line<'a>(
    bytes: &'a [u8],
    progress: &mut Progress,
    too_big: ProtocolError,
) -> Result<&'a [u8], Step> {
    let start = progress.at;
    let searched = progress.searched.max(start);
    let found = memchr::memchr2(b'\r', 0, &bytes[searched..]);
    match found.map(|offset| searched + offset) {
        Some(end) if bytes[end] == b'\r' => {
            if end + 2 > bytes.len() {
                progress.searched = end;
                return Err(Step::Starved);
            }
            progress.at = end + 2;
            Ok(&bytes[start..end])
        }
        stuck => {
            progress.searched = stuck.unwrap_or(bytes.len());
            Err(starved_line(bytes.len() - start, too_big))
        }
    }
}

/// A line whose end has not come: wait for it, but not for ever.
fn starved_line(have: usize, too_big: ProtocolError) -> Step {
    if have > LINE_BYTES_MAX {
        Step::Failed(too_big)
    } else {
        Step::Starved
    }
}

/// From this length on a string is worth a vector of its own.
pub(crate) const BIG_BYTES_MIN: usize = 32 * 1024;

/// The longest search for the end of an inline request or a header.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The limits of a client that has not authenticated: enough for AUTH and HELLO.
const UNAUTHENTICATED_COUNT_MAX: i64 = 10;
const UNAUTHENTICATED_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
