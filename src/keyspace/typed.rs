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
    fn is_empty(&self) -> bool;
}

macro_rules! typed {
    ($type:ident, $into:expr) => {
        impl Typed for $type {
            const KIND: Kind = Kind::$type;

            fn of(value: &Value) -> Option<&Self> {
                if let Value::$type(it) = value {
                    Some(it)
                } else {
                    None
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$type(it) = value {
                    Some(it)
                } else {
                    None
                }
            }

            fn into_value(self) -> Value {
                $into(self)
            }

            fn is_empty(&self) -> bool {
                $type::is_empty(self)
            }
        }
    };
}

typed!(Hash, Value::Hash);
typed!(List, Value::List);
typed!(Set, Value::Set);
typed!(Zset, Value::Zset);
typed!(Stream, |it| Value::Stream(Box::new(it)));
