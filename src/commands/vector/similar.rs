//! VSIM: the elements most similar to a vector, or to another element.

use std::cmp::Ordering;

use crate::base::double;
use crate::base::text::up_to_nul;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::spec::vector as spec;
use crate::types::vector::filter::{Filter, Nonsense};
use crate::types::vector::{Found, Nearest, Query, Search, Task, VectorSet};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::is;
use super::arguments::{self, VectorError, Words};
use super::count;

/// How many elements are returned, unless told otherwise.
const COUNT: i64 = 10;

/// How many elements a search holds on to, unless told otherwise: more find better ones.
const BREADTH: i64 = 100;

/// How many nodes a search with a filter may leave for each element that is wanted.
const EFFORT: i64 = 100;

struct Options {
    with_scores: bool,
    with_attributes: bool,
    is_exhaustive: bool,
    /// No thread shall do it, however long it takes.
    stays_here: bool,
    count: i64,
    breadth: Option<i64>,
    effort: Option<i64>,
    /// Elements that are farther away are left out.
    distance_max: f32,
    filter: Option<Filter>,
}

impl Options {
    fn parse(mut words: Words<'_>) -> Result<Self, Error> {
        let mut options = Self {
            with_scores: false,
            with_attributes: false,
            is_exhaustive: false,
            stays_here: false,
            count: COUNT,
            breadth: None,
            effort: None,
            distance_max: 2.0,
            filter: None,
        };
        while let Some(word) = words.next() {
            if is(word, "WITHSCORES") {
                options.with_scores = true;
            } else if is(word, "WITHATTRIBS") {
                options.with_attributes = true;
            } else if is(word, "TRUTH") {
                options.is_exhaustive = true;
            } else if is(word, "NOTHREAD") {
                options.stays_here = true;
            } else if words.has_more() {
                options.parse_valued(word, &mut words)?;
            } else {
                return Err("ERR syntax error in VSIM command".into());
            }
        }
        Ok(options)
    }

    /// An option that has a value.
    fn parse_valued(&mut self, word: &[u8], words: &mut Words<'_>) -> Result<(), Error> {
        if is(word, "COUNT") {
            self.count = words.number(1, i64::MAX, "ERR invalid COUNT")?;
        } else if is(word, "EPSILON") {
            let epsilon = words.next().and_then(double::parse_f64);
            let epsilon = epsilon.filter(|&epsilon| epsilon > 0.0);
            self.distance_max = epsilon.ok_or("ERR invalid EPSILON")? as f32;
        } else if is(word, "EF") {
            self.breadth = Some(words.number(1, i64::MAX, "ERR invalid EF")?);
        } else if is(word, "FILTER-EF") {
            self.effort = Some(words.number(1, i64::MAX, "ERR invalid FILTER-EF")?);
        } else if is(word, "FILTER") {
            let text = words.next().expect("the caller looked");
            self.filter = Some(Filter::new(text).map_err(|at| nonsense(text, &at))?);
        } else {
            return Err("ERR syntax error in VSIM command".into());
        }
        Ok(())
    }
}

fn nonsense(text: &[u8], at: &Nonsense) -> Error {
    let at = if at.0 < text.len() { at.0 } else { 0 };
    let mut told = b"ERR syntax error in FILTER expression near: ".to_vec();
    told.extend_from_slice(up_to_nul(&text[at..]));
    told.into()
}

/// A search that may have to look at so many bytes of vectors goes to a thread: one or two milliseconds' worth.
const INLINE_BYTES_MAX: usize = 8 << 20;

/// VSIM key <ELE element | FP32 vector | VALUES num vector> [WITHSCORES] [WITHATTRIBS] [COUNT num] [EPSILON delta]
/// [EF effort] [FILTER expression] [FILTER-EF effort] [TRUTH] [NOTHREAD]
pub(super) fn vsim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VSIM, args, 4, usize::MAX)?;
    if let Some(Found::Near(found)) = ctx.take_found() {
        // The vector was understood when the command came, and is passed over.
        let mut words = Words::new(args, 2);
        words.skip_vector();
        show(&mut ctx.reply, &Options::parse(words)?, &found);
        return Ok(());
    }
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let Some(set) = set else {
        ctx.reply.array(0);
        return Ok(());
    };
    let mut words = Words::new(args, 2);
    let vector = wanted(set, &mut words)?;
    let mut options = Options::parse(words)?;
    let breadth = options.breadth.unwrap_or(BREADTH).max(options.count);
    let effort = options.count.saturating_mul(EFFORT);
    let search = Search {
        set: set.clone(),
        task: Task::Near(Query {
            vector,
            breadth: breadth as usize,
            filter: options.filter.take(),
            effort: options.effort.unwrap_or(effort) as usize,
            is_exhaustive: options.is_exhaustive,
        }),
    };
    let is_long = search.effort_bytes() > INLINE_BYTES_MAX;
    if is_long && !options.stays_here && ctx.may_wait() {
        ctx.begin_search(args, search);
    } else if let Found::Near(found) = search.run() {
        show(&mut ctx.reply, &options, &found);
    }
    Ok(())
}

/// What the request wants others to be similar to.
fn wanted(set: &VectorSet, words: &mut Words<'_>) -> Result<Vec<f32>, Error> {
    let mut ahead = *words;
    if ahead.next().is_some_and(|word| is(word, "ELE")) {
        *words = ahead;
        let element = words.next().ok_or(VectorError.told())?;
        let id = set.find(element).ok_or("ERR element not found in set")?;
        return Ok(set.vector(id));
    }
    let vector = words.vector().map_err(VectorError::told)?;
    let design = set.design();
    let dimension = design.form.dimension;
    match design.projects_from {
        _ if vector.len() == dimension => Ok(vector),
        None => Err(arguments::other_dimension(vector.len(), dimension)),
        Some(from) if from != vector.len() => Err(arguments::other_input(vector.len(), from)),
        Some(_) => Ok(set.project(&vector).expect("it projects")),
    }
}

fn show(reply: &mut Reply<'_>, options: &Options, found: &Nearest) {
    let set = &found.set;
    let near = (found.near.iter())
        .take(options.count as usize)
        .take_while(|(_, distance)| {
            // What is no number is not farther than anything.
            (distance / 2.0).partial_cmp(&options.distance_max) != Some(Ordering::Greater)
        });
    let (scores, attributes) = (options.with_scores, options.with_attributes);
    let len = near.clone().count();
    let is_map = reply.is_resp3() && (scores || attributes);
    if is_map {
        reply.map(len);
    } else {
        reply.array(len * (1 + usize::from(scores) + usize::from(attributes)));
    }
    for &(id, distance) in near {
        reply.bulk(set.name(id));
        if is_map && scores && attributes {
            reply.array(2);
        }
        if scores {
            reply.double(1.0 - f64::from(distance) / 2.0);
        }
        if attributes {
            match set.attributes(id) {
                Some(json) => reply.bulk(json),
                None => reply.null(),
            }
        }
    }
}
