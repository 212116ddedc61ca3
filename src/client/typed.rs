//! Replies as the types a program works with.
//!
//! A conversion is generous where the two protocols differ for the same answer: a double may come as a string, a map as
//! an array, a boolean as 0 or 1. It is strict where something would be lost.

use std::collections::BTreeMap;

use super::{Error, Result, Value};

/// Made out of a reply by [`Client::ask`](super::Client::ask).
///
/// ```
/// use pollux::client::{Client, Value};
/// use std::collections::BTreeMap;
/// # let server = pollux::server::in_background("");
/// # let address = server.address();
///
/// let mut client = Client::connect(&address)?;
/// let () = client.ask(&["HSET", "user", "name", "ann", "age", "41"]).map(|_: i64| ())?;
/// let user: BTreeMap<String, String> = client.ask(&["HGETALL", "user"])?;
/// assert_eq!(user["name"], "ann");
/// let age: i64 = client.ask(&["HGET", "user", "age"])?;
/// assert_eq!(age, 41);
/// let missing: Option<String> = client.ask(&["HGET", "user", "shoe size"])?;
/// assert_eq!(missing, None);
/// let anything: Value = client.ask(&["HKEYS", "user"])?;
/// assert_eq!(anything.as_slice().map(<[Value]>::len), Some(2));
/// # Ok::<(), pollux::client::Error>(())
/// ```
pub trait FromReply: Sized {
    fn from_reply(value: Value) -> Result<Self>;
}

impl FromReply for Value {
    fn from_reply(value: Value) -> Result<Value> {
        Ok(value)
    }
}

/// `OK` and its like, when all one wants to know is that it was no error.
impl FromReply for () {
    fn from_reply(value: Value) -> Result<()> {
        match value {
            Value::Simple(_) => Ok(()),
            other => Err(mismatch("a simple string", other)),
        }
    }
}

impl FromReply for Vec<u8> {
    fn from_reply(value: Value) -> Result<Vec<u8>> {
        match value {
            Value::Bulk(bytes) | Value::Verbatim(_, bytes) => Ok(bytes),
            Value::Simple(text) | Value::BigNumber(text) => Ok(text.into_bytes()),
            Value::Integer(number) => Ok(number.to_string().into_bytes()),
            other => Err(mismatch("a string", other)),
        }
    }
}

impl FromReply for String {
    fn from_reply(value: Value) -> Result<String> {
        let bytes = Vec::<u8>::from_reply(value)?;
        String::from_utf8(bytes).map_err(|_| Error::Type {
            wanted: "text",
            got: "bytes that are no UTF-8",
        })
    }
}

impl FromReply for i64 {
    fn from_reply(value: Value) -> Result<i64> {
        match value {
            Value::Integer(number) => Ok(number),
            other => parse("an integer", other),
        }
    }
}

impl FromReply for u64 {
    fn from_reply(value: Value) -> Result<u64> {
        match value {
            Value::Integer(number) => u64::try_from(number).map_err(|_| Error::Type {
                wanted: "a count",
                got: "a negative integer",
            }),
            other => parse("a count", other),
        }
    }
}

impl FromReply for f64 {
    fn from_reply(value: Value) -> Result<f64> {
        match value {
            Value::Double(number) => Ok(number),
            other => parse("a double", other),
        }
    }
}

impl FromReply for bool {
    fn from_reply(value: Value) -> Result<bool> {
        match value {
            Value::Boolean(is_so) => Ok(is_so),
            Value::Integer(number @ (0 | 1)) => Ok(number == 1),
            other => Err(mismatch("a boolean", other)),
        }
    }
}

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(value: Value) -> Result<Option<T>> {
        match value {
            Value::Null => Ok(None),
            other => T::from_reply(other).map(Some),
        }
    }
}

/// Bytes are `Vec<u8>` already, so lists have a name of their own for what is in them.
macro_rules! lists {
    ($($item:ty),*) => {$(
        impl FromReply for Vec<$item> {
            fn from_reply(value: Value) -> Result<Self> {
                items(value)?.into_iter().map(<$item>::from_reply).collect()
            }
        }
    )*};
}
lists!(
    Value,
    String,
    i64,
    f64,
    bool,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>
);

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(value: Value) -> Result<Self> {
        let pairs = match value {
            Value::Map(pairs) => pairs,
            other => in_pairs(items(other)?)?,
        };
        let typed = |(key, value)| Ok((K::from_reply(key)?, V::from_reply(value)?));
        pairs.into_iter().map(typed).collect()
    }
}

fn items(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => Ok(items),
        other => Err(mismatch("an array", other)),
    }
}

fn in_pairs(items: Vec<Value>) -> Result<Vec<(Value, Value)>> {
    if items.len() % 2 == 1 {
        return Err(Error::Type {
            wanted: "a map",
            got: "an array of odd length",
        });
    }
    let mut items = items.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn parse<T: std::str::FromStr>(wanted: &'static str, value: Value) -> Result<T> {
    let text = value
        .as_bytes()
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(|text| text.parse().ok()) {
        Some(number) => Ok(number),
        None => Err(mismatch(wanted, value)),
    }
}

fn mismatch(wanted: &'static str, value: Value) -> Error {
    match value {
        Value::Error(text) => Error::Server(text),
        other => Error::Type {
            wanted,
            got: other.type_name(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[test]
    fn what_both_protocols_mean_is_the_same() {
        for value in [bulk("2.5"), Value::Double(2.5)] {
            assert_eq!(f64::from_reply(value).ok(), Some(2.5));
        }
        for value in [Value::Integer(1), Value::Boolean(true)] {
            assert_eq!(bool::from_reply(value).ok(), Some(true));
        }
        let map = Value::Map(vec![(bulk("a"), Value::Integer(1))]);
        let array = Value::Array(vec![bulk("a"), Value::Integer(1)]);
        for value in [map, array] {
            let typed = BTreeMap::<String, i64>::from_reply(value);
            assert_eq!(typed.ok(), Some(BTreeMap::from([("a".into(), 1)])));
        }
        let list = Value::Array(vec![bulk("a"), Value::Null]);
        let typed = Vec::<Option<String>>::from_reply(list);
        assert_eq!(typed.ok(), Some(vec![Some("a".into()), None]));
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        let refusal = |outcome: Error| outcome.to_string();
        assert_eq!(
            i64::from_reply(bulk("x")).map_err(refusal),
            Err("the answer is a string, not an integer".into())
        );
        assert!(u64::from_reply(Value::Integer(-1)).is_err());
        assert!(bool::from_reply(Value::Integer(2)).is_err());
        assert!(String::from_reply(Value::Bulk(vec![255])).is_err());
        assert!(Vec::<u8>::from_reply(Value::Null).is_err());
        let error = <()>::from_reply(Value::Error("ERR x".into()));
        assert_eq!(error.unwrap_err().code(), Some("ERR"));
    }
}
