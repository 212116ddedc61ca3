//! The first line of a script, where it says what it needs: `#!lua flags=no-writes,allow-oom`.

use crate::base::text::split_args;

/// What a script says of itself. Without a first line of this kind a script says nothing and is trusted with all: it
/// may write, and the limits of memory hold for each of its commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// There was such a line.
    pub(crate) is_said: bool,
    pub(crate) no_writes: bool,
    pub(crate) allow_oom: bool,
    pub(crate) allow_stale: bool,
    pub(crate) no_cluster: bool,
    pub(crate) allow_cross_slot_keys: bool,
}

impl Flags {
    /// Of one who says something of itself, before it has said any.
    pub(super) fn said() -> Self {
        Self {
            is_said: true,
            ..Self::default()
        }
    }

    /// Sets the flag of that name. Returns whether there is one.
    pub(super) fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// The names of those that are set, in Redis's order.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
        ];
        all.into_iter()
            .filter_map(|(is_set, name)| is_set.then_some(name))
    }
}

/// What a script says of itself, if it can be understood.
pub(crate) fn flags_in(text: &[u8]) -> Option<Flags> {
    read(text).ok().map(|(flags, _)| flags)
}

/// Reads the line, if there is one. Returns also the code, from the end of that line on, so that lines keep their
/// numbers.
pub(super) fn read(body: &[u8]) -> Result<(Flags, &[u8]), Vec<u8>> {
    if !body.starts_with(b"#!") {
        return Ok((Flags::default(), body));
    }
    let Some(end) = body.iter().position(|&byte| byte == b'\n') else {
        return Err(b"ERR Invalid script shebang".to_vec());
    };
    // Words are told apart as on redis-cli's line, in the first line of a library (`functions::metadata`), too.
    let words = split_args(&body[..end]).unwrap_or_default();
    let Some((engine, words)) = words.split_first() else {
        return Err(b"ERR Invalid engine in script shebang".to_vec());
    };
    if engine != b"#!lua" {
        return Err([
            b"ERR Unexpected engine in script shebang: ".as_slice(),
            engine,
        ]
        .concat());
    }
    let mut flags = Flags::said();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ".as_slice(), word].concat());
        };
        for flag in list.split(|&byte| byte == b',') {
            if !flag.is_empty() && !flags.set(flag) {
                return Err([b"ERR Unexpected flag in script shebang: ", flag].concat());
            }
        }
    }
    Ok((flags, &body[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        let text = read(body.as_bytes()).expect_err(body);
        String::from_utf8(text).expect("it is quoted from text")
    }

    #[test]
    fn flags_are_read_and_lines_keep_their_numbers() {
        let (flags, code) = read(b"return 1").expect("there is no such line");
        assert_eq!((flags, code), (Flags::default(), b"return 1".as_slice()));
        let (flags, code) = read(b"#!lua flags=no-writes,allow-oom\nreturn 1").expect("a good one");
        assert!(flags.is_said && flags.no_writes && flags.allow_oom && !flags.allow_stale);
        assert_eq!(code, b"\nreturn 1");
        let (flags, _) = read(b"#!lua\n").expect("no flags");
        assert!(flags.is_said && !flags.no_writes);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(refusal("#!lua"), "ERR Invalid script shebang");
        assert_eq!(
            refusal("#!js\n"),
            "ERR Unexpected engine in script shebang: #!js"
        );
        assert_eq!(
            refusal("#!lua name=x\n"),
            "ERR Unknown lua shebang option: name=x"
        );
        assert_eq!(
            refusal("#!lua flags=x\n"),
            "ERR Unexpected flag in script shebang: x"
        );
        assert_eq!(
            refusal("#!lua flags=x\r\n"),
            "ERR Unexpected flag in script shebang: x"
        );
        assert_eq!(
            refusal("#!lua \"flags\n"),
            "ERR Invalid engine in script shebang"
        );
        let (flags, _) = read(b"#!lua \"flags=no-writes\"\r\n").expect("a good one");
        assert!(flags.no_writes);
    }
}
