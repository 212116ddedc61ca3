//! `pollux bench` as a person starts it, on a server in this process.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use pollux::client::{Client, Settings};
use pollux::server::{Background, in_background};

const POLLUX: &str = env!("CARGO_BIN_EXE_pollux");

struct Told {
    status: i32,
    text: String,
    complaint: String,
}

fn run(program: &str, words: &[&str], stdin: &str) -> Told {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that we built");
    let mut pipe = child.stdin.take().expect("asked for");
    let _ = pipe.write_all(stdin.as_bytes());
    drop(pipe);
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Told {
        status: done.status.code().expect("not killed"),
        text: text(done.stdout),
        complaint: text(done.stderr),
    }
}

/// A server, and what `pollux bench` says of it.
fn bench(options: &str, words: &str) -> (Told, Client) {
    let server = in_background(options);
    let port = port_of(&server);
    let words: Vec<&str> = ["bench", "-p", &port]
        .into_iter()
        .chain(words.split(' '))
        .collect();
    let told = run(POLLUX, &words, "");
    let password = options.strip_prefix("requirepass ").map(str::to_owned);
    let settings = Settings {
        password,
        ..Settings::default()
    };
    (
        told,
        Client::connect_with(&server.address(), settings).expect("it runs"),
    )
}

fn port_of(server: &Background) -> String {
    let address = server.address();
    let (_, port) = address.split_once(':').expect("host:port");
    port.to_owned()
}

fn calls(client: &mut Client, command: &str) -> u64 {
    let info: String = client.ask(&["INFO", "commandstats"]).expect("text");
    let line = format!("cmdstat_{command}:calls=");
    let found = info.lines().find_map(|text| text.strip_prefix(&line));
    let count = found.and_then(|text| text.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[test]
fn all_tests_run_and_send_what_was_asked_for() {
    let (told, mut client) = bench("", "-n 200 -c 7 -P 3 -r 50 --csv");
    assert_eq!(
        (told.status, told.complaint.as_str()),
        (0, ""),
        "{}",
        told.text
    );
    let rows: Vec<Vec<&str>> = told
        .text
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 22, "{}", told.text);
    assert_eq!(rows[0][..2], ["\"test\"", "\"rps\""]);
    for row in &rows[1..] {
        assert_eq!(row.len(), 8, "{row:?}");
        let rate: f64 = row[1].trim_matches('"').parse().expect("a number");
        assert!(rate > 0.0, "{row:?}");
    }
    for (command, count) in [
        ("set", 200),
        ("ping", 400),
        ("lpush", 400),
        ("lrange", 800),
        ("mset", 200),
        ("xadd", 200),
    ] {
        assert_eq!(calls(&mut client, command), count, "{command}");
    }
    let keys: u64 = client.ask(&["SCARD", "myset"]).expect("a number");
    assert!(keys <= 50, "{keys}");
}

#[test]
fn random_keys_fill_the_key_space_and_no_more() {
    let (told, mut client) = bench(
        "",
        "-q -n 5000 -P 16 -r 100 -d 40 SET key:__rand_int__ __data__",
    );
    assert_eq!(told.status, 0, "{}", told.complaint);
    assert!(
        told.text.starts_with("SET key:__rand_int__ __data__: "),
        "{}",
        told.text
    );
    assert!(
        told.text.contains(" requests per second, p50="),
        "{}",
        told.text
    );
    let keys: u64 = client.ask(&["DBSIZE"]).expect("a number");
    assert_eq!((keys, calls(&mut client, "set")), (100, 5000));
    assert_eq!(
        client.get("key:000000000099").expect("there"),
        Some(vec![b'x'; 40])
    );
}

#[test]
fn a_report_has_the_lines_that_scripts_look_for() {
    let (told, _) = bench("", "-n 300 -t get");
    for part in [
        "====== GET ======",
        "300 requests completed in ",
        "50 parallel clients",
        "Latency by percentile distribution:\n0.000% <= ",
        "\n100.000% <= ",
        "(cumulative count 300)",
        "throughput summary: ",
        "processor time: server ",
        "avg       min       p50       p95       p99       max\n",
    ] {
        assert!(told.text.contains(part), "{part} in\n{}", told.text);
    }
}

#[test]
fn time_can_end_a_run_and_spinning_changes_nothing() {
    let (told, mut client) = bench("", "-q --seconds 0.2 --spin -c 3 -t incr");
    assert_eq!(told.status, 0, "{}", told.complaint);
    let counted: u64 = client
        .ask(&["GET", "counter:__rand_int__"])
        .expect("a number");
    assert!(counted > 10);
    assert_eq!(calls(&mut client, "incr"), counted);
}

#[test]
fn each_batch_can_have_a_connection_of_its_own() {
    let (told, mut client) = bench("", "-q -k 0 -n 100 -P 5 -c 4 -t set");
    assert_eq!(told.status, 0, "{}", told.complaint);
    assert_eq!(calls(&mut client, "set"), 100);
    let info: String = client.ask(&["INFO", "stats"]).expect("text");
    let came = info
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    let came: u64 = came.expect("it is there").parse().expect("a number");
    assert!((20..30).contains(&came), "{came}");
}

#[test]
fn a_server_lets_in_who_knows_the_word() {
    let (told, mut client) = bench(
        "requirepass secret",
        "-a secret --dbnum 3 -3 --enable-tracking -n 50 -q -t set",
    );
    assert_eq!(told.status, 0, "{}", told.complaint);
    let keys: u64 = client.ask(&["DBSIZE"]).expect("a number");
    assert_eq!(keys, 0, "it was told to use another database");
    assert_eq!(calls(&mut client, "set"), 50);
    assert!(calls(&mut client, "client|tracking") >= 50);
    let (told, _) = bench("requirepass secret", "-n 50 -q -t set");
    assert_eq!(told.status, 1);
    assert!(told.complaint.contains("NOAUTH"), "{}", told.complaint);
}

#[test]
fn an_error_of_the_server_is_shown() {
    let (told, _) = bench("", "-q -n 10 LPUSH list");
    assert_eq!(told.status, 1);
    let wanted = "Error from server: ERR wrong number of arguments for 'lpush' command\n";
    assert_eq!(told.complaint, wanted);
}

#[test]
fn a_word_can_come_from_standard_input_and_a_server_by_its_address() {
    let server = in_background("");
    let address = format!("redis://{}/2", server.address());
    let told = run(
        POLLUX,
        &[
            "bench", "-u", &address, "-x", "-n", "10", "-q", "SET", "story",
        ],
        "once upon a time",
    );
    assert_eq!(told.status, 0, "{}", told.complaint);
    let settings = Settings {
        database: 2,
        ..Settings::default()
    };
    let mut client = Client::connect_with(&server.address(), settings).expect("it runs");
    assert_eq!(
        client.get("story").expect("there"),
        Some(b"once upon a time".to_vec())
    );
}

#[test]
fn by_another_name_it_is_redis_benchmark() {
    let port = port_of(&in_background(""));
    let link = std::env::temp_dir().join(format!("redis-benchmark-{}", std::process::id()));
    symlink(POLLUX, &link).expect("a name that nobody has");
    let told = run(
        link.to_str().expect("text"),
        &[
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-n",
            "10",
            "-q",
            "-t",
            "ping",
        ],
        "",
    );
    let _ = std::fs::remove_file(&link);
    assert_eq!(told.status, 0, "{}", told.complaint);
    assert!(told.text.starts_with("PING_INLINE: "), "{}", told.text);
}

#[test]
fn what_cannot_be_is_said() {
    for (words, status, part) in [
        (
            "-p 1 -t get",
            1,
            "Could not connect to 127.0.0.1:1: Connection refused",
        ),
        (
            "-t sett",
            1,
            "there is no test sett; there are ping_inline, ",
        ),
        ("--threads 2", 2, "one loop on one thread"),
        ("--cluster", 2, "slots are not followed"),
        ("-c 0", 2, "0 is not in 1.."),
        ("--nonsense", 2, "unexpected argument '--nonsense'"),
    ] {
        let port = port_of(&in_background(""));
        let mut all = vec!["bench"];
        if !words.starts_with("-p") {
            all.extend(["-p", &port]);
        }
        all.extend(words.split(' '));
        let told = run(POLLUX, &all, "");
        assert_eq!(told.status, status, "{words}: {}", told.complaint);
        assert!(told.complaint.contains(part), "{words}: {}", told.complaint);
    }
}
