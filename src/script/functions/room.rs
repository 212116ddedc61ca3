//! What an interpreter of functions has besides what scripts need.

use std::rc::Rc;

use mlua::{Function as LuaFunction, Lua, Table, Value};

use super::registering::{Registrar, function};

/// What loads libraries.
pub(in crate::script) struct Room {
    /// Gives libraries their globals, and functions theirs again.
    pub(in crate::script) switch: LuaFunction,
    pub(in crate::script) registrar: Rc<Registrar>,
}

/// Makes of an interpreter's host one for functions: adds what libraries see while they are loaded, and takes away what
/// is for scripts alone.
pub(in crate::script) fn furnish(lua: &Lua, host: &Table) -> mlua::Result<Rc<Registrar>> {
    let registrar = Rc::new(Registrar::new(lua.create_table()?));
    let redis: Table = host.get("redis")?;
    for name in ["breakpoint", "debug", "replicate_commands"] {
        redis.raw_remove(name)?;
    }
    let library = lua.create_table()?;
    for name in [
        "log",
        "LOG_DEBUG",
        "LOG_VERBOSE",
        "LOG_NOTICE",
        "LOG_WARNING",
        "REDIS_VERSION",
        "REDIS_VERSION_NUM",
    ] {
        library.set(name, redis.get::<Value>(name)?)?;
    }
    library.set("register_function", function(lua, &registrar)?)?;
    host.set("library", library)?;
    Ok(registrar)
}
