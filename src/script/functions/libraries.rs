//! Which libraries there are, and whose functions are called what.
//!
//! Libraries have names of their own, in which the case of letters counts. The names of functions are one space over
//! all libraries, and there it does not.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Values};

use crate::script::Flags;
use crate::script::by_name::ByName;
use crate::script::seat::Code;

/// What a library and a function take besides their texts and names, for INFO.
const LIBRARY_BYTES: usize = 200;
const FUNCTION_BYTES: usize = 160;

pub(crate) struct Library {
    pub(crate) name: Vec<u8>,
    pub(crate) text: Vec<u8>,
    pub(crate) functions: Vec<Function>,
}

#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) name: Vec<u8>,
    pub(crate) description: Option<Vec<u8>>,
    pub(crate) flags: Flags,
    /// As the interpreter has it.
    pub(crate) code: Code,
}

impl Library {
    pub(super) fn new(name: Vec<u8>, text: Vec<u8>, functions: Vec<Function>) -> Self {
        Self {
            name,
            text,
            functions,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let of_function = |function: &Function| {
            let description = function.description.as_ref().map_or(0, Vec::len);
            FUNCTION_BYTES + function.name.len() + description
        };
        let functions: usize = self.functions.iter().map(of_function).sum();
        LIBRARY_BYTES + self.name.len() + self.text.len() + functions
    }
}

#[derive(Default)]
pub(super) struct Libraries {
    by_name: BTreeMap<Vec<u8>, Library>,
    /// By their names in lower case.
    functions: HashMap<Vec<u8>, Function, ByName>,
}

impl Libraries {
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    /// In the order of their names.
    pub(super) fn iter(&self) -> Values<'_, Vec<u8>, Library> {
        self.by_name.values()
    }

    pub(super) fn function_count(&self) -> usize {
        self.functions.len()
    }

    pub(super) fn function(&self, name: &[u8]) -> Option<&Function> {
        if name.iter().any(u8::is_ascii_uppercase) {
            self.functions.get(&name.to_ascii_lowercase())
        } else {
            self.functions.get(name)
        }
    }

    /// Adds a library, and returns the one that had its name. A library with a function that another has is given back
    /// with the reason.
    pub(super) fn add(&mut self, library: Library) -> Result<Option<Library>, (Library, Vec<u8>)> {
        let old = self.remove(&library.name);
        if let Some(refusal) = self.collision(&library) {
            if let Some(old) = old {
                self.link(old);
            }
            return Err((library, refusal));
        }
        self.link(library);
        Ok(old)
    }

    /// Takes over all of `others`, or says what is in the way and leaves everything as it was. Returns those that gave
    /// way.
    pub(super) fn join(&mut self, others: &mut Self, replaces: bool) -> Result<Self, Vec<u8>> {
        if !replaces && let Some(name) = others.by_name.keys().find(|name| self.contains(name)) {
            return Err([b"ERR Library ", &**name, b" already exists"].concat());
        }
        let mut replaced = Self::default();
        for name in others.by_name.keys() {
            if let Some(old) = self.remove(name) {
                replaced.link(old);
            }
        }
        let collision = others.iter().find_map(|library| self.collision(library));
        if let Some(refusal) = collision {
            replaced.drain().for_each(|old| self.link(old));
            return Err(refusal);
        }
        others.drain().for_each(|library| self.link(library));
        Ok(replaced)
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Library> {
        let library = self.by_name.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        Some(library)
    }

    fn drain(&mut self) -> impl Iterator<Item = Library> {
        self.functions.clear();
        std::mem::take(&mut self.by_name).into_values()
    }

    /// A function of the library whose name is taken.
    fn collision(&self, library: &Library) -> Option<Vec<u8>> {
        let is_taken = |function: &&Function| self.function(&function.name).is_some();
        let function = library.functions.iter().find(is_taken)?;
        Some([b"ERR Function ", &*function.name, b" already exists"].concat())
    }

    fn link(&mut self, library: Library) {
        for function in &library.functions {
            let name = function.name.to_ascii_lowercase();
            self.functions.insert(name, function.clone());
        }
        self.by_name.insert(library.name.clone(), library);
    }
}
