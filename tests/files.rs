//! What the program does with its data set's file: it is there after a restart, it is refused when it is damaged, and
//! the tools tell what is in it.
//!
//! Each test has a folder of its own and starts the program in it, as often as it needs to.

mod driving;

use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};

use driving::program::{Folder, PROGRAM, Server};
use driving::waiting::wait_until;
use rustix::process::Signal;

fn rdb_in(folder: &Folder) -> PathBuf {
    folder.0.join("dump.rdb")
}

fn terminate(server: &mut Server) -> ExitStatus {
    server.signal(Signal::TERM);
    server.end()
}

fn fill(server: &Server) {
    for line in [
        "SET text value",
        "SET number 42 EX 100000",
        "RPUSH list a b 3",
        "SADD set x y 1",
        "HSET hash f v g 2",
        "HEXPIRE hash 100000 FIELDS 1 f",
        "ZADD zset 1.5 m 2 n",
        "DEBUG POPULATE 3000 many 40",
    ] {
        let reply = server.ask(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

#[test]
fn the_data_outlives_the_process() {
    let folder = Folder::new("files-outlives");
    let mut server = folder.serve(&["--save", "900 1"]);
    fill(&server);
    let digest = server.ask("DEBUG DIGEST");
    assert!(terminate(&mut server).success());
    assert!(folder.log().contains("DB saved on disk"));
    let mut server = folder.serve(&["--save", ""]);
    assert_eq!(server.ask("DEBUG DIGEST"), digest);
    assert!(
        folder
            .log()
            .contains("Done loading RDB, keys loaded: 3006, keys expired: 0.")
    );
    assert_eq!(server.ask("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(server.ask("GET text"), "$5\r\nvalue\r\n");
    assert_eq!(server.ask("DEBUG DIGEST"), digest);
    assert!(server.ask("SHUTDOWN NOSAVE").is_empty());
    assert!(server.end().success());
}

#[test]
fn a_damaged_file_ends_the_server() {
    let folder = Folder::new("files-damaged");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    assert!(server.end().success());
    let whole = std::fs::read(rdb_in(&folder)).expect("it was saved");
    let mut changed = whole.clone();
    let end = changed.len();
    changed[end - 3] ^= 1;
    for (bytes, line) in [
        (changed, "RDB CRC error"),
        (whole[..end / 2].to_vec(), "Short read or OOM loading DB"),
        (Vec::new(), "Short read or OOM loading DB"),
        (b"nothing like it".to_vec(), "Wrong signature"),
        (b"REDIS0099".to_vec(), "Can't handle RDB format version 99"),
    ] {
        std::fs::write(rdb_in(&folder), bytes).expect("our own folder");
        let _ = std::fs::remove_file(folder.0.join("log"));
        let mut server = folder.launch(&["--save", ""]);
        assert_eq!(server.end().code(), Some(1), "{line}");
        assert!(folder.log().contains(line), "{}", folder.log());
        assert!(!folder.log().contains("Ready to accept"));
    }
}

/// Key `k` twice in database 0, and in database 1 as well, which is no fault.
const TWICE: &[u8] = b"REDIS0011\
    \xfe\x00\x00\x01k\x05first\x00\x05other\x01v\x00\x01k\x06second\xfe\x01\x00\x01k\x05third\
    \xff\0\0\0\0\0\0\0\0";

/// In a file of its own, and as the base of a log.
#[test]
fn a_file_with_a_key_twice_is_refused_unless_the_later_one_may_replace() {
    let folder = Folder::new("files-twice");
    let parts = folder.0.join("appendonlydir");
    std::fs::create_dir_all(&parts).expect("our own folder");
    let manifest = "file appendonly.aof.1.base.rdb seq 1 type b\n";
    std::fs::write(parts.join("appendonly.aof.manifest"), manifest).expect("our own folder");
    std::fs::write(parts.join("appendonly.aof.1.base.rdb"), TWICE).expect("our own folder");
    std::fs::write(rdb_in(&folder), TWICE).expect("our own folder");
    for has_log in ["no", "yes"] {
        let _ = std::fs::remove_file(folder.0.join("log"));
        let options = ["--save", "", "--appendonly", has_log];
        let mut server = folder.launch(&options);
        assert_eq!(server.end().code(), Some(1));
        let log = folder.log();
        assert!(log.contains("RDB has duplicated key 'k' in DB 0"), "{log}");
        assert!(log.contains("rdb-duplicate-keys"), "{log}");
        assert!(!log.contains("Ready to accept"), "{log}");

        let _ = std::fs::remove_file(folder.0.join("log"));
        let mut server =
            folder.serve(&[&options[..], &["--rdb-duplicate-keys", "replace"]].concat());
        assert_eq!(server.ask("GET k"), "$6\r\nsecond\r\n");
        assert_eq!(server.ask("DBSIZE"), ":2\r\n");
        assert_eq!(server.ask("DEL k"), ":1\r\n");
        assert_eq!(server.ask("EXISTS k"), ":0\r\n");
        let log = folder.log();
        let told =
            "RDB has duplicated key 'k' in DB 0. The later one is kept, as rdb-duplicate-keys says";
        assert_eq!(log.matches("RDB has duplicated key").count(), 1, "{log}");
        assert!(log.contains(told), "{log}");
        assert!(server.ask("SHUTDOWN NOSAVE").is_empty());
        assert!(server.end().success());
    }
}

/// redis-check-rdb and redis-check-aof do not look for them.
#[test]
fn the_check_names_keys_that_are_there_twice() {
    let folder = Folder::new("files-twice-checked");
    let file = rdb_in(&folder);
    std::fs::write(&file, TWICE).expect("our own folder");
    let once: Vec<u8> = [&TWICE[..29], &TWICE[39..]].concat();
    std::fs::write(folder.0.join("once.rdb"), once).expect("our own folder");
    let parts = folder.0.join("appendonlydir");
    std::fs::create_dir_all(&parts).expect("our own folder");
    let manifest = "file base.rdb seq 1 type b\n";
    std::fs::write(parts.join("appendonly.aof.manifest"), manifest).expect("our own folder");
    std::fs::write(parts.join("base.rdb"), TWICE).expect("our own folder");
    let run = |program: &str, words: &[&str]| {
        let mut linked = folder.0.join(program);
        if program == "pollux" {
            linked = PathBuf::from(PROGRAM);
        } else {
            symlink(PROGRAM, &linked).expect("our own folder");
        }
        let output = Command::new(linked)
            .args(words)
            .current_dir(&folder.0)
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    for place in ["dump.rdb", "appendonlydir"] {
        let (status, said) = run("pollux", &["check", place]);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("Keys that are there again: 1."), "{said}");
        assert!(
            said.contains("rdb-duplicate-keys") && said.contains("\ndb0 \"k\"\n"),
            "{said}"
        );
    }
    let (status, said) = run("pollux", &["check", "once.rdb"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains("again"), "{said}");
    assert_eq!(run("redis-check-rdb", &["dump.rdb"]).0, Some(0));
    assert_eq!(
        run(
            "redis-check-aof",
            &["appendonlydir/appendonly.aof.manifest"]
        )
        .0,
        Some(0)
    );
}

/// Strings that the store has no room for: in a file and in a log, as a word and as what a command would make.
#[test]
fn a_file_with_too_long_a_string_is_refused() {
    let folder = Folder::new("long");
    let rdb = b"REDIS0012\x00\x01k\x81\x00\x00\x00\x01\x00\x00\x00\x00abc";
    let word = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4294967296\r\nabc";
    let growth = b"*4\r\n$6\r\nSETBIT\r\n$1\r\nk\r\n$11\r\n34359738368\r\n$1\r\n1\r\n";
    let parts = folder.0.join("appendonlydir");
    for (bytes, has_log, line) in [
        (&rdb[..], "no", "a string of 4 GiB or more"),
        (&word[..], "yes", "has a string of 4 GiB or more"),
        (
            &growth[..],
            "yes",
            "Command 'SETBIT' in the append only file",
        ),
    ] {
        if has_log == "yes" {
            std::fs::create_dir_all(&parts).expect("our own folder");
            let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
            std::fs::write(parts.join("appendonly.aof.manifest"), manifest)
                .expect("our own folder");
            std::fs::write(parts.join("appendonly.aof.1.incr.aof"), bytes).expect("our own folder");
        } else {
            std::fs::write(rdb_in(&folder), bytes).expect("our own folder");
        }
        let _ = std::fs::remove_file(folder.0.join("log"));
        let mut server = folder.launch(&["--save", "", "--appendonly", has_log]);
        assert_eq!(server.end().code(), Some(1), "{line}");
        assert!(folder.log().contains(line), "{}", folder.log());
        assert!(!folder.log().contains("Ready to accept"));
    }
}

/// A field may begin within the limit and end behind it. A real server makes the string; here the store cannot.
#[test]
fn no_command_makes_a_string_too_long() {
    let folder = Folder::new("longer");
    let server = folder.serve(&["--save", "", "--proto-max-bulk-len", "4294967295"]);
    let reply = server.ask("BITFIELD huge SET u16 34359738359 1");
    assert!(reply.starts_with("-ERR string exceeds maximum"), "{reply}");
    assert_eq!(server.ask("EXISTS huge"), ":0\r\n");
}

/// Figures of INFO that depend on files and on memory move when what they count happens.
#[test]
fn figures_of_info_move() {
    let folder = Folder::new("figures");
    let parts = folder.0.join("appendonlydir");
    std::fs::create_dir_all(&parts).expect("our own folder");
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    std::fs::write(parts.join("appendonly.aof.manifest"), manifest).expect("our own folder");
    let fails = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nx\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n";
    std::fs::write(parts.join("appendonly.aof.1.incr.aof"), fails).expect("our own folder");
    let server = folder.serve(&["--save", "", "--appendonly", "yes"]);
    let figure = |before: &str, section: &str, name: &str| -> i64 {
        let reply = server.ask(&format!("{before}INFO {section}"));
        let line = reply
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{name}: {reply}"))
    };
    assert_eq!(figure("", "stats", "unexpected_error_replies"), 1);
    assert!(folder.log().contains("after processing the command 'incr'"));
    let pending = "SET key 0123456789\r\n";
    assert_eq!(figure("", "memory", "mem_aof_buffer"), 0);
    assert!(figure(pending, "memory", "mem_aof_buffer") >= 30);
    assert!(figure(pending, "memory", "mem_not_counted_for_evict") >= 30);
    wait_until(
        || figure(pending, "debug", "eventloop_duration_aof_sum") > 0,
        "time for the log",
    );
    assert_eq!(figure("", "stats", "total_eviction_exceeded_time"), 0);
    let _ = server.ask("CONFIG SET maxmemory 1000");
    wait_until(
        || figure("", "stats", "current_eviction_exceeded_time") > 0,
        "time beyond the limit",
    );
    let _ = server.ask("CONFIG SET maxmemory 0");
    assert_eq!(figure("", "stats", "current_eviction_exceeded_time"), 0);
    assert!(figure("", "stats", "total_eviction_exceeded_time") > 0);
}

#[test]
fn a_slow_save_is_quick_from_the_moment_at_which_it_shall_be() {
    let folder = Folder::new("files-slow");
    let server = folder.serve(&["--save", "", "--rdb-key-save-delay", "100000000"]);
    assert_eq!(server.ask("SET key value"), "+OK\r\n");
    assert_eq!(server.ask("BGSAVE"), "+Background saving started\r\n");
    let is_saving = || {
        let info = server.ask("INFO persistence");
        info.contains("rdb_bgsave_in_progress:1")
    };
    assert!(is_saving());
    assert_eq!(server.ask("CONFIG SET rdb-key-save-delay 0"), "+OK\r\n");
    wait_until(|| !is_saving(), "the save has not ended");
    assert!(
        server
            .ask("INFO persistence")
            .contains("rdb_last_bgsave_status:ok")
    );
}

#[test]
fn a_load_can_be_watched_and_stopped() {
    let folder = Folder::new("files-watched");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    server.end();
    let slowly = &["--save", "900 1", "--key-load-delay", "20000"];
    let mut server = folder.launch(slowly);
    wait_until(
        || TcpStream::connect(("127.0.0.1", server.port)).is_ok(),
        "the door",
    );
    assert!(server.ask("GET text").starts_with("-LOADING"));
    assert!(server.ask("SET text other").starts_with("-LOADING"));
    assert!(server.ask("PING").starts_with("-LOADING"));
    let info = server.ask("INFO persistence");
    for field in [
        "\r\nloading:1\r\n",
        "loading_total_bytes:",
        "loading_loaded_perc:",
    ] {
        assert!(info.contains(field), "{info}");
    }
    // What is there so far must not take the place of what was.
    let before = std::fs::read(rdb_in(&folder)).expect("it was saved");
    assert!(terminate(&mut server).success());
    assert_eq!(std::fs::read(rdb_in(&folder)).expect("still there"), before);

    let server = folder.launch(slowly);
    wait_until(
        || TcpStream::connect(("127.0.0.1", server.port)).is_ok(),
        "the door",
    );
    assert_eq!(server.ask("CONFIG SET key-load-delay 0"), "+OK\r\n");
    wait_until(
        || server.ask("GET text") == "$5\r\nvalue\r\n",
        "the end of the load",
    );
}

#[test]
fn what_cannot_be_saved_keeps_the_server_up() {
    let folder = Folder::new("files-unsaved");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    // The name is taken by something that no file can replace.
    std::fs::create_dir_all(rdb_in(&folder).join("inside")).expect("our own folder");
    assert_eq!(server.ask("SAVE"), "-ERR\r\n");
    assert_eq!(
        server.ask("SHUTDOWN SAVE"),
        "-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
    );
    assert_eq!(server.ask("PING"), "+PONG\r\n");
    assert!(folder.log().contains("Error moving temp DB file"));
    let leftovers = std::fs::read_dir(&folder.0)
        .expect("our own folder")
        .filter(|entry| {
            let name = entry.as_ref().expect("it can be listed").file_name();
            name.to_string_lossy().starts_with("temp-")
        })
        .count();
    assert_eq!(leftovers, 0);
    assert!(server.ask("SHUTDOWN SAVE FORCE").is_empty());
    assert!(server.end().success());
}

#[test]
fn the_tools_tell_what_is_in_a_file() {
    let folder = Folder::new("files-tools");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    server.end();
    let linked = folder.0.join("redis-check-rdb");
    symlink(PROGRAM, &linked).expect("our own folder");
    let run = |program: &PathBuf, words: &[&str]| -> (Output, String) {
        let output = Command::new(program)
            .args(words)
            .current_dir(&folder.0)
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output, said)
    };
    let (output, said) = run(&linked, &["dump.rdb"]);
    assert!(output.status.success(), "{said}");
    for line in [
        "[offset 0] Checking RDB file dump.rdb\n",
        "Checksum OK\n",
        "\\o/ RDB looks OK! \\o/\n",
        "[info] 3006 keys read\n[info] 1 expires\n[info] 0 already expired\n[info] 1 subexpires\n",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.ends_with("subexpires\n"));
    let (output, said) = run(&PathBuf::from(PROGRAM), &["check", "dump.rdb"]);
    assert!(output.status.success());
    assert!(said.contains("RDB version 12") && said.contains("Largest in the file"));
    let bytes = std::fs::read(rdb_in(&folder)).expect("it was saved");
    std::fs::write(folder.0.join("half.rdb"), &bytes[..bytes.len() / 2]).expect("our own folder");
    let (output, said) = run(&linked, &["half.rdb"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("--- RDB ERROR DETECTED ---\n[offset "));
    assert!(said.contains("Unexpected EOF reading RDB file\n[additional info] While doing: "));
    assert_eq!(run(&linked, &["missing.rdb"]).0.status.code(), Some(1));
    assert_eq!(run(&linked, &[]).0.status.code(), Some(1));
}
