//! The socket of a client, of whatever kind.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::tls::{Authorities, DialSecurity, IdentityFiles, Terms, Waiting, dial_security};

use super::{Error, Result, Settings, Tls};

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Waiting<TcpStream>),
}

/// Where systems keep the certificates of the authorities that everybody trusts.
const EVERYBODYS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

impl Stream {
    pub(super) fn connect(place: &str, settings: &Settings) -> Result<Stream> {
        if place.starts_with('/') {
            return Ok(Stream::Unix(UnixStream::connect(place)?));
        }
        let socket = connect_to_any(place, settings.connect_timeout)?;
        socket.set_nodelay(true)?;
        let Some(tls) = &settings.tls else {
            return Ok(Stream::Tcp(socket));
        };
        let security = security(place, tls)?;
        socket.set_read_timeout(Some(settings.connect_timeout))?;
        socket.set_write_timeout(Some(settings.connect_timeout))?;
        Ok(Stream::Tls(Waiting::dial(socket, security)?))
    }

    pub(super) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(timeout)),
            Stream::Unix(stream) => stream.set_read_timeout(Some(timeout)),
            Stream::Tls(stream) => stream.socket().set_read_timeout(Some(timeout)),
        }
    }

    pub(super) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_write_timeout(Some(timeout)),
            Stream::Unix(stream) => stream.set_write_timeout(Some(timeout)),
            Stream::Tls(stream) => stream.socket().set_write_timeout(Some(timeout)),
        }
    }

    pub(super) fn set_nonblocking(&self, is_so: bool) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_nonblocking(is_so),
            Stream::Unix(stream) => stream.set_nonblocking(is_so),
            Stream::Tls(stream) => stream.socket().set_nonblocking(is_so),
        }
    }

    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            let outcome = match self {
                Stream::Tcp(stream) => stream.read(space),
                Stream::Unix(stream) => stream.read(space),
                Stream::Tls(stream) => stream.read(space),
            };
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        }
    }
}

fn connect_to_any(place: &str, timeout: Duration) -> Result<TcpStream> {
    let mut failure = Error::Io(io::ErrorKind::AddrNotAvailable.into());
    for candidate in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}

/// How a connection to `place` is encrypted.
pub(crate) fn security(place: &str, tls: &Tls) -> io::Result<DialSecurity> {
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let security = dial_security(&terms(tls)).map_err(io::Error::other)?;
    Ok(security.to(tls.name.as_deref().unwrap_or(host)))
}

fn terms(tls: &Tls) -> Terms {
    let everybodys = || EVERYBODYS.iter().map(Path::new).find(|path| path.exists());
    let authorities = tls
        .authorities
        .as_deref()
        .or_else(everybodys)
        .map(Path::to_owned);
    let is_dir = authorities.as_ref().is_some_and(|path| path.is_dir());
    Terms {
        identity: tls.identity.as_ref().map(|identity| IdentityFiles {
            certificate: identity.certificate.clone(),
            key: identity.key.clone(),
            passphrase: identity.passphrase.clone().into_bytes(),
        }),
        authorities: Authorities {
            file: authorities.clone().filter(|_| !is_dir),
            dir: authorities.filter(|_| is_dir),
        },
        checks_names: tls.checks_names,
        ..Terms::default()
    }
}
