//! The listeners for clients: the addresses and the path that the configuration names.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::{Config, explain};
use crate::observe::banner;
use crate::reactor::{Io, Listen, ListenerId};
use crate::tls::ListenSecurity;

/// The open ones.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    tcp: Vec<ListenerId>,
    tls: Vec<ListenerId>,
    unix: Option<ListenerId>,
}

/// Some address could not be had; the log says which and why.
#[derive(Debug)]
pub(crate) struct Refused;

impl Listeners {
    /// Opens all that the configuration names, and logs what a server that cannot says before it gives up.
    pub(crate) fn open(
        &mut self,
        io: &mut Io,
        config: &Config,
        security: Option<&ListenSecurity>,
    ) -> Result<(), Refused> {
        let failed = |port, listener| {
            log::error!("{}", banner::failed_listening(port, listener));
            Refused
        };
        self.tcp = open_port(io, config, config.port)
            .map_err(|Refused| failed(config.port, banner::Listener::Tcp))?;
        self.tls = open_port(io, config, config.tls_port)
            .map_err(|Refused| failed(config.tls_port, banner::Listener::Tls))?;
        self.secure(io, security);
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
        if self.tcp.is_empty() && self.tls.is_empty() && self.unix.is_none() {
            log::error!("{}", banner::NO_LISTENERS);
            return Err(Refused);
        }
        Ok(())
    }

    /// Follows a new port or new addresses. The old ones are closed first, since they may stand in the way of the new
    /// ones: `*` cannot be had while `127.0.0.1` is taken, even by ourselves.
    pub(crate) fn reopen_tcp(&mut self, io: &mut Io, config: &Config) -> Result<(), Refused> {
        self.tcp.drain(..).for_each(|id| io.close(id));
        self.tcp = open_port(io, config, config.port)?;
        Ok(())
    }

    /// The same for encrypted connections.
    pub(crate) fn reopen_tls(
        &mut self,
        io: &mut Io,
        config: &Config,
        security: Option<&ListenSecurity>,
    ) -> Result<(), Refused> {
        self.tls.drain(..).for_each(|id| io.close(id));
        self.tls = open_port(io, config, config.tls_port)?;
        self.secure(io, security);
        Ok(())
    }

    /// From now on, encrypted connections come about with these keys.
    pub(crate) fn secure(&self, io: &mut Io, security: Option<&ListenSecurity>) {
        if let Some(security) = security {
            for &id in &self.tls {
                io.secure(id, security.clone());
            }
        }
    }

    /// Says which doors are open.
    pub(crate) fn announce(&self) {
        if !self.tcp.is_empty() {
            log::info!("{}", banner::ready(banner::Listener::Tcp));
        }
        if !self.tls.is_empty() {
            log::info!("{}", banner::ready(banner::Listener::Tls));
        }
        if self.unix.is_some() {
            log::info!("{}", banner::ready(banner::Listener::Unix));
        }
    }

    pub(crate) fn close(&mut self, io: &mut Io) {
        let all = self.tcp.drain(..).chain(self.tls.drain(..));
        all.for_each(|id| io.close(id));
        if let Some(id) = self.unix.take() {
            log::info!("{}", banner::REMOVING_SOCKET);
            io.close(id);
        }
    }
}

/// Opens a port at all addresses of the configuration; port 0 means none.
fn open_port(io: &mut Io, config: &Config, port: u16) -> Result<Vec<ListenerId>, Refused> {
    let mut opened = Vec::new();
    if port == 0 {
        return Ok(opened);
    }
    for word in &config.bind.0 {
        let name = String::from_utf8_lossy(word);
        let (name, may_fail) = match name.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (&*name, false),
        };
        let outcome = resolve(name, port).and_then(|address| {
            io.listen(&Listen::Tcp {
                address,
                backlog: config.tcp_backlog as u32,
            })
        });
        match outcome {
            Ok(id) => opened.push(id),
            Err(error) => {
                let reason = format!("bind: {}", explain(&error));
                log::warn!("{}", banner::cannot_listen(name, port, &reason));
                let is_unavailable = error.kind() == io::ErrorKind::AddrNotAvailable;
                if (is_unavailable && may_fail) || is_unsupported(&error) {
                    continue;
                }
                // Listeners that were opened on the way would answer for a server that does not start.
                opened.drain(..).for_each(|id| io.close(id));
                return Err(Refused);
            }
        }
    }
    Ok(opened)
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
