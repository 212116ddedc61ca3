//! Whether the other side is who it says: its certificate leads to an authority of ours, and its key is its own.
//!
//! The library's verifier decides, except about two kinds of certificates that it does not take and OpenSSL does:
//!
//! - one of version 1, which is good when an authority of ours has signed it itself;
//! - one that is among our authorities, byte for byte, as where somebody signed for himself.
//!
//! Both have to be within their time, like all others. The proof that the other side has the key, too, is checked here
//! for such certificates, since the library would read the certificate first.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::certificate::{Certificate, Key};

/// Those whose word counts.
#[derive(Debug)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    /// The same, as they stand in the files.
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// Fails when none of the certificates can be an authority.
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &CryptoProvider,
    ) -> Result<Trust, String> {
        let mut roots = RootCertStore::empty();
        let mut reason = "no certificate found".to_owned();
        for certificate in &certificates {
            if let Err(error) = roots.add(certificate.clone()) {
                reason = error.to_string();
            }
        }
        if roots.is_empty() {
            return Err(reason);
        }
        Ok(Trust {
            roots: Arc::new(roots),
            certificates,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    /// Judges the certificates that the library does not take; `None` for all others.
    fn judge(&self, bytes: &CertificateDer<'_>, now: UnixTime) -> Option<Result<(), Error>> {
        let certificate = Certificate::read(bytes).ok()?;
        let is_ours = self.certificates.contains(bytes);
        if !is_ours && !certificate.is_of_version_1 {
            return None;
        }
        Some(self.judge_parts(&certificate, is_ours, now))
    }

    fn judge_parts(
        &self,
        certificate: &Certificate<'_>,
        is_ours: bool,
        now: UnixTime,
    ) -> Result<(), Error> {
        let now = Duration::from_secs(now.as_secs());
        if now < certificate.valid_from {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > certificate.valid_until {
            return Err(CertificateError::Expired.into());
        }
        if is_ours {
            return Ok(());
        }
        let mut issuers = self
            .certificates
            .iter()
            .filter_map(|bytes| Certificate::read(bytes).ok())
            .filter(|authority| authority.subject == certificate.issuer)
            .peekable();
        if issuers.peek().is_none() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let is_signed = issuers.any(|authority| {
            self.algorithms
                .all
                .iter()
                .filter(|algorithm| algorithm.signature_alg_id().as_ref() == certificate.algorithm)
                .any(|algorithm| {
                    has_signed(
                        *algorithm,
                        &authority.key,
                        certificate.signed,
                        certificate.signature,
                    )
                })
        });
        if is_signed {
            Ok(())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    /// Checks the proof of the key that belongs to a certificate which the library cannot read.
    fn check_proof(
        &self,
        message: &[u8],
        certificate: &Certificate<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let found = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == proof.scheme);
        let is_good = found.is_some_and(|(_, algorithms)| {
            algorithms
                .iter()
                .any(|one| has_signed(*one, &certificate.key, message, proof.signature()))
        });
        if is_good {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn proof_of_1_2(
        &self,
        message: &[u8],
        bytes: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Certificate::read(bytes) {
            Ok(certificate) if certificate.is_of_version_1 => {
                self.check_proof(message, &certificate, proof)
            }
            _ => verify_tls12_signature(message, bytes, proof, &self.algorithms),
        }
    }

    fn proof_of_1_3(
        &self,
        message: &[u8],
        bytes: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Certificate::read(bytes) {
            Ok(certificate) if certificate.is_of_version_1 && is_of_1_3(proof.scheme) => {
                self.check_proof(message, &certificate, proof)
            }
            _ => verify_tls13_signature(message, bytes, proof, &self.algorithms),
        }
    }
}

fn has_signed(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &Key<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithm.public_key_alg_id().as_ref() == key.algorithm
        && algorithm
            .verify_signature(key.bits, message, signature)
            .is_ok()
}

/// TLS 1.3 gave up the older kind of RSA signatures in its handshake.
fn is_of_1_3(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA1
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

/// Judges those that call.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    trust: Arc<Trust>,
    usual: Arc<dyn ClientCertVerifier>,
}

impl CallerVerifier {
    pub(super) fn new(
        trust: Arc<Trust>,
        provider: Arc<CryptoProvider>,
        may_hide: bool,
    ) -> Result<CallerVerifier, String> {
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(trust.roots.clone(), provider);
        if may_hide {
            builder = builder.allow_unauthenticated();
        }
        let usual = builder.build().map_err(|error| error.to_string())?;
        Ok(CallerVerifier { trust, usual })
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn offer_client_auth(&self) -> bool {
        self.usual.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.usual.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.usual.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.trust.judge(end_entity, now) {
            Some(judgement) => judgement.map(|()| ClientCertVerified::assertion()),
            None => self
                .usual
                .verify_client_cert(end_entity, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.proof_of_1_2(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.proof_of_1_3(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

/// Judges those that we call: one of our authorities has signed for them, and for their name if that matters.
#[derive(Debug)]
pub(super) struct CalledVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) checks_names: bool,
}

impl ServerCertVerifier for CalledVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(judgement) = self.trust.judge(end_entity, now) {
            // Where names matter, the first version has none to compare with; one of ours we know as it stands.
            let is_named = !self.checks_names || self.trust.certificates.contains(end_entity);
            return judgement.and(if is_named {
                Ok(ServerCertVerified::assertion())
            } else {
                Err(CertificateError::NotValidForName.into())
            });
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.trust.roots,
            intermediates,
            now,
            self.trust.algorithms.all,
        )?;
        if self.checks_names {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.proof_of_1_2(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.proof_of_1_3(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}
