//! The users that a server starts with: from lines of its configuration, or from a file of their own.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::acl::{Misrule, User, has_spaces, joined};
use crate::config::Directive;
use crate::engine::Engine;
use crate::engine::users_file::UsersFile;
use crate::persist::disk::Disk;
use crate::server::process::boot;

/// Gives the engine its users; the error is the status that the process ends with.
pub(super) fn bring_in(
    engine: &mut Engine,
    lines: &[Directive],
    disk: Arc<dyn Disk>,
) -> Result<(), i32> {
    let users: Result<Vec<_>, i32> = lines.iter().map(|line| read(engine, line)).collect();
    engine.handle_users(users?);
    let path = engine.config().aclfile.clone();
    if path.is_empty() {
        return Ok(());
    }
    if !lines.is_empty() {
        log::error!(
            "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. \
             This setup is very likely to lead to configuration errors and security holes, please define either an \
             ACL file or declare users directly in your redis.conf, but not both."
        );
        return Err(1);
    }
    let file = UsersFile::new(PathBuf::from(OsStr::from_bytes(&path)), disk);
    engine.handle_users_file(file).map_err(|mistakes| {
        log::error!(
            "Aborting Redis startup because of ACL errors: {}",
            String::from_utf8_lossy(&mistakes)
        );
        1
    })
}

/// The user of one line: `user <name> [rules ...]`. A line about the default user says all of it.
fn read(engine: &Engine, line: &Directive) -> Result<(Vec<u8>, User), i32> {
    let name = &line.words[1];
    // Rules may be secrets, so what is blamed is shown by the line alone; Redis names the word at the rule's number.
    let blame = |at: usize, why: &str| {
        let word = String::from_utf8_lossy(&line.words[at]);
        boot::abort(&line.blame(format!("Error in user declaration '{word}': {why}")))
    };
    let rules = joined(line.words[2..].iter().map(Vec::as_slice));
    let rules = rules.map_err(|_| blame(0, "Wrong format"))?;
    let all_channels = engine.new_users_have_all_channels();
    let mut user = User::new(all_channels);
    for (at, rule) in rules.iter().enumerate() {
        match user.apply(rule, all_channels) {
            Ok(()) => {}
            Err(Misrule::NoSuchCommand) => {
                return Err(give_up(&format!(
                    "Error loading ACL rule '{}' for the user named '{}': {}",
                    String::from_utf8_lossy(rule),
                    String::from_utf8_lossy(name),
                    Misrule::NoSuchCommand.text()
                )));
            }
            Err(misrule) => return Err(blame(at, misrule.text())),
        }
    }
    if has_spaces(name) {
        return Err(give_up("Spaces not allowed in ACL usernames"));
    }
    Ok((name.clone(), user))
}

fn give_up(why: &str) -> i32 {
    log::error!("{why}");
    log::error!("Critical error while loading ACLs. Exiting.");
    1
}
