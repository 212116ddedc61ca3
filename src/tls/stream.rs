//! A stream that is encrypted: a session of TLS over a socket that does not block.
//!
//! ```text
//!  socket --recv--> ciphertext --> [ unfed ] --> session --> plaintext --> the program's input
//!  socket <--send-- records <------------------- session <-- plaintext <-- the program's output
//! ```
//!
//! The session of `rustls` is a machine without sockets: ciphertext goes in at one side, plaintext comes out at the
//! other, and the same backwards. Here it stands between a socket and the
//! loop, which shows in three places.
//!
//! - **Readiness.** That the socket has no more bytes does not say that there is nothing to read: plaintext may be left
//!   in the session, or ciphertext that did not fit into it. `may_have_more` says so, and the loop keeps such a
//!   connection on its ready list.
//! - **Pending output.** The session takes what it is given and makes records of it. When the socket does not take them
//!   all, the rest waits in the session (`has_pending`), no more is given to it, and the connection is not done with
//!   writing although the program's output is empty. A handshake makes output, too, that no program has asked for.
//! - **The handshake.** It runs within reads and pushes. A connection that we dial counts as connected when it is over,
//!   so that a refused certificate is a failed attempt. One that came in is `opened` at once, since a client that never
//!   finishes its handshake takes a place, and the program has to know of it.
//!
//! Output of one turn becomes as few records as it fits into: its chunks are handed over together.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::mem;
use std::sync::Arc;

use super::certificate::{Certificate, common_name};
use rustls::pki_types::{IpAddr, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

/// What a listener needs for encrypted connections. A new one may be set while it is open; connections keep theirs.
pub(crate) type ListenSecurity = Arc<ServerConfig>;

/// What we need to dial an encrypted connection.
#[derive(Clone, Debug)]
pub(crate) struct DialSecurity {
    pub(crate) config: Arc<ClientConfig>,
    /// Whom we want to reach: it is sent along, so that the other side can choose its certificate.
    pub(crate) name: ServerName<'static>,
}

impl DialSecurity {
    /// The same for another host.
    pub(crate) fn to(&self, host: &str) -> DialSecurity {
        DialSecurity {
            config: self.config.clone(),
            name: server_name(host),
        }
    }
}

/// A host as it is sent along. What is neither a name nor an address, as a path, is not.
pub(super) fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned())
        .unwrap_or(ServerName::IpAddress(IpAddr::V4([127, 0, 0, 1].into())))
}

/// Why the two sides did not agree, as the reason of an error of a read.
#[derive(Debug)]
pub(crate) struct HandshakeFailed(rustls::Error);

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for HandshakeFailed {}

/// The most plaintext that is handed to a session at once, in bytes: four records. More would only wait there.
const GIVEN_MAX: usize = 4 * 16 * 1024;

/// The kind of record with which a handshake begins.
const HANDSHAKE: u8 = 22;

/// How much ciphertext is asked for by one call.
const SCRATCH_BYTES: usize = 32 * 1024;

#[derive(Debug)]
pub(crate) struct Secured<S> {
    pub(crate) socket: S,
    session: Connection,
    /// Ciphertext that has come and that the session could not take yet.
    unfed: Vec<u8>,
    /// Bytes of plaintext that wait in the session.
    plaintext: usize,
    /// The last call took all that the socket had.
    is_drained: bool,
    /// The other side has said something.
    has_heard: bool,
    /// The other side has said that nothing more will come.
    has_ended: bool,
    /// The socket blocks: a read waits until there is plaintext, or until the socket's own time is over.
    waits: bool,
}

impl<S: Read + Write> Secured<S> {
    /// The side that was called.
    pub(crate) fn accept(socket: S, security: &ListenSecurity) -> io::Result<Secured<S>> {
        let session = ServerConnection::new(security.clone()).map_err(io::Error::other)?;
        Ok(Secured::new(socket, session.into()))
    }

    /// The side that calls.
    pub(crate) fn dial(socket: S, security: DialSecurity) -> io::Result<Secured<S>> {
        let DialSecurity { config, name } = security;
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Secured::new(socket, session.into()))
    }

    /// The side that calls, over a socket that blocks. Returns when both sides have agreed.
    pub(crate) fn dial_and_wait(socket: S, security: DialSecurity) -> io::Result<Secured<S>> {
        let mut secured = Secured::dial(socket, security)?;
        secured.waits = true;
        let mut scratch = Vec::new();
        while !secured.shake_hands(&mut scratch)? {}
        Ok(secured)
    }

    fn new(socket: S, session: Connection) -> Secured<S> {
        Secured {
            socket,
            session,
            unfed: Vec::new(),
            plaintext: 0,
            is_drained: false,
            has_heard: false,
            has_ended: false,
            waits: false,
        }
    }

    /// Whether the two sides have not agreed yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// The common name in the certificate that the other side has shown, and that we have found good.
    pub(crate) fn common_name(&self) -> Option<Vec<u8>> {
        let certificate = self.session.peer_certificates()?.first()?;
        let certificate = Certificate::read(certificate).ok()?;
        common_name(certificate.subject).ok().flatten()
    }

    /// Whether the caller was known from an earlier time.
    #[cfg(test)]
    pub(crate) fn is_resumed(&self) -> bool {
        self.session.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Whether another read may give something, though no event announces it.
    pub(crate) fn may_have_more(&self) -> bool {
        self.plaintext > 0 || !self.unfed.is_empty() || !self.is_drained || self.has_ended
    }

    /// Whether the session has output that the socket did not take.
    pub(crate) fn has_pending(&self) -> bool {
        self.session.wants_write()
    }

    /// Goes on with the handshake of a connection that we dial; says whether it is over.
    pub(crate) fn shake_hands(&mut self, scratch: &mut Vec<u8>) -> io::Result<bool> {
        self.push()?;
        while self.is_handshaking() {
            match self.receive(&mut [], scratch) {
                Ok(Some(_)) if self.is_drained => break,
                Ok(Some(_)) => {}
                Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.waits => break,
                Err(error) => return Err(error),
            }
        }
        Ok(!self.is_handshaking())
    }

    /// Plaintext, as a read of a socket gives it: nothing at the end, `WouldBlock` when none has come.
    pub(crate) fn read(&mut self, space: &mut [u8], scratch: &mut Vec<u8>) -> io::Result<usize> {
        let mut filled = self.take_plaintext(space)?;
        if !self.unfed.is_empty() && filled < space.len() {
            let unfed = mem::take(&mut self.unfed);
            filled += self.feed(&unfed, &mut space[filled..])?;
        }
        if filled > 0 {
            // The socket was not asked. What has come since it was asked last has been announced already, and nothing
            // will announce it again.
            self.is_drained = false;
        }
        while filled == 0 && !self.has_ended {
            filled = match self.receive(space, scratch)? {
                None => return Ok(0),
                Some(0) if self.is_drained && !self.has_ended && !self.waits => {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Some(filled) => filled,
            };
        }
        Ok(filled)
    }

    /// One call for ciphertext. Says how much plaintext came of it; `None` at the end of the socket.
    fn receive(&mut self, space: &mut [u8], scratch: &mut Vec<u8>) -> io::Result<Option<usize>> {
        scratch.resize(SCRATCH_BYTES, 0);
        let came = match self.socket.read(scratch) {
            Ok(0) => return Ok(None),
            Ok(came) => came,
            Err(error) => {
                self.is_drained |= error.kind() == io::ErrorKind::WouldBlock;
                return Err(error);
            }
        };
        self.is_drained = came < scratch.len();
        self.feed(&scratch[..came], space).map(Some)
    }

    /// Gives ciphertext to the session, and takes the plaintext that comes of it. What the session wants to say, as it
    /// does in a handshake, leaves at once.
    fn feed(&mut self, mut ciphertext: &[u8], space: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        if !self.has_heard {
            // Whoever speaks another language would take our alert for an answer in his.
            self.has_heard = true;
            if ciphertext.first() != Some(&HANDSHAKE) {
                let reason = rustls::InvalidMessage::InvalidContentType;
                let error = HandshakeFailed(rustls::Error::InvalidMessage(reason));
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
        while !ciphertext.is_empty() {
            if self.plaintext > 0 {
                self.unfed.extend_from_slice(ciphertext);
                break;
            }
            let is_first_contact = self.is_handshaking();
            self.session.read_tls(&mut ciphertext)?;
            match self.session.process_new_packets() {
                Ok(state) => {
                    self.plaintext = state.plaintext_bytes_to_read();
                    self.has_ended = state.peer_has_closed();
                }
                Err(error) => {
                    // The other side is told why; if it does not listen, that is its loss.
                    let _ = self.push();
                    return Err(if is_first_contact {
                        io::Error::new(io::ErrorKind::InvalidData, HandshakeFailed(error))
                    } else {
                        io::Error::new(io::ErrorKind::InvalidData, error)
                    });
                }
            }
            filled += self.take_plaintext(&mut space[filled..])?;
        }
        self.push()?;
        Ok(filled)
    }

    fn take_plaintext(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.plaintext == 0 || space.is_empty() {
            return Ok(0);
        }
        let mut filled = 0;
        while self.plaintext > 0 && filled < space.len() {
            let count = self.session.reader().read(&mut space[filled..])?;
            if count == 0 {
                break;
            }
            filled += count;
            self.plaintext -= count;
        }
        Ok(filled)
    }

    /// Takes plaintext to be sent. Success says that the session has it, not that all has left.
    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.push()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut given = 0;
        let mut count = 0;
        while count < slices.len() && given + slices[count].len() <= GIVEN_MAX {
            given += slices[count].len();
            count += 1;
        }
        let taken = if count == 0 {
            match slices.first() {
                Some(first) => self.session.writer().write(&first[..GIVEN_MAX])?,
                None => 0,
            }
        } else {
            self.session.writer().write_vectored(&slices[..count])?
        };
        self.push()?;
        Ok(taken)
    }

    /// Sends all of it over a socket that blocks.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.write_vectored(&[IoSlice::new(bytes)])?;
            bytes = &bytes[taken..];
        }
        if self.push()? {
            Ok(())
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    /// Sends what the session has for the socket; says whether nothing is left.
    pub(crate) fn push(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Tells the other side that nothing more will come, so that it can tell an end from a cut.
    pub(crate) fn part(&mut self) {
        if self.is_handshaking() {
            return;
        }
        self.session.send_close_notify();
        // Nobody waits for a goodbye that does not fit.
        let _ = self.push();
    }
}
