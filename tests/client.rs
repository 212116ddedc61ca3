//! The client against a real server in this process, and against servers that misbehave.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use pollux::client::{Client, Error, Pool, PoolLimits, Protocol, Settings, Value};
#[cfg(feature = "tls")]
use pollux::client::{Identity, Tls};
use pollux::server::Background;
use pollux::server::in_background;

fn client(server: &Background, protocol: Protocol) -> Client {
    let settings = Settings {
        protocol,
        reply_timeout: Duration::from_secs(20),
        ..Settings::default()
    };
    Client::connect_with(&server.address(), settings).expect("it listens")
}

/// A server of one connection after the other, played by `talk`; returns its address.
fn play(talk: impl Fn(usize, TcpStream) + Send + 'static) -> String {
    let door = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let address = door.local_addr().expect("a bound socket").to_string();
    thread::spawn(move || {
        for (number, stream) in door.incoming().enumerate() {
            talk(number, stream.expect("an open connection"));
        }
    });
    address
}

fn quick() -> Settings {
    Settings {
        reply_timeout: Duration::from_millis(100),
        retries: 0,
        ..Settings::default()
    }
}

#[test]
fn the_usual_commands_in_both_protocols() {
    let server = in_background("");
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut client = client(&server, protocol);
        client.flush().expect("OK");
        client.ping().expect("PONG");
        client.set("k", [0_u8, 255, 13, 10]).expect("OK");
        assert_eq!(
            client.get("k").expect("a string"),
            Some(vec![0, 255, 13, 10])
        );
        assert_eq!(client.get("none").expect("nothing"), None);
        client.mset(&[("a", "1"), ("b", "2")]).expect("OK");
        let values = client.mget(&["a", "none", "b"]).expect("an array");
        assert_eq!(values, [Some(b"1".to_vec()), None, Some(b"2".to_vec())]);
        assert_eq!(client.delete(&["a", "b", "none"]).expect("a count"), 2);

        assert_eq!(
            client
                .ask::<i64>(&["INCRBY", "n", "-5"])
                .expect("an integer"),
            -5
        );
        assert_eq!(
            client
                .ask::<f64>(&["INCRBYFLOAT", "f", "1.25"])
                .expect("a double"),
            1.25
        );
        assert_eq!(
            client
                .ask::<i64>(&["ZADD", "z", "1.5", "m"])
                .expect("a count"),
            1
        );
        assert_eq!(
            client.ask::<f64>(&["ZSCORE", "z", "m"]).expect("a double"),
            1.5
        );
        assert!(
            client
                .ask::<bool>(&["SISMEMBER", "s", "m"])
                .is_ok_and(|is_so| !is_so)
        );
        assert_eq!(
            client
                .ask::<i64>(&["HSET", "h", "f", "v"])
                .expect("a count"),
            1
        );
        let map: BTreeMap<String, String> = client.ask(&["HGETALL", "h"]).expect("a map");
        assert_eq!(map, BTreeMap::from([("f".into(), "v".into())]));
        let keys: Vec<String> = client.ask(&["KEYS", "h*"]).expect("names");
        assert_eq!(keys, ["h"]);

        let error = client
            .command(&["LPUSH", "h", "x"])
            .expect_err("the wrong type");
        assert_eq!(error.code(), Some("WRONGTYPE"));
        assert!(client.is_connected(), "an answer is an answer");
        let error = client.ask::<i64>(&["GET", "k"]).expect_err("no number");
        assert!(matches!(
            error,
            Error::Type {
                wanted: "an integer",
                ..
            }
        ));
        client.flush().expect("OK");
        assert_eq!(client.ask::<u64>(&["DBSIZE"]).expect("a count"), 0);
    }
}

#[test]
fn pipelines_and_values_of_any_size() {
    let server = in_background("");
    let mut client = client(&server, Protocol::Resp2);
    let mut pipeline = client.pipeline();
    for number in 0..25_000 {
        pipeline = pipeline.command(&["RPUSH".to_owned(), "list".into(), number.to_string()]);
    }
    let replies = pipeline.send().expect("replies");
    assert!(
        replies
            .iter()
            .enumerate()
            .all(|(at, reply)| *reply == Value::Integer(at as i64 + 1))
    );

    let big = vec![b'x'; 9 << 20];
    let replies = client
        .pipeline()
        .command(&[b"SET", &b"big"[..], &big])
        .command(&["GET", "big"])
        .command(&["STRLEN", "big"])
        .send();
    let replies = replies.expect("replies");
    assert_eq!(replies[0], Value::Simple("OK".into()));
    assert_eq!(replies[1].as_bytes(), Some(&big[..]));
    assert_eq!(replies[2], Value::Integer(9 << 20));
    assert!(client.pipeline().send().expect("nothing").is_empty());
    let all: Vec<i64> = client
        .ask::<Vec<String>>(&["LRANGE", "list", "0", "-1"])
        .expect("all of them")
        .iter()
        .filter_map(|item| item.parse().ok())
        .collect();
    assert!(all.iter().copied().eq(0..25_000));
}

#[test]
fn names_passwords_and_databases_survive_a_new_connection() {
    let server = in_background("requirepass secret");
    let error = Client::connect(&server.address()).and_then(|mut client| client.ping());
    assert_eq!(error.expect_err("no password").code(), Some("NOAUTH"));
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let settings = Settings {
            protocol,
            password: Some("wrong".into()),
            ..Settings::default()
        };
        let error = Client::connect_with(&server.address(), settings.clone());
        assert_eq!(error.expect_err("the wrong one").code(), Some("WRONGPASS"));
        let settings = Settings {
            password: Some("secret".into()),
            user: Some("default".into()),
            database: 3,
            ..settings
        };
        let mut client = Client::connect_with(&server.address(), settings.clone()).expect("let in");
        client.set("where", "here").expect("OK");

        // The server closes the connection while it lies idle; the next call does not notice.
        let mut other = Client::connect_with(&server.address(), settings).expect("let in");
        let id: i64 = client.ask(&["CLIENT", "ID"]).expect("a number");
        let killed: i64 = other
            .ask(&[
                "CLIENT".to_owned(),
                "KILL".into(),
                "ID".into(),
                id.to_string(),
            ])
            .expect("a count");
        assert_eq!(killed, 1);
        thread::sleep(Duration::from_millis(150));
        assert_eq!(
            client.get("where").expect("a string"),
            Some(b"here".to_vec())
        );
        assert_ne!(client.ask::<i64>(&["CLIENT", "ID"]).expect("a number"), id);

        // Closed in the middle, the call fails and the next one works.
        client.disconnect();
        assert!(!client.is_connected());
        client.ping().expect("PONG");
    }
}

#[test]
fn pushes_do_not_stand_in_for_replies() {
    let server = in_background("");
    let mut client = client(&server, Protocol::Resp3);
    client.command(&["CLIENT", "TRACKING", "ON"]).expect("OK");
    client.get("k").expect("nothing");
    let mut other = Client::connect(&server.address()).expect("it listens");
    other.set("k", "v").expect("OK");
    let patience = Duration::from_secs(20);
    let push = client
        .receive_push(patience)
        .expect("no failure")
        .expect("an invalidation");
    let items = push.as_slice().expect("elements");
    assert_eq!(items[0].as_bytes(), Some(&b"invalidate"[..]));
    // One that comes before a reply is put aside for later.
    client.get("k").expect("a string");
    other.set("k", "w").expect("OK");
    for _ in 0..100 {
        client.ping().expect("PONG, whatever comes before it");
    }
    assert!(client.receive_push(patience).expect("no failure").is_some());
    assert_eq!(
        client
            .receive_push(Duration::from_millis(10))
            .expect("no failure"),
        None
    );
    client.ping().expect("waiting in vain does no harm");
}

#[test]
fn a_unix_socket_is_as_good() {
    let path = std::env::temp_dir().join(format!("pollux-client-{}.sock", std::process::id()));
    let path = path.to_str().expect("plain names");
    let _server = in_background(&format!("unixsocket {path}"));
    let mut client = Client::connect(path).expect("it listens");
    client.set("k", "v").expect("OK");
    assert_eq!(client.get("k").expect("a string"), Some(b"v".to_vec()));
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_silent_server_costs_no_more_than_the_time_out() {
    let address = play(|number, mut stream| {
        // The first connection stays silent, says half a reply, and then the rest, too late.
        let _ = stream.read(&mut [0; 100]);
        if number == 0 {
            let _ = stream.write_all(b"$5\r\nla");
            thread::sleep(Duration::from_millis(300));
            let _ = stream.write_all(b"te\r\n+OK\r\n");
        } else {
            let _ = stream.write_all(b"$3\r\nnew\r\n");
            let _ = stream.read(&mut [0; 100]);
        }
    });
    let mut client = Client::connect_with(&address, quick()).expect("it listens");
    let error = client.get("k").expect_err("nothing comes");
    assert!(matches!(error, Error::TimedOut), "{error:?}");
    assert!(!client.is_connected());
    thread::sleep(Duration::from_millis(300));
    // The late reply is not taken for that of the next request.
    assert_eq!(client.get("k").expect("a string"), Some(b"new".to_vec()));
}

#[test]
fn what_is_no_reply_ends_the_connection() {
    let answers: [(&'static [u8], &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\n", "not understood"),
        (b"$-5\r\n", "not understood"),
        (b"", "closed the connection"),
        (b"$2000\r\n", "larger than allowed"),
    ];
    for (answer, expected) in answers {
        let address = play(move |_, mut stream| {
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(answer);
            if answer.starts_with(b"$2000") {
                let _ = stream.write_all(&[b'x'; 1999]);
                let _ = stream.read(&mut [0; 100]);
            }
        });
        let settings = Settings {
            reply_bytes_max: 1000,
            reply_timeout: Duration::from_secs(20),
            ..quick()
        };
        let mut client = Client::connect_with(&address, settings).expect("it listens");
        let error = client.get("k").expect_err("no reply").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!client.is_connected());
    }
}

#[test]
fn nobody_there_is_an_error_and_not_a_wait() {
    let door = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let address = door.local_addr().expect("a bound socket").to_string();
    drop(door);
    let error = Client::connect(&address).expect_err("nobody listens");
    assert!(matches!(error, Error::Io(_)), "{error:?}");
    assert!(Client::connect_with("no port", quick()).is_err());
    assert!(Client::connect_with("/no/such/socket", quick()).is_err());
}

#[test]
fn a_pool_has_limits_and_lends_only_what_works() {
    let server = in_background("");
    let limits = PoolLimits {
        most: 3,
        most_idle: 2,
        patience: Duration::from_millis(50),
        check_after: Duration::ZERO,
    };
    let pool = Pool::new(&server.address(), Settings::default(), limits);
    let mut lent: Vec<_> = (0..3).map(|_| pool.take().expect("up to three")).collect();
    assert!(matches!(pool.take(), Err(Error::PoolEmpty)));
    assert_eq!(pool.size(), (3, 0));
    lent[0].set("k", "v").expect("OK");
    drop(lent);
    assert_eq!(pool.size(), (0, 2), "one too many to keep");

    // The server closes all of them; what is lent next has been looked at.
    let mut other = Client::connect(&server.address()).expect("it listens");
    let killed: i64 = other
        .ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .expect("a count");
    assert!(killed >= 2);
    for _ in 0..3 {
        let value = pool
            .take()
            .expect("one that works")
            .get("k")
            .expect("a string");
        assert_eq!(value, Some(b"v".to_vec()));
    }

    // Broken ones do not come back.
    let mut broken = pool.take().expect("one that works");
    broken.disconnect();
    drop(broken);
    assert_eq!(pool.size(), (0, 1));

    // Whoever waits is served when one comes back.
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                while pool
                    .take()
                    .and_then(|mut one| one.ask::<i64>(&["INCR", "n"]))
                    .is_err()
                {
                    thread::yield_now();
                }
            });
        }
    });
    assert_eq!(
        pool.take().expect("one").get("n").expect("a string"),
        Some(b"30".to_vec())
    );
    let (lent, idle) = pool.size();
    assert!(lent == 0 && idle <= 2);
}

#[cfg(feature = "tls")]
fn certificate(name: &str) -> std::path::PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/certificates", name]
        .iter()
        .collect()
}

#[cfg(feature = "tls")]
#[test]
fn an_encrypted_connection_is_like_any_other() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|door| door.local_addr())
        .unwrap()
        .port();
    let file = |name: &str| certificate(name).display().to_string();
    let _server = in_background(&format!(
        "tls-port {port}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}",
        file("server.crt"),
        file("server.key"),
        file("authority.crt")
    ));
    let identity = Identity {
        certificate: certificate("client.crt"),
        key: certificate("client.key"),
        passphrase: String::new(),
    };
    let tls = Tls {
        authorities: Some(certificate("authority.crt")),
        identity: Some(identity),
        ..Tls::default()
    };
    let with = |tls: Tls| Settings {
        tls: Some(tls),
        retries: 0,
        ..Settings::default()
    };
    let address = format!("rediss://localhost:{port}/2");
    let mut client = Client::connect_with(&address, with(tls.clone())).expect("all is in order");
    let long = vec![b'x'; 3_000_000];
    client.set("key", &long).unwrap();
    assert_eq!(client.get("key").unwrap(), Some(long));
    let info: String = client.ask(&["CLIENT", "INFO"]).unwrap();
    assert!(info.contains(" db=2 "), "{info}");

    let nobody = Tls {
        identity: None,
        ..tls.clone()
    };
    assert!(
        Client::connect_with(&address, with(nobody))
            .and_then(|mut client| client.ping())
            .is_err()
    );
    let elsewhere = Tls {
        name: Some("other.example.com".into()),
        ..tls.clone()
    };
    let error = Client::connect_with(&address, with(elsewhere.clone())).unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    let careless = Tls {
        checks_names: false,
        ..elsewhere
    };
    Client::connect_with(&address, with(careless)).expect("names do not matter");
    let stranger = Tls {
        authorities: Some(certificate("alone.crt")),
        ..tls
    };
    Client::connect_with(&address, with(stranger)).expect_err("nobody knows the server");
}
