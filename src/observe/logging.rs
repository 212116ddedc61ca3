//! The log, in Redis's line format, behind the `log` crate's macros.
//!
//! ```text
//! 4711:M 21 Nov 2026 04:14:12.480 * Ready to accept connections tcp
//! |    | |                        | the message
//! |    | when, in local time      . debug  - verbose  * notice  # warning
//! |    C starting up, M primary, S replica, X sentinel
//! process
//! ```
//!
//! Supervisors, test fixtures and people wait for such lines, so the layout is fixed. `error!` and `warn!` are
//! warnings, `info!` a notice, `debug!` is verbose and `trace!` debug. The level can change at any time; `RUST_LOG`,
//! where it is set, decides instead, and can be as fine as a module.
//!
//! A line is one write. Nothing is buffered, so a crash loses nothing, and nothing is retried, so a full disk costs
//! lines and not the server. The log file is looked up by name before each line: when a rotating tool has moved it
//! away, the next line starts a new one. That is a system call per line, which only matters at the level `debug`.
//!
//! Not known here: the configuration (the shell translates it) and time zones' files.

use crate::base::text::push_quoted;
use crate::base::time::{Clock, Date, Zone};
use env_logger::{Builder, Target};
use log::{Level, LevelFilter};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where lines go and what they look like.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) level: LevelFilter,
    pub(crate) layout: Layout,
    /// `None`: standard output.
    pub(crate) file: Option<PathBuf>,
    pub(crate) syslog: Option<Syslog>,
    pub(crate) zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As drawn above.
    Redis,
    /// `pid=1 role=primary timestamp="..." level=notice message="..."`
    Logfmt,
}

/// The system's log, which gets every line too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syslog {
    pub(crate) ident: String,
    /// The facility's number, as in RFC 5424: 1 for user, 16 to 23 for local0 to local7.
    pub(crate) facility: u8,
}

/// The role of this process at the moment, for the lines it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    Starting = b'C',
    Primary = b'M',
    Replica = b'S',
}

impl Settings {
    /// The settings until the configuration is known.
    pub(crate) const FIRST: Settings = Settings {
        level: LevelFilter::Info,
        layout: Layout::Redis,
        file: None,
        syslog: None,
        zone: Zone::UTC,
    };
}

/// The time zone of log lines: that of the environment, or of the machine.
pub(crate) fn zone() -> Zone {
    let tz = std::env::var("TZ").ok();
    Zone::find(tz.as_deref(), |path| fs::read(path).ok())
}

/// Makes the log macros work. Once per process: a second logger, as of a second test, would change nothing.
pub(crate) fn start(settings: Settings) {
    let mut builder = Builder::new();
    if let Ok(filters) = std::env::var("RUST_LOG") {
        IS_LEVEL_FIXED.store(true, Ordering::Relaxed);
        builder.parse_filters(&filters);
    } else {
        // Everything passes here: the macros themselves look at the maximal level, which can change.
        builder.filter_level(LevelFilter::Trace);
    }
    builder.target(Target::Pipe(Box::new(Sink)));
    builder.format(|line, record| {
        // Before the lock is taken: an argument that is printed may log too, or panic.
        let message = record.args().to_string();
        line.write_all(&log().line(record.level(), &message))
    });
    let _ = builder.try_init();
    change(settings);
}

/// From now on, lines are written like this.
pub(crate) fn change(settings: Settings) {
    set_level(settings.level);
    let mut log = log();
    log.open = None;
    log.socket = settings
        .syslog
        .as_ref()
        .and_then(|_| UnixDatagram::unbound().ok());
    log.settings = settings;
}

/// From now on, this much is written.
pub(crate) fn set_level(level: LevelFilter) {
    if !IS_LEVEL_FIXED.load(Ordering::Relaxed) {
        log::set_max_level(level);
    }
}

/// From now on, the process is this.
pub(crate) fn set_role(role: Role) {
    log().role = role;
}

/// Writes text without time and level, such as a banner.
pub(crate) fn raw(text: &str) {
    // A log that cannot be written to has nowhere to complain.
    let _ = log().write(text.as_bytes());
}

static IS_LEVEL_FIXED: AtomicBool = AtomicBool::new(false);

/// Helper threads log too, hence the lock.
static LOG: Mutex<Log> = Mutex::new(Log {
    settings: Settings::FIRST,
    role: Role::Starting,
    open: None,
    socket: None,
});

fn log() -> MutexGuard<'static, Log> {
    // A thread that panicked while it logged has left nothing half done that matters.
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Log {
    settings: Settings,
    role: Role,
    /// The log file, as long as its name still means this very file.
    open: Option<File>,
    socket: Option<UnixDatagram>,
}

/// Where `env_logger` sends its lines.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        log().write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The line for a record, which the system's log is told on the way.
    fn line(&self, level: Level, message: &str) -> Vec<u8> {
        if let (Some(socket), Some(syslog)) = (&self.socket, &self.settings.syslog) {
            let packet = syslog.packet(level, std::process::id(), message);
            // The socket never blocks for long, and a system without a log daemon is no reason to fail.
            let _ = socket.send_to(packet.as_bytes(), "/dev/log");
        }
        let stamp = Date::of(Clock::system().unix_ms(), &self.settings.zone).log_stamp();
        let pid = std::process::id();
        match self.settings.layout {
            Layout::Redis => {
                let (role, mark) = (self.role as u8 as char, mark(level));
                format!("{pid}:{role} {stamp} {mark} {message}\n").into_bytes()
            }
            Layout::Logfmt => {
                let (role, level) = (self.role.word(), word(level));
                let head =
                    format!("pid={pid} role={role} timestamp=\"{stamp}\" level={level} message=");
                let mut line = head.into_bytes();
                push_quoted(&mut line, message.as_bytes());
                line.push(b'\n');
                line
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(path) = &self.settings.file else {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            return out.flush();
        };
        if !self.open.as_ref().is_some_and(|file| is_still(file, path)) {
            self.open = Some(OpenOptions::new().append(true).create(true).open(path)?);
        }
        self.open.as_mut().expect("just opened").write_all(bytes)
    }
}

/// Whether the file's name still means this file, and not a newer one or none.
fn is_still(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let open = file.metadata().map(identity).ok();
    open.is_some() && open == fs::metadata(path).map(identity).ok()
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Starting => "starting",
            Role::Primary => "primary",
            Role::Replica => "replica",
        }
    }
}

fn mark(level: Level) -> char {
    match level {
        Level::Error | Level::Warn => '#',
        Level::Info => '*',
        Level::Debug => '-',
        Level::Trace => '.',
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error | Level::Warn => "warning",
        Level::Info => "notice",
        Level::Debug => "verbose",
        Level::Trace => "debug",
    }
}

impl Syslog {
    /// One message as the local daemon takes it. It adds the time itself.
    fn packet(&self, level: Level, pid: u32, message: &str) -> String {
        let severity = match level {
            Level::Error | Level::Warn => 4,
            Level::Info => 5,
            Level::Debug => 6,
            Level::Trace => 7,
        };
        let priority = u32::from(self.facility) * 8 + severity;
        format!("<{priority}>{}[{pid}]: {message}", self.ident)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_with(settings: Settings) -> Log {
        Log {
            settings,
            role: Role::Primary,
            open: None,
            socket: None,
        }
    }

    fn line(log: &Log, level: Level, message: &str) -> String {
        String::from_utf8(log.line(level, message)).unwrap()
    }

    #[test]
    fn a_line_has_process_role_time_level_and_message() {
        let log = log_with(Settings::FIRST);
        for (level, mark) in [
            (Level::Error, "#"),
            (Level::Warn, "#"),
            (Level::Info, "*"),
            (Level::Debug, "-"),
            (Level::Trace, "."),
        ] {
            let line = line(&log, level, "hello world");
            let head = format!("{}:M ", std::process::id());
            let rest = line.strip_prefix(&head).expect("process and role");
            // 21 Nov 2026 04:14:12.480
            assert_eq!(&rest[25..26], mark, "{line}");
            assert!(rest.ends_with(&format!(" {mark} hello world\n")));
        }
    }

    #[test]
    fn logfmt_quotes_the_message() {
        let log = log_with(Settings {
            layout: Layout::Logfmt,
            ..Settings::FIRST
        });
        let line = line(&log, Level::Warn, "a \"b\"\n");
        assert!(line.starts_with(&format!(
            "pid={} role=primary timestamp=\"",
            std::process::id()
        )));
        assert!(
            line.ends_with(" level=warning message=\"a \\\"b\\\"\\n\"\n"),
            "{line}"
        );
    }

    #[test]
    fn the_file_may_be_moved_away_at_any_time() {
        let path = std::env::temp_dir().join(format!("pollux-log-{}", std::process::id()));
        let moved = path.with_extension("1");
        let mut log = log_with(Settings {
            file: Some(path.clone()),
            ..Settings::FIRST
        });
        log.write(b"one\n").unwrap();
        log.write(b"two\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        log.write(b"three\n").unwrap();
        assert_eq!(fs::read(&moved).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::read(&path).unwrap(), b"three\n");
        fs::remove_file(&path).unwrap();
        log.write(b"four\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"four\n");
        fs::remove_file(&path).unwrap();
        fs::remove_file(&moved).unwrap();
    }

    #[test]
    fn the_system_log_gets_priority_and_name() {
        let syslog = Syslog {
            ident: "redis".into(),
            facility: 16,
        };
        assert_eq!(
            syslog.packet(Level::Info, 7, "hello"),
            "<133>redis[7]: hello"
        );
        assert_eq!(
            syslog.packet(Level::Warn, 7, "hello"),
            "<132>redis[7]: hello"
        );
    }

    #[test]
    fn lines_of_the_macros_arrive() {
        let path = std::env::temp_dir().join(format!("pollux-macros-{}", std::process::id()));
        start(Settings {
            file: Some(path.clone()),
            ..Settings::FIRST
        });
        log::info!("told by a test");
        log::trace!("too much");
        raw("banner\n");
        let text = fs::read_to_string(&path).unwrap();
        change(Settings::FIRST);
        fs::remove_file(&path).unwrap();
        assert!(text.contains(" * told by a test\n"), "{text}");
        assert!(text.contains("\nbanner\n"));
        assert!(!text.contains("too much"));
    }
}
