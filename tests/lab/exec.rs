//! The server that runs programs, and those who would abuse it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::bench::{Lab, raise_descriptor_limit, wait_until};

/// A client that talks in lines.
struct Person {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Person {
    fn at(lab: &Lab) -> Person {
        let stream = lab.connect();
        let lines = BufReader::new(stream.try_clone().expect("one more descriptor"));
        Person { stream, lines }
    }

    fn say(&mut self, text: &str) {
        self.stream
            .write_all(text.as_bytes())
            .expect("an open connection");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line
    }

    /// Sends a line and returns the next one.
    fn ask(&mut self, text: &str) -> String {
        self.say(&format!("{text}\n"));
        self.hear()
    }

    /// Sends a line and returns everything up to its verdict.
    fn run(&mut self, text: &str) -> String {
        self.say(&format!("{text}\n"));
        let mut all = String::new();
        loop {
            let line = self.hear();
            assert!(!line.is_empty(), "the connection ended after {all:?}");
            all.push_str(&line);
            if line.starts_with('[') {
                return all;
            }
        }
    }
}

/// Nothing is left of what was run: no child, dead or alive, and no descriptor.
fn assert_clean(lab: &Lab, descriptors: usize) {
    wait_until(|| lab.children().is_empty(), "the end of all children");
    wait_until(
        || lab.descriptors() <= descriptors,
        "the descriptors of before",
    );
}

const ALLOWED: &str = "echo,sh,yes,sleep,cat,true";

#[test]
fn programs_run_and_only_those_named() {
    let lab = Lab::start(&["-e", "--allow", ALLOWED]);
    let before = lab.descriptors();
    let mut person = Person::at(&lab);
    assert_eq!(
        person.run("echo hello  'a  b' \"c d\" e\\ f"),
        "hello a  b c d e f\n[exit 0]\n"
    );
    assert_eq!(person.run("echo $HOME * ~ ';'"), "$HOME * ~ ;\n[exit 0]\n");
    assert_eq!(
        person
            .run("sh -c 'echo out; echo err >&2; exit 7'")
            .lines()
            .count(),
        3
    );
    assert_eq!(person.run("sh -c 'exit 7'"), "[exit 7]\n");
    assert_eq!(person.run("sh -c 'kill -9 $$'"), "[ended by signal 9]\n");
    assert_eq!(
        person.run("cat /nonexistent"),
        "cat: /nonexistent: No such file or directory\n[exit 1]\n"
    );
    // Its input is empty, not the client's.
    assert_eq!(person.run("cat"), "[exit 0]\n");
    assert_eq!(person.run("\n  \n\r\ntrue\r"), "[exit 0]\n");

    let known = "echo, sh, yes, sleep, cat, true";
    for name in [
        "ls",
        "./echo",
        "../bin/echo",
        "/bin/echo",
        "ECHO",
        "echo/",
        "../../../../bin/sh",
        "''",
    ] {
        let shown = if name == "''" { "" } else { name };
        let refusal =
            format!("[refused: {shown} is not among the programs allowed here: {known}]\n");
        assert_eq!(person.run(name), refusal);
    }
    for (line, operator) in [
        ("echo a; ls", ";"),
        ("echo a | cat", "|"),
        ("echo a && ls", "&"),
        ("echo $(ls)", "$("),
        ("echo \"$(ls)\"", "$("),
        ("echo `ls`", "`"),
        ("echo a > /tmp/x", ">"),
        ("cat < /etc/passwd", "<"),
    ] {
        let start = format!("[refused: no shell reads this line, so {operator} means nothing");
        assert!(person.run(line).starts_with(&start), "{line}");
    }
    assert!(person.run("echo 'a").starts_with("[refused: a ' is open"));
    assert!(
        person
            .run("echo a\0b")
            .starts_with("[refused: a line is text")
    );
    person
        .stream
        .write_all(b"echo \xff\n")
        .expect("an open connection");
    assert!(person.hear().starts_with("[refused: a line is text"));
    // Our own environment is nobody's business.
    assert_eq!(
        person.run("sh -c 'echo \"$CARGO_MANIFEST_DIR$HOME\"'"),
        "\n[exit 0]\n"
    );
    drop(person);
    assert_clean(&lab, before);
}

#[test]
fn nothing_runs_unless_something_is_allowed() {
    let lab = Lab::start(&["-e", "true"]);
    lab.wait_for("no program is allowed; name some with --allow");
    let refusal = Person::at(&lab).run("true");
    assert_eq!(
        refusal,
        "[refused: true is not among the programs allowed here: none]\n"
    );
    let lab = Lab::start(&["-e", "--allow", "true,no-such-program"]);
    lab.wait_for("there is no program no-such-program; it will not run");
    assert!(
        Person::at(&lab)
            .run("no-such-program")
            .starts_with("[refused: ")
    );
}

#[test]
fn a_line_without_end_is_refused_and_the_next_one_served() {
    let lab = Lab::start(&["-e", "--allow", ALLOWED]);
    let mut person = Person::at(&lab);
    let refusal = "[refused: a line may have 4096 bytes, not more]\n";
    for _ in 0..100 {
        person.say(&"x".repeat(100_000));
    }
    assert_eq!(person.hear(), refusal);
    assert_eq!(person.run("\necho still here"), "still here\n[exit 0]\n");
    let long = format!("echo {}", "y".repeat(4091));
    assert_eq!(person.run(&long).len(), 4092 + "[exit 0]\n".len());
    assert_eq!(person.run(&format!("{long}y")), refusal);
}

#[test]
fn output_and_time_have_limits() {
    let limits = ["--exec-bytes", "100kb", "--exec-seconds", "2"];
    let lab = Lab::start(&[&["-e", "--allow", ALLOWED], &limits[..]].concat());
    let before = lab.descriptors();
    let mut person = Person::at(&lab);
    let mut other = Person::at(&lab);

    person.say("yes\n");
    let mut bytes = 0;
    let verdict = loop {
        let line = person.hear();
        if line != "y\n" {
            break line;
        }
        bytes += line.len();
    };
    assert_eq!(
        (bytes, &*verdict),
        (102_400, "[ended: more than 102400 bytes of output]\n")
    );

    person.say("sleep 1000\n");
    // Everybody else is served meanwhile.
    for _ in 0..20 {
        assert_eq!(other.run("echo here"), "here\n[exit 0]\n");
    }
    assert_eq!(person.hear(), "[ended: more than 2 s of time]\n");

    // What a program leaves behind ends with it, and does not keep its pipes open.
    assert_eq!(
        person.run("sh -c 'sleep 1000 & echo started'"),
        "started\n[exit 0]\n"
    );
    // Neither does a program that will not listen.
    let stubborn = "sh -c 'trap \"\" TERM INT HUP; while true; do sleep 1000; done'";
    assert_eq!(person.run(stubborn), "[ended: more than 2 s of time]\n");
    drop((person, other));
    assert_clean(&lab, before);
    let sleeps = std::process::Command::new("ps")
        .args(["-A", "-o", "args="])
        .output();
    let sleeps = sleeps.expect("ps is installed").stdout;
    let sleeps = String::from_utf8_lossy(&sleeps).into_owned();
    assert!(
        !sleeps.lines().any(|line| line == "sleep 1000"),
        "an orphan sleeps on"
    );
}

#[test]
fn who_does_not_read_holds_up_only_the_own_program() {
    let lab = Lab::start(&[
        "-e",
        "--allow",
        ALLOWED,
        "--exec-seconds",
        "3",
        "--exec-bytes",
        "1gb",
    ]);
    let before = lab.descriptors();
    let mut lazy = Person::at(&lab);
    lazy.say("yes\n");
    let mut other = Person::at(&lab);
    for _ in 0..20 {
        assert_eq!(other.run("echo here"), "here\n[exit 0]\n");
    }
    lab.wait_for("[ended: more than 3 s of time]");
    let mut rest = String::new();
    lazy.stream
        .shutdown(Shutdown::Write)
        .expect("an open connection");
    lazy.lines
        .read_to_string(&mut rest)
        .expect("all it was owed");
    // What the kernel's buffers and ours hold, and far from a gigabyte.
    assert!(rest.len() < 64 << 20, "{} bytes were kept", rest.len());
    drop((lazy, other));
    assert_clean(&lab, before);
}

#[test]
fn a_program_ends_with_its_client() {
    let lab = Lab::start(&["-e", "--allow", ALLOWED, "--exec-seconds", "1000"]);
    let before = lab.descriptors();
    for line in ["yes\n", "sh -c 'while true; do echo x; sleep 0.05; done'\n"] {
        let mut person = Person::at(&lab);
        person.say(line);
        person.hear();
    }
    assert_clean(&lab, before);
    // One that only finished sending is still told.
    let mut person = Person::at(&lab);
    person.say("sh -c 'sleep 0.2; echo late'\necho last");
    person
        .stream
        .shutdown(Shutdown::Write)
        .expect("an open connection");
    let mut rest = String::new();
    person
        .lines
        .read_to_string(&mut rest)
        .expect("all it was owed");
    assert_eq!(rest, "late\n[exit 0]\nlast\n[exit 0]\n");
    drop(person);
    assert_clean(&lab, before);
}

#[test]
fn a_thousand_requests_at_once_wait_their_turn() {
    raise_descriptor_limit(4096);
    let lab = Lab::start(&["-e", "--allow", ALLOWED, "--exec-at-once", "4"]);
    let before = lab.descriptors();
    let mut people: Vec<Person> = (0..1000).map(|_| Person::at(&lab)).collect();
    for (number, person) in people.iter_mut().enumerate() {
        person.say(&format!("echo {number}\n"));
    }
    let mut most = 0;
    for (number, person) in people.iter_mut().enumerate() {
        assert_eq!(person.hear(), format!("{number}\n"));
        assert_eq!(person.hear(), "[exit 0]\n");
        if number % 100 == 0 {
            most = most.max(lab.children().len());
        }
    }
    assert!(most <= 4, "{most} programs at once");
    // A thousand lines of one client come in one after the other.
    let mut one = people.pop().expect("there are a thousand");
    drop(people);
    one.say(&"true\n".repeat(1000));
    for _ in 0..1000 {
        assert_eq!(one.hear(), "[exit 0]\n");
    }
    // Refusals cost nothing, and are not kept for who does not read them.
    assert!(one.ask("nothing").starts_with("[refused: "));
    drop(one);
    assert_clean(&lab, before);
}

#[test]
fn the_end_of_the_lab_is_the_end_of_its_programs() {
    let mut lab = Lab::start(&["-e", "--allow", ALLOWED, "--exec-seconds", "1000"]);
    let mut person = Person::at(&lab);
    person.say("sh -c 'echo $$; sleep 1000; echo x'\n");
    let pid: i32 = person.hear().trim().parse().expect("a process id");
    assert!(lab.interrupt());
    let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
    assert!(
        rustix::process::test_kill_process(pid).is_err(),
        "it runs on"
    );
}
