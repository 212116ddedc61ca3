//! Several commands at once.

use super::connection::push_request;
use super::{Client, Result, Value};

/// Commands that are collected, then sent together: see [`Client::pipeline`].
#[must_use]
#[derive(Debug)]
pub struct Pipeline<'a> {
    client: &'a mut Client,
    bytes: Vec<u8>,
    /// Where each command ends in `bytes`.
    ends: Vec<usize>,
}

impl Client {
    /// Several commands on one way there and back.
    ///
    /// ```
    /// use pollux::client::Value;
    /// # let server = pollux::server::in_background("");
    /// # let mut client = pollux::client::Client::connect(&server.address())?;
    /// let replies = client
    ///     .pipeline()
    ///     .command(&["SET", "n", "5"])
    ///     .command(&["INCR", "n"])
    ///     .command(&["LPUSH", "n", "x"])
    ///     .send()?;
    /// assert_eq!(replies[1], Value::Integer(6));
    /// assert!(matches!(&replies[2], Value::Error(text) if text.starts_with("WRONGTYPE")));
    /// # Ok::<(), pollux::client::Error>(())
    /// ```
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline {
            client: self,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl Pipeline<'_> {
    pub fn command<A: AsRef<[u8]>>(mut self, args: &[A]) -> Self {
        push_request(&mut self.bytes, args);
        self.ends.push(self.bytes.len());
        self
    }

    /// Sends all of them and returns their replies in order. A refused command is a `Value::Error` in its place.
    ///
    /// A pipeline of any length is sent in batches whose replies are read before the next one: two sides that only
    /// write would wait for each other for ever.
    pub fn send(self) -> Result<Vec<Value>> {
        let mut replies = Vec::with_capacity(self.ends.len());
        let mut start = 0;
        let mut rest = &self.ends[..];
        while let Some(&first) = rest.first() {
            let fits = |end: &&usize| **end - start <= BATCH_BYTES || **end == first;
            let count = rest.iter().take(BATCH_COMMANDS).take_while(fits).count();
            let end = rest[count - 1];
            self.client.send_bytes(&self.bytes[start..end])?;
            for _ in 0..count {
                replies.push(self.client.receive()?);
            }
            start = end;
            rest = &rest[count..];
        }
        Ok(replies)
    }
}

const BATCH_COMMANDS: usize = 1000;
const BATCH_BYTES: usize = 1024 * 1024;
