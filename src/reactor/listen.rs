//! Doors: the sockets that connections come in by.
//!
//! They are opened through `socket2`, because the backlog, `IPV6_V6ONLY` and the order of the steps (option, bind,
//! permissions, listen) matter and the poll library chooses them for us otherwise.
//!
//! A listener is edge-triggered like everything else: `waiting` stays set until `accept` has said `WouldBlock`.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::tls::{ListenSecurity, Secured};

use super::address::Address;
use super::stream::{Stream, tune_tcp};

/// An address to listen on.
#[derive(Clone, Debug)]
pub(crate) enum Listen {
    /// One address and port; port 0 lets the system choose (`Io::address` tells what it chose). An IPv6 address
    /// takes IPv6 only, so that `0.0.0.0` and `::` can stand side by side on one port.
    Tcp { address: SocketAddr, backlog: u32 },
    /// A path in the file system, or an abstract name when it begins with a zero byte. A socket that a dead process
    /// left at the path is replaced; any other kind of file there is an error.
    Unix {
        path: PathBuf,
        /// Mode bits such as `0o700`; `None` leaves what the umask gives.
        permissions: Option<u32>,
        backlog: u32,
    },
}

/// An open door.
pub(super) struct Listener {
    socket: Door,
    /// Connections may be queued at the kernel: nobody has yet been told that there are none.
    pub(super) waiting: bool,
    local: Address,
    /// With it, what comes in is encrypted.
    pub(super) security: Option<ListenSecurity>,
    /// Device and inode of the path we created, so that we remove our own socket and not a successor's.
    created: Option<(u64, u64)>,
}

enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(super) fn open(at: &Listen) -> io::Result<Listener> {
        match at {
            Listen::Tcp { address, backlog } => Listener::open_tcp(*address, *backlog),
            Listen::Unix {
                path,
                permissions,
                backlog,
            } => Listener::open_unix(path, *permissions, *backlog),
        }
    }

    fn open_tcp(address: SocketAddr, backlog: u32) -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Without this a restarted server could not bind while connections of its former life linger in TIME_WAIT.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(clamp(backlog))?;
        let socket = TcpListener::from_std(socket.into());
        let local = Address::Ip(socket.local_addr()?);
        Ok(Listener {
            socket: Door::Tcp(socket),
            waiting: false,
            local,
            security: None,
            created: None,
        })
    }

    fn open_unix(path: &Path, permissions: Option<u32>, backlog: u32) -> io::Result<Listener> {
        let is_file = !path.as_os_str().as_bytes().starts_with(b"\0");
        if is_file && fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            fs::remove_file(path)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let mut created = None;
        if is_file {
            // Before `listen`: until then nobody can come in through permissions that were not meant.
            if let Some(mode) = permissions {
                fs::set_permissions(path, Permissions::from_mode(mode))?;
            }
            created = identity(path);
        }
        socket.listen(clamp(backlog))?;
        let socket = UnixListener::from_std(socket.into());
        Ok(Listener {
            socket: Door::Unix(socket),
            waiting: false,
            local: Address::Unix(path.to_path_buf()),
            security: None,
            created,
        })
    }

    /// Options set on a listener hold for every connection that comes in by it, so an accepted connection costs no
    /// calls for its options.
    pub(super) fn tune(&self, keepalive_seconds: u32) {
        if let Door::Tcp(socket) = &self.socket {
            tune_tcp(&SockRef::from(socket), keepalive_seconds);
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.socket {
            Door::Tcp(socket) => socket.register(registry, token, Interest::READABLE),
            Door::Unix(socket) => socket.register(registry, token, Interest::READABLE),
        }
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match &mut self.socket {
            Door::Tcp(socket) => socket.deregister(registry),
            Door::Unix(socket) => socket.deregister(registry),
        }
    }

    pub(super) fn local_address(&self) -> &Address {
        &self.local
    }

    /// The next connection in the queue and its far end.
    pub(super) fn accept(&self) -> io::Result<(Stream, Address)> {
        match &self.socket {
            Door::Tcp(socket) => {
                let (stream, from) = socket.accept()?;
                let stream = match &self.security {
                    Some(security) => Stream::Tls(Box::new(Secured::accept(stream, security)?)),
                    None => Stream::Tcp(stream),
                };
                Ok((stream, from.into()))
            }
            Door::Unix(socket) => {
                let (stream, from) = socket.accept()?;
                Ok((Stream::Unix(stream), from.into()))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let (Address::Unix(path), Some(created)) = (&self.local, self.created)
            && identity(path) == Some(created)
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// The meaning of a failed `accept` for the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The queue is empty; the next edge tells of the next connection.
    Nobody,
    /// That one connection died in the queue, or a signal came in between. There may be others.
    TryNext,
    /// No descriptor or no memory is left. The connection still waits, and no edge will remind us of it.
    NoRoom,
    /// The listener itself is broken. Asking again would only spin.
    Broken,
}

pub(super) fn why_refused(error: &io::Error) -> Refused {
    if error.kind() == io::ErrorKind::WouldBlock {
        return Refused::Nobody;
    }
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => Refused::NoRoom,
        Some(libc::EBADF | libc::EFAULT | libc::EINVAL | libc::ENOTSOCK) | None => Refused::Broken,
        // The rest is trouble of one connection: it was aborted, its network failed, a firewall forbade it.
        Some(_) => Refused::TryNext,
    }
}

fn clamp(backlog: u32) -> i32 {
    i32::try_from(backlog).unwrap_or(i32::MAX)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
