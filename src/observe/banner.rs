//! The lines that a server logs while it starts and stops.
//!
//! Supervisors, containers and test suites wait for some of these sentences, word for word: `Ready to accept
//! connections`, ` PID: `, `Server initialized`, `Failed listening on port`. So they stand together here, and each is
//! written once.

/// How a server introduces itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    /// The release of Redis whose behaviour is matched.
    pub(crate) redis_version: &'a str,
    /// Our own release.
    pub(crate) pollux_version: &'a str,
    /// `standalone`, `cluster` or `sentinel`.
    pub(crate) mode: &'a str,
    pub(crate) port: u16,
    pub(crate) pid: u32,
}

/// How a listener is called in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Tcp,
    Tls,
    Unix,
}

impl Listener {
    fn word(self) -> &'static str {
        match self {
            Listener::Tcp => "tcp",
            Listener::Tls => "tls",
            Listener::Unix => "unix",
        }
    }
}

pub(crate) const STARTING: &str = "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo";
pub(crate) const CONFIGURATION_LOADED: &str = "Configuration loaded";
pub(crate) const READING_STDIN: &str = "Reading config from stdin";
pub(crate) const INITIALIZED: &str = "Server initialized";
pub(crate) const NO_LISTENERS: &str = "Configured to not listen anywhere, exiting.";
pub(crate) const SHUTDOWN_REQUESTED: &str = "User requested shutdown...";
pub(crate) const SIGTERM_RECEIVED: &str = "Received SIGTERM scheduling shutdown...";
pub(crate) const SIGINT_RECEIVED: &str = "Received SIGINT scheduling shutdown...";
pub(crate) const SIGINT_AGAIN: &str = "You insist... exiting now.";
pub(crate) const SIGNAL_WHILE_LOADING: &str =
    "Received shutdown signal during loading, scheduling shutdown.";
pub(crate) const SAVING: &str = "Saving the final RDB snapshot before exiting.";
pub(crate) const REMOVING_PIDFILE: &str = "Removing the pid file.";
pub(crate) const REMOVING_SOCKET: &str = "Removing the unix socket file.";
pub(crate) const BYE: &str = "Redis is now ready to exit, bye bye...";

impl Identity<'_> {
    pub(crate) fn just_started(&self) -> String {
        let Identity {
            redis_version, pid, ..
        } = self;
        format!(
            "Redis version={redis_version}, bits=64, commit=00000000, modified=0, pid={pid}, just started"
        )
    }

    pub(crate) fn running_mode(&self) -> String {
        format!("Running mode={}, port={}.", self.mode, self.port)
    }

    /// The banner, for `always-show-logo`: two stars, close together, and the facts that scripts look for.
    pub(crate) fn logo(&self) -> String {
        let Identity {
            redis_version,
            pollux_version,
            mode,
            port,
            pid,
        } = self;
        format!(
            r"
        .
    --  *  --        Pollux {pollux_version}, as Redis {redis_version}, 64 bit
        '    .
           - * -     Running in {mode} mode
             '       Port: {port}
                     PID: {pid}

"
        )
    }
}

/// The notice of a server that was started without a configuration file.
pub(crate) fn no_config_file(program: &str) -> String {
    format!(
        "Warning: no config file specified, using the default config. In order to specify a config file use {program} /path/to/redis.conf"
    )
}

pub(crate) fn ready(listener: Listener) -> String {
    format!("Ready to accept connections {}", listener.word())
}

/// One address could not be had.
pub(crate) fn cannot_listen(address: &str, port: u16, reason: &str) -> String {
    format!("Warning: Could not create server TCP listening socket {address}:{port}: {reason}")
}

/// And so the server does not start.
pub(crate) fn failed_listening(port: u16, listener: Listener) -> String {
    format!(
        "Failed listening on port {port} ({}), aborting.",
        listener.word()
    )
}

/// The kernel shortens the queue of connections that wait to be accepted.
pub(crate) fn backlog_too_long(wanted: i32, allowed: i32) -> String {
    format!(
        "WARNING: The TCP backlog setting of {wanted} cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of {allowed}."
    )
}

/// The lines for parameters that nobody knows, after which the server gives up. `lines` are their words.
pub(crate) fn unresolved<'a>(lines: impl Iterator<Item = &'a [Vec<u8>]>) -> Vec<String> {
    let mut text = vec!["Unresolved Configuration(s) Detected:".to_string()];
    text.extend(
        lines.map(|words| format!(">>> '{}'", String::from_utf8_lossy(&words.join(&b' ')))),
    );
    text.push(
        "Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting".into(),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_others_wait_for() {
        let identity = Identity {
            redis_version: "8.0.6",
            pollux_version: "0.1.0",
            mode: "standalone",
            port: 6379,
            pid: 4711,
        };
        assert_eq!(
            identity.just_started(),
            "Redis version=8.0.6, bits=64, commit=00000000, modified=0, pid=4711, just started"
        );
        assert_eq!(
            identity.running_mode(),
            "Running mode=standalone, port=6379."
        );
        for fact in [
            " PID: 4711\n",
            " Port: 6379\n",
            "Running in standalone mode\n",
        ] {
            assert!(identity.logo().contains(fact), "{}", identity.logo());
        }
        assert_eq!(ready(Listener::Unix), "Ready to accept connections unix");
        assert_eq!(
            failed_listening(7, Listener::Tcp),
            "Failed listening on port 7 (tcp), aborting."
        );
        let words = [vec![b"foo".to_vec(), b"1".to_vec()]];
        assert_eq!(
            unresolved(words.iter().map(Vec::as_slice))[1],
            ">>> 'foo 1'"
        );
    }
}
