//! Vector sets: elements found by how near their vectors are.
//!
//! What was said about vectors in a request is read in `arguments`, VSIM is in `similar`. Each command counts its own
//! arguments, since the rows say nothing of how many there are.
//!
//! A search that would hold the loop goes to a thread. So does that of an insertion with CAS: the element is added when
//! its candidates have been found, if its set is still there and nobody else has added it.

mod arguments;
mod similar;

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Keys, Spot};
use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::vector as spec;
use crate::types::vector::{
    Design, Form, Found, Neighbours, Newcomer, Quantization, Search, Task, VectorSet,
};
use crate::types::zset::NameRange;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::options::is;
use arguments::{VectorError, Words, whole};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::VADD, vadd),
    Row::new(&spec::VCARD, vcard),
    Row::new(&spec::VDIM, vdim),
    Row::new(&spec::VEMB, vemb),
    Row::new(&spec::VGETATTR, vgetattr),
    Row::new(&spec::VINFO, vinfo),
    Row::new(&spec::VISMEMBER, vismember),
    Row::new(&spec::VLINKS, vlinks),
    Row::new(&spec::VRANDMEMBER, vrandmember),
    Row::new(&spec::VRANGE, vrange),
    Row::new(&spec::VREM, vrem),
    Row::new(&spec::VSETATTR, vsetattr),
    Row::new(&spec::VSIM, similar::vsim),
];

/// Refuses a request with too few or too many words, its name included.
fn count(spec: &Spec, args: Args<'_>, least: usize, most: usize) -> Result<(), Error> {
    if (least..=most).contains(&args.len()) {
        Ok(())
    } else {
        Err(Error::arity(spec.shown_name()))
    }
}

/// A yes or no as modules say it: a number in RESP2.
fn truth(reply: &mut Reply<'_>, is_true: bool) {
    if reply.is_resp3() {
        reply.boolean(is_true);
    } else {
        reply.integer(i64::from(is_true));
    }
}

/// What VADD says behind the element.
struct Options<'a> {
    quantization: Quantization,
    breadth: usize,
    m: usize,
    attributes: Option<&'a [u8]>,
    /// A thread may look for candidates.
    may_be_later: bool,
}

/// With CAS, an insertion that has to look at more bytes of vectors goes to a thread; others take less than the way
/// there and back.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// The candidates for neighbours that an insertion looks at unless told otherwise, and the most that can be asked for.
const BREADTH: i64 = 200;
const BREADTH_MAX: i64 = 1_000_000;

/// The links of an element unless told otherwise, and how many can be asked for.
const M: i64 = 16;
const M_MIN: i64 = 4;
const M_MAX: i64 = 4096;

impl<'a> Options<'a> {
    fn parse(mut words: Words<'a>) -> Result<Self, Error> {
        let mut options = Self {
            quantization: Quantization::Bytes,
            breadth: BREADTH as usize,
            m: M as usize,
            attributes: None,
            may_be_later: false,
        };
        while let Some(word) = words.next() {
            if is(word, "CAS") {
                options.may_be_later = true;
            } else if is(word, "EF") && words.has_more() {
                options.breadth = words.number(1, BREADTH_MAX, "ERR invalid EF")? as usize;
            } else if is(word, "M") && words.has_more() {
                options.m = words.number(M_MIN, M_MAX, "ERR invalid M")? as usize;
            } else if is(word, "SETATTR") && words.has_more() {
                options.attributes = words.next();
            } else if is(word, "NOQUANT") {
                options.quantization = Quantization::None;
            } else if is(word, "BIN") {
                options.quantization = Quantization::Bits;
            } else if is(word, "Q8") {
                options.quantization = Quantization::Bytes;
            } else {
                return Err("ERR invalid option after element".into());
            }
        }
        Ok(options)
    }
}

/// VADD key [REDUCE dim] <FP32 | VALUES num> vector element [CAS] [NOQUANT | Q8 | BIN] [EF effort]
/// [SETATTR attributes] [M numlinks]
fn vadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VADD, args, 5, usize::MAX)?;
    let key = args.at(1);
    let mut words = Words::new(args, 2);
    let reduced = words.reduction()?;
    let vector = words.vector().map_err(VectorError::told)?;
    let Some(element) = words.next() else {
        return Err(Error::arity(spec::VADD.shown_name()));
    };
    let options = Options::parse(words)?;
    if let Some(Found::Neighbours(found)) = ctx.take_found() {
        return vadd_later(ctx, key, element, &options, vector, found);
    }
    let projected = match ctx.keys.read_quietly(key) {
        None => None,
        Some(spot) => {
            let set = ctx.keys.object_at::<VectorSet>(spot)?;
            check_design(set.design(), &options, reduced, vector.len())?;
            let projected = set.project(&vector);
            let is_new = set.find(element).is_none();
            if options.may_be_later && is_new && ctx.may_wait() {
                let vector = projected.clone().unwrap_or_else(|| vector.clone());
                if let Some(search) = search_for(&mut ctx.keys, spot, &options, vector)? {
                    ctx.begin_search(args, search);
                    return Ok(());
                }
            }
            projected
        }
    };
    let seed = ctx.keys.space.seed();
    let design = Design {
        form: Form {
            quantization: options.quantization,
            dimension: reduced.unwrap_or(vector.len()),
        },
        m: options.m,
        projects_from: reduced.map(|_| vector.len()),
    };
    let spot = ctx
        .keys
        .spot_or_create(key, || VectorSet::new(design, seed))?;
    let (set, rng) = ctx.keys.object_at_mut_with_rng::<VectorSet>(spot)?;
    let projected = projected.or_else(|| set.project(&vector));
    let vector = projected.as_deref().unwrap_or(&vector);
    let is_new = set.add(element, vector, options.attributes, options.breadth, rng);
    ctx.keys.touched(key, 1);
    truth(&mut ctx.reply, is_new);
    Ok(())
}

/// What is to be looked for before an element is added, if that takes long.
fn search_for(
    keys: &mut Keys<'_>,
    spot: Spot,
    options: &Options<'_>,
    vector: Vec<f32>,
) -> Result<Option<Search>, Error> {
    let (set, rng) = keys.object_at_with_rng::<VectorSet>(spot)?;
    let newcomer = Newcomer {
        vector,
        level: VectorSet::draw_level(rng),
        breadth: options.breadth,
    };
    let search = Search {
        set: set.clone(),
        task: Task::Neighbours(newcomer),
    };
    Ok(Some(search).filter(|search| search.effort_bytes() > INLINE_BYTES_MAX))
}

/// The rest of a VADD whose candidates were looked for elsewhere. If the set is another now, or somebody else has added
/// the element, that has happened after this one was added, as far as anybody can tell.
fn vadd_later(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    element: &[u8],
    options: &Options<'_>,
    vector: Vec<f32>,
    found: Neighbours,
) -> Outcome {
    let spot = ctx.keys.read_quietly(key);
    let set = spot.and_then(|spot| ctx.keys.object_at::<VectorSet>(spot).ok());
    let is_wanted = set.is_some_and(|set| set.has_asked_for(&found) && set.find(element).is_none());
    if let Some(spot) = ctx.keys.spot_as::<VectorSet>(key).ok().flatten()
        && is_wanted
    {
        let set = ctx.keys.object_at_mut::<VectorSet>(spot)?;
        let vector = set.project(&vector).unwrap_or(vector);
        set.add_among(element, &vector, options.attributes, options.breadth, found);
        ctx.keys.touched(key, 1);
    }
    truth(&mut ctx.reply, true);
    Ok(())
}

/// Whether a vector of `len` components fits a set that is there, in Redis's order of refusals.
fn check_design(
    design: Design,
    options: &Options<'_>,
    reduced: Option<usize>,
    len: usize,
) -> Result<(), Error> {
    let dimension = design.form.dimension;
    if design.form.quantization != options.quantization {
        return Err("ERR asked quantization mismatch with existing vector set".into());
    }
    if design.m != options.m {
        return Err("ERR asked M value mismatch with existing vector set".into());
    }
    let is_other = match design.projects_from {
        None => dimension != len,
        Some(_) => reduced != Some(dimension),
    };
    if is_other {
        return Err(arguments::other_dimension(len, dimension));
    }
    match design.projects_from {
        None if reduced.is_some() => {
            Err("ERR cannot add projection to existing set without projection".into())
        }
        Some(from) if from != len => Err(arguments::other_input(len, from)),
        _ => Ok(()),
    }
}

/// VREM key element
fn vrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VREM, args, 3, 3)?;
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<VectorSet>(key)? else {
        truth(&mut ctx.reply, false);
        return Ok(());
    };
    let is_removed = ctx
        .keys
        .object_at_mut::<VectorSet>(spot)?
        .remove(args.at(2));
    if is_removed {
        ctx.keys.touched(key, 1);
        // Unlike other types, the end of one is not announced: no event comes from a module here.
        if ctx.keys.object_at::<VectorSet>(spot)?.len() == 0 {
            ctx.keys.remove_at(spot, false);
        }
    }
    truth(&mut ctx.reply, is_removed);
    Ok(())
}

/// VCARD key
fn vcard(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VCARD, args, 2, 2)?;
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let len = set.map_or(0, VectorSet::len);
    ctx.reply.count(len);
    Ok(())
}

/// VDIM key
fn vdim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VDIM, args, 2, 2)?;
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let set = set.ok_or("ERR key does not exist")?;
    ctx.reply.count(set.form().dimension);
    Ok(())
}

/// VISMEMBER key element
fn vismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VISMEMBER, args, 3, 3)?;
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let is_member = set.is_some_and(|set| set.find(args.at(2)).is_some());
    truth(&mut ctx.reply, is_member);
    Ok(())
}

/// VEMB key element [RAW]
fn vemb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VEMB, args, 3, usize::MAX)?;
    if args.from(3).any(|word| !is(word, "RAW")) {
        return Err("ERR invalid option".into());
    }
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let reply = &mut ctx.reply;
    let Some((set, id)) = set.and_then(|set| set.find(args.at(2)).map(|id| (set, id))) else {
        reply.null();
        return Ok(());
    };
    if args.len() == 3 {
        let vector = set.vector(id);
        reply.array(vector.len());
        for component in vector {
            reply.double(component.into());
        }
        return Ok(());
    }
    let (bytes, length, range) = set.raw(id);
    let quantization = set.form().quantization;
    let has_range = quantization == Quantization::Bytes;
    reply.array(3 + usize::from(has_range));
    reply.simple(quantization.name());
    reply.bulk(bytes);
    reply.double(length.into());
    if has_range {
        reply.double(range.into());
    }
    Ok(())
}

/// VSETATTR key element attributes
fn vsetattr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VSETATTR, args, 4, 4)?;
    let key = args.at(1);
    let set = ctx.keys.write_object::<VectorSet>(key)?;
    let found = set.and_then(|set| set.find(args.at(2)).map(|id| (set, id)));
    let is_there = found.is_some();
    if let Some((set, id)) = found {
        set.set_attributes(id, args.at(3));
        ctx.keys.touched(key, 1);
    }
    truth(&mut ctx.reply, is_there);
    Ok(())
}

/// VGETATTR key element
fn vgetattr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VGETATTR, args, 3, 3)?;
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let attributes = set.and_then(|set| set.attributes(set.find(args.at(2))?));
    match attributes {
        Some(attributes) => ctx.reply.bulk(attributes),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// VLINKS key element [WITHSCORES]
fn vlinks(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VLINKS, args, 3, 4)?;
    let with_scores = args.len() == 4;
    if with_scores && !is(args.at(3), "WITHSCORES") {
        return Err(Error::arity(spec::VLINKS.shown_name()));
    }
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let reply = &mut ctx.reply;
    let Some((set, id)) = set.and_then(|set| set.find(args.at(2)).map(|id| (set, id))) else {
        reply.null();
        return Ok(());
    };
    let layers = set.neighbours(id);
    reply.array(layers.len());
    for layer in layers {
        if with_scores {
            reply.map(layer.len());
        } else {
            reply.array(layer.len());
        }
        for (neighbour, distance) in layer {
            reply.bulk(set.name(neighbour));
            if with_scores {
                let similarity = (1.0 - f64::from(distance) / 2.0) as f32;
                reply.double(similarity.into());
            }
        }
    }
    Ok(())
}

/// VINFO key
fn vinfo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VINFO, args, 2, 2)?;
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let reply = &mut ctx.reply;
    let Some(set) = set else {
        reply.null_array();
        return Ok(());
    };
    let design = set.design();
    reply.map(9);
    reply.simple("quant-type");
    reply.simple(design.form.quantization.name());
    let facts = [
        ("hnsw-m", design.m as u64),
        ("vector-dim", design.form.dimension as u64),
        (
            "projection-input-dim",
            design.projects_from.unwrap_or(0) as u64,
        ),
        ("size", set.len() as u64),
        ("max-level", set.level() as u64),
        ("attributes-count", set.attributed() as u64),
        ("vset-uid", set.uid()),
        ("hnsw-max-node-uid", set.added()),
    ];
    for (name, number) in facts {
        reply.simple(name);
        reply.integer(number as i64);
    }
    Ok(())
}

/// VRANDMEMBER key [count]
fn vrandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VRANDMEMBER, args, 2, 3)?;
    let wanted = match args.get(2) {
        None => None,
        Some(text) => Some(whole(text).ok_or("ERR COUNT value is not an integer")?),
    };
    if wanted == Some(0) {
        ctx.reply.array(0);
        return Ok(());
    }
    let Some(spot) = ctx.keys.read(args.at(1)) else {
        match wanted {
            None => ctx.reply.null(),
            Some(_) => ctx.reply.array(0),
        }
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let (set, rng) = ctx.keys.object_at_with_rng::<VectorSet>(spot)?;
    let len = set.len();
    match wanted {
        None => reply.bulk(set.name(rng.index(len) as u32)),
        Some(count) if count > 0 => {
            let count = len.min(count as usize);
            reply.array(count);
            set.sample(count, rng, |name| reply.bulk(name));
        }
        Some(count) => {
            let count = count.unsigned_abs() as usize;
            reply.array(count);
            for _ in 0..count {
                if reply.is_cut_off() {
                    break;
                }
                reply.bulk(set.name(rng.index(len) as u32));
            }
        }
    }
    Ok(())
}

/// VRANGE key start end [count]
fn vrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count(&spec::VRANGE, args, 4, 5)?;
    let range = NameRange::parse(args.at(2), args.at(3)).ok_or(Error::RangeNotLex)?;
    let most = match args.get(4).map(whole) {
        None => usize::MAX,
        Some(count) => {
            let count = count.ok_or("ERR COUNT value is not an integer")?;
            // A negative one stands for all.
            usize::try_from(count).unwrap_or(usize::MAX)
        }
    };
    let set = ctx.keys.read_object::<VectorSet>(args.at(1))?;
    let Some(set) = set else {
        ctx.reply.array(0);
        return Ok(());
    };
    let names = set.names(range).take(most);
    let names: Vec<&[u8]> = names.collect();
    ctx.reply.array(names.len());
    for name in names {
        ctx.reply.bulk(name);
    }
    Ok(())
}
