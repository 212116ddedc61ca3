//! A script that has run for so long that others are let in meanwhile, as they see it.

use crate::spec::error::Error;
use crate::wire::args::{Args, OwnedArgs};

/// What is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A script of EVAL.
    Script,
    /// A function of a library.
    Function,
}

/// How a script fails when it is ended; a function too.
pub(crate) const KILLED: &[u8] = b"ERR Script killed by user with SCRIPT KILL...";

/// A script that is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: Kind,
    /// As errors and the log call it.
    pub(crate) name: &'a [u8],
    /// The command that has asked for it.
    pub(crate) args: Args<'a>,
}

/// What is known of one that is busy.
pub(crate) struct Busy {
    pub(crate) kind: Kind,
    pub(crate) name: Vec<u8>,
    pub(crate) args: OwnedArgs,
    pub(crate) spent_ms: u64,
    /// Our primary has sent it, and knows what it does.
    pub(crate) is_replayed: bool,
    pub(crate) has_written: bool,
    /// Somebody has asked for its end.
    pub(crate) is_killed: bool,
}

impl Kind {
    /// The command that ends it.
    pub(crate) const fn killer(self) -> &'static str {
        match self {
            Self::Script => "SCRIPT KILL",
            Self::Function => "FUNCTION KILL",
        }
    }

    /// The refusal of everything else.
    pub(crate) const fn refusal(self) -> Error {
        match self {
            Self::Script => Error::BusyScript,
            Self::Function => Error::BusyFunction,
        }
    }
}

impl Busy {
    /// SCRIPT KILL or FUNCTION KILL, for what is busy or for nothing.
    pub(crate) fn kill(busy: Option<&mut Self>, kind: Kind) -> Result<(), Error> {
        let busy = busy.ok_or(Error::NotBusy)?;
        if busy.is_replayed {
            return Err(
                "UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be killed.".into(),
            );
        }
        if busy.has_written {
            return Err(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.".into(),
            );
        }
        if busy.kind != kind {
            return Err(busy.kind.refusal());
        }
        busy.is_killed = true;
        Ok(())
    }
}
