//! What a client has asked for its session.

/// Whether a session is sent replies: `CLIENT REPLY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Replies {
    #[default]
    On,
    Off,
    /// `CLIENT REPLY SKIP` was just run: the next command is silent.
    SkipNext,
    /// The present command is silent.
    Skipped,
}

/// How scripts of a session are debugged: `SCRIPT DEBUG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Debugging {
    /// What they change is taken back.
    Aside,
    /// What they change stays.
    Synchronously,
}
