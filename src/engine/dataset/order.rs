//! What the shell is told of a snapshot that it is to write, and what is said of its end.

use std::io::{self, Write};
use std::sync::Arc;

use crate::background::Progress;
use crate::base::slab::Id;
use crate::keyspace::freeze::Census;
use crate::persist::rdb::file::{FileWriter, Form};
use crate::persist::rdb::from_frozen::{Snapshot, Usage};

/// The purpose of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Rdb,
    AofRewrite,
    /// RDB, and straight to replicas.
    Replicas,
}

/// The content of a file besides its keys, and the form of all of it.
pub(crate) struct Outline {
    pub(crate) census: Census,
    pub(crate) form: Form,
    pub(super) usage: Usage,
    /// Facts for the head of the file.
    pub(super) aux: Vec<(&'static str, String)>,
    /// Libraries of functions.
    pub(crate) libraries: Vec<Vec<u8>>,
}

impl Outline {
    /// Begins a file with what stands before the keys. `each_key` is told of each of these, and may stop the work.
    pub(crate) fn begin<'a, W: Write>(
        &self,
        sink: W,
        each_key: &'a mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<Snapshot<'a, W>> {
        let mut file = FileWriter::new(sink, self.form);
        for (name, value) in &self.aux {
            file.aux(name.as_bytes(), value.as_bytes())?;
        }
        for library in &self.libraries {
            file.functions(library)?;
        }
        Ok(Snapshot::new(
            file,
            self.form,
            self.usage,
            &self.census,
            each_key,
        ))
    }
}

/// The facts that the shell needs to write a snapshot.
pub struct Order {
    pub(crate) purpose: Purpose,
    pub(crate) outline: Outline,
    pub progress: Arc<Progress>,
    /// The file is RDB, and not commands.
    pub(crate) is_rdb: bool,
    /// It is to have no keys.
    pub(crate) without_keys: bool,
    /// The time, where it is to be noted.
    pub(crate) noted_s: Option<i64>,
    pub(crate) syncs_on_the_way: bool,
}

/// How the thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    Badly,
    /// Because the loop wanted it to.
    Abandoned,
}

/// What a snapshot was for, and the replicas that are to be sent its file.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) purpose: Purpose,
    pub(crate) receivers: Vec<Id>,
}
