//! Listeners of every kind, addresses, and what stands at a door.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Instant;

use super::*;

/// A fresh directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("reactor-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a writable temporary directory");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn several_doors_lead_to_one_loop_and_say_which_they_are() {
    let mut bench = Bench::new();
    let second = listen_on(&mut bench.reactor, "127.0.0.1:0");
    let Some(Address::Ip(at)) = bench.reactor.io().address(second) else {
        panic!("a TCP door")
    };
    let first_client = bench.client();
    bench.at = at;
    let second_client = bench.client();

    let peers: Vec<_> = bench
        .app
        .state
        .sessions
        .values()
        .filter_map(|session| session.peer.clone())
        .collect();
    assert_eq!(
        Some(peers[0].local.clone()),
        bench.reactor.io().address(bench.door)
    );
    assert_eq!(
        Some(peers[1].local.clone()),
        bench.reactor.io().address(second)
    );
    assert_eq!(
        peers[0].address,
        first_client.local_addr().expect("open").into()
    );
    assert_eq!(
        peers[1].local,
        second_client.peer_addr().expect("open").into()
    );
    assert_ne!(peers[0].fd, peers[1].fd);

    bench.reactor.io().close(second);
    let refused = TcpStream::connect(at).expect_err("the door is shut");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn an_address_in_use_is_an_error() {
    let mut bench = Bench::new();
    let again = Listen::Tcp {
        address: bench.at,
        backlog: 1,
    };
    let error = bench.reactor.io().listen(&again).expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn newcomers_have_the_options_of_their_door() {
    let keepalive = |bench: &mut Bench| {
        let id = *bench.app.state.names.last().expect("somebody came");
        let Some(io::Source::Stream(conn)) = bench.reactor.io().sources.get(id) else {
            panic!("still open")
        };
        let Stream::Tcp(stream) = &conn.stream else {
            panic!("a TCP door")
        };
        let socket = socket2::SockRef::from(stream);
        assert!(socket.tcp_nodelay().expect("open"));
        let is_on = socket.keepalive().expect("open");
        is_on.then(|| {
            (
                socket.tcp_keepalive_time().expect("open").as_secs(),
                socket.tcp_keepalive_interval().expect("open").as_secs(),
                socket.tcp_keepalive_retries().expect("open"),
            )
        })
    };
    let mut bench = Bench::new();
    let _first = bench.client();
    assert_eq!(keepalive(&mut bench), Some((300, 100, 3)));
    bench.reactor.io().set_keepalive_seconds(2);
    let _second = bench.client();
    assert_eq!(keepalive(&mut bench), Some((2, 1, 3)));
    bench.reactor.io().set_keepalive_seconds(0);
    let _third = bench.client();
    assert_eq!(keepalive(&mut bench), None);
}

/// Without descriptors the door is tried now and then, never in a spin, and nobody at it is forgotten.
#[test]
fn out_of_descriptors_the_loop_waits_calmly() {
    const ALONE: &str = "REACTOR_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        // The limit holds for a whole process, so the test runs itself again in one of its own.
        let name = "reactor::tests::doors::out_of_descriptors_the_loop_waits_calmly";
        let tests = std::env::current_exe().expect("we run");
        let mut alone = std::process::Command::new(tests);
        let output = alone
            .args(["--exact", name])
            .env(ALONE, "1")
            .output()
            .expect("runs again");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        return;
    }
    let mut bench = Bench::new();
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::Forever);
    let mut strangers: Vec<_> = (0..10).map(|_| bench.stranger()).collect();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let highest = strangers[9].as_raw_fd() as u64;
    let few = rustix::process::Rlimit {
        current: Some(highest + 4),
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).expect("less is allowed");

    bench.turn();
    let before = bench.turn().accepted + bench.app.state.names.len() as u32;
    assert!(before < 10, "{before} of 10 came in");
    let began = Instant::now();
    assert_eq!((bench.turn().accepted, bench.turn().accepted), (0, 0));
    let slept = began.elapsed();
    assert!(
        slept >= Duration::from_millis(190),
        "two pauses, not {slept:?}"
    );

    // Somebody leaves: his descriptor lets the next one in.
    let first = bench.app.state.names[0];
    bench.app.state.say(bench.reactor.io(), first, b"you first");
    bench.reactor.io().close_after_flush(first);
    bench.until(|state| state.names.len() as u32 > before);
    assert_eq!(read_to_end(&mut strangers[0]), b"you first");

    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("as before");
    bench.until(|state| state.names.len() == 10);
}

/// IPv6 sockets take IPv6 only, so both wildcards fit on one port.
#[test]
fn both_families_stand_side_by_side() {
    let mut bench = Bench::new();
    let any4 = listen_on(&mut bench.reactor, "0.0.0.0:0");
    let Some(Address::Ip(mut at)) = bench.reactor.io().address(any4) else {
        panic!("a TCP door")
    };
    let address = SocketAddr::new("::".parse().expect("a literal"), at.port());
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        // A kernel without IPv6; the listener must then say so.
        bench
            .reactor
            .io()
            .listen(&Listen::Tcp {
                address,
                backlog: 1,
            })
            .expect_err("no IPv6 here");
        return;
    }
    bench
        .reactor
        .io()
        .listen(&Listen::Tcp {
            address,
            backlog: 1,
        })
        .expect("IPv4 is not in its way");
    at.set_ip("::1".parse().expect("a literal"));
    bench.at = at;
    let mut client = bench.client();
    let id = bench.app.state.names[0];
    let peer = bench.app.state.session(id).peer.clone().expect("accepted");
    assert!(peer.local.to_string().starts_with("[::1]:"));
    assert!(peer.address.to_string().starts_with("[::1]:"));
    client.write_all(b"six").expect("room");
    bench.turn();
    assert_eq!(read_exactly(&mut client, 3), b"six");
}

#[test]
fn a_storm_of_connections_is_let_in_by_and_by() {
    let mut bench = Bench::with(&Settings {
        max_new_connections_per_turn: 10,
        ..Settings::default()
    });
    let mut early = bench.client();
    let storm: Vec<_> = (0..95).map(|_| bench.stranger()).collect();
    let mut accepted = Vec::new();
    while bench.reactor.io().connections() < 1 + storm.len() {
        // Others are served while it lasts.
        early.write_all(b"x").expect("room");
        let turn = bench.turn();
        assert_eq!(turn.clients, 1);
        accepted.push(turn.accepted);
        assert_eq!(read_exactly(&mut early, 1), b"x");
    }
    assert_eq!(accepted, [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
}

#[test]
fn a_newcomer_can_be_turned_away_with_a_word() {
    let mut bench = Bench::new();
    bench.app.hooks.opened = Box::new(|state, io, id| {
        if io.connections() > 1 {
            state.say(io, id, b"full");
            io.close_after_flush(id);
        }
    });
    let _first = bench.client();
    let mut second = bench.client();
    assert_eq!(read_to_end(&mut second), b"full");
    assert_eq!(
        bench.diary(),
        ["opened 0", "opened 1", "wrote 1", "closed by us 1"]
    );
    let mut third = bench.client();
    bench.app.hooks.opened = Box::new(|_, io, id| io.close(id));
    let mut fourth = bench.client();
    assert_eq!(read_to_end(&mut third), b"full");
    assert_eq!(read_to_end(&mut fourth), b"");
}

#[test]
fn unix_sockets_have_a_path_with_permissions() {
    let scratch = Scratch::new("path");
    let path = scratch.0.join("socket");
    // A process that died left the file behind, without anybody listening.
    drop(UnixListener::bind(&path).expect("a fresh path"));
    assert!(path.exists());

    let mut bench = Bench::new();
    let at = Listen::Unix {
        path: path.clone(),
        permissions: Some(0o750),
        backlog: 16,
    };
    let door = bench
        .reactor
        .io()
        .listen(&at)
        .expect("the stale socket is replaced");
    let mode = fs::metadata(&path).expect("bound").permissions().mode();
    assert_eq!(mode & 0o777, 0o750);

    let mut client = UnixStream::connect(&path).expect("the door is open");
    client
        .set_read_timeout(Some(TIMEOUT))
        .expect("a fresh socket");
    client.write_all(b"local").expect("room");
    bench.until(|state| state.diary.contains(&"wrote 0".to_string()));
    assert_eq!(read_exactly(&mut client, 5), b"local");
    let id = bench.app.state.names[0];
    let peer = bench.app.state.session(id).peer.clone().expect("accepted");
    assert_eq!(peer.local, Address::Unix(path.clone()));
    assert_eq!(peer.address, Address::Unix(PathBuf::new()));
    drop(client);
    bench.until(|state| state.sessions.is_empty());

    bench.reactor.io().close(door);
    assert!(!path.exists(), "it goes with its listener");
}

#[test]
fn only_our_own_socket_is_removed() {
    let scratch = Scratch::new("own");
    let path = scratch.0.join("socket");
    let mut bench = Bench::new();
    let at = Listen::Unix {
        path: path.clone(),
        permissions: None,
        backlog: 16,
    };

    fs::write(&path, "a letter").expect("a writable directory");
    let error = bench
        .reactor
        .io()
        .listen(&at)
        .expect_err("a file is no stale socket");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(fs::read(&path).expect("still there"), b"a letter");
    fs::remove_file(&path).expect("ours");

    let door = bench.reactor.io().listen(&at).expect("a free path");
    fs::rename(&path, scratch.0.join("aside")).expect("ours");
    let _successor = UnixListener::bind(&path).expect("a free path");
    bench.reactor.io().close(door);
    assert!(path.exists(), "it belongs to the successor");
}

#[test]
fn abstract_names_need_no_file() {
    let name = format!("\0reactor-test-{}", std::process::id());
    let mut bench = Bench::new();
    let at = Listen::Unix {
        path: name.clone().into(),
        permissions: Some(0o700),
        backlog: 16,
    };
    bench.reactor.io().listen(&at).expect("a free name");
    let id = bench
        .reactor
        .io()
        .connect(&Address::Unix(name.into()), None, None)
        .expect("somebody listens");
    bench.app.state.name(id, None);
    bench.until(|state| state.names.len() == 2 && state.diary.len() == 2);
    let mut diary = bench.diary();
    diary.sort();
    assert_eq!(diary, ["connected 0", "opened 1"]);
}

/// One loop at both ends: what is queued before the connection stands leaves once it does.
#[test]
fn connecting_is_told_when_it_stands() {
    let mut bench = Bench::new();
    let to = Address::Ip(bench.at);
    let from = Some("127.0.0.1".parse().expect("a literal"));
    let id = bench.reactor.io().connect(&to, from, None).expect("begun");
    bench.app.state.name(id, None);
    bench.app.state.say(bench.reactor.io(), id, b"early");
    bench.app.hooks.received = Box::new(|state, io, group| {
        // The accepting end answers, the connecting end listens.
        if state.names[0] != group[0] {
            echo(state, io, group);
        }
    });
    bench.until(|state| state.sessions[&id].received == b"early");
    let peer = bench.app.state.session(id).peer.clone().expect("connected");
    assert_eq!(peer.address, to);
    assert_eq!(bench.reactor.io().address(id), Some(peer.local));
}

#[test]
fn a_failed_connect_is_told_as_closed() {
    let mut bench = Bench::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = Address::Ip(nobody.local_addr().expect("bound"));
    drop(nobody);
    // Loopback may refuse within the call; both are promised.
    match bench.reactor.io().connect(&to, None, None) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        Ok(id) => {
            bench.app.state.name(id, None);
            bench.until(|state| state.sessions.is_empty());
            assert_eq!(bench.diary(), ["failed with ConnectionRefused 0"]);
        }
    }
    let nowhere = Address::Unix("/nonexistent/socket".into());
    let error = bench
        .reactor
        .io()
        .connect(&nowhere, None, None)
        .expect_err("no such path");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(bench.reactor.io().connections(), 0);
}
