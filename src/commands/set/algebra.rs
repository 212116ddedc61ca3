//! Intersections, unions and differences of sets, replied or stored.
//!
//! All keys are looked at before anything is computed: one of another kind refuses the command even where it could not
//! matter to the result.

use std::ops::ControlFlow;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::types::listpack::Item;
use crate::types::set::{Set, SetLimits};
use crate::wire::args::Args;

use super::super::items::reply_item;
use super::super::limits;
use super::super::options::{integer_within, limit};

/// SINTER key [key ...]
pub(crate) fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_all(ctx, args, |sets, _, show| intersect(sets, show))
}

/// SUNION key [key ...]
pub(crate) fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_all(ctx, args, |sets, limits, show| union_of(sets, limits, show))
}

/// SDIFF key [key ...]
pub(crate) fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_all(ctx, args, |sets, _, show| subtract(sets, show))
}

/// SINTERSTORE destination key [key ...]
pub(crate) fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store(ctx, args, Event::SINTERSTORE, |sets, limits| {
        // The result is a part of the smallest set; how large a part of a large one cannot be said before.
        let mut result = match smallest(sets) {
            Some(Set::Large(_) | Set::Small(_)) => Set::small(),
            Some(Set::Ints(_)) | None => Set::ints(),
        };
        intersect(sets, &mut |member| {
            result.add(member.text(&mut [0; 20]), limits);
        });
        result.become_ints(limits);
        result
    })
}

/// SUNIONSTORE destination key [key ...]
pub(crate) fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store(ctx, args, Event::SUNIONSTORE, |sets, limits| {
        let mut result = Set::ints();
        for set in sets.iter().flatten() {
            set.for_each(|member| {
                result.add(member.text(&mut [0; 20]), limits);
            });
        }
        result
    })
}

/// SDIFFSTORE destination key [key ...]
pub(crate) fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store(ctx, args, Event::SDIFFSTORE, |sets, limits| {
        let mut result = Set::ints();
        subtract(sets, &mut |member| {
            result.add(member.text(&mut [0; 20]), limits);
        });
        result
    })
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit]
pub(crate) fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let numkeys = integer_within(args.at(1), 1, i64::MAX, Error::NumkeysNotPositive)? as usize;
    if numkeys > args.len() - 2 {
        return Err(Error::KeysExceedArgs);
    }
    let limit = limit(args.from(2 + numkeys))?;
    let keys = args.head(2 + numkeys).tail(2);
    let mut count = 0;
    with_sets(ctx, keys, |_, sets| {
        let _ = visit_common(sets, &mut |_| {
            count += 1;
            // A limit of 0 is none: the count is at least 1 here, so it never stops the walk.
            if count == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    })?;
    ctx.reply.count(count);
    Ok(())
}

/// The sets under the keys, those that are missing as `None`.
type Sets<'a, 'b> = &'b [Option<&'a Set>];

/// Takes the computed members, one after the other.
type Show<'a> = &'a mut dyn FnMut(Item<'_>);

/// Looks all sets up and lends them to `compute` together.
fn with_sets<R>(
    ctx: &mut Ctx<'_>,
    keys: Args<'_>,
    compute: impl FnOnce(&mut crate::wire::reply::Reply<'_>, Sets<'_, '_>) -> R,
) -> Result<R, Error> {
    // Looking for a key may remove it, and that moves others. So all are looked for once, and then found for good.
    for key in keys {
        if let Some(spot) = ctx.keys.read(key) {
            ctx.keys.at::<Set>(spot)?;
        }
    }
    let spots: Vec<_> = keys.iter().map(|key| ctx.keys.find(key)).collect();
    let held: Vec<_> = spots
        .iter()
        .map(|spot| spot.and_then(|spot| ctx.keys.at::<Set>(spot).ok()))
        .collect();
    let sets: Vec<_> = held.iter().map(Option::as_deref).collect();
    Ok(compute(&mut ctx.reply, &sets))
}

fn reply_all(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    compute: fn(Sets<'_, '_>, &SetLimits, Show<'_>),
) -> Outcome {
    let limits = limits::set(ctx);
    with_sets(ctx, args.tail(1), |reply, sets| {
        let mark = reply.deferred();
        let mut count = 0;
        compute(sets, &limits, &mut |member| {
            reply_item(reply, member);
            count += 1;
        });
        reply.finish_set(mark, count);
    })
}

fn store(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    event: Event,
    compute: impl FnOnce(Sets<'_, '_>, &SetLimits) -> Set,
) -> Outcome {
    let destination = args.at(1);
    let limits = limits::set(ctx);
    let result = with_sets(ctx, args.tail(2), |_, sets| compute(sets, &limits))?;
    let len = result.len();
    ctx.keys
        // An empty result removes the destination, whatever type it had.
        .store(destination, (len > 0).then_some(result), event, 1);
    ctx.reply.count(len);
    Ok(())
}

/// The set with the fewest members; `None` if one is missing.
fn smallest<'a>(sets: Sets<'a, '_>) -> Option<&'a Set> {
    let present: Option<Vec<&Set>> = sets.iter().copied().collect();
    present?.into_iter().min_by_key(|set| set.len())
}

fn intersect(sets: Sets<'_, '_>, show: Show<'_>) {
    let _ = visit_common::<()>(sets, &mut |member| {
        show(member);
        ControlFlow::Continue(())
    });
}

/// Shows the members that are in all sets, until told to stop: walks through the smallest and asks the others, small
/// ones first.
fn visit_common<B>(
    sets: Sets<'_, '_>,
    show: &mut dyn FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let present: Option<Vec<&Set>> = sets.iter().copied().collect();
    let Some(mut present) = present else {
        return ControlFlow::Continue(());
    };
    present.sort_by_key(|set| set.len());
    let Some((first, others)) = present.split_first() else {
        return ControlFlow::Continue(());
    };
    first.visit(|member| {
        // A set that is named twice need not be asked about its own members.
        let is_common = others
            .iter()
            .all(|other| std::ptr::eq(*other, *first) || other.contains_item(member));
        if is_common {
            show(member)
        } else {
            ControlFlow::Continue(())
        }
    })
}

/// Shows the members of the first set that are in no other.
fn subtract(sets: Sets<'_, '_>, show: Show<'_>) {
    let Some((Some(first), others)) = sets.split_first() else {
        return;
    };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    // The largest is the most likely to have a member.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    first.for_each(|member| {
        if !others.iter().any(|other| other.contains_item(member)) {
            show(member);
        }
    });
}

/// Shows the members that are in any of the sets.
fn union_of(sets: Sets<'_, '_>, limits: &SetLimits, show: Show<'_>) {
    let present: Vec<&Set> = sets.iter().copied().flatten().collect();
    if let [only] = present[..] {
        only.for_each(show);
        return;
    }
    let are_integers = present.iter().all(|set| matches!(set, Set::Ints(_)));
    let mut seen = if are_integers {
        Set::ints()
    } else {
        Set::large(limits)
    };
    for set in present {
        set.for_each(|member| {
            if seen.add(member.text(&mut [0; 20]), limits) {
                show(member);
            }
        });
    }
}
