//! The file that the server was started with, and how CONFIG REWRITE brings it up to date.
//!
//! `config` makes the new text from the old one; the disk is the one that the shell has handed in. A client's rewrite
//! is carried out by a thread while the loop goes on, and the client is answered when it is done. In a transaction,
//! which cannot stop half-way, it is carried out on the spot.
//!
//! So one rewrite may overtake another. Each has the number of its turn: a rewrite that comes to the disk after a later
//! one leaves the file alone, as if it had come before.
//!
//! The file is replaced as a whole. Whenever the machine fails there is the old text or the new one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, Extent, explain};
use crate::persist::disk::{self, Disk};
use crate::spec::error::Error;

#[derive(Clone, Debug)]
pub(crate) struct ConfigFile {
    /// Absolute, since the process may move to another directory.
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// How many rewrites there were.
    count: u64,
    /// The number of the last one that is in the file. Held while the file is written.
    written: Arc<Mutex<u64>>,
}

/// One rewrite, with the configuration as it was when the client asked.
#[derive(Debug)]
pub struct Rewrite {
    file: ConfigFile,
    config: Box<Config>,
    /// The users, unless they have a file of their own.
    users: Option<Vec<Vec<u8>>>,
    extent: Extent,
}

impl ConfigFile {
    pub(crate) fn new(path: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self {
            path,
            disk,
            count: 0,
            written: Arc::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next rewrite, yet to be carried out.
    pub(crate) fn rewrite(
        &mut self,
        config: &Config,
        users: Option<Vec<Vec<u8>>>,
        extent: Extent,
    ) -> Rewrite {
        self.count += 1;
        Rewrite {
            file: self.clone(),
            config: Box::new(config.clone()),
            users,
            extent,
        }
    }
}

impl Rewrite {
    /// Brings the file up to date; the error goes to the client.
    pub fn carry_out(self) -> Result<(), Error> {
        let number = self.file.count;
        let mut written = (self.file.written.lock()).unwrap_or_else(PoisonError::into_inner);
        if *written < number {
            self.replace().map_err(|error| refused(&error))?;
            *written = number;
        }
        log::info!("CONFIG REWRITE executed with success.");
        Ok(())
    }

    fn replace(&self) -> io::Result<()> {
        let ConfigFile { path, disk, .. } = &self.file;
        let old = match disk.read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let new = self
            .config
            .rewritten(&old, self.users.as_deref(), self.extent);
        disk::replace(&**disk, path, &new)
    }
}

/// The error for a client whose rewrite failed.
pub(crate) fn refused(error: &io::Error) -> Error {
    let reason = explain(error);
    log::warn!("CONFIG REWRITE failed: {reason}");
    Error::from(format!("ERR Rewriting config file: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::simulated::{Down, Faults, Simulated};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn with_hz(hz: u32) -> Config {
        Config {
            hz: hz as _,
            ..Config::new()
        }
    }

    fn bench(seed: u64) -> (Simulated, ConfigFile) {
        let disk = Simulated::new(seed);
        let path = Path::new("pollux.conf");
        disk::replace(&disk, path, b"hz 20\n").unwrap();
        (disk.clone(), ConfigFile::new(path.into(), Arc::new(disk)))
    }

    fn text(disk: &Simulated) -> String {
        String::from_utf8(disk.read(Path::new("pollux.conf")).unwrap()).unwrap()
    }

    #[test]
    fn a_rewrite_that_was_overtaken_changes_nothing() {
        let (disk, mut file) = bench(1);
        let earlier = file.rewrite(&with_hz(30), None, Extent::Needed);
        let later = file.rewrite(&with_hz(40), None, Extent::Needed);
        later.carry_out().unwrap();
        earlier.carry_out().unwrap();
        assert!(text(&disk).starts_with("hz 40\n"));
        file.rewrite(&with_hz(50), None, Extent::Needed)
            .carry_out()
            .unwrap();
        assert!(text(&disk).starts_with("hz 50\n"));
    }

    #[test]
    fn a_file_that_is_gone_is_made_again() {
        let (disk, mut file) = bench(1);
        disk.remove(file.path()).unwrap();
        file.rewrite(&with_hz(30), None, Extent::Needed)
            .carry_out()
            .unwrap();
        assert!(text(&disk).contains("\nhz 30\n"));
    }

    #[test]
    fn a_rewrite_that_fails_leaves_the_file_and_no_other() {
        let (disk, mut file) = bench(1);
        disk.set_faults(Faults {
            room: Some(3),
            ..Faults::default()
        });
        let refusal = file
            .rewrite(&with_hz(30), None, Extent::Everything)
            .carry_out();
        assert_eq!(
            refusal.unwrap_err().text(),
            b"ERR Rewriting config file: No space left on device"
        );
        assert_eq!(text(&disk), "hz 20\n");
        assert_eq!(disk.list(Path::new(".")).unwrap(), ["pollux.conf"]);
    }

    /// Goal: at whichever instant the machine fails, the file is the old one or the new one, and the new one if the
    /// client was told so.
    #[test]
    fn a_machine_that_fails_has_one_text_or_the_other() {
        for instant in 0..40 {
            let (disk, mut file) = bench(instant);
            disk.go_down_after(instant);
            let rewrite = file.rewrite(&with_hz(30), None, Extent::Everything);
            let told = catch_unwind(AssertUnwindSafe(|| rewrite.carry_out()));
            if let Err(cause) = &told {
                assert!(cause.is::<Down>());
            }
            disk.forget();
            disk.come_up();
            let text = text(&disk);
            let is_new = text.starts_with("hz 30\n") && text.ends_with('\n') && text.len() > 1000;
            assert!(is_new || text == "hz 20\n", "{text}");
            assert!(is_new || told.is_err(), "the client was told of it");
        }
    }
}
