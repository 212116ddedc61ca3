//! The callbacks of the loop: two connections for each client, and the ends of both.

use std::collections::VecDeque;

use crate::base::output::Output;
use crate::reactor::{App, Closed, ConnId, Io, Peer, Signal, Sleep, Turn};

use super::super::doors::reason;
use super::super::echo::port_of;
use super::text::Listener;
use super::{LINGER_US, OUTPUT_BYTES_MAX, Relay, Role, Side};

impl App for Relay {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        self.numbers += 1;
        let number = self.numbers;
        let address = &peer.address;
        let port = port_of(&peer.local);
        if self.clients >= self.max_clients {
            self.say(number, &format!("{address} turned away: full"));
            return io.close(id);
        }
        let server = match io.connect(&self.to, None, None) {
            Ok(server) => server,
            Err(error) => {
                let text = format!("{address} cannot be served: {}", reason(&error));
                self.say(number, &text);
                return io.close(id);
            }
        };
        self.say(number, &format!("{address} came in on port {port}"));
        self.clients += 1;
        let sides = [
            (id, server, Role::Client, Listener::of_requests()),
            (server, id, Role::Server, Listener::of_replies()),
        ];
        for (id, other, role, listener) in sides {
            let side = Side {
                role,
                output: Output::new(),
                other: Some(other),
                listener: Some(listener),
                number,
                has_ended: false,
                unanswered: VecDeque::new(),
            };
            self.sides.insert(id, side);
        }
    }

    /// The input of one side is limited by the output that the other has still to read.
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        let other = self.sides.get(id).and_then(|side| side.other);
        match other.and_then(|other| self.sides.get(other)) {
            Some(other) if other.output.len() < OUTPUT_BYTES_MAX => &mut self.space,
            _ => &mut [],
        }
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        self.listen(id, count);
        let other = self.sides.get(id).and_then(|side| side.other);
        if let Some(other) = other.and_then(|other| self.sides.get_mut(other)) {
            other.output.push(&self.space[..count]);
        }
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        for &id in group {
            let Some(side) = self.sides.get(id) else {
                continue;
            };
            let (role, other) = (side.role, side.other);
            if let Some(other) = other {
                io.want_write(other);
                if role == Role::Server {
                    self.finish_if_answered(io, other);
                }
            }
        }
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        let Some(side) = self.sides.get_mut(id) else {
            return;
        };
        side.has_ended = true;
        match (side.role, side.unanswered.is_empty()) {
            (Role::Client, true) => self.finish_if_answered(io, id),
            (Role::Client, false) => {
                let deadline_us = self.clock.monotonic_us() + LINGER_US;
                self.lingering.push((id, deadline_us));
            }
            (Role::Server, _) => io.close(id),
        }
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.sides.get_mut(id).map(|side| &mut side.output)
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, _: usize) {
        if let Some(side) = self.sides.get(id)
            && side.output.len() < OUTPUT_BYTES_MAX
            && let Some(other) = side.other
        {
            io.resume_reading(other);
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        let Some(side) = self.sides.remove(id) else {
            return;
        };
        let (number, role) = (side.number, side.role);
        let name = match role {
            Role::Client => "the client",
            Role::Server => "the server",
        };
        match why {
            // A close of our own is the consequence of something that was said already.
            Closed::ByApp if !side.has_ended => {}
            Closed::ByApp | Closed::ByPeer => self.say(number, &format!("{name} left")),
            Closed::Failed(error) => {
                self.say(number, &format!("{name} is gone: {}", reason(&error)));
            }
        }
        if side.listener.is_some_and(|listener| listener.is_midway()) {
            self.say(number, &format!("{name} did not finish its last sentence"));
        }
        self.clients -= usize::from(role == Role::Client);
        if let Some(other) = side.other
            && let Some(partner) = self.sides.get_mut(other)
        {
            partner.other = None;
            self.finish(io, other);
        }
        self.screen.show();
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        if signal != Signal::Child {
            io.stop();
        }
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        self.screen.show();
        self.lingering.retain(|(id, _)| io.is_open(*id));
        let now_us = self.clock.monotonic_us();
        for (id, _) in self
            .lingering
            .iter()
            .filter(|(_, due_us)| *due_us <= now_us)
        {
            io.close(*id);
        }
        let next_us = self.lingering.iter().map(|(_, due_us)| *due_us).min();
        next_us.map_or(Sleep::Forever, |next_us| {
            Sleep::AtMostMs(next_us.saturating_sub(now_us).div_ceil(1000))
        })
    }

    fn turn(&mut self, turn: &Turn) {
        self.screen.turn(turn);
    }
}
