//! The pulse of a script: every hundred thousand instructions its host is asked whether it goes on.
//!
//! An error that ends a script can be caught by the script. So from then on each line raises it again, until the
//! interpreter begins the next script.

use std::ffi::c_void;

use mlua::ffi::{self, lua_Debug, lua_State};

use crate::script::Pulse;

use super::shared::Shared;
use super::stack::Stack;

/// About a millisecond. Asking takes a reading of the processor's counter.
const PERIOD: i32 = 100_000;

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

/// The hook as it is for a script that nobody has ended.
pub(super) fn set_back(stack: Stack) {
    // SAFETY: the state is alive, and nothing of it runs.
    unsafe { ffi::lua_sethook(stack.0, Some(beat), ffi::LUA_MASKCOUNT, PERIOD) };
}

fn push_key(state: *mut lua_State) {
    // SAFETY: there is room.
    unsafe { ffi::lua_pushlightuserdata(state, (&raw const SHARED).cast_mut().cast()) };
}

/// What Lua calls.
unsafe extern "C-unwind" fn beat(state: *mut lua_State, _: *mut lua_Debug) {
    let stack = Stack(state);
    push_key(state);
    stack.raw_get(ffi::LUA_REGISTRYINDEX);
    // SAFETY: any value may be asked about.
    let shared = unsafe { ffi::lua_touserdata(state, -1) };
    stack.pop(1);
    // SAFETY: `install` has put the pointer there.
    let shared = unsafe { &*shared.cast_const().cast::<Shared>() };
    let Some(Pulse::Ends(text)) = shared.ask(|host| host.pulse()) else {
        return;
    };
    shared.was_ended.set(true);
    // SAFETY: a hook may set another.
    unsafe { ffi::lua_sethook(state, Some(beat), ffi::LUA_MASKLINE, 0) };
    stack.push_table(0, 3);
    stack.push_bytes(text);
    stack.set_field(-2, b"err");
    // SAFETY: the error is on top, and this frame owns nothing.
    unsafe { ffi::lua_error(state) }
}
