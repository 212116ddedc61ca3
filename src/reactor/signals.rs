//! Signals, delivered as events of the same poll.
//!
//! A handler may do next to nothing, because it interrupts the program anywhere. So the one installed here only
//! writes a byte into a pipe; the loop reads it between two turns and calls `App::signalled` where everything is
//! allowed. Several deliveries of one signal may melt into one, as the kernel does with them anyway.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use signal_hook::consts::signal::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::{SigId, flag, low_level};
use signal_hook_mio::v1_0 as mio_signals;

/// The signals a program may ask the loop to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    Hangup,
    Interrupt,
    Quit,
    Terminate,
    User1,
    User2,
    /// A child process ended. Many endings may arrive as one.
    Child,
}

impl Signal {
    pub(crate) fn number(self) -> i32 {
        match self {
            Signal::Hangup => SIGHUP,
            Signal::Interrupt => SIGINT,
            Signal::Quit => SIGQUIT,
            Signal::Terminate => SIGTERM,
            Signal::User1 => SIGUSR1,
            Signal::User2 => SIGUSR2,
            Signal::Child => SIGCHLD,
        }
    }

    fn of_number(number: i32) -> Option<Signal> {
        ALL.into_iter().find(|signal| signal.number() == number)
    }
}

/// The first Ctrl-C asks for an orderly shutdown, the second ends the process at once. This is what the handlers know
/// of it. Only where `second_interrupt_exits` is set does anything raise these flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts {
    /// The next SIGINT ends the process.
    asked: Arc<AtomicBool>,
    /// There was one since somebody began to look.
    interrupted: Arc<AtomicBool>,
}

impl Interrupts {
    /// The next SIGINT counts as a first one again: it does not end the process, and [`Interrupts::came`] tells of it.
    pub(crate) fn forget(&self) {
        self.asked.store(false, Ordering::Relaxed);
        self.interrupted.store(false, Ordering::Relaxed);
    }

    /// Whether there was a SIGINT since `forget`. For programs that keep the loop busy and want to clean up before the
    /// end.
    pub(crate) fn came(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// The handlers installed for one reactor, removed when it is dropped.
pub(super) struct Signals {
    caught: Option<mio_signals::Signals>,
    flags: Vec<SigId>,
    interrupts: Interrupts,
}

impl Signals {
    /// Installs the handlers. Ignoring is done by a handler that raises a flag nobody reads, not by `SIG_IGN`: the
    /// latter would be inherited by the programs we start.
    pub(super) fn install(
        caught: &[Signal],
        ignored: &[Signal],
        second_interrupt_exits: bool,
    ) -> io::Result<Signals> {
        let mut signals = Signals {
            caught: None,
            flags: Vec::new(),
            interrupts: Interrupts::default(),
        };
        for signal in ignored {
            signals.flags.push(flag::register(
                signal.number(),
                Arc::new(AtomicBool::new(false)),
            )?);
        }
        if second_interrupt_exits {
            // Actions run in the order they were registered: the first one still sees the flag down.
            let Interrupts { asked, interrupted } = signals.interrupts.clone();
            signals.flags.push(flag::register_conditional_shutdown(
                SIGINT,
                1,
                Arc::clone(&asked),
            )?);
            signals
                .flags
                .push(flag::register(SIGINT, Arc::clone(&asked))?);
            signals.flags.push(flag::register(SIGINT, interrupted)?);
            signals.flags.push(flag::register(SIGTERM, asked)?);
        }
        if !caught.is_empty() {
            let numbers = caught.iter().map(|signal| signal.number());
            signals.caught = Some(mio_signals::Signals::new(numbers)?);
        }
        Ok(signals)
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.caught {
            Some(caught) => caught.register(registry, token, Interest::READABLE),
            None => Ok(()),
        }
    }

    pub(super) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// The signals that arrived since the last call.
    pub(super) fn pending(&mut self) -> Vec<Signal> {
        let caught = self
            .caught
            .iter_mut()
            .flat_map(mio_signals::Signals::pending);
        caught.filter_map(Signal::of_number).collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.flags.drain(..) {
            low_level::unregister(id);
        }
    }
}

const ALL: [Signal; 7] = [
    Signal::Hangup,
    Signal::Interrupt,
    Signal::Quit,
    Signal::Terminate,
    Signal::User1,
    Signal::User2,
    Signal::Child,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_comes_back_from_its_number() {
        for signal in ALL {
            assert_eq!(Signal::of_number(signal.number()), Some(signal));
        }
        assert_eq!(Signal::of_number(0), None);
    }
}
