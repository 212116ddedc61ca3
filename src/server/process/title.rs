//! The process's title, as `ps` and `/proc/<pid>/cmdline` show it.
//!
//! The kernel shows the bytes in the memory where it once put the arguments. That memory is ours, and `/proc/self/mem`
//! is a file through which a process may write its own memory without any pointer. So the title is written over the
//! arguments; nothing reads those any more, as `boot` has taken its copy. The last byte stays zero, which ends the last
//! argument for a reader after all.
//!
//! The room is as long as the command line was. To have some to spare, the program is started again in place of itself
//! with a padded name (same process, same files, about a millisecond). Setting the title is best effort: where any of
//! this is not allowed, the title stays as it was.

use crate::config::{self, Config, TitleParts};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Room that is enough for a template with every name in it and long paths.
const ROOM_BYTES: usize = 1024;

/// Set in the environment of a process that has got its room, to its number, so that its children do not believe they
/// have.
const HAS_ROOM: &str = "POLLUX_HAS_ROOM";

/// The title of this process.
#[derive(Debug)]
pub(crate) struct Title {
    program: Vec<u8>,
    config_file: Vec<u8>,
    room: Option<Range<u64>>,
}

impl Title {
    /// To be made once, early: afterwards the arguments are gone.
    pub(crate) fn new(config_file: Option<&Path>) -> Title {
        Title {
            program: program(),
            config_file: config_file
                .map(|path| path.as_os_str().as_bytes().to_vec())
                .unwrap_or_default(),
            room: std::fs::read_to_string("/proc/self/stat")
                .ok()
                .and_then(|stat| arguments_of(&stat)),
        }
    }

    /// Shows the template's present text. Also for `Outside::ProcTitle`, and after `Outside::Listen`.
    pub(crate) fn show(&self, config: &Config) {
        let title = config.set_proc_title.then(|| self.text(config)).flatten();
        if let (Some(title), Some(room)) = (title, &self.room) {
            let _ = overwrite(room, &title);
        }
    }

    fn text(&self, config: &Config) -> Option<Vec<u8>> {
        let parts = TitleParts {
            title: &self.program,
            listen_addr: &listen_addr(config),
            server_mode: if config.cluster_enabled {
                b"[cluster]"
            } else {
                b""
            },
            port: config.port,
            tls_port: config.tls_port,
            unixsocket: &config.unixsocket,
            config_file: &self.config_file,
        };
        config::expand_title(&config.proc_title_template, &parts)
    }
}

/// The first address and port, or the socket of a server that has only that.
fn listen_addr(config: &Config) -> Vec<u8> {
    let port = if config.port == 0 {
        config.tls_port
    } else {
        config.port
    };
    if port == 0 && !config.unixsocket.is_empty() {
        return config.unixsocket.clone();
    }
    let first = config.bind.0.first().map_or(&b"*"[..], Vec::as_slice);
    let first = first.strip_prefix(b"-").unwrap_or(first);
    [first, b":", port.to_string().as_bytes()].concat()
}

/// The absolute name under which this program was started.
pub(crate) fn program() -> Vec<u8> {
    // The padding that `make_room` adds is not part of the name.
    let name = std::env::args_os().next().unwrap_or_default().into_vec();
    let name = name.trim_ascii_end();
    if name.contains(&b'/') {
        return config::absolute(name).into_os_string().into_vec();
    }
    std::env::current_exe()
        .unwrap_or_default()
        .into_os_string()
        .into_vec()
}

/// Replaces this process by one with more room for a title, unless that has been done. Returns if it cannot be done.
pub(crate) fn make_room() {
    let words: Vec<OsString> = std::env::args_os().collect();
    let used: usize = words.iter().map(|word| word.len() + 1).sum();
    let own_id = std::process::id().to_string();
    let has_room = std::env::var(HAS_ROOM).is_ok_and(|id| id == own_id);
    if has_room || used >= ROOM_BYTES || words.is_empty() {
        return;
    }
    let Ok(executable) = std::env::current_exe() else {
        return;
    };
    let mut name = words[0].clone().into_vec();
    name.resize(name.len() + ROOM_BYTES - used, b' ');
    let _failed = Command::new(executable)
        .arg0(OsString::from_vec(name))
        .args(&words[1..])
        .env(HAS_ROOM, own_id)
        .exec();
}

/// Where the arguments lie, from `/proc/self/stat`: the 48th and 49th field, counting the name in parentheses as the
/// second.
fn arguments_of(stat: &str) -> Option<Range<u64>> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(45);
    let start: u64 = fields.next()?.parse().ok()?;
    let end: u64 = fields.next()?.parse().ok()?;
    (start > 0 && end > start).then_some(start..end)
}

/// Puts as much of the title as fits into the room, and zeros behind it.
fn overwrite(room: &Range<u64>, title: &[u8]) -> io::Result<()> {
    let mut bytes = title.to_vec();
    bytes.resize((room.end - room.start) as usize, 0);
    *bytes.last_mut().expect("there is room") = 0;
    let mut memory = OpenOptions::new().write(true).open("/proc/self/mem")?;
    memory.seek(SeekFrom::Start(room.start))?;
    memory.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_where_the_kernel_says() {
        // A name may hold spaces and parentheses.
        let fields: Vec<String> = (3..=52).map(|field| (field * 100).to_string()).collect();
        let stat = format!("7 (a) b) {}", fields.join(" "));
        assert_eq!(arguments_of(&stat), Some(4800..4900));
        assert_eq!(arguments_of("7 (x) S 1"), None);
    }

    #[test]
    fn the_title_follows_the_configuration() {
        let mut config = Config::new();
        config.port = 7000;
        let title = Title {
            program: b"/bin/pollux".to_vec(),
            config_file: Vec::new(),
            room: None,
        };
        let text = |config: &Config| String::from_utf8(title.text(config).unwrap()).unwrap();
        assert_eq!(text(&config), "/bin/pollux *:7000");
        config.bind.0 = vec![b"-::1".to_vec(), b"127.0.0.1".to_vec()];
        config.cluster_enabled = true;
        assert_eq!(text(&config), "/bin/pollux ::1:7000 [cluster]");
        config.port = 0;
        config.unixsocket = b"/tmp/s".to_vec();
        config.cluster_enabled = false;
        assert_eq!(text(&config), "/bin/pollux /tmp/s");
    }

    /// Writing the same bytes again proves that it is the right place, and harms no other test.
    #[test]
    fn memory_is_written_through_a_file() {
        let child = std::fs::read_to_string("/proc/self/stat").unwrap();
        let room = arguments_of(&child).expect("a process has arguments");
        let before = std::fs::read("/proc/self/cmdline").unwrap();
        overwrite(&room, &before).unwrap();
        assert_eq!(std::fs::read("/proc/self/cmdline").unwrap(), before);
    }
}
