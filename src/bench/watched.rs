//! The server that is measured, as it tells of itself: on a connection of its own, between the runs.

use std::ops::Sub;

use crate::client::{Client, Error, FromReply};

use super::options::Options;

pub(super) struct Watched {
    client: Client,
    /// What its CONFIG says of `save` and `appendonly`; `None` where it does not tell.
    pub(super) habits: Option<(String, String)>,
}

/// Processor time in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cpu {
    pub(super) user: f64,
    pub(super) system: f64,
}

impl Sub for Cpu {
    type Output = Cpu;

    fn sub(self, before: Cpu) -> Cpu {
        Cpu {
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

impl Watched {
    pub(super) fn reach(options: &Options) -> Result<Watched, String> {
        let (place, settings) = options.place();
        let client = Client::connect_with(&place, settings).map_err(|error| match error {
            Error::Server(text) => format!("Error from server: {text}"),
            error => format!("Could not connect to {place}: {error}"),
        })?;
        let mut watched = Watched {
            client,
            habits: None,
        };
        let save = watched.parameter("save");
        watched.habits = save.zip(watched.parameter("appendonly"));
        Ok(watched)
    }

    fn parameter(&mut self, name: &str) -> Option<String> {
        let found: Vec<String> = self.ask(&["CONFIG", "GET", name])?;
        found.into_iter().nth(1)
    }

    /// What it has used so far; `None` where it does not tell.
    pub(super) fn cpu(&mut self) -> Option<Cpu> {
        let info: String = self.ask(&["INFO", "cpu"])?;
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.parse().ok())
        };
        Some(Cpu {
            user: field("used_cpu_user:")?,
            system: field("used_cpu_sys:")?,
        })
    }

    fn ask<T: FromReply>(&mut self, words: &[&str]) -> Option<T> {
        self.client.ask(words).ok()
    }
}
