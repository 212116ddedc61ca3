//! How a library raises an error.
//!
//! Lua's own libraries raise strings, and put before them where the caller stands: `user_script:3: bad argument ...`.
//! Rust code cannot raise strings; so a function returns the string as an error ([`Raised`]), and the function of C
//! around it (`script::seat`), which is the one that the script calls, raises it. The place is read while the caller is
//! on the stack.
//!
//! The text is bytes: it may quote a byte of a format that is no character.

use std::borrow::Cow;
use std::fmt;

use mlua::{Error, Lua};

/// The frame of the function that a script calls. Before it stands the one of the function inside.
const OUTER: usize = 1;

/// A string on its way from a library to the script.
#[derive(Debug)]
struct Raised {
    text: Vec<u8>,
}

impl fmt::Display for Raised {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::error::Error for Raised {}

/// An error with the place of the caller before it.
pub(super) fn error(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    let mut placed = place(lua).into_bytes();
    placed.extend_from_slice(text.as_ref());
    bare(placed)
}

/// An error without a place, as the interpreter raises those it finds inside of a C function.
pub(super) fn bare(text: impl Into<Vec<u8>>) -> Error {
    Error::external(Raised { text: text.into() })
}

/// The string that an error holds, without what was gathered on its way.
pub(super) fn text_of(error: &Error) -> Vec<u8> {
    if let Some(raised) = error.downcast_ref::<Raised>() {
        return raised.text.clone();
    }
    match error {
        Error::CallbackError { cause, .. } => text_of(cause),
        Error::MemoryError(_) => b"not enough memory".to_vec(),
        Error::RuntimeError(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// What a script gets when there is no memory for what it asks.
pub(super) fn no_memory() -> Error {
    bare("not enough memory")
}

/// The stack of the interpreter has no room for what a function would leave there.
pub(super) fn stack_overflow(lua: &Lua, what: &str) -> Error {
    error(lua, format!("stack overflow ({what})"))
}

/// What is wrong with an argument. The function is called what the caller calls it; for a method the first argument is
/// the object, and is not counted.
pub(super) fn bad_argument(lua: &Lua, index: usize, what: impl AsRef<[u8]>) -> Error {
    let (name, is_method) = lua
        .inspect_stack(OUTER, |function| {
            let names = function.names();
            let name = names.name.map(Cow::into_owned);
            (name, names.name_what == Some("method"))
        })
        .unwrap_or((None, false));
    let name = name.unwrap_or_else(|| "?".to_owned());
    let index = index as i64 - i64::from(is_method);
    let mut text = if is_method && index == 0 {
        format!("calling '{name}' on bad self (")
    } else {
        format!("bad argument #{index} to '{name}' (")
    }
    .into_bytes();
    text.extend_from_slice(what.as_ref());
    text.push(b')');
    error(lua, text)
}

/// Where the caller stands, as `script:line: `; nothing when the caller is no Lua code.
fn place(lua: &Lua) -> String {
    lua.inspect_stack(OUTER + 1, |caller| {
        let line = caller.current_line()?;
        let source = caller.source().short_src?.into_owned();
        Some(format!("{source}:{line}: "))
    })
    .flatten()
    .unwrap_or_default()
}
