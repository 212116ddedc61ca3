//! The arguments of one request, wherever their bytes lie.
//!
//! [`Args`] is a view: two words each for bytes, spans and bigs, free to copy. [`OwnedArgs`] is for requests that must
//! outlive their input: queued by MULTI, parked by a blocking command, rewritten for replicas.

use std::fmt;
use std::sync::Arc;

/// Where an argument lies, relative to its request's first byte; or, if `len` is [`Span::BIG`], which big it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    /// No string inside a buffer is this long, so it marks a string that lies outside.
    pub(crate) const BIG: u32 = u32::MAX;
}

/// A request's arguments, the command's name first.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) spans: &'a [Span],
    pub(super) bigs: &'a [Arc<Vec<u8>>],
}

impl<'a> Args<'a> {
    pub(crate) const EMPTY: Args<'static> = Args {
        bytes: &[],
        spans: &[],
        bigs: &[],
    };

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `i`; arity checks come before, so asking for one that is not there is our mistake.
    #[inline]
    pub(crate) fn at(&self, i: usize) -> &'a [u8] {
        self.slice(self.spans[i])
    }

    #[inline]
    pub(crate) fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.spans.get(i).map(|&span| self.slice(span))
    }

    /// The command's name as it was typed.
    #[inline]
    pub(crate) fn name(&self) -> &'a [u8] {
        self.at(0)
    }

    /// Every argument, the name included.
    #[inline]
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { args: *self }
    }

    /// The arguments from `i` on; none if there are fewer.
    #[inline]
    pub(crate) fn from(&self, i: usize) -> ArgsIter<'a> {
        ArgsIter { args: self.tail(i) }
    }

    /// A view without the first `i` arguments; empty if there are fewer.
    #[inline]
    #[must_use]
    pub(crate) fn tail(&self, i: usize) -> Args<'a> {
        Args {
            spans: self.spans.get(i..).unwrap_or_default(),
            ..*self
        }
    }

    /// A view of the first `n` arguments.
    #[inline]
    #[must_use]
    pub(crate) fn head(&self, n: usize) -> Args<'a> {
        Args {
            spans: &self.spans[..n.min(self.spans.len())],
            ..*self
        }
    }

    /// Argument `i` without copying, if it was long enough to arrive in a vector of its own.
    #[inline]
    pub(crate) fn shared(&self, i: usize) -> Option<Arc<Vec<u8>>> {
        let span = self.spans[i];
        (span.len == Span::BIG).then(|| Arc::clone(&self.bigs[span.start as usize]))
    }

    /// The arguments' bytes, all together.
    pub(crate) fn total_bytes(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    #[inline]
    fn slice(&self, span: Span) -> &'a [u8] {
        if span.len == Span::BIG {
            return &self.bigs[span.start as usize];
        }
        &self.bytes[span.start as usize..span.start as usize + span.len as usize]
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        ArgsIter { args: self }
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|arg| arg.escape_ascii().to_string()))
            .finish()
    }
}

/// Walks over arguments, from either end.
#[derive(Clone, Debug)]
pub struct ArgsIter<'a> {
    args: Args<'a>,
}

impl<'a> ArgsIter<'a> {
    /// The arguments that have not been walked over yet.
    pub(crate) fn rest(&self) -> Args<'a> {
        self.args
    }
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&first, rest) = self.args.spans.split_first()?;
        self.args.spans = rest;
        Some(self.args.slice(first))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.args.len(), Some(self.args.len()))
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<&'a [u8]> {
        self.args = self.args.tail(n);
        self.next()
    }
}

impl DoubleEndedIterator for ArgsIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let (&last, rest) = self.args.spans.split_last()?;
        self.args.spans = rest;
        Some(self.args.slice(last))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}

/// A request that owns its bytes: one vector for all short arguments, references for the big ones.
#[derive(Clone, Default)]
pub(crate) struct OwnedArgs {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    bigs: Vec<Arc<Vec<u8>>>,
}

impl OwnedArgs {
    pub(crate) const fn new() -> OwnedArgs {
        OwnedArgs {
            bytes: Vec::new(),
            spans: Vec::new(),
            bigs: Vec::new(),
        }
    }

    pub(crate) fn from_slices(args: &[&[u8]]) -> OwnedArgs {
        let mut owned = OwnedArgs {
            bytes: Vec::with_capacity(args.iter().map(|arg| arg.len()).sum()),
            spans: Vec::with_capacity(args.len()),
            bigs: Vec::new(),
        };
        for arg in args {
            owned.push(arg);
        }
        owned
    }

    /// Appends a copy of `arg`.
    pub(crate) fn push(&mut self, arg: &[u8]) {
        let start = self.bytes.len();
        if start + arg.len() >= Span::BIG as usize {
            return self.push_shared(Arc::new(arg.to_vec()));
        }
        self.bytes.extend_from_slice(arg);
        self.spans.push(Span {
            start: start as u32,
            len: arg.len() as u32,
        });
    }

    /// Appends without copying.
    pub(crate) fn push_shared(&mut self, arg: Arc<Vec<u8>>) {
        self.spans.push(Span {
            start: self.bigs.len() as u32,
            len: Span::BIG,
        });
        self.bigs.push(arg);
    }

    /// Appends every argument of `args`; the big ones by reference.
    pub(crate) fn extend(&mut self, args: Args<'_>) {
        let is_inside = |span: &&Span| span.len != Span::BIG;
        let inside = args.spans.iter().filter(is_inside);
        self.bytes
            .reserve_exact(inside.map(|span| span.len as usize).sum());
        self.spans.reserve_exact(args.len());
        for i in 0..args.len() {
            match args.shared(i) {
                Some(big) => self.push_shared(big),
                None => self.push(args.at(i)),
            }
        }
    }

    #[inline]
    pub(crate) fn as_args(&self) -> Args<'_> {
        Args {
            bytes: &self.bytes,
            spans: &self.spans,
            bigs: &self.bigs,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Forgets the arguments, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.bigs.clear();
    }

    /// Memory held, bigs included: a queued request keeps them alive.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.bigs.capacity() * size_of::<Arc<Vec<u8>>>()
            + self.bigs.iter().map(|big| big.capacity()).sum::<usize>()
    }
}

impl From<Args<'_>> for OwnedArgs {
    fn from(args: Args<'_>) -> OwnedArgs {
        let mut owned = OwnedArgs::new();
        owned.extend(args);
        owned
    }
}

/// Many requests that own their bytes together: what one thread reads for another.
#[derive(Debug, Default)]
pub struct OwnedRequests {
    args: OwnedArgs,
    /// Where the arguments of each request end.
    ends: Vec<usize>,
}

impl OwnedRequests {
    pub(crate) const fn new() -> OwnedRequests {
        OwnedRequests {
            args: OwnedArgs::new(),
            ends: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Memory that the arguments take, roughly.
    pub fn bytes(&self) -> usize {
        let bigs = self.args.bigs.iter().map(|big| big.len()).sum::<usize>();
        self.args.bytes.len() + self.args.spans.len() * size_of::<Span>() + bigs
    }

    /// The next argument of a request that is complete when `end` is called.
    #[inline]
    pub fn push(&mut self, arg: &[u8]) {
        self.args.push(arg);
    }

    /// The same without copying.
    pub(crate) fn push_shared(&mut self, arg: Arc<Vec<u8>>) {
        self.args.push_shared(arg);
    }

    pub fn end(&mut self) {
        self.ends.push(self.args.len());
    }

    /// Forgets the arguments of a request that does not become complete. Their bytes stay for a while.
    pub(crate) fn give_up(&mut self) {
        let end = self.ends.last().copied().unwrap_or(0);
        self.args.spans.truncate(end);
    }

    #[inline]
    pub(crate) fn at(&self, index: usize) -> Args<'_> {
        let from = if index == 0 { 0 } else { self.ends[index - 1] };
        Args {
            spans: &self.args.spans[from..self.ends[index]],
            ..self.args.as_args()
        }
    }

    /// Forgets the requests, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.args.clear();
        self.ends.clear();
    }
}

impl fmt::Debug for OwnedArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_args().fmt(f)
    }
}
