//! CONFIG SET: several parameters at once, all of them or none.
//!
//! Two things can go wrong. A value may be refused: then nothing has changed, and the client is told about the first
//! culprit. Or a value is fine but its effect outside fails, say the port is taken: then the shell, which alone can
//! find out, calls [`Config::roll_back`] and the parameters are as before. The engine undoes effects that had already
//! taken place by applying the same effects again, with the old values.

use super::fields::Config;
use super::row::{Outside, Row, Within};
use super::rows;
use super::values::Source;
use super::words::Permission;
use crate::spec::error::Error;

/// The changes, and how to take them back.
#[derive(Debug)]
pub(crate) struct Changes {
    before: Box<Config>,
    changed: Vec<Change>,
}

/// One parameter that now has another value.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) row: &'static Row,
    /// The name by which it was asked for, which an error repeats.
    pub(crate) argument: Vec<u8>,
}

/// Under which circumstances a client wants to change something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Circumstances {
    /// The client is on this machine, or came through a Unix socket.
    pub(crate) client_is_local: bool,
    /// The data is still being loaded.
    pub(crate) loading: bool,
}

impl Config {
    /// Sets all of `pairs`, or none.
    pub(crate) fn set(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        when: Circumstances,
    ) -> Result<Changes, Error> {
        let rows = self.admitted(pairs, when)?;
        let before = Box::new(self.clone());
        for (row, (argument, value)) in rows.iter().zip(pairs) {
            if let Err(reason) = row.set(self, &[value.to_vec()], Source::Client) {
                *self = *before;
                return Err(failed(argument, &reason));
            }
        }
        let changed = rows
            .into_iter()
            .zip(pairs)
            .filter(|(row, _)| row.volatile || row.print(self) != row.print(&before))
            .map(|(row, (argument, _))| Change {
                row,
                argument: argument.to_vec(),
            })
            .collect();
        Ok(Changes { before, changed })
    }

    /// Gives every parameter the value it had before `changes`.
    pub(crate) fn roll_back(&mut self, changes: Changes) {
        *self = *changes.before;
    }

    /// The rows that `pairs` name, if all of them may be changed now.
    fn admitted(
        &self,
        pairs: &[(&[u8], &[u8])],
        when: Circumstances,
    ) -> Result<Vec<&'static Row>, Error> {
        let mut rows: Vec<&'static Row> = Vec::with_capacity(pairs.len());
        for (at, (argument, _)) in pairs.iter().enumerate() {
            let Some(row) = rows::find(argument) else {
                return Err(unknown(argument));
            };
            if row.immutable {
                return Err(failed(argument, "can't set immutable config"));
            }
            if row.protected
                && !self
                    .enable_protected_configs
                    .is_granted(when.client_is_local)
            {
                return Err(failed(argument, "can't set protected config"));
            }
            if row.deny_loading && when.loading {
                return Err(Error::Loading);
            }
            // Two names of one parameter are no duplicate: the later one wins.
            if pairs[..at]
                .iter()
                .any(|(earlier, _)| earlier.eq_ignore_ascii_case(argument))
            {
                return Err(failed(argument, "duplicate parameter"));
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Changes {
    /// Which parameters have another value than before.
    #[cfg(test)]
    pub(crate) fn changed(&self) -> &[Change] {
        &self.changed
    }

    /// The engine's work now.
    pub(crate) fn within(&self) -> impl Iterator<Item = Within> {
        self.changed.iter().filter_map(|change| change.row.within)
    }

    /// The shell's work now, each thing once, in the order in which it was asked for; with the argument to blame in
    /// [`failed`] should it not work.
    pub(crate) fn outside(&self) -> Vec<(Outside, &[u8])> {
        let mut effects: Vec<(Outside, &[u8])> = Vec::new();
        for Change { row, argument } in &self.changed {
            if let Some(effect) = row.outside
                && effects.iter().all(|(known, _)| *known != effect)
            {
                effects.push((effect, argument));
            }
        }
        effects
    }
}

impl Permission {
    /// Whether a client may.
    pub(crate) fn is_granted(self, client_is_local: bool) -> bool {
        match self {
            Permission::No => false,
            Permission::Yes => true,
            Permission::Local => client_is_local,
        }
    }
}

/// The refusal of a CONFIG SET, blaming one argument.
pub(crate) fn failed(argument: &[u8], reason: &str) -> Error {
    let reason = format!("') - {reason}");
    Error::quoting(
        "ERR CONFIG SET failed (possibly related to argument '",
        argument,
        &reason,
    )
}

fn unknown(argument: &[u8]) -> Error {
    Error::quoting(
        "ERR Unknown option or number of arguments for CONFIG SET - '",
        argument,
        "'",
    )
}
