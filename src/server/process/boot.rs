//! From the command line to a configuration, a log and a process of the right shape.
//!
//! ```text
//! words -> Order -> Loaded -> (detached?) -> (room for a title?) -> log -> directory
//! ```
//!
//! Two of these steps start the program again. A process cannot leave its terminal, nor get room for a longer title,
//! without doing things to itself that safe code does not do; but it can ask for a new one. `daemonize` starts a second
//! process that reads the same command line, and ends the first. The title replaces this process by itself, under a
//! longer name. A variable in the environment tells the second run that the step is done.

use crate::config::{
    self, Config, Fatal, Loaded, LogFormat, LogLevel, Order, SyslogFacility, Told,
};
use crate::observe::banner::{self, Identity};
use crate::observe::logging::{self, Layout, Settings, Syslog};
use crate::server::process::title;
use log::LevelFilter;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The result of a command line.
#[derive(Debug)]
pub enum Boot {
    /// A server is to run.
    Serve(Box<Loaded>),
    /// Another program of this binary is to run.
    Tool {
        name: &'static str,
        words: Vec<Vec<u8>>,
    },
    /// All is said; the process ends with this status.
    Exit(i32),
}

/// Set in the environment of a process that has left its terminal.
const DETACHED: &str = "POLLUX_DETACHED";

/// Carries out the command line, up to where a server would run. `tool_named` says which tool the program is when it is
/// started under some name.
pub fn boot(tool_named: fn(&OsStr) -> Option<&'static str>) -> Boot {
    logging::start(Settings {
        zone: logging::zone(),
        ..Settings::FIRST
    });
    let words: Vec<Vec<u8>> = std::env::args_os()
        .skip(1)
        .map(OsString::into_vec)
        .collect();
    let program = std::env::args_os().next().unwrap_or_default();
    if let Some(name) = tool_named(&program) {
        return Boot::Tool { name, words };
    }
    boot_with(&words)
}

/// The same for other words than those of the command line.
pub fn boot_with(words: &[Vec<u8>]) -> Boot {
    match Order::understand(words) {
        Order::Serve(told) => prepare(&told, words.is_empty()),
        Order::Tool { name, words } => Boot::Tool { name, words },
        Order::Version => say(&format!("{}\n", config::version())),
        Order::Help => say(&config::help()),
        Order::CheckSystem => Boot::Exit(super::check_system()),
        Order::TestMemory => refuse(
            "Memory is better tested by a program of its own, such as memtester or memtest86+.",
        ),
        Order::Sentinel => {
            refuse("This server is no Sentinel. Run redis-sentinel: it can watch over this server.")
        }
    }
}

fn say(text: &str) -> Boot {
    // The reader may have closed the pipe, as `head` does.
    let _ = io::stdout().write_all(text.as_bytes());
    Boot::Exit(0)
}

fn refuse(text: &str) -> Boot {
    eprintln!("{text}");
    Boot::Exit(1)
}

fn prepare(told: &Told, is_bare: bool) -> Boot {
    let mut stdin = Vec::new();
    if told.reads_stdin {
        log::info!("{}", banner::READING_STDIN);
        if let Err(error) = io::stdin().read_to_end(&mut stdin) {
            return refuse(&format!("Cannot read standard input: {error}"));
        }
    }
    let loaded = match told.load(&mut stdin.as_slice()) {
        Ok(loaded) => loaded,
        Err(fatal) => return Boot::Exit(abort(&fatal)),
    };
    let config = &loaded.config;
    if is_detached() {
        leave_terminal();
    } else if config.daemonize && !super::is_supervised(config) {
        return match detach(&stdin) {
            Ok(()) => Boot::Exit(0),
            Err(error) => refuse(&format!("Cannot detach from the terminal: {error}")),
        };
    }
    // Configuration that came through standard input cannot be read a second time.
    if config.set_proc_title && !told.reads_stdin {
        title::make_room();
    }
    logging::change(log_settings(config));
    introduce(config, is_bare);
    if let Err(error) = std::env::set_current_dir(OsStr::from_bytes(&config.dir.0)) {
        log::error!(
            "Cannot enter the directory {}: {}",
            String::from_utf8_lossy(&config.dir.0),
            config::explain(&error)
        );
        return Boot::Exit(1);
    }
    Boot::Serve(Box::new(loaded))
}

/// Says why no server can run, and returns the process's status. Also for lines that only other rooms understand: see
/// `Directive::blame`.
pub(crate) fn abort(fatal: &Fatal) -> i32 {
    if fatal.is_logged() {
        log::error!("{fatal}");
    } else {
        eprintln!("{fatal}");
    }
    1
}

/// Parameters that nobody knows are found out last, since a module could have known them. Returns the process's status.
pub(crate) fn refuse_unresolved(loaded: &Loaded) -> Option<i32> {
    if let Some(module) = loaded.modules.first() {
        let path = String::from_utf8_lossy(&module.words[1]);
        log::error!("Can't load module from {path}: this server has no modules; server aborting");
        return Some(1);
    }
    if loaded.unresolved.is_empty() {
        return None;
    }
    let lines = loaded.unresolved.iter().map(|line| line.words.as_slice());
    for line in banner::unresolved(lines) {
        log::error!("{line}");
    }
    Some(1)
}

fn introduce(config: &Config, is_bare: bool) {
    log::info!("{}", banner::STARTING);
    log::info!("{}", identity(config).just_started());
    if is_bare {
        let program = String::from_utf8_lossy(&title::program()).into_owned();
        log::warn!("{}", banner::no_config_file(&program));
    } else {
        log::info!("{}", banner::CONFIGURATION_LOADED);
    }
}

/// The second part of the introduction, once the role is known: the logo or a line in its place.
pub(crate) fn present(config: &Config) {
    let identity = identity(config);
    // A person at a terminal sees the logo too, if the log goes there and nowhere else.
    let at_terminal =
        config.logfile.is_empty() && !config.syslog_enabled && io::stdout().is_terminal();
    if config.always_show_logo || at_terminal {
        logging::raw(&identity.logo());
    } else {
        log::info!("{}", identity.running_mode());
    }
}

fn identity(config: &Config) -> Identity<'static> {
    Identity {
        redis_version: config::REDIS_VERSION,
        pollux_version: env!("CARGO_PKG_VERSION"),
        mode: if config.cluster_enabled {
            "cluster"
        } else {
            "standalone"
        },
        port: if config.port == 0 {
            config.tls_port
        } else {
            config.port
        },
        pid: std::process::id(),
    }
}

/// The logger's settings as the configuration has them. Also for `Outside::Logging`.
pub(crate) fn log_settings(config: &Config) -> Settings {
    Settings {
        level: log_level(config),
        layout: match config.log_format {
            LogFormat::Legacy => Layout::Redis,
            LogFormat::Logfmt => Layout::Logfmt,
        },
        file: Some(&config.logfile)
            .filter(|name| !name.is_empty())
            .map(|name| {
                PathBuf::from(OsStr::from_bytes(&config.dir.0)).join(OsStr::from_bytes(name))
            }),
        syslog: config.syslog_enabled.then(|| Syslog {
            ident: String::from_utf8_lossy(&config.syslog_ident).into_owned(),
            facility: facility(config.syslog_facility),
        }),
        zone: logging::zone(),
    }
}

fn log_level(config: &Config) -> LevelFilter {
    match config.loglevel {
        LogLevel::Debug => LevelFilter::Trace,
        LogLevel::Verbose => LevelFilter::Debug,
        LogLevel::Notice => LevelFilter::Info,
        LogLevel::Warning => LevelFilter::Warn,
        LogLevel::Nothing => LevelFilter::Off,
    }
}

/// The facility's number, as in RFC 5424.
fn facility(facility: SyslogFacility) -> u8 {
    match facility {
        SyslogFacility::User => 1,
        SyslogFacility::Local0 => 16,
        SyslogFacility::Local1 => 17,
        SyslogFacility::Local2 => 18,
        SyslogFacility::Local3 => 19,
        SyslogFacility::Local4 => 20,
        SyslogFacility::Local5 => 21,
        SyslogFacility::Local6 => 22,
        SyslogFacility::Local7 => 23,
    }
}

// Leaving the terminal.

fn is_detached() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Starts this program a second time, out of reach of the terminal, with the same words and the same standard input.
fn detach(stdin: &[u8]) -> io::Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(DETACHED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut pipe = child.stdin.take().expect("asked for a pipe");
    pipe.write_all(stdin)
}

/// The second process's part: a session of its own, which no terminal controls, and no standard input.
fn leave_terminal() {
    // It fails only for the leader of a process group, which a process that was just started is not.
    let _ = rustix::process::setsid();
    if let Ok(null) = File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_follows_the_configuration() {
        let mut config = Config::new();
        let settings = log_settings(&config);
        assert_eq!(
            (settings.level, settings.layout),
            (LevelFilter::Info, Layout::Redis)
        );
        assert!(settings.file.is_none() && settings.syslog.is_none());
        config.loglevel = LogLevel::Nothing;
        config.log_format = LogFormat::Logfmt;
        config.dir.0 = b"/var/lib".to_vec();
        config.logfile = b"x.log".to_vec();
        config.syslog_enabled = true;
        let settings = log_settings(&config);
        assert_eq!(
            (settings.level, settings.layout),
            (LevelFilter::Off, Layout::Logfmt)
        );
        assert_eq!(settings.file, Some(PathBuf::from("/var/lib/x.log")));
        assert_eq!(
            settings.syslog,
            Some(Syslog {
                ident: "redis".into(),
                facility: 16
            })
        );
        config.logfile = b"/tmp/x.log".to_vec();
        assert_eq!(
            log_settings(&config).file,
            Some(PathBuf::from("/tmp/x.log"))
        );
    }
}
