//! The live page from outside: what it answers, whom it does not, and that clients never notice those who misbehave.
//!
//! Each test starts the program with a page on a port of its own and talks HTTP to it over a plain socket, as browsers,
//! collectors and worse do.

mod driving;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use driving::program::{Folder, Server};
use driving::waiting::{PATIENCE, free_port, wait_until};

/// A server with a page.
struct House {
    server: Server,
    page: u16,
    /// Goes with the test, after the server.
    _folder: Folder,
}

impl House {
    fn new(name: &str, words: &[&str]) -> House {
        let folder = Folder::new(&format!("page-{name}"));
        let page = free_port();
        let port = page.to_string();
        let told = [&["--save", "", "--page-port", &port], words].concat();
        House {
            server: folder.serve(&told),
            page,
            _folder: folder,
        }
    }

    fn call(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.page)).expect("the page listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("fresh");
        stream
    }

    /// The whole reply to a request that is the last of its connection.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.call();
        stream.write_all(request.as_bytes()).expect("room");
        all_of(&mut stream)
    }

    fn get(&self, path: &str, headers: &str) -> String {
        let port = self.page;
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    fn post(&self, path: &str, body: &str) -> String {
        let (port, length) = (self.page, body.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Begins to watch.
    fn watch(&self) -> TcpStream {
        let mut stream = self.call();
        let request = format!(
            "GET /events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
            self.page
        );
        stream.write_all(request.as_bytes()).expect("room");
        stream
    }
}

fn all_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the reply is as good as an end.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(reply: &str) -> u16 {
    let number = reply.split(' ').nth(1).and_then(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("no status in {reply:?}"))
}

fn body(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").expect("a head").1
}

/// Reads on until the text has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut room = vec![0; 64 * 1024];
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "{text} is not told");
        let count = stream.read(&mut room).expect("frames go on coming");
        assert!(count > 0, "it goes on");
        seen.extend_from_slice(&room[..count]);
        let told = String::from_utf8_lossy(&seen);
        if told.contains(text) && told.ends_with("\n\n") {
            return told.into_owned();
        }
    }
}

#[test]
fn a_server_without_a_page_has_no_page() {
    let folder = Folder::new("page-none");
    let server = folder.serve(&["--save", ""]);
    assert_eq!(
        server.ask("CONFIG GET page-port"),
        "*2\r\n$9\r\npage-port\r\n$1\r\n0\r\n"
    );
    assert!(!folder.log().contains("The page is at"));
}

#[test]
fn the_page_and_its_files_are_there() {
    let house = House::new("files", &[]);
    assert_eq!(body(&house.get("/healthz", "")), "ok\n");
    let page = house.get("/", "");
    assert_eq!(status(&page), 200);
    assert!(page.contains("Content-Security-Policy: default-src 'self'"));
    for name in ["/style.css", "/main.js", "/icon.svg"] {
        assert_eq!(status(&house.get(name, "")), 200, "{name}");
    }
    let source = house.get("/read/src/reactor/mod.rs", "");
    assert!(source.contains("Content-Type: text/plain; charset=utf-8"));
    assert_eq!(body(&source), include_str!("../src/reactor/mod.rs"));
    assert_eq!(status(&house.get("/read/Cargo.toml", "")), 404);
    assert_eq!(status(&house.get("/../Cargo.toml", "")), 404);
    assert_eq!(status(&house.post("/metrics", "x")), 405);
    let head = house.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((status(&head), body(&head)), (200, ""));
}

#[test]
fn several_requests_come_over_one_connection() {
    let house = House::new("several", &[]);
    let mut stream = house.call();
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let all = format!("{one}{one}{last}");
    stream.write_all(all.as_bytes()).expect("room");
    assert_eq!(all_of(&mut stream).matches("\r\n\r\nok\n").count(), 3);
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let house = House::new("metrics", &[]);
    house.server.ask("SET a 1 EX 100");
    house.server.ask("GET a");
    house.server.ask("NO SUCH");
    let reply = house.get("/metrics", "");
    assert!(reply.contains("Content-Type: text/plain; version=0.0.4"));
    let text = body(&reply);
    check_metrics(text);
    for line in [
        "redis_up 1",
        "redis_db_keys{db=\"db0\"} 1",
        "redis_db_keys_expiring{db=\"db0\"} 1",
        "redis_commands_total{cmd=\"get\"} 1",
        "redis_errors_total{err=\"ERR\"} 1",
        "redis_connected_slaves 0",
        "pollux_page_callers 1",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is not in\n{text}"
        );
    }
    // What the two most used dashboards read.
    for name in DASHBOARD_NAMES {
        let is_there = text.lines().any(|line| line.starts_with(name));
        assert!(is_there, "{name} is missing");
    }
}

#[test]
fn the_dashboard_reads_what_there_is() {
    let house = House::new("dashboard", &["--appendonly", "yes"]);
    house.server.ask("SET a 1");
    let reply = house.get("/metrics", "");
    let known: BTreeSet<&str> = (body(&reply).lines())
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let text = include_str!("../docs/grafana.json");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names: BTreeSet<&str> = words
        .filter(|word| word.starts_with("redis_") || word.starts_with("pollux_"))
        .collect();
    assert!(names.len() > 20);
    for name in names {
        assert!(known.contains(name), "{name} is no metric of ours");
    }
}

#[test]
fn the_prompt_is_a_client() {
    let house = House::new("prompt", &[]);
    let mut watcher = house.watch();
    let hello = read_until(&mut watcher, "\"viewer\":\"");
    let viewer = hello
        .split("\"viewer\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let path = format!("/prompt?viewer={}", viewer.expect("a name"));
    let type_in = |line: &str| house.post(&path, line);
    house.server.ask("SET greeting hello");
    let told = type_in("GET greeting");
    assert!(
        body(&told).contains("\"reply\":\"24350d0a68656c6c6f0d0a\""),
        "{told}"
    );
    for part in [
        "\"command\":\"get\"",
        "\"key\":\"greeting\"",
        "\"at\":[0,",
        "\"kind\":\"string\"",
        "[\"get\",",
    ] {
        assert!(body(&told).contains(part), "{part} is not in {told}");
    }
    // "-NOPERM"
    assert!(body(&type_in("SET greeting bye")).contains("\"reply\":\"2d4e4f5045524d"));
    assert_eq!(house.server.ask("GET greeting"), "$5\r\nhello\r\n");
    for line in ["AUTH default x", "hello 3 AUTH default x", "RESET"] {
        assert_eq!(status(&type_in(line)), 403, "{line}");
    }
    assert_eq!(status(&type_in("")), 400);
    assert_eq!(status(&type_in("\"")), 400);
    assert_eq!(status(&house.post("/prompt?viewer=0", "PING")), 404);
    let listed = house.server.ask("CLIENT LIST");
    assert!(listed.contains("user=(page)"), "{listed}");
    // It ends with the watching.
    drop(watcher);
    wait_until(
        || !house.server.ask("CLIENT LIST").contains("user=(page)"),
        "the end of the client",
    );
}

/// Fields of the dashboards 763 and 11835 of Grafana's library.
const DASHBOARD_NAMES: &[&str] = &[
    "redis_up",
    "redis_start_time_seconds",
    "redis_uptime_in_seconds",
    "redis_connected_clients",
    "redis_blocked_clients",
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_mem_fragmentation_ratio",
    "redis_commands_total",
    "redis_commands_processed_total",
    "redis_commands_duration_seconds_total",
    "redis_keyspace_hits_total",
    "redis_keyspace_misses_total",
    "redis_net_input_bytes_total",
    "redis_net_output_bytes_total",
    "redis_db_keys",
    "redis_db_keys_expiring",
    "redis_expired_keys_total",
    "redis_evicted_keys_total",
    "redis_connected_slaves",
    "redis_instance_info",
    "redis_rdb_last_save_timestamp_seconds",
    "redis_rejected_connections_total",
    "redis_slowlog_length",
];

/// The rules of the text format: each name is told of once, with its type before its samples, which stand together and
/// differ in their labels.
fn check_metrics(text: &str) {
    let mut told = BTreeSet::new();
    let mut samples = BTreeSet::new();
    let (mut name, mut kind) = ("", "");
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, is) = rest.split_once(' ').expect("a type");
            assert_eq!(of, name, "help stands in front");
            assert!(
                ["gauge", "counter", "histogram", "summary"].contains(&is),
                "{line}"
            );
            kind = is;
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            name = rest.split_once(' ').expect("a help").0;
            assert!(told.insert(name), "{name} is told of twice");
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert!(samples.insert(sample), "{sample} twice");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let of = sample.split('{').next().expect("a name");
            let rest = of
                .strip_prefix(name)
                .unwrap_or_else(|| panic!("{line} stands under {name}"));
            let may = match kind {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&rest),
                "summary" => ["", "_sum", "_count"].contains(&rest),
                _ => rest.is_empty(),
            };
            assert!(may, "{line} under a {kind}");
            assert!(
                of.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{of}"
            );
        }
    }
    assert!(told.len() > 100);
}

#[test]
fn others_do_not_get_in() {
    let house = House::new("others", &[]);
    let evil = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(
        status(&house.ask(evil)),
        403,
        "a name that was made to lead here"
    );
    assert_eq!(
        status(&house.get("/events", "Origin: http://evil.example\r\n")),
        403
    );
    assert_eq!(
        status(&house.get("/metrics", "Sec-Fetch-Site: cross-site\r\n")),
        403
    );
    assert_eq!(status(&house.get("/metrics", "")), 200);
    // Once the data has a password, so has the page.
    assert_eq!(house.server.ask("CONFIG SET requirepass pw"), "+OK\r\n");
    assert_eq!(status(&house.get("/metrics", "")), 401);
    assert_eq!(status(&house.get("/events", "")), 401);
    assert_eq!(status(&house.get("/healthz", "")), 200);
    // default:pw
    assert_eq!(
        status(&house.get("/metrics", "Authorization: Basic ZGVmYXVsdDpwdw==\r\n")),
        200
    );
    assert_eq!(
        status(&house.get("/metrics", "Authorization: Basic ZGVmYXVsdDpwdg==\r\n")),
        401
    );
}

#[test]
fn beyond_this_machine_there_has_to_be_a_secret() {
    let folder = Folder::new("page-open");
    let page = free_port().to_string();
    let mut server = folder.launch(&["--page-port", &page, "--page-bind", "0.0.0.0"]);
    assert!(!server.end().success());
    assert!(folder.log().contains("set page-token"));

    let house = House::new(
        "token",
        &["--page-bind", "0.0.0.0", "--page-token", "sesame"],
    );
    assert_eq!(status(&house.get("/", "")), 401);
    assert_eq!(
        status(&house.get("/metrics", "Authorization: Bearer sesame\r\n")),
        200
    );
    let linked = house.get("/?token=sesame", "");
    assert_eq!(status(&linked), 303);
    assert!(linked.contains("Set-Cookie: pollux_page=sesame; Path=/; HttpOnly; SameSite=Strict"));
    assert_eq!(
        status(&house.get("/", "Cookie: pollux_page=sesame\r\n")),
        200
    );
    assert_eq!(status(&house.get("/?token=no", "")), 401);
}

#[test]
fn turns_are_told_as_they_happen() {
    let house = House::new("turns", &[]);
    let mut watcher = house.watch();
    let hello = read_until(&mut watcher, "event: hello");
    assert!(hello.contains("text/event-stream"));
    let mut client = house.server.connect();
    // Requests are noted in one turn of each half millisecond, so one of a few may be missed.
    for _ in 0..20 {
        client.write_all(b"SET key value EX 100\r\n").expect("room");
        sleep(Duration::from_millis(10));
    }
    let told = hello + &read_until(&mut watcher, "[\"set\",");
    assert!(told.contains("\"phases\":[\"sleep\",\"notice\""), "{told}");
    let told =
        told + &read_until(&mut watcher, "\"wheel\":") + &read_until(&mut watcher, "\"info\":");
    assert!(told.contains("\"keys\":1,\"deadlines\":1"), "{told}");
    assert!(told.contains("cmd=set"), "the list of clients");
    let place = house.get("/place?db=0&key=key", "");
    assert!(body(&place).contains("\"kind\":\"string\""), "{place}");
    assert!(body(&place).contains("\"deadline\":"), "{place}");
    assert!(!body(&house.get("/place?db=0&key=other", "")).contains("kind"));
    assert_eq!(status(&house.get("/place?db=99&key=a", "")), 503);
    // The last one turns off the light.
    drop(watcher);
    wait_until(
        || body(&house.get("/metrics", "")).contains("pollux_page_viewers 0"),
        "nobody who watches",
    );
}

#[test]
fn a_busy_script_does_not_stop_the_page() {
    let house = House::new("busy", &["--busy-reply-threshold", "10"]);
    let mut client = house.server.connect();
    client
        .write_all(b"EVAL \"while true do end\" 0\r\n")
        .expect("room");
    wait_until(
        || body(&house.get("/healthz", "")).starts_with("busy"),
        "a busy script",
    );
    let text = house.get("/metrics", "");
    assert!(text.contains("pollux_busy_with_script 1"));
    check_up_to(body(&text));
    assert_eq!(house.server.ask("SCRIPT KILL"), "+OK\r\n");
    wait_until(
        || body(&house.get("/healthz", "")) == "ok\n",
        "the script's end",
    );
    // Connections of clients that came meanwhile are clients, and those of the page are not.
    assert_eq!(house.server.ask("PING"), "+PONG\r\n");
}

fn check_up_to(text: &str) {
    assert!(text.contains("redis_up 1") && !text.contains("redis_connected_clients"));
}

#[test]
fn hostile_callers_are_bounded_and_clients_do_not_notice() {
    let house = House::new("hostile", &[]);
    // Heads without an end, bytes that are no HTTP, bodies that are too large.
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000));
    assert_eq!(status(&house.ask(&endless)), 431);
    assert_eq!(status(&house.ask("*1\r\n$4\r\nPING\r\n")), 400);
    let large = "POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    assert_eq!(status(&house.ask(large)), 413);
    // Slow ones, a byte and then nothing: they may stay for a while, and cost their places only.
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = house.call();
            let _ = stream.write_all(b"G");
            stream
        })
        .collect();
    assert_eq!(house.server.ask("PING"), "+PONG\r\n");
    drop(slow);
    wait_until(
        || house.get("/healthz", "").starts_with("HTTP/1.1 200"),
        "room for callers",
    );
    // A thousand who want to watch: sixteen may.
    let mut watchers = Vec::new();
    for caller in 0..1000 {
        let mut stream = house.watch();
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer for each");
        match &start[9..] {
            b"200" => watchers.push(stream),
            other => assert_eq!(other, b"429", "caller {caller}"),
        }
    }
    assert_eq!(watchers.len(), 16);
    assert_eq!(house.server.ask("PING"), "+PONG\r\n");
}

/// Ten seconds are for the whole of a request: who sends a byte now and then gets no more of them.
#[test]
fn slow_requests_are_told_so_and_end() {
    let house = House::new("slow", &[]);
    let began = Instant::now();
    let port = house.page;
    let head =
        format!("POST /prompt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 8\r\n\r\n");
    let mut callers: Vec<TcpStream> = ["G", &head, &head[..30], "GET / HTTP/1.1\r\nX: "]
        .iter()
        .map(|words| {
            let mut stream = house.call();
            stream.write_all(words.as_bytes()).expect("room");
            stream
        })
        .collect();
    let last = callers.len() - 1;
    while began.elapsed() < Duration::from_secs(9) {
        callers[last].write_all(b"x").expect("it is still heard");
        assert_eq!(house.server.ask("PING"), "+PONG\r\n");
        sleep(Duration::from_millis(300));
    }
    for stream in &mut callers {
        let reply = all_of(stream);
        assert_eq!(status(&reply), 408, "{reply}");
        assert!(reply.contains("Connection: close") && began.elapsed() >= Duration::from_secs(9));
    }
    assert_eq!(body(&house.get("/healthz", "")), "ok\n");
}

#[test]
fn mutilated_requests_do_no_harm() {
    let house = House::new("mutilated", &[]);
    let whole = format!(
        "POST /prompt?viewer=%41 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 8\r\nCookie: a=b; c\r\n\r\nGET \"a\"\r",
        house.page
    );
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..300 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..draw(6) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes.truncate(at + 1),
                2 => bytes.insert(at, b"\r\n\0 :%?&=\xff"[draw(10)]),
                _ => drop(bytes.drain(at..(at + draw(9)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        let mut stream = house.call();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let reply = all_of(&mut stream);
        assert!(reply.is_empty() || status(&reply) >= 400, "{reply}");
    }
    assert_eq!(body(&house.get("/healthz", "")), "ok\n");
    assert_eq!(house.server.ask("PING"), "+PONG\r\n");
}

#[test]
fn who_watches_and_never_reads_loses_frames_and_no_memory() {
    let house = House::new("deaf", &[]);
    let deaf: Vec<TcpStream> = (0..4).map(|_| house.watch()).collect();
    let mut watcher = house.watch();
    let mut client = house.server.connect();
    // Turns full of commands make frames large.
    let burst = "PING\r\n".repeat(100);
    for _ in 0..50 {
        client.write_all(burst.as_bytes()).expect("room");
        let mut replies = vec![0; 7 * 100];
        client.read_exact(&mut replies).expect("clients are served");
    }
    read_until(&mut watcher, "event: frame");
    assert_eq!(house.server.ask("PING"), "+PONG\r\n");
    drop(deaf);
}

#[test]
fn the_source_that_the_page_points_to_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for asset in std::fs::read_dir(root.join("src/page/assets")).expect("the files of the page") {
        let asset = asset.expect("readable").path();
        let text = std::fs::read_to_string(&asset).expect("text");
        for (file, names) in pointers(&text) {
            let source = std::fs::read_to_string(root.join(file));
            let source = source.unwrap_or_else(|_| panic!("{} points to {file}", asset.display()));
            for name in names.split(", ") {
                let is_there = ["fn", "struct", "pub struct"]
                    .iter()
                    .any(|kind| source.contains(&format!("{kind} {name}")));
                assert!(is_there, "{file} has no {name}");
            }
            count += 1;
        }
    }
    assert!(count > 15, "the page points to its source");
}

/// `src/reactor/phases.rs: notice, tell`
fn pointers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = text.match_indices("src/").map(|(at, _)| &text[at..]);
    let ends = starts.filter_map(|rest| rest.split(['"', '<', '`']).next());
    ends.filter_map(|pointer| pointer.split_once(": "))
}
