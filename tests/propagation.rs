//! How commands propagate is a column of their rows: every row that propagates is shown to do so, in an engine with an
//! append-only log, and every other row to leave nothing there. And it is the same whether commands run one by one or
//! in one go: the log and the stream to replicas get the same bytes.
//!
//! `tests/peers/propagation.json` has the column for `tests/peers/propagation.py`, which holds it against a real
//! server; `UPDATE=1 cargo test --test propagation` writes it anew.

mod driving;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pollux::testing::base::{Id, Rng};
use pollux::testing::commands;
use pollux::testing::config::{Config, Permission};
use pollux::testing::engine::News;
use pollux::testing::engine::Table;
use pollux::testing::spec::{self, Propagates, Spec};

use driving::driver::{Driver, request};

/// The traces of commands in the log, one or more for each command that propagates: requests that prepare the ground,
/// the command, and what the log gets; `same` stands for the command as it was received. The time is 1700000000000.
const SAMPLES: &str = "
BITFIELD k SET u8 0 1 => same
BITFIELD k GET u8 0 =>
SET a x | BITOP NOT k a => same
SETBIT k 1 1 => same

SET a x | COPY a b => same
SET a x | DEL a b => same
DEL a =>
SET a x | EXPIRE a 10 => PEXPIREAT a 1700000010000
SET a x | EXPIRE a -1 => DEL a
SET a x | EXPIREAT a 1800000000 => PEXPIREAT a 1800000000000
SET a x | PEXPIRE a 10 => PEXPIREAT a 1700000000010
SET a x | PEXPIREAT a 1800000000000 => same
SET a x | PEXPIREAT a 1 => DEL a
SET a x | MIGRATE host 1 a 0 10 => DEL a
SET a x | MIGRATE host 1 a 0 10 COPY =>
SET a x | MOVE a 1 => same
SET a x EX 9 | PERSIST a => same
SET a x | RENAME a b => same
SET a x | RENAMENX a b => same
SET a x | RESTORE b 0 no-dump =>
RPUSH a 2 1 | SORT a STORE b => same
RPUSH a 2 1 | SORT a =>
SET a x | UNLINK a => same

GEOADD k 1 1 a => zadd k 3377822707026402 a
GEOADD k 1 1 a | GEORADIUS k 1 1 9 km STORE d => same
GEOADD k 1 1 a | GEORADIUS k 1 1 9 km =>
GEOADD k 1 1 a | GEORADIUSBYMEMBER k a 9 km STORE d => same
GEOADD k 1 1 a | GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 9 km => same

VADD k VALUES 2 1 2 a => same
VADD k VALUES 2 1 2 a | VADD k VALUES 2 2 1 a => same
VADD k VALUES 2 1 2 a | VREM k a => same
VADD k VALUES 2 1 2 a | VREM k b =>
VADD k VALUES 2 1 2 a | VSETATTR k a {} => same
VADD k VALUES 2 1 2 a | VSETATTR k b {} =>

JSON.SET k . [1] => same
JSON.SET k . 1 XX =>
JSON.SET k . {\"a\":1} | JSON.SET k .a 2 => same
JSON.SET k . [1] | JSON.ARRAPPEND k . 2 => same
JSON.SET k . [1] | JSON.ARRAPPEND k [0] 2 =>
JSON.SET k . [1] | JSON.ARRINSERT k . 0 2 => same
JSON.SET k . [1] | JSON.ARRPOP k => same
JSON.SET k . [] | JSON.ARRPOP k =>
JSON.SET k . [1,2] | JSON.ARRTRIM k . 0 0 => same
JSON.SET k . [1] | JSON.CLEAR k => same
JSON.SET k . [1] | JSON.DEL k => same
JSON.SET k . [1] | JSON.DEL k [5] =>
JSON.SET k . [1] | JSON.FORGET k [0] => same
JSON.SET k . {\"a\":1} | JSON.MERGE k . {\"a\":null} => same
JSON.MSET k . 1 j . 2 => same
JSON.SET k . 1 | JSON.NUMINCRBY k . 2 => same
JSON.SET k . 1 | JSON.NUMMULTBY k . 2 => same
JSON.SET k . 1 | JSON.NUMPOWBY k . 2 => same
JSON.SET k . \"a\" | JSON.STRAPPEND k . \"b\" => same
JSON.SET k . true | JSON.TOGGLE k . => same

HSET h f v | HDEL h f => same
HSET h f v | HEXPIRE h 10 FIELDS 1 f => HPEXPIREAT h 1700000010000 FIELDS 1 f
HSET h f v | HEXPIRE h 0 FIELDS 1 f => HDEL h f
HSET h f v | HEXPIREAT h 1800000000 FIELDS 1 f => HPEXPIREAT h 1800000000000 FIELDS 1 f
HSET h f v | HPEXPIRE h 10 FIELDS 1 f => HPEXPIREAT h 1700000000010 FIELDS 1 f
HSET h f v | HPEXPIREAT h 1800000000000 FIELDS 2 f g => HPEXPIREAT h 1800000000000 FIELDS 1 f
HSET h f v | HGETDEL h FIELDS 1 f => HDEL h f
HSET h f v | HGETEX h EX 10 FIELDS 1 f => HPEXPIREAT h 1700000010000 FIELDS 1 f
HSET h f v | HGETEX h FIELDS 1 f =>
HINCRBY h f 1 => same
HINCRBYFLOAT h f 1.5 => HSETEX h KEEPTTL FIELDS 1 f 1.5
HMSET h f v => same
HSET h f v | HEXPIRE h 9 FIELDS 1 f | HPERSIST h FIELDS 1 f => same
HSET h f v => same
HSETEX h FIELDS 1 f v => same
HSETEX h EX 10 FIELDS 1 f v => HSETEX h PXAT 1700000010000 FIELDS 1 f v
HSETNX h f v => same

PFADD p a => same
PFADD p a | PFCOUNT p => same
PFADD p a | PFCOUNT p | PFCOUNT p =>
PFADD p a | PFDEBUG TODENSE p => same
PFADD p a | PFMERGE q p => same

RPUSH a x | BLMOVE a b LEFT RIGHT 0 => LMOVE a b LEFT RIGHT
RPUSH a x | BLMPOP 0 2 b a LEFT COUNT 2 => LPOP a 1
RPUSH a x | BLPOP b a 0 => LPOP a
RPUSH a x | BRPOP b a 0 => RPOP a
RPUSH a x | BRPOPLPUSH a b 0 => RPOPLPUSH a b
RPUSH a x | LINSERT a BEFORE x y => same
RPUSH a x | LMOVE a b LEFT RIGHT => same
RPUSH a x | LMPOP 2 b a LEFT COUNT 2 => LPOP a 1
RPUSH a x | LPOP a => same
LPUSH a x => same
RPUSH a x | LPUSHX a x => same
RPUSH a x | LREM a 0 x => same
RPUSH a x | LSET a 0 y => same
RPUSH a x y | LTRIM a 0 0 => same
RPUSH a x | RPOP a => same
RPUSH a x | RPOPLPUSH a b => same
RPUSH a x => same
RPUSH a x | RPUSHX a x => same

SUBSCRIBE c | PUBLISH c m =>
PUBLISH c m =>
SPUBLISH c m =>
DEBUG REPLICATE SET a x =>

SET a x | FLUSHALL => same
FLUSHALL => same
FLUSHALL ASYNC => same
FLUSHALL badly =>
FLUSHDB => same
SWAPDB 0 1 => same

SADD s a => same
SADD s a | SDIFFSTORE d s => same
SADD s a | SINTERSTORE d s => same
SADD s a | SUNIONSTORE d s => same
SADD s a | SMOVE s d a => same
SADD s a | SPOP s => SREM s a
SADD s a | SPOP s 2 => DEL s
SADD s a | SPOP s 0 =>
SADD s a | SREM s a => same

ZADD z 1 a | BZMPOP 0 2 y z MIN => ZPOPMIN z 1
ZADD z 1 a | BZPOPMAX y z 0 => ZPOPMAX z
ZADD z 1 a | BZPOPMIN y z 0 => ZPOPMIN z
ZADD z 1 a => same
ZADD z 1 a | ZDIFFSTORE d 1 z => same
ZADD z 1 a | ZINTERSTORE d 1 z => same
ZADD z 1 a | ZUNIONSTORE d 1 z => same
ZINCRBY z 1 a => same
ZADD z 1 a | ZMPOP 2 y z MAX COUNT 5 => ZPOPMAX z 1
ZADD z 1 a | ZPOPMAX z => same
ZADD z 1 a | ZPOPMIN z => same
ZADD z 1 a | ZRANGESTORE d z 0 -1 => same
ZADD z 1 a | ZREM z a => same
ZADD z 1 a | ZREMRANGEBYLEX z - + => same
ZADD z 1 a | ZREMRANGEBYRANK z 0 -1 => same
ZADD z 1 a | ZREMRANGEBYSCORE z 0 9 => same

XADD x 1-1 f v => same
XADD x * f v => XADD x 1700000000000-0 f v
XADD x 1-1 f v | XTRIM x MAXLEN 0 => same
CONFIG SET stream-node-max-entries 1 | XADD x 1-1 f v | XADD x 1-2 f v | XTRIM x MAXLEN ~ 1 => XTRIM x MAXLEN = 1
XADD x 1-1 f v | XDEL x 1-1 => same
XADD x 1-1 f v | XSETID x 2-2 => same
XADD x 1-1 f v | XGROUP CREATE x g 0 => same
XGROUP CREATE x g 0 MKSTREAM | XGROUP CREATECONSUMER x g c => same
XGROUP CREATE x g 0 MKSTREAM | XGROUP CREATECONSUMER x g c | XGROUP DELCONSUMER x g c => same
XGROUP CREATE x g 0 MKSTREAM | XGROUP DESTROY x g => same
XGROUP CREATE x g 0 MKSTREAM | XGROUP SETID x g 5 => same
XGROUP CREATE x g 0 MKSTREAM | XADD x 1-1 f v | XREADGROUP GROUP g c STREAMS x > => MULTI; XCLAIM x g c 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1; XGROUP SETID x g 1-1 ENTRIESREAD 1; EXEC
XGROUP CREATE x g 0 MKSTREAM | XADD x 1-1 f v | XREADGROUP GROUP g c STREAMS x > | XACK x g 1-1 => same
XGROUP CREATE x g 0 MKSTREAM | XADD x 1-1 f v | XREADGROUP GROUP g c STREAMS x > | XCLAIM x g d 0 1-1 => XCLAIM x g d 0 1-1 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1
XGROUP CREATE x g 0 MKSTREAM | XADD x 1-1 f v | XREADGROUP GROUP g c STREAMS x > | XAUTOCLAIM x g d 0 0 => XCLAIM x g d 0 1-1 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1

APPEND a x => same
DECR a => same
DECRBY a 2 => same
SET a x | GETDEL a => DEL a
CONFIG SET lazyfree-lazy-user-del yes | SET a x | GETDEL a => UNLINK a
SET a x | GETEX a EX 10 => PEXPIREAT a 1700000010000
SET a x | GETEX a =>
GETSET a x => SET a x
INCR a => same
INCRBY a 2 => same
INCRBYFLOAT a 1.5 => SET a 1.5 KEEPTTL
MSET a x b y => same
MSETNX a x b y => same
PSETEX a 10 x => SET a x PXAT 1700000000010
SETEX a 10 x => SET a x PXAT 1700000010000
SET a x => same
SET a x EXAT 1800000000 => SET a x PXAT 1800000000000
SET a x PXAT 1800000000000 => same
SET a x EX 10 => SET a x PXAT 1700000010000
SETNX a x => same
SETRANGE a 1 x => same

EVAL redis.call('SET','a','x') 0 => SET a x
EVAL redis.call('SET','a','x');redis.call('INCR','b') 0 => MULTI; SET a x; INCR b; EXEC
EVAL redis.set_repl(redis.REPL_NONE);redis.call('SET','a','x') 0 =>
EVAL redis.set_repl(redis.REPL_AOF);redis.call('SET','a','x') 0 => SET a x
EVAL redis.set_repl(redis.REPL_REPLICA);redis.call('SET','a','x') 0 =>
EVAL redis.call('SELECT',3);redis.call('SET','a','x') 0 => SELECT 3; SET a x
EVAL return(1) 0 =>
SCRIPT LOAD redis.call('SET','a','x') | EVALSHA 43a54fbc3bf18bc8160b30144305d661bbb05453 0 => SET a x
SCRIPT LOAD return(1) | EVALSHA 930269f31393d0be681588b6ab08dccee7d6bb67 0 =>

FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) => same
FUNCTION LOAD REPLACE #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) => same
FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) | FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) =>
FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) | FUNCTION DELETE l => same
FUNCTION DELETE l =>
FUNCTION FLUSH => same
FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()redis.call('SET','a','x')end) | FCALL f 0 => SET a x
FUNCTION LOAD #!lua\tname=l¶redis.register_function('f',function()return(1)end) | FCALL f 0 =>

MULTI | SET a x | EXEC => SET a x
MULTI | SET a x | PUBLISH c m | EXEC => SET a x
MULTI | SET a x | PUBLISH c m | INCR b | EXEC => MULTI; SET a x; INCR b; EXEC
MULTI | PUBLISH c m | GET a | EXEC =>
";

/// Rows whose sample would need a payload of DUMP, which is no text.
const WITHOUT_SAMPLE: &[&str] = &["restore", "restore-asking", "function|restore"];

/// A client of an engine that keeps a log, which knows already that database 0 is meant.
struct Client {
    driver: Driver,
    id: Id,
}

impl Client {
    fn new() -> Self {
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        let mut driver = Driver::new(config, 1);
        let id = driver.connect();
        driver.engine.handle_log(News::Opened);
        let mut client = Self { driver, id };
        client.run(&["SET", "warm", "x"]);
        client
    }

    /// Runs a request, and returns what the log got, commands joined by semicolons.
    fn run(&mut self, words: &[&str]) -> String {
        self.driver.ask(self.id, &request(words));
        let appended = self.driver.engine.poll_log().expect("there is a log");
        shown(appended.bytes)
    }
}

/// The row that a request is for.
fn row(table: &Table, words: &[&str]) -> &'static Spec {
    let command = table.find(words[0].as_bytes()).expect(words[0]);
    let sub = words
        .get(1)
        .and_then(|word| command.subcommand(word.as_bytes()));
    sub.unwrap_or(command).spec
}

/// The bytes of a log as text.
fn shown(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).expect("the samples are plain");
    let mut commands = Vec::new();
    for line in text.split("\r\n") {
        if line.starts_with('*') {
            commands.push(String::new());
        } else if !line.starts_with('$') && !line.is_empty() {
            let command = commands.last_mut().expect("a command begins with a star");
            if !command.is_empty() {
                command.push(' ');
            }
            command.push_str(line);
        }
    }
    commands.join("; ")
}

fn words(request: &str) -> Vec<&str> {
    request.split(' ').collect()
}

/// The evidence that samples have given of a row.
#[derive(Default)]
struct Shown {
    as_received: bool,
    otherwise: bool,
    nothing: bool,
}

#[test]
fn rows_say_how_commands_propagate() {
    let table = commands::table();
    let mut shown: BTreeMap<&str, Shown> = BTreeMap::new();
    for sample in SAMPLES.lines().filter(|line| !line.is_empty()) {
        // So a text of several lines is written in one.
        let sample = sample.replace('¶', "\n");
        let (requests, expected) = sample.split_once(" =>").expect("an outcome");
        let (before, request) = requests.rsplit_once(" | ").unwrap_or(("", requests));
        let expected = match expected.trim() {
            "same" => request,
            expected => expected,
        };
        let mut client = Client::new();
        for request in before.split(" | ").filter(|request| !request.is_empty()) {
            client.run(&words(request));
        }
        let request_words = words(request);
        let logged = client.run(&request_words);
        assert_eq!(logged, expected, "{sample}");

        let spec = row(&table, &request_words);
        let shown = shown.entry(spec.name).or_default();
        let allowed = match spec.propagates {
            Propagates::Never | Propagates::ToReplicas => logged.is_empty(),
            Propagates::AsReceived | Propagates::Always => logged.is_empty() || logged == request,
            Propagates::OrInstead => true,
            Propagates::Instead => logged != request,
            Propagates::Parts => !logged.contains(spec.name),
        };
        assert!(allowed, "{sample}: {:?} says the row", spec.propagates);
        shown.as_received |= logged == request;
        shown.otherwise |= !logged.is_empty() && logged != request;
        shown.nothing |= logged.is_empty();
    }
    for spec in table.all.iter().map(|command| command.spec) {
        let nothing = Shown::default();
        let shown = shown.get(spec.name).unwrap_or(&nothing);
        let is_enough = match spec.propagates {
            _ if WITHOUT_SAMPLE.contains(&spec.name) => continue,
            Propagates::Never => continue,
            Propagates::AsReceived | Propagates::Always => shown.as_received,
            Propagates::ToReplicas => shown.nothing,
            Propagates::OrInstead => shown.as_received && shown.otherwise,
            // DEBUG names something only for replicas.
            Propagates::Instead => shown.otherwise || spec.is_internal && shown.nothing,
            Propagates::Parts => shown.otherwise && shown.nothing,
        };
        assert!(is_enough, "no sample shows how {} propagates", spec.name);
    }
}

/// A server with a log and a replica that waits for its data set. Clients send requests in bursts.
struct Fed {
    driver: Driver,
    clients: [Id; 2],
    /// How far the replicas were told.
    offset: u64,
}

impl Fed {
    fn new() -> Self {
        let mut driver = Driver::new(Config::new(), 1);
        let [clients @ .., replica] = [0; 3].map(|_| driver.connect());
        driver.engine.handle_log(News::Opened);
        driver.ask(replica, &request(&["PSYNC", "?", "-1"]));
        Self {
            driver,
            clients,
            offset: 0,
        }
    }

    /// With somebody who is shown each command, so that commands run one by one.
    fn watched() -> Self {
        let mut fed = Self::new();
        let monitor = fed.driver.connect();
        fed.driver.ask(monitor, &request(&["MONITOR"]));
        fed
    }

    /// What the client was told, and what the log and the replicas are told.
    fn run(&mut self, client: usize, burst: &[u8]) -> [Vec<u8>; 3] {
        let replies = self.driver.ask(self.clients[client], burst);
        let logged = self.driver.engine.poll_log().expect("there is a log").bytes;
        let streamed = self.driver.engine.inside().stream(self.offset);
        self.offset += streamed.len() as u64;
        [replies, logged, streamed]
    }
}

/// A request of the samples that leaves its client able to send more; sometimes with another key or database.
fn any_request(rng: &mut Rng) -> Vec<u8> {
    let samples: Vec<&str> = SAMPLES.lines().filter(|line| !line.is_empty()).collect();
    loop {
        let (requests, _) = samples[rng.index(samples.len())]
            .split_once(" =>")
            .expect("an outcome");
        let requests: Vec<&str> = requests.split(" | ").collect();
        let text = requests[rng.index(requests.len())].replace('¶', "\n");
        let mut words = words(&text);
        let begins = |with: &[&str]| with.iter().any(|start| words[0].starts_with(start));
        let is_rare = begins(&["DEBUG", "FLUSH", "CONFIG", "MULTI"]);
        if begins(&["BL", "BR", "BZ", "SUB"]) || is_rare && !rng.one_in(10) {
            continue;
        }
        if rng.one_in(8) {
            words = vec!["SELECT", ["0", "1", "10"][rng.index(3)]];
        }
        if rng.one_in(8) {
            words = vec!["PEXPIRE", "a", ["1", "50", "900"][rng.index(3)]];
        }
        return in_any_form(request(&words), &words, rng);
    }
}

/// The request, sometimes as only a strange client would send it, or with an empty one before it.
fn in_any_form(mut request: Vec<u8>, words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let is_plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match rng.below(24) {
        0 => [b"*0\r\n".as_slice(), &request].concat(),
        1 => [b"\r\n".as_slice(), &request].concat(),
        2 if words.iter().all(is_plain) => format!("{}\r\n", words.join(" ")).into_bytes(),
        3 => {
            let at = request.iter().position(|&byte| byte == b'\n');
            request[at.expect("a header")] = b'x';
            request
        }
        4 => {
            let len = request.len();
            request[len - 2..].copy_from_slice(b"xx");
            request
        }
        _ => request,
    }
}

#[test]
fn commands_in_one_go_are_told_of_as_one_by_one() {
    let mut rng = Rng::from_seed(11);
    let (mut in_one_go, mut one_by_one) = (Fed::new(), Fed::watched());
    let mut told = [0, 0];
    for _ in 0..3000 {
        let burst: Vec<Vec<u8>> = (0..rng.index(12)).map(|_| any_request(&mut rng)).collect();
        let client = rng.index(2);
        let found = in_one_go.run(client, &burst.concat());
        let expected = one_by_one.run(client, &burst.concat());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(
                found.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{}",
                burst.concat().escape_ascii()
            );
        }
        told = [told[0] + found[1].len(), told[1] + found[2].len()];
        if rng.one_in(3) {
            let (ms, is_met) = (rng.below(60), rng.one_in(2));
            for fed in [&mut in_one_go, &mut one_by_one] {
                // What is overdue is met by a command, or goes by itself.
                if is_met {
                    fed.driver.wind(ms);
                } else {
                    fed.driver.pass(ms);
                }
            }
        }
    }
    assert!(told.iter().all(|bytes| *bytes > 100_000), "{told:?}");
}

#[test]
fn rows_that_never_propagate_leave_nothing_in_the_log() {
    let table = commands::table();
    for spec in table.all.iter().map(|command| command.spec) {
        if spec.propagates != Propagates::Never {
            continue;
        }
        for argument in ["warm", "1"] {
            let mut request: Vec<&str> = spec.name.split('|').collect();
            while request.len() < spec.arity.unsigned_abs() as usize {
                request.push(argument);
            }
            let logged = Client::new().run(&request);
            assert_eq!(logged, "", "{}", spec.name);
        }
    }
}

#[test]
fn the_list_for_other_programs_is_up_to_date() {
    let rows = spec::all().flat_map(|spec| {
        let subcommands = spec.subcommands.iter().copied();
        std::iter::once(spec).chain(subcommands)
    });
    let names: BTreeMap<&str, &str> = rows
        .map(|spec| (spec.name, spec.propagates.name()))
        .collect();
    let mut text = "{\n".to_owned();
    for (at, (name, how)) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        writeln!(text, "  \"{name}\": \"{how}\"{comma}").expect("a string grows");
    }
    text.push_str("}\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/propagation.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).expect("the list can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "{path} is not what the rows say: UPDATE=1");
}
