//! Functions: what clients load in libraries and call by name, and what is kept with the data.
//!
//! A library is a text (`metadata` reads its first line). Loading it runs the text once, among few globals, to have it
//! register its functions (`loading`, `registering`). These stay in an interpreter of their own (`room`), apart from
//! that of scripts. Which libraries there are, and that no two have a function of one name, is `libraries`' matter.
//!
//! The texts are the truth: they are what files, the log and replicas get, and what FUNCTION DUMP gives. Loading them
//! again makes the same functions.
//!
//! What always holds: the interpreter has the functions of exactly the libraries that are here. A load that fails
//! leaves everything as it was.

mod libraries;
mod loading;
mod metadata;
mod registering;
mod room;

use crate::base::time::Clock;

use super::Flags;
use super::interpreter::{Deprecated, Interpreter};

use libraries::Libraries;
pub(crate) use libraries::{Function, Library};
pub(super) use room::{Room, furnish};

/// How libraries that are restored meet those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// They take the place of all that is there.
    Flush,
    /// They come to what is there, and none may be there already.
    Append,
    /// They come to what is there, and take the place of those of their names.
    Replace,
}

/// All libraries, and the interpreter that has their functions.
#[derive(Default)]
pub(crate) struct Functions {
    interpreter: Option<Interpreter>,
    deprecated: Deprecated,
    libraries: Libraries,
    /// A function runs, and has the interpreter.
    is_lent: bool,
}

/// Why nothing can be loaded or thrown away now.
const LENT: &[u8] = b"ERR This Redis command is not allowed from script";

impl Functions {
    pub(crate) fn new(deprecated: Deprecated) -> Self {
        Self {
            deprecated,
            ..Self::default()
        }
    }

    /// Loads a library; returns its name, or why it cannot be loaded. With a clock the loading may take half a second,
    /// without one as long as it likes.
    pub(crate) fn load(
        &mut self,
        text: &[u8],
        replaces: bool,
        limit: Option<&Clock>,
    ) -> Result<Vec<u8>, Vec<u8>> {
        let mut libraries = std::mem::take(&mut self.libraries);
        let loaded = self.load_into(&mut libraries, text, replaces, limit);
        self.libraries = libraries;
        loaded
    }

    fn load_into(
        &mut self,
        libraries: &mut Libraries,
        text: &[u8],
        replaces: bool,
        limit: Option<&Clock>,
    ) -> Result<Vec<u8>, Vec<u8>> {
        if self.is_lent {
            return Err(LENT.to_vec());
        }
        let (name, code) = metadata::read(text)?;
        if libraries.contains(&name) && !replaces {
            return Err([b"ERR Library '", &*name, b"' already exists"].concat());
        }
        let interpreter = self.interpreter();
        let functions = interpreter.load_library(code, limit)?;
        let library = Library::new(name.clone(), text.to_vec(), functions);
        match libraries.add(library) {
            Ok(old) => {
                if let Some(old) = old {
                    forget(interpreter, &old);
                }
                Ok(name)
            }
            Err((library, refusal)) => {
                forget(interpreter, &library);
                Err(refusal)
            }
        }
    }

    /// The interpreter, made now if there was none.
    fn interpreter(&mut self) -> &Interpreter {
        let deprecated = self.deprecated;
        (self.interpreter).get_or_insert_with(|| Interpreter::for_functions(deprecated))
    }

    /// Loads the libraries of a dump, all of them or none.
    pub(crate) fn restore(
        &mut self,
        texts: &[Vec<u8>],
        policy: Policy,
        limit: Option<&Clock>,
    ) -> Result<(), Vec<u8>> {
        let mut restored = Libraries::default();
        let loaded = (texts.iter()).try_for_each(|text| {
            self.load_into(&mut restored, text, false, limit)
                .map(|_| ())
        });
        let joined = loaded.and_then(|()| match policy {
            Policy::Flush => Ok(std::mem::replace(
                &mut self.libraries,
                std::mem::take(&mut restored),
            )),
            Policy::Append => self.libraries.join(&mut restored, false),
            Policy::Replace => self.libraries.join(&mut restored, true),
        });
        // What was replaced, or was loaded for nothing.
        let (gone, outcome) = match joined {
            Ok(replaced) => (replaced, Ok(())),
            Err(refusal) => (restored, Err(refusal)),
        };
        if let Some(interpreter) = &self.interpreter {
            gone.iter().for_each(|library| forget(interpreter, library));
        }
        outcome
    }

    /// Forgets a library. Returns whether it was there.
    pub(crate) fn delete(&mut self, name: &[u8]) -> Result<bool, Vec<u8>> {
        if self.is_lent {
            return Err(LENT.to_vec());
        }
        let Some(library) = self.libraries.remove(name) else {
            return Ok(false);
        };
        if let Some(interpreter) = &self.interpreter {
            forget(interpreter, &library);
        }
        Ok(true)
    }

    /// Forgets all libraries, and the interpreter with them. Returns what is left to be freed.
    pub(crate) fn flush(&mut self) -> Result<Thrown, Vec<u8>> {
        if self.is_lent {
            return Err(LENT.to_vec());
        }
        let empty = Self::new(self.deprecated);
        let Self { libraries, .. } = std::mem::replace(self, empty);
        Ok(Thrown(libraries))
    }

    /// The function of that name, in any case of letters.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Function> {
        self.libraries.function(name)
    }

    /// What a function says of itself, where there is one of that name.
    pub(crate) fn flags_of(&self, name: &[u8]) -> Option<Flags> {
        self.find(name).map(|function| function.flags)
    }

    /// In the order of their names.
    pub(crate) fn libraries(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.libraries.iter()
    }

    /// The texts from which all of this can be made again.
    pub(crate) fn texts(&self) -> Vec<Vec<u8>> {
        let text = |library: &Library| library.text.clone();
        self.libraries.iter().map(text).collect()
    }

    pub(crate) fn function_count(&self) -> usize {
        self.libraries.function_count()
    }

    /// Takes the interpreter out for the time of a call, which needs the rest of the server beside it.
    pub(crate) fn lend(&mut self) -> Option<Interpreter> {
        let interpreter = self.interpreter.take()?;
        self.is_lent = true;
        Some(interpreter)
    }

    pub(crate) fn put_back(&mut self, interpreter: Interpreter) {
        self.interpreter = Some(interpreter);
        self.is_lent = false;
    }

    /// Memory that libraries take outside of the interpreter.
    pub(crate) fn bytes(&self) -> usize {
        self.libraries.iter().map(Library::bytes).sum()
    }

    /// Memory that the interpreter has in use.
    pub(crate) fn interpreter_bytes(&self) -> usize {
        self.interpreter.as_ref().map_or(0, Interpreter::used_bytes)
    }
}

fn forget(interpreter: &Interpreter, library: &Library) {
    for function in &library.functions {
        interpreter.forget(function.code);
    }
}

/// Libraries that nobody needs any more. Their texts can be freed elsewhere; the interpreter cannot, it belongs to its
/// thread.
pub(crate) struct Thrown(Libraries);

impl Thrown {
    /// How many functions there were.
    pub(crate) fn function_count(&self) -> usize {
        self.0.function_count()
    }
}

#[cfg(test)]
mod tests;
