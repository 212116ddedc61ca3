//! `cjson`: values as JSON, and back.
//!
//! A library table and its settings belong together: `cjson.new()` makes both anew, and a setting changed by one script
//! stays changed for the next. The functions that change settings give the present ones when they are called without
//! arguments.
//!
//! JSON's null is a light userdata that points nowhere, for a Lua table cannot hold nil.
//!
//! Both ways keep a stack of their own for unfinished tables, since scripts may raise the limit of nesting as far as
//! they like. What then still limits it is the number of slots that Redis's library would take on Lua's stack.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, IntoLuaMulti, Lua, LuaString, Result, Table, Value};

use super::add;
use super::args::Args;
use settings::{DEFAULTS, Settings};

mod decode;
mod encode;
mod number;
mod settings;

/// What one library table works with.
struct State {
    settings: Cell<Settings>,
    /// Lua's own `next`, kept from before a script can replace it, and held once for all instances.
    next: Rc<Function>,
    /// The text of the last call, reused by the next as long as `encode_keep_buffer` is on.
    buffer: RefCell<Vec<u8>>,
}

/// What a function of the library does.
type Body<R> = fn(&Args<'_>, &State) -> Result<R>;

/// A larger buffer is not kept, or one large document would hold its memory for ever.
const KEPT_BYTES_MAX: usize = 64 * 1024;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let next: Function = lua.globals().raw_get("next")?;
    instance(lua, Rc::new(next))
}

fn instance(lua: &Lua, next: Rc<Function>) -> Result<Table> {
    let library = lua.create_table()?;
    let state = Rc::new(State {
        settings: Cell::new(DEFAULTS),
        next,
        buffer: RefCell::default(),
    });
    add_to(lua, &library, &state, "encode", encode)?;
    add_to(lua, &library, &state, "decode", decode)?;
    for (name, body) in settings::FUNCTIONS {
        add_to(lua, &library, &state, name, *body)?;
    }
    add_to(lua, &library, &state, "new", |args, state| {
        instance(args.lua, state.next.clone())
    })?;
    library.raw_set("null", Value::NULL)?;
    library.raw_set("_NAME", "cjson")?;
    library.raw_set("_VERSION", "2.1.0")?;
    Ok(library)
}

fn add_to<R: IntoLuaMulti + 'static>(
    lua: &Lua,
    library: &Table,
    state: &Rc<State>,
    name: &str,
    body: Body<R>,
) -> Result<()> {
    let state = state.clone();
    add(lua, library, name, move |args| body(args, &state))
}

fn encode(args: &Args<'_>, state: &State) -> Result<LuaString> {
    let value = match (args.count(), args.value(1)) {
        (1, Some(value)) => value.clone(),
        _ => return Err(args.bad(1, "expected 1 argument")),
    };
    let settings = state.settings.get();
    let mut buffer = state.buffer.take();
    buffer.clear();
    let text = encode::encode(args.lua, settings, &state.next, value, &mut buffer)
        .and_then(|()| args.lua.create_string(&buffer));
    if settings.keep_buffer != 0 && buffer.capacity() <= KEPT_BYTES_MAX {
        state.buffer.replace(buffer);
    }
    text
}

fn decode(args: &Args<'_>, state: &State) -> Result<Value> {
    if args.count() != 1 {
        return Err(args.bad(1, "expected 1 argument"));
    }
    let text = args.string(1)?;
    decode::decode(args.lua, state.settings.get(), &text.as_bytes())
}

#[cfg(test)]
mod tests;
