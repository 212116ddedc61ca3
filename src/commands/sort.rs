//! SORT: the elements of a list, set or sorted set in another order, or what other keys say about them.
//!
//! A pattern such as `weight_*` names a key for each element, `object_*->name` a field of a hash: BY sorts by what is
//! there, GET replies it. A pattern without a star names nothing; as BY it means not to sort at all. Elements that
//! compare equal as numbers are put in the order of their bytes, so that the result does not depend on chance.

use std::cmp::Ordering;

use crate::base::partial::sort_range;
use crate::base::text::up_to_nul;
use crate::engine::cluster_hints;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::{Ctx, Origin};
use crate::keyspace::{Event, Spot, Text};
use crate::spec::error::Error;
use crate::spec::generic as spec;
use crate::types::hash::Hash;
use crate::types::list::{Direction, List};
use crate::types::zset::Zset;
use crate::types::{Kind, Value};
use crate::wire::args::Args;

use super::options::{integer, is};
use super::{limits, list};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::SORT, sort),
    Row::new(&spec::SORT_RO, sort_ro),
];

/// A pattern names any key, so the user must be allowed to read all of them.
fn check_reach(ctx: &Ctx<'_>, args: Args<'_>, option: &str) -> Result<(), Error> {
    if ctx.is_replay() || ctx.may_read_all(args) {
        return Ok(());
    }
    let text = format!("ERR {option} option of SORT denied due to insufficient ACL permissions.");
    Err(text.into())
}

struct Request<'a> {
    descends: bool,
    /// Compares bytes, not numbers.
    is_alpha: bool,
    skip: i64,
    count: i64,
    by: Option<Pattern<'a>>,
    /// BY with a pattern that names nothing.
    keeps_order: bool,
    /// The patterns that are replied for each element; `None` is the element itself.
    gets: Vec<Option<Pattern<'a>>>,
    store: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(ctx: &mut Ctx<'_>, args: Args<'a>, may_store: bool) -> Result<Self, Error> {
        let mut request = Self {
            descends: false,
            is_alpha: false,
            skip: 0,
            count: -1,
            by: None,
            keeps_order: false,
            gets: Vec::new(),
            store: None,
        };
        let mut words = args.from(2);
        while let Some(word) = words.next() {
            let left = words.len();
            if is(word, "ASC") || is(word, "DESC") {
                request.descends = is(word, "DESC");
            } else if is(word, "ALPHA") {
                request.is_alpha = true;
            } else if is(word, "LIMIT") && left >= 2 {
                request.skip = integer(words.next().unwrap_or_default())?;
                request.count = integer(words.next().unwrap_or_default())?;
            } else if left == 0 {
                return Err(Error::Syntax);
            } else if is(word, "STORE") && may_store {
                request.store = words.next();
            } else if is(word, "BY") {
                let pattern = words.next().unwrap_or_default();
                request.by = Pattern::parse(pattern);
                if request.by.is_some() {
                    check_reach(ctx, args, "BY")?;
                    cluster_hints::note_pattern(ctx, args.at(1), pattern);
                }
                // Once told not to sort, it does not: a later BY with a star changes nothing of that.
                request.keeps_order |= request.by.is_none();
            } else if is(word, "GET") {
                let pattern = words.next().unwrap_or_default();
                check_reach(ctx, args, "GET")?;
                let own = pattern == b"#";
                if !own {
                    cluster_hints::note_pattern(ctx, args.at(1), pattern);
                }
                // GET with a pattern that has no star names no key, so it replies null for each element.
                request.gets.push(if own {
                    None
                } else {
                    Some(Pattern::parse(pattern).unwrap_or(Pattern::NOTHING))
                });
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(request)
    }

    /// Which of `len` elements are wanted.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let len = len as i64;
        let start = self.skip.clamp(0, len);
        let end = if self.count < 0 {
            len
        } else {
            start.saturating_add(self.count).min(len)
        };
        start as usize..end.max(start) as usize
    }
}

/// The name of a key with a star for the element, and of a field in it.
#[derive(Clone, Copy)]
struct Pattern<'a> {
    before: &'a [u8],
    after: &'a [u8],
    field: Option<&'a [u8]>,
    names_nothing: bool,
}

impl<'a> Pattern<'a> {
    const NOTHING: Self = Self {
        before: b"",
        after: b"",
        field: None,
        names_nothing: true,
    };

    /// `None` if there is no star.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let star = text.iter().position(|byte| *byte == b'*')?;
        let (before, rest) = (&text[..star], &text[star + 1..]);
        let arrow = rest
            .windows(2)
            .position(|pair| pair == b"->")
            .filter(|at| at + 2 < rest.len());
        let (after, field) = match arrow {
            Some(at) => (&rest[..at], Some(&rest[at + 2..])),
            None => (rest, None),
        };
        Some(Self {
            before,
            after,
            field,
            names_nothing: false,
        })
    }

    /// The value of the key or field for this element.
    fn look_up(&self, ctx: &mut Ctx<'_>, element: &[u8]) -> Option<Vec<u8>> {
        if self.names_nothing {
            return None;
        }
        let key = [self.before, element, self.after].concat();
        let spot = ctx.keys.read(&key)?;
        let Some(field) = self.field else {
            return ctx.keys.text(spot).ok().map(Text::to_vec);
        };
        let hash = ctx.keys.at::<Hash>(spot).ok()?;
        let value = hash
            .get(field, ctx.keys.horizon_ms())
            .map(crate::types::listpack::Item::to_vec);
        if value.is_none() {
            ctx.keys
                .expire_named_fields(&key, spot, [field].into_iter());
        }
        value
    }
}

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
fn sort(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, true)
}

/// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, false)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, may_store: bool) -> Outcome {
    let mut request = Request::parse(ctx, args, may_store)?;
    let found = ctx.keys.read(args.at(1));
    let elements = match found {
        Some(spot) => {
            unfold(ctx, spot);
            elements_at(ctx, spot, &mut request)?
        }
        None => Vec::new(),
    };
    let sorted = if request.keeps_order {
        elements
    } else {
        in_order(ctx, elements, &request)?
    };
    let range = request.range(sorted.len());
    let wanted = &sorted[range];
    match request.store {
        Some(destination) => store(ctx, destination, wanted, &request.gets),
        None => reply(ctx, wanted, &request.gets),
    }
    Ok(())
}

/// Gives a small sorted set the form of a large one, for good. Nothing here needs it; but Redis does it, and OBJECT
/// ENCODING tells.
fn unfold(ctx: &mut Ctx<'_>, spot: Spot) {
    let limits = limits::zset(ctx);
    if ctx.keys.kind(spot) == Kind::Zset
        && let Ok(mut zset) = ctx.keys.edit_at::<Zset>(spot)
    {
        zset.enlarge(&limits);
    }
}

/// The elements in the order of their container; where that is asked for with DESC, in the opposite one.
fn elements_at(
    ctx: &Ctx<'_>,
    spot: Spot,
    request: &mut Request<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut elements = Vec::new();
    match ctx.keys.value(spot).as_deref() {
        Some(Value::List(list)) => list.for_range(0, list.len(), Direction::Forward, |item| {
            elements.push(item.to_vec())
        }),
        Some(Value::Zset(zset)) => {
            zset.for_range(0..zset.len(), |member, _| elements.push(member.to_vec()))
        }
        Some(Value::Set(set)) => {
            set.for_each(|item| elements.push(item.to_vec()));
            // A set has no order that a replica or a script could rely on.
            if request.keeps_order && (request.store.is_some() || ctx.origin == Origin::Script) {
                request.keeps_order = false;
                request.is_alpha = true;
                request.by = None;
            }
            return Ok(elements);
        }
        _ => return Err(Error::WrongType),
    }
    if request.keeps_order && request.descends {
        elements.reverse();
    }
    Ok(elements)
}

/// The weight that an element is sorted by.
enum Weight {
    Number(f64),
    /// `None` comes first: the pattern found nothing.
    Bytes(Option<Vec<u8>>),
    /// Its own bytes.
    Own,
}

fn in_order(
    ctx: &mut Ctx<'_>,
    elements: Vec<Vec<u8>>,
    request: &Request<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut weighted = Vec::with_capacity(elements.len());
    let mut is_refused = false;
    for element in elements {
        let weight = match (&request.by, request.is_alpha) {
            (None, true) => Weight::Own,
            (Some(by), true) => Weight::Bytes(by.look_up(ctx, &element)),
            (None, false) => number(&element, &mut is_refused),
            (Some(by), false) => match by.look_up(ctx, &element) {
                Some(text) => number(&text, &mut is_refused),
                // An element without a weight counts as 0.
                None => Weight::Number(0.0),
            },
        };
        weighted.push((weight, element));
    }
    if is_refused {
        return Err("ERR One or more scores can't be converted into double".into());
    }
    let order = |one: &_, other: &_| {
        let order = compare(one, other);
        if request.descends {
            order.reverse()
        } else {
            order
        }
    };
    let wanted = request.range(weighted.len());
    if request.by.is_some() && wanted.len() < weighted.len() && !wanted.is_empty() {
        sort_range(&mut weighted, wanted, &order);
    } else {
        weighted.sort_by(order);
    }
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

fn compare(one: &(Weight, Vec<u8>), other: &(Weight, Vec<u8>)) -> Ordering {
    match (&one.0, &other.0) {
        (Weight::Number(this), Weight::Number(that)) => this
            .partial_cmp(that)
            .unwrap_or(Ordering::Equal)
            .then_with(|| one.1.cmp(&other.1)),
        (Weight::Bytes(this), Weight::Bytes(that)) => this.cmp(that),
        _ => one.1.cmp(&other.1),
    }
}

/// A number as SORT reads it, up to the first zero byte: no hexadecimal and no blanks, but what is too large for a
/// double is infinite, and no text at all is zero.
fn number(text: &[u8], is_refused: &mut bool) -> Weight {
    let text = up_to_nul(text);
    let number = match std::str::from_utf8(text).map(str::parse) {
        _ if text.is_empty() => 0.0,
        Ok(Ok(number)) => number,
        _ => f64::NAN,
    };
    *is_refused |= number.is_nan();
    Weight::Number(number)
}

fn reply(ctx: &mut Ctx<'_>, elements: &[Vec<u8>], gets: &[Option<Pattern<'_>>]) {
    ctx.reply.array(elements.len() * gets.len().max(1));
    for element in elements {
        if gets.is_empty() {
            ctx.reply.bulk(element);
        }
        for get in gets {
            match get {
                None => ctx.reply.bulk(element),
                Some(pattern) => match pattern.look_up(ctx, element) {
                    Some(text) => ctx.reply.bulk(&text),
                    None => ctx.reply.null(),
                },
            }
        }
    }
}

fn store(
    ctx: &mut Ctx<'_>,
    destination: &[u8],
    elements: &[Vec<u8>],
    gets: &[Option<Pattern<'_>>],
) {
    let limits = list::limits(ctx);
    let mut result = List::quick(&limits);
    for element in elements {
        if gets.is_empty() {
            result.push_tail(element, &limits);
        }
        for get in gets {
            match get {
                None => result.push_tail(element, &limits),
                // A list has no nulls.
                Some(pattern) => {
                    result.push_tail(&pattern.look_up(ctx, element).unwrap_or_default(), &limits)
                }
            }
        }
    }
    result.settle(&limits);
    let len = result.len();
    // SORT with STORE that finds nothing, even for want of the key, removes the destination.
    let result = (len > 0).then_some(result);
    ctx.keys.store(destination, result, Event::SORTSTORE, len);
    ctx.reply.count(len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(Pattern::parse(b"nosort").is_none());
        let plain = Pattern::parse(b"w_*x").expect("it has a star");
        assert_eq!(
            (plain.before, plain.after, plain.field),
            (&b"w_"[..], &b"x"[..], None)
        );
        let field = Pattern::parse(b"o_*->f->g").expect("it has a star");
        assert_eq!((field.after, field.field), (&b""[..], Some(&b"f->g"[..])));
        let no_field = Pattern::parse(b"o_*->").expect("it has a star");
        assert_eq!((no_field.after, no_field.field), (&b"->"[..], None));
    }
}
