//! The relay's words about the bytes that pass.

use super::*;

fn hear(mut listener: Listener, bytes: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |told: Told| {
        lines.push(format!("{}, {} bytes: {}", told.what, told.size, told.text));
    };
    listener.hear(bytes.as_bytes(), &mut say).expect("RESP");
    lines
}

#[test]
fn requests_read_as_they_were_typed() {
    let request = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\nPING\r\n";
    let told = [
        "array of 3, 29 bytes: SET k \"a b\"",
        "inline, 6 bytes: PING",
    ];
    assert_eq!(hear(Listener::of_requests(), request), told);
}

#[test]
fn replies_have_their_types() {
    let replies = "+OK\r\n:5\r\n$-1\r\n_\r\n%1\r\n+a\r\n*2\r\n$1\r\nb\r\n#t\r\n*0\r\n";
    let told = [
        "simple string, 5 bytes: \"OK\"",
        "integer, 4 bytes: 5",
        "no bulk string, 5 bytes: ",
        "null, 3 bytes: ",
        "map of 1, 23 bytes: \n  simple string \"a\" => array of 2\n    bulk string \"b\"\n    boolean t",
        "array of 0, 4 bytes: ",
    ];
    assert_eq!(hear(Listener::of_replies(), replies), told);
}

#[test]
fn what_is_long_is_cut() {
    let long = format!("${}\r\n{}\r\n", 100, "x".repeat(100));
    let told = format!(
        "bulk string, 108 bytes: \"{}\"... (100 bytes)",
        "x".repeat(60)
    );
    assert_eq!(hear(Listener::of_replies(), &long), [told]);
    let many = format!("*50\r\n{}", ":1\r\n".repeat(50));
    assert!(hear(Listener::of_replies(), &many)[0].ends_with("integer 1\n  ... and 10 more"));
}
