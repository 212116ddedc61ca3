//! The interpreter: its globals are made once, and every script is a function that sees them.

use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{Error, Function, Lua, LuaOptions, StdLib, Table};

use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::errors::{self, Failure, PRELUDE};
use super::functions::{Room, furnish};
use super::returned::Returned;
use super::seat::{Code, Main, Passing, Shared, Task};
use super::{Host, api};

/// How Lua calls the text of every script in its messages.
const SCRIPT: &str = "@user_script";

/// A script that takes more memory than this ends with an error. Redis sets no limit and is ended by the system.
const MEMORY_MAX_BYTES: usize = 1 << 30;

pub(crate) struct Interpreter {
    lua: Lua,
    main: Main,
    /// Where functions are loaded, if it is for them.
    room: Option<Room>,
    // Dropped after the interpreter, which has pointers to it.
    shared: Rc<Shared>,
}

impl Interpreter {
    /// One for scripts.
    pub(super) fn new() -> Self {
        Self::build(false).expect("the prelude is ours and runs in little memory")
    }

    /// One for functions.
    pub(super) fn for_functions() -> Self {
        Self::build(true).expect("the prelude is ours and runs in little memory")
    }

    fn build(is_for_functions: bool) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        // The library's own `pcall` is what scripts know.
        let options = LuaOptions::new().catch_rust_panics(false);
        let lua = Lua::new_with(libraries, options)?;
        lua.set_memory_limit(MEMORY_MAX_BYTES)?;
        let shared = Rc::<Shared>::default();
        let host = api::host(&lua, &shared)?;
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name(PRELUDE)
            .set_mode(ChunkMode::Text);
        let registrar = is_for_functions.then(|| furnish(&lua, &host)).transpose()?;
        let (front, globals, switch): (Table, Table, Option<Function>) =
            prelude.call((host, lua.globals()))?;
        lua.set_globals(front)?;
        let main = Main::new(&lua, &shared, globals, errors::handle)?;
        let room = registrar
            .zip(switch)
            .map(|(registrar, switch)| Room { switch, registrar });
        Ok(Self {
            lua,
            main,
            room,
            shared,
        })
    }

    /// Makes a function of a script's text; or says why it is none.
    pub(super) fn compile(&self, text: &[u8]) -> Result<Code, Vec<u8>> {
        self.compile_as(SCRIPT, text).map_err(|cause| {
            format!("ERR Error compiling script (new function): {cause}").into_bytes()
        })
    }

    /// The same for a text that Lua's messages call otherwise.
    pub(super) fn compile_as(&self, source: &str, text: &[u8]) -> Result<Code, String> {
        let chunk = self.lua.load(text).set_name(source);
        let function = chunk.set_mode(ChunkMode::Text).into_function();
        let kept = function.and_then(|function| self.keep(function));
        kept.map_err(|error| cause_of(&error))
    }

    pub(super) fn keep(&self, function: Function) -> mlua::Result<Code> {
        self.main.keep(&self.lua, function)
    }

    pub(super) fn forget(&self, code: Code) {
        self.main.forget(code);
    }

    /// Runs a script to its end.
    pub(crate) fn run(
        &self,
        code: Code,
        keys: Args<'_>,
        args: Args<'_>,
        host: &mut dyn Host,
    ) -> Result<Returned<'_>, Failure> {
        let passing = Passing::Globals;
        self.evaluate(
            &Task {
                code,
                passing,
                keys,
                args,
            },
            host,
        )
    }

    pub(super) fn evaluate(
        &self,
        task: &Task<'_>,
        host: &mut dyn Host,
    ) -> Result<Returned<'_>, Failure> {
        self.shared.spoken.set(Protocol::Resp2);
        let base = self.main.stack().top();
        let is_fine = self.main.evaluate(&self.shared, host, task);
        let returned = Returned::new(&self.main, self.shared.spoken.get(), base);
        if is_fine {
            Ok(returned)
        } else {
            Err(errors::read(&self.main))
        }
    }

    pub(super) fn room(&self) -> &Room {
        (self.room.as_ref()).expect("only interpreters that are for functions are asked for them")
    }

    /// Memory that Lua has taken.
    pub(super) fn used_bytes(&self) -> usize {
        self.lua.used_memory()
    }
}

/// The innermost cause.
pub(super) fn cause_of(error: &Error) -> String {
    match error {
        Error::CallbackError { cause, .. } => cause_of(cause),
        Error::RuntimeError(text) | Error::MemoryError(text) => text.clone(),
        Error::SyntaxError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
