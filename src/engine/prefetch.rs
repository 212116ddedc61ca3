//! Looking ahead: the memory that the requests of a round will read is sent for before the first of them runs.
//!
//! A look-up in a table that does not fit the cache waits for memory two or three times, one after the other: for the
//! bucket, for the entry it points to, and if the bucket has overflowed, for the next one before that. Across the
//! requests of a round these waits overlap. The bucket of each key was sent for when the request was framed; here the
//! entries follow, and then the same again for the elements that requests name in sets, hashes and sorted sets which
//! are large.
//!
//! Everything here is a guess: nothing is compared with the bytes of a key, and the first commands may change the keys
//! of the next. Being wrong costs a line of the cache. So that workloads without large values do not pay for elements
//! either, those are hashed only while the last rounds have met some.

use std::ops::Range;

use crate::keyspace::{Keyspace, LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::store::Members;

use crate::engine::run::command::Command;

/// The requests of a turn that have been framed, and what is known of the memory that they will read.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) pending: Vec<Pending>,
    /// Those of the current round whose key must be looked for in a second bucket.
    further: Vec<Pending>,
    /// The elements that pending requests name within the values under their keys, in their order. Collected only while
    /// that has lately been elements of large values.
    pub(super) elements: Vec<Element>,
    /// The first of them that has not been sent for.
    pub(super) next_element: usize,
    pub(super) names_elements: bool,
}

/// A request that has been framed and waits for its place in a round.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) command: Option<&'static Command>,
    /// The hash of its first key, if it names one.
    pub(super) hash: Option<u64>,
    pub(super) member: u32,
    pub(super) db: u16,
    /// Whether the database is so large that its keys are worth looking ahead at.
    pub(super) sends_for_key: bool,
    /// Whether it calls a plain command (see `run::plain`), with as many words as that takes.
    pub(super) is_plain: bool,
}

impl Pending {
    /// The command that it calls, if that is a plain one.
    #[inline]
    pub(super) fn plain_command(&self) -> Option<&'static Command> {
        if self.is_plain { self.command } else { None }
    }
}

/// An element that the pending request of this index names.
#[derive(Clone, Copy)]
pub(super) struct Element {
    pub(super) request: u32,
    pub(super) hash: u64,
}

pub(crate) fn send_for(keyspace: &Keyspace, ahead: &mut Ahead, range: Range<usize>) {
    send_for_entries(keyspace, ahead, range.clone());
    if let Some(next) = ahead.elements.get(ahead.next_element) {
        if (next.request as usize) < range.end {
            ahead.names_elements = send_for_elements(keyspace, ahead, range.end);
        }
    } else if let Some(first) = ahead.pending.get(range.start)
        && first.command.is_some_and(|command| command.element != 0)
    {
        ahead.names_elements = large_table(keyspace, first).is_some();
    }
}

fn send_for_entries(keyspace: &Keyspace, ahead: &mut Ahead, range: Range<usize>) {
    ahead.further.clear();
    for pending in &ahead.pending[range] {
        if pending.sends_for_key
            && let Some(hash) = pending.hash
        {
            let dict = &keyspace.dbs[pending.db as usize].dict;
            if dict.prefetch_entry(hash) {
                ahead.further.push(*pending);
            }
        }
    }
    for pending in &ahead.further {
        let dict = &keyspace.dbs[pending.db as usize].dict;
        if let Some(hash) = pending.hash {
            dict.prefetch_further(hash);
        }
    }
}

/// Returns whether it is worth going on with that: whether any of these elements belongs to a large value.
fn send_for_elements(keyspace: &Keyspace, ahead: &mut Ahead, end: usize) -> bool {
    let mut named = [None::<(&Members, u64)>; LOOK_AHEAD_MOST];
    let mut count = 0;
    let mut last = None;
    let of_round = ahead.elements[ahead.next_element..]
        .iter()
        .take_while(|element| (element.request as usize) < end)
        .take(LOOK_AHEAD_MOST);
    for element in of_round {
        ahead.next_element += 1;
        let pending = &ahead.pending[element.request as usize];
        // Often all are about the same key.
        let key = (pending.db, pending.hash);
        let table = match last {
            Some((looked_up, table)) if looked_up == key => table,
            _ => large_table(keyspace, pending),
        };
        last = Some((key, table));
        if let Some(table) = table {
            table.prefetch_bucket(element.hash);
            named[count] = Some((table, element.hash));
            count += 1;
        }
    }
    let mut further = [None; LOOK_AHEAD_MOST];
    let mut further_count = 0;
    for &(table, hash) in named[..count].iter().flatten() {
        if table.prefetch_element(hash) {
            further[further_count] = Some((table, hash));
            further_count += 1;
        }
    }
    for &(table, hash) in further[..further_count].iter().flatten() {
        table.prefetch_further(hash);
    }
    count > 0
}

/// The table of the value that a request is probably about, if look-ups in it wait for memory.
fn large_table<'k>(keyspace: &'k Keyspace, pending: &Pending) -> Option<&'k Members> {
    let dict = &keyspace.dbs[pending.db as usize].dict;
    let table = dict.guess(pending.hash?)?.object()?.members()?;
    (table.len() >= LOOK_AHEAD_KEYS_MIN).then_some(table)
}
