//! What a person would type, and what the server answers: every file in `tests/transcripts` is played to an engine
//! in memory, with a clock that moves only when the transcript says so.
//!
//! ```text
//! # a remark
//! > SET key "some value"      a request of the session called "main"
//! +OK                         its reply, as the bytes say it
//! b> GET key                  a request of another session, called b
//! "some value"
//! @1500                       a second and a half passes
//! b<                          what b has received meanwhile
//! ```
//!
//! Replies are shown by type: `+simple`, `-error`, `:7`, `"string"`, `nil`, `,1.5`, `#t`; an aggregate shows its kind
//! and length (`*2`, `%1`, `~3`, `>3`) and its elements indented below. `UPDATE=1 cargo test --test transcripts`
//! writes what was answered into the files; read the difference before you keep it.
//!
//! Each file is played twice: as it is, and with the bytes of every request arriving seven at a time. Replies may not
//! depend on how bytes arrive.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pollux::base::slab::Id;
use pollux::base::text;
use pollux::base::time::Clock;
use pollux::commands;
use pollux::config::{Config, Permission};
use pollux::engine::Engine;
use pollux::engine::effects::Ask;

/// Noon of some day; transcripts may rely on it.
const START_MS: i64 = 1_700_000_000_000;

struct Play {
    engine: Engine,
    sessions: BTreeMap<String, Id>,
    bytes_at_once: usize,
}

impl Play {
    fn new(bytes_at_once: usize) -> Self {
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        let engine = Engine::new(config, commands::table(), Clock::manual(START_MS), 7);
        Self {
            engine,
            sessions: BTreeMap::new(),
            bytes_at_once,
        }
    }

    fn session(&mut self, name: &str) -> Id {
        if let Some(id) = self.sessions.get(name) {
            return *id;
        }
        let id = Id {
            index: self.sessions.len() as u32,
            generation: 1,
        };
        self.engine.open(id).about.address = format!("127.0.0.1:{}", 50_000 + id.index);
        self.sessions.insert(name.to_owned(), id);
        id
    }

    /// Sends a request and lets the engine run until nothing is left to do.
    fn send(&mut self, name: &str, words: &[Vec<u8>]) {
        let id = self.session(name);
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        for piece in bytes.chunks(self.bytes_at_once) {
            let Engine {
                sessions, inputs, ..
            } = &mut self.engine;
            let Some(session) = sessions.get_mut(id) else {
                return;
            };
            session.input.push(piece, inputs);
            self.engine.handle_inputs(&[id]);
        }
        self.rest();
    }

    /// What the shell would do between two turns.
    fn rest(&mut self) {
        self.engine.before_sleep();
        loop {
            self.engine.keyspace.garbage.clear();
            for ask in std::mem::take(&mut self.engine.fx.asks) {
                if let Ask::TellWhenFreed { waiting } = ask {
                    self.engine.answer_parked(waiting, Ok(()));
                }
            }
            let again = self.engine.take_again();
            if again.is_empty() {
                break;
            }
            self.engine.handle_inputs(&again);
            self.engine.before_sleep();
        }
        self.engine.sessions.to_close.clear();
        self.engine.sessions.with_output.clear();
    }

    fn pass(&mut self, ms: u64) {
        self.engine.clock.advance(ms);
        self.engine.refresh_time();
        self.rest();
    }

    fn received(&mut self, name: &str) -> String {
        let id = self.session(name);
        let bytes = self
            .engine
            .sessions
            .get_mut(id)
            .map(|session| session.output.take())
            .unwrap_or_default();
        let mut shown = String::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            show(&mut rest, 0, &mut shown);
        }
        shown
    }

    /// Plays a transcript and returns it with the replies that came.
    fn play(&mut self, script: &str) -> String {
        let mut played = String::new();
        for line in script.lines() {
            if line.is_empty() || line.starts_with('#') {
                writeln!(played, "{line}").unwrap();
            } else if let Some(ms) = line.strip_prefix('@') {
                writeln!(played, "{line}").unwrap();
                self.pass(ms.trim().parse().expect("milliseconds behind @"));
            } else if let Some((name, request)) = split_request(line) {
                writeln!(played, "{line}").unwrap();
                let words = text::split_args(request.as_bytes()).expect("balanced quotes");
                self.send(name, &words);
                assert!(
                    self.engine.keyspace.sizes_are_right(),
                    "sizes of values after {line}"
                );
                played.push_str(&self.received(name));
            } else if let Some(name) = line.strip_suffix('<') {
                writeln!(played, "{line}").unwrap();
                played.push_str(&self.received(if name.is_empty() { "main" } else { name }));
            }
        }
        played
    }
}

/// `b> GET key` is a request of session b, `> GET key` of main.
fn split_request(line: &str) -> Option<(&str, &str)> {
    let (name, request) = line.split_once("> ")?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase());
    is_name.then_some((if name.is_empty() { "main" } else { name }, request))
}

/// Shows one reply, and takes it off the bytes.
fn show(rest: &mut &[u8], depth: usize, shown: &mut String) {
    let end = rest
        .windows(2)
        .position(|two| two == b"\r\n")
        .expect("a reply has a line end");
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 2..];
    let indent = "  ".repeat(depth);
    let (kind, value) = line.split_at(1);
    match kind {
        "$" | "=" if value != "-1" => {
            let len: usize = value.parse().unwrap();
            let quoted = text::quote(&without_sizes(&rest[..len]));
            let mark = if kind == "=" { "=" } else { "" };
            writeln!(shown, "{indent}{mark}{}", String::from_utf8_lossy(&quoted)).unwrap();
            *rest = &rest[len + 2..];
        }
        "*" | "~" | ">" | "%" | "|" if value != "-1" => {
            writeln!(shown, "{indent}{line}").unwrap();
            let len: usize = value.parse().unwrap();
            let len = if kind == "%" || kind == "|" {
                len * 2
            } else {
                len
            };
            for _ in 0..len {
                show(rest, depth + 1, shown);
            }
        }
        "$" | "_" => writeln!(shown, "{indent}nil").unwrap(),
        "*" => writeln!(shown, "{indent}nil*").unwrap(),
        _ => writeln!(shown, "{indent}{line}").unwrap(),
    }
}

/// How much memory a session takes depends on how we lay out our structures, which is nothing to hold on to.
fn without_sizes(text: &[u8]) -> Vec<u8> {
    let names: [&[u8]; 3] = [b" tot-mem=", b" qbuf-free=", b"_max_input_buffer:"];
    let first_after = |at: usize| {
        let rest = &text[at..];
        names
            .iter()
            .filter(move |name| rest.starts_with(name))
            .map(move |name| at + name.len())
            .next()
    };
    let Some(end) = (0..text.len()).find_map(first_after) else {
        return text.to_vec();
    };
    let (before, rest) = text.split_at(end);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    [before, b"?", &without_sizes(&rest[digits..])].concat()
}

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

#[test]
fn every_transcript_is_answered_as_written() {
    let updates = std::env::var_os("UPDATE").is_some();
    let mut differing = Vec::new();
    for path in transcripts() {
        let expected = std::fs::read_to_string(&path).unwrap();
        for bytes_at_once in [usize::MAX, 7] {
            let played = Play::new(bytes_at_once).play(&expected);
            if played == expected {
                continue;
            }
            if updates && bytes_at_once == usize::MAX {
                std::fs::write(&path, &played).unwrap();
            } else {
                let line = played
                    .lines()
                    .zip(expected.lines())
                    .position(|(one, other)| one != other);
                let at = line.unwrap_or(played.lines().count().min(expected.lines().count()));
                let name = path.file_name().unwrap().to_string_lossy();
                differing.push(format!(
                    "{name}:{} (bytes at once: {bytes_at_once})\n  written:  {}\n  answered: {}",
                    at + 1,
                    expected.lines().nth(at).unwrap_or("(end)"),
                    played.lines().nth(at).unwrap_or("(end)")
                ));
            }
            break;
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
