//! Echo and hex dump, over TCP and UDP, on one port and on many.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use pollux::testing::base::Rng;

use crate::bench::{Lab, PATIENCE, connect, echo, free_range, raise_descriptor_limit, wait_until};

#[test]
fn a_thousand_clients_are_echoed_at_once() {
    raise_descriptor_limit(4096);
    let lab = Lab::start(&[]);
    let mut clients: Vec<TcpStream> = (0..1000).map(|_| lab.connect()).collect();
    let words: Vec<String> = (0..1000)
        .map(|n| format!("client {n} says hello\n"))
        .collect();
    for _ in 0..3 {
        for (client, words) in clients.iter_mut().zip(&words) {
            client
                .write_all(words.as_bytes())
                .expect("an open connection");
        }
        for (client, words) in clients.iter_mut().zip(&words) {
            let mut back = vec![0; words.len()];
            client.read_exact(&mut back).expect("an echo");
            assert_eq!(back, words.as_bytes());
        }
    }
    drop(clients);
    wait_until(
        || lab.screen().matches(" left port ").count() == 1000,
        "everybody's leaving",
    );
}

#[test]
fn megabytes_come_back_and_who_does_not_read_holds_up_nobody() {
    let lab = Lab::start(&[]);
    let mut rng = Rng::from_seed(5);
    let mut bytes = vec![0; 8 << 20];
    rng.fill(&mut bytes);

    // It sends until nothing more goes in, and reads nothing.
    let mut lazy = lab.connect();
    lazy.set_nonblocking(true).expect("an open socket");
    let mut sent = 0;
    while let Ok(count) = lazy.write(&bytes[sent..]) {
        sent += count;
        if sent == bytes.len() {
            break;
        }
    }
    echo(&mut lab.connect(), b"still here?");

    let mut sender = lab.connect();
    let mut reader = sender.try_clone().expect("one more descriptor");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sender.write_all(&bytes).expect("an open connection");
            sender
                .shutdown(Shutdown::Write)
                .expect("an open connection");
        });
        let mut back = Vec::new();
        reader.read_to_end(&mut back).expect("an echo and its end");
        assert!(back == bytes, "8 MiB come back as they were");
    });

    lazy.set_nonblocking(false).expect("an open socket");
    let mut back = vec![0; sent];
    lazy.read_exact(&mut back).expect("what it was owed");
    assert!(back == bytes[..sent]);
}

#[test]
fn only_so_many_clients_are_let_in() {
    let lab = Lab::start(&["--max-clients", "2"]);
    let mut first = lab.connect();
    let mut second = lab.connect();
    echo(&mut first, b"a");
    echo(&mut second, b"b");
    let mut text = String::new();
    lab.connect().read_to_string(&mut text).expect("a refusal");
    assert_eq!(text, "no room for another client, try later\n");
    drop(first);
    lab.wait_for("left port");
    wait_until(
        || {
            let mut third = lab.connect();
            let asked = third
                .write_all(b"c")
                .and_then(|()| third.read_exact(&mut [0]));
            asked.is_ok()
        },
        "room for a third",
    );
}

#[test]
fn packets_of_every_size_come_back() {
    let lab = Lab::start(&["-l", "udp"]);
    let socket = udp(lab.port);
    let mut rng = Rng::from_seed(6);
    let mut back = vec![0; 70_000];
    for size in [0, 1, 2, 1471, 1472, 1473, 9000, 32_768, 65_506, 65_507] {
        let mut packet = vec![0; size];
        rng.fill(&mut packet);
        socket.send(&packet).expect("loopback takes it");
        let count = socket.recv(&mut back).expect("it comes back");
        assert!(back[..count] == packet, "{size} bytes");
    }
}

#[test]
fn one_loop_listens_on_two_hundred_ports_of_which_some_are_taken() {
    let first = free_range(200);
    let taken: Vec<u16> = [0, 17, 18, 99, 199].map(|n| first + n).to_vec();
    let doors: Vec<TcpListener> = taken
        .iter()
        .map(|&port| TcpListener::bind(("127.0.0.1", port)).expect("free a moment ago"))
        .collect();
    let lab = Lab::start_on(&format!("{first}-{}", first + 199), &[]);
    let report = lab.wait_for("not on 127.0.0.1");
    let n = |n: u16| first + n;
    let open = format!(
        "echo (tcp) on 127.0.0.1, port {}-{}, {}-{}, {}-{}\n",
        n(1),
        n(16),
        n(19),
        n(98),
        n(100),
        n(198)
    );
    let refused = format!(
        "not on 127.0.0.1, port {}, {}-{}, {}, {}: Address already in use\n",
        n(0),
        n(17),
        n(18),
        n(99),
        n(199)
    );
    assert_eq!(report, open + &refused);
    let mut clients = Vec::new();
    for port in (first..first + 200).filter(|port| !taken.contains(port)) {
        let mut client = connect(port);
        echo(&mut client, port.to_string().as_bytes());
        let own = client.local_addr().expect("a bound socket");
        clients.push((client, format!("{own} came in on port {port}\n")));
    }
    assert_eq!(clients.len(), 195);
    lab.wait_for(&clients[194].1);
    let screen = lab.screen();
    assert!(clients.iter().all(|(_, line)| screen.contains(line)));
    drop(doors);
}

#[test]
fn the_dump_is_the_one_of_hexdump() {
    let lab = Lab::start(&["-l", "udp", "-x"]);
    let stream_lab = Lab::start(&["--hex"]);
    let socket = udp(lab.port);
    let mut rng = Rng::from_seed(8);
    for round in 0..40 {
        let mut bytes = vec![0; [1, 15, 16, 17, 33, 64, 255, 1000, 40_000][round % 9]];
        rng.fill(&mut bytes);
        if round % 3 == 0 {
            // Few different bytes in long runs, so that lines repeat.
            let mut byte = 0;
            for place in &mut bytes {
                if rng.one_in(40) {
                    byte = [0, b' ', b'a', 255][rng.index(4)];
                }
                *place = byte;
            }
        }
        let Some(expected) = hexdump(&bytes) else {
            return;
        };
        socket.send(&bytes).expect("loopback takes it");
        let mut dump = Vec::new();
        while dump.len() < expected.len() {
            let mut piece = vec![0; 65_536];
            let count = socket.recv(&mut piece).expect("the next piece");
            dump.extend_from_slice(&piece[..count]);
        }
        assert_eq!(String::from_utf8_lossy(&dump), expected);

        if bytes.len() <= 1000 {
            let mut stream = stream_lab.connect();
            stream.write_all(&bytes).expect("an open connection");
            stream
                .shutdown(Shutdown::Write)
                .expect("an open connection");
            let mut dump = String::new();
            stream.read_to_string(&mut dump).expect("text");
            assert_eq!(dump, expected);
            let own = stream.local_addr().expect("a bound socket");
            let (port, count) = (stream_lab.port, bytes.len());
            let shown = format!("{own} -> {port}, {count} bytes\n{expected}{own} <- {port}, ");
            stream_lab.wait_for(&shown);
        }
    }
}

#[test]
fn a_trace_tells_each_turn() {
    let lab = Lab::start(&["--trace"]);
    echo(&mut lab.connect(), b"hello");
    let screen = lab.wait_for("left in 1 write");
    assert!(screen.contains("; 1 client accepted"), "{screen}");
    let turn = "; 5 bytes came in 1 read, 1 client in 1 group; 5 bytes left in 1 write; ";
    assert!(screen.contains(turn), "{screen}");
}

fn udp(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("some port is free");
    socket.connect(("127.0.0.1", port)).expect("loopback");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a fresh socket");
    socket
}

/// What the system's own tool makes of it; where there is none, a few lines of Python do. `None`: there is neither.
fn hexdump(bytes: &[u8]) -> Option<String> {
    let mut tool = Command::new("hexdump");
    let mut python = Command::new("python3");
    let commands = [tool.arg("-C"), python.args(["-c", REFERENCE])];
    for command in commands {
        let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            continue;
        };
        let mut input = child.stdin.take().expect("a pipe was asked for");
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&bytes));
        let output = child.wait_with_output().expect("our own child");
        writer
            .join()
            .expect("no panic")
            .expect("it reads everything");
        return Some(String::from_utf8(output.stdout).expect("ASCII"));
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "neither hexdump nor python3 is installed"
    );
    eprintln!("the dumps are left out, for there is neither hexdump nor python3");
    None
}

const REFERENCE: &str = r#"
import sys
data = sys.stdin.buffer.read()
before, starred = None, False
for at in range(0, len(data), 16):
    line = data[at:at + 16]
    if line == before and len(line) == 16:
        if not starred: print("*")
        starred = True
        continue
    before, starred = line, False
    digits = ["%02x" % byte for byte in line] + ["  "] * (16 - len(line))
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
    print("%08x  %s  %s  |%s|" % (at, " ".join(digits[:8]), " ".join(digits[8:]), text))
if data: print("%08x" % len(data))
"#;
