//! Where to connect to, as people write it: `host:port`, a path, or an address that names user and database as well.
//!
//! ```text
//!  rediss://alice:secret@db.example.com:6380/2        redis+unix:///run/redis.sock?db=2
//! ```

use std::io;

use super::{Error, Result, Settings, Tls};

/// The port where none is named.
const PORT: &str = "6379";

/// Takes an address apart: `host:port` or a path, and the settings with what the address says besides.
pub(crate) fn read(address: &str, mut settings: Settings) -> Result<(String, Settings)> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Ok((address.to_owned(), settings));
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    match scheme {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => {
            settings.tls.get_or_insert_with(Tls::default);
        }
        "unix" | "redis+unix" => {
            for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                match pair.split_once('=') {
                    Some(("db", number)) => settings.database = database(number)?,
                    Some(("user", user)) => settings.user = Some(plain(user)?),
                    Some(("pass" | "password", word)) => settings.password = Some(plain(word)?),
                    _ => return Err(wrong("it says something unknown behind the ?")),
                }
            }
            return Ok((plain(rest)?, settings));
        }
        _ => return Err(wrong("its scheme is unknown")),
    }
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        settings.database = database(path)?;
    }
    let place = match place.rsplit_once('@') {
        None => place,
        Some((who, place)) => {
            let (user, password) = who.split_once(':').unwrap_or((who, ""));
            if !user.is_empty() {
                settings.user = Some(plain(user)?);
            }
            settings.password = Some(plain(password)?);
            place
        }
    };
    let has_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = if place.is_empty() { "127.0.0.1" } else { place };
    Ok((
        if has_port {
            host.to_owned()
        } else {
            format!("{host}:{PORT}")
        },
        settings,
    ))
}

fn database(number: &str) -> Result<u32> {
    number
        .parse()
        .map_err(|_| wrong("its database is no number"))
}

/// A word in which `%3A` stands for a colon.
fn plain(word: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return Err(wrong("two digits have to follow each %")),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is no text"))
}

fn wrong(reason: &str) -> Error {
    let text = format!("the address is not understood: {reason}");
    Error::Io(io::Error::new(io::ErrorKind::InvalidInput, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(address: &str) -> String {
        match read(address, Settings::default()) {
            Ok((place, settings)) => format!(
                "{place} {} {} {} {}",
                settings.user.unwrap_or_default(),
                settings.password.unwrap_or_default(),
                settings.database,
                if settings.tls.is_some() { "tls" } else { "" }
            )
            .trim_end()
            .to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("localhost:7000"), "localhost:7000   0");
        assert_eq!(parts("/run/a.sock"), "/run/a.sock   0");
        assert_eq!(parts("redis://"), "127.0.0.1:6379   0");
        assert_eq!(parts("redis://h"), "h:6379   0");
        assert_eq!(parts("redis://[::1]:7000/3"), "[::1]:7000   3");
        assert_eq!(parts("rediss://a%3Ab:p%40w@h:1/2"), "h:1 a:b p@w 2 tls");
        assert_eq!(parts("redis://:secret@h"), "h:6379  secret 0");
        assert_eq!(parts("unix:///run/a.sock?db=4&pass=x"), "/run/a.sock  x 4");
        for bad in [
            "http://h",
            "redis://h/x",
            "redis://%4:a@h",
            "redis://%zz:a@h",
            "unix:///a?b",
        ] {
            assert!(parts(bad).contains("is not understood"), "{bad}");
        }
    }
}
