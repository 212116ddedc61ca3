//! The client itself: a socket, the bytes to be sent, and the bytes that came.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::num::push_u64;
use crate::base::time::Clock;
use crate::wire::tokens::Tokens;

use super::address;
use super::stream::Stream;
use super::value::Builder;
use super::{Error, FromReply, Protocol, Result, Settings, Value};

/// One connection to a server. Made again by itself when it breaks.
#[derive(Debug)]
pub struct Client {
    /// `host:port` or a path.
    place: String,
    settings: Settings,
    /// `None` after a failure, until the next call.
    link: Option<Link>,
    /// The values that came unasked, oldest first.
    pushes: VecDeque<Value>,
    clock: Clock,
}

/// The state that belongs to one connection and ends with it.
#[derive(Debug)]
struct Link {
    stream: Stream,
    tokens: Tokens,
    builder: Builder,
    /// Values that came and were not asked for yet.
    ready: VecDeque<Value>,
    space: Vec<u8>,
    used_us: u64,
}

impl Client {
    /// Connects to `host:port`, to the path of a Unix socket, or to what an address as other clients know it names:
    /// `redis://user:password@host:port/database`, and `rediss://` for an encrypted connection.
    pub fn connect(address: &str) -> Result<Client> {
        Client::connect_with(address, Settings::default())
    }

    pub fn connect_with(address: &str, settings: Settings) -> Result<Client> {
        let (place, settings) = address::read(address, settings)?;
        let mut client = Client {
            place,
            settings,
            link: None,
            pushes: VecDeque::new(),
            clock: Clock::system(),
        };
        client.connect_again()?;
        Ok(client)
    }

    /// Whether the last call left a connection that can be used further.
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Closes the connection. The next call makes another.
    pub fn disconnect(&mut self) {
        self.link = None;
    }

    // The commands one always wants.

    pub fn ping(&mut self) -> Result<()> {
        self.ask(&["PING"])
    }

    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.ask(&[b"GET", key.as_ref()])
    }

    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.ask(&[b"SET", key.as_ref(), value.as_ref()])
    }

    /// The values of several keys, in their order.
    ///
    /// ```
    /// # let server = pollux::server::in_background("");
    /// # let mut client = pollux::client::Client::connect(&server.address())?;
    /// client.mset(&[("a", "1"), ("b", "2")])?;
    /// assert_eq!(client.mget(&["b", "c"])?, [Some(b"2".to_vec()), None]);
    /// assert_eq!(client.delete(&["a", "b", "c"])?, 2);
    /// # Ok::<(), pollux::client::Error>(())
    /// ```
    pub fn mget<K: AsRef<[u8]>>(&mut self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>> {
        self.ask(&named(b"MGET", keys))
    }

    pub fn mset<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, pairs: &[(K, V)]) -> Result<()> {
        let mut args: Vec<&[u8]> = vec![b"MSET"];
        for (key, value) in pairs {
            args.push(key.as_ref());
            args.push(value.as_ref());
        }
        self.ask(&args)
    }

    /// Returns how many of the keys there were.
    pub fn delete<K: AsRef<[u8]>>(&mut self, keys: &[K]) -> Result<u64> {
        self.ask(&named(b"DEL", keys))
    }

    /// Empties the database in use.
    pub fn flush(&mut self) -> Result<()> {
        self.ask(&["FLUSHDB"])
    }

    // Any command.

    /// Sends a command and returns its reply as a value.
    pub fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value> {
        self.send(args)?;
        match self.receive()? {
            Value::Error(text) => Err(Error::Server(text)),
            value => Ok(value),
        }
    }

    /// Sends a command and returns its reply as the type one wants: see [`FromReply`].
    pub fn ask<T: FromReply>(&mut self, args: &[impl AsRef<[u8]>]) -> Result<T> {
        self.command(args).and_then(T::from_reply)
    }

    // The two halves of a command, for callers that want something in between.

    /// Sends a command and does not wait. Each has to be followed by a [`receive`](Client::receive), sooner or later.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<()> {
        let mut bytes = Vec::new();
        push_request(&mut bytes, args);
        self.send_bytes(&bytes)
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.look_after_idle()?;
        if self.link.is_none() {
            self.connect_again()?;
        }
        self.try_or_drop(|client| {
            let link = client.link.as_mut().ok_or(Error::Closed)?;
            link.stream.write_all(bytes)?;
            Ok(())
        })
    }

    /// Waits for the next reply; pushes are put aside. An error is a value here, too.
    pub fn receive(&mut self) -> Result<Value> {
        self.try_or_drop(|client| {
            let deadline_us = client.deadline_us(client.settings.reply_timeout);
            loop {
                match client.next_value(deadline_us)? {
                    Value::Push(items) => client.put_aside(Value::Push(items)),
                    value => return Ok(value),
                }
            }
        })
    }

    /// The next thing that came unasked: a message, an invalidation. Waits for it if there is none. RESP3 tells such
    /// things apart; a RESP2 subscriber finds them with [`receive`](Client::receive).
    pub fn receive_push(&mut self, timeout: Duration) -> Result<Option<Value>> {
        if let Some(push) = self.pushes.pop_front() {
            return Ok(Some(push));
        }
        let deadline_us = self.deadline_us(timeout);
        match self.next_value(deadline_us) {
            Ok(value @ Value::Push(_)) => Ok(Some(value)),
            Ok(value) => {
                // A reply somebody will ask for.
                if let Some(link) = &mut self.link {
                    link.ready.push_front(value);
                }
                Ok(None)
            }
            Err(Error::TimedOut) => Ok(None),
            Err(error) => {
                self.link = None;
                Err(error)
            }
        }
    }

    fn put_aside(&mut self, push: Value) {
        if self.pushes.len() >= PUSHES_MAX {
            self.pushes.pop_front();
        }
        self.pushes.push_back(push);
    }

    fn deadline_us(&self, timeout: Duration) -> u64 {
        let timeout_us = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        self.clock.monotonic_us().saturating_add(timeout_us)
    }

    fn next_value(&mut self, deadline_us: u64) -> Result<Value> {
        let clock = &self.clock;
        let link = self.link.as_mut().ok_or(Error::Closed)?;
        loop {
            if let Some(value) = link.ready.pop_front() {
                link.used_us = clock.monotonic_us();
                return Ok(value);
            }
            let left_us = deadline_us.saturating_sub(clock.monotonic_us());
            if left_us == 0 {
                return Err(Error::TimedOut);
            }
            link.stream
                .set_read_timeout(Duration::from_micros(left_us))?;
            link.read(self.settings.reply_bytes_max)?;
        }
    }

    /// After a failure in the middle of talking the connection is of no further use.
    fn try_or_drop<T>(&mut self, talk: impl FnOnce(&mut Client) -> Result<T>) -> Result<T> {
        let outcome = talk(self);
        if outcome.is_err() {
            self.link = None;
        }
        outcome
    }

    /// A server may have closed a connection that lay idle. A request that is sent into it may or may not have been
    /// received, so this is found out before.
    fn look_after_idle(&mut self) -> Result<()> {
        let now_us = self.clock.monotonic_us();
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        if now_us - link.used_us < IDLE_US || !link.ready.is_empty() {
            return Ok(());
        }
        link.stream.set_nonblocking(true)?;
        let outcome = link.read(self.settings.reply_bytes_max);
        link.stream.set_nonblocking(false)?;
        link.used_us = now_us;
        match outcome {
            Ok(()) | Err(Error::TimedOut) => {}
            Err(_) => self.link = None,
        }
        Ok(())
    }

    fn connect_again(&mut self) -> Result<()> {
        let mut pause_us = PAUSE_US;
        for _ in 0..self.settings.retries {
            match self.connect_once() {
                // Trying again would not change an answer.
                Err(error @ Error::Server(_)) => return Err(error),
                Ok(()) => return Ok(()),
                Err(_) => {}
            }
            self.clock.sleep_us(pause_us);
            pause_us *= 2;
        }
        self.connect_once()
    }

    fn connect_once(&mut self) -> Result<()> {
        let stream = Stream::connect(&self.place, &self.settings)?;
        stream.set_write_timeout(self.settings.reply_timeout)?;
        self.link = Some(Link {
            stream,
            tokens: Tokens::of_replies(),
            builder: Builder::default(),
            ready: VecDeque::new(),
            space: vec![0; SPACE_BYTES],
            used_us: self.clock.monotonic_us(),
        });
        let outcome = self.introduce();
        if outcome.is_err() {
            self.link = None;
        }
        outcome
    }

    /// Tells the server our name and protocol, as far as they differ from the defaults.
    fn introduce(&mut self) -> Result<()> {
        for request in self.settings.introduction() {
            self.command(&request)?;
        }
        Ok(())
    }
}

impl Settings {
    /// The requests with which a connection begins.
    pub(crate) fn introduction(&self) -> Vec<Vec<String>> {
        let mut requests = Vec::new();
        let user = self.user.as_deref();
        let password = self.password.as_deref().filter(|word| !word.is_empty());
        if self.protocol == Protocol::Resp3 {
            let mut hello = vec!["HELLO", "3"];
            if let Some(password) = password {
                hello.extend(["AUTH", user.unwrap_or("default"), password]);
            }
            requests.push(hello);
        } else if let Some(password) = password {
            requests.push(["AUTH"].into_iter().chain(user).chain([password]).collect());
        }
        let database = self.database.to_string();
        if self.database > 0 {
            requests.push(vec!["SELECT", &database]);
        }
        let owned = |request: Vec<&str>| request.into_iter().map(str::to_owned).collect();
        requests.into_iter().map(owned).collect()
    }
}

impl Link {
    /// One read, and what values come of it.
    fn read(&mut self, bytes_max: usize) -> Result<()> {
        let count = self.stream.read(&mut self.space)?;
        if count == 0 {
            return Err(Error::Closed);
        }
        let Link {
            tokens,
            builder,
            ready,
            space,
            ..
        } = self;
        tokens.feed(&space[..count], &mut |token| {
            ready.extend(builder.take(token))
        })?;
        if builder.size > bytes_max {
            return Err(Error::TooLarge);
        }
        Ok(())
    }
}

/// Appends a request: an array of strings.
pub(crate) fn push_request<A: AsRef<[u8]>>(bytes: &mut Vec<u8>, args: &[A]) {
    push_header(bytes, b'*', args.len());
    for arg in args {
        let arg = arg.as_ref();
        push_header(bytes, b'$', arg.len());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
}

fn push_header(bytes: &mut Vec<u8>, first: u8, len: usize) {
    bytes.push(first);
    push_u64(bytes, len as u64);
    bytes.extend_from_slice(b"\r\n");
}

fn named<'a, K: AsRef<[u8]>>(name: &'a [u8], keys: &'a [K]) -> Vec<&'a [u8]> {
    let mut args = vec![name];
    args.extend(keys.iter().map(AsRef::as_ref));
    args
}

const SPACE_BYTES: usize = 16 * 1024;

/// Pushes that are kept in case the caller asks; older ones are dropped.
const PUSHES_MAX: usize = 10_000;

/// A connection that was used within this time is taken to be alive.
const IDLE_US: u64 = 100_000;

/// The first pause between attempts to connect; each one is twice as long as the one before.
const PAUSE_US: u64 = 50_000;
