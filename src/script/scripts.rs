//! The scripts that clients have sent, by the digest of their text.
//!
//! Those of EVAL are kept as long as they are used: the five hundred that ran last. A client that loads a script with
//! SCRIPT LOAD means to call it by name, so that one stays until SCRIPT FLUSH.

use std::collections::{BTreeMap, HashMap};

use super::Flags;
use super::by_name::ByName;
use super::interpreter::{Deprecated, Interpreter};
use super::name::{Name, name_in, name_of};
use super::seat::Code;

/// So many scripts of EVAL are kept.
const EVALS_MAX: usize = 500;

/// What a script takes besides its text, for INFO.
const OVERHEAD_BYTES: usize = 128;

pub(crate) struct Script {
    pub(crate) flags: Flags,
    pub(crate) code: Code,
    text_bytes: usize,
    /// For one that came by EVAL, when it ran last; it is in the list of those under this number.
    last_run: Option<u64>,
}

/// All scripts, and the interpreter that they are functions of.
#[derive(Default)]
pub(crate) struct Scripts {
    interpreter: Option<Interpreter>,
    deprecated: Deprecated,
    by_name: HashMap<Name, Script, ByName>,
    /// Those that came by EVAL, the one that has not run for longest first.
    evals: BTreeMap<u64, Name>,
    /// The number of the run that was last.
    runs: u64,
    bytes: usize,
    pub(crate) evicted: u64,
}

impl Scripts {
    pub(crate) fn new(deprecated: Deprecated) -> Self {
        Self {
            deprecated,
            ..Self::default()
        }
    }

    /// The interpreter, made now if there was none.
    fn interpreter(&mut self) -> &Interpreter {
        let deprecated = self.deprecated;
        self.interpreter
            .get_or_insert_with(|| Interpreter::new(deprecated))
    }

    /// Takes a script in, if it is not there, and returns its name; or why it cannot be understood.
    pub(crate) fn add(&mut self, text: &[u8], is_eval: bool) -> Result<Name, Vec<u8>> {
        let name = name_of(text);
        if let Some(script) = self.by_name.get_mut(&name) {
            if !is_eval && let Some(run) = script.last_run.take() {
                self.evals.remove(&run);
            }
            return Ok(name);
        }
        let (flags, code) = super::shebang::read(text)?;
        let code = self.interpreter().compile(code)?;
        let last_run = is_eval.then(|| {
            self.make_room();
            self.runs += 1;
            self.evals.insert(self.runs, name);
            self.runs
        });
        self.bytes += text.len() + OVERHEAD_BYTES;
        let script = Script {
            flags,
            code,
            text_bytes: text.len(),
            last_run,
        };
        self.by_name.insert(name, script);
        Ok(name)
    }

    fn make_room(&mut self) {
        while self.evals.len() >= EVALS_MAX {
            let Some((_, oldest)) = self.evals.pop_first() else {
                return;
            };
            if let Some(script) = self.by_name.remove(&oldest) {
                if let Some(interpreter) = &self.interpreter {
                    interpreter.forget(script.code);
                }
                self.bytes -= script.text_bytes + OVERHEAD_BYTES;
                self.evicted += 1;
            }
        }
    }

    /// The script of a name, which is about to run: others go first.
    pub(crate) fn begin_run(&mut self, name: &Name) -> Option<&Script> {
        let script = self.by_name.get_mut(name)?;
        if let Some(run) = &mut script.last_run
            && *run != self.runs
        {
            self.evals.remove(run);
            self.runs += 1;
            *run = self.runs;
            self.evals.insert(self.runs, *name);
        }
        Some(script)
    }

    /// What the script of that name says of itself, if there is one.
    pub(crate) fn flags_of(&self, word: &[u8]) -> Option<Flags> {
        self.by_name.get(&name_in(word)?).map(|script| script.flags)
    }

    pub(crate) fn contains(&self, name: &Name) -> bool {
        self.by_name.contains_key(name)
    }

    /// Takes the interpreter out for the time of a script, which needs the rest of the server beside it.
    pub(crate) fn take_interpreter(&mut self) -> Interpreter {
        let deprecated = self.deprecated;
        let interpreter = self.interpreter.take();
        interpreter.unwrap_or_else(|| Interpreter::new(deprecated))
    }

    pub(crate) fn put_back(&mut self, interpreter: Interpreter) {
        self.interpreter = Some(interpreter);
    }

    /// Forgets all scripts, and the interpreter with them.
    pub(crate) fn flush(&mut self) {
        self.by_name.clear();
        self.evals.clear();
        self.bytes = 0;
        self.interpreter = None;
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Memory that the texts take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that the interpreter has in use.
    pub(crate) fn interpreter_bytes(&self) -> usize {
        self.interpreter.as_ref().map_or(0, Interpreter::used_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evals_go_and_loaded_scripts_stay() {
        let mut scripts = Scripts::default();
        let loaded = scripts.add(b"return 'loaded'", false).expect("a script");
        let first = scripts.add(b"return 0", true).expect("a script");
        for number in 1..EVALS_MAX {
            let text = format!("return {number}");
            scripts.add(text.as_bytes(), true).expect("a script");
        }
        assert!(scripts.begin_run(&first).is_some());
        scripts.add(b"return 'one more'", true).expect("a script");
        assert!(scripts.contains(&loaded) && scripts.contains(&first));
        assert!(!scripts.contains(&name_of(b"return 1")));
        assert_eq!((scripts.len(), scripts.evicted), (EVALS_MAX + 1, 1));
        scripts.flush();
        assert_eq!((scripts.len(), scripts.bytes()), (0, 0));
    }
}
