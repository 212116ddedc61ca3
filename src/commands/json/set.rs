//! Setting, merging, clearing and removing values.

use smallvec::SmallVec;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, New, Site, Spot};
use crate::spec::error::Error;
use crate::types::Typed;
use crate::types::json::path::{One, Path, places, places_of};
use crate::types::json::{
    Atom, Garbage, Input, Json, Number, Place, Precision, Reader, View, plain_scalar,
};
use crate::wire::args::Args;

use super::super::options::is;
use super::{
    NOT_ROOT, changed, document, document_mut, find, found, not_json, path_at, path_of, targets,
    throw_away, too_deep, too_much,
};

/// Whether something must or must not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    None,
    Missing,
    There,
}

/// What setting a value at a path comes to.
enum Plan<'p> {
    Replace(SmallVec<[Place; 1]>),
    /// A field is new in these objects.
    Add(SmallVec<[Place; 1]>, &'p [u8]),
    Nothing,
}

/// JSON.SET key path value [NX | XX] [FPHA BF16 | FP16 | FP32 | FP64]
pub(super) fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(3));
    let path = path_of(args.at(2))?;
    let (condition, precision) = options(args.tail(4))?;
    let spot = find(&mut ctx.keys, key)?;
    if let Some(spot) = spot
        && condition != Condition::Missing
        && let Some(scalar) = plain_scalar(value)
        && put_scalar(&mut ctx.keys, spot, &path, scalar)
    {
        ctx.keys.changed(key, Event::JSON_SET, 1);
        ctx.reply.ok();
        return Ok(());
    }
    let json = spot.map(|spot| document(&ctx.keys, spot));
    let reader = Reader::new(json.filter(|_| !path.is_root()));
    let mut reader = reader.with_precision(precision);
    let input = reader.read(value).map_err(not_json)?;
    let is_done = match json {
        None if condition == Condition::There => false,
        None if !path.is_root() => return Err(Error::from(NOT_ROOT)),
        Some(_) if path.is_root() && condition == Condition::Missing => false,
        _ if path.is_root() => {
            set_root(&mut ctx.keys, key, spot, reader.into_json(input));
            true
        }
        Some(json) => {
            let plan = plan(json, &path, condition)?;
            match spot {
                Some(spot) => carry_out(&mut ctx.keys, spot, reader, plan, input)?,
                None => false,
            }
        }
        None => false,
    };
    if is_done {
        ctx.keys.changed(key, Event::JSON_SET, 1);
        ctx.reply.ok();
    } else {
        ctx.reply.null();
    }
    Ok(())
}

/// The usual case: a scalar comes into the place of what is there, of which there is one.
fn put_scalar(keys: &mut Keys<'_>, spot: Spot, path: &Path<'_>, scalar: Atom<'_>) -> bool {
    let json = document_mut(keys, spot);
    let way = json.way(path);
    if let Some(way) = &way {
        json.put_scalar(way, scalar);
    }
    way.is_some()
}

/// Of a condition that is given twice the second is one word too many; of a precision, the last counts.
fn options(args: Args<'_>) -> Result<(Condition, Option<Precision>), Error> {
    let (mut condition, mut precision) = (Condition::None, None);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if is(word, "NX") && condition == Condition::None {
            condition = Condition::Missing;
        } else if is(word, "XX") && condition == Condition::None {
            condition = Condition::There;
        } else if is(word, "FPHA") {
            let name = words.next().ok_or(Error::arity("json.set"))?;
            let known = Precision::ALL.into_iter();
            let mut known = known.filter(|known| is(name, known.name()));
            precision = Some(known.next().ok_or("ERR invalid FPHA type")?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((condition, precision))
}

/// The key's deadline stays.
fn set_root(keys: &mut Keys<'_>, key: &[u8], spot: Option<Spot>, json: Json) {
    match spot {
        Some(spot) => {
            let old = std::mem::replace(document_mut(keys, spot), json);
            throw_away(keys, Garbage::of(old));
        }
        None => {
            if let Site::Vacant(vacancy) = keys.site(key) {
                keys.insert(vacancy, New::Object(json.into_value()), None);
            }
        }
    }
}

fn plan<'p>(json: &Json, path: &'p Path<'_>, condition: Condition) -> Result<Plan<'p>, Error> {
    if condition != Condition::Missing {
        let found = places(json, path).map_err(too_much)?;
        if !found.is_empty() {
            return Ok(Plan::Replace(topmost(
                found.into_iter().map(|found| found.place),
            )));
        }
        if condition == Condition::There {
            return Ok(Plan::Nothing);
        }
    }
    let (before, last) = path
        .split_last()
        .ok_or(Error::from("Err wrong static path"))?;
    let One::Field(name) = last else {
        let found = places(json, path).map_err(too_much)?;
        if found.is_empty() {
            return Err(Error::from("ERR array index out of range"));
        }
        return Ok(Plan::Nothing);
    };
    let found = places_of(json, before).map_err(too_much)?;
    let takes = |view: View<'_>| view.is_object() && !has_field(json, view, name);
    let places = found
        .into_iter()
        .filter(|found| takes(found.view))
        .map(|found| found.place);
    Ok(Plan::Add(places.collect(), name))
}

fn has_field(json: &Json, view: View<'_>, name: &[u8]) -> bool {
    json.field(view, name).is_some()
}

/// Leaves out what is within something else that is there. Places come in the order of the document, so that which
/// encloses comes first.
fn topmost(places: impl Iterator<Item = Place>) -> SmallVec<[Place; 1]> {
    let mut all: SmallVec<[Place; 1]> = places.collect();
    if all.len() < 2 {
        return all;
    }
    all.sort();
    all.dedup();
    let mut topmost: SmallVec<[Place; 1]> = SmallVec::new();
    for place in all {
        if !topmost.last().is_some_and(|last| place.starts_with(last)) {
            topmost.push(place);
        }
    }
    topmost
}

/// Returns whether there was something to do.
fn carry_out(
    keys: &mut Keys<'_>,
    spot: Spot,
    reader: Reader,
    plan: Plan<'_>,
    input: Input,
) -> Result<bool, Error> {
    let places = match &plan {
        Plan::Replace(places) | Plan::Add(places, _) => places,
        Plan::Nothing => return Ok(false),
    };
    if places.is_empty() {
        return Ok(false);
    }
    Json::fits(places, input.depth).map_err(too_deep)?;
    let json = document_mut(keys, spot);
    json.adopt(reader);
    let mut garbage = Garbage::default();
    let mut input = Some(input);
    let last = places.len() - 1;
    for (number, place) in places.iter().enumerate() {
        let value = if number == last {
            input.take()
        } else {
            input.clone()
        };
        let Some(value) = value else { break };
        let taken = match &plan {
            Plan::Add(_, name) => json.add_field(place, name, value),
            _ => json.replace(place, value),
        };
        garbage.join(taken.map_err(too_deep)?);
    }
    throw_away(keys, garbage);
    Ok(true)
}

/// JSON.MSET key path value [key path value ...]
pub(super) fn mset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if !(args.len() - 1).is_multiple_of(3) {
        return Err(Error::arity("json.mset"));
    }
    // All is looked at before anything is changed.
    let mut paths = Vec::new();
    for at in (1..args.len()).step_by(3) {
        let path = path_of(args.at(at + 1))?;
        let spot = find(&mut ctx.keys, args.at(at))?;
        let mut reader = Reader::plain();
        let input = reader.read(args.at(at + 2)).map_err(not_json)?;
        if !path.is_root() {
            let spot = spot.ok_or(Error::from(NOT_ROOT))?;
            let plan = plan(document(&ctx.keys, spot), &path, Condition::None)?;
            if let Plan::Replace(places) | Plan::Add(places, _) = &plan {
                Json::fits(places, input.depth).map_err(too_deep)?;
            }
        }
        paths.push(path);
    }
    for (path, at) in paths.iter().zip((1..).step_by(3)) {
        let (key, value) = (args.at(at), args.at(at + 2));
        let spot = find(&mut ctx.keys, key)?;
        let json = spot.map(|spot| document(&ctx.keys, spot));
        let mut reader = Reader::new(json.filter(|_| !path.is_root()));
        let input = reader.read(value).map_err(not_json)?;
        let is_done = match (json, spot) {
            (Some(json), Some(spot)) if !path.is_root() => {
                // An earlier triplet may have changed what was there.
                match plan(json, path, Condition::None) {
                    Ok(plan) => {
                        carry_out(&mut ctx.keys, spot, reader, plan, input).unwrap_or(false)
                    }
                    Err(_) => false,
                }
            }
            _ => {
                set_root(&mut ctx.keys, key, spot, reader.into_json(input));
                true
            }
        };
        if is_done {
            ctx.keys.changed(key, Event::JSON_MSET, 1);
        }
    }
    ctx.reply.ok();
    Ok(())
}

/// JSON.MERGE key path value
pub(super) fn merge(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(3));
    let path = path_of(args.at(2))?;
    let spot = find(&mut ctx.keys, key)?;
    let json = spot.map(|spot| document(&ctx.keys, spot));
    let mut reader = Reader::new(json);
    let input = reader.read(value).map_err(not_json)?;
    let (Some(json), Some(spot)) = (json, spot) else {
        if !path.is_root() {
            return Err(Error::from(NOT_ROOT));
        }
        set_root(&mut ctx.keys, key, None, reader.into_json(input));
        ctx.keys.changed(key, Event::JSON_MERGE, 1);
        ctx.reply.ok();
        return Ok(());
    };
    let is_done = match plan(json, &path, Condition::None)? {
        Plan::Replace(places) => {
            Json::fits(&places, input.depth).map_err(too_deep)?;
            let json = document_mut(&mut ctx.keys, spot);
            json.adopt_names(&reader);
            let (patch, names) = reader.look(&input);
            let mut garbage = Garbage::default();
            for mut place in places {
                let merged = json.merge(&mut place, patch, names, &mut garbage);
                merged.map_err(too_deep)?;
            }
            throw_away(&mut ctx.keys, garbage);
            true
        }
        plan => carry_out(&mut ctx.keys, spot, reader, plan, input)?,
    };
    if is_done {
        ctx.keys.changed(key, Event::JSON_MERGE, 1);
        ctx.reply.ok();
    } else {
        ctx.reply.null();
    }
    Ok(())
}

/// JSON.DEL key [path], JSON.FORGET key [path]
pub(super) fn del(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let path = path_at(args, 2)?;
    let Some(spot) = find(&mut ctx.keys, key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if path.is_root() {
        ctx.keys.remove_at(spot, true);
        ctx.keys.changed(key, Event::JSON_DEL, 1);
        ctx.reply.integer(1);
        return Ok(());
    }
    let found = places(document(&ctx.keys, spot), &path).map_err(too_much)?;
    // A filter can lead to the document itself, which goes by its own path only.
    let within = found.into_iter().map(|found| found.place);
    let doomed = topmost(within.filter(|place| !place.is_empty()));
    if !doomed.is_empty() {
        let json = document_mut(&mut ctx.keys, spot);
        let mut garbage = Garbage::default();
        // From the end, so that the numbers of those before stay right.
        for place in doomed.iter().rev() {
            if let Some((last, parent)) = place.split_last() {
                let at = *last as usize;
                garbage.join(json.remove(parent, at..at + 1));
            }
        }
        throw_away(&mut ctx.keys, garbage);
        ctx.keys.changed(key, Event::JSON_DEL, doomed.len());
    }
    ctx.reply.count(doomed.len());
    Ok(())
}

/// JSON.CLEAR key [path]
pub(super) fn clear(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let mut path = path_at(args, 2)?;
    // The older form is no different here.
    path.is_legacy = false;
    let spot = found(&mut ctx.keys, key)?;
    let can_be_cleared = |view: View<'_>| match view.atom() {
        Atom::Array | Atom::Object => !view.is_empty(),
        Atom::Number(number) => !number.is_zero(),
        _ => false,
    };
    let targets = targets(document(&ctx.keys, spot), &path, can_be_cleared, "")?;
    let cleared = topmost(targets.into_iter().flatten());
    if !cleared.is_empty() {
        let json = document_mut(&mut ctx.keys, spot);
        let mut garbage = Garbage::default();
        for place in &cleared {
            let is_number = matches!(json.at(place).map(View::atom), Some(Atom::Number(_)));
            garbage.join(if is_number {
                json.replace_scalar(place, Atom::Number(Number::Int(0)))
            } else {
                json.empty(place)
            });
        }
        throw_away(&mut ctx.keys, garbage);
    }
    let answers: Vec<Option<()>> = cleared.iter().map(|_| Some(())).collect();
    changed(ctx, key, Event::JSON_CLEAR, &answers);
    ctx.reply.count(cleared.len());
    Ok(())
}
