//! Where clients come in: the addresses and the path that the configuration names.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::{Config, explain};
use crate::observe::banner;
use crate::reactor::{Io, Listen, ListenerId};

/// The open ones.
#[derive(Debug, Default)]
pub struct Listeners {
    tcp: Vec<ListenerId>,
    unix: Option<ListenerId>,
}

/// Some address could not be had; the log says which and why.
#[derive(Debug)]
pub struct Refused;

impl Listeners {
    /// Opens all that the configuration names, and logs what a server that cannot says before it gives up.
    pub fn open(&mut self, io: &mut Io, config: &Config) -> Result<(), Refused> {
        if self.open_tcp(io, config).is_err() {
            log::error!(
                "{}",
                banner::failed_listening(config.port, banner::Listener::Tcp)
            );
            return Err(Refused);
        }
        if !config.unixsocket.is_empty() {
            let permissions = (config.unixsocketperm != 0).then_some(config.unixsocketperm);
            let path = PathBuf::from(OsStr::from_bytes(&config.unixsocket));
            let backlog = config.tcp_backlog as u32;
            match io.listen(&Listen::Unix {
                path,
                permissions,
                backlog,
            }) {
                Ok(id) => self.unix = Some(id),
                Err(error) => {
                    log::error!("Failed opening Unix socket: bind: {}", explain(&error));
                    return Err(Refused);
                }
            }
        }
        if self.tcp.is_empty() && self.unix.is_none() {
            log::error!("{}", banner::NO_LISTENERS);
            return Err(Refused);
        }
        Ok(())
    }

    /// Follows a new port or new addresses. The old ones are closed first, since they may stand in the way of the
    /// new ones: `*` cannot be had while `127.0.0.1` is taken, be it by ourselves.
    pub fn reopen_tcp(&mut self, io: &mut Io, config: &Config) -> Result<(), Refused> {
        self.tcp.drain(..).for_each(|id| io.close(id));
        self.open_tcp(io, config)
    }

    fn open_tcp(&mut self, io: &mut Io, config: &Config) -> Result<(), Refused> {
        if config.port == 0 {
            return Ok(());
        }
        for word in &config.bind.0 {
            let name = String::from_utf8_lossy(word);
            let (name, may_fail) = match name.strip_prefix('-') {
                Some(rest) => (rest, true),
                None => (&*name, false),
            };
            let opened = resolve(name, config.port).and_then(|address| {
                io.listen(&Listen::Tcp {
                    address,
                    backlog: config.tcp_backlog as u32,
                })
            });
            match opened {
                Ok(id) => self.tcp.push(id),
                Err(error) => {
                    let reason = format!("bind: {}", explain(&error));
                    log::warn!("{}", banner::cannot_listen(name, config.port, &reason));
                    let is_unavailable = error.kind() == io::ErrorKind::AddrNotAvailable;
                    if (is_unavailable && may_fail) || is_unsupported(&error) {
                        continue;
                    }
                    // What was opened on the way would answer for a server that does not start.
                    self.tcp.drain(..).for_each(|id| io.close(id));
                    return Err(Refused);
                }
            }
        }
        Ok(())
    }

    /// Says which doors are open.
    pub fn announce(&self) {
        if !self.tcp.is_empty() {
            log::info!("{}", banner::ready(banner::Listener::Tcp));
        }
        if self.unix.is_some() {
            log::info!("{}", banner::ready(banner::Listener::Unix));
        }
    }

    pub fn close(&mut self, io: &mut Io) {
        self.tcp.drain(..).for_each(|id| io.close(id));
        if let Some(id) = self.unix.take() {
            log::info!("{}", banner::REMOVING_SOCKET);
            io.close(id);
        }
    }
}

/// An address from a `bind` line. Names are resolved, which may take its time; addresses are not.
fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    let name = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        name => name,
    };
    (name, port)
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// The system does not know this kind of address at all, as one without IPv6: that is no fault of the configuration.
fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let unsupported = [
        Errno::NOPROTOOPT,
        Errno::PROTONOSUPPORT,
        Errno::SOCKTNOSUPPORT,
        Errno::PFNOSUPPORT,
        Errno::AFNOSUPPORT,
    ];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}
