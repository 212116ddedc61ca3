//! From a value to the type a command wants, and to WRONGTYPE when it is another.

use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::zset::Zset;
use crate::types::{Kind, Value};

/// A kind of aggregate that commands ask for by its Rust type: `ctx.keys.write_as::<List>(key)?`.
pub trait Typed: Sized {
    const KIND: Kind;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

impl Typed for Hash {
    const KIND: Kind = Kind::Hash;
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Hash(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Hash(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn into_value(self) -> Value {
        Value::Hash(self)
    }
}

impl Typed for List {
    const KIND: Kind = Kind::List;
    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn into_value(self) -> Value {
        Value::List(self)
    }
}

impl Typed for Set {
    const KIND: Kind = Kind::Set;
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Set(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Set(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn into_value(self) -> Value {
        Value::Set(self)
    }
}

impl Typed for Zset {
    const KIND: Kind = Kind::Zset;
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Zset(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Zset(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn into_value(self) -> Value {
        Value::Zset(self)
    }
}

impl Typed for Stream {
    const KIND: Kind = Kind::Stream;
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Stream(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Stream(it) = value {
            Some(it)
        } else {
            None
        }
    }
    fn into_value(self) -> Value {
        Value::Stream(Box::new(self))
    }
}
