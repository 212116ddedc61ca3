//! What the rows say of keys is what users are held to: for every command and each of its keys, a user that lacks the
//! permission for that key is refused and nothing has changed; with it, the command runs.
//!
//! The requests are made from the grammars of the rows, with every place where a key may stand; which of the words are
//! keys, and whether they are read or written, is asked of the server itself.

#![allow(clippy::unwrap_used)]

mod driving;

use pollux::testing::base::Id;
use pollux::testing::spec::{self, Arg, ArgKind, Spec, arg, flag};

use driving::driver::{Driver, request};

/// Commands whose keys cannot be reached with a request made so.
const OUT_OF_REACH: &[&str] = &[];

/// A request that is being made from a grammar.
#[derive(Clone, Default)]
struct Maker {
    words: Vec<String>,
    keys: usize,
}

impl Maker {
    fn push(&mut self, part: &Arg, wants_keys: bool) {
        if part.flags.has(arg::OPTIONAL) && !(wants_keys && holds_key(part)) {
            return;
        }
        if let Some(token) = part.token.filter(|token| !token.is_empty()) {
            self.words.push(token.to_owned());
        }
        match part.kind {
            ArgKind::PureToken => {}
            ArgKind::OneOf => {
                let with_key = part
                    .args
                    .iter()
                    .find(|choice| wants_keys && holds_key(choice));
                if let Some(choice) = with_key.or(part.args.first()) {
                    self.push(choice, wants_keys);
                }
            }
            ArgKind::Block => part
                .args
                .iter()
                .for_each(|part| self.push(part, wants_keys)),
            ArgKind::Key => {
                self.keys += 1;
                self.words.push(format!("key{}", self.keys));
            }
            ArgKind::Integer => self.words.push("1".to_owned()),
            ArgKind::Double => self.words.push("1.0".to_owned()),
            ArgKind::UnixTime => self.words.push("9999999999".to_owned()),
            ArgKind::String | ArgKind::Pattern => self.words.push("x".to_owned()),
        }
    }
}

fn holds_key(part: &Arg) -> bool {
    part.kind == ArgKind::Key || part.args.iter().any(holds_key)
}

/// The requests of a command: with all places for keys, and without the optional ones.
fn requests(spec: &Spec) -> Vec<Vec<String>> {
    let makers = [true, false].map(|wants_keys| {
        let words = spec.name.split('|').map(str::to_owned).collect();
        let mut maker = Maker { words, keys: 0 };
        spec.args
            .iter()
            .for_each(|part| maker.push(part, wants_keys));
        maker.words
    });
    let [all, few] = makers;
    if all == few {
        vec![all]
    } else {
        vec![all, few]
    }
}

/// A key of a request, and what it takes to reach it.
struct Key {
    name: String,
    reads: bool,
    writes: bool,
}

struct Bench {
    driver: Driver,
    admin: Id,
    user: Id,
}

impl Bench {
    fn new() -> Self {
        let mut driver = Driver::plain();
        let (admin, user) = (driver.connect(), driver.connect());
        let mut bench = Self {
            driver,
            admin,
            user,
        };
        bench.ask(admin, &["CONFIG", "SET", "acllog-max-len", "0"]);
        bench
    }

    fn ask<W: AsRef<[u8]>>(&mut self, who: Id, words: &[W]) -> String {
        String::from_utf8_lossy(&self.driver.ask(who, &request(words))).into_owned()
    }

    /// The keys of a request, as the server tells a client that does not know the command.
    fn keys(&mut self, words: &[String]) -> Vec<Key> {
        let mut question = vec!["COMMAND".to_owned(), "GETKEYSANDFLAGS".to_owned()];
        question.extend_from_slice(words);
        let admin = self.admin;
        let reply = self.ask(admin, &question);
        let lines: Vec<&str> = reply.split("\r\n").collect();
        let mut keys: Vec<Key> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let is_key = line.starts_with("key") && lines[at - 1].starts_with('$');
            if is_key {
                let name = (*line).to_owned();
                keys.push(Key {
                    name,
                    reads: false,
                    writes: false,
                });
            } else if let Some(key) = keys.last_mut() {
                key.reads |= *line == "+access" || *line == "access";
                key.writes |= ["insert", "update", "delete"]
                    .iter()
                    .any(|word| line.trim_start_matches('+') == *word);
            }
        }
        keys
    }

    /// Runs the request as a user with these rules about keys, on an empty data set; whether it was refused, and
    /// whether the data set is as before.
    fn attempt(&mut self, rules: &[String], words: &[String]) -> (String, bool) {
        let (admin, user) = (self.admin, self.user);
        self.ask(admin, &["FLUSHALL"]);
        self.ask(admin, &["SCRIPT", "LOAD", "return 1"]);
        let mut setuser: Vec<String> = ["ACL", "SETUSER", "u", "reset", "on", "nopass", "+@all"]
            .map(str::to_owned)
            .to_vec();
        setuser.extend_from_slice(rules);
        assert_eq!(self.ask(admin, &setuser), "+OK\r\n", "{setuser:?}");
        self.user = self.driver.reconnect(user);
        let user = self.user;
        assert_eq!(self.ask(user, &["AUTH", "u", "x"]), "+OK\r\n");
        let before = self.ask(admin, &["DEBUG", "DIGEST"]);
        let reply = self.ask(user, words);
        (reply, self.ask(admin, &["DEBUG", "DIGEST"]) == before)
    }
}

fn rule(key: &Key, reads: bool, writes: bool) -> String {
    match (reads, writes) {
        (true, true) => format!("~{}", key.name),
        (true, false) => format!("%R~{}", key.name),
        _ => format!("%W~{}", key.name),
    }
}

/// Rules that lack what this key needs, each in another way.
fn lacking(key: &Key) -> Vec<Option<String>> {
    let mut ways = vec![None];
    if key.reads {
        ways.push(Some(rule(key, false, true)));
    }
    if key.writes {
        ways.push(Some(rule(key, true, false)));
    }
    ways
}

#[test]
fn a_key_without_permission_is_refused_and_with_it_the_command_runs() {
    let mut bench = Bench::new();
    let (mut rows, mut asked) = (0, 0);
    let table = pollux::testing::commands::table();
    for command in &table.all {
        let spec = command.spec;
        let has_keys = spec.args.iter().any(holds_key);
        // Replicas are told so, and who asks has to be one.
        if !has_keys || spec.flags.any(flag::ADMIN) {
            continue;
        }
        rows += 1;
        let mut found = 0;
        for words in requests(spec) {
            let keys = bench.keys(&words);
            found += keys.len();
            for (at, key) in keys.iter().enumerate() {
                let others = keys.iter().enumerate().filter(|(other, _)| *other != at);
                let others: Vec<String> = others.map(|(_, key)| rule(key, true, true)).collect();
                for way in lacking(key) {
                    let rules: Vec<String> = others.iter().cloned().chain(way).collect();
                    let (reply, is_same) = bench.attempt(&rules, &words);
                    assert!(
                        reply.starts_with("-NOPERM No permissions to access a key"),
                        "{words:?} with {rules:?}: {reply}"
                    );
                    assert!(is_same, "{words:?} with {rules:?}");
                    asked += 1;
                }
            }
            let exact = keys
                .iter()
                .map(|key| rule(key, key.reads, key.writes || !key.reads));
            let (reply, _) = bench.attempt(&exact.collect::<Vec<_>>(), &words);
            assert!(!reply.starts_with("-NOPERM"), "{words:?}: {reply}");
        }
        let is_known = OUT_OF_REACH.contains(&spec.name);
        assert_eq!(
            found == 0,
            is_known,
            "{}: a request made from its grammar has no keys",
            spec.name
        );
    }
    assert!(rows > 150 && asked > 400, "{rows} rows, {asked} questions");
    assert!(spec::all().count() > rows);
}
