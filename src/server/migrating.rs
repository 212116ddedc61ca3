//! Sends keys to another server for MIGRATE, on a thread: connects, writes, reads the answers.
//!
//! A connection that has done its work is kept for a while, since who moves one key often moves the next. It may have
//! been closed by the other end meanwhile; so what fails before anything was answered is tried once more, on a new one,
//! unless it failed because time ran out.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use crate::engine::migration::{Failure, Order, Report};
use crate::server::Server;
use crate::tls::{DialSecurity, Waiting};

/// Connections of earlier migrations, and the one that is under way.
#[derive(Default)]
pub(super) struct Migrating {
    kept: HashMap<Name, Kept>,
    running: Option<(Name, mpsc::Receiver<Outcome>)>,
}

/// What came of it, and the connection if it can be used again.
type Outcome = (Report, Option<Connection>);

/// Host and port, as the command said them.
type Name = (Vec<u8>, u16);

struct Kept {
    connection: Connection,
    since_us: u64,
}

struct Connection {
    /// For what is set and asked of it whether it is encrypted or not.
    socket: TcpStream,
    stream: BufReader<Box<dyn Stream>>,
    /// The database that it has selected.
    db: Option<i64>,
}

/// What is sent and received, in plain or encrypted.
trait Stream: Read + Write + Send {}

impl Stream for TcpStream {}
impl Stream for Waiting<TcpStream> {}

/// So many connections are kept at most, and so long.
const KEPT_MAX: usize = 64;
const KEPT_US: u64 = 10_000_000;
/// So much is written at once: a step that the time-out applies to.
const PIECE_BYTES: usize = 64 * 1024;
/// An answer is a line, and no longer than this.
const LINE_BYTES_MAX: u64 = 64 * 1024;

impl Migrating {
    pub(super) fn is_idle(&self) -> bool {
        self.kept.is_empty() && self.running.is_none()
    }
}

impl Server {
    pub(super) fn migrate(&mut self, order: Order) {
        let name = (order.host.clone(), order.port);
        let kept = self
            .migrating
            .kept
            .remove(&name)
            .map(|kept| kept.connection);
        let host = String::from_utf8_lossy(&order.host);
        let security = self.security.for_migration(self.engine.config(), &host);
        let (tell, outcome) = mpsc::channel();
        let waker = self.waker.clone();
        let spawned = self.crew.spawn("migrate", move || {
            let _ = tell.send(exchange(&order, security.as_ref(), kept));
            waker.wake();
        });
        match spawned {
            Ok(_) => self.migrating.running = Some((name, outcome)),
            Err(error) => {
                log::warn!("Cannot start a thread: {error}");
                self.engine
                    .handle_migrated(Report::failed(Failure::Connecting));
            }
        }
    }

    /// Takes what the thread has to tell, and parts with connections that nobody has used for long.
    pub(super) fn attend_migrating(&mut self) {
        let now_us = self.engine.monotonic_us();
        if let Some((name, outcome)) = self.migrating.running.take() {
            match outcome.try_recv() {
                Err(TryRecvError::Empty) => self.migrating.running = Some((name, outcome)),
                Err(TryRecvError::Disconnected) => {
                    self.engine
                        .handle_migrated(Report::failed(Failure::Reading));
                }
                Ok((report, connection)) => {
                    self.keep_connection(name, connection, now_us);
                    self.engine.handle_migrated(report);
                }
            }
        }
        let kept = &mut self.migrating.kept;
        kept.retain(|_, kept| now_us.saturating_sub(kept.since_us) < KEPT_US);
        self.engine
            .handle_kept_connections(self.migrating.kept.len());
    }

    fn keep_connection(&mut self, name: Name, connection: Option<Connection>, since_us: u64) {
        let Some(connection) = connection else {
            return;
        };
        let kept = &mut self.migrating.kept;
        if kept.len() >= KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.since_us);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(
            name,
            Kept {
                connection,
                since_us,
            },
        );
    }
}

/// How an attempt has ended. The connection is there if it can be used again.
struct Attempt {
    report: Report,
    connection: Option<Connection>,
    /// Another one may do better.
    may_retry: bool,
}

fn exchange(order: &Order, security: Option<&DialSecurity>, kept: Option<Connection>) -> Outcome {
    let first = attempt(order, security, kept);
    let last = if first.may_retry {
        attempt(order, security, None)
    } else {
        first
    };
    (last.report, last.connection)
}

fn attempt(order: &Order, security: Option<&DialSecurity>, kept: Option<Connection>) -> Attempt {
    let timeout = Duration::from_millis(order.timeout_ms);
    let connected = kept.map_or_else(|| connect(order, security, timeout), Ok);
    let mut connection = match connected {
        Ok(connection) => connection,
        Err(failure) => {
            return Attempt {
                report: Report::failed(failure),
                connection: None,
                may_retry: false,
            };
        }
    };
    let mut report = Report::default();
    let outcome = talk(order, timeout, &mut connection, &mut report);
    let is_error = |line: &Vec<u8>| line.starts_with(b"-");
    let lines = report.auth.iter().chain(&report.select).chain(&report.keys);
    connection.db = (lines.into_iter().all(|line| !is_error(line))).then_some(order.db);
    match outcome {
        Ok(()) => Attempt {
            report,
            connection: Some(connection),
            may_retry: false,
        },
        Err((failure, error)) => {
            let is_late = matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            );
            report.failure = Some(failure);
            Attempt {
                may_retry: !is_late && report.keys.is_empty(),
                report,
                connection: None,
            }
        }
    }
}

/// Clients are told that writing has failed where the other end has refused the connection, as Redis tells them, which
/// learns of that when it writes; of an encrypted one it learns while it connects.
fn connect(
    order: &Order,
    security: Option<&DialSecurity>,
    timeout: Duration,
) -> Result<Connection, Failure> {
    let host = String::from_utf8_lossy(&order.host);
    let addresses = (&*host, order.port).to_socket_addrs();
    let mut failure = Failure::Connecting;
    for address in addresses.map_err(|_| Failure::Connecting)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(socket) => {
                // Without it requests are slower, and that is all.
                let _ = socket.set_nodelay(true);
                return connected(socket, security, timeout).map_err(|_| Failure::Connecting);
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(_) if security.is_some() => {}
            Err(_) => failure = Failure::Writing,
        }
    }
    Err(failure)
}

fn connected(
    socket: TcpStream,
    security: Option<&DialSecurity>,
    timeout: Duration,
) -> io::Result<Connection> {
    let other = socket.try_clone()?;
    let stream: Box<dyn Stream> = match security {
        None => Box::new(other),
        Some(security) => {
            socket.set_write_timeout(Some(timeout))?;
            socket.set_read_timeout(Some(timeout))?;
            Box::new(Waiting::dial(other, security.clone())?)
        }
    };
    Ok(Connection {
        socket,
        stream: BufReader::new(stream),
        db: None,
    })
}

fn talk(
    order: &Order,
    timeout: Duration,
    connection: &mut Connection,
    report: &mut Report,
) -> Result<(), (Failure, io::Error)> {
    let writing = |error| (Failure::Writing, error);
    let reading = |error| (Failure::Reading, error);
    let socket = &connection.socket;
    socket.set_write_timeout(Some(timeout)).map_err(writing)?;
    socket.set_read_timeout(Some(timeout)).map_err(reading)?;
    let stream = connection.stream.get_mut();
    let needs_select = connection.db != Some(order.db);
    let select = needs_select.then_some(&order.select);
    let requests = order.auth.iter().chain(select).chain([&order.restores]);
    for request in requests {
        for piece in request.chunks(PIECE_BYTES) {
            stream.write_all(piece).map_err(writing)?;
        }
    }
    if order.auth.is_some() {
        report.auth = Some(read_line(&mut connection.stream).map_err(reading)?);
    }
    if needs_select {
        report.select = Some(read_line(&mut connection.stream).map_err(reading)?);
    }
    for _ in 0..order.count {
        let line = read_line(&mut connection.stream).map_err(reading)?;
        report.keys.push(line);
    }
    Ok(())
}

fn read_line(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}
