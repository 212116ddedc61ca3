//! Whole requests, waiting to be executed.
//!
//! ```text
//! input   | *2..GET..a.. | *3..SET..b..<big>.. | *1..PI        bytes()
//! requests  [0] start,end  [1] start,end         ^ end: decoded so far
//! spans     [0] [0]        [1] [1] [1]           relative to their request's start, or an index into bigs
//! bigs                             [1]
//! ```
//!
//! Storage is reused from turn to turn: a warm batch allocates nothing. A batch belongs to the input it was decoded
//! from until every request in it is retired.

use std::ops::Range;
use std::sync::Arc;

use super::args::{Args, Span};
use crate::base::input::Input;

/// Requests decoded from one input and not retired yet.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) requests: Vec<Request>,
    pub(super) spans: Vec<Span>,
    pub(super) bigs: Vec<Arc<Vec<u8>>>,
    /// Where in `Input::bytes` the undecoded part begins.
    pub(super) end: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) first_span: u32,
    pub(super) end_span: u32,
    pub(super) first_big: u32,
    /// Its bytes are those in which we would write it ourselves. If not, they may be so for all that: a request that
    /// came in parts is not looked at.
    pub(super) is_canonical: bool,
}

impl Request {
    /// Where it lies in `Input::bytes`, if it can be passed on in these bytes.
    #[inline]
    pub(crate) fn as_sent(&self) -> Option<Range<usize>> {
        self.is_canonical.then_some(self.start..self.end)
    }
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
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The arguments of request `i`, given the bytes of the input it came from.
    #[inline]
    pub fn args<'a>(&'a self, i: usize, bytes: &'a [u8]) -> Args<'a> {
        self.args_of(&self.requests[i], bytes)
    }

    /// All requests from `first` on, and their arguments.
    #[inline]
    pub(crate) fn all<'a>(
        &'a self,
        first: usize,
        bytes: &'a [u8],
    ) -> impl ExactSizeIterator<Item = (&'a Request, Args<'a>)> {
        let requests = self.requests[first..].iter();
        requests.map(move |request| (request, self.args_of(request, bytes)))
    }

    #[inline]
    fn args_of<'a>(&'a self, request: &Request, bytes: &'a [u8]) -> Args<'a> {
        Args {
            bytes: &bytes[request.start..],
            spans: &self.spans[request.first_span as usize..request.end_span as usize],
            bigs: &self.bigs,
        }
    }

    /// The bytes of request `i` as they came, if it can be passed on in them.
    #[cfg(test)]
    pub(crate) fn sent<'a>(&self, i: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
        Some(&bytes[self.requests[i].as_sent()?])
    }

    /// The bytes of request `i` as they came, and whatever lies between it and the one before.
    pub fn raw<'a>(&self, i: usize, bytes: &'a [u8]) -> &'a [u8] {
        let start = i
            .checked_sub(1)
            .map_or(0, |before| self.requests[before].end);
        &bytes[start..self.requests[i].end]
    }

    /// Where in `Input::bytes` request `i` ends.
    #[inline]
    #[cfg(test)]
    pub(crate) fn consumed(&self, i: usize) -> usize {
        self.requests[i].end
    }

    /// The first `executed` requests are done: their bytes are consumed, the rest stays to be executed later.
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
    pub(crate) fn memory(&self) -> usize {
        self.requests.capacity() * size_of::<Request>()
            + self.spans.capacity() * size_of::<Span>()
            + self.bigs.iter().map(|big| big.capacity()).sum::<usize>()
    }

    /// Forgets room that one long request made; for batches that go back to a pool.
    pub(crate) fn trim(&mut self) {
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
        for span in self.spans.iter_mut().filter(|span| span.len == Span::BIG) {
            span.start -= next.first_big;
        }
        for request in &mut self.requests {
            request.start -= bytes;
            request.end -= bytes;
            request.first_span -= next.first_span;
            request.end_span -= next.first_span;
            request.first_big -= next.first_big;
        }
    }
}

/// Spans a batch keeps room for between turns.
const SPANS_KEPT: usize = 4096;
