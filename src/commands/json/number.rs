//! Numbers and booleans in documents.
//!
//! All results are worked out before one is written, so that an error changes nothing. RESP3 has one form of answer for
//! both kinds of paths, RESP2 tells the results as JSON.

use smallvec::{SmallVec, smallvec};

use crate::base::num;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::types::json::path::{Path, places};
use crate::types::json::{Arithmetic, Atom, Number, NumberError, Place, Reader, View, push_number};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::{
    answer, changed, document_mut, found, missing_or, not_json, path_of, targets, too_much,
};

/// JSON.NUMINCRBY key path value
pub(super) fn numincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    calculate(ctx, args, Arithmetic::Add, Event::JSON_NUMINCRBY)
}

/// JSON.NUMMULTBY key path value
pub(super) fn nummultby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    calculate(ctx, args, Arithmetic::Multiply, Event::JSON_NUMMULTBY)
}

/// JSON.NUMPOWBY key path value
pub(super) fn numpowby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    calculate(ctx, args, Arithmetic::Power, Event::JSON_NUMPOWBY)
}

type Answers = SmallVec<[Option<Number>; 1]>;

fn calculate(ctx: &mut Ctx<'_>, args: Args<'_>, arithmetic: Arithmetic, event: Event) -> Outcome {
    let (key, operand) = (args.at(1), args.at(3));
    let mut path = path_of(args.at(2))?;
    let spot = found(&mut ctx.keys, key)?;
    // RESP3 has one form for both kinds of paths.
    path.is_legacy &= !ctx.reply.is_resp3();
    let answers = calculate_at(&mut ctx.keys, spot, &path, operand, arithmetic)?;
    changed(ctx, key, event, &answers);
    if ctx.reply.is_resp3() {
        answer(&mut ctx.reply, &path, &answers, show_number);
        return Ok(());
    }
    let mut text = ctx.services.scratch.lend();
    if path.is_legacy {
        if let Some(last) = answers.iter().flatten().next_back() {
            push_number(&mut text, *last);
        }
    } else {
        text.push(b'[');
        for (at, answer) in answers.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            match answer {
                Some(number) => push_number(&mut text, *number),
                None => text.extend_from_slice(b"null"),
            }
        }
        text.push(b']');
    }
    ctx.reply.bulk(&text);
    ctx.services.scratch.take_back(text);
    Ok(())
}

/// The results, which are in the document then; `None` for what is no number.
fn calculate_at(
    keys: &mut Keys<'_>,
    spot: Spot,
    path: &Path<'_>,
    operand: &[u8],
    arithmetic: Arithmetic,
) -> Result<Answers, Error> {
    let json = document_mut(keys, spot);
    if let Some(way) = json.way(path)
        && let Atom::Number(number) = json.scalar_at(&way)
    {
        let result = arithmetic.of(number, operand_of(operand)?);
        let result = result.map_err(refusal)?;
        json.put_scalar(&way, Atom::Number(result));
        return Ok(smallvec![Some(result)]);
    }
    let found = places(json, path).map_err(too_much)?;
    let mut answers = Answers::new();
    let mut parsed = None;
    for target in &found {
        let Atom::Number(number) = target.view.atom() else {
            answers.push(None);
            continue;
        };
        let operand = match parsed {
            Some(operand) => operand,
            None => *parsed.insert(operand_of(operand)?),
        };
        answers.push(Some(arithmetic.of(number, operand).map_err(refusal)?));
    }
    if path.is_legacy && parsed.is_none() {
        return Err(missing_or(&path.text(), "does not contains a number"));
    }
    let places: SmallVec<[Place; 1]> = found.into_iter().map(|target| target.place).collect();
    for (place, answer) in places.iter().zip(&answers) {
        if let Some(number) = *answer {
            json.replace_scalar(place, Atom::Number(number));
        }
    }
    Ok(answers)
}

fn operand_of(text: &[u8]) -> Result<Number, Error> {
    if let Some(number) = num::parse_i64(text) {
        return Ok(Number::Int(number));
    }
    let mut reader = Reader::plain();
    let input = reader.read(text).map_err(not_json)?;
    match input.part.view().atom() {
        Atom::Number(number) => Ok(number),
        _ => Err(Error::from("bad input number")),
    }
}

fn refusal(error: NumberError) -> Error {
    Error::from(match error {
        NumberError::Overflow => "ERR numeric overflow",
        NumberError::NotANumber => "ERR result is not a number",
    })
}

pub(super) fn show_number(reply: &mut Reply<'_>, number: &Number) {
    match number {
        Number::Int(number) => reply.integer(*number),
        other => reply.double(other.as_f64()),
    }
}

/// JSON.TOGGLE key path
pub(super) fn toggle(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let path = path_of(args.at(2))?;
    let spot = found(&mut ctx.keys, key)?;
    let json = document_mut(&mut ctx.keys, spot);
    let is_bool = |view: View<'_>| matches!(view.atom(), Atom::Bool(_));
    let targets = targets(json, &path, is_bool, "not a bool")?;
    let mut answers: SmallVec<[Option<bool>; 1]> = SmallVec::new();
    for place in &targets {
        let old = place.as_ref().and_then(|place| json.at(place));
        let Some((Atom::Bool(old), place)) = old.map(View::atom).zip(place.as_ref()) else {
            answers.push(None);
            continue;
        };
        json.replace_scalar(place, Atom::Bool(!old));
        answers.push(Some(!old));
    }
    changed(ctx, key, Event::JSON_TOGGLE, &answers);
    let is_legacy = path.is_legacy;
    answer(&mut ctx.reply, &path, &answers, |reply, is_true| {
        if is_legacy {
            reply.bulk(if *is_true { b"true" } else { b"false" });
        } else {
            reply.integer(i64::from(*is_true));
        }
    });
    Ok(())
}
