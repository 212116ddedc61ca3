//! Lines of waiters against a plain model, and what they cost.

use std::cell::Cell;

use super::*;
use crate::base::rng::Rng;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Two tickets were compared.
pub(super) fn count_step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

fn id(index: u32) -> Id {
    Id {
        index,
        generation: 0,
    }
}

fn wait(keys: &[&[u8]], by: WokenBy) -> Wait {
    let keys = keys.iter().map(|key| key.to_vec()).collect();
    Wait::new(0, keys, None, by)
}

/// All that are named for the next ready key.
fn next(blocking: &mut Blocking) -> Option<(Ready, Vec<Id>)> {
    let mut ready = blocking.next_ready()?;
    let named = std::iter::from_fn(|| blocking.next_waiter(&mut ready)).collect();
    Some((ready, named))
}

#[test]
fn serves_in_the_order_of_arrival() {
    let mut blocking = Blocking::default();
    let mut first = Wait {
        deadline_ms: Some(50),
        ..wait(&[b"a", b"a"], WokenBy::Arrival)
    };
    let mut second = wait(&[b"a", b"b"], WokenBy::Loss);
    blocking.begin(id(2), &mut first);
    blocking.begin(id(1), &mut second);
    assert_eq!(
        (blocking.key_count(), blocking.key_count_when_gone()),
        (2, 2)
    );
    blocking.mark_ready(0, b"a", WokenBy::Arrival);
    blocking.mark_ready(0, b"a", WokenBy::News);
    blocking.mark_ready(0, b"nobody", WokenBy::Arrival);
    blocking.mark_ready(7, b"a", WokenBy::Arrival);
    let (ready, named) = next(&mut blocking).expect("one key is ready");
    assert_eq!((ready.db, ready.key.as_slice()), (0, b"a".as_slice()));
    assert!(ready.any_by_loss && ready.may_serve);
    assert_eq!(named, [id(2), id(1)]);
    assert_eq!(next(&mut blocking), None);

    assert_eq!(blocking.take_overdue(49), None);
    assert_eq!(blocking.take_overdue(50), Some(id(2)));
    assert_eq!(blocking.take_overdue(50), None, "named once");
    blocking.leave(id(2), &first);
    blocking.leave(id(1), &second);
    assert!(blocking.is_empty() && blocking.next_deadline().is_none());
    assert_eq!(
        (blocking.wait_count(), blocking.key_count_when_gone()),
        (0, 0)
    );
}

#[test]
fn wakes_only_for_what_may_help() {
    let mut blocking = Blocking::default();
    blocking.begin(id(1), &mut wait(&[b"list"], WokenBy::Arrival));
    blocking.begin(id(2), &mut wait(&[b"stream"], WokenBy::News));
    for what in [WokenBy::News, WokenBy::Loss] {
        blocking.mark_ready(0, b"list", what);
        blocking.mark_ready(0, b"stream", what);
    }
    assert_eq!(
        blocking.next_ready().map(|ready| ready.key),
        Some(b"stream".to_vec())
    );
    assert!(!blocking.has_ready());

    blocking.begin(id(3), &mut wait(&[b"stream"], WokenBy::Loss));
    blocking.mark_ready(0, b"stream", WokenBy::Loss);
    let ready = blocking.next_ready().expect("it may be gone");
    assert!(ready.any_by_loss && !ready.may_serve);
    blocking.mark_ready(0, b"stream", WokenBy::Loss);
    blocking.mark_ready(0, b"stream", WokenBy::News);
    assert!(blocking.next_ready().is_some_and(|ready| ready.may_serve));
}

#[test]
fn a_flush_casts_doubt_on_every_key_of_its_database() {
    let mut blocking = Blocking::default();
    blocking.begin(id(1), &mut wait(&[b"b", b"a"], WokenBy::Loss));
    let mut elsewhere = Wait {
        db: 2,
        ..wait(&[b"c"], WokenBy::Arrival)
    };
    blocking.begin(id(2), &mut elsewhere);
    blocking.mark_database_ready(Some(0));
    blocking.mark_database_ready(None);
    let order: Vec<_> = std::iter::from_fn(|| blocking.next_ready())
        .map(|ready| ready.key)
        .collect();
    assert_eq!(order, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
}

#[test]
fn a_line_may_change_while_it_is_gone_through() {
    let mut blocking = Blocking::default();
    let mut waits: Vec<Wait> = (0..4).map(|_| wait(&[b"k"], WokenBy::Arrival)).collect();
    for (index, wait) in waits.iter_mut().enumerate() {
        blocking.begin(id(index as u32), wait);
    }
    blocking.mark_ready(0, b"k", WokenBy::Arrival);
    let mut ready = blocking.next_ready().expect("marked");
    assert_eq!(blocking.next_waiter(&mut ready), Some(id(0)));
    blocking.leave(id(0), &waits[0]);
    blocking.leave(id(1), &waits[1]);
    let mut late = wait(&[b"k"], WokenBy::Arrival);
    blocking.begin(id(9), &mut late);
    assert_eq!(blocking.next_waiter(&mut ready), Some(id(2)));
    assert_eq!(blocking.next_waiter(&mut ready), Some(id(3)));
    assert_eq!(
        blocking.next_waiter(&mut ready),
        None,
        "the last came later"
    );
}

/// Sessions come, leave, are served and time out at random; a list of waits says which must be named.
#[test]
fn lines_agree_with_a_plain_list() {
    let mut rng = Rng::from_seed(7);
    let mut blocking = Blocking::default();
    let mut model: Vec<(Id, Wait)> = Vec::new();
    let names: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
    for step in 0..20_000u32 {
        let has_key = |wait: &Wait, db: u16, key: &[u8]| {
            wait.db == db && wait.keys.iter().any(|named| named == key)
        };
        match rng.below(8) {
            0..=3 if model.len() < 40 => {
                let count = 1 + rng.below(3);
                let keys = (0..count)
                    .map(|_| names[rng.below(4) as usize].to_vec())
                    .collect();
                let by = [WokenBy::Arrival, WokenBy::News, WokenBy::Loss][rng.below(3) as usize];
                let deadline = (rng.below(2) == 0).then(|| i64::from(step) + rng.below(50) as i64);
                let mut wait = Wait::new(rng.below(2) as u16, keys, deadline, by);
                wait.for_offset = rng.below(4) == 0;
                blocking.begin(id(step), &mut wait);
                model.push((id(step), wait));
            }
            4 | 5 if !model.is_empty() => {
                let (session, wait) = model.remove(rng.below(model.len() as u64) as usize);
                blocking.leave(session, &wait);
            }
            6 => {
                let (db, key) = (rng.below(2) as u16, names[rng.below(4) as usize]);
                blocking.mark_ready(db, key, WokenBy::Arrival);
                let named = next(&mut blocking).map_or(Vec::new(), |(_, named)| named);
                let expected: Vec<Id> = (model.iter())
                    .filter(|(_, wait)| has_key(wait, db, key))
                    .map(|(session, _)| *session)
                    .collect();
                assert_eq!(named, expected);
            }
            _ => {
                while let Some(session) = blocking.take_overdue(i64::from(step)) {
                    let at = model.iter().position(|(of, _)| *of == session);
                    let (_, wait) = model.remove(at.expect("only those who wait time out"));
                    assert!(wait.deadline_ms.is_some_and(|at| at <= i64::from(step)));
                    blocking.leave(session, &wait);
                }
            }
        }
        let lines: BTreeSet<_> = (model.iter())
            .flat_map(|(_, wait)| wait.keys.iter().map(|key| (wait.db, key)))
            .collect();
        assert_eq!(blocking.key_count(), lines.len());
        assert_eq!(blocking.wait_count(), model.len());
        let deadlines = model.iter().filter_map(|(_, wait)| wait.deadline_ms);
        assert_eq!(blocking.next_deadline(), deadlines.min());
        let for_offset: Vec<Id> = (model.iter())
            .filter(|(_, wait)| wait.for_offset)
            .map(|(session, _)| *session)
            .collect();
        assert_eq!(blocking.for_offset().collect::<Vec<_>>(), for_offset);
    }
}

/// Ten thousand sessions wait for one key. Half of them are served, each by a push of its own; the others leave at
/// once. Both walk no line: the test compares the number of comparisons with that of a search.
#[test]
fn many_who_wait_for_one_key_cost_what_they_are() {
    const SESSIONS: u32 = 10_000;
    let mut blocking = Blocking::default();
    let mut waits: Vec<Wait> = (0..SESSIONS)
        .map(|_| wait(&[b"queue"], WokenBy::Arrival))
        .collect();
    STEPS.with(|steps| steps.set(0));
    for (index, wait) in waits.iter_mut().enumerate() {
        blocking.begin(id(index as u32), wait);
    }
    for served in 0..SESSIONS / 2 {
        blocking.mark_ready(0, b"queue", WokenBy::Arrival);
        let mut ready = blocking.next_ready().expect("marked");
        assert_eq!(blocking.next_waiter(&mut ready), Some(id(served)));
        blocking.leave(id(served), &waits[served as usize]);
        // The next in line is looked at too, to find that nothing is left for it.
        assert_eq!(blocking.next_waiter(&mut ready), Some(id(served + 1)));
    }
    for leaver in (SESSIONS / 2..SESSIONS).rev() {
        blocking.leave(id(leaver), &waits[leaver as usize]);
    }
    assert!(blocking.is_empty());
    let steps = STEPS.with(Cell::get);
    assert!(
        steps < u64::from(SESSIONS) * 300,
        "{steps} comparisons for {SESSIONS} sessions"
    );
}
