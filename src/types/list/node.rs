//! One piece of a quicklist.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::base::lzf::{self, Compressor};
use crate::types::listpack::{Item, Listpack, View};

use super::deck::Deck;
use super::{Direction, End, NodeSize};

#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// A listpack of some elements.
    Packed(Deck),
    /// One element too large to share a listpack.
    Plain(Arc<Vec<u8>>),
    /// Either of them, far from both ends of the list.
    Compressed(Compressed),
}

#[derive(Debug, Clone)]
pub(crate) struct Compressed {
    lzf: Box<[u8]>,
    /// Length before compression.
    byte_len: usize,
    is_plain: bool,
}

/// A node as RDB files and DEBUG see it.
#[derive(Debug, Clone)]
pub(crate) enum NodeView<'a> {
    /// A listpack blob.
    Packed(Cow<'a, [u8]>),
    /// One element.
    Plain(&'a Arc<Vec<u8>>),
    /// Either of them as LZF data, with its length before compression.
    Compressed {
        lzf: &'a [u8],
        byte_len: usize,
        is_plain: bool,
    },
}

impl Node {
    /// A listpack of one element.
    pub(crate) fn of_one(item: Item<'_>) -> Self {
        let mut deck = Deck::new();
        deck.push(End::Tail, item);
        Self::Packed(deck)
    }

    pub(crate) fn plain(item: Item<'_>) -> Self {
        Self::Plain(Arc::new(item.to_vec()))
    }

    /// Length of the listpack or the element, before compression.
    #[inline]
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Packed(deck) => deck.byte_len(),
            Self::Plain(element) => element.len(),
            Self::Compressed(compressed) => compressed.byte_len,
        }
    }

    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Packed(_) => false,
            Self::Plain(_) => true,
            Self::Compressed(compressed) => compressed.is_plain,
        }
    }

    /// Could an element of `len` bytes join the `count` elements here? Overestimates what it would take, as Redis
    /// does: nodes of the same pushes should end at the same element.
    #[inline]
    pub(crate) fn has_room(&self, count: usize, len: usize, size: NodeSize) -> bool {
        !self.is_plain() && !size.exceeded_by(self.byte_len() + len + ENTRY_OVERHEAD, count + 1)
    }

    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Packed(deck) => deck.memory(),
            Self::Plain(element) => element.capacity(),
            Self::Compressed(compressed) => compressed.lzf.len(),
        }
    }

    pub(crate) fn view(&self) -> NodeView<'_> {
        match self {
            Self::Packed(deck) => NodeView::Packed(Cow::Borrowed(deck.view().as_bytes())),
            Self::Plain(element) => NodeView::Plain(element),
            Self::Compressed(Compressed {
                lzf,
                byte_len,
                is_plain,
            }) => NodeView::Compressed {
                lzf,
                byte_len: *byte_len,
                is_plain: *is_plain,
            },
        }
    }

    /// Hands `take` elements to `visit` after passing over `skip` of them, from the end that `direction` starts at.
    /// There must be more than `skip`.
    #[inline]
    pub(crate) fn visit<B>(
        &self,
        skip: usize,
        take: usize,
        direction: Direction,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Packed(deck) => visit_view(deck.view(), skip, take, direction, visit),
            Self::Plain(element) => visit_plain(element, take, visit),
            Self::Compressed(compressed) => match compressed.open() {
                Self::Packed(deck) => visit_view(deck.view(), skip, take, direction, visit),
                Self::Plain(element) => visit_plain(&element, take, visit),
                Self::Compressed(_) => unreachable!("it was opened"),
            },
        }
    }

    /// This node, uncompressed.
    pub(crate) fn opened(&self) -> Cow<'_, Self> {
        match self {
            Self::Compressed(compressed) => Cow::Owned(compressed.open()),
            _ => Cow::Borrowed(self),
        }
    }

    /// This node compressed, if it is worth it.
    pub(crate) fn compressed(&self) -> Option<Self> {
        let (bytes, is_plain) = match self {
            Self::Packed(deck) => (deck.view().as_bytes(), false),
            Self::Plain(element) => (element.as_slice(), true),
            Self::Compressed(_) => return None,
        };
        if bytes.len() < COMPRESSED_FROM {
            return None;
        }
        let mut lzf = Vec::new();
        let most = bytes.len() - COMPRESSED_SAVES;
        let shrunk =
            COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(bytes, most, &mut lzf));
        shrunk.then(|| {
            Self::Compressed(Compressed {
                lzf: lzf.into(),
                byte_len: bytes.len(),
                is_plain,
            })
        })
    }

    /// The listpack inside, for changes a listpack knows how to make. The node is neither plain nor compressed.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> R {
        self.deck_mut().edit(change)
    }

    #[inline]
    pub(crate) fn deck_mut(&mut self) -> &mut Deck {
        match self {
            Self::Packed(deck) => deck,
            Self::Plain(_) | Self::Compressed(_) => {
                unreachable!("the caller looked for a listpack and opened it")
            }
        }
    }
}

impl Compressed {
    fn open(&self) -> Node {
        let bytes = lzf::decompress(&self.lzf, self.byte_len);
        let bytes = bytes.expect("we compressed it ourselves");
        if self.is_plain {
            Node::Plain(Arc::new(bytes))
        } else {
            Node::Packed(Listpack::trusted(bytes.into()).into())
        }
    }
}

#[inline]
fn visit_view<B>(
    view: View<'_>,
    skip: usize,
    take: usize,
    direction: Direction,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let index = match direction {
        Direction::Forward => skip as i64,
        Direction::Backward => !(skip as i64),
    };
    let from = view.seek(index).expect("more elements than are skipped");
    match direction {
        Direction::Forward => view.visit_from(from, take, visit),
        Direction::Backward => view.visit_back_from(from, take, visit),
    }
}

fn visit_plain<B>(
    element: &[u8],
    take: usize,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    if take == 0 {
        ControlFlow::Continue(())
    } else {
        visit(Item::Bytes(element))
    }
}

thread_local! {
    /// Kept from one node to the next, because its table is much larger than a node.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new());
}

/// The bytes that Redis assumes an entry takes beyond its text.
const ENTRY_OVERHEAD: usize = 8;
/// Smaller nodes are not worth compressing.
const COMPRESSED_FROM: usize = 48;
/// The bytes that compression must save.
const COMPRESSED_SAVES: usize = 8;
