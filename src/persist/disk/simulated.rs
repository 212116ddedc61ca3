//! A disk in memory that forgets and fails, by a seed.
//!
//! ```text
//! file     kept bytes + edits since the last synchronisation  = what a reader sees
//! names    kept names + changes since their directory was synchronised = what a reader sees
//! ```
//!
//! When it crashes, each of the edits and changes may have been kept or not: all, none, a part of them with the last
//! one torn at a byte or at a sector, or any of them, so that a later write is there and an earlier one is a hole of
//! zeros. Synchronised bytes are always there.
//!
//! It goes down at an instant that was chosen beforehand, counted in beginnings and ends of operations. That unwinds
//! the caller with a [`Down`]; every operation tried on the way fails. Then either the machine has failed, and the disk
//! forgets, or only the process has ended, and it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Cursor, Read, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::{Disk, DiskFile, directory_of};
use crate::base::rng::Rng;

/// The payload that the caller is unwound with.
#[derive(Debug)]
pub(crate) struct Down;

/// The deeds that fail at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// So many bytes fit on the disk yet.
    pub(crate) room: Option<u64>,
    pub(crate) syncs_fail: bool,
    /// Names cannot be found; files that are open stay open.
    pub(crate) names_are_gone: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rng: Rng,
    files: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    kept_names: BTreeMap<PathBuf, usize>,
    /// In the order in which they happened.
    changes: Vec<Change>,
    directories: BTreeSet<PathBuf>,
    kept_directories: BTreeSet<PathBuf>,
    /// Beginnings and ends of operations so far.
    instants: u64,
    down_at: u64,
    is_down: bool,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Inode {
    kept: Vec<u8>,
    seen: Vec<u8>,
    edits: Vec<Edit>,
}

#[derive(Clone, Debug)]
enum Edit {
    Bytes { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// A change in one directory, which is kept as a whole or not at all.
#[derive(Clone, Debug)]
struct Change {
    directory: PathBuf,
    gone: Option<PathBuf>,
    come: Option<(PathBuf, usize)>,
    made: Option<PathBuf>,
}

const SECTOR_BYTES: usize = 512;

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Edit::Bytes { at, bytes: new } => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Edit::Cut(len) => bytes.truncate(*len),
        }
    }
}

impl Inode {
    fn edit(&mut self, edit: Edit) {
        edit.apply(&mut self.seen);
        self.edits.push(edit);
    }

    fn sync(&mut self) {
        self.kept.clone_from(&self.seen);
        self.edits.clear();
    }

    /// Decides what of the edits has come to the disk.
    fn crash(&mut self, rng: &mut Rng) {
        let edits = std::mem::take(&mut self.edits);
        let mut kept = match rng.below(4) {
            0 => Vec::new(),
            1 => edits,
            2 => edits.into_iter().filter(|_| rng.one_in(2)).collect(),
            _ => {
                let count = rng.index(edits.len() + 1);
                edits.into_iter().take(count).collect::<Vec<Edit>>()
            }
        };
        if rng.one_in(2)
            && let Some(Edit::Bytes { bytes, .. }) = kept.last_mut()
        {
            let torn = rng.index(bytes.len() + 1);
            let is_by_sector = rng.one_in(2);
            bytes.truncate(if is_by_sector {
                torn / SECTOR_BYTES * SECTOR_BYTES
            } else {
                torn
            });
        }
        for edit in kept {
            edit.apply(&mut self.kept);
        }
        self.seen.clone_from(&self.kept);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>, directories: &mut BTreeSet<PathBuf>) {
        if let Some(path) = &self.gone {
            names.remove(path);
        }
        if let Some((path, inode)) = &self.come {
            names.insert(path.clone(), *inode);
        }
        directories.extend(self.made.clone());
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<usize> {
        if self.faults.names_are_gone {
            return Err(Errno::NOENT.into());
        }
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| Errno::NOENT.into())
    }

    fn find_directory(&self, path: &Path) -> io::Result<()> {
        if !self.faults.names_are_gone
            && (path == Path::new(".") || self.directories.contains(path))
        {
            Ok(())
        } else {
            Err(Errno::NOENT.into())
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names, &mut self.directories);
        self.changes.push(change);
    }

    fn name(&mut self, path: &Path, inode: usize) {
        self.change(Change {
            directory: directory_of(path).to_path_buf(),
            gone: None,
            come: Some((path.to_path_buf(), inode)),
            made: None,
        });
    }

    fn make_file(&mut self, path: &Path) -> io::Result<usize> {
        self.find_directory(directory_of(path))?;
        let inode = self.files.len();
        self.files.push(Inode::default());
        self.name(path, inode);
        Ok(inode)
    }

    fn crash(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            if self.rng.one_in(2) {
                change.apply(&mut self.kept_names, &mut self.kept_directories);
            }
        }
        for file in &mut self.files {
            file.crash(&mut self.rng);
        }
        let directories = &self.kept_directories;
        self.kept_names.retain(|path, _| {
            let directory = directory_of(path);
            directory == Path::new(".") || directories.contains(directory)
        });
        self.names.clone_from(&self.kept_names);
        self.directories.clone_from(&self.kept_directories);
    }
}

impl Simulated {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: Rng::from_seed(seed),
            files: Vec::new(),
            names: BTreeMap::new(),
            kept_names: BTreeMap::new(),
            changes: Vec::new(),
            directories: BTreeSet::new(),
            kept_directories: BTreeSet::new(),
            instants: 0,
            down_at: u64::MAX,
            is_down: false,
            faults: Faults::default(),
        })))
    }

    /// Lets it go down after so many more instants.
    pub(crate) fn go_down_after(&self, instants: u64) {
        let mut state = self.lock();
        state.down_at = state.instants + instants;
    }

    /// Goes down now: nothing more can be done on it.
    pub(crate) fn go_down(&self) {
        self.lock().is_down = true;
    }

    /// The machine has failed: only what was kept is left, and of the rest what the seed says.
    pub(crate) fn forget(&self) {
        self.lock().crash();
    }

    /// It is there again, for the next process.
    pub(crate) fn come_up(&self) {
        let mut state = self.lock();
        state.is_down = false;
        state.down_at = u64::MAX;
        state.faults = Faults::default();
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// How much of each file is sure to be there after a failure.
    pub(crate) fn kept_lens(&self) -> BTreeMap<PathBuf, usize> {
        let state = self.lock();
        let names = state.kept_names.iter();
        names
            .map(|(path, inode)| (path.clone(), state.files[*inode].kept.len()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one operation, unless the machine fails before; or it fails right after.
    fn operate<T>(&self, deed: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.pass_instant()?;
        let outcome = deed(&mut self.lock());
        self.pass_instant()?;
        outcome
    }

    fn pass_instant(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.is_down {
            return Err(Errno::IO.into());
        }
        state.instants += 1;
        if state.instants >= state.down_at {
            state.is_down = true;
            drop(state);
            panic::resume_unwind(Box::new(Down));
        }
        Ok(())
    }
}

impl Disk for Simulated {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.operate(|state| match state.find(path) {
            Ok(inode) => {
                state.files[inode].edit(Edit::Cut(0));
                Ok(inode)
            }
            Err(_) => state.make_file(path),
        })?;
        Ok(Box::new(Open {
            disk: self.clone(),
            inode,
        }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.operate(|state| match state.find(path) {
            Ok(inode) => Ok(inode),
            Err(_) => state.make_file(path),
        })?;
        Ok(Box::new(Open {
            disk: self.clone(),
            inode,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.operate(|state| {
            let inode = state.find(path)?;
            Ok(state.files[inode].seen.clone())
        })?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        self.operate(|state| {
            let inode = state.find(path)?;
            Ok(state.files[inode].seen.len() as u64)
        })
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.operate(|state| {
            let inode = state.find(path)?;
            state.files[inode].edit(Edit::Cut(len as usize));
            state.files[inode].sync();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(|state| {
            let inode = state.find(from)?;
            let (source, target) = (directory_of(from), directory_of(to));
            state.find_directory(target)?;
            let gone = Some(from.to_path_buf());
            let come = Some((to.to_path_buf(), inode));
            if source == target {
                state.change(Change {
                    directory: target.to_path_buf(),
                    gone,
                    come,
                    made: None,
                });
            } else {
                state.name(to, inode);
                state.change(Change {
                    directory: source.to_path_buf(),
                    gone,
                    come: None,
                    made: None,
                });
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate(|state| {
            state.find(path)?;
            state.change(Change {
                directory: directory_of(path).to_path_buf(),
                gone: Some(path.to_path_buf()),
                come: None,
                made: None,
            });
            Ok(())
        })
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(|state| {
            state.find_directory(directory_of(path))?;
            if !state.directories.contains(path) {
                state.change(Change {
                    directory: directory_of(path).to_path_buf(),
                    gone: None,
                    come: None,
                    made: Some(path.to_path_buf()),
                });
            }
            Ok(())
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(|state| {
            state.find_directory(path)?;
            if state.faults.syncs_fail {
                return Err(Errno::IO.into());
            }
            for change in std::mem::take(&mut state.changes) {
                if change.directory == path {
                    change.apply(&mut state.kept_names, &mut state.kept_directories);
                } else {
                    state.changes.push(change);
                }
            }
            Ok(())
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.operate(|state| {
            state.find_directory(path)?;
            let names = state.names.keys().chain(&state.directories);
            Ok(names
                .filter(|name| directory_of(name) == path)
                .filter_map(|name| Some(name.file_name()?.to_os_string()))
                .collect())
        })
    }
}

/// A file that is open.
struct Open {
    disk: Simulated,
    inode: usize,
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.operate(|state| {
            let count = match &mut state.faults.room {
                None => bytes.len(),
                Some(0) => return Err(Errno::NOSPC.into()),
                Some(room) => {
                    let count = bytes.len().min(*room as usize);
                    *room -= count as u64;
                    count
                }
            };
            let file = &mut state.files[self.inode];
            let at = file.seen.len();
            let bytes = bytes[..count].to_vec();
            file.edit(Edit::Bytes { at, bytes });
            Ok(count)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for Open {
    fn sync(&self) -> io::Result<()> {
        self.disk.operate(|state| {
            if state.faults.syncs_fail {
                return Err(Errno::IO.into());
            }
            state.files[self.inode].sync();
            Ok(())
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.disk
            .operate(|state| Ok(state.files[self.inode].seen.len() as u64))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.operate(|state| {
            state.files[self.inode].edit(Edit::Cut(len as usize));
            Ok(())
        })
    }

    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Open {
            disk: self.disk.clone(),
            inode: self.inode,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_failure(seed: u64, deed: impl Fn(&Simulated)) -> Simulated {
        let disk = Simulated::new(seed);
        deed(&disk);
        disk.forget();
        disk
    }

    #[test]
    fn what_was_synchronised_is_kept_and_the_rest_may_be_torn() {
        let mut lens = BTreeSet::new();
        for seed in 0..400 {
            let disk = after_failure(seed, |disk| {
                let mut file = disk.create(Path::new("a")).unwrap();
                file.write_all(b"first").unwrap();
                file.sync().unwrap();
                disk.sync_directory(Path::new(".")).unwrap();
                file.write_all(b"second").unwrap();
                file.write_all(b"third").unwrap();
            });
            let bytes = disk.read(Path::new("a")).unwrap();
            assert!(bytes.starts_with(b"first"));
            lens.insert(bytes.len());
        }
        assert!(lens.contains(&5) && lens.contains(&16) && lens.len() > 5);
    }

    #[test]
    fn a_name_is_sure_when_its_directory_was_synchronised() {
        let (a, b) = (Path::new("a"), Path::new("b"));
        let mut seen = BTreeSet::new();
        for seed in 0..100 {
            let disk = after_failure(seed, |disk| {
                disk.create(a).unwrap();
                disk.sync_directory(Path::new(".")).unwrap();
                disk.rename(a, b).unwrap();
            });
            seen.insert((disk.len(a).is_ok(), disk.len(b).is_ok()));
        }
        assert_eq!(seen, BTreeSet::from([(true, false), (false, true)]));
    }

    #[test]
    fn a_full_disk_takes_a_part() {
        let disk = Simulated::new(1);
        let mut file = disk.create(Path::new("a")).unwrap();
        disk.set_faults(Faults {
            room: Some(3),
            ..Faults::default()
        });
        let error = file.write_all(b"hello").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.read(Path::new("a")).unwrap(), b"hel");
    }

    #[test]
    fn going_down_ends_whoever_uses_it() {
        let disk = Simulated::new(1);
        disk.go_down_after(3);
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let mut file = disk.create(Path::new("a")).unwrap();
            file.write_all(b"hello").unwrap();
        }));
        assert!(outcome.unwrap_err().is::<Down>());
        assert!(disk.len(Path::new("a")).is_err());
        disk.come_up();
        assert_eq!(disk.len(Path::new("a")).unwrap(), 0);
    }
}
