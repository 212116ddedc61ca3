//! Values that are neither a number, a word nor a text: each with its own small grammar.
//!
//! A value arrives as the words of its line. It prints in two ways: on one line for CONFIG GET, and as the lines of a
//! configuration file. The texts of refusals are part of the protocol, because tools show them and tests match them.
//!
//! [`Value`] is their common part; a row of the table refers to it without knowing which one it is.

use super::disk;
use super::words::Word;
use crate::base::double::parse_f64;
use crate::base::text::{push_quoted, same_word, up_to_nul};
use crate::spec::flags::{Classes, class};
use std::borrow::Cow;

/// Why a value was refused, as the last part of the error that a client or an administrator sees.
pub(crate) type Reason = Cow<'static, str>;

/// A value with a grammar of its own.
pub(crate) trait Value: Clone + PartialEq {
    /// Takes the words of a line. Leaves `self` alone when it refuses.
    fn set(&mut self, words: &[Vec<u8>], from: Source) -> Result<(), Reason>;
    /// As CONFIG GET shows it.
    fn print(&self) -> Vec<u8>;
    /// The lines it takes in a file. `default` is the value of a server that was told nothing. No lines: it cannot be
    /// said in a file, and lines that are there go away.
    fn lines(&self, default: &Self) -> Vec<Line>;
}

/// Where a value comes from. A file may spread a value over several lines, so a later line adds to the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The first line of this name since the server began to read: it replaces the default.
    FirstLine,
    LaterLine,
    /// CONFIG SET, which always means the whole.
    Client,
}

/// One line of a rewritten file, without the parameter's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: Vec<u8>,
    /// Whether a file that has no line of this name must get one. Otherwise it only takes the place of one.
    pub(crate) needed: bool,
}

impl Line {
    pub(crate) fn new(text: impl Into<Vec<u8>>, needed: bool) -> Line {
        Line {
            text: text.into(),
            needed,
        }
    }

    /// A text in quotes, so that any bytes survive.
    pub(crate) fn quoted(text: &[u8], needed: bool) -> Line {
        let mut quoted = Vec::new();
        push_quoted(&mut quoted, text);
        Line {
            text: quoted,
            needed,
        }
    }
}

// Snapshots.

/// A snapshot is due when there are so many changes and the last snapshot is so old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavePoint {
    pub(crate) seconds: i64,
    pub(crate) changes: i64,
}

/// `save`: any of these points calls for a snapshot; none at all turns snapshots off.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct SavePoints(pub(crate) Vec<SavePoint>);

impl SavePoint {
    fn print(&self) -> Vec<u8> {
        format!("{} {}", self.seconds, self.changes).into_bytes()
    }
}

impl Value for SavePoints {
    fn set(&mut self, words: &[Vec<u8>], from: Source) -> Result<(), Reason> {
        const INVALID: &str = "Invalid save parameters";
        if is_empty(words) {
            self.0.clear();
            return Ok(());
        }
        if !words.len().is_multiple_of(2) {
            return Err(INVALID.into());
        }
        let mut points = match from {
            Source::LaterLine => self.0.clone(),
            Source::FirstLine | Source::Client => Vec::new(),
        };
        for pair in words.chunks_exact(2) {
            let seconds = parse_integer(&pair[0]).ok_or(INVALID)?;
            let changes = parse_integer(&pair[1]).ok_or(INVALID)?;
            if seconds < 1 || !(0..=i64::from(i32::MAX)).contains(&changes) {
                return Err(INVALID.into());
            }
            points.push(SavePoint { seconds, changes });
        }
        self.0 = points;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        join(self.0.iter().map(SavePoint::print))
    }

    fn lines(&self, _default: &Self) -> Vec<Line> {
        // A file without any save line means the default points. So the defaults are always spelled out, and so is
        // having none.
        if self.0.is_empty() {
            return vec![Line::new("\"\"", true)];
        }
        let line = |point: &SavePoint| Line::new(point.print(), true);
        self.0.iter().map(line).collect()
    }
}

// Clients.

/// How much unsent output a client may pile up before it is cut off. Zeros mean no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Cut off at once beyond this.
    pub hard_bytes: u64,
    /// Cut off when above this for `soft_s` without a break.
    pub soft_bytes: u64,
    pub soft_s: u64,
}

/// `client-output-buffer-limit`: a limit per kind of client. A value names only the kinds it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub(crate) replica: OutputLimit,
    pub(crate) pubsub: OutputLimit,
}

impl OutputLimits {
    fn of_class(&mut self, class: &[u8]) -> Option<&mut OutputLimit> {
        match class.to_ascii_lowercase().as_slice() {
            b"normal" => Some(&mut self.normal),
            b"slave" | b"replica" => Some(&mut self.replica),
            b"pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }

    fn all(&self) -> [OutputLimit; 3] {
        [self.normal, self.replica, self.pubsub]
    }
}

impl OutputLimit {
    /// From the three words that follow the class.
    fn parse(words: &[Vec<u8>]) -> Option<OutputLimit> {
        Some(OutputLimit {
            hard_bytes: parse_memory(&words[0])?,
            soft_bytes: parse_memory(&words[1])?,
            soft_s: parse_integer(&words[2])
                .filter(|seconds| *seconds < i64::MAX)?
                .try_into()
                .ok()?,
        })
    }

    fn line(&self, class: &str) -> String {
        let hard = memory_text(self.hard_bytes);
        let soft = memory_text(self.soft_bytes);
        format!("{class} {hard} {soft} {}", self.soft_s)
    }
}

impl Value for OutputLimits {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        if is_empty(words) {
            return Ok(());
        }
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = *self;
        for class in words.chunks_exact(4) {
            let limit = limits
                .of_class(&class[0])
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            *limit = OutputLimit::parse(&class[1..]).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
        }
        *self = limits;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        // CONFIG GET calls a replica by its older name, a rewritten file by its newer one.
        let classes = ["normal", "slave", "pubsub"];
        join(classes.iter().zip(self.all()).map(|(class, limit)| {
            let OutputLimit {
                hard_bytes,
                soft_bytes,
                soft_s,
            } = limit;
            format!("{class} {hard_bytes} {soft_bytes} {soft_s}").into_bytes()
        }))
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        let classes = ["normal", "replica", "pubsub"];
        let both = self.all().into_iter().zip(default.all());
        let line = |(class, (limit, usual)): (&&str, (OutputLimit, OutputLimit))| {
            Line::new(limit.line(class), limit != usual)
        };
        classes.iter().zip(both).map(line).collect()
    }
}

/// An amount of memory, or a part of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Bytes(u64),
    Percent(u8),
}

impl Default for Share {
    fn default() -> Self {
        Share::Bytes(0)
    }
}

impl Share {
    /// In bytes, where `whole` is what 100 % means. 0 is no limit.
    pub(crate) fn of(self, whole: u64) -> u64 {
        match self {
            Share::Bytes(bytes) => bytes,
            Share::Percent(percent) => {
                whole / 100 * u64::from(percent) + whole % 100 * u64::from(percent) / 100
            }
        }
    }

    fn text(self) -> String {
        match self {
            Share::Bytes(bytes) => bytes.to_string(),
            Share::Percent(percent) => format!("{percent}%"),
        }
    }
}

impl Value for Share {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        const NEITHER: &str = "argument must be a memory or percent value";
        let word = words[0].as_slice();
        let share = match word.strip_suffix(b"%") {
            None => Share::Bytes(
                parse_memory(word)
                    .filter(|bytes| i64::try_from(*bytes).is_ok())
                    .ok_or(NEITHER)?,
            ),
            Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                match parse_integer(digits) {
                    Some(0) => Share::Bytes(0),
                    Some(percent @ 1..=100) => Share::Percent(percent as u8),
                    _ => return Err("percentage argument must be less or equal to 100".into()),
                }
            }
            Some(_) => return Err(NEITHER.into()),
        };
        *self = share;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        self.text().into_bytes()
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        let text = match self {
            Share::Bytes(bytes) => memory_text(*bytes),
            Share::Percent(_) => self.text(),
        };
        vec![Line::new(text, self != default)]
    }
}

// Addresses.

/// `bind`: where to listen. A `-` in front forgives an address that this machine does not have.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Bind(pub(crate) Vec<Vec<u8>>);

/// How many addresses one server listens on at most.
const BIND_MAX: usize = 16;

impl Value for Bind {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        if words.len() > BIND_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        self.0 = if is_empty(words) {
            Vec::new()
        } else {
            words.to_vec()
        };
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        join(self.0.iter().cloned())
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        match self {
            _ if self == default => Vec::new(),
            Bind(none) if none.is_empty() => vec![Line::new("\"\"", true)],
            some => vec![Line::new(some.print(), true)],
        }
    }
}

/// `replicaof`: whose copy this server is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct ReplicaOf(pub(crate) Option<Primary>);

/// Where a primary is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    pub(crate) host: Vec<u8>,
    pub(crate) port: u16,
}

impl Value for ReplicaOf {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        let [host, port] = words else {
            return Err("wrong number of arguments".into());
        };
        if same_word(host, b"no") && same_word(port, b"one") {
            self.0 = None;
            return Ok(());
        }
        let port = parse_integer(port).and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("Invalid master port")?;
        self.0 = Some(Primary {
            host: host.clone(),
            port,
        });
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        let Some(Primary { host, port }) = &self.0 else {
            return Vec::new();
        };
        join([host.clone(), port.to_string().into_bytes()].into_iter())
    }

    fn lines(&self, _default: &Self) -> Vec<Line> {
        match self.0 {
            None => Vec::new(),
            Some(_) => vec![Line::new(self.print(), true)],
        }
    }
}

/// `dir`: where files without a path live. Absolute once the server runs; a new value may be relative to the one
/// before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Dir(pub(crate) Vec<u8>);

impl Value for Dir {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        let [wanted] = words else {
            return Err("wrong number of arguments".into());
        };
        self.0 = disk::directory(&self.0, wanted).map_err(|error| super::explain(&error))?;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn lines(&self, _default: &Self) -> Vec<Line> {
        // Always written: the server may be restarted from another directory.
        vec![Line::quoted(&self.0, true)]
    }
}

// Process.

/// `shutdown-on-sigint`, `shutdown-on-sigterm`: what the signal adds to a plain SHUTDOWN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct OnSignal {
    pub(crate) save: bool,
    pub(crate) nosave: bool,
    pub(crate) now: bool,
    pub(crate) force: bool,
}

impl OnSignal {
    fn flags(self) -> [(&'static str, bool); 4] {
        let OnSignal {
            save,
            nosave,
            now,
            force,
        } = self;
        [
            ("save", save),
            ("nosave", nosave),
            ("now", now),
            ("force", force),
        ]
    }
}

impl Value for OnSignal {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        let mut wanted = OnSignal::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"default" => {}
                b"save" => wanted.save = true,
                b"nosave" => wanted.nosave = true,
                b"now" => wanted.now = true,
                b"force" => wanted.force = true,
                _ => {
                    let words = ["default", "save", "nosave", "now", "force"];
                    return Err(one_of(words.into_iter()));
                }
            }
        }
        if wanted.save && wanted.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
        }
        *self = wanted;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        let set: Vec<&str> = self
            .flags()
            .iter()
            .filter(|(_, on)| *on)
            .map(|(word, _)| *word)
            .collect();
        if set.is_empty() {
            b"default".to_vec()
        } else {
            set.join(" ").into_bytes()
        }
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        vec![Line::new(self.print(), self != default)]
    }
}

/// `oom-score-adj-values`: what a primary, a replica and a background task bid to the out-of-memory killer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct OomValues(pub(crate) [i32; 3]);

impl Value for OomValues {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        let [primary, replica, background] = words else {
            return Err("wrong number of arguments".into());
        };
        let parse = |word: &Vec<u8>| match parse_integer(word) {
            Some(value @ -2000..=2000) => Ok(value as i32),
            _ => Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
        };
        self.0 = [parse(primary)?, parse(replica)?, parse(background)?];
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        join(self.0.iter().map(|value| value.to_string().into_bytes()))
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        vec![Line::new(self.print(), self != default)]
    }
}

/// `latency-tracking-info-percentiles`: which percentiles INFO shows per command.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Percentiles(pub(crate) Vec<f64>);

impl Value for Percentiles {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        if is_empty(words) {
            self.0.clear();
            return Ok(());
        }
        let parse = |word: &Vec<u8>| match parse_f64(word) {
            None => Err("Invalid latency-tracking-info-percentiles parameters"),
            Some(percent) if !(0.0..=100.0).contains(&percent) => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
            }
            Some(percent) => Ok(percent),
        };
        self.0 = words.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        join(self.0.iter().map(|percent| {
            let text = format!("{percent:.6}");
            text.trim_end_matches('0')
                .trim_end_matches('.')
                .as_bytes()
                .to_vec()
        }))
    }

    fn lines(&self, _default: &Self) -> Vec<Line> {
        let text = if self.0.is_empty() {
            b"\"\"".to_vec()
        } else {
            self.print()
        };
        vec![Line::new(text, true)]
    }
}

// Keyspace events.

/// `notify-keyspace-events`: which happenings are published, and on which of two kinds of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Events(pub(crate) Classes);

impl Events {
    /// The classes that the letter A stands for. Key misses and new keys are too frequent to be part of "all".
    pub(crate) const ALL: Classes = Classes::of(&[
        class::GENERIC,
        class::STRING,
        class::LIST,
        class::SET,
        class::HASH,
        class::ZSET,
        class::EXPIRED,
        class::EVICTED,
        class::STREAM,
        class::MODULE,
    ]);

    /// Letters that print beside A.
    const BESIDE_ALL: Classes = Classes::of(&[class::KEYSPACE, class::KEYEVENT, class::KEY_MISS]);

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether an event of this class is to be published at all.
    #[inline]
    pub(crate) fn wants(self, event: Classes) -> bool {
        self.0.any(event) && self.0.any(class::KEYSPACE | class::KEYEVENT)
    }
}

impl Value for Events {
    fn set(&mut self, words: &[Vec<u8>], _from: Source) -> Result<(), Reason> {
        let [letters] = words else {
            return Err("wrong number of arguments".into());
        };
        let mut events = Classes::NONE;
        for letter in up_to_nul(letters) {
            let mut known = Classes::ALL.iter();
            let named = known.find(|(_, name)| name.as_bytes() == [*letter]);
            events = events.with(match named {
                Some((class, _)) => *class,
                None if *letter == b'A' => Self::ALL,
                None => {
                    return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
                }
            });
        }
        self.0 = events;
        Ok(())
    }

    fn print(&self) -> Vec<u8> {
        let (mut letters, shown) = if self.0.has(Self::ALL) {
            // Next to A the letter n is not shown, even when new keys are among the events.
            (b"A".to_vec(), self.0.0 & Self::BESIDE_ALL.0)
        } else {
            (Vec::new(), self.0.0)
        };
        letters.extend(Classes(shown).names().flat_map(str::bytes));
        letters
    }

    fn lines(&self, default: &Self) -> Vec<Line> {
        vec![Line::quoted(&self.print(), self != default)]
    }
}

// Parsers that the grammars share.

/// A whole number as C's `strtoll` takes it when nothing may follow: a sign is fine, and what is too large becomes the
/// largest.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some(if negative { -magnitude } else { magnitude })
}

/// An amount of memory. Redis forgives a missing number, which is 0, and takes what is too large as the largest.
pub(crate) fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let scale = crate::base::text::parse_memory(&[b"1", unit].concat())?;
    let number = number.iter().fold(0u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.saturating_mul(scale))
}

/// An amount of memory as a file has it: in the largest unit that divides it.
pub(crate) fn memory_text(bytes: u64) -> String {
    match bytes {
        0 => "0".to_string(),
        _ if bytes.is_multiple_of(1 << 30) => format!("{}gb", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}mb", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}kb", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// The refusal of a word that is not on the list.
pub(crate) fn one_of(words: impl Iterator<Item = &'static str>) -> Reason {
    let words: Vec<&str> = words.collect();
    format!(
        "argument(s) must be one of the following: {}",
        words.join(", ")
    )
    .into()
}

/// The refusal of a word that is no variant of `W`.
pub(crate) fn one_of_words<W: Word>() -> Reason {
    one_of(W::ALL.iter().map(|(word, _)| *word))
}

fn is_empty(words: &[Vec<u8>]) -> bool {
    matches!(words, [only] if only.is_empty())
}

fn join(words: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    words.collect::<Vec<_>>().join(&b' ')
}
