//! The lab: small servers on the same loop, to learn with.
//!
//! ```text
//! pollux lab                          an echo over TCP
//! pollux lab -l udp                   an echo of packets
//! pollux lab -x                       answers with a hex dump
//! pollux lab -e --allow date,uname    runs the programs it is told to, if they are allowed
//! pollux lab relay --to 127.0.0.1:6379    shows what passes between a client and a server
//! pollux lab -i                       the real server, with each turn of its loop printed
//! ```
//!
//! Each server is one file that implements `reactor::App`, and none needs more of the loop than what the big server
//! uses. That is the point of them: a loop that knows what its programs mean could not carry five of them. Only the
//! relay knows Redis's protocol, and only to print it.
//!
//! No server waits for one client while another could be served, and the bytes that one client makes it keep are
//! bounded. The one thing that can hold up the loop is the terminal, when it takes no more text.
//!
//! Reading order: `echo`, `packets`, then `exec`, then `relay`. `docs/LAB.md` has a lesson for each.

mod doors;
mod echo;
mod exec;
mod hex;
mod options;
mod packets;
mod relay;
mod screen;
mod trace;

use crate::reactor::{App, Reactor, Settings, Signal};

use doors::Doors;
use options::{At, Mode, Order};

pub use screen::Screen;
pub use trace::stamp;

/// The work that is left after the lab had its turn.
pub enum After {
    /// The process ends with this status.
    Exit(i32),
    /// The real server is to run with these words as its command line, each turn of its loop shown.
    Serve(Vec<Vec<u8>>),
}

/// Runs what the words after `pollux lab` ask for, until a signal ends it.
pub fn run(words: &[Vec<u8>]) -> After {
    let order = match Order::understand(words) {
        Ok(order) => order,
        Err(refusal) => {
            // Help goes to the standard output, usage errors to the other one; the reader may have gone.
            let _ = refusal.print();
            return After::Exit(refusal.exit_code());
        }
    };
    if let Mode::Serve = order.mode {
        return After::Serve(order.server_words());
    }
    match start(order) {
        Ok(()) => After::Exit(0),
        Err(text) => {
            eprintln!("pollux lab: {text}");
            After::Exit(1)
        }
    }
}

fn start(order: Order) -> Result<(), String> {
    let Order { at, mode } = order;
    doors::make_room(&at);
    let settings = Settings {
        signals: vec![Signal::Interrupt, Signal::Terminate, Signal::Child],
        second_interrupt_exits: true,
        ..Settings::default()
    };
    let mut reactor = Reactor::new(&settings).map_err(|error| doors::reason(&error))?;
    match mode {
        Mode::Echo { hex } => {
            let name = if hex { "hex dump" } else { "echo" };
            open(&mut reactor, &at, name, Doors::Tcp)?;
            turn_round(reactor, &mut echo::Echo::new(hex, &at))
        }
        Mode::Packets { hex } => {
            let name = if hex { "hex dump" } else { "echo" };
            open(&mut reactor, &at, name, Doors::Udp)?;
            turn_round(reactor, &mut packets::Packets::new(hex, &at))
        }
        Mode::Exec(rules) => {
            open(&mut reactor, &at, "exec", Doors::Tcp)?;
            let mut exec = exec::Exec::new(rules, &at);
            let outcome = turn_round(reactor, &mut exec);
            exec.end_all();
            outcome
        }
        Mode::Relay { to } => {
            let address = relay::find(&to)?;
            open(&mut reactor, &at, "relay", Doors::Tcp)?;
            relay::greet(&to);
            turn_round(reactor, &mut relay::Relay::new(address, &at))
        }
        Mode::Serve => unreachable!("the shell above the lab runs the real server"),
    }
}

fn open(reactor: &mut Reactor, at: &At, name: &str, doors: Doors) -> Result<(), String> {
    doors::open(reactor.io(), at, name, doors)?;
    if at.trace {
        reactor.io().trace(Some(stamp));
    }
    Ok(())
}

fn turn_round<A: App>(mut reactor: Reactor, app: &mut A) -> Result<(), String> {
    reactor.run(app).map_err(|error| doors::reason(&error))
}
