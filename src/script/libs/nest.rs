//! Tables that are begun and not finished, from the outermost to the innermost.
//!
//! The libraries walk nested tables with this stack instead of calling themselves, so nesting never reaches the end
//! of the thread's stack. A table that Rust holds takes one of some eight thousand places that the interpreter has for
//! such references, and all scripts share them. So only the outer tables and the innermost are held; those in between
//! are parked in a table of Lua's.

use mlua::{Lua, Result, Table, Value};

/// How many outer tables are held. Documents are rarely nested deeper, and so they are never parked.
const HELD_MAX: usize = 100;

/// A table, the key at which it stands, and what else the library wants to know about it.
pub(super) struct Frame<T> {
    pub(super) table: Table,
    pub(super) key: Value,
    pub(super) more: T,
}

pub(super) struct Nest<T> {
    inner: Option<Frame<T>>,
    outer: Vec<Outer<T>>,
    parked: Option<Table>,
}

struct Outer<T> {
    /// Nothing when the table is parked.
    held: Option<(Table, Value)>,
    more: T,
}

impl<T> Nest<T> {
    pub(super) fn new() -> Nest<T> {
        Nest {
            inner: None,
            outer: Vec::new(),
            parked: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.outer.len() + usize::from(self.inner.is_some())
    }

    pub(super) fn inner(&mut self) -> Option<&mut Frame<T>> {
        self.inner.as_mut()
    }

    /// Begins a table inside of the innermost.
    pub(super) fn push(&mut self, lua: &Lua, frame: Frame<T>) -> Result<()> {
        let Some(Frame { table, key, more }) = self.inner.replace(frame) else {
            return Ok(());
        };
        let held = if self.outer.len() < HELD_MAX {
            Some((table, key))
        } else {
            let parked = match &self.parked {
                Some(parked) => parked,
                None => self.parked.insert(lua.create_table()?),
            };
            let place = self.outer.len() * 2;
            parked.raw_set(place, table)?;
            parked.raw_set(place + 1, key)?;
            None
        };
        self.outer.push(Outer { held, more });
        Ok(())
    }

    /// Ends the innermost table and gives it.
    pub(super) fn pop(&mut self) -> Result<Option<Table>> {
        let ended = self.inner.take().map(|frame| frame.table);
        if let Some(Outer { held, more }) = self.outer.pop() {
            let (table, key) = match (held, &self.parked) {
                (Some(held), _) => held,
                (None, Some(parked)) => {
                    let place = self.outer.len() * 2;
                    (parked.raw_get(place)?, parked.raw_get(place + 1)?)
                }
                (None, None) => return Ok(ended),
            };
            self.inner = Some(Frame { table, key, more });
        }
        Ok(ended)
    }
}
