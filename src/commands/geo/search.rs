//! Searching for places: GEOSEARCH, GEORADIUS and their kin.
//!
//! Six commands are one. They differ in where the centre and the shape are said, and in whether the result may be
//! stored; a [`Form`] holds the difference. As in Redis the key is looked up before the options are read, because the
//! centre may be one of its members: a key of the wrong type is reported before a wrong option is.
//!
//! Members are read cell by cell (see `types::geo`), and without an order they are replied in that order. A count
//! asks for the nearest, so it brings an order with it, unless ANY says that the first ones found will do.

use std::ops::ControlFlow;

use crate::base::double;
use crate::base::partial::sort_range;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::types::geo::{Found, Position, Search, Shape, Unit};
use crate::types::zset::{AddRule, ScoreRange, Zset};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::limits;
use super::super::options::{integer, is};
use super::super::zset::range;
use super::{parse_position, parse_unit, show_distance, show_position};

/// The form of a command in front of its options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// GEORADIUS key longitude latitude radius unit
    Around { may_store: bool },
    /// GEORADIUSBYMEMBER key member radius unit
    AroundMember { may_store: bool },
    /// GEOSEARCH key
    Search,
    /// GEOSEARCHSTORE destination source
    SearchStore,
}

impl Form {
    fn key_at(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    fn options_at(self) -> usize {
        match self {
            Self::Around { .. } => 6,
            Self::AroundMember { .. } => 5,
            Self::Search => 2,
            Self::SearchStore => 3,
        }
    }

    /// Centre and shape are options.
    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    /// Whether STORE and STOREDIST are options with a key behind them.
    fn may_store(self) -> bool {
        match self {
            Self::Around { may_store } | Self::AroundMember { may_store } => may_store,
            Self::Search | Self::SearchStore => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    NearestFirst,
    FarthestFirst,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CentreSaid {
    Nowhere,
    Member,
    Coordinates,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ShapeSaid {
    Nowhere,
    Radius,
    Box,
}

/// The request.
struct Request<'a> {
    search: Search,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    order: Option<Order>,
    /// 0 is all.
    count: usize,
    /// Any members will do, not only the nearest.
    any: bool,
    store: Option<&'a [u8]>,
    /// The stored score is the distance and not the position.
    stores_distance: bool,
}

impl<'a> Request<'a> {
    /// Reads the request. Members are looked up in `zset`; where there is none they need not exist, as nothing will be
    /// found anyway.
    fn parse(args: Args<'a>, form: Form, zset: Option<&Zset>) -> Result<Self, Error> {
        let mut request = Self {
            search: Search {
                centre: Position::from_score(0.0),
                shape: Shape::Circle { radius: 0.0 },
                unit: Unit::Metres,
            },
            with_distance: false,
            with_hash: false,
            with_position: false,
            order: None,
            count: 0,
            any: false,
            store: (form == Form::SearchStore).then(|| args.at(1)),
            stores_distance: false,
        };
        match form {
            Form::Around { .. } => {
                request.search.centre = parse_position(args.at(2), args.at(3))?;
                request.parse_radius(args.tail(4))?;
            }
            // Without a key not even the radius is looked at.
            Form::AroundMember { .. } if zset.is_some() => {
                request.search.centre = place_of(zset, args.at(2))?;
                request.parse_radius(args.tail(3))?;
            }
            Form::AroundMember { .. } | Form::Search | Form::SearchStore => {}
        }
        request.parse_options(args.name(), args.tail(form.options_at()), form, zset)?;
        Ok(request)
    }

    fn parse_options(
        &mut self,
        name: &[u8],
        words: Args<'a>,
        form: Form,
        zset: Option<&Zset>,
    ) -> Result<(), Error> {
        let mut centre = CentreSaid::Nowhere;
        let mut shape = ShapeSaid::Nowhere;
        let mut at = 0;
        while at < words.len() {
            let (word, left) = (words.at(at), words.len() - at - 1);
            let values = words.tail(at + 1);
            at += 1;
            if is(word, "WITHDIST") {
                self.with_distance = true;
            } else if is(word, "WITHHASH") {
                self.with_hash = true;
            } else if is(word, "WITHCOORD") {
                self.with_position = true;
            } else if is(word, "ANY") {
                self.any = true;
            } else if is(word, "ASC") {
                self.order = Some(Order::NearestFirst);
            } else if is(word, "DESC") {
                self.order = Some(Order::FarthestFirst);
            } else if is(word, "COUNT") && left >= 1 {
                let count = integer(values.at(0))?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = count.ok_or("ERR COUNT must be > 0")?;
                at += 1;
            } else if form.may_store() && left >= 1 && (is(word, "STORE") || is(word, "STOREDIST"))
            {
                self.store = Some(values.at(0));
                self.stores_distance = is(word, "STOREDIST");
                at += 1;
            } else if !form.is_search() {
                return Err(Error::Syntax);
            } else if is(word, "FROMMEMBER") && left >= 1 && centre != CentreSaid::Coordinates {
                if zset.is_some() {
                    self.search.centre = place_of(zset, values.at(0))?;
                }
                centre = CentreSaid::Member;
                at += 1;
            } else if is(word, "FROMLONLAT") && left >= 2 && centre != CentreSaid::Member {
                self.search.centre = parse_position(values.at(0), values.at(1))?;
                centre = CentreSaid::Coordinates;
                at += 2;
            } else if is(word, "BYRADIUS") && left >= 2 && shape != ShapeSaid::Box {
                self.parse_radius(values)?;
                shape = ShapeSaid::Radius;
                at += 2;
            } else if is(word, "BYBOX") && left >= 3 && shape != ShapeSaid::Radius {
                self.parse_box(values)?;
                shape = ShapeSaid::Box;
                at += 3;
            } else if is(word, "STOREDIST") && form == Form::SearchStore {
                self.stores_distance = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        self.check(form)?;
        if form.is_search() && centre == CentreSaid::Nowhere {
            return Err(missing("exactly one of FROMMEMBER or FROMLONLAT", name));
        }
        if form.is_search() && shape == ShapeSaid::Nowhere {
            return Err(missing("exactly one of BYRADIUS and BYBOX", name));
        }
        if self.any && self.count == 0 {
            return Err("ERR the ANY argument requires COUNT argument".into());
        }
        // Of some members, the nearest: without an order a count would say nothing.
        if self.count > 0 && !self.any && self.order.is_none() {
            self.order = Some(Order::NearestFirst);
        }
        Ok(())
    }

    /// A stored result has no room for the figures that are replied beside the members.
    fn check(&self, form: Form) -> Result<(), Error> {
        if self.store.is_none() || !(self.with_distance || self.with_hash || self.with_position) {
            return Ok(());
        }
        Err(match form {
            Form::SearchStore => "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            _ => "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        }
        .into())
    }

    /// Reads `radius unit`.
    fn parse_radius(&mut self, words: Args<'_>) -> Result<(), Error> {
        let radius = extent(words.at(0), "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err("ERR radius cannot be negative".into());
        }
        self.search.shape = Shape::Circle { radius };
        self.search.unit = parse_unit(words.at(1))?;
        Ok(())
    }

    /// Reads `width height unit`.
    fn parse_box(&mut self, words: Args<'_>) -> Result<(), Error> {
        let width = extent(words.at(0), "ERR need numeric width")?;
        let height = extent(words.at(1), "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err("ERR height or width cannot be negative".into());
        }
        self.search.shape = Shape::Rectangle { width, height };
        self.search.unit = parse_unit(words.at(2))?;
        Ok(())
    }
}

fn extent(text: &[u8], refusal: &'static str) -> Result<f64, Error> {
    double::parse_f64(text).ok_or_else(|| refusal.into())
}

/// The command is named as the client wrote it.
fn missing(what: &str, name: &[u8]) -> Error {
    let mut text = format!("ERR {what} can be specified for ").into_bytes();
    text.extend_from_slice(name);
    text.into()
}

fn place_of(zset: Option<&Zset>, member: &[u8]) -> Result<Position, Error> {
    let score = zset.and_then(|zset| zset.score(member));
    score
        .map(Position::from_score)
        .ok_or_else(|| "ERR could not decode requested zset member".into())
}

/// GEORADIUS key longitude latitude radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC] [STORE key | STOREDIST key]
pub(crate) fn georadius(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::Around { may_store: true })
}

/// GEORADIUS_RO key longitude latitude radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC]
pub(crate) fn georadius_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::Around { may_store: false })
}

/// GEORADIUSBYMEMBER key member radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC] [STORE key | STOREDIST key]
pub(crate) fn georadiusbymember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::AroundMember { may_store: true })
}

/// GEORADIUSBYMEMBER_RO key member radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC]
pub(crate) fn georadiusbymember_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::AroundMember { may_store: false })
}

/// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius M | KM | FT | MI |
/// BYBOX width height M | KM | FT | MI [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
pub(crate) fn geosearch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::Search)
}

/// GEOSEARCHSTORE destination source FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius
/// M | KM | FT | MI | BYBOX width height M | KM | FT | MI [ASC | DESC] [COUNT count [ANY]] [STOREDIST]
pub(crate) fn geosearchstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    run(ctx, args, Form::SearchStore)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, form: Form) -> Outcome {
    let zset = ctx.keys.read_as::<Zset>(args.at(form.key_at()))?;
    let request = Request::parse(args, form, zset.as_deref())?;
    let hits = zset.map_or_else(Vec::new, |zset| wanted(&zset, &request));
    match request.store {
        Some(destination) => store(ctx, destination, &hits, &request, form),
        None => reply(&mut ctx.reply, &hits, &request),
    }
    Ok(())
}

/// A member inside the shape.
struct Hit {
    member: Vec<u8>,
    score: f64,
    found: Found,
}

/// The members that are asked for, in the order in which they are replied.
fn wanted(zset: &Zset, request: &Request<'_>) -> Vec<Hit> {
    let most = if request.any { request.count } else { 0 };
    let mut hits = inside(zset, &request.search, most);
    let Some(order) = request.order else {
        // ANY has found no more than the count.
        return hits;
    };
    let compare = |one: &Hit, other: &Hit| {
        let (one, other) = (one.found.distance, other.found.distance);
        match order {
            Order::NearestFirst => one.total_cmp(&other),
            Order::FarthestFirst => other.total_cmp(&one),
        }
    };
    if request.count > 0 && request.count < hits.len() {
        sort_range(&mut hits, 0..request.count, &compare);
        hits.truncate(request.count);
    } else {
        hits.sort_by(compare);
    }
    hits
}

/// The members inside the shape, the first `most` of them (0: all), cell by cell.
fn inside(zset: &Zset, search: &Search, most: usize) -> Vec<Hit> {
    let mut hits = Vec::new();
    for cell in search.ranges() {
        let ranks = zset.ranks_by_score(&ScoreRange {
            min: cell.min as f64,
            max: cell.max as f64,
            min_excluded: false,
            max_excluded: true,
        });
        let outcome = zset.visit(ranks, |member, score| {
            if let Some(found) = search.contains(score) {
                hits.push(Hit {
                    member: member.to_vec(),
                    score,
                    found,
                });
            }
            if most > 0 && hits.len() == most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if outcome.is_break() {
            break;
        }
    }
    hits
}

fn reply(reply: &mut Reply<'_>, hits: &[Hit], request: &Request<'_>) {
    let extras = [
        request.with_distance,
        request.with_hash,
        request.with_position,
    ];
    let extras = extras.into_iter().filter(|is_wanted| *is_wanted).count();
    reply.array(hits.len());
    for hit in hits {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.bulk(&hit.member);
        if request.with_distance {
            show_distance(reply, hit.found.distance);
        }
        if request.with_hash {
            reply.integer(hit.score as i64);
        }
        if request.with_position {
            show_position(reply, hit.found.position);
        }
    }
}

fn store(ctx: &mut Ctx<'_>, destination: &[u8], hits: &[Hit], request: &Request<'_>, form: Form) {
    let limits = limits::zset(ctx);
    let longest = hits.iter().map(|hit| hit.member.len()).max().unwrap_or(0);
    let mut result = Zset::for_adding(hits.len(), longest, &limits);
    for hit in hits {
        let score = if request.stores_distance {
            hit.found.distance
        } else {
            hit.score
        };
        result.add(&hit.member, score, AddRule::default(), &limits);
    }
    let event = if form == Form::SearchStore {
        Event::GEOSEARCHSTORE
    } else {
        Event::GEORADIUSSTORE
    };
    range::store(ctx, destination, Some(result), event, hits.len());
}
