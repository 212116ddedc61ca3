//! The house rules that a machine can check.
//!
//! Each rule reads the source as text and answers with sentences: where, what is wrong, and what to do instead. A small
//! lexer blanks comments and the insides of strings first, so that a rule about code never trips over prose. Each rule
//! is also shown snippets that break it, in `tidy/failing.rs`.
//!
//! Not known here: what the code means. A rule that would need types belongs to clippy.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use lexer::{blank_prose, words};
use prose::width;
use walls::{files_and_threads, function_length, length};

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/commands.rs"]
mod commands;
#[path = "tidy/failing.rs"]
mod failing;
#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/prose.rs"]
mod prose;
#[path = "tidy/walls.rs"]
mod walls;

// ---------------------------------------------------------------------------------------------- what the house allows

/// Who may know whom: a room imports only from tiers below its own, never from its own tier.
const TIERS: &[&[&str]] = &[
    &["base"],
    &["tls"],
    &["store", "wire", "spec", "reactor"],
    &["types", "client"],
    &["keyspace"],
    SERVICES,
    &["engine"],
    &["commands"],
    &["server", "check", "lab", "bench", "page"],
    &["testing"],
    &["main"],
];

const SERVICES: &[&str] = &[
    "config",
    "persist",
    "background",
    "acl",
    "pubsub",
    "tracking",
    "blocking",
    "watch",
    "repl",
    "script",
    "observe",
];

/// Pairs that may look sideways. The server's own loop serves the page, so the shell has to hold it.
const SIDEWAYS: &[(&str, &str)] = &[("server", "page")];

/// Rooms that know less than their place would allow: the client must serve programs that have no server in them, the
/// lab shows that the loop carries programs that know nothing of Redis, the generator of load measures any server, the
/// page is told facts and asks for nothing else, and the checker knows files and no server.
const NARROW: &[(&str, &[&str])] = &[
    ("client", &["base", "wire", "tls"]),
    ("lab", &["base", "wire", "reactor", "client"]),
    (
        "bench",
        &["base", "tls", "wire", "reactor", "client", "observe"],
    ),
    ("page", &["base", "store", "observe", "reactor"]),
    (
        "check",
        &[
            "base", "store", "types", "config", "persist", "observe", "engine",
        ],
    ),
];

/// Where `unsafe` may stand: the store, and the seat on Lua's C API.
const UNSAFE_ALLOWED: &[&str] = &["src/store/", "src/script/seat/"];

/// Crates that belong to one room, by the name they have in code.
const OWNED_CRATES: &[(&str, &str)] = &[
    ("mio", "src/reactor/"),
    ("socket2", "src/reactor/"),
    ("signal_hook", "src/reactor/"),
    ("signal_hook_mio", "src/reactor/"),
    ("tikv_jemalloc_sys", "src/store/"),
    ("getrandom", "src/base/"),
    ("mlua", "src/script/"),
    ("sha2", "src/acl/"),
    ("subtle", "src/acl/"),
    ("rustls", "src/tls/"),
    ("pkcs8", "src/tls/"),
    ("httparse", "src/page/"),
];

/// Who may read the system's clocks.
const CLOCKS_ALLOWED: &[&str] = &[
    "src/base/time.rs",
    "src/base/time/",
    "src/store/tsc.rs",
    "src/reactor/tests/",
];

/// Who may touch sockets, and what else belongs to one system. Everything else gets bytes and gives back jobs.
/// Addresses as plain data (`IpAddr`, `SocketAddr`) are fine anywhere. Files and threads are in `walls`.
const NET_AND_OS_ALLOWED: &[&str] = &[
    "src/server/",
    "src/check/",
    "src/lab/",
    "src/bench/",
    "src/client/",
    "src/page/",
    "src/reactor/",
    "src/config/",
    "src/persist/",
    "src/observe/logging.rs",
];

/// The rooms that treat all commands alike.
const ALIKE: &[&str] = &["src/engine/", "src/keyspace/"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "misc", "common"];

// -------------------------------------------------------------------------------------------------------- the rules

/// What one rule has to say about one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    sentence: String,
}

/// A source file, and the same text with comments and strings blanked, line for line.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blank_prose(text),
        }
    }

    fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            self.path == *place || place.ends_with('/') && self.path.starts_with(place)
        })
    }

    fn at(&self, offset: usize, sentence: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line: self.code[..offset].matches('\n').count() + 1,
            sentence: sentence.into(),
        }
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|ending| ending == "rs")
    }

    /// The room a file belongs to: the first word of its path below `src`.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside
            .split('/')
            .next()
            .unwrap_or(inside)
            .trim_end_matches(".rs")
    }
}

type Rule = fn(&Source) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("layers", layers),
    ("unsafe", unsafe_code),
    ("essays", essays),
    ("owned crates", owned_crates),
    ("clocks", clocks),
    ("net and os", net_and_os),
    ("files and threads", files_and_threads),
    ("unfinished", unfinished),
    ("names", names),
    ("names of commands", names_of_commands),
    ("length", length),
    ("length of functions", function_length),
    ("width", width),
    ("whitespace", whitespace),
];

fn tier_of(room: &str) -> Option<usize> {
    TIERS.iter().position(|tier| tier.contains(&room))
}

/// Import only from rooms further right; rooms of one tier never import each other.
fn layers(source: &Source) -> Vec<Finding> {
    let room = source.room();
    if room == "lib" || room == "main" {
        return Vec::new();
    }
    let Some(tier) = tier_of(room) else {
        return vec![source.at(
            0,
            format!("the room `{room}` has no place in the layers; give it one in tests/tidy.rs and STYLE's map"),
        )];
    };
    let mut findings = Vec::new();
    for (offset, target) in rooms_named(source) {
        if target == room || SIDEWAYS.contains(&(room, target.as_str())) {
            continue;
        }
        let narrow = NARROW.iter().find(|(name, _)| *name == room);
        match tier_of(&target) {
            Some(_) if narrow.is_some_and(|(_, may)| !may.contains(&target.as_str())) => {
                findings.push(source.at(
                    offset,
                    format!("`{room}` imports `{target}`; it is to know less than its tier allows, see NARROW"),
                ));
            }
            None => findings.push(source.at(
                offset,
                format!("`{room}` names `crate::{target}`, which is no room; import from the room that defines it"),
            )),
            Some(other) if other == tier && SERVICES.contains(&room) => findings.push(source.at(
                offset,
                format!("the service `{room}` imports the service `{target}`; services never know each other: join the two in `engine`"),
            )),
            Some(other) if other == tier => findings.push(source.at(
                offset,
                format!("`{room}` imports its neighbour `{target}`; rooms of one tier never know each other"),
            )),
            Some(other) if other > tier => findings.push(source.at(
                offset,
                format!("`{room}` imports `{target}`, which is above it; pass the fact in as an argument, or move the code up"),
            )),
            Some(_) => {}
        }
    }
    findings
}

/// Every room named by a path that starts at the crate's root, with the offset of that path: `crate::room`,
/// `use crate::{room, other::Thing}`, and `super::super::room` where that climbs out of the room.
fn rooms_named(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut named = Vec::new();
    for offset in words(code, "crate") {
        if let Some(rest) = after_colons(&code[offset + "crate".len()..]) {
            named.extend(heads(rest).into_iter().map(|head| (offset, head)));
        }
    }
    for offset in words(code, "super") {
        if code[..offset].trim_end().ends_with("super::") {
            continue;
        }
        let mut climbs = 1;
        let mut rest = after_colons(&code[offset + "super".len()..]).unwrap_or("");
        while let Some(further) = rest.strip_prefix("super").and_then(after_colons) {
            climbs += 1;
            rest = further;
        }
        // One `super` stays in the room, or leaves it only from the room's own root file, whose parent is the crate.
        // With more, inline modules make the exact depth unsure: a name that is another room's counts as that room.
        if climbs > 1 {
            let outside = heads(rest)
                .into_iter()
                .filter(|head| tier_of(head).is_some());
            named.extend(outside.map(|head| (offset, head)));
        }
    }
    named
}

/// The first segments that a path's remainder names: `room::x` gives room, `{a, b::{c, d}}` gives a and b, `*` gives *.
fn heads(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        return vec![first_segment(rest)];
    };
    let mut depth = 0;
    let mut found = Vec::new();
    let mut item_starts = true;
    for (index, ch) in group.char_indices() {
        match ch {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => item_starts = true,
            _ if item_starts && !ch.is_whitespace() => {
                found.push(first_segment(&group[index..]));
                item_starts = false;
            }
            _ => {}
        }
    }
    found
}

fn first_segment(path: &str) -> String {
    let end = path
        .find(|ch: char| !(ch.is_alphanumeric() || ch == '_' || ch == '*'))
        .unwrap_or(path.len());
    path[..end].to_owned()
}

fn after_colons(rest: &str) -> Option<&str> {
    rest.trim_start().strip_prefix("::").map(str::trim_start)
}

/// `unsafe` lives in the store, and every block of it says why it is sound.
fn unsafe_code(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text: Vec<&str> = source.text.lines().collect();
    for offset in words(&source.code, "unsafe") {
        let after = source.code[offset + "unsafe".len()..].trim_start();
        if !source.is_under(UNSAFE_ALLOWED) {
            findings.push(source.at(
                offset,
                format!(
                    "`unsafe` outside {}; find a safe way, or record a decision",
                    UNSAFE_ALLOWED.join(" and ")
                ),
            ));
        } else if after.starts_with('{') || after.starts_with("impl") {
            let line = source.code[..offset].matches('\n').count();
            let reasons = &text[line.saturating_sub(12)..=line];
            if !reasons.iter().any(|reason| reason.contains("SAFETY")) {
                findings.push(source.at(
                    offset,
                    "an unsafe block without a `SAFETY:` paragraph above it",
                ));
            }
        }
    }
    findings
}

/// Every module opens with what it is, why it is so, and what must hold. A small piece of a room may do it in one
/// sentence, and files of tests say what they test by their names.
fn essays(source: &Source) -> Vec<Finding> {
    let essay: Vec<&str> = source
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let words: usize = essay
        .iter()
        .map(|line| line.split_whitespace().count() - 1)
        .sum();
    let is_tests = source.path.ends_with("tests.rs");
    if words < 4 && !is_tests {
        let sentence = "the file does not open with a `//!` essay: what it is, why it is so, what must always hold";
        return vec![source.at(0, sentence)];
    }
    Vec::new()
}

fn owned_crates(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, home) in OWNED_CRATES {
        if source.is_under(&[home]) {
            continue;
        }
        for offset in words(&source.code, name) {
            let before = source.code[..offset].trim_end();
            let is_path = after_colons(&source.code[offset + name.len()..]).is_some()
                && !before.ends_with("::");
            let is_import = before.ends_with("use") || before.ends_with("extern crate");
            if is_path || is_import {
                findings.push(source.at(
                    offset,
                    format!("`{name}` is named outside {home}, the one room that knows it"),
                ));
            }
        }
    }
    findings
}

fn clocks(source: &Source) -> Vec<Finding> {
    if source.is_under(CLOCKS_ALLOWED) {
        return Vec::new();
    }
    ["Instant", "SystemTime"]
        .iter()
        .flat_map(|clock| words(&source.code, clock))
        .map(|offset| {
            source.at(
                offset,
                "a system clock is read outside base/time; take `now` as an argument",
            )
        })
        .collect()
}

fn net_and_os(source: &Source) -> Vec<Finding> {
    if source.is_under(NET_AND_OS_ALLOWED) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (offset, path) in std_paths(&source.code) {
        let mut parts = path.split("::");
        let module = parts.next().unwrap_or("");
        let item = parts.next().unwrap_or("");
        let is_address = item.contains("Addr") && item != "ToSocketAddrs" || item.contains("Ipv");
        if module == "os" || module == "net" && !is_address {
            findings.push(source.at(
                offset,
                format!(
                    "`std::{path}` is out of this room's reach: it belongs to {}",
                    NET_AND_OS_ALLOWED.join(" ")
                ),
            ));
        }
    }
    findings
}

/// Every `std::a::b` that is named, groups written out: `std::{fs, net::{IpAddr, TcpStream}}` gives fs, `net::IpAddr`
/// and `net::TcpStream`.
fn std_paths(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for offset in words(code, "std") {
        if let Some(rest) = after_colons(&code[offset + "std".len()..]) {
            let mut leaves = Vec::new();
            expand(rest, "", &mut leaves);
            paths.extend(leaves.into_iter().map(|leaf| (offset, leaf)));
        }
    }
    paths
}

/// Appends to `leaves` every path in `rest`, and returns what follows it.
fn expand<'a>(rest: &'a str, prefix: &str, leaves: &mut Vec<String>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut group) = rest.strip_prefix('{') {
        loop {
            group = group.trim_start();
            if group.is_empty() {
                return group;
            }
            if let Some(after) = group.strip_prefix('}') {
                return after;
            }
            if let Some(after) = group.strip_prefix(',') {
                group = after;
                continue;
            }
            let after = expand(group, prefix, leaves);
            // A word the grammar of paths does not know, as in `x as y`: step over it.
            group = if after.len() == group.len() {
                &group[group.chars().next().map_or(1, char::len_utf8)..]
            } else {
                after
            };
        }
    }
    let segment = first_segment(rest);
    let mut path = prefix.to_owned();
    if !path.is_empty() {
        path.push_str("::");
    }
    path.push_str(&segment);
    let after = &rest[segment.len()..];
    if segment.is_empty() {
        return after;
    }
    match after_colons(after) {
        Some(deeper) if deeper.starts_with(|ch: char| ch.is_alphabetic() || "_{*".contains(ch)) => {
            expand(deeper, &path, leaves)
        }
        _ => {
            leaves.push(path);
            after
        }
    }
}

fn unfinished(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in ["todo", "unimplemented", "dbg"] {
        for offset in words(&source.code, word) {
            if source.code[offset + word.len()..].starts_with('!') {
                findings.push(source.at(
                    offset,
                    format!("`{word}!` is left in; finish it or say what is missing as an error"),
                ));
            }
        }
    }
    for offset in words(&source.code, "ignore") {
        if source.code[..offset].trim_end().ends_with("#[") {
            findings.push(source.at(
                offset,
                "`#[ignore]`: assert today's behaviour and say what is wrong with it",
            ));
        }
    }
    for (index, line) in source.text.lines().enumerate() {
        let open = ["TODO", "FIXME"]
            .iter()
            .find_map(|mark| line.split_once(mark));
        let condition = ["when", "once", "if", "until", "after"];
        if let Some((_, rest)) = open
            && !rest
                .split(|ch: char| !ch.is_alphabetic())
                .any(|word| condition.contains(&word))
        {
            findings.push(Finding {
                path: source.path.clone(),
                line: index + 1,
                sentence: "a TODO without the condition under which it should be done (when, once, if, until ...)".into(),
            });
        }
    }
    findings
}

fn names(source: &Source) -> Vec<Finding> {
    let parts = source.path.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| EMPTY_NAMES.contains(part))
        .map(|part| {
            source.at(
                0,
                format!("`{part}` says nothing about what is inside; name it for what it holds"),
            )
        })
        .collect()
}

/// Anything special about a command is a fact of its row: the rooms that treat all commands alike compare no names.
fn names_of_commands(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.is_under(&["src/spec/"]) {
        return findings;
    }
    let mut lines_before = String::new();
    for (index, line) in source.text.lines().enumerate() {
        let mut from = 0;
        while let Some((start, end)) = literal(line, from) {
            from = end + 1;
            let before = lines_before.clone() + &line[..start];
            if line[..start].contains("//") || before.ends_with('b') {
                continue;
            }
            let name = &line[start + 1..end];
            let is_alike = source.is_under(ALIKE) && is_command(name.trim_end_matches('|'));
            let is_of_command = before.contains("command.name()") || before.contains("spec.name");
            if (is_alike || is_of_command && is_command(name))
                && is_compared(&before, &line[end + 1..])
            {
                findings.push(Finding {
                    path: source.path.clone(),
                    line: index + 1,
                    sentence: format!(
                        "a command is known by its name, \"{name}\"; make what is special about it a fact of its row in `spec`"
                    ),
                });
            }
        }
        let ends = line.ends_with([';', '{', '}']);
        lines_before = if ends {
            String::new()
        } else {
            lines_before + line.trim() + " "
        };
    }
    findings
}

/// The next plain literal of a line: where its quotes stand.
fn literal(line: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + line.get(from..)?.find('"')?;
    let end = start + 1 + line[start + 1..].find('"')?;
    Some((start, end))
}

/// Whether a literal stands where something is compared with it.
fn is_compared(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_start());
    let opens = ["==", "!=", "|", "starts_with(", "strip_prefix("];
    // `matches!(x, "get")` and `is(0, "get")`.
    let call = before
        .strip_suffix(',')
        .and_then(|args| args.rsplit_once('('));
    let asks = call.is_some_and(|(name, _)| name.ends_with("matches!") || name.ends_with(" is"));
    opens.iter().any(|open| before.ends_with(open))
        || asks
        || after.starts_with('|')
        || after.starts_with("=>")
}

fn is_command(name: &str) -> bool {
    let rows = pollux::testing::spec::all();
    let mut all =
        rows.flat_map(|spec| std::iter::once(spec).chain(spec.subcommands.iter().copied()));
    all.any(|spec| spec.name.eq_ignore_ascii_case(name))
}

fn whitespace(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let wrong = if line.ends_with([' ', '\t']) {
            "white space at the end of the line"
        } else if line.contains('\t') && source.is_rust() {
            "a tab; four spaces indent"
        } else {
            continue;
        };
        findings.push(Finding {
            path: source.path.clone(),
            line: index + 1,
            sentence: wrong.into(),
        });
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        findings.push(source.at(source.code.len(), "the last line has no line end"));
    }
    findings
}

// ------------------------------------------------------------------------------------------------- the house as it is

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in one of `endings`, in order, paths relative to the project's root.
fn files_below(folder: &str, endings: &[&str]) -> Vec<Source> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, endings, found);
            } else if endings
                .iter()
                .any(|ending| path.to_string_lossy().ends_with(ending))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    found.sort();
    found
        .iter()
        .map(|path| {
            // Pictures are files, too.
            let bytes = fs::read(path).expect("it is there");
            let text = String::from_utf8_lossy(&bytes);
            let relative = path
                .strip_prefix(root())
                .expect("it was found below the root");
            Source::new(&relative.to_string_lossy().replace('\\', "/"), &text)
        })
        .collect()
}

fn report(mut findings: Vec<Finding>) {
    findings.sort();
    findings.dedup();
    let mut text = String::new();
    for finding in &findings {
        let _ = writeln!(
            text,
            "{}:{}: {}",
            finding.path, finding.line, finding.sentence
        );
    }
    assert!(findings.is_empty(), "\n{text}{} findings\n", findings.len());
}

#[test]
fn the_source_keeps_the_rules() {
    let sources = files_below("src", &[".rs"]);
    assert!(
        !sources.is_empty(),
        "no source was found, so nothing was checked"
    );
    report(
        sources
            .iter()
            .flat_map(|source| RULES.iter().flat_map(move |(_, rule)| rule(source)))
            .collect(),
    );
}

#[test]
fn tests_scripts_and_documents_keep_the_rules_that_concern_them() {
    let tests = files_below("tests", &[".rs"]);
    let rust_rules: &[Rule] = &[
        essays,
        unfinished_outside_tidy,
        names,
        length,
        width,
        whitespace,
    ];
    let mut findings: Vec<Finding> = tests
        .iter()
        .flat_map(|source| rust_rules.iter().flat_map(move |rule| rule(source)))
        .collect();
    let scripts = [
        files_below("scripts", &[".sh", ".py"]),
        files_below("tests", &[".py"]),
    ];
    let documents = files_below("docs", &[".md"]);
    let prose_rules: &[Rule] = &[names, length, whitespace];
    for source in scripts.iter().flatten().chain(&documents) {
        findings.extend(prose_rules.iter().flat_map(|rule| rule(source)));
    }
    findings.extend(scripts.iter().flatten().flat_map(width));
    report(findings);
}

/// This file has to spell what it forbids.
fn unfinished_outside_tidy(source: &Source) -> Vec<Finding> {
    if source.path.starts_with("tests/tidy") {
        Vec::new()
    } else {
        unfinished(source)
    }
}

#[test]
fn every_dependency_has_its_sentence() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let sentences = fs::read_to_string(root().join("docs/dependencies.md")).unwrap_or_default();
    report(dependencies_without_sentence(&manifest, &sentences));
}

fn dependencies_without_sentence(manifest: &str, sentences: &str) -> Vec<Finding> {
    let mut section = "";
    let mut findings = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once('=')
            && !line.starts_with('#')
            && !sentences.contains(&format!("`{}`", name.trim()))
        {
            findings.push(Finding {
                path: "Cargo.toml".into(),
                line: index + 1,
                sentence: format!(
                    "`{}` has no sentence in docs/dependencies.md that says what it is for",
                    name.trim()
                ),
            });
        }
    }
    findings
}
