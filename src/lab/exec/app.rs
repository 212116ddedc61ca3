//! The callbacks of the loop: clients and pipes, the end of a process, the time.

use crate::base::output::Output;
use crate::reactor::{App, Closed, ConnId, Io, Peer, Signal, Sleep, Turn};

use super::super::echo::{FULL, port_of};
use super::lines::Lines;
use super::{Client, Exec, OUTPUT_BYTES_MAX, RunId, Seat, Work};

impl App for Exec {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let address = peer.address.clone();
        let port = port_of(&peer.local);
        let mut output = Output::new();
        let has_room = self.clients < self.max_clients;
        if has_room {
            self.screen
                .say(format_args!("{address} came in on port {port}"));
        } else {
            self.screen
                .say(format_args!("{address} turned away on port {port}: full"));
            output.push(FULL);
        }
        let client = Client {
            address,
            lines: Lines::default(),
            output,
            work: Work::None,
            has_ended: false,
        };
        self.clients += 1;
        self.seats.insert(id, Seat::Client(Box::new(client)));
        if !has_room {
            io.close_after_flush(id);
        }
    }

    /// A client may say as much as makes a line; a program may say as much as its client has room for.
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        let room = match self.seats.get(id) {
            Some(Seat::Client(client)) => client.lines.room(),
            Some(Seat::Pipe(run)) => self.room_for_output_of(*run),
            None => 0,
        };
        let most = room.min(self.space.len());
        &mut self.space[..most]
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        match self.seats.get_mut(id) {
            Some(Seat::Client(client)) => client.lines.push(&self.space[..count]),
            Some(Seat::Pipe(run)) => {
                let run = *run;
                self.pass_on(run, count);
            }
            None => {}
        }
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        for &id in group {
            match self.seats.get(id) {
                Some(Seat::Client(_)) => self.lively.push(id),
                Some(Seat::Pipe(run)) => {
                    if let Some(client) = self.runs.get(*run).and_then(|run| run.client) {
                        io.want_write(client);
                    }
                }
                None => {}
            }
        }
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        match self.seats.get_mut(id) {
            Some(Seat::Client(client)) => {
                client.has_ended = true;
                self.lively.push(id);
            }
            _ => io.close(id),
        }
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        match self.seats.get_mut(id) {
            Some(Seat::Client(client)) => Some(&mut client.output),
            _ => None,
        }
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, _: usize) {
        let Some(Seat::Client(client)) = self.seats.get(id) else {
            return;
        };
        if client.output.len() >= OUTPUT_BYTES_MAX {
            return;
        }
        match client.work {
            Work::Running(run) => {
                let pipes = self.runs.get(run).map_or(&[][..], |run| &run.pipes);
                for &pipe in pipes {
                    io.resume_reading(pipe);
                }
            }
            Work::Waiting(_) => {}
            // It may have been refused a look at its next line while it had so much to read.
            Work::None => io.again(id),
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, _: Closed) {
        match self.seats.remove(id) {
            Some(Seat::Client(client)) => {
                self.clients -= 1;
                self.screen.say(format_args!("{} left", client.address));
                if let Work::Running(run) = client.work
                    && let Some(run) = self.runs.get_mut(run)
                {
                    run.client = None;
                    run.end("its client left");
                    for &pipe in &run.pipes {
                        io.close(pipe);
                    }
                }
            }
            Some(Seat::Pipe(id)) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.pipes.retain(|&pipe| io.is_open(pipe));
                }
                self.finish_if_over(io, id);
            }
            None => {}
        }
        self.advance(io);
        self.screen.show();
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        if signal != Signal::Child {
            return io.stop();
        }
        // It does not say whose end it tells of, and may stand for several.
        for id in self.runs.ids() {
            self.finish_if_over(io, id);
        }
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        self.advance(io);
        let sleep = self.end_what_is_due(io);
        self.screen.show();
        sleep
    }

    fn turn(&mut self, turn: &Turn) {
        self.screen.turn(turn);
    }
}

impl Exec {
    fn room_for_output_of(&self, run: RunId) -> usize {
        let client = self.runs.get(run).and_then(|run| run.client);
        match client.and_then(|client| self.seats.get(client)) {
            Some(Seat::Client(client)) => OUTPUT_BYTES_MAX.saturating_sub(client.output.len()),
            _ => 0,
        }
    }

    /// A program's output goes to its client, as far as the limit allows.
    fn pass_on(&mut self, run: RunId, count: usize) {
        let Some(run) = self.runs.get_mut(run) else {
            return;
        };
        let taken = run.bytes_left.min(count as u64) as usize;
        run.bytes_left -= taken as u64;
        if taken < count {
            let limit = self.rules.exec_bytes;
            run.end(&format!("more than {limit} bytes of output"));
        }
        if let Some(Seat::Client(client)) = run.client.and_then(|id| self.seats.get_mut(id)) {
            client.output.push(&self.space[..taken]);
        }
    }

    /// Ends the programs whose time is over, and says when the next one's will be.
    fn end_what_is_due(&mut self, io: &mut Io) -> Sleep {
        let now_us = self.clock.monotonic_us();
        let mut next_us = u64::MAX;
        for (_, run) in self.runs.iter_mut() {
            if run.deadline_us <= now_us {
                if run.has_ended() {
                    run.give_up("its output could not be delivered in time", io);
                }
                let seconds = self.rules.exec_seconds;
                run.end(&format!("more than {seconds} s of time"));
                run.deadline_us = now_us + GRACE_US;
            }
            next_us = next_us.min(run.deadline_us);
        }
        if next_us == u64::MAX {
            Sleep::Forever
        } else {
            Sleep::AtMostMs((next_us - now_us).div_ceil(1000))
        }
    }
}

/// How long the last output of a program that was ended may take to come through.
const GRACE_US: u64 = 1_000_000;
