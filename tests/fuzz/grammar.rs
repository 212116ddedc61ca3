//! The grammar that COMMAND DOCS tells, held against what the commands take.
//!
//! From the arguments of each row lines are made: the shortest, one for each choice and each option, and one for each
//! pair of options. None of them may be answered with a syntax error; that a key or a number is wrong does not matter.
//! A line that was answered without any error is then spoiled, and has to be refused: by a word more than there may be,
//! and by an option without its value. An option that stands twice is mostly taken, and the last one counts; the others
//! are listed. Where a command is otherwise more lenient or stricter than its grammar, as Redis 8.0.6 is, a list says
//! so, with the reason.

use std::collections::BTreeSet;
use std::ops::Range;

use pollux::testing::commands;
use pollux::testing::spec::arg;
use pollux::testing::spec::{Arg, ArgKind, Group, Spec};

use super::driving::driver::{Driver, request};
use super::replies;

type Phrase = Vec<String>;

/// A request, and where in it an option stands.
struct Line {
    words: Phrase,
    option: Option<Range<usize>>,
    /// The option may be repeated, says the grammar.
    may_repeat: bool,
}

/// An exception: lines of a command that have all of these words, or all its lines if there are none.
struct Except {
    name: &'static str,
    words: &'static [&'static str],
    reason: &'static str,
}

const fn except(
    name: &'static str,
    words: &'static [&'static str],
    reason: &'static str,
) -> Except {
    Except {
        name,
        words,
        reason,
    }
}

#[test]
fn commands_take_what_their_grammar_says_and_nothing_else() {
    let mut found = Found::default();
    let payload = payload();
    for row in commands::table().all {
        let spec = row.spec;
        let has_no_grammar = spec.group == Group::Module && spec.args.is_empty();
        // Outside a cluster its commands say nothing else.
        let is_refused = spec.group == Group::Cluster;
        if spec.is_container() || has_no_grammar || is_refused || is_left_out(spec.name) {
            continue;
        }
        let mut is_taken = false;
        let mut server = Server::new(spec);
        for line in lines(spec, &payload) {
            let reply = server.reply_to(&line.words);
            if reply.starts_with(b"-ERR syntax error") {
                found.note(STRICTER, spec.name, "a syntax error", &line.words, &reply);
            }
            if reply.starts_with(b"-") {
                continue;
            }
            is_taken = true;
            for (spoiled, fault, exceptions) in spoiled(spec, &line) {
                let reply = server.reply_to(&spoiled);
                if !reply.starts_with(b"-") {
                    found.note(exceptions, spec.name, fault, &spoiled, &reply);
                }
            }
            if let Some((option, doubled)) = doubled(&line) {
                let reply = server.reply_to(&doubled);
                let may_not = REFUSED_TWICE
                    .iter()
                    .any(|(name, options)| *name == spec.name && options.contains(&option));
                if reply.starts_with(b"-") != may_not {
                    found.note(
                        &[],
                        spec.name,
                        "another answer to an option twice",
                        &doubled,
                        &reply,
                    );
                }
            }
        }
        if !is_taken {
            found.note(NEVER_TAKEN, spec.name, "no line is taken", &[], b"");
        }
    }
    found.judge();
}

/// What was found that should not be.
#[derive(Default)]
struct Found {
    faults: Vec<String>,
    /// The exceptions that were of use.
    used: BTreeSet<*const Except>,
}

impl Found {
    fn note(
        &mut self,
        exceptions: &'static [Except],
        name: &str,
        fault: &str,
        words: &[String],
        reply: &[u8],
    ) {
        let excuse = exceptions.iter().find(|except| {
            let has = |wanted: &&str| words.iter().any(|word| word == wanted);
            except.name == name && except.words.iter().all(has)
        });
        if let Some(excuse) = excuse {
            assert!(!excuse.reason.is_empty());
            self.used.insert(excuse);
            return;
        }
        let line = words.join(" ");
        let reply = replies::show(&reply[..reply.len().min(60)]);
        self.faults
            .push(format!("{fault}: {name}: {line} -> {reply}"));
    }

    fn judge(self) {
        let Self { mut faults, used } = self;
        for list in [STRICTER, ONE_MORE_IS_FINE, NO_VALUE_IS_FINE, NEVER_TAKEN] {
            for except in list {
                if !used.contains(&std::ptr::from_ref(except)) {
                    let Except {
                        name,
                        words,
                        reason,
                    } = except;
                    faults.push(format!(
                        "an exception without a case: {name} {words:?}, {reason}"
                    ));
                }
            }
        }
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
}

/// Commands that end the run or wait for a disk.
fn is_left_out(name: &str) -> bool {
    name.starts_with("debug") || matches!(name, "shutdown" | "config|rewrite")
}

/// A line with a word more, and one with an option of which only the first word is left.
fn spoiled(spec: &Spec, line: &Line) -> Vec<(Phrase, &'static str, &'static [Except])> {
    let mut all = Vec::new();
    if !spec.args.last().is_some_and(ends_open) {
        let mut words = line.words.clone();
        words.push("BOGUS".to_string());
        all.push((words, "one more is taken", ONE_MORE_IS_FINE));
    }
    if let Some(option) = line.option.clone().filter(|option| option.len() > 1) {
        let mut words = line.words.clone();
        words.drain(option.start + 1..option.end);
        all.push((words, "no value is taken", NO_VALUE_IS_FINE));
    }
    all
}

/// A line with its option twice, unless the grammar has it so.
fn doubled(line: &Line) -> Option<(&str, Phrase)> {
    let option = line.option.clone().filter(|_| !line.may_repeat)?;
    let mut words = line.words.clone();
    words.splice(option.end..option.end, line.words[option.clone()].to_vec());
    Some((&line.words[option.start], words))
}

/// Whether any word may follow, by the grammar.
fn ends_open(last: &Arg) -> bool {
    let is_one_word = match last.kind {
        ArgKind::Block => last.args.len() == 1,
        ArgKind::PureToken | ArgKind::OneOf => false,
        _ => true,
    };
    let has_room = last.flags.any(arg::MULTIPLE) && !last.flags.has(arg::MULTIPLE_TOKEN)
        || last.flags.has(arg::OPTIONAL) && last.token.is_none();
    has_room && is_one_word
        || last.kind == ArgKind::Block && last.args.last().is_some_and(ends_open)
}

/// The lines of a command.
fn lines(spec: &Spec, payload: &str) -> Vec<Line> {
    let name: Phrase = spec.name.split('|').map(str::to_uppercase).collect();
    let parts: Vec<Vec<Phrase>> = (spec.args.iter())
        .map(|arg| phrases(spec, arg, payload))
        .collect();
    // The choices are numbers of phrases, by part; parts without a choice have the first, or nothing.
    let line = |choices: &[(usize, usize)]| {
        let mut words = name.clone();
        let mut option = None;
        for (at, arg) in spec.args.iter().enumerate() {
            let chosen = choices.iter().find(|(part, _)| *part == at);
            let is_optional = arg.flags.has(arg::OPTIONAL);
            let phrase = match chosen {
                Some((_, choice)) => &parts[at][*choice],
                None if is_optional => continue,
                None => &parts[at][0],
            };
            let start = words.len();
            words.extend(phrase.iter().cloned());
            if is_optional && phrase[0].chars().all(|letter| letter.is_ascii_uppercase()) {
                option = Some((start..words.len(), arg.flags.any(arg::MULTIPLE)));
            }
        }
        let (option, may_repeat) = option.unzip();
        Line {
            words,
            option: option.filter(|_| choices.len() == 1),
            may_repeat: may_repeat.unwrap_or(false),
        }
    };
    let mut all = vec![line(&[])];
    for (at, choices) in parts.iter().enumerate() {
        for choice in 0..choices.len() {
            all.push(line(&[(at, choice)]));
            for (other, others) in parts.iter().enumerate().skip(at + 1) {
                for second in 0..others.len() {
                    all.push(line(&[(at, choice), (other, second)]));
                }
            }
        }
    }
    all
}

/// The ways to say an argument, the plainest first. None is empty.
fn phrases(spec: &Spec, arg: &Arg, payload: &str) -> Vec<Phrase> {
    let mut bodies: Vec<Phrase> = match arg.kind {
        ArgKind::PureToken => vec![Vec::new()],
        ArgKind::OneOf => (arg.args.iter())
            .flat_map(|choice| phrases(spec, choice, payload))
            .collect(),
        ArgKind::Block => block(spec, arg.args, payload),
        _ => vec![vec![value(spec, arg, payload)]],
    };
    if arg.flags.any(arg::MULTIPLE) && arg.kind != ArgKind::Key && !is_counted(arg) {
        let mut twice = bodies[0].clone();
        if arg.flags.has(arg::MULTIPLE_TOKEN) {
            twice.extend(arg.token.map(String::from));
        }
        twice.extend(bodies[0].iter().cloned());
        bodies.push(twice);
    }
    if let Some(token) = arg.token.filter(|token| !token.is_empty()) {
        for body in &mut bodies {
            body.insert(0, token.to_string());
        }
    }
    bodies
}

/// How many of them follow is said in front of them, or each goes with a key.
fn is_counted(arg: &Arg) -> bool {
    let name = arg.name();
    matches!(&*name, "field" | "id" | "weight" | "data")
}

fn block(spec: &Spec, parts: &[Arg], payload: &str) -> Vec<Phrase> {
    let parts: Vec<(bool, Vec<Phrase>)> = (parts.iter())
        .map(|part| {
            let is_optional = part.flags.has(arg::OPTIONAL);
            (is_optional, phrases(spec, part, payload))
        })
        .collect();
    let say = |at: usize, choice: usize| -> Phrase {
        (parts.iter().enumerate())
            .filter(|(part, (is_optional, _))| *part == at || !is_optional)
            .flat_map(|(part, (_, phrases))| phrases[if part == at { choice } else { 0 }].clone())
            .collect()
    };
    let mut all = vec![say(usize::MAX, 0)];
    for (at, (is_optional, phrases)) in parts.iter().enumerate() {
        let first = usize::from(!is_optional);
        all.extend((first..phrases.len()).map(|choice| say(at, choice)));
    }
    all.retain(|phrase| !phrase.is_empty());
    all
}

/// A value that fits.
fn value(spec: &Spec, arg: &Arg, payload: &str) -> String {
    let name = arg.name();
    let text = match (spec.name, &*name) {
        ("sort" | "sort_ro", "key") => "list",
        ("restore" | "restore-asking", "key")
        | (_, "destination" | "newkey" | "destkey" | "storekey") => "other",
        (_, "serialized-value") => payload,
        ("xreadgroup", "id") => ">",
        ("xrange" | "xpending", "start") | ("xrevrange", "end") => "-",
        ("xrange" | "xpending", "end") | ("xrevrange", "start") => "+",
        ("xread", "id") => "0",
        (_, "script") => "return 1",
        ("acl|dryrun", "username") => "default",
        ("acl|dryrun", "command") => "PING",
        (_, name) if ZEROS.contains(&name) => "0",
        (_, "id" | "last-id" | "lastid") => "9-1",
        ("zrangebylex" | "zrevrangebylex" | "zlexcount" | "zremrangebylex", "min" | "max") => "[a",
        ("config|set", "parameter") => "maxmemory-samples",
        ("lolwut", "version") => "5",
        ("hello", "protover") => "3",
        (_, "encoding") => "u8",
        (_, "type") => "string",
        (_, "section") => "server",
        (_, "command" | "command-name") => "get",
        (_, "group") => "group",
        (_, "consumer") => "consumer",
        (_, "field") => "f",
        (_, "addr" | "laddr") => "127.0.0.1:1",
        (_, "unix-time-seconds") => "2000000000",
        (_, "unix-time-milliseconds") => "2000000000000",
        (_, "milliseconds" | "seconds" | "ttl") => "1000",
        (_, "pattern" | "get-pattern" | "by-pattern") => "*",
        (_, "path") => "$.*",
        ("json.strappend", "value") => "\"1\"",
        _ if arg.kind == ArgKind::Key => match spec.group {
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "counted",
            Group::List => "list",
            Group::Module => "json",
            Group::Set => "set",
            Group::SortedSet => "sorted",
            Group::Stream => "stream",
            _ => "string",
        },
        _ => "1",
    };
    text.to_string()
}

/// Arguments of which 0 says least.
const ZEROS: &[&str] = &[
    "cursor",
    "offset",
    "start",
    "stop",
    "end",
    "index",
    "index1",
    "index2",
    "min-idle-time",
    "numreplicas",
    "numlocal",
];

/// What RESTORE takes. Bytes stand as the characters of the same numbers.
fn payload() -> String {
    let words = ["DUMP", "string"].map(String::from);
    let mut server = Server {
        driver: Driver::plain(),
        is_for_one: true,
    };
    let reply = server.reply_to(&words);
    let start = 1 + reply
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a length");
    let bytes = &reply[start..reply.len() - 2];
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

struct Server {
    driver: Driver,
    /// A line may change more than keys and its client, so each has a server to itself.
    is_for_one: bool,
}

impl Server {
    fn new(spec: &Spec) -> Self {
        let only_keys = !matches!(
            spec.group,
            Group::Connection | Group::PubSub | Group::Server | Group::Transactions
        );
        Self {
            driver: Driver::plain(),
            is_for_one: !only_keys,
        }
    }

    /// What is said to a new client, where there is a key of each type.
    fn reply_to(&mut self, words: &[String]) -> Vec<u8> {
        if self.is_for_one {
            self.driver = Driver::plain();
        }
        let client = self.driver.connect();
        for line in [
            "FLUSHALL",
            "SET string 1",
            "RPUSH list 1 2",
            "SADD set 1 2",
            "HSET hash f 1 g 2",
            "ZADD sorted 1 1 2 2",
            "GEOADD geo 1 1 1",
            "PFADD counted 1",
            "XADD stream 1-1 f 1",
            "XGROUP CREATE stream group 0",
            r#"JSON.SET json $ {"text":"1","number":1,"list":[1],"object":{"a":1},"truth":true}"#,
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let reply = self.driver.ask(client, &request(&words));
            assert!(!reply.starts_with(b"-"), "{line}");
        }
        let bytes =
            |word: &String| -> Vec<u8> { word.chars().map(|letter| letter as u8).collect() };
        let words: Vec<Vec<u8>> = words.iter().map(bytes).collect();
        let reply = self.driver.ask(client, &request(&words));
        self.driver.engine.handle_closed(client);
        reply
    }
}

/// Lines of the grammar that are refused as errors of syntax: what the grammar cannot say.
static STRICTER: &[Except] = &[
    except(
        "migrate",
        &["AUTH"],
        "the empty word in place of a key is not shown",
    ),
    except(
        "migrate",
        &["AUTH2"],
        "the empty word in place of a key is not shown",
    ),
    except(
        "migrate",
        &["KEYS"],
        "the empty word in place of a key is not shown",
    ),
    except(
        "restore",
        &["IDLETIME", "FREQ"],
        "one or the other, as the policy of eviction is",
    ),
    except(
        "restore-asking",
        &["IDLETIME", "FREQ"],
        "one or the other, as the policy of eviction is",
    ),
    except("xadd", &["LIMIT"], "needs the mark `~`"),
    except("xtrim", &["LIMIT"], "needs the mark `~`"),
    except("zrange", &["LIMIT"], "needs BYSCORE or BYLEX"),
    except(
        "zrange",
        &["BYLEX", "WITHSCORES"],
        "all scores are the same",
    ),
    except("zrangestore", &["LIMIT"], "needs BYSCORE or BYLEX"),
    except("client|list", &["TYPE", "ID"], "one or the other"),
    except("failover", &["ABORT"], "it goes alone"),
];

/// A word that the grammar does not know, at the end.
static ONE_MORE_IS_FINE: &[Except] = &[
    except("json.debug", &[], "what follows is not looked at"),
    except("json.strappend", &[], "what follows is not looked at"),
    except(
        "json.mget",
        &[],
        "the last word is the path, and all before it are keys",
    ),
    except("quit", &[], "whoever leaves is not argued with"),
    except(
        "lolwut",
        &[],
        "a version draws what it likes from its words",
    ),
];

/// Options that may not stand twice.
const REFUSED_TWICE: &[(&str, &[&str])] = &[
    ("json.set", &["NX", "XX"]),
    ("lolwut", &["VERSION"]),
    ("geodist", &["M", "KM", "FT", "MI"]),
    ("hexpire", &["NX", "XX", "GT", "LT"]),
    ("hexpireat", &["NX", "XX", "GT", "LT"]),
    ("hgetex", &["EX", "PX", "EXAT", "PXAT", "PERSIST"]),
    ("hpexpire", &["NX", "XX", "GT", "LT"]),
    ("hpexpireat", &["NX", "XX", "GT", "LT"]),
    (
        "hsetex",
        &["FNX", "FXX", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"],
    ),
    ("acl|log", &["RESET"]),
    ("script|flush", &["ASYNC", "SYNC"]),
    ("function|flush", &["ASYNC", "SYNC"]),
    ("function|list", &["LIBRARYNAME", "WITHCODE"]),
    ("flushall", &["ASYNC", "SYNC"]),
    ("flushdb", &["ASYNC", "SYNC"]),
    ("blmpop", &["COUNT"]),
    ("lmpop", &["COUNT"]),
    ("bgsave", &["SCHEDULE"]),
    ("xadd", &["MAXLEN", "MINID"]),
    ("xpending", &["IDLE"]),
    ("bzmpop", &["COUNT"]),
    ("zmpop", &["COUNT"]),
    ("zrange", &["BYSCORE", "REV"]),
    ("zrangestore", &["BYSCORE", "REV"]),
    ("zrank", &["WITHSCORE"]),
    ("zrevrank", &["WITHSCORE"]),
    ("command|list", &["FILTERBY"]),
    ("client|list", &["TYPE"]),
    ("client|pause", &["WRITE", "ALL"]),
    ("client|tracking", &["REDIRECT"]),
    ("client|unblock", &["TIMEOUT", "ERROR"]),
    ("xgroup|setid", &["ENTRIESREAD"]),
    ("xinfo|stream", &["FULL"]),
];

/// An option of which only the first word is there.
static NO_VALUE_IS_FINE: &[Except] = &[
    except(
        "xinfo|stream",
        &["FULL"],
        "what follows is an option of the option",
    ),
    except(
        "lolwut",
        &["VERSION"],
        "a version draws what it likes from its words",
    ),
];

/// Commands of which every line is refused for another reason than its syntax, so that none could be spoiled.
static NEVER_TAKEN: &[Except] = &[
    except("acl|load", &[], "there is no file of users"),
    except("acl|save", &[], "there is no file of users"),
    except("failover", &[], "needs a replica"),
    except("auth", &[], "no password is set"),
    except("evalsha", &[], "no script has that name"),
    except("evalsha_ro", &[], "no script has that name"),
    except("script|kill", &[], "no script runs"),
    except("fcall", &[], "no function has that name"),
    except("fcall_ro", &[], "no function has that name"),
    except("function|delete", &[], "no library has that name"),
    except("function|kill", &[], "no function runs"),
    except("function|load", &[], "a library is more than a word"),
    except("function|restore", &[], "the payload is one of a value"),
    except("pfdebug", &[], "its words depend on the first"),
    except("save", &[], "there is no disk"),
    except("discard", &[], "no transaction is open"),
    except("exec", &[], "no transaction is open"),
    except("client|caching", &[], "tracking is off"),
    except("object|freq", &[], "another policy of eviction is set"),
    except("latency|graph", &[], "nothing was slow"),
    except("module|load", &[], "there are no modules"),
    except("module|loadex", &[], "there are no modules"),
    except("module|unload", &[], "there are no modules"),
    except("xgroup|create", &[], "the group is there"),
];
