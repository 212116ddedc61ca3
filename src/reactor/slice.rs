//! The budget of a turn: those who have little are served in every turn, those who have much share a slice of it.
//!
//! One read and one write for each connection keep one client from having more than another. They do not keep a
//! hundred clients, each with a long pipeline or a large reply, from making the turn long for one who asks for a
//! single key. So a turn tells two kinds of visits apart.
//!
//! ```text
//!  ready      an event came.  Little: served in this turn.  Much: served in this turn while the slice lasts and nobody
//!             waits; else it goes to the end of `going_on`
//!  going_on   those who have much, in the order of their coming: served from the front while the slice lasts
//!
//!  unsent     output was made.  Little: written in this turn.  Much: while the slice lasts and nobody waits
//!  long       outputs that are long, or left over: written from the front while the slice lasts
//! ```
//!
//! How much a connection has is known when it has been read from, and guessed before that: `Conn::load` remembers, in
//! bytes, the last requests, the last reply, or that something took long, and forgets by half with each visit. Who was
//! heavy lately is not even read from before its time has come, so its bytes stay with the kernel. Who turns out to be
//! heavy waits with what was read.
//!
//! A turn that has served somebody with little leaves the others to the next one, if the last turn did not do so
//! already: the replies leave at its end, and would have to wait for the slice. So one who asks for little waits at
//! most for the rest of one slice of requests, one of writing, and the work of others like it. One who has much gets
//! at least one group in every other turn, however many there are who have little, and one write in every turn.
//!
//! A slice ends at the end of a group or of a write; how long one command takes is not for the loop to decide.
//! Time comes from the program (`App::spent_us`). One that has no clock serves everybody in every turn.

use super::App;

/// The time in one phase of a turn that those who have much may use. It begins with the first of them.
pub(super) struct Slice {
    most_us: u64,
    began_us: Option<u64>,
    pub(super) is_over: bool,
}

impl Slice {
    pub(super) fn new(most_us: u64) -> Slice {
        Slice {
            most_us,
            began_us: None,
            is_over: false,
        }
    }

    /// Somebody who has much is served.
    pub(super) fn begin<A: App>(&mut self, app: &mut A) {
        if self.began_us.is_none() {
            self.began_us = Some(app.spent_us());
        }
    }

    /// Looks whether the time is used up.
    #[inline]
    pub(super) fn look<A: App>(&mut self, app: &mut A) {
        if let Some(began_us) = self.began_us {
            self.is_over |= app.spent_us().saturating_sub(began_us) >= self.most_us;
        }
    }
}

/// Requests of so many bytes are little: thirty or forty of the usual size.
pub(super) const LITTLE_INPUT_BYTES: u32 = 2 * 1024;

/// A reply of so many bytes is little: what is copied, and not lent, to the output.
pub(super) const LITTLE_OUTPUT_BYTES: usize = 16 * 1024;

/// What somebody counts for who has requests left from an earlier turn, however few bytes that may be.
pub(super) const LEFT_BYTES: u32 = 4 * 1024;

/// What somebody counts for whose last command took long: a group of its own.
pub(super) const LONG_BYTES: u32 = 1 << 20;

/// The most that one connection adds to a group, unless it has a group of its own: the program takes a share of its
/// requests, and what makes them long is bytes that are only copied.
pub(super) const WEIGHT_MAX: u32 = 8 * 1024;

/// A group is complete with so many bytes: some hundred requests, a tenth of a millisecond or two, after which the time
/// is looked at.
pub(super) const GROUP_BYTES: u32 = 32 * 1024;

/// What a slice lasts at least, in microseconds: long beside what a turn costs that has nothing to do, short beside
/// what a client on a network waits for a reply anyway.
pub(super) const SLICE_US: u64 = 200;
