//! Places: sorted sets whose scores are positions on the map.
//!
//! How a position becomes a score and a search becomes ranges of scores is in `types::geo`. Adding is ZADD with other
//! words in front, so it goes through the sorted sets' own door, is announced as `zadd` and is propagated as ZADD;
//! there is no removing beside ZREM. Searching is next door in `search`.

mod search;

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::spec::geo as spec;
use crate::types::geo::{Position, Unit};
use crate::types::zset::{Present, Zset};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::options::{float, is};
use super::zset::{self, AddOptions};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::GEOADD, geoadd),
    Row::new(&spec::GEODIST, geodist),
    Row::new(&spec::GEOHASH, geohash),
    Row::new(&spec::GEOPOS, geopos),
    Row::new(&spec::GEORADIUS, search::georadius),
    Row::new(&spec::GEORADIUS_RO, search::georadius_ro),
    Row::new(&spec::GEORADIUSBYMEMBER, search::georadiusbymember),
    Row::new(&spec::GEORADIUSBYMEMBER_RO, search::georadiusbymember_ro),
    Row::new(&spec::GEOSEARCH, search::geosearch),
    Row::new(&spec::GEOSEARCHSTORE, search::geosearchstore),
];

/// Reads `longitude latitude`.
fn parse_position(longitude: &[u8], latitude: &[u8]) -> Result<Position, Error> {
    let (longitude, latitude) = (float(longitude)?, float(latitude)?);
    Position::new(longitude, latitude).ok_or_else(|| {
        format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}").into()
    })
}

fn parse_unit(word: &[u8]) -> Result<Unit, Error> {
    let refusal = "ERR unsupported unit provided. please use M, KM, FT, MI";
    Unit::parse(word).ok_or_else(|| refusal.into())
}

/// A distance with four digits after the point; it is a string even in RESP3.
fn show_distance(reply: &mut Reply<'_>, distance: f64) {
    // Rounded as Redis rounds: first made an integer, which now and then is not what printing four digits gives.
    let ten_thousandths = (distance * 10_000.0).round_ties_even() as i64;
    let (whole, fraction) = (ten_thousandths / 10_000, ten_thousandths % 10_000);
    reply.bulk(format!("{whole}.{fraction:04}").as_bytes());
}

fn show_position(reply: &mut Reply<'_>, position: Position) {
    reply.array(2);
    reply.double(position.longitude);
    reply.double(position.latitude);
}

/// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
fn geoadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut options = AddOptions::default();
    let mut triples_at = 2;
    let (mut nx, mut xx) = (false, false);
    while let Some(word) = args.get(triples_at) {
        if is(word, "NX") {
            nx = true;
        } else if is(word, "XX") {
            xx = true;
        } else if is(word, "CH") {
            options.counts_changed = true;
        } else {
            break;
        }
        triples_at += 1;
    }
    let triples = args.tail(triples_at);
    if triples.is_empty() || !triples.len().is_multiple_of(3) || nx && xx {
        return Err(Error::Syntax);
    }
    options.rule.present = match (nx, xx) {
        (true, _) => Present::No,
        (_, true) => Present::Yes,
        _ => Present::Either,
    };
    let mut scored = Vec::with_capacity(triples.len() / 3);
    for at in (0..triples.len()).step_by(3) {
        let position = parse_position(triples.at(at), triples.at(at + 1))?;
        scored.push((triples.at(at + 2), position.to_score()));
    }
    let key = args.at(1);
    let changes = zset::insert(ctx, key, &options, scored.len(), scored.iter().copied())?;
    if changes > 0 && ctx.fx.listening {
        propagate_as_zadd(ctx, args.head(triples_at), &scored);
    }
    Ok(())
}

/// Other servers get the scores, so that all have the same even if they compute differently.
fn propagate_as_zadd(ctx: &mut Ctx<'_>, head: Args<'_>, scored: &[(&[u8], f64)]) {
    let scores: Vec<String> = scored
        .iter()
        .map(|(_, score)| (*score as u64).to_string())
        .collect();
    let mut words: Vec<&[u8]> = vec![b"zadd"];
    words.extend(head.from(1));
    for (score, (member, _)) in scores.iter().zip(scored) {
        words.extend([score.as_bytes(), member]);
    }
    ctx.fx.propagate_as(ctx.keys.db, &words);
}

/// GEODIST key member1 member2 [M | KM | FT | MI]
fn geodist(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let unit = match args.len() {
        4 => Unit::Metres,
        5 => parse_unit(args.at(4))?,
        _ => return Err(Error::Syntax),
    };
    let zset = ctx.keys.read_as::<Zset>(args.at(1))?;
    let scores = zset.and_then(|zset| Some((zset.score(args.at(2))?, zset.score(args.at(3))?)));
    match scores {
        Some((one, other)) => {
            let distance_m = Position::from_score(one).distance_m(Position::from_score(other));
            show_distance(&mut ctx.reply, distance_m / unit.metres());
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// GEOHASH key [member [member ...]]
fn geohash(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let zset = ctx.keys.read_as::<Zset>(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => ctx.reply.bulk(&Position::letters(score)),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// GEOPOS key [member [member ...]]
fn geopos(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let zset = ctx.keys.read_as::<Zset>(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => show_position(&mut ctx.reply, Position::from_score(score)),
            // A missing member is a null array, for a position is an array; GEOHASH has a null string.
            None => ctx.reply.null_array(),
        }
    }
    Ok(())
}
