//! A script that has been stopped, looked at from a hook: its frames, its variables, and texts that run beside it.

use std::ffi::CStr;

use mlua::ffi::{self, lua_Debug};

use super::state::Stack;

/// The source of every script, as Lua keeps it.
pub(in crate::script) const SCRIPT: &CStr = c"@user_script";

/// A frame of a script.
pub(in crate::script) struct Named {
    /// What the caller calls the function; the main part of a script has no name.
    pub(in crate::script) name: Option<Vec<u8>>,
    pub(in crate::script) line: usize,
}

/// The line that a hook has been called for, if it is one of a script.
pub(super) fn line_in_script(stack: Stack, record: *mut lua_Debug) -> Option<usize> {
    // SAFETY: Lua has made the record for the call of the hook, and its frame stands.
    unsafe { ffi::lua_getinfo(stack.0, c"Sl".as_ptr(), record) };
    // SAFETY: Lua has filled it.
    let source = unsafe { (*record).source };
    // SAFETY: likewise.
    let line = unsafe { (*record).currentline };
    // SAFETY: it is a text of Lua's that the frame holds.
    let is_script = unsafe { CStr::from_ptr(source) } == SCRIPT;
    usize::try_from(line).ok().filter(|_| is_script)
}

impl Stack {
    /// The frame at a level: none beyond the last, and `Some(None)` if it is not one of a script.
    #[allow(clippy::option_option)] // the inner one is looked at by who walks, the outer one ends the walk
    pub(in crate::script) fn script_frame(self, level: i32) -> Option<Option<Named>> {
        let mut record = self.record(level)?;
        // SAFETY: the record is one of a frame that there is.
        unsafe { ffi::lua_getinfo(self.0, c"Snl".as_ptr(), &raw mut record) };
        // SAFETY: Lua has set it to a text that the frame holds.
        if unsafe { CStr::from_ptr(record.source) } != SCRIPT {
            return Some(None);
        }
        let name = (!record.name.is_null()).then(|| {
            // SAFETY: likewise.
            unsafe { CStr::from_ptr(record.name) }.to_bytes().to_vec()
        });
        let line = usize::try_from(record.currentline).unwrap_or_default();
        Some(Some(Named { name, line }))
    }

    /// Pushes a variable of a frame, counted from 1, and returns its name. It is there as long as the frame.
    pub(in crate::script) fn push_local<'a>(self, level: i32, at: i32) -> Option<&'a CStr> {
        let record = self.record(level)?;
        // SAFETY: the record is one of a frame that there is; any number may be asked about.
        let name = unsafe { ffi::lua_getlocal(self.0, &raw const record, at) };
        // SAFETY: the text is one of the function's or of Lua's own.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
    }

    fn record(self, level: i32) -> Option<lua_Debug> {
        // SAFETY: the record is plain data, which Lua fills.
        let mut record: lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: any level may be asked about.
        let is_there = unsafe { ffi::lua_getstack(self.0, level, &raw mut record) } != 0;
        is_there.then_some(record)
    }

    /// Pushes a global, by the way that scripts find it.
    pub(in crate::script) fn push_global(self, name: &CStr) {
        // SAFETY: there is room, and this may jump.
        unsafe { ffi::lua_getfield(self.0, ffi::LUA_GLOBALSINDEX, name.as_ptr()) };
    }

    /// Takes over the value on top of another stack. What can fail is to be done on a stack that has a protected call.
    pub(in crate::script) fn take_from(self, other: Stack) {
        // SAFETY: both are of one interpreter, there is a value there and room here.
        unsafe { ffi::lua_xmove(other.0, self.0, 1) };
    }

    /// Compiles a text. False: there is an error on top.
    pub(super) fn load(self, name: &CStr, text: &[u8]) -> bool {
        // SAFETY: the text is there as long as this lasts, and it is done in a protected call of its own.
        let status = unsafe {
            ffi::luaL_loadbuffer(self.0, text.as_ptr().cast(), text.len(), name.as_ptr())
        };
        status == ffi::LUA_OK
    }
}
