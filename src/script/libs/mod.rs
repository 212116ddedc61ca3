//! The libraries that scripts find: `cjson`, `cmsgpack`, `struct` and `bit`, as Redis's scripts know them.
//!
//! A library is a plain table of functions in the globals; whoever builds the sandbox makes it read-only afterwards.
//! The functions are written here instead of being linked in, so that no input can reach code that trusts its sizes.
//!
//! What must hold: a script cannot tell the difference. Results are the same bytes, errors the same texts, and limits
//! lie where they lie in Redis, also where they follow from how its interpreter counts the slots of a stack.
//! `raise` says how errors travel, and `args` how arguments are read.
//!
//! Not known here: keys, clients and commands.

use mlua::{Error, IntoLuaMulti, Lua, Result, Table};

use crate::script::seat::{failed, library_function};

use args::Args;

mod args;
mod bit;
mod json;
mod msgpack;
mod nest;
mod raise;
mod structs;

/// How many slots of Lua's stack one function may use. Redis's libraries keep what they build on that stack, so their
/// deepest nesting and their most results come out of this number.
const SLOTS_MAX: usize = 8000;

/// How many results one call gives at most. Redis's libraries come closer to the number of slots; the crate that embeds
/// the interpreter needs some of them for itself.
const RESULTS_MAX: usize = 7950;

/// The longest text a library makes: the longest string a value holds by default. A small table that holds itself many
/// times over would otherwise fill the memory.
const OUTPUT_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Puts all libraries into the globals of an interpreter.
pub(super) fn install(lua: &Lua) -> Result<()> {
    let globals = lua.globals();
    globals.raw_set("cjson", json::library(lua)?)?;
    globals.raw_set("cmsgpack", msgpack::library(lua)?)?;
    globals.raw_set("struct", structs::library(lua)?)?;
    globals.raw_set("bit", bit::library(lua)?)
}

/// Adds one function to a library. All references may be taken: by results, for nothing else takes many.
fn add<R: IntoLuaMulti>(
    lua: &Lua,
    library: &Table,
    name: &str,
    body: impl Fn(&Args<'_>) -> Result<R> + 'static,
) -> Result<()> {
    let inner = lua.create_function(move |lua, values| {
        let ended = body(&Args::new(lua, values)).and_then(|results| results.into_lua_multi(lua));
        ended.or_else(|error| {
            let error = match error {
                Error::StackError => raise::stack_overflow(lua, "too many results"),
                error => error,
            };
            let text = lua.create_string(raise::text_of(&error))?;
            (failed(), text).into_lua_multi(lua)
        })
    })?;
    library.raw_set(name, library_function(lua, inner)?)
}
