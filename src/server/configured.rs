//! CONFIG SET, as far as it concerns sockets, descriptors, files and the process.
//!
//! The configuration has the new values already. If one of their effects cannot be had, all of them go back, and the
//! effects already made are made again with the old values.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::config::{Changes, Config, Outside, explain, failed};
use crate::engine::run::effects::Configured;
use crate::observe::logging;
use crate::reactor::Io;
use crate::server::process::{boot, crash};
use crate::server::{Server, process};
use crate::spec::error::Error;
use crate::store::alloc;

impl Server {
    pub(super) fn configured(&mut self, io: &mut Io, Configured { waiting, changes }: Configured) {
        let outcome = self.bring_all_about(io, changes);
        self.engine.configured(waiting, outcome);
    }

    /// Brings about all effects of the changes, or none.
    pub(super) fn bring_all_about(&mut self, io: &mut Io, changes: Changes) -> Result<(), Error> {
        let effects: Vec<(Outside, Vec<u8>)> = changes
            .outside()
            .into_iter()
            .map(|(effect, argument)| (effect, argument.to_vec()))
            .collect();
        for (at, (effect, argument)) in effects.iter().enumerate() {
            let Err(failure) = self.bring_about(io, *effect, argument) else {
                continue;
            };
            log::warn!(
                "Failed applying new configuration. Possibly related to new {} setting. Restoring previous settings.",
                String::from_utf8_lossy(argument)
            );
            self.engine.roll_back(changes);
            for (effect, argument) in &effects[..=at] {
                if self.bring_about(io, *effect, argument).is_err() {
                    log::warn!(
                        "Failed restoring the {} setting.",
                        String::from_utf8_lossy(argument)
                    );
                }
            }
            return Err(failed(argument, &failure.to_string()));
        }
        Ok(())
    }

    /// Makes the world agree with the configuration in one respect.
    fn bring_about(
        &mut self,
        io: &mut Io,
        effect: Outside,
        argument: &[u8],
    ) -> Result<(), Failure> {
        let config: &Config = self.engine.config();
        match effect {
            Outside::Listen => {
                let by_port = argument.eq_ignore_ascii_case(b"port");
                let security = self.security.listen.as_ref();
                let is_refused = self.listeners.reopen_tcp(io, config).is_err()
                    // New addresses are those of encrypted connections, too.
                    || (!by_port && self.listeners.reopen_tls(io, config, security).is_err());
                if is_refused {
                    return Err(if by_port {
                        Failure::PortTaken
                    } else {
                        Failure::NoSuchAddress
                    });
                }
                self.around.title.show(config);
            }
            Outside::Tls => self.configure_security(io)?,
            Outside::ListenTls => {
                self.configure_security(io)?;
                let (config, security) = (self.engine.config(), self.security.listen.as_ref());
                if self.listeners.reopen_tls(io, config, security).is_err() {
                    return Err(Failure::PortTaken);
                }
                self.around.title.show(config);
            }
            Outside::Connections => {
                io.set_keepalive_seconds(config.tcp_keepalive_s);
                io.set_max_new_connections_per_turn(
                    config.max_new_connections_per_cycle,
                    config.max_new_tls_connections_per_cycle,
                );
            }
            Outside::MaxClients => {
                let possible =
                    process::raise_descriptor_limit(config.maxclients, config.page_port != 0);
                if possible < config.maxclients {
                    return Err(Failure::TooManyClients { possible });
                }
            }
            Outside::AppendOnly => {
                if let Err(reason) = self.switch_log() {
                    log::warn!("The append-only file cannot be switched on: {reason}");
                    return Err(Failure::NoLog);
                }
            }
            Outside::Dir => {
                std::env::set_current_dir(OsStr::from_bytes(&config.dir.0))
                    .map_err(Failure::NoDirectory)?;
            }
            Outside::OomScore => {
                let is_replica = config.replicaof.0.is_some();
                let applied = self.around.oom_score.apply(config, is_replica);
                applied.map_err(|_| Failure::NoOomScore)?;
            }
            Outside::Logging => logging::change(boot::log_settings(config)),
            Outside::Crash => crash::configure(config),
            Outside::AllocatorThread => {
                alloc::set_background_thread(config.jemalloc_bg_thread);
            }
            Outside::ProcTitle => self.around.title.show(config),
        }
        Ok(())
    }
}

impl Server {
    /// Reads certificates and keys again, for connections to come.
    fn configure_security(&mut self, io: &mut Io) -> Result<(), Failure> {
        self.security
            .configure(self.engine.config())
            .map_err(|_| Failure::NoTls)?;
        self.listeners.secure(io, self.security.listen.as_ref());
        Ok(())
    }
}

/// Why an effect cannot be had. The client gets its text.
#[derive(Debug)]
enum Failure {
    PortTaken,
    NoSuchAddress,
    NoTls,
    TooManyClients { possible: u32 },
    NoLog,
    NoDirectory(io::Error),
    NoOomScore,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::PortTaken => f.write_str("Unable to listen on this port. Check server logs."),
            Failure::NoSuchAddress => f.write_str("Failed to bind to specified addresses."),
            Failure::NoTls => f.write_str("Unable to update TLS configuration. Check server logs."),
            Failure::TooManyClients { possible } => write!(
                f,
                "The operating system is not able to handle the specified number of clients, try with {possible}"
            ),
            Failure::NoLog => f.write_str("Unable to turn on AOF. Check server logs."),
            Failure::NoDirectory(error) => f.write_str(&explain(error)),
            Failure::NoOomScore => {
                f.write_str("Failed to set current oom_score_adj. Check server logs.")
            }
        }
    }
}
