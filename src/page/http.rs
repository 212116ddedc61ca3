//! HTTP/1.1, as much of it as a page needs: one request off the front of the bytes that came, and the head of a reply.
//!
//! ```text
//!  GET /metrics HTTP/1.1\r\n         ->  Request { method, path, query, headers, body }
//!  Host: 127.0.0.1:6380\r\n\r\n          and how many bytes it took
//! ```
//!
//! What comes from outside is bounded: the length of a head and of a body, the number of headers. A request that goes
//! beyond is answered with its status and the connection is closed, since nobody can tell where the next one begins.
//! Bodies have a length; pieces of unknown number (`Transfer-Encoding`) are refused, so that no proxy in front can
//! disagree with us about where a request ends.
//!
//! Not known here: which paths there are, and who may ask.

use std::fmt::Write as _;

/// Room for the request line and the headers. Browsers send less than two kilobytes.
pub(super) const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A command typed at the prompt.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// The statuses that we reply with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Fine,
    SeeOther,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooSlow,
    LengthRequired,
    TooLarge,
    TooManyRequests,
    HeadTooLarge,
    NotPossible,
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Fine => "200 OK",
            Status::SeeOther => "303 See Other",
            Status::BadRequest => "400 Bad Request",
            Status::Unauthorized => "401 Unauthorized",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::TooSlow => "408 Request Timeout",
            Status::LengthRequired => "411 Length Required",
            Status::TooLarge => "413 Content Too Large",
            Status::TooManyRequests => "429 Too Many Requests",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::NotPossible => "505 HTTP Version Not Supported",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    /// As `Get`, and the reply has no body.
    Head,
    Post,
    Other,
}

/// A whole request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    /// Behind the question mark.
    pub(super) query: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
    pub(super) body: &'a [u8],
    /// The connection ends after the reply.
    pub(super) is_last: bool,
}

impl<'a> Request<'a> {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut all = self.headers_named(name);
        all.next()
    }

    fn headers_named(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// The value of a word of the query.
    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The value of a cookie.
    pub(super) fn cookie(&self, name: &str) -> Option<&'a [u8]> {
        self.headers_named("cookie")
            .flat_map(|line| line.split(|byte| *byte == b';'))
            .map(<[u8]>::trim_ascii)
            .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// Takes the first request off `bytes`: itself and its length, or nothing as long as it is not all there.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Request<'_>, usize)>, Status> {
    let mut room = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut room);
    let head_bytes = match head.parse(bytes) {
        Ok(httparse::Status::Complete(count)) if count <= HEAD_BYTES_MAX => count,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(Status::NotPossible),
        Err(_) => return Err(Status::BadRequest),
    };
    let target = head.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = head.headers.iter();
    let mut request = Request {
        method: match head.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            Some("POST") => Method::Post,
            _ => Method::Other,
        },
        path,
        query,
        headers: headers.map(|header| (header.name, header.value)).collect(),
        body: &[],
        is_last: false,
    };
    request.is_last = match request.header("connection") {
        Some(wish) if has_word(wish, b"close") => true,
        Some(wish) => head.version == Some(0) && !has_word(wish, b"keep-alive"),
        None => head.version == Some(0),
    };
    let body_bytes = body_bytes(&request)?;
    let Some(body) = bytes.get(head_bytes..head_bytes + body_bytes) else {
        return Ok(None);
    };
    request.body = body;
    Ok(Some((request, head_bytes + body_bytes)))
}

fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',')
        .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(word))
}

fn body_bytes(request: &Request<'_>) -> Result<usize, Status> {
    if request.header("transfer-encoding").is_some() {
        return Err(Status::LengthRequired);
    }
    let mut lengths = request.headers_named("content-length");
    let Some(length) = lengths.next() else {
        return Ok(0);
    };
    if lengths.any(|other| other != length) || !length.iter().all(u8::is_ascii_digit) {
        return Err(Status::BadRequest);
    }
    let text = std::str::from_utf8(length).unwrap_or_default();
    match text.parse::<usize>() {
        Ok(count) if count <= BODY_BYTES_MAX => Ok(count),
        // A number that is too large for us is too large.
        _ if !text.is_empty() => Err(Status::TooLarge),
        _ => Err(Status::BadRequest),
    }
}

/// The head of a reply whose body has a known length.
pub(super) fn head(status: Status, kind: &str, body_bytes: usize, further: &str) -> String {
    let mut text = start(status, kind);
    // Writing to a string cannot fail.
    let _ = write!(text, "Content-Length: {body_bytes}\r\n{further}\r\n");
    text
}

/// The head of a reply that goes on until somebody hangs up.
pub(super) fn stream_head() -> String {
    let mut text = start(Status::Fine, "text/event-stream");
    text.push_str("Connection: close\r\nX-Accel-Buffering: no\r\n\r\n");
    text
}

/// What every reply says: that it is of now, and that the page is on its own. Nothing may be loaded from elsewhere, no
/// other site may show it in a frame or read it, and it tells none where a link was followed from.
fn start(status: Status, kind: &str) -> String {
    format!(
        "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nCache-Control: no-store\r\n{SHUT}",
        status.line()
    )
}

const SHUT: &str = "Content-Security-Policy: default-src 'self'; img-src 'self' data:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    X-Frame-Options: DENY\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> Status {
        parse(bytes).expect_err("it is to be refused")
    }

    #[test]
    fn requests_come_whole_or_not_at_all() {
        let text =
            b"POST /prompt?viewer=3&x= HTTP/1.1\r\nHost: a\r\nCookie: b=1; page=two; c=3\r\n\
                     Content-Length: 4\r\n\r\nPINGGET / HTTP/1.0\r\n\r\n";
        let first = text.len() - 18;
        for short in 0..first {
            assert!(
                parse(&text[..short]).expect("so far good").is_none(),
                "{short}"
            );
        }
        let (request, length) = parse(text).expect("good").expect("whole");
        assert_eq!(length, first);
        assert_eq!((request.method, request.path), (Method::Post, "/prompt"));
        assert_eq!(
            (request.word("viewer"), request.word("y")),
            (Some("3"), None)
        );
        assert_eq!(request.cookie("page"), Some(b"two".as_slice()));
        assert_eq!(request.cookie("pag"), None);
        assert_eq!(request.body, b"PING");
        assert!(!request.is_last);
        let (request, _) = parse(&text[first..]).expect("good").expect("whole");
        assert!(request.is_last, "HTTP/1.0 hangs up unless asked not to");
    }

    #[test]
    fn what_is_too_large_or_unclear_is_refused() {
        let long = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; HEAD_BYTES_MAX]].concat();
        assert_eq!(refused(&long), Status::HeadTooLarge);
        let whole = [&long, b"\r\n\r\n".as_slice()].concat();
        assert_eq!(refused(&whole), Status::HeadTooLarge);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert_eq!(refused(many.as_bytes()), Status::HeadTooLarge);
        let with = |header: &str| format!("POST / HTTP/1.1\r\n{header}\r\n\r\n").into_bytes();
        let large = "Content-Length: 99999999999999999999999";
        assert_eq!(refused(&with(large)), Status::TooLarge);
        assert_eq!(refused(&with("Content-Length: 1000000")), Status::TooLarge);
        assert_eq!(refused(&with("Content-Length: +1")), Status::BadRequest);
        assert_eq!(refused(&with("Content-Length:")), Status::BadRequest);
        let two = "Content-Length: 1\r\nContent-Length: 2";
        assert_eq!(refused(&with(two)), Status::BadRequest);
        let pieces = "Transfer-Encoding: chunked";
        assert_eq!(refused(&with(pieces)), Status::LengthRequired);
        assert_eq!(refused(b"GET / HTTP/2.0\r\n\r\n"), Status::NotPossible);
        assert_eq!(refused(b"*1\r\n$4\r\nPING\r\n"), Status::BadRequest);
    }
}
