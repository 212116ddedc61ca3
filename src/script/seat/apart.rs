//! A text that runs beside a script, from a hook, on a stack of its own.
//!
//! Within a hook Lua calls no hooks on the stack that the hook is of. On another one it does, so what runs there can be
//! ended.

use std::ffi::CStr;

use mlua::ffi::{self, lua_Debug, lua_State};

use crate::script::Pulse;

use super::hook::{PERIOD, shared_of};
use super::state::Stack;

/// What Lua calls: nobody watches such a text, but it has a pulse.
unsafe extern "C-unwind" fn beat(state: *mut lua_State, _: *mut lua_Debug) {
    let stack = Stack(state);
    let shared = shared_of(stack);
    if let Some(Pulse::Ends(text)) = shared.ask(|host| host.pulse()) {
        stack.push_bytes(text);
        // SAFETY: the error is on top, and this frame owns nothing.
        unsafe { ffi::lua_error(state) }
    }
}

impl Stack {
    /// Compiles a text on a stack of its own, and pushes that stack. False: there is an error on it.
    pub(in crate::script) fn push_apart(self, text: &[u8], name: &CStr) -> (Stack, bool) {
        // SAFETY: there is room, and this may jump.
        let apart = unsafe { ffi::lua_newthread(self.0) };
        // SAFETY: it has just been made.
        unsafe { ffi::lua_sethook(apart, Some(beat), ffi::LUA_MASKCOUNT, PERIOD) };
        let is_compiled = Stack(apart).load(name, text);
        (Stack(apart), is_compiled)
    }
}
