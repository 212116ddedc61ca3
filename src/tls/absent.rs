//! The room in a build without TLS: it refuses what is asked of it. Its types cannot be made, so most of it never runs.

use std::fmt;
use std::io::{self, IoSlice};

use super::Terms;

/// There is none, and only this file knows it: elsewhere the compiler would call all that follows unreachable.
#[derive(Clone, Copy, Debug)]
enum Never {}

#[derive(Clone, Debug)]
pub(crate) struct ListenSecurity(Never);

#[derive(Clone, Debug)]
pub(crate) struct DialSecurity(Never);

impl DialSecurity {
    pub(crate) fn to(&self, _: &str) -> DialSecurity {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct HandshakeFailed(Never);

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl std::error::Error for HandshakeFailed {}

/// Has the field that the other has.
#[derive(Debug)]
pub(crate) struct Secured<S> {
    pub(crate) socket: S,
    never: Never,
}

impl<S> Secured<S> {
    pub(crate) fn accept(_: S, security: &ListenSecurity) -> io::Result<Secured<S>> {
        match security.0 {}
    }

    pub(crate) fn dial(_: S, security: DialSecurity) -> io::Result<Secured<S>> {
        match security.0 {}
    }

    pub(crate) fn dial_and_wait(_: S, security: DialSecurity) -> io::Result<Secured<S>> {
        match security.0 {}
    }

    pub(crate) fn write_all(&mut self, _: &[u8]) -> io::Result<()> {
        match self.never {}
    }

    pub(crate) fn common_name(&self) -> Option<Vec<u8>> {
        match self.never {}
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn may_have_more(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn has_pending(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn shake_hands(&mut self, _: &mut Vec<u8>) -> io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn read(&mut self, _: &mut [u8], _: &mut Vec<u8>) -> io::Result<usize> {
        match self.never {}
    }

    pub(crate) fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.never {}
    }

    pub(crate) fn push(&mut self) -> io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn part(&mut self) {
        match self.never {}
    }
}

const ABSENT: &str = "This server was built without TLS.";

pub(crate) fn listen_security(_: &Terms) -> Result<ListenSecurity, String> {
    Err(ABSENT.to_owned())
}

pub(crate) fn dial_security(_: &Terms) -> Result<DialSecurity, String> {
    Err(ABSENT.to_owned())
}
