//! The command line: what is refused, what older lessons typed, and that a server's own command line is left alone.

use std::io::Write;
use std::process::Output;

use crate::bench::{Lab, echo, free_range, pollux, wait_until};
use pollux::client::Client;

fn text(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn bad_values_get_a_usage_error() {
    let cases: &[(&[&str], &str)] = &[
        (&["-p", "x"], "is no port"),
        (&["-p", "65536"], "is no port"),
        (&["-p", "9000-8888"], "begins with its lowest"),
        (&["-p", "0-10"], "port 0 means any"),
        (&["-p", "1-2-3"], "is no port"),
        (&["-p"], "a value is required"),
        (&["-l", "icmp"], "invalid value 'icmp'"),
        (&["-x", "maybe"], "invalid value 'maybe'"),
        (&["-i", "J"], "invalid value 'J'"),
        (&["--bind", "here"], "invalid value 'here'"),
        (&["--max-clients", "0"], "0 is not in"),
        (&["--max-clients", "-1"], "unexpected argument"),
        (&["--exec-seconds", "0", "-e"], "0 is not in"),
        (&["--exec-bytes", "many", "-e"], "a size is a number"),
        (&["--exec-bytes", "0", "-e"], "a size is a number"),
        (&["--exec-at-once", "0", "-e"], "0 is not in"),
        (&["--allow", "date"], "which is missing"),
        (&["-e", "--allow", "bin/date"], "names without a path"),
        (&["-e", "--allow", ""], "names without a path"),
        (&["-e", "-x"], "two servers"),
        (&["-e", "-l", "udp"], "needs connections"),
        (&["-i", "-x"], "runs the real server"),
        (&["-i", "-p", "8888-8890"], "one port only"),
        (&["-e", "--bind", "0.0.0.0"], "--i-know-this-runs-programs"),
        (&["-e", "--bind", "::"], "--i-know-this-runs-programs"),
        (
            &["-e", "--bind", "0.0.0.0", "--allow", "date"],
            "--i-know-this-runs-programs",
        ),
        (
            &["-e", "--bind", "0.0.0.0", "--i-know-this-runs-programs"],
            "--allow",
        ),
        (&["relay"], "--to"),
        (&["relay", "--to", "nowhere"], "a host and a port"),
        (&["relay", "--to", "a:b"], "a host and a port"),
        (&["replay"], "unrecognized subcommand"),
        (&["--frobnicate"], "unexpected argument"),
    ];
    for (words, expected) in cases {
        let words: Vec<&str> = [&["lab"], *words].concat();
        let output = pollux(&words);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(
            text.contains(expected) && text.contains("Usage:") || text.contains("--help"),
            "{words:?}: {text}"
        );
        assert!(text.contains(expected), "{words:?}: {text}");
    }
    let help = pollux(&["lab", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help).contains("--exec-seconds"));
}

#[test]
fn what_cannot_be_opened_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = taken.local_addr().expect("a bound socket").port();
    let output = pollux(&["lab", "-p", &port.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "pollux lab: no port could be opened\nnot on 127.0.0.1, port {port}: Address already in use\n"
    );
    assert_eq!(text(&output), expected);
}

#[test]
fn flags_take_the_values_of_older_lessons() {
    for (words, what) in [
        (&["-x", "true"][..], "hex dump (tcp)"),
        (&["-x", "false"], "echo (tcp)"),
        (&["-xtrue", "-l", "udp"], "hex dump (udp)"),
        (&["-e", "true"], "exec (tcp)"),
    ] {
        let lab = Lab::start(words);
        assert!(lab.screen().contains(what), "{words:?}");
    }
}

#[test]
fn several_addresses_share_a_loop() {
    let lab = Lab::start(&["--bind", "127.0.0.1,127.0.0.1"]);
    assert_eq!(lab.screen().matches("echo (tcp) on 127.0.0.1").count(), 2);
    echo(&mut lab.connect(), b"x");
}

#[test]
fn the_real_server_is_watched_from_inside() {
    for value in [&["-i", "I"][..], &["-i"]] {
        let port = free_range(1);
        let mut words = value.to_vec();
        let bind = ["--max-clients", "50", "--bind", "127.0.0.1"];
        words.extend(bind);
        let folder = std::env::temp_dir().join(format!("pollux-lab-inside-{port}"));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let screen = folder.join("screen");
        let file = std::fs::File::create(&screen).expect("a file");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pollux"))
            .arg("lab")
            .args(&words)
            .args(["-p", &port.to_string()])
            .current_dir(&folder)
            .stdout(file)
            .spawn()
            .expect("the program starts");
        let shown = || std::fs::read_to_string(&screen).unwrap_or_default();
        wait_until(
            || shown().contains("Ready to accept connections"),
            "a server",
        );
        let mut client = Client::connect(&format!("127.0.0.1:{port}")).expect("it listens");
        client.set("k", "v").expect("it is the real one");
        let limit: Vec<String> = client
            .ask(&["CONFIG", "GET", "maxclients"])
            .expect("a pair");
        assert_eq!(limit, ["maxclients", "50"]);
        wait_until(
            || {
                shown().contains(
                    "; 27 bytes came in 1 read, 1 client in 1 group; 5 bytes left in 1 write; ",
                )
            },
            "the turn of SET",
        );
        let _ = child.kill();
        let _ = child.wait();
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }
}

#[test]
fn a_configuration_may_be_called_lab() {
    let folder = std::env::temp_dir().join(format!("pollux-lab-file-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let mut file = std::fs::File::create(folder.join("lab")).expect("a file");
    writeln!(file, "port 1x").expect("room on the disk");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pollux"))
        .arg("./lab")
        .current_dir(&folder)
        .output()
        .expect("the program starts");
    std::fs::remove_dir_all(&folder).expect("our own folder");
    let text = text(&output);
    assert!(
        text.contains("FATAL CONFIG FILE ERROR") && text.contains("port 1x"),
        "{text}"
    );
    // And the words of a server go to the server.
    assert!(self::text(&pollux(&["--port", "1x"])).contains("FATAL CONFIG FILE ERROR"));
    let missing = self::text(&pollux(&["lab.conf"]));
    assert!(missing.contains("can't open config file"), "{missing}");
}
