//! JSON documents, as RedisJSON answers for them.
//!
//! A path of the newer form (`$.a`) may lead to many values, and a command answers with an array: an element for each,
//! null for one of a type that the command does not take. One of the older form (`.a`, `a`) means one value, and is an
//! error where there is none of the right type; a command that changes takes all that it leads to, and tells of the
//! last.
//!
//! Texts of errors are RedisJSON's, some without a code in front.

mod array;
mod get;
mod number;
mod set;
mod text;

use smallvec::SmallVec;

use crate::engine::run::command::Row;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::spec::json as spec;
use crate::types::json::path::{Path, TooMuch, Values, places, values};
use crate::types::json::{Atom, Garbage, Json, Number, Place, Reader, TooDeep, View};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::ARRAPPEND, array::arrappend),
    Row::new(&spec::ARRINDEX, array::arrindex),
    Row::new(&spec::ARRINSERT, array::arrinsert),
    Row::new(&spec::ARRLEN, array::arrlen),
    Row::new(&spec::ARRPOP, array::arrpop),
    Row::new(&spec::ARRTRIM, array::arrtrim),
    Row::new(&spec::CLEAR, set::clear),
    Row::new(&spec::DEBUG, get::debug),
    Row::new(&spec::DEL, set::del),
    Row::new(&spec::FORGET, set::del),
    Row::new(&spec::GET, get::get),
    Row::new(&spec::MERGE, set::merge),
    Row::new(&spec::MGET, get::mget),
    Row::new(&spec::MSET, set::mset),
    Row::new(&spec::NUMINCRBY, number::numincrby),
    Row::new(&spec::NUMMULTBY, number::nummultby),
    Row::new(&spec::NUMPOWBY, number::numpowby),
    Row::new(&spec::OBJKEYS, get::objkeys),
    Row::new(&spec::OBJLEN, get::objlen),
    Row::new(&spec::RESP, get::resp),
    Row::new(&spec::SET, set::set),
    Row::new(&spec::STRAPPEND, text::strappend),
    Row::new(&spec::STRLEN, text::strlen),
    Row::new(&spec::TOGGLE, number::toggle),
    Row::new(&spec::TYPE, get::type_of),
];

const NO_DOCUMENT: &str = "ERR could not perform this operation on a key that doesn't exist";
const NOT_ROOT: &str = "ERR new objects must be created at the root";

fn wrong_type(_: Error) -> Error {
    Error::from("Existing key has wrong Redis type")
}

fn missing(path: &[u8]) -> Error {
    Error::quoting("ERR Path '", path, "' does not exist")
}

fn missing_or(path: &[u8], what: &str) -> Error {
    Error::quoting("ERR Path '", path, &format!("' does not exist or {what}"))
}

fn unexpected(wanted: &str, found: View<'_>) -> Error {
    Error::from(format!(
        "WRONGTYPE wrong type of path value - expected {wanted} but found {}",
        type_name(found)
    ))
}

fn not_json(error: serde_json::Error) -> Error {
    Error::from(error.to_string())
}

fn too_much(_: TooMuch) -> Error {
    Error::from("ERR the path takes too much work")
}

fn too_deep(_: TooDeep) -> Error {
    Error::from("ERR recursion limit exceeded")
}

/// As JSON.TYPE names it.
fn type_name(view: View<'_>) -> &'static str {
    match view.atom() {
        Atom::Null => "null",
        Atom::Bool(_) => "boolean",
        Atom::Number(Number::Int(_) | Number::Big(_)) => "integer",
        Atom::Number(Number::Double(_)) => "number",
        Atom::Text(_) => "string",
        Atom::Array => "array",
        Atom::Object => "object",
    }
}

#[inline]
fn path_of(text: &[u8]) -> Result<Path<'_>, Error> {
    Path::parse(text).map_err(Error::from)
}

/// The path that an argument is; the whole document if it is not given.
fn path_at(args: Args<'_>, at: usize) -> Result<Path<'_>, Error> {
    args.get(at).map_or_else(|| Ok(Path::root()), path_of)
}

fn integer(text: &[u8]) -> Result<i64, Error> {
    let text = str::from_utf8(text).unwrap_or_default();
    text.parse()
        .map_err(|_| Error::from("Couldn't parse as integer"))
}

/// The document under a key, for reading.
fn read<'k>(keys: &'k mut Keys<'_>, key: &[u8]) -> Result<Option<&'k Json>, Error> {
    keys.read_object::<Json>(key).map_err(wrong_type)
}

/// Where the document under a key is, for changing it.
fn find(keys: &mut Keys<'_>, key: &[u8]) -> Result<Option<Spot>, Error> {
    keys.spot_as::<Json>(key).map_err(wrong_type)
}

fn found(keys: &mut Keys<'_>, key: &[u8]) -> Result<Spot, Error> {
    find(keys, key)?.ok_or(Error::from(NO_DOCUMENT))
}

/// Reads values that are to join the document under a key, if there is one.
fn reader_for(keys: &mut Keys<'_>, key: &[u8]) -> Reader {
    let spot = keys.find(key);
    Reader::new(spot.and_then(|spot| keys.object_at::<Json>(spot).ok()))
}

fn throw_away(keys: &mut Keys<'_>, garbage: Garbage) {
    if garbage.is_large() {
        keys.space.free_lazily(garbage, 1);
    }
}

/// All values that a path leads to.
fn all<'d>(json: &'d Json, path: &'d Path<'_>) -> Result<Values<'d>, Error> {
    values(json, path, usize::MAX).map_err(too_much)
}

/// The first value.
fn first<'d>(json: &'d Json, path: &'d Path<'_>) -> Result<Option<View<'d>>, Error> {
    let found = values(json, path, 1).map_err(too_much)?;
    Ok(found.first().copied())
}

/// The places of all values that a path leads to; `None` for one that is not wanted. An error if the path is of the
/// older form and there is none, which then says what was expected instead.
fn targets(
    json: &Json,
    path: &Path<'_>,
    is_wanted: impl Fn(View<'_>) -> bool,
    expectation: &str,
) -> Result<SmallVec<[Option<Place>; 1]>, Error> {
    let found = places(json, path).map_err(too_much)?;
    let targets = found
        .into_iter()
        .map(|found| is_wanted(found.view).then_some(found.place));
    let targets: SmallVec<_> = targets.collect();
    if path.is_legacy && targets.iter().all(Option::is_none) {
        return Err(missing_or(&path.text(), expectation));
    }
    Ok(targets)
}

/// A list of answers: all of them, or the last if the path is of the older form.
fn answer<T>(
    reply: &mut Reply<'_>,
    path: &Path<'_>,
    answers: &[Option<T>],
    show: impl Fn(&mut Reply<'_>, &T),
) {
    if path.is_legacy {
        match answers.iter().flatten().next_back() {
            Some(last) => show(reply, last),
            None => reply.null(),
        }
        return;
    }
    reply.array(answers.len());
    for answer in answers {
        match answer {
            Some(answer) => show(reply, answer),
            None => reply.null(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as `answer` shows whatever it is given
fn show_count(reply: &mut Reply<'_>, count: &usize) {
    reply.count(*count);
}

/// Tells of a change, if there was one.
fn changed<T>(ctx: &mut Ctx<'_>, key: &[u8], event: Event, answers: &[Option<T>]) {
    let count = answers.iter().flatten().count();
    if count > 0 {
        ctx.keys.changed(key, event, count);
    }
}

fn document<'k>(keys: &'k Keys<'_>, spot: Spot) -> &'k Json {
    keys.object_at(spot).expect("the caller has looked")
}

fn document_mut<'k>(keys: &'k mut Keys<'_>, spot: Spot) -> &'k mut Json {
    keys.object_at_mut(spot).expect("the caller has looked")
}
