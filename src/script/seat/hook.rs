//! The pulse of a script: every hundred thousand instructions its host is asked whether it goes on. A script that is
//! watched is stopped at each line besides.
//!
//! An error that ends a script can be caught by the script. So from then on each line raises it again, until the
//! interpreter begins the next script.

use std::ffi::{c_int, c_void};

use mlua::ffi::{self, lua_Debug, lua_State};

use crate::script::Pulse;

use super::inspect::line_in_script;
use super::shared::{Shared, Stop};
use super::state::Stack;

/// About a millisecond. Asking takes a reading of the processor's counter.
pub(super) const PERIOD: i32 = 100_000;

/// Under the address of this the registry has what our functions share.
static SHARED: u8 = 0;

/// Sets the hook of an interpreter. Its coroutines inherit it.
pub(super) fn install(stack: Stack, shared: &Shared) {
    push_key(stack.0);
    let shared: *const Shared = shared;
    // SAFETY: there is room. `beat` follows the pointer, while the interpreter runs that `shared` belongs to.
    unsafe { ffi::lua_pushlightuserdata(stack.0, shared.cast_mut().cast::<c_void>()) };
    stack.raw_set(ffi::LUA_REGISTRYINDEX);
    set_back(stack);
}

/// The hook as it is for a script that nobody watches or has ended.
pub(super) fn set_back(stack: Stack) {
    set(stack.0, ffi::LUA_MASKCOUNT);
}

/// The hook of a script that is watched.
pub(super) fn watch_lines(stack: Stack) {
    set(stack.0, ffi::LUA_MASKCOUNT | ffi::LUA_MASKLINE);
}

fn set(state: *mut lua_State, mask: c_int) {
    // SAFETY: the state is alive, and a hook may set another.
    unsafe { ffi::lua_sethook(state, Some(beat), mask, PERIOD) };
}

fn push_key(state: *mut lua_State) {
    // SAFETY: there is room.
    unsafe { ffi::lua_pushlightuserdata(state, (&raw const SHARED).cast_mut().cast()) };
}

/// What the functions of the interpreter share, for a hook.
pub(super) fn shared_of<'a>(stack: Stack) -> &'a Shared {
    push_key(stack.0);
    stack.raw_get(ffi::LUA_REGISTRYINDEX);
    // SAFETY: any value may be asked about.
    let shared = unsafe { ffi::lua_touserdata(stack.0, -1) };
    stack.pop(1);
    // SAFETY: `install` has put the pointer there, and it lives as long as the interpreter.
    unsafe { &*shared.cast_const().cast::<Shared>() }
}

/// What Lua calls.
unsafe extern "C-unwind" fn beat(state: *mut lua_State, record: *mut lua_Debug) {
    let stack = Stack(state);
    let shared = shared_of(stack);
    // SAFETY: Lua has made the record for this call.
    let is_line = unsafe { (*record).event } == ffi::LUA_HOOKLINE;
    let is_watched = shared.watch.is_on.get();
    if !(is_line && is_watched)
        && let Some(Pulse::Ends(text)) = shared.ask(|host| host.pulse())
    {
        let is_final = true;
        return raise(stack, shared, &Stop { text, is_final });
    }
    if is_watched && let Err(stop) = look(stack, shared, record, !is_line) {
        raise(stack, shared, &stop);
    }
}

/// Shows the one who watches where the script is.
fn look(stack: Stack, shared: &Shared, record: *mut lua_Debug, is_pulse: bool) -> Result<(), Stop> {
    let watch = &shared.watch;
    let Some(line) = line_in_script(stack, record) else {
        return Ok(());
    };
    watch.line.set(line);
    let Some(mut watcher) = watch.watcher.take() else {
        return Ok(());
    };
    let went = watcher.reached(stack, shared, is_pulse);
    watch.watcher.set(Some(watcher));
    went
}

/// Raises an error, by a jump; whoever calls this owns nothing.
fn raise(stack: Stack, shared: &Shared, stop: &Stop) {
    if stop.is_final {
        shared.watch.is_on.set(false);
        shared.was_hooked.set(true);
        // SAFETY: a hook may set another.
        unsafe { ffi::lua_sethook(stack.0, Some(beat), ffi::LUA_MASKLINE, 0) };
    }
    stack.push_table(0, 3);
    stack.push_bytes(stop.text);
    stack.set_field(-2, b"err");
    // SAFETY: the error is on top, and no frame up to the script's owns anything.
    unsafe { ffi::lua_error(stack.0) }
}
