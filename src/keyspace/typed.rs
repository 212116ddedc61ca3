//! From a value to the type a command wants, and to WRONGTYPE when it is another.

use crate::types::list::List;
use crate::types::{Kind, Value};

/// A kind of aggregate that commands ask for by its Rust type: `ctx.keys.write_as::<List>(key)?`.
pub trait Typed: Sized {
    const KIND: Kind;
    /// What a key holds before the first element is added.
    fn fresh() -> Self;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

impl Typed for List {
    const KIND: Kind = Kind::List;
    fn fresh() -> Self {
        Self::new()
    }
    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }
    fn into_value(self) -> Value {
        Value::List(self)
    }
}
