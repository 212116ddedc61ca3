//! How large one piece of a list may grow.

/// The configuration a list needs to know, handed in with every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `list-max-listpack-size`: positive is a number of elements, -1 to -5 are 4, 8, 16, 32 and 64 KiB.
    pub node_size: i32,
    /// `list-compress-depth`: how many nodes at either end stay uncompressed; 0 compresses none.
    pub compress_depth: u32,
    /// Elements of this size and more get a node of their own. 0, unless a test says otherwise
    /// (`DEBUG QUICKLIST-PACKED-THRESHOLD`), means those that would not fit into a node.
    pub big_element: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            node_size: -2,
            compress_depth: 0,
            big_element: 0,
        }
    }
}

/// The limit of `list-max-listpack-size`, for one quicklist or for a list that is still one listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeSize {
    Bytes(usize),
    Count(usize),
}

impl NodeSize {
    pub(crate) fn new(node_size: i32) -> Self {
        match node_size {
            0 => Self::Count(1),
            1.. => Self::Count(node_size as usize),
            _ => {
                let step = (node_size.unsigned_abs() - 1).min(4);
                Self::Bytes(4096 << step)
            }
        }
    }

    /// Would a node of `bytes` and `count` elements be too large? A limit on the count still limits the bytes, or a
    /// node of large elements would become slow to edit.
    #[inline]
    pub(crate) fn exceeded_by(self, bytes: usize, count: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes > most,
            Self::Count(most) => bytes > COUNTED_BYTES_MAX || count > most,
        }
    }

    /// May a quicklist that lost elements go back to being one listpack? Only at half the limit, so that a list that
    /// hovers around it is not converted back and forth.
    pub(crate) fn is_half_empty(self, bytes: usize, count: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most / 2,
            Self::Count(most) => count <= most / 2,
        }
    }

    /// Does a quicklist that was just built fit one listpack?
    pub(crate) fn holds(self, bytes: usize, count: usize) -> bool {
        match self {
            Self::Bytes(most) => bytes <= most,
            Self::Count(most) => count <= most,
        }
    }

    /// Is an element of `len` bytes too large to share a node?
    #[inline]
    pub(crate) fn is_big(self, len: usize, limits: &Limits) -> bool {
        if limits.big_element != 0 {
            return len >= limits.big_element;
        }
        match self {
            Self::Bytes(most) => len > most,
            Self::Count(_) => len > COUNTED_BYTES_MAX,
        }
    }
}

/// The most bytes a node may have whose limit is a count.
const COUNTED_BYTES_MAX: usize = 8192;
/// Redis keeps a quicklist's limit in sixteen bits: larger counts are cut to this.
pub(crate) const COUNT_MAX: i32 = 32767;
