//! The arguments of one call, read by Lua's rules.
//!
//! Arguments are counted from 1, as errors count them. A number stands for a string and a string of digits for a
//! number; what is missing differs from nil only in the text of the error.

use mlua::{Lua, LuaString, MultiValue, Result, Value};

use super::raise;

pub(super) struct Args<'a> {
    pub(super) lua: &'a Lua,
    values: MultiValue,
}

impl<'a> Args<'a> {
    pub(super) fn new(lua: &'a Lua, values: MultiValue) -> Args<'a> {
        Args { lua, values }
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// An argument, unless there are fewer.
    pub(super) fn value(&self, index: usize) -> Option<&Value> {
        self.values.get(index - 1)
    }

    pub(super) fn is_nil(&self, index: usize) -> bool {
        matches!(self.value(index), None | Some(Value::Nil))
    }

    /// The number that an argument is or spells.
    pub(super) fn number_if_any(&self, index: usize) -> Result<Option<f64>> {
        match self.value(index) {
            Some(Value::Integer(value)) => Ok(Some(*value as f64)),
            Some(Value::Number(value)) => Ok(Some(*value)),
            Some(text @ Value::String(_)) => self.lua.coerce_number(text.clone()),
            _ => Ok(None),
        }
    }

    pub(super) fn number(&self, index: usize) -> Result<f64> {
        self.number_if_any(index)?
            .ok_or_else(|| self.wrong_type(index, "number"))
    }

    pub(super) fn integer(&self, index: usize) -> Result<i64> {
        self.number(index).map(to_i64)
    }

    pub(super) fn integer_or(&self, index: usize, default: i64) -> Result<i64> {
        if self.is_nil(index) {
            return Ok(default);
        }
        self.integer(index)
    }

    pub(super) fn string(&self, index: usize) -> Result<LuaString> {
        let text = match self.value(index) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(number @ (Value::Integer(_) | Value::Number(_))) => {
                self.lua.coerce_string(number.clone())?
            }
            _ => None,
        };
        text.ok_or_else(|| self.wrong_type(index, "string"))
    }

    pub(super) fn bad(&self, index: usize, what: impl AsRef<[u8]>) -> mlua::Error {
        raise::bad_argument(self.lua, index, what)
    }

    pub(super) fn wrong_type(&self, index: usize, expected: &str) -> mlua::Error {
        let found = self.value(index).map_or("no value", type_name);
        self.bad(index, format!("{expected} expected, got {found}"))
    }
}

/// The name of a value's type as Lua tells it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) | Value::Other(_) => {
            "userdata"
        }
    }
}

/// A double as the processor turns it into 64 bits: towards zero, and to the least integer when it does not fit.
pub(super) fn to_i64(value: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// The same into 32 bits.
pub(super) fn to_i32(value: f64) -> i32 {
    if value > -2_147_483_649.0 && value < 2_147_483_648.0 {
        value as i32
    } else {
        i32::MIN
    }
}

/// The same without a sign: the upper half is what lies above 2^63, and what does not fit there wraps to 0.
pub(super) fn to_u64(value: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if value >= HALF {
        to_i64(value - HALF) as u64 ^ (1 << 63)
    } else {
        to_i64(value) as u64
    }
}
