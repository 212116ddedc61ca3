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
pub(super) struct Request {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) first_span: u32,
    pub(crate) end_span: u32,
    pub(crate) first_big: u32,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests tell the two forms apart")
    )]
    pub(crate) is_inline: bool,
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

    /// The arguments of all requests from `first` on.
    #[inline]
    pub(crate) fn all_args<'a>(
        &'a self,
        first: usize,
        bytes: &'a [u8],
    ) -> impl ExactSizeIterator<Item = Args<'a>> {
        let requests = self.requests[first..].iter();
        requests.map(move |request| self.args_of(request, bytes))
    }

    #[inline]
    fn args_of<'a>(&'a self, request: &Request, bytes: &'a [u8]) -> Args<'a> {
        Args {
            bytes: &bytes[request.start..],
            spans: &self.spans[request.first_span as usize..request.end_span as usize],
            bigs: &self.bigs,
        }
    }

    /// Whether request `i` came in the inline form.
    #[cfg(test)]
    pub(crate) fn is_inline(&self, i: usize) -> bool {
        self.requests[i].is_inline
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
