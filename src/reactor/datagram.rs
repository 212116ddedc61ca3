//! Sockets without connections: every packet carries its sender.
//!
//! There is nothing to keep per peer and nothing to queue: a packet that the kernel cannot take at once is the
//! caller's to drop, as the network might have done.

use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

use super::address::Address;

pub(super) struct Datagrams {
    socket: UdpSocket,
    /// Packets may be queued at the kernel: nobody has yet been told that there are none.
    pub(super) readable: bool,
    pub(super) local: Address,
}

impl Datagrams {
    pub(super) fn bind(at: SocketAddr) -> io::Result<Datagrams> {
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        if at.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&at.into())?;
        let socket = UdpSocket::from_std(socket.into());
        let local = Address::Ip(socket.local_addr()?);
        Ok(Datagrams {
            socket,
            readable: false,
            local,
        })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token, Interest::READABLE)
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }

    pub(super) fn receive(&self, space: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(space)
    }

    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send_to(bytes, to) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The largest packet UDP can carry, rounded up; nothing longer can arrive, so nothing is ever cut.
pub(super) const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// How many packets one socket may hand over per turn before others get theirs.
pub(super) const DATAGRAMS_PER_TURN: usize = 64;
