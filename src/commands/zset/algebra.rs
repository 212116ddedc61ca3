//! Unions, intersections and differences of sorted sets, with weights; plain sets take part with the score 1.

use std::ops::ControlFlow;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::store::Held;
use crate::types::set::Set;
use crate::types::zset::{AddRule, Zset, ZsetLimits};
use crate::types::{Kind, Value};
use crate::wire::args::Args;

use super::super::limits;
use super::super::options::{float, integer, is, limit};
use super::range;

/// The operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// How the scores of one member become one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, Error> {
        if is(word, "SUM") {
            Ok(Self::Sum)
        } else if is(word, "MIN") {
            Ok(Self::Min)
        } else if is(word, "MAX") {
            Ok(Self::Max)
        } else {
            Err(Error::Syntax)
        }
    }

    fn join(self, one: f64, other: f64) -> f64 {
        match self {
            // Infinities of both signs cancel out to nothing.
            Self::Sum => number(one + other),
            Self::Min => one.min(other),
            Self::Max => one.max(other),
        }
    }
}

fn number(score: f64) -> f64 {
    // A weight of 0 times an infinite score is no number; Redis makes it 0.
    if score.is_nan() { 0.0 } else { score }
}

#[derive(Default)]
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

impl Options {
    fn parse(
        words: Args<'_>,
        numkeys: usize,
        operation: Operation,
        stores: bool,
    ) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut at = 0;
        while at < words.len() {
            let word = words.at(at);
            let left = words.len() - at - 1;
            if operation != Operation::Diff && left >= numkeys && is(word, "WEIGHTS") {
                let not_float = || Error::from("ERR weight value is not a float");
                let weights = words
                    .from(at + 1)
                    .take(numkeys)
                    .map(|text| float(text).map_err(|_| not_float()));
                options.weights = weights.collect::<Result<_, _>>()?;
                at += numkeys;
            } else if operation != Operation::Diff && left >= 1 && is(word, "AGGREGATE") {
                options.aggregate = Aggregate::parse(words.at(at + 1))?;
                at += 1;
            } else if !stores && is(word, "WITHSCORES") {
                options.with_scores = true;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }
}

/// ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub(crate) fn zunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_result(ctx, args, Operation::Union)
}

/// ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub(crate) fn zinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_result(ctx, args, Operation::Inter)
}

/// ZDIFF numkeys key [key ...] [WITHSCORES]
pub(crate) fn zdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_result(ctx, args, Operation::Diff)
}

fn reply_result(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation) -> Outcome {
    let (result, with_scores) = compute(ctx, args.tail(1), operation, false)?;
    let reply = &mut ctx.reply;
    range::begin(reply, result.len(), with_scores);
    result.for_range(0..result.len(), |member, score| {
        range::show(reply, member, score, with_scores)
    });
    Ok(())
}

/// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub(crate) fn zunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store_result(ctx, args, Operation::Union, Event::ZUNIONSTORE)
}

/// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub(crate) fn zinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store_result(ctx, args, Operation::Inter, Event::ZINTERSTORE)
}

/// ZDIFFSTORE destination numkeys key [key ...]
pub(crate) fn zdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store_result(ctx, args, Operation::Diff, Event::ZDIFFSTORE)
}

fn store_result(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation, event: Event) -> Outcome {
    let (result, _) = compute(ctx, args.tail(2), operation, true)?;
    let limits = limits::zset(ctx);
    let mut longest = 0;
    result.for_range(0..result.len(), |member, _| {
        longest = longest.max(member.len())
    });
    let mut fitting = Zset::for_adding(result.len(), longest, &limits);
    result.for_range(0..result.len(), |member, score| {
        fitting.add(member, score, AddRule::default(), &limits);
    });
    range::store(ctx, args.at(1), Some(fitting), event, 1);
    Ok(())
}

/// One of the sets that take part.
#[derive(Clone, Copy)]
enum Source<'a> {
    Missing,
    Plain(&'a Set),
    Sorted(&'a Zset),
}

impl<'a> Source<'a> {
    fn of(value: Option<&'a Value>) -> Self {
        match value {
            Some(Value::Set(set)) => Self::Plain(set),
            Some(Value::Zset(zset)) => Self::Sorted(zset),
            _ => Self::Missing,
        }
    }
    fn len(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Plain(set) => set.len(),
            Self::Sorted(zset) => zset.len(),
        }
    }
    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Plain(set) => set.contains(member).then_some(1.0),
            Self::Sorted(zset) => zset.score(member),
        }
    }
    fn visit(self, mut show: impl FnMut(&[u8], f64) -> ControlFlow<()>) {
        let _ = match self {
            Self::Missing => ControlFlow::Continue(()),
            Self::Plain(set) => set.visit(|member| show(member.text(&mut [0; 20]), 1.0)),
            Self::Sorted(zset) => zset.visit(0..zset.len(), show),
        };
    }
    fn for_each(self, mut show: impl FnMut(&[u8], f64)) {
        self.visit(|member, score| {
            show(member, score);
            ControlFlow::Continue(())
        });
    }
}

/// Looks all keys up; one that holds neither kind of set refuses the command.
fn look_up(ctx: &mut Ctx<'_>, keys: Args<'_>) -> Outcome {
    for key in keys {
        if let Some(spot) = ctx.keys.read(key)
            && !matches!(ctx.keys.kind(spot), Kind::Set | Kind::Zset)
        {
            return Err(Error::WrongType);
        }
    }
    Ok(())
}

/// The values under keys that have been looked up.
fn values<'a>(ctx: &'a mut Ctx<'_>, keys: Args<'_>) -> Vec<Option<Held<'a, Value>>> {
    // Looking for a key may remove it and move others, so all are found again now that nothing can be removed.
    let spots: Vec<_> = keys.iter().map(|key| ctx.keys.find(key)).collect();
    let keys = &ctx.keys;
    spots
        .into_iter()
        .map(|spot| spot.and_then(|spot| keys.value(spot)))
        .collect()
}

fn sources<'a>(values: &'a [Option<Held<'_, Value>>]) -> Vec<Source<'a>> {
    let values = values.iter().map(Option::as_deref);
    values.map(Source::of).collect()
}

/// How many keys the request says it has; there must be as many words.
fn numkeys(ctx: &Ctx<'_>, text: &[u8], words: usize) -> Result<usize, Error> {
    let numkeys = integer(text)?;
    if numkeys < 1 {
        return Err(Error::input_keys(ctx.command.name()));
    }
    usize::try_from(numkeys)
        .ok()
        .filter(|numkeys| *numkeys <= words)
        .ok_or(Error::Syntax)
}

/// Computes what `numkeys key [key ...] [options]` says.
fn compute(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    stores: bool,
) -> Result<(Zset, bool), Error> {
    let numkeys = numkeys(ctx, args.at(0), args.len() - 1)?;
    let keys = args.head(1 + numkeys).tail(1);
    look_up(ctx, keys)?;
    let options = Options::parse(args.tail(1 + numkeys), numkeys, operation, stores)?;
    let limits = limits::zset(ctx);
    let weights = options
        .weights
        .iter()
        .copied()
        .chain(std::iter::repeat(1.0));
    let values = values(ctx, keys);
    let mut sources: Vec<(Source<'_>, f64)> = sources(&values).into_iter().zip(weights).collect();
    let result = match operation {
        Operation::Diff => difference(&sources, &limits),
        // Sums of doubles depend on the order: as in Redis the smallest set comes first.
        Operation::Inter => {
            sources.sort_by_key(|(source, _)| source.len());
            intersection(&sources, options.aggregate, &limits)
        }
        Operation::Union => {
            sources.sort_by_key(|(source, _)| source.len());
            union_of(&sources, options.aggregate, &limits)
        }
    };
    Ok((result, options.with_scores))
}

fn union_of(sources: &[(Source<'_>, f64)], aggregate: Aggregate, limits: &ZsetLimits) -> Zset {
    let mut result = Zset::large(limits);
    for (source, weight) in sources {
        source.for_each(|member, score| {
            let score = number(score * weight);
            let joined = result
                .score(member)
                .map_or(score, |known| aggregate.join(known, score));
            result.add(member, joined, AddRule::default(), limits);
        });
    }
    result
}

fn intersection(sources: &[(Source<'_>, f64)], aggregate: Aggregate, limits: &ZsetLimits) -> Zset {
    let mut result = Zset::large(limits);
    let Some(((first, weight), others)) = sources.split_first() else {
        return result;
    };
    first.for_each(|member, score| {
        let mut joined = number(score * weight);
        for (other, weight) in others {
            let Some(score) = other.score(member) else {
                return;
            };
            joined = aggregate.join(joined, number(score * weight));
        }
        result.add(member, joined, AddRule::default(), limits);
    });
    result
}

fn difference(sources: &[(Source<'_>, f64)], limits: &ZsetLimits) -> Zset {
    // ZDIFF keeps the scores of the first set; it has no weights, for there is nothing to join.
    let mut result = Zset::large(limits);
    let Some(((first, _), others)) = sources.split_first() else {
        return result;
    };
    first.for_each(|member, score| {
        if others
            .iter()
            .all(|(other, _)| other.score(member).is_none())
        {
            result.add(member, score, AddRule::default(), limits);
        }
    });
    result
}

/// ZINTERCARD numkeys key [key ...] [LIMIT limit]
pub(crate) fn zintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let numkeys = numkeys(ctx, args.at(1), args.len() - 2)?;
    let keys = args.head(2 + numkeys).tail(2);
    look_up(ctx, keys)?;
    let limit = limit(args.from(2 + numkeys))?;
    let values = values(ctx, keys);
    let mut sources = sources(&values);
    sources.sort_by_key(|source| source.len());
    let mut count = 0;
    if let Some((first, others)) = sources.split_first() {
        first.visit(|member, _| {
            if others.iter().all(|other| other.score(member).is_some()) {
                count += 1;
            }
            // A limit of 0 is none.
            if limit != 0 && count == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }
    ctx.reply.count(count);
    Ok(())
}
