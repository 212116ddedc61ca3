//! Who may see the page: the checks that every request passes.
//!
//! Three doors, and what each keeps out:
//!
//! ```text
//!  Host     a name that leads here by somebody else's doing (DNS rebinding): a site may let its own name
//!           point at 127.0.0.1, and then the browser thinks that we are that site
//!  Origin   a page of another site that sends a request here behind the reader's back (CSRF)
//!  secret   everybody else, once the page can be reached from other machines or the data has a password
//! ```
//!
//! The secret is the token of the configuration, as a bearer or as a cookie, or name and password of a user who may run
//! INFO. A request that knows it may come under any host name: a browser that was lured here under a foreign one has no
//! cookie for it.

use super::http::{Request, Status};

/// What is asked of a request.
pub(super) struct Guard<'a> {
    /// Empty: there is none.
    pub(super) token: &'a [u8],
    pub(super) needs_secret: bool,
}

/// The name of the cookie that keeps the token.
pub(super) const COOKIE: &str = "pollux_page";

impl Guard<'_> {
    /// Whether the request is answered. `is_user` judges a name and a password.
    pub(super) fn admit(
        &self,
        request: &Request<'_>,
        is_user: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Status> {
        let host = request.header("host").unwrap_or_default();
        if !is_same_origin(request, host) {
            return Err(Status::Forbidden);
        }
        if self.knows_secret(request, is_user) {
            return Ok(());
        }
        if !is_own_host(host) {
            return Err(Status::Forbidden);
        }
        if self.needs_secret {
            return Err(Status::Unauthorized);
        }
        Ok(())
    }

    fn knows_secret(
        &self,
        request: &Request<'_>,
        is_user: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> bool {
        let cookie = request.cookie(COOKIE);
        if cookie.is_some_and(|cookie| self.is_token(cookie)) {
            return true;
        }
        let Some(credentials) = request.header("authorization") else {
            return false;
        };
        let Some(at) = credentials.iter().position(|byte| *byte == b' ') else {
            return false;
        };
        let (scheme, rest) = (&credentials[..at], credentials[at..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return self.is_token(rest);
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return false;
        }
        let pair = base64(rest).unwrap_or_default();
        match pair.iter().position(|byte| *byte == b':') {
            Some(colon) => is_user(&pair[..colon], &pair[colon + 1..]),
            None => false,
        }
    }

    /// Compares in a time that does not tell where the first difference is.
    pub(super) fn is_token(&self, word: &[u8]) -> bool {
        let differences = word
            .iter()
            .zip(self.token)
            .fold(0, |sum, (one, other)| sum | (one ^ other));
        !self.token.is_empty() && word.len() == self.token.len() && differences == 0
    }
}

/// Whether a browser says that the request was made by a page of ours, or by a person. Other programs say nothing.
fn is_same_origin(request: &Request<'_>, host: &[u8]) -> bool {
    let from_elsewhere = [b"cross-site".as_slice(), b"same-site"];
    if let Some(site) = request.header("sec-fetch-site")
        && from_elsewhere.contains(&site)
        // Following a link is a person's doing, and shows the page and nothing else.
        && !(request.header("sec-fetch-mode") == Some(b"navigate") && request.path == "/")
    {
        return false;
    }
    let Some(origin) = request.header("origin") else {
        return true;
    };
    let name = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    name.is_some_and(|name| name.eq_ignore_ascii_case(host))
}

/// Whether a host is named in a way that nobody else can make point here: by an address, or as this machine.
fn is_own_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    if host.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if bare.unwrap_or(host).parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    name.eq_ignore_ascii_case("localhost") && port.parse::<u16>().is_ok()
}

/// The bytes that are written so; padding may be missing.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for &digit in text.iter().take_while(|digit| **digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::http::parse;
    use super::*;

    const OPEN: Guard<'_> = Guard {
        token: b"",
        needs_secret: false,
    };
    const SHUT: Guard<'_> = Guard {
        token: b"sesame",
        needs_secret: true,
    };

    fn ask(guard: &Guard<'_>, path: &str, headers: &str) -> Result<(), Status> {
        let text = format!("GET {path} HTTP/1.1\r\n{headers}\r\n");
        let (request, _) = parse(text.as_bytes()).expect("good").expect("whole");
        guard.admit(&request, &mut |name, password| {
            (name, password) == (b"ann", b"p:w")
        })
    }

    #[test]
    fn a_host_is_an_address_or_this_machine() {
        for host in [
            "127.0.0.1:6380",
            "127.0.0.1",
            "[::1]:80",
            "[::1]",
            "localhost:1",
            "LOCALHOST",
            "10.0.0.9",
        ] {
            assert_eq!(
                ask(&OPEN, "/", &format!("Host: {host}\r\n")),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "localhost.evil.example:6380",
            "127.0.0.1.nip.io",
            "",
            "localhost:x",
        ] {
            let refused = ask(&OPEN, "/", &format!("Host: {host}\r\n"));
            assert_eq!(refused, Err(Status::Forbidden), "{host}");
        }
        assert_eq!(
            ask(&OPEN, "/", ""),
            Err(Status::Forbidden),
            "no host at all"
        );
    }

    #[test]
    fn pages_of_other_sites_are_not_answered() {
        let here = "Host: 127.0.0.1:6380\r\n";
        let with = |path, line: &str| ask(&OPEN, path, &format!("{here}{line}\r\n"));
        assert_eq!(with("/metrics", "Origin: http://127.0.0.1:6380"), Ok(()));
        for origin in [
            "http://evil.example",
            "http://127.0.0.1:80",
            "null",
            "file://127.0.0.1:6380",
        ] {
            let refused = with("/metrics", &format!("Origin: {origin}"));
            assert_eq!(refused, Err(Status::Forbidden), "{origin}");
        }
        assert_eq!(
            with("/metrics", "Sec-Fetch-Site: cross-site"),
            Err(Status::Forbidden)
        );
        assert_eq!(with("/metrics", "Sec-Fetch-Site: same-origin"), Ok(()));
        let link = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate";
        assert_eq!(with("/", link), Ok(()));
        assert_eq!(with("/events", link), Err(Status::Forbidden));
    }

    #[test]
    fn a_secret_opens_the_page() {
        let with = |line: &str| ask(&SHUT, "/", &format!("Host: 10.0.0.9:6380\r\n{line}\r\n"));
        assert_eq!(with("X: y"), Err(Status::Unauthorized));
        assert_eq!(with("Authorization: Bearer sesame"), Ok(()));
        assert_eq!(
            with("Authorization: Bearer sesamE"),
            Err(Status::Unauthorized)
        );
        assert_eq!(
            with("Authorization: Bearer sesame2"),
            Err(Status::Unauthorized)
        );
        assert_eq!(with("Authorization: Bearer"), Err(Status::Unauthorized));
        assert_eq!(with("Cookie: pollux_page=sesame"), Ok(()));
        assert_eq!(with("Authorization: Basic YW5uOnA6dw=="), Ok(()));
        assert_eq!(
            with("Authorization: Basic YW5uOnA6dg=="),
            Err(Status::Unauthorized)
        );
        assert_eq!(with("Authorization: Basic *"), Err(Status::Unauthorized));
        let by_name = "Host: redis.internal:6380\r\nAuthorization: Bearer sesame\r\n";
        assert_eq!(ask(&SHUT, "/", by_name), Ok(()));
        let foreign = format!("Origin: http://evil.example\r\n{by_name}");
        assert_eq!(ask(&SHUT, "/", &foreign), Err(Status::Forbidden));
    }
}
