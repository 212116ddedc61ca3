//! The addresses of the two ends of a connection.
//!
//! Addresses stay typed until somebody prints them: a port is compared as a number and a path stays the bytes it
//! was. `Display` gives the form people type: `127.0.0.1:7000`, `[::1]:7000`, `/run/server.sock`.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Ip(SocketAddr),
    /// A Unix socket. The connecting side usually has no name: its path is empty.
    Unix(PathBuf),
    /// A pipe from or to a child process has two ends and no names.
    Pipe,
}

/// The facts about a connection that are known when it opens.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The far end.
    pub(crate) address: Address,
    /// Our end.
    pub(crate) local: Address,
    /// The descriptor's number, for display. It stays with the connection for life, and is reused after it.
    pub(crate) fd: RawFd,
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(out),
            Address::Unix(path) => {
                // Abstract names begin with a zero byte; `@` is how every tool prints it.
                let name = path.as_os_str().as_bytes();
                if let Some(name) = name.strip_prefix(b"\0") {
                    write!(out, "@{}", String::from_utf8_lossy(name))
                } else {
                    path.display().fmt(out)
                }
            }
            Address::Pipe => out.write_str("pipe"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Ip(address)
    }
}

impl From<std::os::unix::net::SocketAddr> for Address {
    fn from(address: std::os::unix::net::SocketAddr) -> Address {
        if let Some(path) = address.as_pathname() {
            return Address::Unix(path.to_path_buf());
        }
        #[allow(unused_mut, reason = "elsewhere nothing is added")]
        let mut name = Vec::new();
        // Names outside the file system are Linux's own idea.
        #[cfg(target_os = "linux")]
        if let Some(abstract_name) = std::os::linux::net::SocketAddrExt::as_abstract_name(&address)
        {
            name.push(0);
            name.extend_from_slice(abstract_name);
        }
        Address::Unix(PathBuf::from(std::ffi::OsString::from_vec(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_people_type_them() {
        let text = |address: &str| Address::Ip(address.parse().expect("a literal")).to_string();
        assert_eq!(text("127.0.0.1:6379"), "127.0.0.1:6379");
        assert_eq!(text("[::1]:6379"), "[::1]:6379");
        assert_eq!(
            Address::Unix("/run/a.sock".into()).to_string(),
            "/run/a.sock"
        );
        assert_eq!(Address::Unix("\0a".into()).to_string(), "@a");
        assert_eq!(Address::Unix(PathBuf::new()).to_string(), "");
    }
}
