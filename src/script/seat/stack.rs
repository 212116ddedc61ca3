//! Lua's stack: values are pushed, looked at and popped, and places are counted from 1, or from -1 downwards.
//!
//! Each method is one call of Lua's. Those that make something (a string, a table, a function, a new field) may find no
//! memory and then jump; see the room's essay for what that asks of who calls them. A function has room for twenty
//! values; who needs more asks [`Stack::has_room`].

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;

use mlua::ffi::{self, lua_State};
use mlua::{FromLuaMulti, Function, IntoLuaMulti, Lua};

use super::shared::Shared;
use super::state::Stack;

/// An error lies on the stack, on top, and is to be raised.
#[derive(Debug)]
pub(in crate::script) struct Raise;

/// The end of a function that Lua calls: how many of the topmost values are its results.
pub(in crate::script) type Ended = Result<i32, Raise>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::script) enum Kind {
    /// There is no value at that place.
    None,
    Nil,
    Boolean,
    Number,
    String,
    Table,
    Function,
    Thread,
    Userdata,
}

/// The upvalue of all our functions.
const SHARED: c_int = ffi::lua_upvalueindex(1);

/// What a library's function returns in front of the text of an error.
static FAILED: u8 = 0;

/// Under the address of this the registry has what stands behind each wall.
static WALLS: u8 = 0;

/// A frame of the stack of calls.
pub(in crate::script) struct Frame<'a> {
    pub(in crate::script) is_c: bool,
    pub(in crate::script) is_tail: bool,
    /// The name of the chunk.
    pub(in crate::script) source: &'a CStr,
    pub(in crate::script) line: Option<i32>,
}

/// What Lua calls: it runs the function `F`, and raises what that leaves to be raised.
unsafe extern "C-unwind" fn enter<F>(state: *mut lua_State) -> c_int
where
    F: Fn(Stack, &Shared) -> Ended,
{
    const { assert!(size_of::<F>() == 0, "a function without surroundings") };
    let stack = Stack(state);
    // SAFETY: a type without size has no bytes that could be missing, and any aligned pointer is one to it.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    match function(stack, stack.shared()) {
        Ok(results) => results,
        // SAFETY: the error is on top, and this frame owns nothing.
        Err(Raise) => unsafe { ffi::lua_error(state) },
    }
}

/// What Lua calls for a function of a library: the function proper, which the crate has made, never fails by itself.
unsafe extern "C-unwind" fn enter_library(state: *mut lua_State) -> c_int {
    let stack = Stack(state);
    let given = stack.top();
    for at in 1..=given {
        if stack.kind(at) == Kind::Table && stack.push_behind(at) {
            stack.replace(at);
        }
    }
    stack.push_copy(ffi::lua_upvalueindex(1));
    stack.insert(1);
    stack.call(given, ffi::LUA_MULTRET);
    // SAFETY: the state is that of the call that runs.
    let first = unsafe { ffi::lua_touserdata(state, 1) };
    if first.cast_const() == (&raw const FAILED).cast() {
        stack.set_top(2);
        // SAFETY: the text of the error is on top, and this frame owns nothing.
        unsafe { ffi::lua_error(state) }
    }
    stack.top()
}

/// What Lua calls for a function of its own library that must not reach behind a wall.
unsafe extern "C-unwind" fn enter_walled<const WRITES: bool>(state: *mut lua_State) -> c_int {
    let stack = Stack(state);
    let given = stack.top();
    if stack.kind(1) == Kind::Table && stack.push_behind(1) {
        if WRITES && matches!(given, 2 | 3) {
            stack.push_bytes(b"Attempt to modify a readonly table");
            // SAFETY: the error is on top, and this frame owns nothing.
            unsafe { ffi::lua_error(state) }
        } else if WRITES {
            stack.pop(1);
        } else {
            stack.replace(1);
        }
    }
    // SAFETY: the upvalue is there, since `walled` has made this function.
    let original = unsafe { ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) };
    match original {
        // SAFETY: the function finds its arguments where Lua would have put them, in a frame of its own kind.
        Some(original) => unsafe { original(state) },
        None => 0,
    }
}

impl Stack {
    /// What our functions share: only they may ask.
    #[inline]
    fn shared<'a>(self) -> &'a Shared {
        // SAFETY: `push_function` has put the pointer there.
        let shared = unsafe { ffi::lua_touserdata(self.0, SHARED) };
        // SAFETY: it lives as long as the interpreter, which is running.
        unsafe { &*shared.cast_const().cast::<Shared>() }
    }

    #[inline]
    pub(in crate::script) fn top(self) -> i32 {
        // SAFETY: the state is alive while a function of it runs.
        unsafe { ffi::lua_gettop(self.0) }
    }

    #[inline]
    pub(in crate::script) fn set_top(self, top: i32) {
        // SAFETY: nobody sets it beyond what there is room for.
        unsafe { ffi::lua_settop(self.0, top) }
    }

    #[inline]
    pub(in crate::script) fn pop(self, count: i32) {
        self.set_top(-count - 1);
    }

    /// Makes room for so many values more; false if a function may not have as many.
    #[inline]
    pub(in crate::script) fn has_room(self, count: i32) -> bool {
        // SAFETY: it only grows the stack, or jumps.
        unsafe { ffi::lua_checkstack(self.0, count) != 0 }
    }

    #[inline]
    pub(in crate::script) fn kind(self, at: i32) -> Kind {
        // SAFETY: any place may be asked about.
        match unsafe { ffi::lua_type(self.0, at) } {
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TTHREAD => Kind::Thread,
            ffi::LUA_TLIGHTUSERDATA | ffi::LUA_TUSERDATA => Kind::Userdata,
            _ => Kind::None,
        }
    }

    /// The name of the type of a value, as scripts know it.
    pub(in crate::script) fn type_name(self, at: i32) -> &'static [u8] {
        match self.kind(at) {
            Kind::None => b"no value",
            Kind::Nil => b"nil",
            Kind::Boolean => b"boolean",
            Kind::Number => b"number",
            Kind::String => b"string",
            Kind::Table => b"table",
            Kind::Function => b"function",
            Kind::Thread => b"thread",
            Kind::Userdata => b"userdata",
        }
    }

    /// Where an object lies, as a number that tells it from others.
    pub(in crate::script) fn identity(self, at: i32) -> usize {
        // SAFETY: any place may be asked about.
        unsafe { ffi::lua_topointer(self.0, at) as usize }
    }

    /// The bytes of a string; of nothing else, numbers included. They are there as long as the string is on the stack.
    #[inline]
    pub(in crate::script) fn bytes<'a>(self, at: i32) -> Option<&'a [u8]> {
        if self.kind(at) != Kind::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: the value is a string, so it is not converted, and the pointer is one to its bytes.
        let start = unsafe { ffi::lua_tolstring(self.0, at, &raw mut len) };
        // SAFETY: Lua's strings do not move, and this one is held by the stack.
        Some(unsafe { std::slice::from_raw_parts(start.cast(), len) })
    }

    /// A number as the text that Lua makes of it, at the same place; true also if it was a string before.
    pub(in crate::script) fn make_string(self, at: i32) -> bool {
        // SAFETY: the length is not asked for.
        !unsafe { ffi::lua_tolstring(self.0, at, std::ptr::null_mut()) }.is_null()
    }

    /// A number; a string of digits is none.
    #[inline]
    pub(in crate::script) fn number(self, at: i32) -> Option<f64> {
        // SAFETY: any place may be asked about, and a number is not converted.
        (self.kind(at) == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.0, at) })
    }

    /// A number, or a string of digits as one.
    pub(in crate::script) fn read_number(self, at: i32) -> Option<f64> {
        // SAFETY: any place may be asked about.
        let is_number = unsafe { ffi::lua_isnumber(self.0, at) != 0 };
        // SAFETY: likewise; the value stays what it is.
        is_number.then(|| unsafe { ffi::lua_tonumber(self.0, at) })
    }

    /// How many elements a table has.
    pub(in crate::script) fn element_count(self, at: i32) -> usize {
        // SAFETY: any place may be asked about.
        unsafe { ffi::lua_objlen(self.0, at) }
    }

    /// Raises an error unless the argument is a table.
    pub(in crate::script) fn check_table(self, at: i32) {
        // SAFETY: it jumps if the argument is none.
        unsafe { ffi::luaL_checktype(self.0, at, ffi::LUA_TTABLE) }
    }

    /// The argument as a number, or an error that says which one is none.
    pub(in crate::script) fn number_argument(self, at: i32) -> f64 {
        // SAFETY: it jumps if the argument is no number.
        unsafe { ffi::luaL_checknumber(self.0, at) }
    }

    #[inline]
    pub(in crate::script) fn truth(self, at: i32) -> bool {
        // SAFETY: any place may be asked about.
        unsafe { ffi::lua_toboolean(self.0, at) != 0 }
    }

    #[inline]
    pub(in crate::script) fn push_nil(self) {
        // SAFETY: there is room.
        unsafe { ffi::lua_pushnil(self.0) }
    }

    #[inline]
    pub(in crate::script) fn push_boolean(self, truth: bool) {
        // SAFETY: there is room.
        unsafe { ffi::lua_pushboolean(self.0, truth.into()) }
    }

    #[inline]
    pub(in crate::script) fn push_number(self, number: f64) {
        // SAFETY: there is room.
        unsafe { ffi::lua_pushnumber(self.0, number) }
    }

    #[inline]
    pub(in crate::script) fn push_bytes(self, bytes: &[u8]) {
        // SAFETY: Lua copies so many bytes and no more. There is room.
        unsafe { ffi::lua_pushlstring_(self.0, bytes.as_ptr().cast(), bytes.len()) }
    }

    #[inline]
    pub(in crate::script) fn push_copy(self, at: i32) {
        // SAFETY: there is room, and a value at that place.
        unsafe { ffi::lua_pushvalue(self.0, at) }
    }

    #[inline]
    pub(in crate::script) fn push_table(self, elements: usize, fields: usize) {
        let most = |count: usize| c_int::try_from(count).unwrap_or(c_int::MAX);
        // SAFETY: there is room.
        unsafe { ffi::lua_createtable(self.0, most(elements), most(fields)) }
    }

    /// A function of Lua's that runs `function`, which is there to say which one.
    pub(in crate::script) fn push_function<F>(self, _function: F, shared: &Shared)
    where
        F: Fn(Stack, &Shared) -> Ended,
    {
        let shared: *const Shared = shared;
        // SAFETY: there is room. The pointer is one that `Stack::shared` may follow, since the interpreter that is
        // being built has it.
        unsafe { ffi::lua_pushlightuserdata(self.0, shared.cast_mut().cast::<c_void>()) };
        // SAFETY: the one upvalue is on top.
        unsafe { ffi::lua_pushcclosure(self.0, enter::<F>, 1) }
    }

    /// Puts the value on top in front of the one at a place.
    #[inline]
    pub(in crate::script) fn insert(self, at: i32) {
        // SAFETY: both are there.
        unsafe { ffi::lua_insert(self.0, at) }
    }

    /// Puts the value on top in place of another.
    #[inline]
    pub(in crate::script) fn replace(self, at: i32) {
        // SAFETY: both are there.
        unsafe { ffi::lua_replace(self.0, at) }
    }

    #[inline]
    pub(in crate::script) fn remove(self, at: i32) {
        // SAFETY: it is there.
        unsafe { ffi::lua_remove(self.0, at) }
    }

    /// The key on top becomes the value that the table has for it. No metatable is asked.
    #[inline]
    pub(in crate::script) fn raw_get(self, table: i32) {
        // SAFETY: who calls this has seen that there is a table.
        unsafe { ffi::lua_rawget_(self.0, table) }
    }

    /// Pushes a field of a table.
    #[inline]
    pub(in crate::script) fn push_field(self, table: i32, name: &[u8]) {
        let table = if table < 0 { table - 1 } else { table };
        self.push_bytes(name);
        self.raw_get(table);
    }

    /// The same, but a metatable of the table's may have its say.
    pub(in crate::script) fn ask_field(self, table: i32, name: &CStr) {
        // SAFETY: there is a table at that place, and this may jump.
        unsafe { ffi::lua_getfield(self.0, table, name.as_ptr()) };
    }

    #[inline]
    pub(in crate::script) fn push_element(self, table: i32, at: usize) {
        self.push_at(table, c_int::try_from(at).unwrap_or(c_int::MAX));
    }

    /// Pushes what a table has at a number.
    #[inline]
    pub(in crate::script) fn push_at(self, table: i32, at: i32) {
        // SAFETY: who calls this has seen that there is a table.
        unsafe { ffi::lua_rawgeti_(self.0, table, at) }
    }

    /// Takes the key and the value on top into a table.
    #[inline]
    pub(in crate::script) fn raw_set(self, table: i32) {
        // SAFETY: who calls this has made the table, and the key is neither nil nor what is no number.
        unsafe { ffi::lua_rawset(self.0, table) }
    }

    /// The value on top becomes a field of a table.
    #[inline]
    pub(in crate::script) fn set_field(self, table: i32, name: &[u8]) {
        let table = if table < 0 { table - 1 } else { table };
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// The value on top becomes an element of a table.
    #[inline]
    pub(in crate::script) fn set_element(self, table: i32, at: usize) {
        let at = c_int::try_from(at).unwrap_or(c_int::MAX);
        // SAFETY: who calls this has made the table.
        unsafe { ffi::lua_rawseti_(self.0, table, at) }
    }

    /// Puts the key and the value that follow a key in place of that; false, and nothing instead, after the last.
    #[inline]
    pub(in crate::script) fn next(self, table: i32) -> bool {
        // SAFETY: the key is on top, and of this table.
        unsafe { ffi::lua_next(self.0, table) != 0 }
    }

    /// Pushes the table that stands behind one which scripts see in front of it, if it is such a one.
    pub(in crate::script) fn push_behind(self, at: i32) -> bool {
        push_walls_key(self.0);
        self.raw_get(ffi::LUA_REGISTRYINDEX);
        self.push_copy(at);
        self.raw_get(-2);
        self.remove(-2);
        let is_wall = self.kind(-1) == Kind::Table;
        if !is_wall {
            self.pop(1);
        }
        is_wall
    }

    /// Calls a function beneath its arguments. What it raises jumps.
    #[inline]
    pub(in crate::script) fn call(self, arguments: i32, results: i32) {
        // SAFETY: so many values are there.
        unsafe { ffi::lua_call(self.0, arguments, results) }
    }

    /// Calls a function beneath its arguments, for all of its results. False: there is an error in their place.
    pub(in crate::script) fn call_protected(self, arguments: i32) -> bool {
        // SAFETY: so many values are there.
        unsafe { ffi::lua_pcall(self.0, arguments, ffi::LUA_MULTRET, 0) == ffi::LUA_OK }
    }

    /// Calls a function without arguments for one result, which is in its place then. False: it is an error.
    pub(in crate::script) fn call_for_one(self) -> bool {
        // SAFETY: the function is there.
        unsafe { ffi::lua_pcall(self.0, 0, 1, 0) == ffi::LUA_OK }
    }

    /// The same for a function on top, without arguments, for all of its results, whose errors the first value on the
    /// stack sees before.
    pub(in crate::script) fn call_handled(self) -> bool {
        // SAFETY: both are there.
        unsafe { ffi::lua_pcall(self.0, 0, ffi::LUA_MULTRET, 1) == ffi::LUA_OK }
    }

    /// Pushes the text that a metatable makes of a value, if it does.
    pub(in crate::script) fn push_shown(self, at: i32) -> bool {
        // SAFETY: any value may be asked about.
        unsafe { ffi::luaL_callmeta(self.0, at, c"__tostring".as_ptr()) != 0 }
    }

    /// Pushes where the function that called ours stands, in the form that messages begin with.
    pub(in crate::script) fn push_where(self) {
        // SAFETY: a function runs.
        unsafe { ffi::luaL_where(self.0, 1) }
    }

    /// Joins the topmost values.
    pub(in crate::script) fn join(self, count: i32) {
        // SAFETY: so many strings are there.
        unsafe { ffi::lua_concat(self.0, count) }
    }

    /// The frame of a call, where 0 is the one that runs; `look` must keep nothing of it.
    pub(in crate::script) fn frame<R>(
        self,
        level: i32,
        look: impl FnOnce(Frame<'_>) -> R,
    ) -> Option<R> {
        // SAFETY: the record is plain data, which `lua_getstack` and `lua_getinfo` fill.
        let mut record: ffi::lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: any level may be asked about.
        if unsafe { ffi::lua_getstack(self.0, level, &raw mut record) } == 0 {
            return None;
        }
        // SAFETY: the record is one of a frame that there is.
        unsafe { ffi::lua_getinfo(self.0, c"Sl".as_ptr(), &raw mut record) };
        // SAFETY: Lua has set it to a text of its own.
        let what = unsafe { CStr::from_ptr(record.what) };
        // SAFETY: likewise; the chunk is held by the frame.
        let source = unsafe { CStr::from_ptr(record.source) };
        Some(look(Frame {
            is_c: what == c"C",
            is_tail: what == c"tail",
            source,
            line: (record.currentline >= 0).then_some(record.currentline),
        }))
    }
}

/// Lends the stack of an interpreter that runs nothing, in a protected call. What `job` leaves there is its result.
pub(super) fn with_stack<R: FromLuaMulti>(
    lua: &Lua,
    given: impl IntoLuaMulti,
    job: impl FnOnce(Stack),
) -> mlua::Result<R> {
    // SAFETY: `job` cannot do to the stack what the methods here do not allow.
    unsafe { lua.exec_raw(given, |state| job(Stack(state))) }
}

/// A value that `job` leaves on the stack.
pub(in crate::script) fn build<R: FromLuaMulti>(
    lua: &Lua,
    job: impl FnOnce(Stack),
) -> mlua::Result<R> {
    with_stack(lua, (), job)
}

/// Sets the table of what stands behind each wall. It must be there before a library or a function with walls is
/// called.
pub(in crate::script) fn set_walls(lua: &Lua, walls: &mlua::Table) -> mlua::Result<()> {
    with_stack(lua, walls, |stack| {
        push_walls_key(stack.0);
        stack.insert(-2);
        stack.raw_set(ffi::LUA_REGISTRYINDEX);
    })
}

fn push_walls_key(state: *mut lua_State) {
    // SAFETY: there is room.
    unsafe { ffi::lua_pushlightuserdata(state, (&raw const WALLS).cast_mut().cast()) }
}

/// A function of a library out of one that returns errors: `None`, and the text.
pub(in crate::script) fn library_function(lua: &Lua, inner: Function) -> mlua::Result<Function> {
    with_stack(lua, inner, |stack| {
        // SAFETY: the one upvalue is on top.
        unsafe { ffi::lua_pushcclosure(stack.0, enter_library, 1) }
    })
}

/// What a library's function returns in front of the text of an error.
pub(in crate::script) fn failed() -> mlua::LightUserData {
    mlua::LightUserData((&raw const FAILED).cast_mut().cast())
}

/// A function of Lua's own library that takes a table first, for scripts: it does not change one that has a wall in
/// front, and reads what lies behind the wall.
pub(in crate::script) fn walled(
    lua: &Lua,
    original: Function,
    writes: bool,
) -> mlua::Result<Function> {
    with_stack(lua, original, |stack| {
        let enter = if writes {
            enter_walled::<true>
        } else {
            enter_walled::<false>
        };
        // SAFETY: the one upvalue is on top.
        unsafe { ffi::lua_pushcclosure(stack.0, enter, 1) }
    })
}

/// A function of Lua's own library that works with another function than the one it was made with.
pub(in crate::script) fn rebound(
    lua: &Lua,
    original: Function,
    inner: Function,
) -> mlua::Result<Function> {
    with_stack(lua, (inner, original), |stack| {
        // SAFETY: the original is on top.
        let original = unsafe { ffi::lua_tocfunction(stack.0, -1) };
        stack.pop(1);
        if let Some(original) = original {
            // SAFETY: the one upvalue is on top, of the kind that the function was made with.
            unsafe { ffi::lua_pushcclosure(stack.0, original, 1) }
        }
    })
}
