//! The file of users that `aclfile` names.
//!
//! It is read at the start and by ACL LOAD, and replaced as a whole by ACL SAVE: whenever the machine fails there is
//! the old text or the new one. Both happen on the spot. Files of users are short, and who asks has to know how it
//! went before anything else runs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::acl::{User, Users, file};
use crate::base::text::explain;
use crate::persist::disk::{Disk, replace};
use crate::spec::error::Error;

#[derive(Clone, Debug)]
pub(crate) struct UsersFile {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

impl UsersFile {
    pub(crate) fn new(path: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { path, disk }
    }

    /// The users of the file, or its mistakes in one text.
    pub(crate) fn read(&self, all_channels: bool) -> Result<Vec<(Vec<u8>, User)>, Vec<u8>> {
        let name = self.path.to_string_lossy();
        let text = self.disk.read(&self.path).map_err(|error| {
            let why = explain(&error);
            format!("Error loading ACLs, opening file '{name}': {why}").into_bytes()
        })?;
        file::read(&text, &name, all_channels)
    }

    /// Replaces the file by one with these users.
    pub(crate) fn write(&self, users: &Users) -> Result<(), Error> {
        replace(&*self.disk, &self.path, &users.text()).map_err(|error: io::Error| {
            let why = explain(&error);
            log::warn!("Saving the ACL file {}: {why}", self.path.display());
            let text = "ERR There was an error trying to save the ACLs. Please check the server logs for more information";
            Error::from(text)
        })
    }
}
