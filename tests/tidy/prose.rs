//! Rules about words: what documents and essays name exists, and comments are no wider than a screen.
//!
//! A path or a name between backquotes is a claim. A path is looked for in the tree, what follows a type in the blocks
//! that belong to the type, what follows a module in the file of the module, and the long names of tests anywhere. What
//! is in fenced blocks is no claim: there stand pictures, sessions at a prompt and examples; only the map of the rooms
//! is compared with the layers that tidy holds. Names of the standard library are nobody's claim here either.
//!
//! Not known here: whether what a sentence says about a thing is true.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{body_end, words};
use super::{Finding, Source, TIERS, files_below, report, root};

/// The widest line of a comment.
pub(crate) const COLUMNS_MAX: usize = 120;

/// First segments of paths that lead out of the house.
const FOREIGN: &[&str] = &["std", "mem", "io", "fs", "mio", "Arc", "Vec", "thread"];

/// Names that cannot be found in the text, each with the reason.
const UNSEEN: &[(&str, &str)] = &[
    ("Flags::of", "the macro `word_set` makes it"),
    ("Flags::names", "the macro `word_set` makes it"),
    ("Event::HSET", "the macro `events` makes it"),
];

/// Folders whose paths are claims wherever they stand; the rooms are the others.
const FOLDERS: &[&str] = &["src", "tests", "docs", "scripts", ".cargo", ".ci"];

/// Endings that make a single word a path.
const ENDINGS: &[&str] = &[".rs", ".md", ".py", ".sh", ".toml"];

/// What there is: files, folders, and the names that belong to each type and module.
#[derive(Default)]
pub(crate) struct House {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
    types: BTreeMap<String, BTreeSet<String>>,
    modules: BTreeMap<String, BTreeSet<String>>,
    /// Names as long as those of tests and of fields in INFO, wherever they stand outside of documents.
    long: BTreeSet<String>,
}

impl House {
    /// The house as it is.
    fn new() -> House {
        let mut house = House::default();
        for folder in FOLDERS {
            for source in files_below(folder, &[""]) {
                house.add(&source);
            }
        }
        for name in [
            "README.md",
            "Cargo.toml",
            "Cargo.lock",
            "Makefile",
            "clippy.toml",
        ] {
            house.files.insert(name.into());
        }
        house
    }

    pub(crate) fn add(&mut self, source: &Source) {
        self.files.insert(source.path.clone());
        let mut folder = source.path.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            self.folders.insert(parent.into());
            folder = parent;
        }
        if !is_prose(&source.path) {
            let long = identifiers(&source.text).filter(|name| is_long(name));
            self.long.extend(long.map(str::to_owned));
        }
        if source.is_rust() {
            self.add_types(&source.code);
            self.add_module(source);
        }
    }

    /// What stands in the blocks of a type belongs to it: methods, constants, fields, variants.
    fn add_types(&mut self, code: &str) {
        for keyword in ["impl", "struct", "enum", "trait", "union"] {
            for offset in words(code, keyword) {
                let rest = &code[offset + keyword.len()..];
                let Some(start) = rest.find(['{', ';']) else {
                    continue;
                };
                let header = &rest[..start];
                let owner = if keyword == "impl" {
                    implemented(header)
                } else {
                    ident(header.trim_start())
                };
                if owner.is_empty() {
                    continue;
                }
                let names = self.types.entry(owner.to_owned()).or_default();
                if rest[start..].starts_with('{') {
                    let body = &rest[start..body_end(rest, start)];
                    names.extend(identifiers(body).map(str::to_owned));
                }
            }
        }
        for offset in words(code, "type") {
            let alias = ident(code[offset + "type".len()..].trim_start());
            self.types.entry(alias.to_owned()).or_default();
        }
    }

    fn add_module(&mut self, source: &Source) {
        let path = source.path.trim_start_matches("src/");
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let mut names = BTreeSet::new();
        let declaring = [
            "fn", "struct", "enum", "trait", "type", "const", "static", "mod", "union",
        ];
        for keyword in declaring {
            for offset in words(&source.code, keyword) {
                let name = ident(source.code[offset + keyword.len()..].trim_start());
                names.insert(name.to_owned());
            }
        }
        // What is handed on is there as well.
        for offset in words(&source.code, "use") {
            let rest = &source.code[offset..];
            let end = rest.find(';').unwrap_or(rest.len());
            if source.code[..offset].trim_end().ends_with(['b', ')']) {
                names.extend(identifiers(&rest[..end]).map(str::to_owned));
            }
        }
        self.modules.insert(path.replace('/', "::"), names);
    }

    fn has_path(&self, claim: &str, from: &str) -> bool {
        let claim = claim.trim_end_matches('/');
        let is_there = |path: &str| {
            self.files.contains(path)
                || self.folders.contains(path)
                || self.files.contains(&format!("{path}.rs"))
        };
        if ["", "src/", "tests/"]
            .iter()
            .any(|folder| is_there(&format!("{folder}{claim}")))
        {
            return true;
        }
        let mut folder = from;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            if is_there(&format!("{parent}/{claim}")) {
                return true;
            }
            folder = parent;
        }
        // A document may shorten a path that its reader has seen a line before.
        let short = format!("/{claim}");
        let mut all = self.files.iter().chain(&self.folders);
        is_prose(from) && all.any(|path| path.ends_with(&short))
    }

    /// Whether a name in these modules or of this type is there; `segments` are those of `Type::name` or of
    /// `module::module::name`, the crate's own left out.
    fn has_name(&self, segments: &[&str]) -> bool {
        let Some((name, owners)) = segments.split_last() else {
            return true;
        };
        let Some(owner) = owners.last() else {
            return self.modules.contains_key(*name) || self.is_folder(name);
        };
        if owner.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            return self
                .types
                .get(*owner)
                .is_some_and(|names| names.contains(*name));
        }
        let owner = owners.join("::");
        let below = format!("::{owner}");
        let mut modules = self
            .modules
            .iter()
            .filter(|(path, _)| **path == owner || path.ends_with(&below));
        modules.any(|(path, names)| {
            names.contains(*name) || self.modules.contains_key(&format!("{path}::{name}"))
        })
    }

    fn is_folder(&self, name: &str) -> bool {
        self.folders.contains(&format!("src/{name}"))
    }
}

/// The type that a block implements something for, from what stands between `impl` and the block.
fn implemented(header: &str) -> &str {
    let header = header.split(" where ").next().unwrap_or(header);
    let of_type = match header.rfind(" for ") {
        Some(at) if !header[at..].starts_with(" for <") => &header[at + 5..],
        _ => after_generics(header.trim_start()),
    };
    let of_type = of_type.trim_start().trim_start_matches(['&', '*']);
    let path = of_type.split(['<', ' ', '\n', '{']).next().unwrap_or("");
    path.rsplit("::").next().unwrap_or(path)
}

fn after_generics(header: &str) -> &str {
    let mut depth = 0;
    if header.starts_with('<') {
        for (at, letter) in header.char_indices() {
            match letter {
                '<' => depth += 1,
                '>' if !header[..at].ends_with('-') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return &header[at + 1..];
            }
        }
    }
    header
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The identifier that a text begins with.
fn ident(text: &str) -> &str {
    &text[..text.find(|letter| !is_part(letter)).unwrap_or(text.len())]
}

/// Whether a name is so long that it can only be meant as that.
fn is_long(name: &str) -> bool {
    name.chars().all(is_part) && name.matches('_').count() >= 4
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter| !is_part(letter))
        .filter(|word| !word.is_empty())
}

/// The prose of a file, line for line: a document without its fenced blocks, or the essay of a module.
fn prose(source: &Source) -> String {
    let mut is_fenced = false;
    let mut lines = Vec::new();
    for line in source.text.lines() {
        let line = if source.is_rust() {
            let Some(words) = line.strip_prefix("//!") else {
                break;
            };
            words
        } else {
            line
        };
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            lines.push("");
        } else {
            lines.push(if is_fenced { "" } else { line });
        }
    }
    lines.join("\n")
}

/// Everything between backquotes, with the line it begins in.
fn quoted(prose: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    for paragraph in prose.split("\n\n") {
        let mut parts = paragraph.split('`');
        let mut at = line;
        while let (Some(between), Some(inside)) = (parts.next(), parts.next()) {
            at += between.matches('\n').count();
            found.push((at, inside.replace('\n', " ")));
            at += inside.matches('\n').count();
        }
        line += paragraph.matches('\n').count() + 2;
    }
    found
}

/// Whether this is said to be a path of the house.
fn is_path(word: &str) -> bool {
    let plain = word
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "_./-".contains(letter));
    let first = word.split('/').next().unwrap_or("");
    let is_room = || TIERS.iter().any(|tier| tier.contains(&first));
    let has_ending = ENDINGS
        .iter()
        .any(|ending| word.len() > ending.len() && word.ends_with(ending));
    plain
        && !word.starts_with('/')
        && !word.contains("..")
        && (has_ending || word.contains('/') && (FOLDERS.contains(&first) || is_room()))
}

/// The segments of a name such as `Type::function`, arguments and generics left out. None: it is no such name.
fn segments(word: &str) -> Option<Vec<&str>> {
    let word = word.split(['(', '!', '<']).next().unwrap_or(word);
    let word = word.trim_end_matches("::");
    let mut segments: Vec<&str> = word.split("::").collect();
    let is_name = |part: &&str| {
        part.chars().all(is_part) && part.starts_with(|first: char| !first.is_ascii_digit())
    };
    if segments.len() < 2 || !segments.iter().all(is_name) {
        return None;
    }
    while ["crate", "pollux", "self", "super"].contains(segments.first()?) {
        segments.remove(0);
    }
    Some(segments)
}

/// Every path and every name that a document or an essay quotes is there.
pub(crate) fn names_exist(house: &House, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in quoted(&prose(source)) {
        let word = text.split_whitespace().next().unwrap_or("");
        let sentence = if is_path(word) {
            if house.has_path(word, &source.path) {
                continue;
            }
            format!("there is no `{word}`; say where it is now, or what takes its place")
        } else if let Some(segments) = segments(&text) {
            let is_foreign = segments
                .first()
                .is_some_and(|first| FOREIGN.contains(first));
            let is_unseen = || UNSEEN.iter().any(|(name, _)| *name == segments.join("::"));
            if is_foreign || house.has_name(&segments) || is_unseen() {
                continue;
            }
            format!("`{text}` is named and is not there; say what it is called now")
        } else if is_long(&text) && !house.long.contains(&text) {
            format!("`{text}` is named and stands nowhere else; say what it is called now")
        } else {
            continue;
        };
        findings.push(Finding {
            path: source.path.clone(),
            line,
            sentence,
        });
    }
    findings
}

/// Lines of comments are at most [`COLUMNS_MAX`] wide.
pub(crate) fn width(source: &Source) -> Vec<Finding> {
    let mark = if source.is_rust() { "//" } else { "#" };
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if line.trim_start().starts_with(mark) && columns > COLUMNS_MAX {
            findings.push(Finding {
                path: source.path.clone(),
                line: index + 1,
                sentence: format!(
                    "a comment of {columns} columns, more than {COLUMNS_MAX}: break the line"
                ),
            });
        }
    }
    findings
}

#[test]
fn what_is_named_exists() {
    let house = House::new();
    let mut sources = files_below("docs", &[".md"]);
    sources.extend(files_below("src", &[".rs"]));
    sources.extend(files_below("tests", &[".rs"]));
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    sources.push(Source::new("README.md", &readme));
    report(
        sources
            .iter()
            .flat_map(|source| names_exist(&house, source))
            .collect(),
    );
}

/// The map of the rooms: tiers from top to bottom, and which rooms are marked as planned.
fn map_of_rooms(text: &str) -> (Vec<Vec<String>>, BTreeSet<String>) {
    let block = text
        .split("```")
        .nth(1)
        .expect("the first block is the map");
    let lines = block
        .lines()
        .skip(1)
        .map(|line| line.trim_start_matches("//!"));
    let (services, rest): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.trim_start().starts_with("services ="));
    // The mark is explained as long as there is one.
    let services = services[0]
        .split_once("  * planned")
        .map_or(services[0], |(services, _)| services);
    let services = services.trim_start().trim_start_matches("services =");
    let rooms =
        |tier: &str| -> Vec<String> { tier.split_whitespace().map(str::to_owned).collect() };
    let rest = rest.join(" ");
    let mut tiers: Vec<Vec<String>> = rest
        .split('>')
        .map(|tier| rooms(&tier.replace("[services]", services)))
        .collect();
    let mut planned = BTreeSet::new();
    for room in tiers.iter_mut().flatten() {
        if let Some(name) = room.strip_suffix('*') {
            planned.insert(name.to_owned());
            *room = name.to_owned();
        }
    }
    (tiers, planned)
}

/// The map stands in two places, for two kinds of readers. Both say what tidy holds, and which rooms are not there yet.
#[test]
fn maps_of_the_rooms_are_true() {
    let house = House::new();
    for path in ["src/lib.rs", "docs/ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root().join(path)).expect("it is there");
        let (tiers, planned) = map_of_rooms(&text);
        let held: Vec<Vec<&str>> = TIERS.iter().rev().map(|tier| tier.to_vec()).collect();
        assert_eq!(tiers, held, "the map of {path}");
        for room in tiers.iter().flatten() {
            let is_there = house.has_path(&format!("src/{room}"), "");
            assert!(
                is_there != planned.contains(room),
                "{path}: is `{room}` planned?"
            );
        }
    }
}

/// Whether a file is a document and not source.
fn is_prose(path: &str) -> bool {
    std::path::Path::new(path)
        .extension()
        .is_some_and(|ending| ending == "md")
}
