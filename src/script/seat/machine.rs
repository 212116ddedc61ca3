//! A Lua of our own, with memory of our own.

use std::ops::Deref;
use std::ptr::NonNull;
use std::rc::Rc;

use mlua::ffi::{self, lua_State};
use mlua::{Lua, StdLib};

use super::memory::{self, Memory};

/// An interpreter, which ends with this. Who holds values of it drops them before.
pub(in crate::script) struct Machine {
    lua: Lua,
    state: NonNull<lua_State>,
    // Dropped last: the interpreter has a pointer to it.
    memory: Rc<Memory>,
}

impl Machine {
    /// One with Lua's base library and those named, which may use so much memory.
    pub(in crate::script) fn new(libraries: StdLib, max_bytes: usize) -> mlua::Result<Self> {
        let memory = Rc::new(Memory::new(max_bytes));
        let own = Rc::as_ptr(&memory).cast_mut().cast();
        // SAFETY: `own` is what `reallocate` expects, and `Drop` sees to it that it is there to the end.
        let state = unsafe { ffi::lua_newstate(memory::reallocate, own) };
        let state = NonNull::new(state)
            .ok_or_else(|| mlua::Error::MemoryError("no memory for Lua".to_owned()))?;
        // SAFETY: the state is new; there is room, and memory for what is small.
        unsafe { ffi::luaL_requiref(state.as_ptr(), c"_G".as_ptr(), ffi::luaopen_base, 1) };
        // SAFETY: the library lies on top.
        unsafe { ffi::lua_pop(state.as_ptr(), 1) };
        // SAFETY: the crate's handle is dropped before the state is closed or not used after that.
        let lua = unsafe { Lua::get_or_init_from_ptr(state.as_ptr()) }.clone();
        let machine = Self { lua, state, memory };
        machine.load_std_libs(libraries)?;
        Ok(machine)
    }

    /// Memory that Lua uses.
    pub(in crate::script) fn used_bytes(&self) -> usize {
        self.memory.used_bytes()
    }
}

impl Deref for Machine {
    type Target = Lua;

    fn deref(&self) -> &Lua {
        &self.lua
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: the state is alive, and nothing of it runs. What the crate keeps about it is dropped with it, and our
        // handle does nothing without it.
        unsafe { ffi::lua_close(self.state.as_ptr()) }
    }
}
