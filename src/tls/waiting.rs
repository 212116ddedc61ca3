//! An encrypted connection over a socket that blocks, read and written like any other.

use std::io::{self, Read, Write};

use super::{DialSecurity, Secured};

#[derive(Debug)]
pub(crate) struct Waiting<S> {
    secured: Box<Secured<S>>,
    /// Where ciphertext is received.
    scratch: Vec<u8>,
}

impl<S: Read + Write> Waiting<S> {
    /// The side that calls. Returns when both sides have agreed.
    pub(crate) fn dial(socket: S, security: DialSecurity) -> io::Result<Self> {
        let secured = Secured::dial_and_wait(socket, security)?;
        Ok(Self {
            secured: Box::new(secured),
            scratch: Vec::new(),
        })
    }

    pub(crate) fn socket(&self) -> &S {
        &self.secured.socket
    }
}

impl<S: Read + Write> Read for Waiting<S> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.secured.read(space, &mut self.scratch)
    }
}

impl<S: Read + Write> Write for Waiting<S> {
    /// All of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.secured.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
