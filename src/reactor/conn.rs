//! One connection: a stream, and the loop's memory of it between turns.
//!
//! The poll reports each change once (edge-triggered), so forgetting one means waiting for ever. `readable` and
//! `writable` are that memory. They are set by events and cleared in two cases only: the kernel said `WouldBlock`,
//! or it moved fewer bytes than we offered, which on a stream says the same without another call.
//!
//! A short read hides one thing: that the peer has finished. The kernel announces it together with the last bytes,
//! or later with an edge of its own. `end_announced` keeps the first kind: with it set only a read of zero bytes, not
//! a short one, means that nothing is left.
//!
//! Not known here: the owner of the connection, lists, ids. Nothing here calls the program.

use std::io::{self, IoSlice};

use crate::base::output::Output;

use super::Closed;
use super::slice::{GROUP_BYTES, LEFT_BYTES, LITTLE_INPUT_BYTES, LONG_BYTES, WEIGHT_MAX};
use super::stream::Stream;

pub(super) struct Conn {
    pub(super) stream: Stream,

    // The kernel's news.
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The kernel has announced the end of the input; bytes may still stand before it.
    pub(super) end_announced: bool,
    /// The end was read: nothing will ever come in again.
    pub(super) ended: bool,
    /// An outgoing connection whose handshake is not over.
    pub(super) connecting: bool,

    // The program's wishes.
    /// Leave input at the kernel, so that the peer feels the pressure.
    pub(super) paused: bool,
    /// Put it into a group of the next turn without reading: the program has input left.
    pub(super) again: bool,
    /// Close as soon as the output is empty.
    pub(super) finishing: bool,
    /// Set from the moment the end was decided until the connection is buried, which is soon.
    pub(super) closing: Option<Closed>,
    pub(super) write_share_bytes: usize,
    /// What it has asked for lately, in bytes: see `slice.rs`.
    pub(super) load: u32,

    // Where the loop has it. Each flag says "already in that list", so that no id is in a list twice.
    pub(super) in_ready: bool,
    pub(super) in_unsent: bool,
    /// Output is left and the socket is full: the next writable edge puts it back into the list.
    pub(super) blocked: bool,
}

/// The result of a read.
pub(super) enum Arrival {
    Bytes(usize),
    Nothing,
    End,
    Failed(io::Error),
}

impl Conn {
    pub(super) fn new(stream: Stream, write_share_bytes: usize) -> Conn {
        Conn {
            // A fresh socket has room for a first reply; a wrong guess costs one call.
            writable: true,
            readable: false,
            end_announced: false,
            ended: false,
            connecting: false,
            paused: !stream.can_read(),
            again: false,
            finishing: false,
            closing: None,
            write_share_bytes,
            load: 0,
            in_ready: false,
            in_unsent: false,
            blocked: false,
            stream,
        }
    }

    /// Notes what it brings, or is brought, and forgets some of what was before. Who has not taken what was written
    /// last has much: a hundred of those, with a few dozen requests each, would make a turn long for nothing.
    #[inline]
    pub(super) fn weigh(&mut self, bytes: usize) {
        let mut bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.blocked {
            bytes = bytes.max(LEFT_BYTES);
        }
        self.load = bytes.max(self.load / 2);
    }

    /// Notes that so much is to be written, and may be again.
    pub(super) fn note_reply(&mut self, bytes: usize) {
        self.load = self.load.max(bytes.min(LONG_BYTES as usize) as u32);
    }

    /// What it adds to a group. However many bytes there are, requests are few.
    #[inline]
    pub(super) fn weight(&self) -> u32 {
        if self.load >= LONG_BYTES / 2 {
            GROUP_BYTES
        } else {
            self.load.min(WEIGHT_MAX)
        }
    }

    /// Whether it had much lately, or has some left.
    #[inline]
    pub(super) fn is_heavy(&self) -> bool {
        self.again || self.load > LITTLE_INPUT_BYTES
    }

    /// Whether the next turn should read.
    #[inline]
    pub(super) fn wants_read(&self) -> bool {
        self.readable && !self.paused && !self.ended
    }

    /// Reads once into `space`, which must not be empty: a read of nothing would look like the end. An encrypted
    /// stream works in `scratch`.
    pub(super) fn fill(&mut self, space: &mut [u8], scratch: &mut Vec<u8>) -> Arrival {
        assert!(!space.is_empty(), "a read needs somewhere to go");
        loop {
            match self.stream.read(space, scratch) {
                Ok(0) => {
                    self.readable = false;
                    self.ended = true;
                    return Arrival::End;
                }
                Ok(count) => {
                    self.readable =
                        count == space.len() || self.end_announced || self.stream.may_have_more();
                    return Arrival::Bytes(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // An encrypted stream says so when what came gave no plaintext. The end may stand behind that.
                    self.readable = self.end_announced && self.stream.is_encrypted();
                    return Arrival::Nothing;
                }
                Err(error) => return Arrival::Failed(error),
            }
        }
    }

    /// Sends what an encrypted stream has for its socket.
    pub(super) fn push(&mut self) -> io::Result<()> {
        if self.stream.has_pending() && !self.stream.push()? {
            self.writable = false;
        }
        Ok(())
    }

    /// Writes from `output` until it is empty, the socket is full or the share of this turn is used up. Returns the
    /// bytes written and the number of calls it took.
    pub(super) fn drain(&mut self, output: &mut Output) -> io::Result<(usize, u32)> {
        let mut sent = 0;
        let mut calls = 0;
        while self.writable && !output.is_empty() && sent < self.write_share_bytes {
            calls += 1;
            match self.write_once(output, self.write_share_bytes - sent) {
                Ok((count, offered)) => {
                    output.advance(count);
                    sent += count;
                    // An encrypted stream may have taken what its socket did not.
                    self.writable = count == offered && !self.stream.has_pending();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        Ok((sent, calls))
    }

    /// One system call of at most `most` bytes: how many the kernel took, and how many it was offered.
    ///
    /// A short reply is one chunk and goes out with a plain `write`. Several chunks are gathered; the gathering
    /// ends at a chunk's border, since trimming the last slice would gain nothing: the rest goes out next turn.
    fn write_once(&mut self, output: &Output, most: usize) -> io::Result<(usize, usize)> {
        let front = output.front();
        if front.len() == output.len() || front.len() >= most {
            let offered = &front[..front.len().min(most)];
            return Ok((self.stream.write(offered)?, offered.len()));
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let found = output.slices(&mut slices);
        let mut offered = 0;
        let mut count = 0;
        while count < found && offered + slices[count].len() <= most {
            offered += slices[count].len();
            count += 1;
        }
        Ok((self.stream.write_vectored(&slices[..count])?, offered))
    }
}

/// Chunks gathered into one call. 64 chunks of 16 KiB are far more than a socket takes at once.
const SLICES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    fn pair(write_share_bytes: usize) -> (Conn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        let stream = Stream::from(ours);
        stream.set_nonblocking().expect("a fresh socket");
        theirs.set_nonblocking(true).expect("a fresh socket");
        (Conn::new(stream, write_share_bytes), theirs)
    }

    fn read_all(mut from: &UnixStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let error = from
            .read_to_end(&mut bytes)
            .expect_err("the other end is open");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        bytes
    }

    #[test]
    fn several_chunks_leave_in_one_call_and_in_order() {
        let (mut conn, theirs) = pair(usize::MAX);
        let mut output = Output::new();
        let mut expected = Vec::new();
        for number in 0..10u8 {
            let shared = Arc::new(vec![number; 3000]);
            output.push(&[b'a' + number]);
            output.push_shared(shared, 500..2000);
            expected.push(b'a' + number);
            expected.extend([number; 1500]);
        }
        let (sent, calls) = conn.drain(&mut output).expect("room for 15 kB");
        assert_eq!((sent, calls), (expected.len(), 1));
        assert!(conn.writable && output.is_empty());
        assert_eq!(read_all(&theirs), expected);
    }

    #[test]
    fn a_share_ends_the_turn_and_a_full_socket_ends_the_readiness() {
        let (mut conn, theirs) = pair(1000);
        let mut output = Output::new();
        output.push_shared(Arc::new(vec![7; 4_000_000]), 0..4_000_000);
        output.push(b"end");

        let (sent, calls) = conn.drain(&mut output).expect("an open socket");
        assert_eq!((sent, calls), (1000, 1));
        assert!(conn.writable, "the share was the limit, not the socket");

        conn.write_share_bytes = usize::MAX;
        let mut received = 0;
        while !output.is_empty() {
            conn.writable = true;
            conn.drain(&mut output).expect("an open socket");
            assert!(!conn.writable || output.is_empty());
            received += read_all(&theirs).len();
        }
        assert_eq!(received, 4_000_003);
    }

    #[test]
    fn a_short_read_is_the_last_one_unless_the_end_was_announced() {
        use std::io::Write;
        let (mut conn, mut theirs) = pair(1000);
        let mut space = [0; 8];
        theirs.write_all(b"12345678abc").expect("room");

        conn.readable = true;
        assert!(matches!(
            conn.fill(&mut space, &mut Vec::new()),
            Arrival::Bytes(8)
        ));
        assert!(conn.readable, "a full read says nothing about what is left");
        assert!(matches!(
            conn.fill(&mut space, &mut Vec::new()),
            Arrival::Bytes(3)
        ));
        assert!(!conn.readable);
        assert!(matches!(
            conn.fill(&mut space, &mut Vec::new()),
            Arrival::Nothing
        ));

        theirs.write_all(b"x").expect("room");
        drop(theirs);
        conn.end_announced = true;
        assert!(matches!(
            conn.fill(&mut space, &mut Vec::new()),
            Arrival::Bytes(1)
        ));
        assert!(conn.readable, "the end itself is still to be read");
        assert!(matches!(
            conn.fill(&mut space, &mut Vec::new()),
            Arrival::End
        ));
        assert!(conn.ended && !conn.readable);
    }
}
