//! From terms to what a handshake needs. Whatever is wrong is an error that goes into the log as it is.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig, SignatureScheme};

use super::certificate::Certificate;
use super::remembered::Remembered;
use super::stream::{DialSecurity, ListenSecurity, server_name};
use super::verify::{CalledVerifier, CallerVerifier, Trust};
use super::{Callers, IdentityFiles, Terms, ciphers, files};

/// Who we are, to everybody alike. The library's own way to say so reads the certificate, and does not take all.
#[derive(Debug)]
struct Ourselves(Arc<CertifiedKey>);

impl ResolvesServerCert for Ourselves {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ResolvesClientCert for Ourselves {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// For a listener.
pub(crate) fn listen_security(terms: &Terms) -> Result<ListenSecurity, String> {
    let provider = provider(terms)?;
    let Some(files) = &terms.identity else {
        return Err("No tls-cert-file configured!".to_owned());
    };
    let ourselves = ourselves(files, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&ciphers::versions(&terms.protocols)?)
        .map_err(|error| format!("Failed to configure ciphers: {error}"))?;
    let builder = match terms.callers {
        Callers::NotAsked => builder.with_no_client_auth(),
        Callers::Show | Callers::MayShow => {
            let may_hide = terms.callers == Callers::MayShow;
            let trust = Arc::new(trust(terms, &provider)?);
            let verifier = CallerVerifier::new(trust, provider, may_hide)?;
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(ourselves));
    config.ignore_client_order = terms.prefers_own_order;
    if let Some(memory) = terms.memory {
        config.session_storage = Arc::new(Remembered::new(memory));
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// For connections that we make, to whatever host ([`DialSecurity::to`]).
pub(crate) fn dial_security(terms: &Terms) -> Result<DialSecurity, String> {
    let provider = provider(terms)?;
    let trust = Arc::new(trust(terms, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&ciphers::versions(&terms.protocols)?)
        .map_err(|error| format!("Failed to configure ciphers: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(CalledVerifier {
            trust,
            checks_names: terms.checks_names,
        }));
    let config = match &terms.identity {
        Some(files) => builder.with_client_cert_resolver(Arc::new(ourselves(files, &provider)?)),
        None => builder.with_no_client_auth(),
    };
    Ok(DialSecurity {
        config: Arc::new(config),
        name: server_name(""),
    })
}

fn provider(terms: &Terms) -> Result<Arc<CryptoProvider>, String> {
    let usual = ring::default_provider();
    let cipher_suites = ciphers::suites(&usual, &terms.ciphers, &terms.ciphersuites)?;
    Ok(Arc::new(CryptoProvider {
        cipher_suites,
        ..usual
    }))
}

fn trust(terms: &Terms, provider: &CryptoProvider) -> Result<Trust, String> {
    let certificates = files::authorities(&terms.authorities)?;
    Trust::new(certificates, provider)
        .map_err(|reason| format!("Failed to configure CA certificate(s) file/directory: {reason}"))
}

fn ourselves(files: &IdentityFiles, provider: &CryptoProvider) -> Result<Ourselves, String> {
    let chain = files::chain(&files.certificate)?;
    let fault = |reason: &str| {
        format!(
            "Failed to load private key: {}: {reason}",
            files.key.display()
        )
    };
    let key = provider
        .key_provider
        .load_private_key(files::key(files)?)
        .map_err(|error| fault(&error.to_string()))?;
    let both = CertifiedKey::new(chain, key);
    if !are_a_pair(&both) {
        return Err(fault("key values mismatch"));
    }
    Ok(Ourselves(Arc::new(both)))
}

/// Whether the key is that of the certificate. A key that does not tell is taken at its word.
fn are_a_pair(both: &CertifiedKey) -> bool {
    let Some(public) = both.key.public_key() else {
        return true;
    };
    let certificate = both.cert.first().map(CertificateDer::as_ref);
    certificate
        .and_then(|bytes| Certificate::read(bytes).ok())
        .is_some_and(|certificate| public.as_ref().ends_with(certificate.key.bits))
}
