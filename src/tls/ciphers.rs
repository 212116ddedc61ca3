//! Versions and ciphers by the names that OpenSSL gives them.
//!
//! A list for TLS 1.2 is a program: each word adds ciphers, or with `-` takes them away, or with `!` bars them for
//! good; words joined by `+` mean what all of them mean. People write `DEFAULT:!MEDIUM` or name two or three. Here a
//! word can only mean some of the six ciphers that the library has. A word that adds and means none of them is
//! refused: whoever names a cipher wants it.

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion, version};

/// A cipher of TLS 1.2: the library's name, OpenSSL's, and the words that mean it besides those that mean all.
struct Cipher(CipherSuite, &'static str, &'static [&'static str]);

const CIPHERS: [Cipher; 6] = [
    Cipher(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        &[
            "aECDSA", "ECDSA", "AES", "AES256", "AESGCM", "SHA384", "FIPS",
        ],
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
        &["aRSA", "AES", "AES256", "AESGCM", "SHA384", "FIPS"],
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        &["aECDSA", "ECDSA", "CHACHA20", "SHA256"],
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        &["aRSA", "CHACHA20", "SHA256"],
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        &[
            "aECDSA", "ECDSA", "AES", "AES128", "AESGCM", "SHA256", "FIPS",
        ],
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
        &["aRSA", "AES", "AES128", "AESGCM", "SHA256", "FIPS"],
    ),
];

/// Words that mean each of them.
const ALL: [&str; 9] = [
    "ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "kECDHE", "kEECDH", "TLSv1.2", "SHA2",
];

/// The ciphers that a list for TLS 1.2 and one for TLS 1.3 leave; an empty list leaves all.
pub(super) fn suites(
    provider: &CryptoProvider,
    of_1_2: &str,
    of_1_3: &str,
) -> Result<Vec<SupportedCipherSuite>, String> {
    let older = chosen(of_1_2).map_err(|word| format!("Failed to configure ciphers: {word}"))?;
    let newer = newer(provider, of_1_3)
        .map_err(|word| format!("Failed to configure ciphersuites: {word}"))?;
    let older = older
        .iter()
        .filter_map(|suite| find(provider, |one| one.suite() == *suite));
    Ok(newer.into_iter().chain(older).collect())
}

fn newer(provider: &CryptoProvider, names: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let is_newer = |one: &SupportedCipherSuite| one.tls13().is_some();
    let all = provider.cipher_suites.iter().copied().filter(is_newer);
    if names.is_empty() {
        return Ok(all.collect());
    }
    words(names)
        .map(|name| {
            let named = |one: &SupportedCipherSuite| {
                is_newer(one) && name_of(one.suite()).eq_ignore_ascii_case(name)
            };
            find(provider, named).ok_or_else(|| format!("no cipher is called {name}"))
        })
        .collect()
}

/// The library writes `TLS13_AES_128_GCM_SHA256`, the standard and OpenSSL `TLS_AES_128_GCM_SHA256`.
fn name_of(suite: CipherSuite) -> String {
    suite
        .as_str()
        .unwrap_or_default()
        .replacen("TLS13_", "TLS_", 1)
}

fn find(
    provider: &CryptoProvider,
    is_meant: impl Fn(&SupportedCipherSuite) -> bool,
) -> Option<SupportedCipherSuite> {
    provider.cipher_suites.iter().copied().find(is_meant)
}

fn chosen(list: &str) -> Result<Vec<CipherSuite>, String> {
    if list.is_empty() {
        return Ok(CIPHERS.iter().map(|one| one.0).collect());
    }
    let mut chosen: Vec<CipherSuite> = Vec::new();
    let mut barred: Vec<CipherSuite> = Vec::new();
    for word in words(list) {
        // How strong keys must be is the library's own rule, and their order is by strength anyway.
        if word.starts_with('@') {
            continue;
        }
        let (sign, name) = match word.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), name)) => (sign, name),
            _ => ("", word),
        };
        let meant: Vec<CipherSuite> = CIPHERS
            .iter()
            .filter(|one| name.split('+').all(|part| means(part, one)))
            .map(|one| one.0)
            .collect();
        match sign {
            "!" => barred.extend(&meant),
            // Moves those that are there to the end.
            "+" => chosen.sort_by_key(|one| meant.contains(one)),
            "-" => {}
            _ if meant.is_empty() => return Err(format!("this server has no cipher {name}")),
            _ => {
                for one in &meant {
                    if !chosen.contains(one) {
                        chosen.push(*one);
                    }
                }
            }
        }
        let is_out =
            |one: &CipherSuite| barred.contains(one) || (sign == "-" && meant.contains(one));
        chosen.retain(|one| !is_out(one));
    }
    if chosen.is_empty() {
        return Err("no cipher is left".to_owned());
    }
    Ok(chosen)
}

fn means(word: &str, cipher: &Cipher) -> bool {
    cipher.1 == word || cipher.2.contains(&word) || ALL.contains(&word)
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ' ']).filter(|word| !word.is_empty())
}

/// The versions by their names; all that the library has when there are none.
pub(super) fn versions(names: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    if names.is_empty() {
        return Ok(vec![&version::TLS13, &version::TLS12]);
    }
    let mut versions = Vec::new();
    for name in names.split_whitespace() {
        if name.eq_ignore_ascii_case("TLSv1.2") {
            versions.push(&version::TLS12);
        } else if name.eq_ignore_ascii_case("TLSv1.3") {
            versions.push(&version::TLS13);
        } else {
            return Err(format!(
                "Invalid tls-protocols specified: {name}. Use a combination of 'TLSv1.2' and 'TLSv1.3'."
            ));
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<&'static str>, String> {
        chosen(list).map(|suites| {
            let name = |suite| CIPHERS.iter().find(|one| one.0 == suite).map(|one| one.1);
            suites.into_iter().filter_map(name).collect()
        })
    }

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        assert_eq!(names("").map(|all| all.len()), Ok(6));
        assert_eq!(names("DEFAULT:!MEDIUM").map(|all| all.len()), Ok(6));
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
            Ok(vec![
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384"
            ])
        );
        assert_eq!(
            names("ECDHE+aRSA:!AES"),
            Ok(vec!["ECDHE-RSA-CHACHA20-POLY1305"])
        );
        // What is barred stays away, what was taken away may come back.
        assert_eq!(names("HIGH:!CHACHA20:CHACHA20").map(|all| all.len()), Ok(4));
        assert_eq!(names("HIGH:-CHACHA20:CHACHA20").map(|all| all.len()), Ok(6));
        assert_eq!(
            names("AES128-SHA256"),
            Err("this server has no cipher AES128-SHA256".to_owned())
        );
        assert_eq!(names("HIGH:!ALL"), Err("no cipher is left".to_owned()));
    }

    #[test]
    fn versions_that_nobody_should_use_are_refused_by_their_name() {
        assert_eq!(versions("").map(|all| all.len()), Ok(2));
        assert_eq!(versions("tlsv1.3").map(|all| all.len()), Ok(1));
        assert!(versions("TLSv1.1 TLSv1.2").unwrap_err().contains("TLSv1.1"));
    }
}
