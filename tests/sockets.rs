//! What only real sockets can show: doors, limits, closing, signals. Everything else is in the transcripts.
//!
//! Each test starts the program itself on a port of its own, with everything else as it is by default, and talks to it
//! as a client would.

mod driving;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use driving::program::{self, Folder};
use driving::waiting::{PATIENCE, free_port, wait_until};
use rustix::process::Signal;

/// A server that ends with the test, and its folder with it.
struct Server {
    process: program::Server,
    folder: Folder,
}

/// One connection.
struct Client<S>(S);

impl Server {
    fn start(words: &[&str]) -> Server {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Folder::new(&format!("sockets-{number}"));
        let told = [&["--save", "", "--loglevel", "verbose"], words].concat();
        Server {
            process: folder.serve(&told),
            folder,
        }
    }

    fn connect(&self) -> Client<TcpStream> {
        Client(self.process.connect())
    }

    /// Waits until the process has ended; tells whether it did so in peace.
    fn ended_well(&mut self) -> bool {
        self.process.end().success()
    }
}

fn connect_to(port: u16) -> Client<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a fresh socket");
    Client(stream)
}

impl<S: Read + Write> Client<S> {
    /// Sends one inline request and returns one line of the reply (of a bulk, its content).
    fn ask(&mut self, request: &str) -> String {
        self.0
            .write_all(format!("{request}\r\n").as_bytes())
            .expect("an open connection");
        self.reply()
    }

    /// What a parameter is.
    fn value(&mut self, name: &str) -> String {
        assert_eq!(self.ask(&format!("CONFIG GET {name}")), "*2");
        assert_eq!(self.reply(), name);
        self.reply()
    }

    fn reply(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix('$') {
            Some("-1") | None => line,
            Some(len) => {
                let mut bytes = vec![0; len.parse::<usize>().expect("a length") + 2];
                self.0.read_exact(&mut bytes).expect("the rest of a reply");
                String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned()
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).expect("a reply");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// Reads to the end of the connection, a reset counted as one.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection stays open")
            }
            _ => rest,
        }
    }
}

/// At the limit, a client that leaves makes room for one that comes right after it, though both fall into one turn.
#[test]
fn a_client_that_leaves_is_counted_out_before_another_is_refused() {
    let server = Server::start(&["--maxclients", "2", "--enable-debug-command", "yes"]);
    let mut busy = server.connect();
    assert_eq!(busy.ask("PING"), "+PONG");
    let mut old = server.connect();
    assert_eq!(old.ask("PING"), "+PONG");
    for round in 0..20 {
        // While the server sleeps, one leaves and another comes: it hears of both at once.
        busy.0
            .write_all(b"DEBUG SLEEP 0.02\r\n")
            .expect("an open connection");
        if round % 2 == 1 {
            // What it has sent before it left is still to be run.
            old.0.write_all(b"INCR last-words\r\n").expect("room");
        }
        drop(old);
        let mut new = server.connect();
        assert_eq!(new.ask("PING"), "+PONG", "round {round}");
        assert_eq!(busy.reply(), "+OK");
        old = new;
    }
    assert_eq!(busy.ask("GET last-words"), "10");
    // One more than may be is refused all the same, and leaves the others alone.
    for _ in 0..3 {
        let refusal = server.connect().rest();
        assert_eq!(refusal, b"-ERR max number of clients reached\r\n");
    }
    assert_eq!(old.ask("PING"), "+PONG");
}

#[test]
fn a_server_moves_to_another_port_or_stays_where_it_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let taken = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let taken_port = taken.local_addr().expect("a bound socket").port();
    let refusal = client.ask(&format!("CONFIG SET port {taken_port}"));
    assert!(
        refusal.contains("Unable to listen on this port"),
        "{refusal}"
    );
    assert_eq!(server.connect().ask("PING"), "+PONG");
    let refusal = client.ask("CONFIG SET bind 999.999.999.999");
    assert!(
        refusal.contains("Failed to bind to specified addresses"),
        "{refusal}"
    );
    assert_eq!(server.connect().ask("PING"), "+PONG");

    let port = free_port();
    assert_eq!(client.ask(&format!("CONFIG SET port {port}")), "+OK");
    assert_eq!(connect_to(port).ask("PING"), "+PONG");
    assert!(
        TcpStream::connect(("127.0.0.1", server.process.port)).is_err(),
        "the old door is closed"
    );
    // A transaction cannot wait for the outcome; it goes on all the same.
    assert_eq!(client.ask("MULTI"), "+OK");
    assert_eq!(
        client.ask(&format!("CONFIG SET port {}", server.process.port)),
        "+QUEUED"
    );
    assert_eq!(client.ask("EXEC"), "*1");
    assert_eq!(client.reply(), "+OK");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

/// Goal: of several effects of one CONFIG SET, those that had come about are undone when a later one cannot.
#[test]
fn what_had_come_about_is_undone_when_the_rest_cannot() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let port = free_port();
    let is_open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();

    let refusal = client.ask(&format!("CONFIG SET port {port} maxclients 4000000000"));
    assert!(
        refusal.starts_with(
            "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to \
             handle the specified number of clients, try with "
        ),
        "{refusal}"
    );
    assert!(is_open(server.process.port) && !is_open(port));

    // A file stands where the log's directory would be made.
    std::fs::write(server.folder.0.join("appendonlydir"), "").expect("a folder of ours");
    assert_eq!(
        client.ask(&format!(
            "CONFIG SET maxclients 50 port {port} appendonly yes"
        )),
        "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs."
    );
    assert!(is_open(server.process.port) && !is_open(port));

    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let taken = listener.local_addr().expect("a bound socket").port();
    assert_eq!(
        client.ask(&format!(
            "CONFIG SET loglevel debug proc-title-template mine maxclients 60 port {taken}"
        )),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs."
    );
    assert!(is_open(server.process.port));
    for (name, value) in [
        ("port", server.process.port.to_string()),
        ("maxclients", "10000".into()),
        ("appendonly", "no".into()),
        ("loglevel", "verbose".into()),
    ] {
        assert_eq!(client.value(name), value);
    }
    assert!(!server.folder.log().contains("Failed restoring"));
}

#[test]
fn who_asks_for_tls_is_told_that_there_is_none() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let refused = |name| {
        format!(
            "-ERR CONFIG SET failed (possibly related to argument '{name}') - Unable to update TLS configuration. Check server logs."
        )
    };
    let port = free_port();
    assert_eq!(
        client.ask(&format!("CONFIG SET tls-port {port}")),
        refused("tls-port")
    );
    assert_eq!(
        client.ask("CONFIG SET tls-replication yes"),
        refused("tls-replication")
    );
    assert_eq!(client.value("tls-port"), "0");
    assert_eq!(client.ask("CONFIG SET tls-protocols TLSv1.3"), "+OK");
    let output = Command::new(program::PROGRAM)
        .args(["--port", "0", "--tls-port", &port.to_string()])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(log.contains("Failed to configure TLS."), "{log}");
}

#[test]
fn a_configuration_file_is_rewritten_and_the_client_hears_how_it_went() {
    let logs = Folder::new("rewriting");
    let folder = Folder::new("rewritten");
    let path = folder.0.join("pollux.conf");
    std::fs::write(&path, "# mine\nhz 20\n").expect("a folder of ours");
    let server = logs.serve(&[path.to_str().expect("plain names"), "--save", ""]);
    let mut client = Client(server.connect());
    let text = || std::fs::read_to_string(&path).expect("the file is there");

    assert_eq!(client.ask("CONFIG SET hz 30"), "+OK");
    assert_eq!(client.ask("CONFIG REWRITE"), "+OK");
    assert!(text().starts_with("# mine\nhz 30\n"), "{}", text());
    // In a transaction the file has what was set before, and not what is set after.
    for request in ["CONFIG SET hz 40", "CONFIG REWRITE", "CONFIG SET hz 50"] {
        if request.ends_with("40") {
            assert_eq!(client.ask("MULTI"), "+OK");
        }
        assert_eq!(client.ask(request), "+QUEUED");
    }
    assert_eq!(client.ask("EXEC"), "*3");
    for _ in 0..3 {
        assert_eq!(client.reply(), "+OK");
    }
    assert!(text().starts_with("# mine\nhz 40\n"), "{}", text());
    // Requests behind it wait for their turn.
    client
        .0
        .write_all(b"CONFIG REWRITE\r\nPING\r\nCONFIG REWRITE\r\nECHO x\r\n")
        .expect("an open connection");
    for reply in ["+OK", "+PONG", "+OK", "x"] {
        assert_eq!(client.reply(), reply);
    }
    assert!(text().starts_with("# mine\nhz 50\n"), "{}", text());
    let names: Vec<_> = std::fs::read_dir(&folder.0)
        .expect("it is there")
        .map(|entry| entry.expect("a readable folder").file_name())
        .collect();
    assert_eq!(names, ["pollux.conf"]);

    std::fs::remove_dir_all(&folder.0).expect("a folder of ours");
    let failed = "-ERR Rewriting config file: No such file or directory";
    assert_eq!(client.ask("CONFIG REWRITE"), failed);
    assert_eq!(client.ask("MULTI"), "+OK");
    assert_eq!(client.ask("CONFIG REWRITE"), "+QUEUED");
    assert_eq!(client.ask("EXEC"), "*1");
    assert_eq!(client.reply(), failed);
    assert_eq!(client.ask("PING"), "+PONG");
}

#[test]
fn a_unix_socket_has_its_permissions_and_goes_with_the_server() {
    let mut server = Server::start(&["--unixsocket", "door", "--unixsocketperm", "700"]);
    let path = server.folder.0.join("door");
    let mode = std::fs::metadata(&path)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let stream = UnixStream::connect(&path).expect("the server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a fresh socket");
    let mut client = Client(stream);
    assert_eq!(client.ask("PING"), "+PONG");
    let about = client.ask("CLIENT INFO");
    assert!(
        about.contains(" flags=U ") && about.contains("door:0 laddr="),
        "{about}"
    );
    client
        .0
        .write_all(b"SHUTDOWN NOSAVE\r\n")
        .expect("an open connection");
    assert!(client.rest().is_empty());
    assert!(server.ended_well());
    assert!(!path.exists());
}

#[test]
fn there_is_room_for_so_many_clients_and_no_more() {
    let server = Server::start(&["--maxclients", "3"]);
    let mut inside: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut inside {
        assert_eq!(client.ask("PING"), "+PONG");
    }
    assert_eq!(
        server.connect().rest(),
        b"-ERR max number of clients reached\r\n"
    );
    assert_eq!(inside[0].ask("CONFIG SET maxclients 4"), "+OK");
    assert_eq!(server.connect().ask("PING"), "+PONG");
    let refusal = inside[0].ask("CONFIG SET maxclients 4000000000");
    assert!(
        refusal.contains("not able to handle the specified number of clients, try with"),
        "{refusal}"
    );
}

#[test]
fn replies_come_before_the_end_and_nothing_after_it() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client
        .0
        .write_all(b"PING\r\nQUIT\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(client.rest(), b"+PONG\r\n+OK\r\n");

    let mut client = server.connect();
    client
        .0
        .write_all(b"PING\r\n*1\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(
        client.rest(),
        b"+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n"
    );

    let (mut one, mut other) = (server.connect(), server.connect());
    let number = other.ask("CLIENT ID");
    assert_eq!(one.ask(&format!("CLIENT KILL ID {}", &number[1..])), ":1");
    assert!(other.rest().is_empty());
    one.0
        .write_all(b"CLIENT KILL SKIPME no\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(one.rest(), b":1\r\n");
    server.process.wait_for_line("Protocol error");
    server.process.wait_for_line("Accepted 127.0.0.1:");
}

#[test]
fn who_does_not_read_is_cut_off() {
    let server = Server::start(&["--client-output-buffer-limit", "normal 100000 0 0"]);
    let mut client = server.connect();
    // The reply is dropped as a whole: half of it would be of no use.
    assert_eq!(client.ask(&format!("SETRANGE big {} x", 15_000)), ":15001");
    let request = format!("MGET{}\r\n", " big".repeat(1000));
    client
        .0
        .write_all(request.as_bytes())
        .expect("an open connection");
    assert!(client.rest().is_empty());
    server
        .process
        .wait_for_line("scheduled to be closed ASAP for overcoming of output buffer limits.");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn who_sends_without_end_is_cut_off() {
    let server = Server::start(&["--client-query-buffer-limit", "1mb"]);
    let mut client = server.connect();
    let piece = vec![b'x'; 100_000];
    let _ = client.0.write_all(b"*2\r\n$4\r\nECHO\r\n$10000000\r\n");
    while client.0.write_all(&piece).is_ok() {}
    server
        .process
        .wait_for_line("Closing client that reached max query buffer length");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn who_says_nothing_for_too_long_is_let_go() {
    let server = Server::start(&["--timeout", "1", "--hz", "100"]);
    let mut quiet = server.connect();
    assert_eq!(quiet.ask("PING"), "+PONG");
    let mut waiting = server.connect();
    waiting
        .0
        .write_all(b"BLPOP list 0\r\n")
        .expect("an open connection");
    assert!(quiet.rest().is_empty());
    server.process.wait_for_line("Closing idle client");
    assert_eq!(server.connect().ask("RPUSH list x"), ":1");
    assert_eq!(
        (waiting.line(), waiting.reply(), waiting.reply()),
        ("*2".into(), "list".into(), "x".into())
    );
}

#[test]
fn a_signal_ends_the_server_in_peace() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.ask("PING"), "+PONG");
    server.process.signal(Signal::TERM);
    assert!(client.rest().is_empty());
    assert!(server.ended_well());
    assert!((server.folder.log()).contains("Received SIGTERM scheduling shutdown..."));
}

#[test]
fn waitaof_waits_for_the_disk() {
    let server = Server::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let pair = |client: &mut Client<TcpStream>| {
        assert_eq!(client.reply(), "*2");
        (client.reply(), client.reply())
    };
    let both = |disk: &str, replicas: &str| (disk.to_owned(), replicas.to_owned());
    let mut client = server.connect();
    let mut other = server.connect();
    for policy in ["everysec", "always"] {
        assert_eq!(
            client.ask(&format!("CONFIG SET appendfsync {policy}")),
            "+OK"
        );
        client
            .0
            .write_all(b"SET key value\r\nWAITAOF 1 0 0\r\nPING\r\n")
            .expect("an open connection");
        assert_eq!(client.reply(), "+OK");
        assert_eq!(pair(&mut client), both(":1", ":0"), "{policy}");
        assert_eq!(client.reply(), "+PONG");
    }

    // Nothing is ever brought to the disk by itself, but what others have written is no concern of ours.
    assert_eq!(client.ask("CONFIG SET appendfsync no"), "+OK");
    assert_eq!(client.ask("SET key value"), "+OK");
    for (wanted, on_disk) in [("WAITAOF 1 0 50", ":0"), ("WAITAOF 0 1 50", ":0")] {
        client
            .0
            .write_all(format!("{wanted}\r\n").as_bytes())
            .expect("an open connection");
        assert_eq!(pair(&mut client), both(on_disk, ":0"), "{wanted}");
    }
    other
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    assert_eq!(pair(&mut other), both(":1", ":0"));

    // Who waits is told when the log goes.
    client
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    wait_until(
        || other.ask("INFO clients").contains("blocked_clients:1"),
        "a client that waits",
    );
    assert_eq!(other.ask("CONFIG SET appendonly no"), "+OK");
    assert_eq!(
        client.reply(),
        "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
    );

    // What is in the first base is on disk when that is.
    assert_eq!(client.ask("SET key value"), "+OK");
    assert_eq!(client.ask("CONFIG SET appendonly yes"), "+OK");
    client
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    assert_eq!(pair(&mut client), both(":1", ":0"));
}

const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

#[test]
fn a_busy_script_lets_others_in_and_can_be_killed() {
    let server = Server::start(&["--busy-reply-threshold", "20"]);
    let mut runner = server.connect();
    let mut other = server.connect();
    assert_eq!(
        other.ask("SCRIPT KILL"),
        "-NOTBUSY No scripts in execution right now."
    );
    assert_eq!(other.ask("MULTI"), "+OK");
    assert_eq!(other.ask("SET key value"), "+QUEUED");
    runner
        .0
        .write_all(b"EVAL \"while true do pcall(function() while true do end end) end\" 0\r\n")
        .expect("an open connection");
    server.process.wait_for_line("Slow script detected");
    // Newcomers are let in too.
    let mut newcomer = server.connect();
    assert_eq!(newcomer.ask("PING"), BUSY);
    assert_eq!(newcomer.ask("SHUTDOWN"), BUSY);
    let refusal = BUSY.strip_prefix('-').expect("an error");
    let spoiled = format!("-EXECABORT Transaction discarded because of: {refusal}");
    assert_eq!(other.ask("EXEC"), spoiled);
    assert_eq!(newcomer.ask("SCRIPT KILL"), "+OK");
    let reply = runner.reply();
    assert!(
        reply.starts_with("-ERR Script killed by user with SCRIPT KILL..."),
        "{reply}"
    );
    assert_eq!(newcomer.ask("PING"), "+PONG");
    assert_eq!(other.ask("GET key"), "$-1");
    // Nothing of it is left: the next script is not ended.
    assert_eq!(
        runner.ask("EVAL \"local n = 0 for i = 1, 300000 do n = n + 1 end return n\" 0"),
        ":300000"
    );
}

#[test]
fn a_busy_script_that_has_written_ends_with_the_server_and_leaves_nothing() {
    let words = ["--busy-reply-threshold", "20", "--appendonly", "yes"];
    let mut server = Server::start(&words);
    let mut runner = server.connect();
    assert_eq!(runner.ask("SET before value"), "+OK");
    runner
        .0
        .write_all(b"EVAL \"redis.call('SET', 'half', 'x') while true do end\" 0\r\n")
        .expect("an open connection");
    server.process.wait_for_line("Slow script detected");
    let mut other = server.connect();
    let reply = other.ask("SCRIPT KILL");
    assert!(
        reply.starts_with("-UNKILLABLE Sorry the script already executed write"),
        "{reply}"
    );
    let sent = other.0.write_all(b"SHUTDOWN NOSAVE\r\n");
    sent.expect("an open connection");
    assert!(server.ended_well());
    let again = server.folder.serve(&["--appendonly", "yes"]);
    let mut client = Client(again.connect());
    assert_eq!(client.ask("GET half"), "$-1");
    assert_eq!(client.ask("GET before"), "value");
}

#[test]
fn a_busy_script_does_not_hold_up_who_came_with_it() {
    let words = [
        "--busy-reply-threshold",
        "20",
        "--enable-debug-command",
        "yes",
    ];
    let server = Server::start(&words);
    let mut sleeper = server.connect();
    let (mut runner, mut other) = (server.connect(), server.connect());
    // While the server sleeps both requests arrive, so it finds them in one turn.
    let script = b"EVAL \"while true do end\" 0\r\n".as_slice();
    let requests = [
        (&mut sleeper, b"DEBUG SLEEP 0.3\r\n".as_slice()),
        (&mut runner, script),
        (&mut other, b"PING\r\n"),
    ];
    for (client, request) in requests {
        client.0.write_all(request).expect("an open connection");
    }
    assert_eq!(other.reply(), "+PONG");
    server.process.wait_for_line("Slow script detected");
    assert_eq!(other.ask("PING"), BUSY);
    assert_eq!(sleeper.reply(), "+OK");
    assert_eq!(sleeper.ask("SCRIPT KILL"), "+OK");
    assert!(runner.reply().starts_with("-ERR Script killed by user"));
    assert_eq!(runner.ask("PING"), "+PONG");
}
