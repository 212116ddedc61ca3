//! Arrays of documents.
//!
//! A path may lead to an array and to another within it. Such arrays are changed from the inside out, so that a place
//! that was found stays right: what is changed lies in front of nothing that is still to come.

use std::ops::Range;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys};
use crate::spec::error::Error;
use crate::types::json::{Garbage, Input, Json, Layout, Reader, View, are_equal};
use crate::wire::args::Args;

use super::get::{Format, format_of, reply_value};
use super::{
    NO_DOCUMENT, all, answer, changed, document, document_mut, first, found, integer, missing,
    missing_or, not_json, path_at, path_of, read, reader_for, show_count, targets, throw_away,
    too_deep, unexpected,
};

const NO_ARRAY: &str = "not an array";

/// Values that are to join arrays of the document under a key, if there is one.
fn inputs(
    keys: &mut Keys<'_>,
    key: &[u8],
    values: Args<'_>,
) -> Result<(Reader, Vec<Input>), Error> {
    let mut reader = reader_for(keys, key);
    let inputs = values
        .iter()
        .map(|value| reader.read(value).map_err(not_json));
    let inputs = inputs.collect::<Result<_, _>>()?;
    Ok((reader, inputs))
}

fn depth_of(inputs: &[Input]) -> usize {
    inputs.iter().map(|input| input.depth).max().unwrap_or(0)
}

fn is_array(view: View<'_>) -> bool {
    view.is_array()
}

/// JSON.ARRAPPEND key path value [value ...]
pub(super) fn arrappend(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_of(args.at(2))?;
    let values = args.tail(3);
    insert(ctx, args, &path, values, Event::JSON_ARRAPPEND, Some)
}

/// JSON.ARRINSERT key path index value [value ...]
pub(super) fn arrinsert(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_of(args.at(2))?;
    let index = integer(args.at(3))?;
    let values = args.tail(4);
    insert(ctx, args, &path, values, Event::JSON_ARRINSERT, |len| {
        let at = if index < 0 {
            len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(index).ok()?
        };
        (at <= len).then_some(at)
    })
}

/// Puts values into arrays, where `at` says for one of some length.
fn insert(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    path: &crate::types::json::path::Path<'_>,
    values: Args<'_>,
    event: Event,
    at: impl Fn(usize) -> Option<usize>,
) -> Outcome {
    let key = args.at(1);
    let (reader, inputs) = inputs(&mut ctx.keys, key, values)?;
    let spot = found(&mut ctx.keys, key)?;
    let json = document(&ctx.keys, spot);
    let targets = targets(json, path, is_array, NO_ARRAY)?;
    let mut answers = Vec::with_capacity(targets.len());
    let mut indexes = Vec::with_capacity(targets.len());
    for place in &targets {
        let len = place
            .as_ref()
            .and_then(|place| json.at(place))
            .map(View::len);
        let index = len.map(|len| at(len).ok_or(Error::from("ERR index out of bounds")));
        indexes.push(index.transpose()?);
        answers.push(len.map(|len| len + inputs.len()));
    }
    let places: Vec<_> = targets.iter().flatten().cloned().collect();
    Json::fits(&places, depth_of(&inputs)).map_err(too_deep)?;
    let json = document_mut(&mut ctx.keys, spot);
    if !places.is_empty() {
        json.adopt(reader);
    }
    // From the end: an array may be within another, and its number changes.
    for (place, index) in targets.iter().zip(&indexes).rev() {
        if let (Some(place), Some(index)) = (place, index) {
            let inserted = json.insert(place, *index, inputs.clone());
            inserted.map_err(too_deep)?;
        }
    }
    changed(ctx, key, event, &answers);
    answer(&mut ctx.reply, path, &answers, show_count);
    Ok(())
}

/// JSON.ARRLEN key [path]
pub(super) fn arrlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let typed = args.get(2).unwrap_or(b".");
    let Some(json) = read(&mut ctx.keys, args.at(1))? else {
        if !path.is_legacy {
            return Err(Error::from(NO_DOCUMENT));
        }
        ctx.reply.null();
        return Ok(());
    };
    if path.is_legacy {
        let view = first(json, &path)?.ok_or_else(|| missing(typed))?;
        if !view.is_array() {
            return Err(missing_or(typed, NO_ARRAY));
        }
        ctx.reply.count(view.len());
        return Ok(());
    }
    let len = |view: View<'_>| view.is_array().then(|| view.len());
    let lens: Vec<_> = all(json, &path)?.into_iter().map(len).collect();
    answer(&mut ctx.reply, &path, &lens, show_count);
    Ok(())
}

/// JSON.ARRINDEX key path value [start [stop]]
pub(super) fn arrindex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_of(args.at(2))?;
    let bound = |at| args.get(at).map_or(Ok(0), integer);
    let (start, stop) = (bound(4)?, bound(5)?);
    if args.len() > 6 {
        return Err(Error::arity("json.arrindex"));
    }
    let json = read(&mut ctx.keys, args.at(1))?;
    let mut reader = Reader::plain();
    let input = reader.read(args.at(3)).map_err(not_json)?;
    let json = json.ok_or_else(|| missing(args.at(2)))?;
    let wanted = reader.look(&input);
    let search = |view: View<'_>| {
        let range = search_range(start, stop, view.len());
        let mut some = view
            .children()
            .enumerate()
            .take(range.end)
            .skip(range.start);
        let found = some.find(|(_, (_, child))| are_equal((*child, json.names()), wanted));
        found.map_or(-1, |(at, _)| at as i64)
    };
    if path.is_legacy {
        let view = first(json, &path)?.ok_or_else(|| missing(&path.text()))?;
        if !view.is_array() {
            return Err(unexpected("array", view));
        }
        let found = search(view);
        ctx.reply.integer(found);
        return Ok(());
    }
    let search = |view: View<'_>| view.is_array().then(|| search(view));
    let found: Vec<_> = all(json, &path)?.into_iter().map(search).collect();
    answer(&mut ctx.reply, &path, &found, |reply, at| {
        reply.integer(*at)
    });
    Ok(())
}

/// A stop of zero means the end.
fn search_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let start = if start < 0 {
        (len + start.max(-len)).max(0)
    } else {
        start.min((len - 1).max(0))
    };
    let stop = match stop {
        0 => len,
        ..0 => (len + stop.max(-len)).max(0),
        _ => stop.min(len),
    };
    start as usize..stop as usize
}

/// JSON.ARRPOP key [FORMAT STRING | EXPAND1 | EXPAND] [path [index]]
pub(super) fn arrpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let (format, rest) = match args.get(2) {
        Some(word) if super::super::options::is(word, "FORMAT") => {
            (format_of(ctx, args.get(3), "json.arrpop")?, args.tail(4))
        }
        _ => (Format::Text, args.tail(2)),
    };
    let path = path_at(rest, 0)?;
    let index = rest.get(1).map_or(Ok(-1), integer)?;
    let spot = found(&mut ctx.keys, key)?;
    let json = document_mut(&mut ctx.keys, spot);
    let targets = targets(json, &path, is_array, NO_ARRAY)?;
    let mut garbage = Garbage::default();
    let mut popped = Vec::with_capacity(targets.len());
    // From the end: an array may be within another, and its number changes.
    for place in targets.iter().rev() {
        let array = place.as_ref().and_then(|place| json.at(place));
        let taken = match (array, place) {
            (Some(array), Some(place)) if !array.is_empty() => {
                let at = nearest(index, array.len());
                array.child(at).map(|child| (json.apart(child), place, at))
            }
            _ => None,
        };
        popped.push(taken.map(|(value, place, at)| {
            garbage.join(json.remove(place, at..at + 1));
            value
        }));
    }
    popped.reverse();
    throw_away(&mut ctx.keys, garbage);
    changed(ctx, key, Event::JSON_ARRPOP, &popped);
    answer(&mut ctx.reply, &path, &popped, |reply, value: &Json| {
        if format == Format::Text {
            let mut text = Vec::new();
            value.print(value.view(), Layout::default(), &mut text);
            reply.bulk(&text);
        } else {
            reply_value(reply, value.view(), value.names(), format);
        }
    });
    Ok(())
}

/// An element's number, counted from the end if it is negative; the first or last if there is none of that number.
fn nearest(index: i64, len: usize) -> usize {
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 {
        len.saturating_sub(distance)
    } else {
        distance.min(len - 1)
    }
}

/// JSON.ARRTRIM key path start stop
pub(super) fn arrtrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let path = path_of(args.at(2))?;
    let (start, stop) = (integer(args.at(3))?, integer(args.at(4))?);
    let spot = found(&mut ctx.keys, key)?;
    let json = document_mut(&mut ctx.keys, spot);
    let targets = targets(json, &path, is_array, NO_ARRAY)?;
    let mut garbage = Garbage::default();
    let mut lens = Vec::with_capacity(targets.len());
    for place in targets.iter().rev() {
        let len = place
            .as_ref()
            .and_then(|place| json.at(place))
            .map(View::len);
        let Some((len, place)) = len.zip(place.as_ref()) else {
            lens.push(None);
            continue;
        };
        let kept = kept_range(start, stop, len);
        lens.push(Some(kept.len()));
        garbage.join(json.remove(place, kept.end..len));
        garbage.join(json.remove(place, 0..kept.start));
    }
    lens.reverse();
    throw_away(&mut ctx.keys, garbage);
    changed(ctx, key, Event::JSON_ARRTRIM, &lens);
    answer(&mut ctx.reply, &path, &lens, show_count);
    Ok(())
}

/// Both ends are kept.
fn kept_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    if len == 0 || start >= len as i64 {
        return 0..0;
    }
    let (start, end) = (nearest(start, len), nearest(stop, len) + 1);
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_array() {
        assert_eq!(search_range(0, 0, 5), 0..5);
        assert_eq!(search_range(-2, 0, 5), 3..5);
        assert_eq!(search_range(-9, -1, 5), 0..4);
        assert_eq!(search_range(9, 9, 5), 4..5);
        assert_eq!(search_range(i64::MIN, i64::MIN, 5), 0..0);
        assert_eq!(search_range(0, 0, 0), 0..0);
        assert_eq!(kept_range(1, 3, 5), 1..4);
        assert_eq!(kept_range(-3, -2, 5), 2..4);
        assert_eq!(kept_range(0, 99, 5), 0..5);
        assert_eq!(kept_range(4, 2, 5), 0..0);
        assert_eq!(kept_range(5, 9, 5), 0..0);
        assert_eq!(nearest(i64::MIN, 5), 0);
        assert_eq!(nearest(i64::MAX, 5), 4);
    }
}
