//! Messages to sessions other than the one whose command runs.

pub(crate) mod deliver;
pub(super) mod invalidate;
pub(crate) mod monitor;
