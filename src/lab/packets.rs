//! An echo of packets: UDP, or the hex dump of each.
//!
//! There are no connections, so there are no clients to keep, to count or to miss. An answer that the kernel does not
//! take at once is lost, as the network might have lost it. A dump is five times as long as what it shows, more than a
//! packet may carry, so it is sent in as many as it needs, cut between lines.

use std::net::SocketAddr;

use crate::base::output::Output;
use crate::reactor::{App, Closed, ConnId, DatagramId, Io, Peer, Signal, Sleep, Turn};

use super::doors::reason;
use super::echo::port_of;
use super::hex;
use super::options::At;
use super::screen::Screen;

pub(crate) struct Packets {
    hex: bool,
    /// With a trace or dumps there are other lines to say that a packet came.
    is_quiet: bool,
    screen: Screen,
}

impl Packets {
    pub(crate) fn new(hex: bool, at: &At) -> Packets {
        Packets {
            hex,
            is_quiet: at.trace,
            screen: Screen::new(),
        }
    }
}

impl App for Packets {
    fn datagram(&mut self, io: &mut Io, socket: DatagramId, from: SocketAddr, bytes: &[u8]) {
        let port = io.address(socket).map_or(0, |local| port_of(&local));
        let count = bytes.len();
        let outcome = if self.hex {
            let dump = hex::dump(bytes);
            self.screen
                .say(format_args!("{from} -> {port}, {count} bytes\n{dump}"));
            let sent = dump.len();
            self.screen
                .say(format_args!("{from} <- {port}, this dump, {sent} bytes"));
            pieces(&dump).try_for_each(|piece| io.send_to(socket, from, piece))
        } else {
            if !self.is_quiet {
                self.screen
                    .say(format_args!("{from} -> {port}, {count} bytes, sent back"));
            }
            io.send_to(socket, from, bytes)
        };
        if let Err(error) = outcome {
            let why = reason(&error);
            self.screen
                .say(format_args!("{from} <- {port}, lost: {why}"));
        }
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        if signal != Signal::Child {
            io.stop();
        }
    }

    fn before_sleep(&mut self, _: &mut Io) -> Sleep {
        self.screen.show();
        Sleep::Forever
    }

    fn turn(&mut self, turn: &Turn) {
        self.screen.turn(turn);
    }

    // Calls about connections, of which there are none.

    fn opened(&mut self, io: &mut Io, id: ConnId, _: &Peer) {
        io.close(id);
    }

    fn input(&mut self, _: ConnId) -> &mut [u8] {
        &mut []
    }

    fn filled(&mut self, _: ConnId, _: usize) {}

    fn received(&mut self, _: &mut Io, _: &[ConnId]) {}

    fn output(&mut self, _: ConnId) -> Option<&mut Output> {
        None
    }

    fn closed(&mut self, _: &mut Io, _: ConnId, _: Closed) {}
}

/// A text in pieces that fit into packets, cut where lines end.
fn pieces(text: &str) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let most = rest.len().min(PACKET_BYTES_MAX);
        let end = rest[..most].iter().rposition(|&byte| byte == b'\n')? + 1;
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Less than the 65,507 bytes that UDP can carry.
const PACKET_BYTES_MAX: usize = 40_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_cut_between_lines() {
        let dump = hex::dump(&(0..=255).cycle().take(65_507).collect::<Vec<u8>>());
        let pieces: Vec<&[u8]> = pieces(&dump).collect();
        assert_eq!(pieces.concat(), dump.as_bytes());
        let is_whole = |piece: &&[u8]| piece.ends_with(b"\n") && piece.len() <= PACKET_BYTES_MAX;
        assert!(pieces.len() > 5 && pieces.iter().all(is_whole));
    }
}
