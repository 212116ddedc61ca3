//! The handle of Lua's stack, by itself: what is done with it stands in `stack.rs` and `inspect.rs`.

use mlua::ffi::lua_State;

#[derive(Clone, Copy)]
pub(in crate::script) struct Stack(pub(super) *mut lua_State);
