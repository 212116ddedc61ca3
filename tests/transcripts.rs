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
//! > SET key 1                 lines that follow a request at once share its turn:
//! +> INCR key                 in the same packet, of the same session
//! &b> GET key                 in the same turn, of another session; `+>` below it adds to b's packet
//! +OK                         then comes what the session of the first line has received
//! :2
//! b<
//! "2"
//! ```
//!
//! A line with `+>` or `&name>` puts off everything that happens between turns: the requests from `>` or `name>` to the
//! last such line reach the engine in one call, each session's bytes in one piece. Sessions run in the order in which
//! they are named, each of them once.
//!
//! Replies are shown by type: `+simple`, `-error`, `:7`, `"string"`, `nil`, `,1.5`, `#t`; an aggregate shows its kind
//! and length (`*2`, `%1`, `~3`, `>3`) and its elements indented below. `UPDATE=1 cargo test --test transcripts`
//! writes what was answered into the files; read the difference before you keep it.
//!
//! Each file is played as it is, and once more for every other row of [`VARIANTS`]: a way in which bytes may arrive, or
//! limits that nobody would set and under which every answer must be the same. What is allowed to depend on limits is
//! marked in the transcript by a tilde, and is not compared where limits are changed:
//!
//! ```text
//! ~> OBJECT ENCODING key
//! "listpack"
//! ```
//!
//! The order of a reply needs no mark where the command's row in `spec` says that it means nothing.

#![allow(clippy::unwrap_used)]

mod driving;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pollux::Counting;
use pollux::testing::base::Id;
use pollux::testing::base::text;
use pollux::testing::config::{Config, Permission};
use pollux::testing::spec;
use pollux::testing::store;

use driving::driver::{Driver, request};

/// Without it there would be no memory in use, and no limit could be near.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Circumstances that no reply may depend on.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    /// Bytes of a packet that arrive together.
    bytes_at_once: usize,
    configure: fn(&mut Config),
    /// Tables divide a bucket with every element that comes, and join two with every one that goes.
    is_eager: bool,
    /// Tables rather get slower than larger.
    is_cramped: bool,
    snapshot: Snapshot,
    /// Memory in use is just below the limit, and nothing may be evicted.
    is_near_limit: bool,
    /// Lines with a tilde may differ.
    is_tuned: bool,
}

/// Snapshots for nobody, while the transcript is played.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Snapshot {
    Never,
    /// One begins before every turn and gets nowhere: whatever the turn changes is copied first.
    Begun,
    /// One after the other, a step a turn.
    Walked,
}

const AS_IT_IS: Variant = Variant {
    name: "as it is",
    bytes_at_once: usize::MAX,
    configure: |_| {},
    is_eager: false,
    is_cramped: false,
    snapshot: Snapshot::Never,
    is_near_limit: false,
    is_tuned: false,
};

const VARIANTS: [Variant; 10] = [
    AS_IT_IS,
    Variant {
        name: "seven bytes at a time",
        bytes_at_once: 7,
        ..AS_IT_IS
    },
    Variant {
        name: "tiny encodings",
        configure: tiny,
        is_tuned: true,
        ..AS_IT_IS
    },
    Variant {
        name: "huge encodings",
        configure: huge,
        is_tuned: true,
        ..AS_IT_IS
    },
    Variant {
        name: "tables that split with every element",
        is_eager: true,
        is_tuned: true,
        ..AS_IT_IS
    },
    Variant {
        name: "tables without room to grow",
        is_cramped: true,
        is_tuned: true,
        ..AS_IT_IS
    },
    Variant {
        name: "a snapshot before every turn",
        snapshot: Snapshot::Begun,
        ..AS_IT_IS
    },
    Variant {
        name: "a snapshot that walks a step a turn",
        snapshot: Snapshot::Walked,
        ..AS_IT_IS
    },
    Variant {
        name: "memory near its limit",
        is_near_limit: true,
        is_tuned: true,
        ..AS_IT_IS
    },
    Variant {
        name: "all of it",
        bytes_at_once: 7,
        configure: tiny,
        is_eager: true,
        is_cramped: false,
        snapshot: Snapshot::Walked,
        is_near_limit: true,
        is_tuned: true,
    },
];

/// Hardly anything fits a compact form.
fn tiny(config: &mut Config) {
    config.hash_max_listpack_entries = 1;
    config.hash_max_listpack_value = 2;
    config.list_max_listpack_size = 2;
    config.list_compress_depth = 1;
    config.set_max_intset_entries = 1;
    config.set_max_listpack_entries = 1;
    config.set_max_listpack_value = 2;
    config.zset_max_listpack_entries = 1;
    config.zset_max_listpack_value = 2;
    config.stream_node_max_entries = 2;
    config.hll_sparse_max_bytes = 0;
}

/// Everything does.
fn huge(config: &mut Config) {
    config.hash_max_listpack_entries = 100_000;
    config.hash_max_listpack_value = 100_000;
    config.list_max_listpack_size = 10_000;
    config.set_max_intset_entries = 100_000;
    config.set_max_listpack_entries = 100_000;
    config.set_max_listpack_value = 100_000;
    config.zset_max_listpack_entries = 100_000;
    config.zset_max_listpack_value = 100_000;
    config.stream_node_max_entries = 0;
    config.stream_node_max_bytes = 0;
    config.hll_sparse_max_bytes = 15_000;
}

/// How far a limit that is near is from what is used. What a turn takes before its last request is judged must fit.
const NEAR_BYTES: usize = 64 * 1024;

/// In what a reply may differ where limits are changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Freedom {
    None,
    Order,
    All,
}

/// A line or a turn of a transcript, with the replies that came.
struct Step {
    lines: String,
    replies: String,
    freedom: Freedom,
}

impl Step {
    fn silent(line: &str) -> Self {
        Self {
            lines: format!("{line}\n"),
            replies: String::new(),
            freedom: Freedom::None,
        }
    }

    /// Whether another variant has answered the same, as far as it must.
    fn agrees(&self, other: &Self, is_tuned: bool) -> bool {
        let sorted = |step: &Self| {
            let mut lines: Vec<String> = step.replies.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        match self.freedom {
            Freedom::All if is_tuned => true,
            Freedom::Order if is_tuned => sorted(self) == sorted(other),
            _ => self.replies == other.replies,
        }
    }
}

struct Play {
    driver: Driver,
    sessions: BTreeMap<String, Id>,
    /// In what the next replies to a session may differ.
    freedoms: BTreeMap<Id, Freedom>,
    variant: &'static Variant,
}

impl Play {
    fn new(variant: &'static Variant) -> Self {
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        (variant.configure)(&mut config);
        Self {
            driver: Driver::new(config, 7),
            sessions: BTreeMap::new(),
            freedoms: BTreeMap::new(),
            variant,
        }
    }

    /// The session of this name. One that has gone stays away.
    fn session(&mut self, name: &str) -> Id {
        if let Some(id) = self.sessions.get(name) {
            return *id;
        }
        let id = self.driver.connect();
        self.sessions.insert(name.to_owned(), id);
        id
    }

    /// Hands the packets of one turn to the engine and lets it run until nothing is left to do.
    fn send(&mut self, packets: &[Packet<'_>]) {
        let group: Vec<Id> = (packets.iter())
            .map(|packet| self.session(packet.from))
            .collect();
        for (packet, id) in packets.iter().zip(&group) {
            let freedom = self.freedoms.entry(*id).or_insert(Freedom::None);
            *freedom = packet.freedom.max(*freedom);
        }
        self.begin_turn(packets);
        if self.variant.bytes_at_once == usize::MAX {
            for (packet, id) in packets.iter().zip(&group) {
                self.driver.push(*id, &packet.bytes);
            }
            self.come_near_limit();
            self.driver.turn(&group);
        } else {
            // In pieces, but session after session: who runs first does not depend on the length of a packet.
            for (packet, id) in packets.iter().zip(&group) {
                for piece in packet.bytes.chunks(self.variant.bytes_at_once) {
                    self.driver.push(*id, piece);
                    self.come_near_limit();
                    self.driver.turn(&[*id]);
                }
            }
        }
        self.driver.rest();
        self.assert_sizes(packets);
    }

    fn assert_sizes(&mut self, packets: &[Packet<'_>]) {
        let last = packets.last().expect("a turn has a packet");
        let fault = self.driver.engine.inside().fault();
        let after = || text::quote(&last.bytes).escape_ascii().to_string();
        assert!(fault.is_none(), "{fault:?} after {}", after());
    }

    /// Makes of the variant's snapshot what it shall be when a turn begins.
    fn begin_turn(&mut self, packets: &[Packet<'_>]) {
        let mut engine = self.driver.engine.inside();
        let is_wanted = packets.iter().all(|packet| !packet.takes_snapshot);
        match self.variant.snapshot {
            Snapshot::Never => {}
            Snapshot::Walked if is_wanted => engine.walk_snapshot(),
            Snapshot::Begun if is_wanted => {
                engine.give_up_snapshot();
                engine.begin_snapshot();
            }
            Snapshot::Begun | Snapshot::Walked => engine.give_up_snapshot(),
        }
    }

    fn come_near_limit(&mut self) {
        let engine = &mut self.driver.engine;
        if self.variant.is_near_limit {
            engine.inside().config().maxmemory = (store::used_memory() + NEAR_BYTES) as u64;
        }
        if self.variant.is_cramped {
            engine.inside().leave_no_room();
        }
    }

    fn pass(&mut self, ms: u64) {
        // A save of its own may become due.
        if self.variant.snapshot != Snapshot::Never {
            self.driver.engine.inside().give_up_snapshot();
        }
        self.driver.pass(ms);
    }

    /// What a session has received, as text, and in what that may differ.
    fn received(&mut self, name: &str) -> (String, Freedom) {
        let id = self.session(name);
        let bytes = self.driver.received(id);
        let mut shown = String::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            show(&mut rest, 0, &mut shown);
        }
        (shown, self.freedoms.remove(&id).unwrap_or(Freedom::None))
    }

    /// Plays a transcript and returns it with the replies that came.
    fn play(&mut self, script: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut lines = script.lines().peekable();
        while let Some(line) = lines.next() {
            // A yes or no in RESP3 is no remark.
            let is_remark = line.starts_with('#') && line != "#t" && line != "#f";
            if line.is_empty() || is_remark {
                steps.push(Step::silent(line));
            } else if let Some(ms) = line.strip_prefix('@') {
                self.pass(ms.trim().parse().expect("milliseconds behind @"));
                steps.push(Step::silent(line));
            } else if let Some((from, request)) = split_request(line.trim_start_matches('~')) {
                let mut step = Step::silent(line);
                let mut packets = vec![Packet::new(from, request)];
                if line.starts_with('~') {
                    packets[0].freedom = Freedom::All;
                }
                while let Some(line) = lines.next_if(|line| Packet::add(&mut packets, line)) {
                    writeln!(step.lines, "{line}").unwrap();
                }
                self.send(&packets);
                (step.replies, step.freedom) = self.received(from);
                steps.push(step);
            } else if let Some(name) = line.strip_suffix('<') {
                let mut step = Step::silent(line);
                (step.replies, step.freedom) =
                    self.received(if name.is_empty() { "main" } else { name });
                steps.push(step);
            } else {
                let is_misplaced = line.starts_with("+> ") || line.starts_with('&');
                assert!(!is_misplaced, "not below a request: {line}");
            }
        }
        steps
    }
}

/// What one session sends in one turn.
struct Packet<'a> {
    from: &'a str,
    bytes: Vec<u8>,
    freedom: Freedom,
    /// One of the requests takes a snapshot itself, of which there is one at a time.
    takes_snapshot: bool,
}

impl<'a> Packet<'a> {
    fn new(from: &'a str, request: &str) -> Self {
        let mut packet = Self {
            from,
            bytes: Vec::new(),
            freedom: Freedom::None,
            takes_snapshot: false,
        };
        packet.push(request);
        packet
    }

    fn push(&mut self, line: &str) {
        let words = text::split_args(line.as_bytes()).expect("balanced quotes");
        self.bytes.extend(request(&words));
        let name = words[0].to_ascii_lowercase();
        self.takes_snapshot |= name.starts_with(b"bg");
        let row = spec::all().find(|row| row.name.as_bytes() == name);
        if row.is_some_and(|row| row.tips.contains(&"nondeterministic_output_order")) {
            self.freedom = self.freedom.max(Freedom::Order);
        }
    }

    /// Adds a line to the turn, if it is one that belongs to the turn of the line above.
    fn add(packets: &mut Vec<Self>, line: &'a str) -> bool {
        if let Some(request) = line.strip_prefix("+> ") {
            packets
                .last_mut()
                .expect("a turn begins with a request")
                .push(request);
        } else if let Some((from, request)) = line.strip_prefix('&').and_then(split_request) {
            let is_new = packets.iter().all(|packet| packet.from != from);
            assert!(is_new, "{from} has spoken in this turn: {line}");
            packets.push(Self::new(from, request));
        } else {
            return false;
        }
        true
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
        let written = std::fs::read_to_string(&path).unwrap();
        let steps = play(&VARIANTS[0], &written);
        let answered: String = (steps.iter())
            .flat_map(|step| [step.lines.as_str(), &step.replies])
            .collect();
        let name = path.file_name().unwrap().to_string_lossy();
        if updates && answered != written {
            std::fs::write(&path, &answered).unwrap();
        } else if answered != written {
            differing.push(first_difference(&name, &written, &answered));
            continue;
        }
        for variant in &VARIANTS[1..] {
            let others = play(variant, &written);
            let differs = |(step, other): &(&Step, &Step)| !step.agrees(other, variant.is_tuned);
            for (step, other) in steps.iter().zip(&others).filter(differs) {
                differing.push(format!(
                    "{name}, {}:\n{}  as it is:\n{}  but:\n{}",
                    variant.name, step.lines, step.replies, other.replies
                ));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn play(variant: &'static Variant, script: &str) -> Vec<Step> {
    store::set_eager(variant.is_eager);
    let steps = Play::new(variant).play(script);
    store::set_eager(false);
    steps
}

fn first_difference(name: &str, written: &str, answered: &str) -> String {
    let mut pairs = written.lines().zip(answered.lines());
    let shorter = written.lines().count().min(answered.lines().count());
    let at = pairs
        .position(|(one, other)| one != other)
        .unwrap_or(shorter);
    format!(
        "{name}:{}\n  written:  {}\n  answered: {}",
        at + 1,
        written.lines().nth(at).unwrap_or("(end)"),
        answered.lines().nth(at).unwrap_or("(end)")
    )
}
