//! One script is one protected call.

use std::ffi::{CStr, c_int, c_void};

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Table};

use crate::base::text::up_to_nul;
use crate::script::Host;
use crate::wire::args::Args;

use super::hook;
use super::shared::Shared;
use super::stack::{Ended, Raise, with_stack};
use super::state::Stack;

/// A value that the registry keeps.
#[derive(Clone, Copy, Debug)]
struct Kept(c_int);

/// A function of Lua's that is kept until it is forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(Kept);

/// How far garbage is collected at a time.
const STEP_KBYTES: c_int = 50;

/// How a function gets its keys and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::script) enum Passing {
    /// As KEYS and ARGV.
    Globals,
    /// As its two arguments.
    Arguments,
    /// It gets none.
    Nothing,
}

/// A job that is done in a protected call.
pub(in crate::script) trait Job {
    /// The first value on the stack is not the job's; behind it are those that it was given.
    fn run(&mut self, stack: Stack) -> Ended;
}

/// The stack on which scripts are begun, and what that takes.
pub(in crate::script) struct Main {
    stack: Stack,
    enter: Kept,
    handler: Kept,
    globals: Kept,
}

/// A function to be run.
pub(in crate::script) struct Task<'a> {
    pub(in crate::script) code: Code,
    pub(in crate::script) passing: Passing,
    pub(in crate::script) keys: Args<'a>,
    pub(in crate::script) args: Args<'a>,
}

/// What Lua calls for a job. Its first argument is a pointer to a reference to it.
unsafe extern "C-unwind" fn enter_job(state: *mut lua_State) -> c_int {
    // SAFETY: `Main::protect` has put it there, and still has the job.
    let job = unsafe { ffi::lua_touserdata(state, 1) }.cast::<&mut dyn Job>();
    // SAFETY: likewise; nobody else has a reference meanwhile.
    let job = unsafe { &mut *job };
    match job.run(Stack(state)) {
        Ok(results) => results,
        // SAFETY: the error is on top, and this frame owns nothing.
        Err(Raise) => unsafe { ffi::lua_error(state) },
    }
}

impl Main {
    /// `globals` is where KEYS and ARGV are put, and `handler` sees each error first.
    pub(in crate::script) fn new<F>(
        lua: &Lua,
        shared: &Shared,
        globals: Table,
        handler: F,
    ) -> mlua::Result<Self>
    where
        F: Fn(Stack, &Shared) -> Ended,
    {
        let mut made = None;
        with_stack::<()>(lua, globals, |stack| {
            let globals = keep(stack);
            stack.push_function(handler, shared);
            let handler = keep(stack);
            // SAFETY: there is room.
            unsafe { ffi::lua_pushcclosure(stack.0, enter_job, 0) };
            let enter = keep(stack);
            hook::install(stack, shared);
            made = Some(Self {
                stack,
                enter,
                handler,
                globals,
            });
        })?;
        made.ok_or(mlua::Error::StackError)
    }

    /// Keeps a function.
    pub(in crate::script) fn keep(&self, lua: &Lua, function: Function) -> mlua::Result<Code> {
        let mut kept = Kept(ffi::LUA_NOREF);
        with_stack::<()>(lua, function, |stack| kept = keep(stack))?;
        Ok(Code(kept))
    }

    /// Makes a function of a text, and keeps it; or says why it is none.
    pub(in crate::script) fn compile(&self, source: &CStr, text: &[u8]) -> Result<Code, Vec<u8>> {
        let mut compiling = Compiling {
            source,
            text,
            code: None,
            cause: Vec::new(),
        };
        if !self.read(&mut compiling, 0) {
            self.stack.pop(1);
        }
        match compiling.code {
            Some(kept) => Ok(Code(kept)),
            None if compiling.cause.is_empty() => Err(b"not enough memory".to_vec()),
            None => Err(compiling.cause),
        }
    }

    /// Goes some way with collecting garbage.
    pub(in crate::script) fn collect_some(&self) {
        if !self.read(&mut Collecting, 0) {
            self.stack.pop(1);
        }
    }

    pub(in crate::script) fn forget(&self, code: Code) {
        // SAFETY: the interpreter is alive as long as this is. Nothing is made: the place is put on a list.
        unsafe { ffi::luaL_unref(self.stack.0, ffi::LUA_REGISTRYINDEX, code.0.0) }
    }

    pub(in crate::script) fn stack(&self) -> Stack {
        self.stack
    }

    /// Runs a function for a host, and leaves on the stack what it returns; or its error, and says false.
    pub(in crate::script) fn evaluate(
        &self,
        shared: &Shared,
        host: &mut dyn Host,
        task: &Task<'_>,
    ) -> bool {
        let mut begun = Begun {
            task,
            globals: self.globals,
        };
        if shared.watch.is_on.get() {
            shared.was_hooked.set(true);
            hook::watch_lines(self.stack);
        } else if shared.was_hooked.take() {
            hook::set_back(self.stack);
        }
        shared.lend(host, || self.protect(&mut begun, 0, 1, Some(self.handler)))
    }

    /// Does a job that asks for the topmost values, which are its arguments, and leaves one result.
    pub(in crate::script) fn read(&self, job: &mut dyn Job, arguments: i32) -> bool {
        self.protect(job, arguments, 0, None)
    }

    fn protect(
        &self,
        mut job: &mut dyn Job,
        arguments: i32,
        results: i32,
        handler: Option<Kept>,
    ) -> bool {
        let stack = self.stack;
        let base = stack.top() - arguments;
        if let Some(handler) = handler {
            handler.push(stack);
        }
        self.enter.push(stack);
        let job: *mut &mut dyn Job = &raw mut job;
        // SAFETY: there is room. The call below ends before the job does.
        unsafe { ffi::lua_pushlightuserdata(stack.0, job.cast::<c_void>()) };
        for at in 1..=arguments {
            stack.push_copy(base + at);
        }
        let at = if handler.is_some() { base + 1 } else { 0 };
        // SAFETY: the function and its arguments are on top, and the handler at that place.
        let status = unsafe { ffi::lua_pcall(stack.0, arguments + 1, results, at) };
        if handler.is_some() {
            stack.remove(at);
        }
        status == ffi::LUA_OK
    }
}

/// Does a job in the midst of a script, from a hook or a function of ours: no error leaves it. In it the function that
/// ran is the frame 1.
pub(in crate::script) fn guarded(stack: Stack, mut job: &mut dyn Job) -> bool {
    let job: *mut &mut dyn Job = &raw mut job;
    // SAFETY: Lua makes what it needs within the protected call, which ends before the job does.
    let status = unsafe { ffi::lua_cpcall(stack.0, enter_job, job.cast::<c_void>()) };
    if status != ffi::LUA_OK {
        stack.pop(1);
    }
    status == ffi::LUA_OK
}

/// Takes the value on top into the registry.
fn keep(stack: Stack) -> Kept {
    // SAFETY: there is a value on top.
    Kept(unsafe { ffi::luaL_ref(stack.0, ffi::LUA_REGISTRYINDEX) })
}

impl Kept {
    #[inline]
    fn push(self, stack: Stack) {
        // SAFETY: there is room, and the registry is always there.
        unsafe { ffi::lua_rawgeti_(stack.0, ffi::LUA_REGISTRYINDEX, self.0) }
    }
}

struct Begun<'a> {
    task: &'a Task<'a>,
    globals: Kept,
}

impl Job for Begun<'_> {
    fn run(&mut self, stack: Stack) -> Ended {
        let task = self.task;
        match task.passing {
            Passing::Globals => {
                self.globals.push(stack);
                push_list(stack, task.keys);
                stack.set_field(-2, b"KEYS");
                push_list(stack, task.args);
                stack.set_field(-2, b"ARGV");
                task.code.0.push(stack);
                stack.call(0, 1);
            }
            Passing::Arguments => {
                task.code.0.push(stack);
                push_list(stack, task.keys);
                push_list(stack, task.args);
                stack.call(2, 1);
            }
            Passing::Nothing => {
                task.code.0.push(stack);
                stack.call(0, 1);
            }
        }
        Ok(1)
    }
}

/// A job, for scripts may have functions that run when something of theirs is collected, and these may fail.
struct Collecting;

impl Job for Collecting {
    fn run(&mut self, stack: Stack) -> Ended {
        // SAFETY: nothing of the stack is touched.
        unsafe { ffi::lua_gc(stack.0, ffi::LUA_GCSTEP, STEP_KBYTES) };
        Ok(0)
    }
}

struct Compiling<'a> {
    source: &'a CStr,
    text: &'a [u8],
    code: Option<Kept>,
    cause: Vec<u8>,
}

impl Job for Compiling<'_> {
    fn run(&mut self, stack: Stack) -> Ended {
        if stack.load(self.source, self.text) {
            self.code = Some(keep(stack));
        } else if let Some(cause) = stack.bytes(-1) {
            self.cause.extend_from_slice(up_to_nul(cause));
        }
        Ok(0)
    }
}

fn push_list(stack: Stack, args: Args<'_>) {
    stack.push_table(args.len(), 0);
    for (at, arg) in args.iter().enumerate() {
        stack.push_bytes(arg);
        stack.set_element(-2, at + 1);
    }
}
