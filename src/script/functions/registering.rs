//! `redis.register_function`, by which a library that is being loaded says which functions it has.
//!
//! ```text
//! redis.register_function(name, callback)
//! redis.register_function{function_name=, callback=, description=, flags={...}}
//! ```
//!
//! The function itself stays in Lua, under a number; here is what is to be known of it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use mlua::{Error, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use crate::script::Flags;
use crate::script::seat::{Code, failed, library_function};

use super::Function;
use super::metadata::{BAD_NAME, is_name};

/// Where registrations go while a library is being loaded.
pub(in crate::script) struct Registrar {
    is_open: Cell<bool>,
    registered: RefCell<Vec<Registered>>,
    /// The functions themselves, in the same order. Rust could hold them itself, but only some thousands at a time.
    callbacks: Table,
}

/// A function that has been registered.
struct Registered {
    name: Vec<u8>,
    description: Option<Vec<u8>>,
    flags: Flags,
}

/// Why a function cannot be registered.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn refuse<T>(text: &str) -> Result<T> {
    Err(Error::external(Refusal(text.to_owned())))
}

impl Registrar {
    pub(super) fn new(callbacks: Table) -> Self {
        Self {
            is_open: Cell::new(false),
            registered: RefCell::default(),
            callbacks,
        }
    }

    /// From here on functions may be registered.
    pub(super) fn open(&self) {
        self.is_open.set(true);
    }

    /// They may not any more. Returns those that were, each with what `keep` makes of the function itself.
    pub(super) fn close(
        &self,
        keep: impl Fn(mlua::Function) -> Result<Code>,
    ) -> Vec<Result<Function>> {
        self.is_open.set(false);
        let registered = self.registered.take().into_iter().enumerate();
        let functions = registered.map(|(at, registered)| {
            let callback = self.callbacks.raw_get(at + 1)?;
            Ok(Function {
                name: registered.name,
                description: registered.description,
                flags: registered.flags,
                code: keep(callback)?,
            })
        });
        let functions = functions.collect();
        // It fails only without memory, and then those stay there until they are overwritten.
        drop(self.callbacks.clear());
        functions
    }

    fn register(&self, wanted: Wanted) -> Result<()> {
        if !is_name(&wanted.name) {
            return refuse(BAD_NAME);
        }
        let mut registered = self.registered.borrow_mut();
        let is_taken = |other: &Registered| other.name.eq_ignore_ascii_case(&wanted.name);
        if registered.iter().any(is_taken) {
            return refuse("ERR Function already exists in the library");
        }
        self.callbacks
            .raw_set(registered.len() + 1, wanted.callback)?;
        registered.push(Registered {
            name: wanted.name,
            description: wanted.description,
            flags: wanted.flags,
        });
        Ok(())
    }
}

/// The function of Lua's.
pub(super) fn function(lua: &Lua, registrar: &Rc<Registrar>) -> Result<mlua::Function> {
    let registrar = Rc::clone(registrar);
    let inner = lua.create_function(move |lua, args: MultiValue| {
        match registered(lua, &args, &registrar) {
            Ok(()) => ().into_lua_multi(lua),
            Err(error) => (failed(), raised(lua, &error)?).into_lua_multi(lua),
        }
    })?;
    library_function(lua, inner)
}

/// The value that a script gets for an error: those of ours are tables, as all errors of the server.
fn raised(lua: &Lua, error: &Error) -> Result<Value> {
    let Some(Refusal(text)) = error.downcast_ref() else {
        return lua.create_string(error.to_string()).map(Value::String);
    };
    let table = lua.create_table_with_capacity(0, 3)?;
    table.raw_set("err", text.as_str())?;
    Ok(Value::Table(table))
}

fn registered(lua: &Lua, args: &MultiValue, registrar: &Registrar) -> Result<()> {
    if !registrar.is_open.get() {
        return refuse("ERR redis.register_function can only be called on FUNCTION LOAD command");
    }
    let wanted = match args.len() {
        1 => by_name(lua, &args[0])?,
        2 => by_place(lua, args)?,
        _ => return refuse("ERR wrong number of arguments to redis.register_function"),
    };
    registrar.register(wanted)
}

/// What a call asks for.
struct Wanted {
    name: Vec<u8>,
    callback: mlua::Function,
    description: Option<Vec<u8>>,
    flags: Flags,
}

fn by_place(lua: &Lua, args: &MultiValue) -> Result<Wanted> {
    let Some(name) = text(lua, &args[0])? else {
        return refuse("ERR first argument to redis.register_function must be a string");
    };
    let Value::Function(callback) = &args[1] else {
        return refuse("ERR second argument to redis.register_function must be a function");
    };
    Ok(Wanted {
        name,
        callback: callback.clone(),
        description: None,
        flags: Flags::said(),
    })
}

fn by_name(lua: &Lua, args: &Value) -> Result<Wanted> {
    let Value::Table(args) = args else {
        return refuse(
            "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
        );
    };
    let (mut name, mut callback, mut description) = (None, None, None);
    let mut flags = Flags::said();
    for pair in args.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(key) = text(lua, &key)? else {
            return refuse(
                "ERR named argument key given to redis.register_function is not a string",
            );
        };
        match &*key.to_ascii_lowercase() {
            b"function_name" => name = Some(text_of(lua, &value, "function_name")?),
            b"description" => description = Some(text_of(lua, &value, "description")?),
            b"callback" => {
                let Value::Function(function) = value else {
                    return refuse(
                        "ERR callback argument given to redis.register_function must be a function",
                    );
                };
                callback = Some(function);
            }
            b"flags" => {
                let Value::Table(list) = value else {
                    return refuse(
                        "ERR flags argument to redis.register_function must be a table representing function flags",
                    );
                };
                read_flags(lua, &list, &mut flags)?;
            }
            _ => return refuse("ERR unknown argument given to redis.register_function"),
        }
    }
    let Some(name) = name else {
        return refuse("ERR redis.register_function must get a function name argument");
    };
    let Some(callback) = callback else {
        return refuse("ERR redis.register_function must get a callback argument");
    };
    Ok(Wanted {
        name,
        callback,
        description,
        flags,
    })
}

/// The list ends at its first hole.
fn read_flags(lua: &Lua, list: &Table, flags: &mut Flags) -> Result<()> {
    for at in 1.. {
        let flag: Value = list.raw_get(at)?;
        if flag.is_nil() {
            break;
        }
        let flag = text(lua, &flag)?.unwrap_or_default();
        if !flags.set(&flag.to_ascii_lowercase()) {
            return refuse("ERR unknown flag given");
        }
    }
    Ok(())
}

fn text_of(lua: &Lua, value: &Value, which: &str) -> Result<Vec<u8>> {
    match text(lua, value)? {
        Some(text) => Ok(text),
        None => refuse(&format!(
            "ERR {which} argument given to redis.register_function must be a string"
        )),
    }
}

/// A string, or a number as Lua writes it.
fn text(lua: &Lua, value: &Value) -> Result<Option<Vec<u8>>> {
    let text = lua.coerce_string(value.clone())?;
    Ok(text.map(|text| text.as_bytes().to_vec()))
}
