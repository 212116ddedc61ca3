//! Looking ahead: what the requests of a round will read is sent for before the first of them runs.
//!
//! A look-up in a table that does not fit the cache waits for memory two or three times, one after the other: for the
//! bucket, for what it points to, and if the bucket has overflowed, for the next one before that. Across the requests of a
//! round these waits overlap. The bucket of each key was sent for when the request was framed; here the entries follow,
//! and then the same again for the elements that requests name in sets, hashes and sorted sets which are large.
//!
//! Everything here is a guess: nothing is compared with the bytes of a key, and what runs first may change what comes
//! next. Being wrong costs a line of the cache. So that workloads without large values do not pay for elements either,
//! those are hashed only while the last rounds have met some.

use std::ops::Range;

use super::{Pending, Turn};
use crate::keyspace::{Keyspace, LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::store::Members;

pub fn send_for(keyspace: &Keyspace, turn: &mut Turn, range: Range<usize>) {
    send_for_entries(keyspace, turn, range.clone());
    if let Some(next) = turn.elements.get(turn.next_element) {
        if (next.request as usize) < range.end {
            turn.names_elements = send_for_elements(keyspace, turn, range.end);
        }
    } else if let Some(first) = turn.pending.get(range.start)
        && first.command.is_some_and(|command| command.element != 0)
    {
        turn.names_elements = large_table(keyspace, first).is_some();
    }
}

fn send_for_entries(keyspace: &Keyspace, turn: &mut Turn, range: Range<usize>) {
    turn.further.clear();
    for pending in &turn.pending[range] {
        if pending.sends_for_key {
            let dict = &keyspace.dbs[pending.db as usize].dict;
            if dict.prefetch_entry(pending.key.1) {
                turn.further.push(*pending);
            }
        }
    }
    for pending in &turn.further {
        let dict = &keyspace.dbs[pending.db as usize].dict;
        dict.prefetch_further(pending.key.1);
    }
}

/// Returns whether it is worth going on with that: whether any of these elements belongs to a large value.
fn send_for_elements(keyspace: &Keyspace, turn: &mut Turn, end: usize) -> bool {
    let mut named = [None::<(&Members, u64)>; LOOK_AHEAD_MOST];
    let mut count = 0;
    let mut last = None;
    let of_round = turn.elements[turn.next_element..]
        .iter()
        .take_while(|element| (element.request as usize) < end)
        .take(LOOK_AHEAD_MOST);
    for element in of_round {
        turn.next_element += 1;
        let pending = &turn.pending[element.request as usize];
        // Often all are about the same key.
        let key = (pending.db, pending.key.1);
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
    let table = dict.guess(pending.key.1)?.object()?.members()?;
    (table.len() >= LOOK_AHEAD_KEYS_MIN).then_some(table)
}
