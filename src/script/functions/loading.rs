//! How a library is loaded into an interpreter, and how one of its functions is called.

use crate::base::output::Output;
use crate::base::time::Clock;
use crate::script::errors::Failure;
use crate::script::interpreter::{Interpreter, cause_of};
use crate::script::returned::Returned;
use crate::script::seat::{Code, Passing, Task};
use crate::script::{Host, Pulse, Refused, Replication};
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::Function;

/// How Lua calls the text of every library in its messages.
const LIBRARY: &std::ffi::CStr = c"@user_function";

/// Loading may take so long.
const LOAD_MAX_US: u64 = 500_000;

/// The most pulses meanwhile: more than there can be in that time. It counts where time stands still.
const PULSES_MAX: u32 = 20_000;

/// The server as a library sees it while it is loaded: it can write to the log of lines.
struct Loading<'a> {
    /// The clock, and when the time is over.
    limit: Option<(&'a Clock, u64)>,
    pulses: u32,
}

impl Host for Loading<'_> {
    fn call(&mut self, _: Args<'_>, _: Protocol, _: &mut Output) -> Result<(), Refused> {
        Err(Refused(
            b"ERR redis.call can only be used by a function that is called".into(),
        ))
    }

    fn log(&mut self, level: log::Level, text: &[u8]) {
        log::log!(level, "{}", String::from_utf8_lossy(text));
    }

    fn replicate(&mut self, _: Replication) {}

    fn may_call(&mut self, _: Args<'_>) -> Result<bool, &'static str> {
        Ok(false)
    }

    fn pulse(&mut self) -> Pulse {
        self.pulses += 1;
        match self.limit {
            Some((clock, end_us)) if clock.monotonic_us() > end_us || self.pulses > PULSES_MAX => {
                Pulse::Ends(b"ERR FUNCTION LOAD timeout")
            }
            _ => Pulse::GoesOn,
        }
    }
}

impl Interpreter {
    /// Runs the code of a library, and returns the functions that it has registered; or why it failed. Then none of
    /// them is left.
    pub(super) fn load_library(
        &self,
        code: &[u8],
        limit: Option<&Clock>,
    ) -> Result<Vec<Function>, Vec<u8>> {
        let code = self
            .compile_as(LIBRARY, code)
            .map_err(|cause| [b"ERR Error compiling function: ", &*cause].concat())?;
        let registrar = &self.room().registrar;
        registrar.open();
        let ran = self.run_library(code, limit);
        let kept = registrar.close(|function| self.keep(function));
        self.forget(code);
        let (mut functions, mut refusal) = (Vec::new(), ran.err().map(|failure| failure.text));
        for function in kept {
            match function {
                Ok(function) => functions.push(function),
                Err(error) => refusal = Some(format!("ERR {}", cause_of(&error)).into_bytes()),
            }
        }
        if let Some(refusal) = refusal {
            for function in functions {
                self.forget(function.code);
            }
            return Err([b"ERR Error registering functions: ", &*refusal].concat());
        }
        if functions.is_empty() {
            return Err(b"ERR No functions registered".to_vec());
        }
        Ok(functions)
    }

    fn run_library(&self, code: Code, limit: Option<&Clock>) -> Result<(), Failure> {
        let failure = |error: mlua::Error| Failure {
            text: format!("ERR {}", cause_of(&error)).into_bytes(),
            ..Failure::default()
        };
        let switch = &self.room().switch;
        switch.call::<()>(true).map_err(failure)?;
        let task = Task {
            code,
            passing: Passing::Nothing,
            keys: Args::EMPTY,
            args: Args::EMPTY,
        };
        let mut host = Loading {
            limit: limit.map(|clock| (clock, clock.monotonic_us() + LOAD_MAX_US)),
            pulses: 0,
        };
        let ran = self.evaluate(&task, &mut host).map(drop);
        switch.call::<()>(false).map_err(failure)?;
        ran
    }

    /// Calls a function with its keys and arguments.
    pub(crate) fn call_function(
        &self,
        code: Code,
        keys: Args<'_>,
        args: Args<'_>,
        host: &mut dyn Host,
    ) -> Result<Returned<'_>, Failure> {
        let passing = Passing::Arguments;
        self.evaluate(
            &Task {
                code,
                passing,
                keys,
                args,
            },
            host,
        )
    }
}
