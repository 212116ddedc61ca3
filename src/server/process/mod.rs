//! The process among other processes: its supervisor, its pid file, and its limits.
//!
//! Everything here is a courtesy to the system the server runs on. Each is done once, or when a parameter changes, and
//! failing is worth a line in the log rather than an end.

pub(super) mod boot;
pub(super) mod crash;
pub(super) mod figures;
pub(super) mod title;

use crate::config::{Config, OomScoreAdj, Supervised, explain};
use crate::observe::banner;
use rustix::process::{Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::{fs, io};

/// How this server ends on the spot. In a simulation only the server ends, and the process goes on.
#[derive(Clone, Copy)]
pub(crate) struct Exit(pub(crate) fn(i32) -> !);

impl Exit {
    pub(crate) fn of_the_process() -> Exit {
        Exit(|status| std::process::exit(status))
    }

    /// Ends the server with this status.
    pub(crate) fn leave(self, status: i32) -> ! {
        (self.0)(status)
    }
}

// Supervision.

/// The service that started this process and wants to know how it fares.
#[derive(Debug)]
pub(crate) struct Supervisor(Option<SocketAddr>);

/// Whether a supervisor has been asked for and is there. Then the process stays where it was started.
pub(crate) fn is_supervised(config: &Config) -> bool {
    let wants_systemd = matches!(config.supervised, Supervised::Systemd | Supervised::Auto);
    let wants_upstart = matches!(config.supervised, Supervised::Upstart | Supervised::Auto);
    (wants_systemd && std::env::var_os("NOTIFY_SOCKET").is_some())
        || (wants_upstart && std::env::var_os("UPSTART_JOB").is_some())
}

impl Supervisor {
    /// Finds the supervisor that the configuration names, and greets it.
    pub(crate) fn find(config: &Config) -> Supervisor {
        let systemd = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        let upstart = std::env::var_os("UPSTART_JOB");
        let nobody = Supervisor(None);
        match (config.supervised, systemd, upstart) {
            (Supervised::Systemd | Supervised::Auto, Some(path), _) => {
                log::info!(
                    "supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit."
                );
                let supervisor = Supervisor(notify_address(&path).ok());
                supervisor.tell("STATUS=Redis is loading...\n");
                supervisor
            }
            (Supervised::Systemd, None, _) => {
                log::warn!("systemd supervision requested, but NOTIFY_SOCKET not found!");
                nobody
            }
            (Supervised::Upstart | Supervised::Auto, _, Some(_)) => {
                log::info!("supervised by upstart, will stop to signal readiness.");
                let _ = kill_process(getpid(), Signal::STOP);
                nobody
            }
            (Supervised::Upstart, _, None) => {
                log::warn!("upstart supervision requested, but UPSTART_JOB not found!");
                nobody
            }
            (Supervised::Auto | Supervised::No, ..) => nobody,
        }
    }

    /// Clients may come.
    pub(crate) fn ready(&self) {
        self.tell("STATUS=Ready to accept connections\nREADY=1\n");
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\n");
    }

    /// Sends lines of `NAME=value`, if anyone listens.
    pub(crate) fn tell(&self, lines: &str) {
        let Some(address) = &self.0 else {
            return;
        };
        let sent = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(lines.as_bytes(), address));
        if let Err(error) = sent {
            log::warn!("systemd supervision error: {}", explain(&error));
        }
    }
}

/// A socket's path, or its name in the abstract namespace, which is written with an @ in front and exists on Linux
/// only, as does the supervisor that uses it.
fn notify_address(path: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}

// The pid file.

/// Exists as long as the server does.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

/// Where a server that leaves its terminal is found if nobody says otherwise.
const PIDFILE_DEFAULT: &str = "/var/run/redis.pid";

impl PidFile {
    /// Writes it, if there is to be one.
    pub(crate) fn write(config: &Config) -> Option<PidFile> {
        let path = match config.pidfile.as_slice() {
            b"" if config.daemonize => PIDFILE_DEFAULT.into(),
            b"" => return None,
            path => PathBuf::from(OsStr::from_bytes(path)),
        };
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(PidFile(path)),
            Err(error) => {
                log::warn!("Failed to write PID file: {}", explain(&error));
                None
            }
        }
    }

    pub(crate) fn remove(self) {
        log::info!("{}", banner::REMOVING_PIDFILE);
        let _ = fs::remove_file(&self.0);
    }
}

// Limits that the kernel sets.

/// The process's offer to be ended when memory runs out. There are no child processes here, so of the three configured
/// values only those of a primary and of a replica are ever used.
#[derive(Debug, Default)]
pub(crate) struct OomScore {
    /// The score before we first touched it, to which relative values are added and which is restored in the end.
    base: Option<i32>,
}

const OOM_SCORE_FILE: &str = "/proc/self/oom_score_adj";

impl OomScore {
    /// Brings the score to what configuration and role ask for. Also for `Outside::OomScore` and after a change of
    /// role.
    pub(crate) fn apply(&mut self, config: &Config, is_replica: bool) -> io::Result<()> {
        let value = config.oom_score_adj_values.0[usize::from(is_replica)];
        let score = match (config.oom_score_adj, self.base) {
            (OomScoreAdj::No, None) => return Ok(()),
            (OomScoreAdj::No, Some(base)) => base,
            (mode, base) => {
                let base = match base {
                    Some(base) => base,
                    None => read_score()?,
                };
                self.base = Some(base);
                if mode == OomScoreAdj::Relative {
                    base + value
                } else {
                    value
                }
            }
        };
        if config.oom_score_adj == OomScoreAdj::No {
            self.base = None;
        }
        let score = score.clamp(-1000, 1000);
        fs::write(OOM_SCORE_FILE, score.to_string())
            .inspect_err(|error| log::warn!("Unable to write oom_score_adj: {}", explain(error)))
    }
}

fn read_score() -> io::Result<i32> {
    let text = fs::read_to_string(OOM_SCORE_FILE)
        .inspect_err(|error| log::warn!("Unable to read oom_score_adj: {}", explain(error)))?;
    text.trim()
        .parse()
        .map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Descriptors that are not clients: listeners, log, files being written, the poll itself.
const OWN_DESCRIPTORS: u64 = 32;
/// Those of the live page: its callers, and both ends of its prompts.
const PAGE_DESCRIPTORS: u64 = 168;

/// Asks for as many descriptors as clients may come, and returns how many clients can in fact be served.
pub(crate) fn raise_descriptor_limit(maxclients: u32, has_page: bool) -> u32 {
    let own = OWN_DESCRIPTORS + if has_page { PAGE_DESCRIPTORS } else { 0 };
    let wanted = u64::from(maxclients) + own;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No number stands for no limit.
    let Some(current) = current.filter(|current| *current < wanted) else {
        return maxclients;
    };
    let set = |current, maximum| {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(current),
                maximum,
            },
        )
    };
    let hard = maximum.unwrap_or(u64::MAX);
    let Err(error) = set(wanted, Some(hard.max(wanted))) else {
        log::info!(
            "Increased maximum number of open files to {wanted} (it was originally set to {current})."
        );
        return maxclients;
    };
    // The hard limit is another's to raise, but the soft one may go as far.
    let reached = if set(hard.min(wanted), maximum).is_ok() {
        hard.min(wanted)
    } else {
        current
    };
    let possible = reached.saturating_sub(own).max(1) as u32;
    log::warn!(
        "You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."
    );
    log::warn!(
        "Server can't set maximum open files to {wanted} because of OS error: {}.",
        explain(&error.into())
    );
    log::warn!(
        "Current maximum open files is {reached}. maxclients has been reduced to {possible} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."
    );
    possible
}

/// Says so if the kernel cuts the queue of waiting connections shorter than was asked for.
pub(crate) fn warn_about_backlog(config: &Config) {
    let allowed = fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    if let Some(allowed) = allowed.and_then(|text| text.trim().parse::<i32>().ok())
        && config.tcp_backlog > allowed
    {
        log::warn!("{}", banner::backlog_too_long(config.tcp_backlog, allowed));
    }
}

/// `--check-system`: settings of the machine that other servers of this kind suffer from. Returns the status that the
/// process shall end with.
pub(crate) fn check_system() -> i32 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut is_fine = true;
    let mut report = |name: &str, complaint: Option<&str>| match complaint {
        None => println!("[{name}]...OK"),
        Some(complaint) => {
            is_fine = false;
            println!("[{name}]...WARNING:\n{complaint}\n");
        }
    };
    let clock = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let is_slow = matches!(clock.trim(), "xen" | "hpet" | "acpi_pm");
    report("slow-clocksource", is_slow.then_some("Reading the time takes a system call here, and a server reads it often. Prefer the clock source tsc."));
    // There is no fork here, so nothing is copied on write and nothing is committed twice.
    report("overcommit", None);
    report("THP", None);
    let backlog: i64 = read("/proc/sys/net/core/somaxconn")
        .trim()
        .parse()
        .unwrap_or(i64::MAX);
    report(
        "backlog",
        (backlog < 511).then_some(
            "net.core.somaxconn is below 511: bursts of new connections may be refused.",
        ),
    );
    i32::from(!is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_hears_from_us() {
        let path = std::env::temp_dir().join(format!("pollux-notify-{}", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        let supervisor = Supervisor(notify_address(path.as_os_str()).ok());
        supervisor.ready();
        let mut buffer = [0; 100];
        let count = socket.recv(&mut buffer).unwrap();
        assert_eq!(
            &buffer[..count],
            b"STATUS=Ready to accept connections\nREADY=1\n"
        );
        fs::remove_file(&path).unwrap();

        if cfg!(target_os = "linux") {
            let name = format!("@pollux-notify-{}", std::process::id());
            let address = notify_address(OsStr::new(&name)).unwrap();
            let socket = UnixDatagram::bind_addr(&address).unwrap();
            Supervisor(notify_address(OsStr::new(&name)).ok()).stopping();
            let count = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"STOPPING=1\n");
        }
    }

    #[test]
    fn the_pid_file_comes_and_goes() {
        let path = std::env::temp_dir().join(format!("pollux-pid-{}", std::process::id()));
        let mut config = Config::new();
        assert!(PidFile::write(&config).is_none());
        config.pidfile = path.as_os_str().as_bytes().to_vec();
        let file = PidFile::write(&config).expect("it can be written");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", std::process::id())
        );
        file.remove();
        assert!(!path.exists());
        config.pidfile = b"/nonexist/pid".to_vec();
        assert!(PidFile::write(&config).is_none());
    }

    #[test]
    fn the_score_is_put_back() {
        let start = read_score().unwrap();
        let mut config = Config::new();
        let mut score = OomScore::default();
        score.apply(&config, false).unwrap();
        assert_eq!(read_score().unwrap(), start);
        config.oom_score_adj = OomScoreAdj::Relative;
        config.oom_score_adj_values.0 = [10, 20, 30];
        score.apply(&config, false).unwrap();
        assert_eq!(read_score().unwrap(), start + 10);
        score.apply(&config, true).unwrap();
        assert_eq!(read_score().unwrap(), start + 20);
        config.oom_score_adj = OomScoreAdj::Absolute;
        config.oom_score_adj_values.0 = [start + 5, 0, 0];
        score.apply(&config, false).unwrap();
        assert_eq!(read_score().unwrap(), start + 5);
        config.oom_score_adj = OomScoreAdj::No;
        // Going below where one started needs a privilege on some systems; then the attempt is all there is to see.
        if score.apply(&config, false).is_ok() {
            assert_eq!(read_score().unwrap(), start);
        }
    }

    #[test]
    fn few_clients_need_no_more_descriptors() {
        assert_eq!(raise_descriptor_limit(1, true), 1);
    }
}
