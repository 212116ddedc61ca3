//! CONFIG SET, as far as it concerns sockets, descriptors, files and the process.
//!
//! The configuration has the new values already. If one of their effects cannot be had, all of them go back, and what
//! had been done on the way is done again with the old values.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{Server, boot, crash, process};
use crate::config::{Changes, Config, Effect, explain, failed};
use crate::engine::effects::Configured;
use crate::observe::logging;
use crate::reactor::Io;
use crate::spec::error::Error;
use crate::store::alloc;

impl Server {
    pub(super) fn configured(&mut self, io: &mut Io, Configured { waiting, changes }: Configured) {
        let outcome = self.adopt(io, changes);
        let config = &self.engine.services.config;
        // These cannot fail, nor can setting what is set already.
        io.set_keepalive_seconds(config.tcp_keepalive_s);
        io.set_max_new_connections_per_turn(config.max_new_connections_per_cycle);
        crash::configure(config);
        self.engine.configured(waiting, outcome);
    }

    /// Does what the changes ask for, or none of it.
    fn adopt(&mut self, io: &mut Io, changes: Changes) -> Result<(), Error> {
        let effects: Vec<(Effect, Vec<u8>)> = changes
            .effects()
            .into_iter()
            .map(|(effect, argument)| (effect, argument.to_vec()))
            .collect();
        for (at, (effect, argument)) in effects.iter().enumerate() {
            let Err(reason) = self.bring_about(io, *effect, argument) else {
                continue;
            };
            log::warn!(
                "Failed applying new configuration. Possibly related to new {} setting. Restoring previous settings.",
                String::from_utf8_lossy(argument)
            );
            self.engine.services.config.roll_back(changes);
            for (effect, argument) in &effects[..=at] {
                if self.bring_about(io, *effect, argument).is_err() {
                    log::warn!(
                        "Failed restoring the {} setting.",
                        String::from_utf8_lossy(argument)
                    );
                }
            }
            return Err(failed(argument, &reason));
        }
        Ok(())
    }

    /// Makes the world agree with the configuration in one respect; the reason says what a client is told.
    fn bring_about(&mut self, io: &mut Io, effect: Effect, argument: &[u8]) -> Result<(), String> {
        let config: &Config = &self.engine.services.config;
        match effect {
            Effect::Listen => {
                if self.listeners.reopen_tcp(io, config).is_err() {
                    let by_port = argument.eq_ignore_ascii_case(b"port");
                    let reason = if by_port {
                        PORT_TAKEN
                    } else {
                        "Failed to bind to specified addresses."
                    };
                    return Err(reason.into());
                }
                self.engine.services.server.tcp_port = config.port;
                self.around.title.show(config);
            }
            Effect::ProcTitle => self.around.title.show(config),
            Effect::MaxClients => {
                let possible = process::raise_descriptor_limit(config.maxclients);
                if possible < config.maxclients {
                    return Err(format!(
                        "The operating system is not able to handle the specified number of clients, try with {possible}"
                    ));
                }
            }
            Effect::AppendOnly => self.switch_log()?,
            Effect::Dir => {
                std::env::set_current_dir(OsStr::from_bytes(&config.dir.0))
                    .map_err(|error| explain(&error).into_owned())?;
            }
            Effect::OomScore => {
                let is_replica = config.replicaof.0.is_some();
                let applied = self.around.oom_score.apply(config, is_replica);
                applied.map_err(|_| {
                    "Failed to set current oom_score_adj. Check server logs.".to_string()
                })?;
            }
            Effect::Logging => logging::change(boot::log_settings(config)),
            Effect::AllocatorThread => {
                alloc::set_background_thread(config.jemalloc_bg_thread);
            }
            _ => {}
        }
        Ok(())
    }
}

const PORT_TAKEN: &str = "Unable to listen on this port. Check server logs.";
