//! The manifest: the list of the files that make up an append-only log.
//!
//! ```text
//! file NAME seq NUMBER type b|i|h [startoffset NUMBER] [endoffset NUMBER]
//! ```
//!
//! One line per file: at most one base, then the increments with growing numbers. Files of type `h` belong to the past
//! and wait to be deleted. Comments begin with `#`; keys that are not known here are passed over.

use std::fmt;

use crate::base::text::{quote, split_args};

/// The role of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Base,
    Increment,
    History,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: Vec<u8>,
    pub number: u64,
    pub(crate) role: Role,
    pub(crate) start_offset: Option<i64>,
    pub(crate) end_offset: Option<i64>,
}

/// All files of a log, in the order in which they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub(crate) base: Option<Entry>,
    pub increments: Vec<Entry>,
    pub history: Vec<Entry>,
    /// The highest numbers ever given out.
    pub(crate) base_number: u64,
    pub(crate) increment_number: u64,
}

/// Why a manifest cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1; 0 if it is of no line.
    pub(crate) line_number: usize,
    pub(crate) line: Vec<u8>,
    pub(crate) reason: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line_number > 0 {
            writeln!(f, "Reading the manifest file, at line {}", self.line_number)?;
            writeln!(f, ">>> '{}'", String::from_utf8_lossy(&self.line))?;
        }
        f.write_str(self.reason)
    }
}

/// The longest line, its end included.
const LINE_MAX: usize = 1024;

/// So many entries a manifest may have: far more than any rewriting that fails leaves behind.
const ENTRIES_MAX: usize = 1_000_000;

/// A number beyond this might have no successor. No log is ever rewritten so often.
const NUMBER_MAX: u64 = 1 << 62;

const INVALID: &str = "Invalid AOF manifest file format";

impl Entry {
    fn new(name: Vec<u8>, number: u64, role: Role) -> Self {
        Self {
            name,
            number,
            role,
            start_offset: None,
            end_offset: None,
        }
    }

    fn print(&self, out: &mut Vec<u8>) {
        let letter = match self.role {
            Role::Base => 'b',
            Role::Increment => 'i',
            Role::History => 'h',
        };
        out.extend_from_slice(b"file ");
        out.extend_from_slice(&name_as_word(&self.name));
        out.extend_from_slice(format!(" seq {} type {letter}", self.number).as_bytes());
        if let Some(offset) = self.start_offset {
            out.extend_from_slice(format!(" startoffset {offset}").as_bytes());
        }
        if let Some(offset) = self.end_offset {
            out.extend_from_slice(format!(" endoffset {offset}").as_bytes());
        }
        out.push(b'\n');
    }
}

/// A name stands for itself unless a reader would take it for several words.
fn name_as_word(name: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
    if !name.is_empty() && name.iter().all(is_plain) {
        name.to_vec()
    } else {
        quote(name)
    }
}

impl Manifest {
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut manifest = Self::default();
        let mut count = 0;
        for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let fault = |reason| Fault {
                line_number: at + 1,
                line: line.trim_ascii().to_vec(),
                reason,
            };
            if line.starts_with(b"#") {
                continue;
            }
            if line.len() >= LINE_MAX {
                return Err(fault("The AOF manifest file contains too long line"));
            }
            count += 1;
            if count > ENTRIES_MAX {
                return Err(fault(INVALID));
            }
            let entry = parse_line(line).map_err(fault)?;
            manifest.add(entry).map_err(fault)?;
        }
        if count == 0 {
            return Err(Fault {
                line_number: 0,
                line: Vec::new(),
                reason: "Found an empty AOF manifest",
            });
        }
        Ok(manifest)
    }

    fn add(&mut self, entry: Entry) -> Result<(), &'static str> {
        match entry.role {
            Role::Base if self.base.is_some() => {
                return Err("Found duplicate base file information");
            }
            Role::Base => {
                self.base_number = entry.number;
                self.base = Some(entry);
            }
            Role::History => self.history.push(entry),
            Role::Increment if entry.number <= self.increment_number => {
                return Err("Found a non-monotonic sequence number");
            }
            Role::Increment => {
                self.increment_number = entry.number;
                self.increments.push(entry);
            }
        }
        Ok(())
    }

    pub fn print(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in (self.base.iter())
            .chain(&self.history)
            .chain(&self.increments)
        {
            entry.print(&mut out);
        }
        out
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The files to read, in order.
    pub fn to_read(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.increments)
    }

    /// A new base takes the place of the old one, which becomes history. Returns its name.
    pub fn new_base(&mut self, stem: &[u8], is_rdb: bool) -> Vec<u8> {
        if let Some(mut old) = self.base.take() {
            old.role = Role::History;
            self.history.insert(0, old);
        }
        let suffix = if is_rdb { "base.rdb" } else { "base.aof" };
        let name = loop {
            self.base_number += 1;
            let name = name_of(stem, self.base_number, suffix);
            if !self.is_history(&name) {
                break name;
            }
        };
        self.base = Some(Entry::new(name.clone(), self.base_number, Role::Base));
        name
    }

    /// One more increment. Returns its name.
    pub fn new_increment(&mut self, stem: &[u8]) -> Vec<u8> {
        let name = loop {
            self.increment_number += 1;
            let name = name_of(stem, self.increment_number, "incr.aof");
            if !self.is_history(&name) {
                break name;
            }
        };
        self.increments.push(Entry::new(
            name.clone(),
            self.increment_number,
            Role::Increment,
        ));
        name
    }

    /// A name that is about to be deleted must not be the name of something new. Only the files that are in use say how
    /// far the numbers have come, and there may be none of a kind.
    fn is_history(&self, name: &[u8]) -> bool {
        self.history.iter().any(|old| old.name == name)
    }

    /// All increments but the last so many become history.
    pub fn retire_increments(&mut self, kept: usize) {
        let count = self.increments.len().saturating_sub(kept);
        for mut old in self.increments.drain(..count) {
            old.role = Role::History;
            self.history.insert(0, old);
        }
    }

    /// A log that was one file before there were manifests becomes the base of this one.
    pub(crate) fn adopt(name: &[u8]) -> Self {
        Self {
            base: Some(Entry::new(name.to_vec(), 1, Role::Base)),
            base_number: 1,
            ..Self::default()
        }
    }
}

fn name_of(stem: &[u8], number: u64, suffix: &str) -> Vec<u8> {
    [stem, format!(".{number}.{suffix}").as_bytes()].concat()
}

fn parse_line(line: &[u8]) -> Result<Entry, &'static str> {
    let line = line.trim_ascii();
    let words = split_args(line).filter(|words| words.len() >= 6 && words.len() % 2 == 0);
    let words = words.ok_or(INVALID)?;
    let (mut name, mut number, mut role) = (None, None, None);
    let (mut start_offset, mut end_offset) = (None, None);
    let parse = |word: &[u8]| {
        let text = std::str::from_utf8(word).map_err(|_| INVALID)?;
        text.parse::<i64>().map_err(|_| INVALID)
    };
    for pair in words.chunks_exact(2) {
        let (key, value) = (pair[0].to_ascii_lowercase(), &pair[1]);
        match &key[..] {
            b"file" => {
                if value.contains(&b'/') {
                    return Err("File can't be a path, just a filename");
                }
                name = Some(value.clone());
            }
            b"seq" => number = u64::try_from(parse(value)?).ok(),
            b"type" => {
                role = Some(match value.first() {
                    Some(b'b') => Role::Base,
                    Some(b'i') => Role::Increment,
                    Some(b'h') => Role::History,
                    _ => return Err("Unknown AOF file type"),
                });
            }
            b"startoffset" => start_offset = Some(parse(value)?),
            b"endoffset" => end_offset = Some(parse(value)?),
            _ => {}
        }
    }
    match (name, number, role) {
        (Some(name), Some(number), Some(role))
            if !name.is_empty() && (1..=NUMBER_MAX).contains(&number) =>
        {
            Ok(Entry {
                name,
                number,
                role,
                start_offset,
                end_offset,
            })
        }
        _ => Err(INVALID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn what_is_printed_is_read() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.new_base(b"a b", true), b"a b.1.base.rdb");
        manifest.new_increment(b"a b");
        manifest.new_increment(b"a b");
        manifest.new_base(b"a b", false);
        manifest.retire_increments(1);
        let text = manifest.print();
        assert_eq!(
            String::from_utf8_lossy(&text),
            "file \"a b.2.base.aof\" seq 2 type b\nfile \"a b.1.incr.aof\" seq 1 type h\n\
             file \"a b.1.base.rdb\" seq 1 type h\nfile \"a b.2.incr.aof\" seq 2 type i\n"
        );
        assert_eq!(Manifest::parse(&text), Ok(manifest));
    }

    #[test]
    fn faults_are_named() {
        let reason = |text: &str| {
            Manifest::parse(text.as_bytes())
                .expect_err("a fault")
                .reason
        };
        let base = "file a.1.base.rdb seq 1 type b\n";
        assert_eq!(reason(""), "Found an empty AOF manifest");
        assert_eq!(reason("# comment\n"), "Found an empty AOF manifest");
        assert_eq!(reason("\n"), INVALID);
        assert_eq!(
            reason(&format!("{base}{base}")),
            "Found duplicate base file information"
        );
        assert_eq!(reason("file a seq 1 type x\n"), "Unknown AOF file type");
        assert_eq!(
            reason("file /a seq 1 type i\n"),
            "File can't be a path, just a filename"
        );
        assert_eq!(reason("file a seq 0 type i\n"), INVALID);
        assert_eq!(reason("file a seq 1 type\n"), INVALID);
        assert_eq!(
            reason("file a seq 2 type i\nfile a seq 2 type i\n"),
            "Found a non-monotonic sequence number"
        );
        let long = format!("{base}file {} seq 2 type i\n", "x".repeat(1024));
        assert_eq!(
            reason(&long),
            "The AOF manifest file contains too long line"
        );
        let known = "file a seq 1 type i startoffset 5 endoffset 7 new thing\n";
        let parsed = Manifest::parse(known.as_bytes()).expect("unknown keys are passed over");
        assert_eq!(parsed.increments[0].end_offset, Some(7));
    }

    #[test]
    fn names_that_wait_to_be_deleted_are_not_given_out() {
        let text = b"file a.2.base.aof seq 2 type b\nfile a.1.incr.aof seq 1 type h\n";
        let mut manifest = Manifest::parse(text).expect("a manifest");
        assert_eq!(manifest.new_increment(b"a"), b"a.2.incr.aof");
        assert_eq!(manifest.new_base(b"a", false), b"a.3.base.aof");
    }

    /// There is an answer for any bytes.
    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut rng = Rng::from_seed(5);
        let sample =
            b"file \"a b.2.base.aof\" seq 2 type b\nfile x seq 3 type i startoffset 7\n#c\n";
        for _ in 0..20_000 {
            let mut text = sample.to_vec();
            for _ in 0..=rng.below(4) {
                let at = rng.index(text.len());
                match rng.below(3) {
                    0 => text[at] = rng.next_u32() as u8,
                    1 => text.truncate(at.max(1)),
                    _ => text.insert(at, b" \n\"#'"[rng.index(5)]),
                }
            }
            if let Ok(manifest) = Manifest::parse(&text) {
                assert_eq!(
                    Manifest::parse(&manifest.print()).map(|read| read.base),
                    Ok(manifest.base)
                );
            }
        }
    }
}
