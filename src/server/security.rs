//! Encrypted connections as the configuration wants them: certificates and keys are read when it says so, and at no
//! other time, so that files which are being replaced do no harm. CONFIG SET of any of them reads all of them again.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::{Config, TlsAuthClients, TlsAuthClientsUser};
use crate::reactor::{Closed, ConnId, Io};
use crate::tls::{
    Authorities, Callers, DialSecurity, HandshakeFailed, IdentityFiles, ListenSecurity, Memory,
    Terms, dial_security, listen_security,
};

use super::Server;

/// What is used for new connections; nothing as long as nobody wants any that are encrypted.
#[derive(Default)]
pub(super) struct Security {
    pub(super) listen: Option<ListenSecurity>,
    dial: Option<DialSecurity>,
    /// Connections that may not have agreed with us yet, in the order they came, and when they have to have done so.
    handshaking: VecDeque<(ConnId, u64)>,
    /// Connections whose users their certificates may name, until they say something.
    unnamed: Vec<ConnId>,
}

/// It cannot be had; the log says why.
#[derive(Debug)]
pub(super) struct Refused;

/// How long two sides may take to agree. Whoever needs longer keeps a place and never says a word.
const HANDSHAKE_US_MAX: u64 = 30_000_000;

impl Security {
    /// Reads what the configuration names. On failure everything stays as it was.
    pub(super) fn configure(&mut self, config: &Config) -> Result<(), Refused> {
        if config.tls_port == 0 && !config.tls_replication && !config.tls_cluster {
            self.listen = None;
            self.dial = None;
            return Ok(());
        }
        let made = make(config).map_err(|reason| {
            log::warn!("{reason}");
            Refused
        })?;
        (self.listen, self.dial) = made;
        Ok(())
    }

    /// For a connection to a host, if those to primaries are to be encrypted.
    pub(super) fn for_primary(&self, config: &Config, host: &str) -> Option<DialSecurity> {
        let dial = self.dial.as_ref().filter(|_| config.tls_replication)?;
        Some(dial.to(host))
    }

    /// For a connection to the host that keys migrate to, if those within a cluster are to be encrypted.
    pub(super) fn for_migration(&self, config: &Config, host: &str) -> Option<DialSecurity> {
        let dial = self.dial.as_ref().filter(|_| config.tls_cluster)?;
        Some(dial.to(host))
    }
}

type Both = (Option<ListenSecurity>, Option<DialSecurity>);

fn make(config: &Config) -> Result<Both, String> {
    if config.tls_cert_file.is_empty() {
        return Err("No tls-cert-file configured!".to_owned());
    }
    if config.tls_key_file.is_empty() {
        return Err("No tls-key-file configured!".to_owned());
    }
    let asks_somebody = config.tls_auth_clients != TlsAuthClients::No
        || config.tls_replication
        || config.tls_cluster;
    let has_authorities = !config.tls_ca_cert_file.is_empty() || !config.tls_ca_cert_dir.is_empty();
    if asks_somebody && !has_authorities {
        return Err("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!".to_owned());
    }
    if !config.tls_dh_params_file.is_empty() {
        log::warn!("tls-dh-params-file is ignored: no cipher of this server uses such parameters.");
    }
    let listen = listen_security(&terms(config))?;
    let dial = if has_authorities {
        Some(dial_security(&client_terms(config))?)
    } else {
        None
    };
    Ok((Some(listen), dial))
}

fn terms(config: &Config) -> Terms {
    let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let memory = Memory {
        sessions: config.tls_session_cache_size as usize,
        seconds: u64::from(config.tls_session_cache_timeout_s),
    };
    Terms {
        identity: Some(IdentityFiles {
            certificate: path(&config.tls_cert_file),
            key: path(&config.tls_key_file),
            passphrase: config.tls_key_file_pass.clone(),
        }),
        authorities: Authorities {
            file: named(&config.tls_ca_cert_file),
            dir: named(&config.tls_ca_cert_dir),
        },
        callers: match config.tls_auth_clients {
            TlsAuthClients::No => Callers::NotAsked,
            TlsAuthClients::Optional => Callers::MayShow,
            TlsAuthClients::Yes => Callers::Show,
        },
        protocols: word(&config.tls_protocols),
        ciphers: word(&config.tls_ciphers),
        ciphersuites: word(&config.tls_ciphersuites),
        prefers_own_order: config.tls_prefer_server_ciphers,
        checks_names: false,
        memory: config.tls_session_caching.then_some(memory),
    }
}

/// For connections that we make, another certificate may be named.
fn client_terms(config: &Config) -> Terms {
    let terms = terms(config);
    if config.tls_client_cert_file.is_empty() {
        return terms;
    }
    Terms {
        identity: Some(IdentityFiles {
            certificate: path(&config.tls_client_cert_file),
            key: path(&config.tls_client_key_file),
            passphrase: config.tls_client_key_file_pass.clone(),
        }),
        ..terms
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn named(bytes: &[u8]) -> Option<PathBuf> {
    (!bytes.is_empty()).then(|| path(bytes))
}

impl Server {
    /// Remembers a connection that has to agree with us first.
    pub(super) fn expect_handshake(&mut self, io: &Io, id: ConnId) {
        if io.is_handshaking(id) {
            let until = self.engine.monotonic_us() + HANDSHAKE_US_MAX;
            self.security.handshaking.push_back((id, until));
            if self.engine.config().tls_auth_clients_user != TlsAuthClientsUser::Off {
                let unnamed = &mut self.security.unnamed;
                unnamed.retain(|id| io.is_open(*id));
                unnamed.push(id);
            }
        }
    }

    /// Those who speak for the first time are the users that their certificates name, if there are such users.
    pub(super) fn name_callers(&mut self, io: &Io, group: &[ConnId]) {
        let is_of_group = |id: &ConnId| group.contains(id) && !io.is_handshaking(*id);
        let named: Vec<_> = (self.security.unnamed)
            .extract_if(.., |id| is_of_group(id))
            .collect();
        for id in named {
            if let Some(name) = io.common_name(id) {
                self.engine.enter_by_certificate(id, &name);
            }
        }
    }

    /// Whether there may be such.
    pub(super) fn has_unnamed(&self) -> bool {
        !self.security.unnamed.is_empty()
    }

    /// Somebody came who could not agree with us: the log says why, since the client often cannot tell.
    pub(super) fn complain_of_handshake(&self, id: ConnId, why: &Closed) {
        if let Closed::Failed(error) = why
            && let Some(reason) = error.get_ref()
            && reason.is::<HandshakeFailed>()
            && let Some((address, local_address)) = self.engine.ends_of(id)
        {
            log::warn!(
                "Error accepting a client connection: {reason} (addr={address} laddr={local_address})"
            );
        }
    }

    /// Drops those that took too long. Says after how many milliseconds to look again.
    pub(super) fn end_handshakes(&mut self, io: &mut Io) -> Option<u64> {
        if self.security.handshaking.is_empty() {
            return None;
        }
        let now = self.engine.monotonic_us();
        while let Some((id, until)) = self.security.handshaking.front().copied() {
            let is_late = until <= now;
            if !is_late && io.is_handshaking(id) {
                return Some((until - now).div_ceil(1000));
            }
            if is_late && io.is_handshaking(id) {
                log::debug!("A client took too long for its handshake.");
                io.close(id);
            }
            // One that has agreed and says nothing.
            self.turn_strangers_away(io, &[id]);
            self.security.handshaking.pop_front();
        }
        None
    }
}
