//! The interpreter: its globals are made once, and every script is a function that sees them.

use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::state::{GcIncParams, GcMode};
use mlua::{Error, Function, StdLib, Table};

use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::debugger::Debugger;
use super::errors::{self, Failure, PRELUDE};
use super::functions::{Room, furnish};
use super::returned::Returned;
use super::said::Said;
use super::seat::{Code, Machine, Main, Passing, SCRIPT, Shared, Task};
use super::{Host, api};

/// So many texts are compiled between two steps of the collector.
const COMPILED_BETWEEN_STEPS: u32 = 16;

/// The collector begins anew when memory has grown to so many percent of what was in use after its last round, and then
/// works that much faster than scripts allocate. With Lua's own 200 and 200 a server with one small script holds two
/// and a half times what it needs.
const PAUSE_PERCENT: c_int = 150;
const SPEED_PERCENT: c_int = 2000;

/// Byte code begins with it.
const ESCAPE: u8 = 27;

/// A script that takes more memory than this ends with an error. Redis sets no limit and is ended by the system.
const MEMORY_MAX_BYTES: usize = 1 << 30;

/// Whether scripts find what is deprecated: `getfenv`, `setfenv`, `newproxy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deprecated {
    #[default]
    Hidden,
    There,
}

pub(crate) struct Interpreter {
    main: Main,
    /// Texts that were compiled.
    compiled: Cell<u32>,
    /// Where functions are loaded, if it is for them.
    room: Option<Room>,
    // Dropped after what holds values of it, and before what it has pointers to.
    lua: Machine,
    shared: Rc<Shared>,
}

impl Interpreter {
    /// One for scripts.
    pub(super) fn new(also: Deprecated) -> Self {
        Self::build(false, also).expect("the prelude is ours and runs in little memory")
    }

    /// One for functions.
    pub(super) fn for_functions(also: Deprecated) -> Self {
        Self::build(true, also).expect("the prelude is ours and runs in little memory")
    }

    fn build(is_for_functions: bool, also: Deprecated) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        let lua = Machine::new(libraries, MEMORY_MAX_BYTES)?;
        let shared = Rc::<Shared>::default();
        let host = api::host(&lua, &shared)?;
        host.set("is_deprecated_there", also == Deprecated::There)?;
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name(PRELUDE)
            .set_mode(ChunkMode::Text);
        let registrar = is_for_functions.then(|| furnish(&lua, &host)).transpose()?;
        let (front, globals, switch): (Table, Table, Option<Function>) =
            prelude.call((host, lua.globals()))?;
        lua.set_globals(front)?;
        let main = Main::new(&lua, &shared, globals, errors::handle)?;
        let pace = GcIncParams::default();
        let pace = pace.pause(PAUSE_PERCENT).step_multiplier(SPEED_PERCENT);
        lua.gc_set_mode(GcMode::Incremental(pace));
        // What building has left behind would count as in use.
        lua.gc_collect()?;
        let room = registrar
            .zip(switch)
            .map(|(registrar, switch)| Room { switch, registrar });
        Ok(Self {
            lua,
            main,
            compiled: Cell::new(0),
            room,
            shared,
        })
    }

    /// Makes a function of a script's text; or says why it is none.
    pub(super) fn compile(&self, text: &[u8]) -> Result<Code, Vec<u8>> {
        let compiled = self.compile_as(SCRIPT, text);
        compiled.map_err(|cause| [b"ERR Error compiling script (new function): ", &*cause].concat())
    }

    /// The same for a text that Lua's messages call otherwise.
    pub(super) fn compile_as(&self, source: &CStr, text: &[u8]) -> Result<Code, Vec<u8>> {
        if text.first() == Some(&ESCAPE) {
            // Byte code is not taken. This is what Lua says where it does not know any.
            let name = source.to_string_lossy();
            let name = name.trim_start_matches('@');
            return Err(format!("{name}:1: unexpected symbol near 'char(27)'").into_bytes());
        }
        // Lua lets garbage grow to as much as is in use. Texts that are compiled one after the other leave much of it.
        let count = self.compiled.get().wrapping_add(1);
        self.compiled.set(count);
        if count.is_multiple_of(COMPILED_BETWEEN_STEPS) {
            self.main.collect_some();
        }
        self.main.compile(source, text)
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

    /// From here on a client debugs what is run, a script of this text.
    pub(crate) fn watch(&self, text: &[u8]) {
        let watch = &self.shared.watch;
        watch.is_on.set(true);
        watch.steps.set(true);
        watch.is_called.set(false);
        watch.line.set(0);
        watch.watcher.set(Some(Box::new(Debugger::new(text))));
    }

    /// Nobody debugs from here on. Returns what the client has not been sent yet.
    pub(crate) fn end_watch(&self) -> Said {
        let watch = &self.shared.watch;
        watch.is_on.set(false);
        watch.steps.set(false);
        watch.watcher.set(None);
        watch.said.take()
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
        self.lua.used_bytes()
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

#[cfg(test)]
mod tests {
    use crate::script::interpreter::{Deprecated, Interpreter};
    use crate::script::trial::{nobody, run};
    use crate::wire::args::{Args, OwnedArgs};
    use crate::wire::reply::Protocol;

    fn seen(deprecated: Deprecated, expression: &str) -> String {
        let code = format!("return tostring({expression})");
        let interpreter = Interpreter::new(deprecated);
        let reply = run(&interpreter, &code, &mut nobody(), Protocol::Resp2);
        reply.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn runs_leave_no_garbage_for_long() {
        let interpreter = Interpreter::new(Deprecated::Hidden);
        let code = interpreter.compile(b"return KEYS[1]").expect("a script");
        let keys = OwnedArgs::from_slices(&[b"key"]);
        let mut most = 0;
        for _ in 0..10_000 {
            let ran = interpreter.run(code, keys.as_args(), Args::EMPTY, &mut nobody());
            assert!(ran.is_ok());
            most = most.max(interpreter.used_bytes());
        }
        assert!(most < 100 * 1024, "{most}");
    }

    #[test]
    fn what_is_deprecated_gives_no_way_out() {
        for (expression, expected) in [
            ("getfenv(string.format) == _G", "true"),
            ("getfenv(redis.call) == _G", "true"),
            ("getfenv(getmetatable) == _G", "true"),
            (
                "getfenv() == _G and getfenv(1) == _G and getfenv(0) == _G",
                "true",
            ),
            (
                "getfenv(setfenv(function() return 1 end, {a = 'mine'})).a",
                "mine",
            ),
            ("setfenv(function() return a end, {a = 'mine'})()", "mine"),
            ("(pcall(setfenv, 0, {}))", "false"),
            ("(pcall(setfenv, getmetatable, {}))", "false"),
            ("(pcall(setfenv, string.format, {}))", "false"),
            ("type(getmetatable(newproxy(true)))", "table"),
        ] {
            assert_eq!(
                seen(Deprecated::There, expression),
                expected,
                "{expression}"
            );
        }
        for name in ["getfenv", "setfenv", "newproxy"] {
            let expression = format!("(pcall(function() return {name} end))");
            assert_eq!(seen(Deprecated::Hidden, &expression), "false");
        }
    }
}
