//! The five kinds of byte stream a connection can be, and how each is opened and tuned.
//!
//! A pipe from or to a child process is a stream that goes one way only. Treating it as a connection lets a program
//! talk to its children with the callbacks it already has for its sockets.
//!
//! Not known here: readiness, buffers, ids. Reads and writes never block and may report `WouldBlock`.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::unix::pipe;
use mio::{Interest, Registry, Token};
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::tls::{DialSecurity, Secured};

use super::address::Address;

/// A byte stream the loop can own. Made by accepting or connecting, or `From` what the standard library calls a
/// stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// A socket whose bytes are encrypted. In a box, since it is large and rare.
    Tls(Box<Secured<TcpStream>>),
    /// The reading end of a pipe: a child's output.
    PipeIn(pipe::Receiver),
    /// The writing end of a pipe: a child's input.
    PipeOut(pipe::Sender),
}

impl Stream {
    /// Begins to connect. Success here only means that the attempt is under way: `settled` tells the rest once the
    /// socket has become writable.
    pub(super) fn connect(
        to: &Address,
        from: Option<IpAddr>,
        security: Option<DialSecurity>,
    ) -> io::Result<Stream> {
        let (domain, address) = match to {
            Address::Ip(address) => (Domain::for_address(*address), SockAddr::from(*address)),
            Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
            Address::Pipe => return Err(io::ErrorKind::Unsupported.into()),
        };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if let Some(from) = from {
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        match socket.connect(&address) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(match (to, security) {
            (Address::Ip(_), Some(security)) => {
                let socket = TcpStream::from_std(socket.into());
                Stream::Tls(Box::new(Secured::dial(socket, security)?))
            }
            (Address::Ip(_), None) => Stream::Tcp(TcpStream::from_std(socket.into())),
            _ => Stream::Unix(UnixStream::from_std(socket.into())),
        })
    }

    /// Whether an attempt to connect has come to an end: `Ok(true)` connected, `Ok(false)` still under way. An
    /// encrypted connection is connected when both sides have agreed.
    ///
    /// Writable alone does not say it: a socket is also reported writable when the attempt failed, and some systems
    /// report it early. So the pending error is asked for first, then whether there is a peer at all.
    pub(super) fn settled(&mut self, scratch: &mut Vec<u8>) -> io::Result<bool> {
        if let Some(error) = self.take_error()? {
            return Err(error);
        }
        let peer = match self {
            Stream::Tcp(stream) => stream.peer_addr().map(drop),
            Stream::Unix(stream) => stream.peer_addr().map(drop),
            Stream::Tls(stream) => stream.socket.peer_addr().map(drop),
            Stream::PipeIn(_) | Stream::PipeOut(_) => Ok(()),
        };
        match (peer, self) {
            (Ok(()), Stream::Tls(stream)) => stream.shake_hands(scratch),
            (Ok(()), _) => Ok(true),
            (Err(error), _)
                if error.kind() == io::ErrorKind::NotConnected || is_under_way(&error) =>
            {
                Ok(false)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Stream::Tcp(stream) => Some(stream),
            Stream::Tls(stream) => Some(&stream.socket),
            _ => None,
        }
    }

    /// See `tune_tcp`. Accepted streams need not be tuned: they have it from their listener.
    pub(super) fn tune(&self, keepalive_seconds: u32) {
        if let Some(stream) = self.tcp() {
            tune_tcp(&SockRef::from(stream), keepalive_seconds);
        }
    }

    /// Lets the kernel hold small pieces back, or not. A stream that is gone cannot and need not be told.
    pub(super) fn set_delays(&self, delays: bool) {
        if let Some(stream) = self.tcp() {
            let _ = stream.set_nodelay(!delays);
        }
    }

    /// The loop must never wait inside a read, so the stream is made non-blocking even if another opened it.
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => SockRef::from(stream).set_nonblocking(true),
            Stream::Tls(stream) => SockRef::from(&stream.socket).set_nonblocking(true),
            Stream::Unix(stream) => SockRef::from(stream).set_nonblocking(true),
            Stream::PipeIn(pipe) => pipe.set_nonblocking(true),
            Stream::PipeOut(pipe) => pipe.set_nonblocking(true),
        }
    }

    /// The error a socket keeps until somebody asks (`SO_ERROR`).
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Stream::Tcp(stream) => stream.take_error(),
            Stream::Tls(stream) => stream.socket.take_error(),
            Stream::Unix(stream) => stream.take_error(),
            Stream::PipeIn(_) | Stream::PipeOut(_) => Ok(None),
        }
    }

    pub(super) fn local_address(&self) -> Option<Address> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok().map(Address::from),
            Stream::Tls(stream) => stream.socket.local_addr().ok().map(Address::from),
            Stream::Unix(stream) => stream.local_addr().ok().map(Address::from),
            Stream::PipeIn(_) | Stream::PipeOut(_) => Some(Address::Pipe),
        }
    }

    pub(super) fn peer_address(&self) -> Option<Address> {
        match self {
            Stream::Tcp(stream) => stream.peer_addr().ok().map(Address::from),
            Stream::Tls(stream) => stream.socket.peer_addr().ok().map(Address::from),
            Stream::Unix(stream) => stream.peer_addr().ok().map(Address::from),
            Stream::PipeIn(_) | Stream::PipeOut(_) => Some(Address::Pipe),
        }
    }

    pub(super) fn fd(&self) -> RawFd {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Tls(stream) => stream.socket.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::PipeIn(pipe) => pipe.as_raw_fd(),
            Stream::PipeOut(pipe) => pipe.as_raw_fd(),
        }
    }

    /// Both directions at once, so that no later event needs a registration changed.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(stream) => stream.register(registry, token, both),
            Stream::Tls(stream) => stream.socket.register(registry, token, both),
            Stream::Unix(stream) => stream.register(registry, token, both),
            Stream::PipeIn(pipe) => pipe.register(registry, token, Interest::READABLE),
            Stream::PipeOut(pipe) => pipe.register(registry, token, Interest::WRITABLE),
        }
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.deregister(registry),
            Stream::Tls(stream) => stream.socket.deregister(registry),
            Stream::Unix(stream) => stream.deregister(registry),
            Stream::PipeIn(pipe) => pipe.deregister(registry),
            Stream::PipeOut(pipe) => pipe.deregister(registry),
        }
    }

    pub(super) fn can_read(&self) -> bool {
        !matches!(self, Stream::PipeOut(_))
    }

    /// Whether two sides of an encrypted connection have not agreed yet.
    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self, Stream::Tls(stream) if stream.is_handshaking())
    }

    /// The common name in the other side's certificate.
    pub(super) fn common_name(&self) -> Option<Vec<u8>> {
        match self {
            Stream::Tls(stream) => stream.common_name(),
            _ => None,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Whether bytes that were taken by `write_vectored` have not reached the kernel.
    #[inline]
    pub(super) fn has_pending(&self) -> bool {
        matches!(self, Stream::Tls(stream) if stream.has_pending())
    }

    /// Whether after a read of fewer bytes than there was room for there may be more.
    #[inline]
    pub(super) fn may_have_more(&self) -> bool {
        matches!(self, Stream::Tls(stream) if stream.may_have_more())
    }

    /// Sends what is pending; says whether nothing is left.
    #[inline]
    pub(super) fn push(&mut self) -> io::Result<bool> {
        match self {
            Stream::Tls(stream) => stream.push(),
            _ => Ok(true),
        }
    }

    /// Says goodbye, where that is the custom.
    pub(super) fn part(&mut self) {
        if let Stream::Tls(stream) = self {
            stream.part();
        }
    }

    /// An encrypted stream takes its ciphertext into `scratch`.
    pub(super) fn read(&mut self, space: &mut [u8], scratch: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => receive(stream, space),
            Stream::Unix(stream) => receive(stream, space),
            Stream::Tls(stream) => stream.read(space, scratch),
            Stream::PipeIn(pipe) => pipe.read(space),
            Stream::PipeOut(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => send(stream, bytes),
            Stream::Unix(stream) => send(stream, bytes),
            Stream::Tls(stream) => stream.write_vectored(&[IoSlice::new(bytes)]),
            Stream::PipeOut(pipe) => pipe.write(bytes),
            Stream::PipeIn(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Unix(stream) => stream.write_vectored(slices),
            Stream::Tls(stream) => stream.write_vectored(slices),
            Stream::PipeOut(pipe) => pipe.write_vectored(slices),
            Stream::PipeIn(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// One system call and nothing around it: what the C library does on its way so that threads can be cancelled takes
/// longer than all that this file does.
#[inline]
fn receive(socket: impl AsFd, space: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(socket, space, RecvFlags::empty())?;
    Ok(count)
}

/// The same for bytes that go. A peer that is gone is an error and no signal, since Rust's runtime has SIGPIPE ignored.
#[inline]
fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, SendFlags::empty())?)
}

impl From<std::net::TcpStream> for Stream {
    fn from(stream: std::net::TcpStream) -> Stream {
        Stream::Tcp(TcpStream::from_std(stream))
    }
}

impl From<std::os::unix::net::UnixStream> for Stream {
    fn from(stream: std::os::unix::net::UnixStream) -> Stream {
        Stream::Unix(UnixStream::from_std(stream))
    }
}

impl From<ChildStdout> for Stream {
    fn from(output: ChildStdout) -> Stream {
        Stream::PipeIn(output.into())
    }
}

impl From<ChildStderr> for Stream {
    fn from(output: ChildStderr) -> Stream {
        Stream::PipeIn(output.into())
    }
}

impl From<ChildStdin> for Stream {
    fn from(input: ChildStdin) -> Stream {
        Stream::PipeOut(input.into())
    }
}

/// Small replies leave at once, and peers that vanished without a word are found out.
///
/// The first probe goes out after `keepalive_seconds` of silence, then three more a third of that apart, so a dead
/// peer is noticed within about twice the interval. Failing to set an option is no reason to refuse a connection,
/// and can only mean that it is gone already: the next read will say so.
pub(super) fn tune_tcp(socket: &SockRef<'_>, keepalive_seconds: u32) {
    let _ = socket.set_tcp_nodelay(true);
    if keepalive_seconds == 0 {
        let _ = socket.set_keepalive(false);
        return;
    }
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(keepalive_seconds.into()))
        .with_interval(Duration::from_secs((keepalive_seconds / 3).max(1).into()))
        .with_retries(KEEPALIVE_PROBES);
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// The errors of `connect` and `getpeername` while the handshake is on its way.
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Unanswered probes before the kernel gives a peer up.
const KEEPALIVE_PROBES: u32 = 3;
