//! Behaviour of the table as a whole, measured against what a Redis 8.0.6 answered.

use super::*;
use crate::base::rng::Rng;
use crate::spec::flags::class;
use std::collections::BTreeMap;

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Changes, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    config
        .set(&pairs, Circumstances::default())
        .map_err(|error| String::from_utf8_lossy(error.text()).into_owned())
}

fn value(config: &Config, name: &str) -> String {
    String::from_utf8(config.value(name.as_bytes()).expect(name)).unwrap()
}

fn get(config: &Config, patterns: &[&str]) -> BTreeMap<String, String> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    config
        .get(patterns.iter().map(|pattern| pattern.as_bytes()))
        .into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Sets one parameter, and says what it then is or why it was refused.
fn outcome(name: &str, new: &str) -> String {
    let mut config = Config::new();
    match set(&mut config, &[(name, new)]) {
        Ok(_) => value(&config, name),
        Err(text) => {
            let blame = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - ");
            text.strip_prefix(&blame)
                .map_or(text.clone(), |reason| format!("! {reason}"))
        }
    }
}

#[test]
fn all_that_is_shown_is_what_redis_shows() {
    let mut expected: BTreeMap<String, String> = DEFAULTS
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    expected.insert("port".into(), "6379".into());
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    expected.insert("dir".into(), here.to_str().unwrap().to_string());
    assert_eq!(get(&Config::new(), &["*"]), expected);
}

#[test]
fn names_and_aliases_are_unique() {
    let mut names: Vec<&str> = rows::all()
        .flat_map(|row| [Some(row.name), row.alias])
        .flatten()
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn hidden_parameters_answer_to_their_full_name_only() {
    let config = Config::new();
    assert_eq!(get(&config, &["key-load-delay"]).len(), 1);
    assert_eq!(get(&config, &["key-load-dela?"]).len(), 0);
    assert_eq!(get(&config, &["aof-checksum"]).len(), 1);
}

#[test]
fn each_name_answers_once_under_the_name_that_was_used() {
    let config = Config::new();
    let found = config.get([&b"MaxMemory"[..], b"maxmemory", b"max?emory"]);
    assert_eq!(found, [(b"MaxMemory".to_vec(), b"0".to_vec())]);
    let found = get(&config, &["*of", "bind", "nothing"]);
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["bind", "replicaof", "slaveof"]
    );
}

#[test]
fn every_shown_value_can_be_set_again() {
    let mut config = Config::new();
    config.enable_protected_configs = Permission::Yes;
    for row in rows::all().filter(|row| !row.immutable) {
        let shown = row.print(&config);
        let changes = config.set(&[(row.name.as_bytes(), &shown)], Circumstances::default());
        let changes = changes.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        assert!(row.volatile || changes.changed().is_empty(), "{}", row.name);
    }
}

#[test]
fn numbers_are_canonical_and_within_limits() {
    for bad in [
        "garbage",
        "",
        "+5",
        " 5",
        "05",
        "-0",
        "5.0",
        "1kb",
        "99999999999999999999",
    ] {
        assert_eq!(
            outcome("timeout", bad),
            "! argument couldn't be parsed into an integer"
        );
    }
    assert_eq!(
        outcome("timeout", "-1"),
        "! argument must be between 0 and 2147483647 inclusive"
    );
    assert_eq!(
        outcome("maxclients", "0"),
        "! argument must be between 1 and 4294967295 inclusive"
    );
    assert_eq!(
        outcome("list-max-ziplist-size", "3000000000"),
        "! argument must be between -2147483648 and 2147483647 inclusive"
    );
    assert_eq!(outcome("slowlog-log-slower-than", "-1"), "-1");
}

#[test]
fn amounts_of_memory_have_units() {
    for (text, bytes) in [
        ("1kB", "1024"),
        ("1k", "1000"),
        ("1M", "1000000"),
        ("1gb", "1073741824"),
        ("7b", "7"),
        ("007", "7"),
        ("", "0"),
        ("kb", "0"),
        ("18446744073709551616", "18446744073709551615"),
    ] {
        assert_eq!(outcome("maxmemory", text), bytes, "{text}");
    }
    for bad in ["1 kb", "1.5gb", "+1", "-1", "0x10", "1kbx", "1%"] {
        assert_eq!(
            outcome("maxmemory", bad),
            "! argument must be a memory value"
        );
    }
    assert_eq!(
        outcome("client-query-buffer-limit", "1kb"),
        "! argument must be between 1048576 and 9223372036854775807 inclusive"
    );
}

#[test]
fn a_share_of_memory_may_be_a_percentage() {
    for (text, shown) in [("1%", "1%"), ("0%", "0"), ("100%", "100%"), ("1kb", "1024")] {
        assert_eq!(outcome("maxmemory-clients", text), shown);
    }
    assert_eq!(
        outcome("maxmemory-clients", "101%"),
        "! percentage argument must be less or equal to 100"
    );
    for bad in ["%", "-1%", "1%%", "5 %", "x"] {
        assert_eq!(
            outcome("maxmemory-clients", bad),
            "! argument must be a memory or percent value"
        );
    }
    assert_eq!(Share::Percent(50).of(1001), 500);
    assert_eq!(Share::Percent(100).of(u64::MAX), u64::MAX);
}

#[test]
fn words_are_listed_when_none_fits() {
    assert_eq!(outcome("appendonly", "YES"), "yes");
    assert_eq!(
        outcome("appendonly", "maybe"),
        "! argument must be 'yes' or 'no'"
    );
    assert_eq!(outcome("appendfsync", "Always"), "always");
    assert_eq!(
        outcome("appendfsync", "no x"),
        "! argument(s) must be one of the following: everysec, always, no"
    );
    assert_eq!(
        outcome("oom-score-adj", "x"),
        "! argument(s) must be one of the following: no, yes, relative, absolute"
    );
}

#[test]
fn signals_take_flags() {
    const WORDS: &str =
        "! argument(s) must be one of the following: default, save, nosave, now, force";
    for (text, shown) in [
        ("save now", "save now"),
        ("nosave force now", "nosave now force"),
        ("default now", "now"),
        ("NOSAVE", "nosave"),
        ("default", "default"),
    ] {
        assert_eq!(outcome("shutdown-on-sigint", text), shown);
    }
    for bad in ["", " now", "now  force", "'now'"] {
        assert_eq!(outcome("shutdown-on-sigterm", bad), WORDS);
    }
    assert_eq!(
        outcome("shutdown-on-sigint", "save nosave"),
        "! shutdown options SAVE and NOSAVE can't be used simultaneously"
    );
}

#[test]
fn save_points_come_in_pairs() {
    for good in ["3600 1", "3600 1 60 1000", "1 0", "60 5 900 1", ""] {
        assert_eq!(outcome("save", good), good);
    }
    for bad in [
        "3600",
        "3600 1 300",
        "0 1",
        "1 -1",
        "a b",
        " 3600 1",
        "1.5 1",
        "'1' 1",
    ] {
        assert_eq!(outcome("save", bad), "! Invalid save parameters");
    }
}

#[test]
fn output_limits_change_only_the_classes_they_name() {
    let usual = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
    assert_eq!(outcome("client-output-buffer-limit", ""), usual);
    assert_eq!(
        outcome(
            "client-output-buffer-limit",
            "REPLICA 1mb 2mb 3 pubsub 1 2 3"
        ),
        "normal 0 0 0 slave 1048576 2097152 3 pubsub 1 2 3"
    );
    for bad in [
        "normal a b c",
        "normal 1 2 -3",
        "normal 1 2 3.5",
        "normal 1kb 1kb 1kb",
    ] {
        assert_eq!(
            outcome("client-output-buffer-limit", bad),
            "! Error in hard, soft or soft_seconds setting in buffer limit configuration."
        );
    }
    assert_eq!(
        outcome("client-output-buffer-limit", "normal 1 2"),
        "! Wrong number of arguments in buffer limit configuration."
    );
    assert_eq!(
        outcome("client-output-buffer-limit", "normal 1 2 3 master 1 2 3"),
        "! Invalid client class specified in buffer limit configuration."
    );
}

#[test]
fn events_print_in_their_usual_order() {
    for (letters, shown) in [
        ("KEA", "AKE"),
        ("Kg$lszxe", "g$lszxeK"),
        ("g$lshzxetd", "A"),
        ("Kn", "nK"),
        ("KEAmn", "AKEm"),
        ("KEg$lshzxet", "g$lshzxetKE"),
        ("", ""),
    ] {
        assert_eq!(outcome("notify-keyspace-events", letters), shown);
    }
    assert_eq!(
        outcome("notify-keyspace-events", "b"),
        "! Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
    );
    assert!(!Events(Events::ALL).wants(class::SET));
    assert!(Events(Events::ALL | class::KEYEVENT).wants(class::SET));
}

#[test]
fn other_grammars() {
    assert_eq!(outcome("oom-score-adj-values", "+1 -2 3"), "1 -2 3");
    assert_eq!(
        outcome("oom-score-adj-values", "1 2"),
        "! wrong number of arguments"
    );
    assert_eq!(
        outcome("oom-score-adj-values", "-2001 0 0"),
        "! Invalid oom-score-adj-values, elements must be between -2000 and 2000."
    );
    for (text, shown) in [
        ("0 100", "0 100"),
        ("99.9999999999", "100"),
        ("0.001 1e1", "0.001 10"),
    ] {
        assert_eq!(outcome("latency-tracking-info-percentiles", text), shown);
    }
    assert_eq!(outcome("latency-tracking-info-percentiles", ""), "");
    assert_eq!(
        outcome("latency-tracking-info-percentiles", "100.1"),
        "! latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
    );
    assert_eq!(
        outcome("latency-tracking-info-percentiles", "a"),
        "! Invalid latency-tracking-info-percentiles parameters"
    );
    assert_eq!(outcome("bind", "127.0.0.1 -::1"), "127.0.0.1 -::1");
    assert_eq!(outcome("bind", ""), "");
    let many = ["127.0.0.1"; 17].join(" ");
    assert_eq!(
        outcome("bind", &many),
        "! Too many bind addresses specified."
    );
    assert_eq!(outcome("hz", "0"), "1");
    assert_eq!(outcome("hz", "9999"), "500");
    assert_eq!(outcome("watchdog-period", "1"), "200");
    assert_eq!(outcome("repl-backlog-size", "1"), "16384");
    assert_eq!(outcome("locale-collate", "xx"), "! Invalid locale name");
    assert_eq!(outcome("locale-collate", "C.UTF-8"), "C.UTF-8");
}

#[test]
fn names_of_files_and_hosts_are_checked() {
    let mut config = Config::new();
    config.enable_protected_configs = Permission::Yes;
    let refused = set(&mut config, &[("dbfilename", "a/b")]).unwrap_err();
    assert!(refused.ends_with("dbfilename can't be a path, just a filename"));
    assert_eq!(
        outcome("cluster-announce-hostname", "a b"),
        "! Hostnames may only contain alphanumeric characters, hyphens or dots"
    );
    let long = "a".repeat(256);
    assert_eq!(
        outcome("cluster-announce-hostname", &long),
        "! Hostnames must be less than 256 characters"
    );
    assert_eq!(outcome("cluster-announce-hostname", &long[1..]), &long[1..]);
    assert_eq!(
        outcome("cluster-announce-human-nodename", "50%"),
        "! Announced human node name contained invalid character"
    );
}

#[test]
fn directories_are_entered_relative_to_the_one_before() {
    let mut config = Config::new();
    config.enable_protected_configs = Permission::Local;
    let local = Circumstances {
        client_is_local: true,
        loading: false,
    };
    let set = |config: &mut Config, dir: &str, when| {
        let result = config.set(&[(b"dir", dir.as_bytes())], when);
        result.map_err(|error| String::from_utf8_lossy(error.text()).into_owned())
    };
    set(&mut config, "/usr/../usr/./lib", local).unwrap();
    assert_eq!(config.dir.0, b"/usr/lib");
    let changes = set(&mut config, "..", local).unwrap();
    assert_eq!(config.dir.0, b"/usr");
    assert_eq!(changes.outside(), [(Outside::Dir, &b"dir"[..])]);
    config.roll_back(changes);
    assert_eq!(config.dir.0, b"/usr/lib");
    for (dir, why) in [
        ("/nonexist", "No such file or directory"),
        ("/etc/passwd", "Not a directory"),
        ("", "No such file or directory"),
    ] {
        let refused = set(&mut config, dir, local).unwrap_err();
        assert_eq!(
            refused,
            format!("ERR CONFIG SET failed (possibly related to argument 'dir') - {why}")
        );
    }
    let refused = set(&mut config, ".", Circumstances::default()).unwrap_err();
    assert!(refused.ends_with("can't set protected config"));
    let refused = set(
        &mut config,
        ".",
        Circumstances {
            loading: true,
            ..local
        },
    )
    .unwrap_err();
    assert_eq!(refused, "LOADING Redis is loading the dataset in memory");
}

#[test]
fn either_all_change_or_none() {
    let mut config = Config::new();
    let refused = set(
        &mut config,
        &[
            ("maxmemory", "5"),
            ("maxmemory-clients", "200%"),
            ("client-query-buffer-limit", "x"),
        ],
    );
    assert_eq!(
        refused.unwrap_err(),
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100"
    );
    assert_eq!(config, Config::new());

    let changes = set(
        &mut config,
        &[
            ("maxmemory", "5mb"),
            ("port", "1"),
            ("timeout", "0"),
            ("bind", "*"),
        ],
    )
    .unwrap();
    let changed: Vec<&str> = changes
        .changed()
        .iter()
        .map(|change| change.row.name)
        .collect();
    assert_eq!(changed, ["maxmemory", "port", "bind"]);
    assert_eq!(changes.within().collect::<Vec<_>>(), [Within::MaxMemory]);
    assert_eq!(changes.outside(), [(Outside::Listen, &b"port"[..])]);
    assert_eq!(config.maxmemory, 5 << 20);
    config.roll_back(changes);
    assert_eq!(config, Config::new());
}

#[test]
fn the_first_offence_is_the_one_that_is_told() {
    let mut config = Config::new();
    let mut refusal = |pairs: &[(&str, &str)]| set(&mut config, pairs).unwrap_err();
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'foo'";
    let immutable = "ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config";
    assert_eq!(refusal(&[("maxmemory", "zz"), ("foo", "1")]), unknown);
    assert_eq!(refusal(&[("foo", "1"), ("daemonize", "yes")]), unknown);
    assert_eq!(refusal(&[("daemonize", "yes"), ("foo", "1")]), immutable);
    assert_eq!(
        refusal(&[("maxmemory", "1"), ("MAXMEMORY", "2")]),
        "ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter"
    );
    set(
        &mut config,
        &[("slave-priority", "5"), ("replica-priority", "6")],
    )
    .unwrap();
    assert_eq!(value(&config, "slave-priority"), "6");
}

/// A refused change leaves no trace and an accepted one can be read back and set again, whatever bytes a client sends.
#[test]
fn arbitrary_values_either_stick_or_leave_no_trace() {
    let mut rng = Rng::from_seed(8006);
    let rows: Vec<&Row> = rows::all()
        .filter(|row| !row.immutable && row.name != "dir")
        .collect();
    let pieces: Vec<&[u8]> = vec![
        b"0",
        b"1",
        b"-1",
        b"60",
        b"normal",
        b"replica",
        b" ",
        b" ",
        b"%",
        b"kb",
        b"yes",
        b"no",
        b"KEA",
        b"default",
        b"now",
        b"\"",
        b"'",
        b"\xff",
        b"{",
        b"}",
        b"title",
        b"99999999999",
        b"",
        b"*",
        b"now",
    ];
    let mut config = Config::new();
    config.enable_protected_configs = Permission::Yes;
    for _ in 0..20_000 {
        let row = rows[rng.below(rows.len() as u64) as usize];
        let mut text = Vec::new();
        for _ in 0..rng.below(6) {
            text.extend_from_slice(pieces[rng.below(pieces.len() as u64) as usize]);
        }
        let before = config.clone();
        let name = row.name.as_bytes();
        if config
            .set(&[(name, &text)], Circumstances::default())
            .is_err()
        {
            assert_eq!(config, before, "{}", row.name);
            continue;
        }
        let shown = row.print(&config);
        let again = config.set(&[(name, &shown)], Circumstances::default());
        assert!(
            again.is_ok(),
            "{} {:?}",
            row.name,
            String::from_utf8_lossy(&shown)
        );
        assert_eq!(row.print(&config), shown);
    }
}

/// CONFIG GET * of a server without a file, but for its port and directory.
const DEFAULTS: &str = "\
acl-pubsub-default resetchannels
aclfile
acllog-max-len 128
active-defrag-cycle-max 25
active-defrag-cycle-min 1
active-defrag-ignore-bytes 104857600
active-defrag-max-scan-fields 1000
active-defrag-threshold-lower 10
active-defrag-threshold-upper 100
active-expire-effort 1
activedefrag no
activerehashing yes
always-show-logo no
aof-load-truncated yes
aof-rewrite-cpulist
aof-rewrite-incremental-fsync yes
aof-timestamp-enabled no
aof-use-rdb-preamble yes
aof_rewrite_cpulist
appenddirname appendonlydir
appendfilename appendonly.aof
appendfsync everysec
appendonly no
auto-aof-rewrite-min-size 67108864
auto-aof-rewrite-percentage 100
bgsave-cpulist
bgsave_cpulist
bind * -::*
bind-source-addr
bio-cpulist
bio_cpulist
busy-reply-threshold 5000
client-output-buffer-limit normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60
client-query-buffer-limit 1073741824
cluster-allow-pubsubshard-when-down yes
cluster-allow-reads-when-down no
cluster-allow-replica-migration yes
cluster-announce-bus-port 0
cluster-announce-hostname
cluster-announce-human-nodename
cluster-announce-ip
cluster-announce-port 0
cluster-announce-tls-port 0
cluster-compatibility-sample-ratio 0
cluster-config-file nodes.conf
cluster-enabled no
cluster-link-sendbuf-limit 0
cluster-migration-barrier 1
cluster-node-timeout 15000
cluster-port 0
cluster-preferred-endpoint-type ip
cluster-replica-no-failover no
cluster-replica-validity-factor 10
cluster-require-full-coverage yes
cluster-slave-no-failover no
cluster-slave-validity-factor 10
crash-log-enabled yes
crash-memcheck-enabled yes
daemonize no
databases 16
dbfilename dump.rdb
disable-thp yes
dynamic-hz yes
enable-debug-command no
enable-module-command no
enable-protected-configs no
hash-max-listpack-entries 512
hash-max-listpack-value 64
hash-max-ziplist-entries 512
hash-max-ziplist-value 64
hide-user-data-from-log no
hll-sparse-max-bytes 3000
hz 10
ignore-warnings
io-threads 1
jemalloc-bg-thread yes
latency-monitor-threshold 0
latency-tracking yes
latency-tracking-info-percentiles 50 99 99.9
lazyfree-lazy-eviction no
lazyfree-lazy-expire no
lazyfree-lazy-server-del no
lazyfree-lazy-user-del no
lazyfree-lazy-user-flush no
lfu-decay-time 1
lfu-log-factor 10
list-compress-depth 0
list-max-listpack-size -2
list-max-ziplist-size -2
locale-collate
logfile
loglevel notice
lua-time-limit 5000
masterauth
masteruser
max-new-connections-per-cycle 10
max-new-tls-connections-per-cycle 1
maxclients 10000
maxmemory 0
maxmemory-clients 0
maxmemory-eviction-tenacity 10
maxmemory-policy noeviction
maxmemory-samples 5
min-replicas-max-lag 10
min-replicas-to-write 0
min-slaves-max-lag 10
min-slaves-to-write 0
no-appendfsync-on-rewrite no
notify-keyspace-events
oom-score-adj no
oom-score-adj-values 0 200 800
pidfile
proc-title-template {title} {listen-addr} {server-mode}
propagation-error-behavior ignore
protected-mode yes
proto-max-bulk-len 536870912
rdb-del-sync-files no
rdb-save-incremental-fsync yes
rdbchecksum yes
rdbcompression yes
repl-backlog-size 1048576
repl-backlog-ttl 3600
repl-disable-tcp-nodelay no
repl-diskless-load disabled
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-ping-replica-period 10
repl-ping-slave-period 10
repl-timeout 60
replica-announce-ip
replica-announce-port 0
replica-announced yes
replica-full-sync-buffer-limit 0
replica-ignore-disk-write-errors no
replica-ignore-maxmemory yes
replica-lazy-flush no
replica-priority 100
replica-read-only yes
replica-serve-stale-data yes
replicaof
requirepass
sanitize-dump-payload no
save 3600 1 300 100 60 10000
server-cpulist
server_cpulist
set-max-intset-entries 512
set-max-listpack-entries 128
set-max-listpack-value 64
set-proc-title yes
shutdown-on-sigint default
shutdown-on-sigterm default
shutdown-timeout 10
slave-announce-ip
slave-announce-port 0
slave-ignore-maxmemory yes
slave-lazy-flush no
slave-priority 100
slave-read-only yes
slave-serve-stale-data yes
slaveof
slowlog-log-slower-than 10000
slowlog-max-len 128
socket-mark-id 0
stop-writes-on-bgsave-error yes
stream-node-max-bytes 4096
stream-node-max-entries 100
supervised no
syslog-enabled no
syslog-facility local0
syslog-ident redis
tcp-backlog 511
tcp-keepalive 300
timeout 0
tls-auth-clients yes
tls-ca-cert-dir
tls-ca-cert-file
tls-cert-file
tls-ciphers
tls-ciphersuites
tls-client-cert-file
tls-client-key-file
tls-client-key-file-pass
tls-cluster no
tls-dh-params-file
tls-key-file
tls-key-file-pass
tls-port 0
tls-prefer-server-ciphers no
tls-protocols
tls-replication no
tls-session-cache-size 20480
tls-session-cache-timeout 300
tls-session-caching yes
tracking-table-max-keys 1000000
unixsocket
unixsocketperm 0
zset-max-listpack-entries 128
zset-max-listpack-value 64
zset-max-ziplist-entries 128
zset-max-ziplist-value 64
";
