//! An encrypted connection over a socket that blocks, read and written like any other.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::{DialSecurity, Secured};

#[derive(Debug)]
pub(crate) struct Waiting {
    secured: Box<Secured<TcpStream>>,
    /// Where ciphertext is received.
    scratch: Vec<u8>,
}

impl Waiting {
    /// The side that calls. Returns when both sides have agreed.
    pub(crate) fn dial(socket: TcpStream, security: DialSecurity) -> io::Result<Self> {
        let secured = Secured::dial_and_wait(socket, security)?;
        Ok(Self {
            secured: Box::new(secured),
            scratch: Vec::new(),
        })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.secured.socket
    }
}

impl Read for Waiting {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.secured.read(space, &mut self.scratch)
    }
}

impl Write for Waiting {
    /// All of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.secured.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
