//! Certificates and keys as they lie on the disk: PEM, of which a file may hold several.
//!
//! Errors name the file and say what is wrong with it, since these files are made by hand and in haste.

use std::fs;
use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::{Decode, SecretDocument};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Authorities, IdentityFiles};
use crate::base::text::explain;

/// The line with which a locked key begins.
const LOCKED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// Our own certificate first, then those that lead to its authority.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fault = |reason: &str| format!("Failed to load certificate: {}: {reason}", path.display());
    let bytes = fs::read(path).map_err(|error| fault(&explain(&error)))?;
    let chain = certificates(&bytes).map_err(|reason| fault(&reason))?;
    if chain.is_empty() {
        return Err(fault("there is no certificate in it"));
    }
    Ok(chain)
}

pub(super) fn key(files: &IdentityFiles) -> Result<PrivateKeyDer<'static>, String> {
    let path = &files.key;
    let fault = |reason: &str| format!("Failed to load private key: {}: {reason}", path.display());
    let bytes = fs::read(path).map_err(|error| fault(&explain(&error)))?;
    let text = String::from_utf8_lossy(&bytes);
    if let Some(start) = text.find(LOCKED) {
        return unlock(&text[start..], &files.passphrase).map_err(|reason| fault(&reason));
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(fault(
            "it is locked in a way that is too old; `openssl pkcs8 -topk8` makes a new one of it",
        ));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| fault(&error.to_string()))
}

fn unlock(text: &str, passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // Only the first block, and with the ends of lines that the format asks for.
    let end = "-----END ENCRYPTED PRIVATE KEY-----";
    let Some(stop) = text.find(end) else {
        return Err("it ends too early".to_owned());
    };
    let (_, document) =
        SecretDocument::from_pem(&text[..stop + end.len()]).map_err(|error| error.to_string())?;
    let locked = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .map_err(|error| error.to_string())?;
    let open = locked
        .decrypt(passphrase)
        .map_err(|_| "the passphrase does not open it".to_owned())?;
    Ok(PrivatePkcs8KeyDer::from(open.as_bytes().to_vec()).into())
}

/// All certificates of a file and of all files of a directory.
pub(super) fn authorities(
    Authorities { file, dir }: &Authorities,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let fault = |path: &Path, reason: &str| {
        format!(
            "Failed to configure CA certificate(s) file/directory: {}: {reason}",
            path.display()
        )
    };
    let mut found = Vec::new();
    if let Some(file) = file {
        let bytes = fs::read(file).map_err(|error| fault(file, &explain(&error)))?;
        let inside = certificates(&bytes).map_err(|reason| fault(file, &reason))?;
        if inside.is_empty() {
            return Err(fault(file, "there is no certificate in it"));
        }
        found.extend(inside);
    }
    if let Some(dir) = dir {
        let entries = fs::read_dir(dir).map_err(|error| fault(dir, &explain(&error)))?;
        for entry in entries.flatten() {
            // Whatever else lies there is not meant.
            if let Ok(bytes) = fs::read(entry.path())
                && let Ok(inside) = certificates(&bytes)
            {
                found.extend(inside);
            }
        }
    }
    Ok(found)
}

fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())
}
