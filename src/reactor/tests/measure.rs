//! How much the loop costs over the least one can write.
//!
//! The rival knows nothing of fairness, groups, output queues or ends: it reads what is ready into one buffer and
//! writes it back at once. Echoing the same traffic, the loop should be about as fast, because both spend their time
//! in the kernel. Run with `--nocapture` for the numbers; the bound is loose, since tests run beside each other.

use std::io::Write;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream as MioStream};
use mio::{Events, Interest, Poll, Token};

use super::*;

const CLIENTS: usize = 50;
const ROUNDS: usize = 400;

/// The smallest program that keeps an output per connection, in a table indexed by the ids of the loop.
#[derive(Default)]
struct Echo {
    outputs: Vec<Output>,
    input: Vec<u8>,
}

impl App for Echo {
    fn opened(&mut self, _io: &mut Io, id: ConnId, _peer: &Peer) {
        if self.outputs.len() <= id.index as usize {
            self.outputs.resize_with(id.index as usize + 1, Output::new);
        }
    }

    fn input(&mut self, _id: ConnId) -> &mut [u8] {
        &mut self.input
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        self.outputs[id.index as usize].push(&self.input[..count]);
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        for &id in group {
            io.want_write(id);
        }
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.outputs.get_mut(id.index as usize)
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, _why: Closed) {
        self.outputs[id.index as usize].clear();
        if io.connections() == 0 {
            io.stop();
        }
    }

    fn before_sleep(&mut self, _io: &mut Io) -> Sleep {
        Sleep::Forever
    }
}

/// Requests per second over all clients, one request in flight each.
fn drive(at: SocketAddr) -> f64 {
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| TcpStream::connect(at).expect("open"))
        .collect();
    let mut answer = [0; 32];
    let mut round = || {
        for client in &mut clients {
            client.write_all(&[b'x'; 32]).expect("room");
        }
        for client in &mut clients {
            client.read_exact(&mut answer).expect("the echo");
        }
    };
    round();
    let began = Instant::now();
    (0..ROUNDS).for_each(|_| round());
    (CLIENTS * ROUNDS) as f64 / began.elapsed().as_secs_f64()
}

/// The simplest echo: level it by hand, forget everything else. Ends with its last client.
fn simplest_loop(mut listener: TcpListener) {
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(1024);
    let mut streams: Vec<Option<MioStream>> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let door = Token(usize::MAX);
    poll.registry()
        .register(&mut listener, door, Interest::READABLE)
        .expect("fresh");
    let mut open = 0;
    loop {
        poll.poll(&mut events, None).expect("a poll that works");
        for event in &events {
            if event.token() == door {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true).expect("fresh");
                    let token = Token(streams.len());
                    poll.registry()
                        .register(&mut stream, token, Interest::READABLE)
                        .expect("fresh");
                    streams.push(Some(stream));
                    open += 1;
                }
                continue;
            }
            let Some(stream) = &mut streams[event.token().0] else {
                continue;
            };
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => stream.write_all(&buffer[..count]).expect("room"),
                _ => {
                    streams[event.token().0] = None;
                    open -= 1;
                }
            }
        }
        if open == 0 && !streams.is_empty() {
            return;
        }
    }
}

#[test]
fn echoing_costs_little_more_than_the_simplest_loop() {
    let mut best = [0.0_f64; 2];
    for _ in 0..3 {
        let listener =
            TcpListener::bind("127.0.0.1:0".parse().expect("a literal")).expect("a free port");
        let at = listener.local_addr().expect("bound");
        let rival = std::thread::spawn(move || simplest_loop(listener));
        best[0] = best[0].max(drive(at));
        rival.join().expect("it ends with its clients");

        let mut reactor = Reactor::new(&Settings::default()).expect("a poll");
        let door = listen_on(&mut reactor, "127.0.0.1:0");
        let Some(Address::Ip(at)) = reactor.io().address(door) else {
            panic!("a TCP door")
        };
        let mut echo = Echo {
            input: vec![0; 64 * 1024],
            ..Echo::default()
        };
        let ours = std::thread::spawn(move || reactor.run(&mut echo));
        best[1] = best[1].max(drive(at));
        ours.join()
            .expect("it ends with its clients")
            .expect("a poll that works");
    }
    let [simplest, ours] = best;
    println!(
        "simplest loop {simplest:.0}/s, reactor {ours:.0}/s, ratio {:.2}",
        ours / simplest
    );
    assert!(ours > simplest / 3.0, "{ours:.0}/s against {simplest:.0}/s");
}
