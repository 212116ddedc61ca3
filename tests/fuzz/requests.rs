//! Requests that are nearly right: built from the grammar of the commands, with odd values, then sometimes spoiled.

use pollux::testing::base::Rng;
use pollux::testing::spec::arg;
use pollux::testing::spec::{self, Arg, ArgKind, Group, Spec};

pub(crate) type Words = Vec<Vec<u8>>;

/// Makes requests of the commands it was given.
pub(crate) struct Requests {
    specs: Vec<&'static Spec>,
}

impl Requests {
    /// Of all commands but those for which `leaves_out` says so.
    pub(crate) fn new(leaves_out: impl Fn(&str) -> bool) -> Self {
        let with_subcommands =
            spec::all().flat_map(|spec| [spec].into_iter().chain(spec.subcommands.iter().copied()));
        Self {
            specs: with_subcommands
                .filter(|spec| !leaves_out(spec.name))
                .collect(),
        }
    }

    /// Only those of one group.
    pub(crate) fn of(self, group: Group) -> Self {
        let specs = self.specs.into_iter();
        Self {
            specs: specs.filter(|spec| spec.group == group).collect(),
        }
    }

    pub(crate) fn next(&self, rng: &mut Rng) -> Words {
        self.next_of(rng).1
    }

    /// A request, and the row of the command that it was made of.
    pub(crate) fn next_of(&self, rng: &mut Rng) -> (&'static Spec, Words) {
        let spec = self.specs[rng.index(self.specs.len())];
        let mut words: Words = spec
            .name
            .split('|')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        match spec.name {
            "config|set" => set_parameters(rng, &mut words),
            "client|pause" => pause(rng, &mut words),
            _ => (spec.args.iter()).for_each(|arg| emit(arg, spec.group, rng, &mut words)),
        }
        if rng.one_in(6) {
            spoil(&mut words, spec.group, rng);
        }
        (spec, words)
    }
}

/// Parameters that are there, with values that mostly fit.
fn set_parameters(rng: &mut Rng, words: &mut Words) {
    for _ in 0..=rng.index(3) {
        words.push(pick(PARAMETERS, rng));
        words.push(match rng.below(8) {
            0 => odd(rng),
            1 => pick(&["yes", "no"], rng),
            2 => pick(POLICIES, rng),
            3 => pick(&["KEA", "", "Kxe", "AKEn"], rng),
            4 => pick(&["-5", "-1", "0", "1mb", "normal 0 0 0"], rng),
            _ => rng.below(200).to_string().into_bytes(),
        });
    }
}

/// A pause that the test lives to see the end of.
fn pause(rng: &mut Rng, words: &mut Words) {
    words.push(rng.below(3000).to_string().into_bytes());
    if rng.one_in(2) {
        words.push(pick(&["WRITE", "ALL", "write", "NONE"], rng));
    }
}

/// What of the configuration changes how commands work, or when.
const PARAMETERS: &[&str] = &[
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "hash-max-ziplist-entries",
    "list-max-listpack-size",
    "list-compress-depth",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "stream-node-max-entries",
    "stream-node-max-bytes",
    "hll-sparse-max-bytes",
    "maxmemory",
    "maxmemory-policy",
    "maxmemory-samples",
    "maxmemory-clients",
    "notify-keyspace-events",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "latency-monitor-threshold",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "tracking-table-max-keys",
    "hz",
    "dynamic-hz",
    "maxclients",
    "timeout",
    "port",
    "dir",
    "cluster-compatibility-sample-ratio",
    "lfu-log-factor",
    "lfu-decay-time",
    "rdb-version",
    "save",
];

const POLICIES: &[&str] = &[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-ttl",
];

/// One argument with all that belongs to it, as often as the grammar and chance allow.
fn emit(arg: &Arg, group: Group, rng: &mut Rng, words: &mut Words) {
    if arg.flags.has(arg::OPTIONAL) && rng.one_in(2) {
        return;
    }
    let times = if arg.flags.has(arg::MULTIPLE) {
        1 + rng.index(4)
    } else {
        1
    };
    for time in 0..times {
        if let Some(token) = arg.token
            && (time == 0 || arg.flags.has(arg::MULTIPLE_TOKEN))
        {
            words.push(if token.is_empty() {
                b"\"\"".to_vec()
            } else {
                token.as_bytes().to_vec()
            });
        }
        match arg.kind {
            ArgKind::PureToken => {}
            ArgKind::OneOf => emit(&arg.args[rng.index(arg.args.len())], group, rng, words),
            ArgKind::Block => arg
                .args
                .iter()
                .for_each(|part| emit(part, group, rng, words)),
            kind => words.push(value(kind, group, rng)),
        }
    }
    // A count of keys is mostly the right one.
    if arg.kind == ArgKind::Key
        && arg.flags.has(arg::MULTIPLE)
        && let Some(before) = words.len().checked_sub(times + 1)
        && words[before].iter().all(u8::is_ascii_digit)
        && !rng.one_in(8)
    {
        words[before] = times.to_string().into_bytes();
    }
}

fn value(kind: ArgKind, group: Group, rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(20) {
        return odd(rng);
    }
    match kind {
        ArgKind::Key => key(group, rng),
        ArgKind::Integer | ArgKind::UnixTime if rng.one_in(3) => pick(NUMBERS, rng),
        ArgKind::UnixTime => (1_700_000_000 + rng.range(-100, 100_000))
            .to_string()
            .into_bytes(),
        ArgKind::Integer => rng.range(-3, 12).to_string().into_bytes(),
        ArgKind::Double => pick(DOUBLES, rng),
        ArgKind::Pattern => pick(PATTERNS, rng),
        ArgKind::String if group == Group::Stream && rng.one_in(2) => pick(IDS, rng),
        ArgKind::String if group == Group::SortedSet && rng.one_in(3) => pick(BOUNDS, rng),
        _ => text(rng),
    }
}

/// Few keys, so that commands meet; mostly one that holds what commands of this group want.
fn key(group: Group, rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0 => odd(rng),
        1..4 => pick(KEYS, rng),
        _ => format!("{}:{}", group.name(), rng.below(3)).into_bytes(),
    }
}

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => odd(rng),
        1 => pick(NUMBERS, rng),
        2 => {
            let most = *[10usize, 65, 130, 1100, 20_000]
                .get(rng.index(5))
                .expect("five");
            let mut bytes = vec![0; rng.index(most)];
            rng.fill(&mut bytes);
            bytes
        }
        3..6 => rng.below(40).to_string().into_bytes(),
        _ => vec![b'a' + rng.below(26) as u8; 1 + rng.index(3)],
    }
}

fn odd(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 => pick(NUMBERS, rng),
        1 => pick(DOUBLES, rng),
        2 => pick(IDS, rng),
        3 => pick(BOUNDS, rng),
        4 => pick(WORDS, rng),
        _ => {
            let mut bytes = vec![0; rng.index(9)];
            rng.fill(&mut bytes);
            bytes
        }
    }
}

fn pick(from: &[&str], rng: &mut Rng) -> Vec<u8> {
    from[rng.index(from.len())].as_bytes().to_vec()
}

/// Takes a request out of shape.
fn spoil(words: &mut Words, group: Group, rng: &mut Rng) {
    let at = rng.index(words.len());
    match rng.below(6) {
        0 => words.truncate(1.max(at)),
        1 => words.insert(at.max(1), odd(rng)),
        2 => words.push(text(rng)),
        3 if at > 0 => drop(words.remove(at)),
        4 => {
            let other = rng.index(words.len());
            words.swap(at, other);
        }
        _ if at > 0 => {
            words[at] = if rng.one_in(2) {
                key(group, rng)
            } else {
                odd(rng)
            }
        }
        _ => words.push(pick(WORDS, rng)),
    }
}

const KEYS: &[&str] = &[
    "string:0",
    "list:0",
    "set:0",
    "hash:0",
    "sorted-set:0",
    "stream:0",
    "generic:0",
    "{tag}a",
    "",
    "none",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "10",
    "16",
    "100",
    "127",
    "128",
    "-128",
    "255",
    "256",
    "1000",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775807",
    "18446744073709551615",
    "007",
    "+1",
    " 1",
    "1 ",
    "",
    "-",
    "0x10",
    "1e3",
    "1.0",
    "-0",
    "abc",
    "1700000000",
    "1700000000000",
];

const DOUBLES: &[&str] = &[
    "0",
    "1",
    "-1",
    "1.5",
    "-0",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "1e308",
    "-1e308",
    "1e-320",
    "1e400",
    "0.1",
    "3",
    "17",
    "1e17",
    "90",
    "-180",
    "85.05112878",
    "(1",
    "0x1p3",
    "",
    " 1",
    "1.",
    ".5",
    "9007199254740993",
];

const PATTERNS: &[&str] = &[
    "*",
    "s*",
    "?",
    "[a-z]*",
    "[^a",
    "[",
    "\\",
    "a\\*",
    "*a*b*c*d*e*",
    "",
    "list:*",
    "{tag}*",
];

const IDS: &[&str] = &[
    "*",
    "$",
    ">",
    "-",
    "+",
    "0",
    "0-0",
    "0-1",
    "1-1",
    "1-*",
    "2-5",
    "3",
    "18446744073709551615-18446744073709551615",
    "(1-1",
    "(0",
    "1-",
    "-1",
    "99999999999999999999-1",
    "1700000000000-0",
];

const BOUNDS: &[&str] = &[
    "-", "+", "[a", "(a", "[", "(", "(1", "1", "-inf", "+inf", "(inf", "[z", "(-1", "5", "nan",
    "(nan", "((1",
];

const WORDS: &[&str] = &[
    "NX",
    "XX",
    "GT",
    "LT",
    "CH",
    "INCR",
    "GET",
    "KEEPTTL",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "LIMIT",
    "COUNT",
    "MATCH",
    "TYPE",
    "STORE",
    "BY",
    "ASC",
    "DESC",
    "ALPHA",
    "WITHSCORES",
    "WITHVALUES",
    "BYSCORE",
    "BYLEX",
    "REV",
    "AGGREGATE",
    "WEIGHTS",
    "LEFT",
    "RIGHT",
    "BEFORE",
    "AFTER",
    "MAXLEN",
    "MINID",
    "~",
    "=",
    "NOACK",
    "BLOCK",
    "STREAMS",
    "GROUP",
    "JUSTID",
    "FORCE",
    "IDLE",
    "TIME",
    "RETRYCOUNT",
    "LASTID",
    "MKSTREAM",
    "ENTRIESREAD",
    "REPLACE",
    "ABSTTL",
    "FIELDS",
    "FNX",
    "FXX",
    "PERSIST",
    "NOVALUES",
    "IDX",
    "LEN",
    "MINMATCHLEN",
    "WITHMATCHLEN",
    "OVERFLOW",
    "WRAP",
    "SAT",
    "FAIL",
    "u8",
    "i64",
    "u64",
    "#1",
    "BIT",
    "BYTE",
    "FROMMEMBER",
    "FROMLONLAT",
    "BYRADIUS",
    "BYBOX",
    "km",
    "m",
    "ANY",
    "WITHDIST",
    "WITHCOORD",
    "WITHHASH",
    "STOREDIST",
    "HELP",
    "FULL",
];
