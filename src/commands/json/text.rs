//! Strings in documents.
//!
//! Lengths are those of the bytes, as in STRLEN. What is appended comes as JSON, and so in quotes.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::store::STRING_BYTES_MAX;
use crate::types::json::path::Path;
use crate::types::json::{Atom, Reader, View};
use crate::wire::args::Args;

use super::{
    all, answer, changed, document, document_mut, first, found, missing, not_json, path_at,
    path_of, read, show_count, targets, unexpected,
};

fn text_of(view: View<'_>) -> Option<&[u8]> {
    match view.atom() {
        Atom::Text(text) => Some(text),
        _ => None,
    }
}

/// JSON.STRLEN key [path]
pub(super) fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let json = read(&mut ctx.keys, args.at(1))?;
    if path.is_legacy {
        let Some(json) = json else {
            ctx.reply.null();
            return Ok(());
        };
        let view = first(json, &path)?.ok_or_else(|| missing(&path.text()))?;
        let text = text_of(view).ok_or_else(|| unexpected("string", view))?;
        ctx.reply.count(text.len());
        return Ok(());
    }
    let json = json.ok_or(Error::from(super::NO_DOCUMENT))?;
    let lens: Vec<_> = all(json, &path)?
        .into_iter()
        .map(|view| text_of(view).map(<[u8]>::len))
        .collect();
    answer(&mut ctx.reply, &path, &lens, show_count);
    Ok(())
}

/// JSON.STRAPPEND key [path] value
pub(super) fn strappend(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let (path, value) = match args.get(3) {
        Some(value) => (path_of(args.at(2))?, value),
        None => (Path::root(), args.at(2)),
    };
    let spot = found(&mut ctx.keys, key)?;
    let is_text = |view: View<'_>| text_of(view).is_some();
    let targets = targets(document(&ctx.keys, spot), &path, is_text, "not a string")?;
    if targets.iter().flatten().next().is_none() {
        answer::<usize>(
            &mut ctx.reply,
            &path,
            &vec![None; targets.len()],
            show_count,
        );
        return Ok(());
    }
    let input = Reader::plain().read(value).map_err(not_json)?;
    let Some(tail) = text_of(input.part.view()) else {
        return Err(Error::quoting(
            "WRONGTYPE wrong type of path value - expected string but found ",
            value,
            "",
        ));
    };
    let json = document(&ctx.keys, spot);
    let mut texts = Vec::with_capacity(targets.len());
    for place in &targets {
        let old = place.as_ref().and_then(|place| json.at(place));
        let new = old.and_then(text_of).map(|old| [old, tail].concat());
        if new.as_ref().is_some_and(|new| new.len() > STRING_BYTES_MAX) {
            return Err(Error::StringTooLong);
        }
        texts.push(new);
    }
    let json = document_mut(&mut ctx.keys, spot);
    for (place, text) in targets.iter().zip(&texts) {
        if let (Some(place), Some(text)) = (place, text) {
            json.replace_scalar(place, Atom::Text(text));
        }
    }
    changed(ctx, key, Event::JSON_STRAPPEND, &texts);
    answer(&mut ctx.reply, &path, &texts, |reply, text| {
        reply.count(text.len());
    });
    Ok(())
}
