//! An echo over TCP: bytes that come in go out again, or their hex dump does.
//!
//! The whole life of a byte: the loop reads it into `space` (`input`, `filled`), it is put behind the output of its
//! client, and after everybody was read from the loop writes the outputs. A few bytes are copied there; of many the
//! output gets the space itself, and the next read another (`lend_space`). A client that sends and does not read is
//! offered no more room to send into: the kernel's buffers fill up, and its own writes stop.

use std::sync::Arc;

use crate::base::output::{Output, SHARE_MIN};
use crate::reactor::{Address, App, Closed, ConnId, Io, Peer, Signal, Sleep, Turn};

use super::hex;
use super::options::At;
use super::screen::Screen;
use crate::base::seats::Seats;

pub(crate) struct Echo {
    hex: bool,
    max_clients: usize,
    clients: Seats<Client>,
    /// Where every read goes. One for all is enough: its bytes are looked at before the next read.
    space: Vec<u8>,
    /// Spaces that outputs have or had. Spaces that nobody else holds are used again.
    lent: Vec<Arc<Vec<u8>>>,
    screen: Screen,
}

struct Client {
    output: Output,
    address: Address,
    port: u16,
}

impl Echo {
    pub(crate) fn new(hex: bool, at: &At) -> Echo {
        Echo {
            hex,
            max_clients: at.max_clients as usize,
            clients: Seats::new(),
            space: vec![0; SPACE_BYTES],
            lent: Vec::new(),
            screen: Screen::new(),
        }
    }

    /// Gives the space away for as long as its bytes are not sent, and finds another for the next read.
    fn lend_space(&mut self) -> Arc<Vec<u8>> {
        // The one lent last is the one most likely to be in the cache.
        let free = self
            .lent
            .iter_mut()
            .rposition(|one| Arc::get_mut(one).is_some());
        let next = free.and_then(|at| Arc::try_unwrap(self.lent.remove(at)).ok());
        let next = next.unwrap_or_else(|| vec![0; SPACE_BYTES]);
        let space = Arc::new(std::mem::replace(&mut self.space, next));
        // A space that is not remembered is freed by its last holder.
        if self.lent.len() < LENT_MAX {
            self.lent.push(Arc::clone(&space));
        }
        space
    }
}

impl App for Echo {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let mut client = Client {
            output: Output::new(),
            address: peer.address.clone(),
            port: port_of(&peer.local),
        };
        let has_room = self.clients.len() < self.max_clients;
        let Client { address, port, .. } = &client;
        if has_room {
            self.screen
                .say(format_args!("{address} came in on port {port}"));
        } else {
            self.screen
                .say(format_args!("{address} turned away on port {port}: full"));
            client.output.push(FULL);
        }
        self.clients.insert(id, client);
        if !has_room {
            io.close_after_flush(id);
        }
    }

    fn input(&mut self, id: ConnId) -> &mut [u8] {
        match self.clients.get(id) {
            Some(client) if client.output.len() < OUTPUT_BYTES_MAX => &mut self.space,
            _ => &mut [],
        }
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        if !self.hex && count >= SHARE_MIN {
            let space = self.lend_space();
            if let Some(client) = self.clients.get_mut(id) {
                client.output.push_shared(space, 0..count);
            }
            return;
        }
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let bytes = &self.space[..count];
        if !self.hex {
            client.output.push(bytes);
            return;
        }
        let dump = hex::dump(bytes);
        client.output.push(dump.as_bytes());
        let Client { address, port, .. } = client;
        self.screen
            .say(format_args!("{address} -> {port}, {count} bytes\n{dump}"));
        let sent = dump.len();
        self.screen
            .say(format_args!("{address} <- {port}, this dump, {sent} bytes"));
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        for &id in group {
            io.want_write(id);
        }
    }

    /// A client that finished sending still gets the rest of the answer.
    fn ended(&mut self, io: &mut Io, id: ConnId) {
        io.close_after_flush(id);
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.clients.get_mut(id).map(|client| &mut client.output)
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, _: usize) {
        if let Some(client) = self.clients.get(id)
            && client.output.len() < OUTPUT_BYTES_MAX
        {
            io.resume_reading(id);
        }
    }

    fn closed(&mut self, _: &mut Io, id: ConnId, _: Closed) {
        if let Some(Client { address, port, .. }) = self.clients.remove(id) {
            self.screen.say(format_args!("{address} left port {port}"));
            self.screen.show();
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
}

/// The port of one of our own sockets.
pub(crate) fn port_of(local: &Address) -> u16 {
    match local {
        Address::Ip(address) => address.port(),
        Address::Unix(_) | Address::Pipe => 0,
    }
}

/// The size of one read: as much as the loop writes for one client in a turn, so that of those who send a lot each turn
/// moves a lot.
const SPACE_BYTES: usize = 64 * 1024;

/// Spaces kept for further reads: as many as a group of the loop may need at once.
const LENT_MAX: usize = 64;

/// Above this much unsent output a connection is not read.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

pub(crate) const FULL: &[u8] = b"no room for another client, try later\n";
