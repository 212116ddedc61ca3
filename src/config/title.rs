//! The process's title, as `ps` shows it, from its template.
//!
//! A template is text with names in braces; two opening braces stand for one. It is expanded when the server starts and
//! whenever something it names changes.

use super::values::Reason;

/// The parts that a template may name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts<'a> {
    /// The program, by its absolute path.
    pub(crate) title: &'a [u8],
    /// `127.0.0.1:6379`, `*:6379`, or the Unix socket where there is no TCP.
    pub(crate) listen_addr: &'a [u8],
    /// `[cluster]`, `[sentinel]` or nothing.
    pub(crate) server_mode: &'a [u8],
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) unixsocket: &'a [u8],
    pub(crate) config_file: &'a [u8],
}

impl Parts<'_> {
    fn named(&self, name: &[u8]) -> Option<Vec<u8>> {
        Some(match name {
            b"title" => self.title.to_vec(),
            b"listen-addr" => self.listen_addr.to_vec(),
            b"server-mode" => self.server_mode.to_vec(),
            b"port" => self.port.to_string().into_bytes(),
            b"tls-port" => self.tls_port.to_string().into_bytes(),
            b"unixsocket" => self.unixsocket.to_vec(),
            b"config-file" if self.config_file.is_empty() => b"-".to_vec(),
            b"config-file" => self.config_file.to_vec(),
            _ => return None,
        })
    }
}

/// The title, without spaces at either end; `None` if the template names something unknown or leaves a brace open.
pub(crate) fn expand(template: &[u8], parts: &Parts<'_>) -> Option<Vec<u8>> {
    let mut title = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.iter().position(|byte| *byte == b'{') {
        title.extend_from_slice(&rest[..brace]);
        rest = &rest[brace + 1..];
        if rest.first() == Some(&b'{') {
            title.push(b'{');
            rest = &rest[1..];
            continue;
        }
        let end = rest.iter().position(|byte| *byte == b'}')?;
        title.extend_from_slice(&parts.named(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    title.extend_from_slice(rest);
    Some(title.trim_ascii().to_vec())
}

/// Whether a template can be used: its names are known, and a title would remain even of a server that has none.
pub(crate) fn check(template: &[u8]) -> Result<(), Reason> {
    let parts = Parts {
        listen_addr: b"*",
        ..Parts::default()
    };
    match expand(template, &parts) {
        Some(title) if !title.is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_the_ends_are_trimmed() {
        let parts = Parts {
            title: b"/bin/pollux",
            listen_addr: b"*:6379",
            port: 6379,
            ..Parts::default()
        };
        let expanded = |template: &str| {
            expand(template.as_bytes(), &parts).map(|title| String::from_utf8(title).unwrap())
        };
        assert_eq!(
            expanded("{title} {listen-addr} {server-mode}").as_deref(),
            Some("/bin/pollux *:6379")
        );
        assert_eq!(
            expanded("x {port}/{tls-port} {config-file}").as_deref(),
            Some("x 6379/0 -")
        );
        assert_eq!(expanded("{{title} }").as_deref(), Some("{title} }"));
        assert_eq!(expanded("{nothing}"), None);
        assert_eq!(expanded("{title"), None);
    }

    #[test]
    fn a_template_must_leave_something_to_show() {
        for good in [
            "abc",
            "title}",
            "{{title}}",
            "{listen-addr}",
            "{port}",
            "--my--title",
        ] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "   ",
            "{title}",
            "{server-mode}",
            "{}",
            "{TITLE}",
            "{title",
            "a {b}",
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
