//! Reads a file, record by record.
//!
//! Keys and short strings go into an arena that the caller keeps, so that a file of small keys is read without an
//! allocation for each. A value that is long, or no string, is built as a value of its own.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use crate::base::crc::crc64;
use crate::base::num;
use crate::persist::rdb::module::{self, Part, part};
use crate::persist::rdb::read::Text;
use crate::persist::rdb::{Fault, Limits, Loaded, Reader, VERSION_MAX, VERSION_VALKEY, kind};
use crate::types::Value;

use super::{CHECKSUMS_SINCE, HEADER_LEN, MAGIC_REDIS, MAGIC_VALKEY, opcode};

/// How long a key has been idle, or how often it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    IdleSeconds(u64),
    Frequency(u8),
}

/// The next thing in a file.
#[derive(Debug)]
pub(crate) enum Event {
    /// The file begins. Always the first.
    Version(u16),
    Aux {
        name: Vec<u8>,
        value: Vec<u8>,
    },
    Functions(Vec<u8>),
    SelectDb(u64),
    Sizes {
        keys: u64,
    },
    Key(Record),
    /// A value without elements, which old servers wrote by mistake. No key can hold it.
    EmptyKey(Range<usize>),
    /// Something of a module was passed over, as `skips_modules` allows. `key` if it was a key's value.
    Skipped {
        module: String,
        key: Option<Range<usize>>,
    },
    /// The file is complete. Always the last.
    End(Verdict),
}

/// The verdict of a file's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Matches,
    /// The file has none.
    None,
    /// It was not looked at.
    Ignored,
}

/// A key with its value. Ranges are of the arena.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: Range<usize>,
    pub(crate) deadline: Option<i64>,
    pub(crate) access: Option<Access>,
    /// The first byte of the value.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests look at what was written")
    )]
    pub(crate) kind: u8,
    pub(crate) value: Held,
}

#[derive(Debug)]
pub(crate) enum Held {
    Int(i64),
    /// A string no longer than `short_max`.
    Short(Range<usize>),
    Value(Value),
}

/// Why a file cannot be read any further.
#[derive(Debug)]
pub struct Trouble {
    /// So many bytes were read before.
    pub(crate) offset: u64,
    pub(crate) wrong: Wrong,
}

#[derive(Debug)]
pub(crate) enum Wrong {
    /// The file ends too early.
    Ended,
    Io(io::Error),
    Signature,
    Version(u16),
    /// A value or a record is not as it has to be.
    Malformed(&'static str),
    UnknownKind(u8),
    /// A module's data, without which the data set is not whole.
    ModuleAux(String),
    ModuleValue(String),
    Checksum {
        expected: u64,
        found: u64,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("Unexpected EOF reading RDB file"),
            Self::Io(error) => write!(f, "Error reading RDB file: {error}"),
            Self::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Self::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Self::Malformed(what) => f.write_str(what),
            Self::UnknownKind(kind) => write!(f, "Unknown RDB encoding type {kind}"),
            Self::ModuleAux(name) => write!(
                f,
                "The RDB file contains AUX module data I can't load: no matching module '{name}'"
            ),
            Self::ModuleValue(name) => write!(
                f,
                "The RDB file contains module data I can't load: no matching module type '{name}'"
            ),
            Self::Checksum { .. } => f.write_str("RDB CRC error"),
        }
    }
}

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether the checksum is computed and compared.
    pub checks: bool,
    /// Whether data of modules is passed over.
    pub skips_modules: bool,
    /// Strings up to this length go into the arena.
    pub short_max: usize,
}

/// The reader's place in the file, for reports of damage.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) doing: Doing,
    /// The key whose value is being read, in the arena.
    pub(crate) key: Option<Range<usize>>,
    pub(crate) kind: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Start,
    Type,
    Deadline,
    Key,
    Value,
    Checksum,
    Length,
    Aux,
    ModuleAux,
    Functions,
}

impl Doing {
    /// As redis-check-rdb calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Type => "read-type",
            Self::Deadline => "read-expire",
            Self::Key => "read-key",
            Self::Value => "read-object-value",
            Self::Checksum => "check-sum",
            Self::Length => "read-len",
            Self::Aux => "read-aux",
            Self::ModuleAux => "read-module-aux",
            Self::Functions => "read-functions",
        }
    }
}

pub struct FileReader<R> {
    reader: Reader<Source<R>>,
    options: Options,
    has_begun: bool,
    place: Place,
    deadline: Option<i64>,
    access: Option<Access>,
}

impl<R: Read> FileReader<R> {
    pub fn new(input: R, limits: &Limits, options: Options) -> Self {
        Self {
            reader: Reader::new(Source::new(input, options.checks), 0, limits),
            options,
            has_begun: false,
            place: Place {
                doing: Doing::Start,
                key: None,
                kind: None,
            },
            deadline: None,
            access: None,
        }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.reader.input().offset()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The input, and what had been read from it ahead: an append-only file goes on behind its preamble.
    pub(crate) fn into_input(self) -> (Vec<u8>, R) {
        let source = self.reader.into_inner();
        (source.buffer[source.at..source.end].to_vec(), source.input)
    }

    /// The next event. Not to be called again after the end or a trouble. `arena` is appended to.
    pub(crate) fn next(&mut self, arena: &mut Vec<u8>) -> Result<Event, Trouble> {
        let outcome = if self.has_begun {
            self.record(arena)
        } else {
            self.has_begun = true;
            self.header()
        };
        outcome.map_err(|wrong| Trouble {
            offset: self.offset(),
            wrong,
        })
    }

    fn header(&mut self) -> Result<Event, Wrong> {
        let header: [u8; HEADER_LEN] = self.reader.array()?;
        let (is_valkey, digits) = if let Some(digits) = header.strip_prefix(MAGIC_REDIS) {
            (false, digits)
        } else if let Some(digits) = header.strip_prefix(MAGIC_VALKEY) {
            (true, digits)
        } else {
            return Err(Wrong::Signature);
        };
        let version = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse::<u16>().ok())
            .ok_or(Wrong::Signature)?;
        let is_known = if is_valkey {
            version == VERSION_VALKEY
        } else {
            (1..=VERSION_MAX).contains(&version)
        };
        if !is_known {
            return Err(Wrong::Version(version));
        }
        self.reader.set_version(version);
        Ok(Event::Version(version))
    }

    fn record(&mut self, arena: &mut Vec<u8>) -> Result<Event, Wrong> {
        loop {
            self.place.doing = Doing::Type;
            let opcode = self.reader.byte()?;
            self.place.doing = doing_at(opcode);
            match opcode {
                opcode::DEADLINE_MS => {
                    let ms = i64::from_le_bytes(self.reader.array()?);
                    self.set_deadline(ms);
                }
                opcode::DEADLINE_S => {
                    let seconds = i32::from_le_bytes(self.reader.array()?);
                    self.set_deadline(i64::from(seconds) * 1000);
                }
                opcode::IDLE => self.access = Some(Access::IdleSeconds(self.reader.length()?)),
                opcode::FREQUENCY => self.access = Some(Access::Frequency(self.reader.byte()?)),
                opcode::AUX => {
                    let (name, value) = (self.reader.string()?, self.reader.string()?);
                    return Ok(Event::Aux { name, value });
                }
                opcode::FUNCTIONS => return Ok(Event::Functions(self.reader.string()?)),
                opcode::FUNCTIONS_EARLY => {
                    return Err(Wrong::Malformed(
                        "Pre-release function format not supported.",
                    ));
                }
                opcode::SELECT_DB => return Ok(Event::SelectDb(self.reader.length()?)),
                opcode::SIZES => {
                    let keys = self.reader.length()?;
                    let _with_deadline = self.reader.length()?;
                    return Ok(Event::Sizes { keys });
                }
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        self.reader.length()?;
                    }
                }
                opcode::SLOT_IMPORT => {
                    return Err(Wrong::Malformed(
                        "The file was written while a slot was being moved, which is not supported.",
                    ));
                }
                opcode::MODULE_AUX => return self.module_aux(),
                opcode::END => return self.end(),
                kind => return self.key(kind, arena),
            }
        }
    }

    fn set_deadline(&mut self, deadline: i64) {
        // Minus one has always meant that there is none.
        self.deadline = (deadline != -1).then_some(deadline);
    }

    fn key(&mut self, kind: u8, arena: &mut Vec<u8>) -> Result<Event, Wrong> {
        let (deadline, access) = (self.deadline.take(), self.access.take());
        let start = arena.len();
        self.place.kind = Some(kind);
        self.reader.append_string(arena)?;
        let key = start..arena.len();
        self.place.doing = Doing::Value;
        self.place.key = Some(key.clone());
        let value = match kind {
            kind::STRING => match self.reader.text(arena, self.options.short_max)? {
                Text::Int(number) => Held::Int(number),
                Text::Appended(range) => match as_number(&arena[range.clone()]) {
                    Some(number) => Held::Int(number),
                    None => Held::Short(range),
                },
                Text::Long(text) => Held::Value(Value::Str(text.into())),
            },
            kind::MODULE => {
                return Err(Wrong::Malformed("Pre-release module format not supported"));
            }
            kind::MODULE_2 => {
                let id = self.reader.length()?;
                if let Some(Loaded::Value(value)) = self.reader.module(id)? {
                    (self.place.key, self.place.kind) = (None, None);
                    return Ok(Event::Key(Record {
                        key,
                        deadline,
                        access,
                        kind,
                        value: Held::Value(value),
                    }));
                }
                let module = module::name(id);
                if !self.options.skips_modules {
                    return Err(Wrong::ModuleValue(module));
                }
                self.skip_module()?;
                return Ok(Event::Skipped {
                    module,
                    key: Some(key),
                });
            }
            kind => match self.reader.value(kind) {
                Ok(Loaded::Value(value)) => Held::Value(value),
                Ok(Loaded::Text(text)) => Held::Value(Value::Str(text.into())),
                Err(Fault::Empty) => {
                    (self.place.key, self.place.kind) = (None, None);
                    return Ok(Event::EmptyKey(key));
                }
                Err(Fault::Malformed) => return Err(Wrong::Malformed(kind::damage(kind))),
                Err(Fault::Broken(what)) => return Err(Wrong::Malformed(what)),
                Err(other) => return Err(other.into()),
            },
        };
        (self.place.key, self.place.kind) = (None, None);
        Ok(Event::Key(Record {
            key,
            deadline,
            access,
            kind,
            value,
        }))
    }

    fn module_aux(&mut self) -> Result<Event, Wrong> {
        let module = module::name(self.reader.length()?);
        if self.reader.length()? != part::UINT {
            return Err(Wrong::Malformed("bad when_opcode"));
        }
        self.reader.length()?;
        if !self.options.skips_modules {
            return Err(Wrong::ModuleAux(module));
        }
        self.skip_module()?;
        Ok(Event::Skipped { module, key: None })
    }

    /// Passes over what a module has written: each part says what it is.
    fn skip_module(&mut self) -> Result<(), Wrong> {
        while self.reader.module_part()? != Part::End {}
        Ok(())
    }

    fn end(&mut self) -> Result<Event, Wrong> {
        if self.reader.version() < CHECKSUMS_SINCE {
            return Ok(Event::End(Verdict::None));
        }
        let expected = self.reader.input_mut().sum();
        let found = u64::from_le_bytes(self.reader.array()?);
        let verdict = match found {
            _ if !self.options.checks => Verdict::Ignored,
            0 => Verdict::None,
            found if found == expected => Verdict::Matches,
            found => return Err(Wrong::Checksum { expected, found }),
        };
        Ok(Event::End(verdict))
    }
}

fn doing_at(opcode: u8) -> Doing {
    match opcode {
        opcode::DEADLINE_MS | opcode::DEADLINE_S => Doing::Deadline,
        opcode::SELECT_DB | opcode::SIZES | opcode::SLOT_INFO | opcode::SLOT_IMPORT => {
            Doing::Length
        }
        opcode::AUX => Doing::Aux,
        opcode::MODULE_AUX => Doing::ModuleAux,
        opcode::FUNCTIONS | opcode::FUNCTIONS_EARLY => Doing::Functions,
        opcode::END => Doing::Checksum,
        opcode::IDLE | opcode::FREQUENCY => Doing::Type,
        _ => Doing::Key,
    }
}

/// The number of which this is the canonical text.
fn as_number(text: &[u8]) -> Option<i64> {
    (text.len() <= NUMBER_LEN_MAX)
        .then(|| num::parse_i64(text))
        .flatten()
}

/// The longest text of a number of 64 bits.
const NUMBER_LEN_MAX: usize = 20;

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Ended
        } else {
            Self::Io(error)
        }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => error.into(),
            Fault::Unknown(kind) => Self::UnknownKind(kind),
            Fault::Broken(what) => Self::Malformed(what),
            Fault::Malformed | Fault::Empty => Self::Malformed("Bad data format"),
        }
    }
}

/// The input, read ahead in large pieces, and the sum of what has been taken from it.
struct Source<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// The bytes that were taken before those in the buffer.
    before: u64,
    sums: bool,
    sum: u64,
    /// Up to here the buffer is in the sum.
    summed: usize,
    /// Where something began of which the end is missing.
    short_at: Option<u64>,
}

const BUFFER_BYTES: usize = 128 * 1024;

impl<R: Read> Source<R> {
    fn new(input: R, sums: bool) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            at: 0,
            end: 0,
            before: 0,
            sums,
            sum: 0,
            summed: 0,
            short_at: None,
        }
    }

    fn offset(&self) -> u64 {
        self.short_at.unwrap_or(self.before + self.at as u64)
    }

    /// The sum of all that has been taken.
    fn sum(&mut self) -> u64 {
        if self.sums {
            self.sum = crc64(self.sum, &self.buffer[self.summed..self.at]);
        }
        self.summed = self.at;
        self.sum
    }

    /// Called when all of the buffer has been taken.
    #[cold]
    fn refill(&mut self) -> io::Result<()> {
        self.sum();
        self.before += self.at as u64;
        (self.at, self.end, self.summed) = (0, 0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(count) => {
                    self.end = count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end {
            self.refill()?;
        }
        let count = into.len().min(self.end - self.at);
        into[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }

    #[inline]
    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        if let Some(bytes) = self.buffer[..self.end].get(self.at..self.at + into.len()) {
            into.copy_from_slice(bytes);
            self.at += into.len();
            return Ok(());
        }
        let start = self.offset();
        let mut filled = 0;
        while filled < into.len() {
            match self.read(&mut into[filled..])? {
                0 => {
                    self.short_at = Some(start);
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                count => filled += count,
            }
        }
        Ok(())
    }
}
