//! What a session has asked to be told of: channels, patterns, and keys that it caches.

/// The channels and patterns that a session listens to.
#[derive(Default)]
pub(crate) struct Subscriptions {
    pub(crate) channels: std::collections::BTreeSet<Vec<u8>>,
    pub(crate) patterns: std::collections::BTreeSet<Vec<u8>>,
    pub(crate) shards: std::collections::BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    /// The count that SUBSCRIBE and PSUBSCRIBE report: channels and patterns together.
    pub(crate) fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }
    pub(super) fn memory(&self) -> usize {
        let names = self
            .channels
            .iter()
            .chain(&self.patterns)
            .chain(&self.shards);
        names.map(|name| name.len() + NAME_COST_BYTES).sum()
    }
}

/// Client-side caching, as this session has asked for it.
#[derive(Default)]
pub struct Tracking {
    /// Number of the session that is told instead; 0 for none.
    pub(crate) redirect: u64,
    /// The session that was to be told is gone.
    pub(crate) is_broken: bool,
    pub(crate) mode: TrackingMode,
    /// Not told of keys that it changes itself.
    pub(crate) no_loop: bool,
    /// CLIENT CACHING was said for the next command.
    pub(crate) caching: bool,
    /// In broadcast mode: of which keys it wants to hear.
    pub(crate) prefixes: Vec<Vec<u8>>,
}

/// Which keys are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum TrackingMode {
    /// Those it reads.
    #[default]
    Read,
    /// Those it reads with the command after CLIENT CACHING YES.
    OptIn,
    /// Those it reads, but for the command after CLIENT CACHING NO.
    OptOut,
    /// Those with certain prefixes, whether or not it has read them.
    Broadcast,
}

/// The cost of a name in some collection besides its bytes, roughly.
pub(super) const NAME_COST_BYTES: usize = 64;
