//! The common part of commands that pop from the first of several keys that has something.
//!
//! Lists have a head and a tail, sorted sets a least and a greatest member; how an end is called, and what popping
//! means, is each family's own.

use crate::engine::run::ctx::{Ctx, Wait};
use crate::engine::session::OnTimeout;
use crate::spec::error::Error;
use crate::types::Kind;
use crate::wire::args::Args;

use super::options::{integer_within, is};

/// Waits for one of the keys to be of this kind; where one may not wait, the time is over at once.
pub(crate) fn wait(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    keys: Args<'_>,
    kind: Kind,
    deadline_ms: Option<i64>,
) {
    if !ctx.may_wait() {
        ctx.reply.null_array();
        return;
    }
    let keys: Vec<&[u8]> = keys.iter().collect();
    ctx.park(
        args,
        &Wait {
            keys: &keys,
            kind,
            deadline_ms,
            on_timeout: OnTimeout::NullArray,
            also_when_gone: false,
        },
    );
}

/// The request of LMPOP, BLMPOP, ZMPOP and BZMPOP; `E` is an end of the value.
pub(crate) struct Several<'a, E> {
    pub(crate) keys: Args<'a>,
    pub(crate) end: E,
    pub(crate) count: usize,
}

impl<'a, E> Several<'a, E> {
    /// Reads `numkeys key [key ...] <end> [COUNT count]`.
    pub(crate) fn parse(
        args: Args<'a>,
        end: impl FnOnce(&[u8]) -> Result<E, Error>,
    ) -> Result<Self, Error> {
        let numkeys = integer_within(args.at(0), 1, i64::MAX, Error::NumkeysNotPositive)? as usize;
        // The end follows the keys; there is no such argument when there are fewer keys than was said.
        let at = numkeys
            .checked_add(1)
            .filter(|at| *at < args.len())
            .ok_or(Error::Syntax)?;
        let end = end(args.at(at))?;
        let mut count = None;
        let mut words = args.from(at + 1);
        while let Some(word) = words.next() {
            count = match words.next() {
                Some(value) if count.is_none() && is(word, "COUNT") => {
                    Some(
                        integer_within(value, 1, i64::MAX, "ERR count should be greater than 0")?
                            as usize,
                    )
                }
                _ => return Err(Error::Syntax),
            };
        }
        Ok(Self {
            keys: args.head(at).tail(1),
            end,
            count: count.unwrap_or(1),
        })
    }
}
