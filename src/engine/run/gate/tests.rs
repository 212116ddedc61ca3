//! The rules one by one, and the quick way beside them.

mod scene;

use super::*;
use scene::{CLIENT, STATES, Scene, command, row, rows, scene};

#[test]
fn where_the_way_is_open_no_rule_objects() {
    let mut open = 0;
    for (first, enter) in STATES {
        for (second, also) in STATES {
            let mut scene = Scene::new();
            enter(&mut scene);
            also(&mut scene);
            let session = scene.sessions.get(CLIENT).expect("it was opened");
            for spec in rows() {
                let command = command(spec);
                if is_open(session, &scene.services, &command) {
                    open += 1;
                    let refusal = scene.judge_from(&command, Origin::Client);
                    assert!(
                        refusal.is_none(),
                        "{} of a client that is {first} and {second}: {refusal:?}",
                        spec.name
                    );
                }
            }
        }
    }
    assert!(open > 0);
    let scene = Scene::new();
    let session = scene.sessions.get(CLIENT).expect("it was opened");
    assert!(is_open(session, &scene.services, &command(row("get"))));
}

#[test]
fn what_has_been_decided_elsewhere_meets_no_rule() {
    for (name, enter) in STATES {
        let mut scene = Scene::new();
        enter(&mut scene);
        for spec in rows() {
            let refusal = scene.judge_from(&command(spec), Origin::Replay);
            assert!(refusal.is_none(), "{} where {name}", spec.name);
        }
    }
}

/// Asserts what happens to each command, given as `command: fate`, in these states.
fn expect(states: &[&str], fates: &[(&str, &str)]) {
    let scene = scene(states);
    for (name, fate) in fates {
        assert_eq!(scene.fate(name), *fate, "{name} where {states:?}");
    }
}

#[test]
fn protected_commands_need_a_parameter() {
    expect(
        &[],
        &[
            ("debug", "ERR"),
            ("module|load", "ERR"),
            ("module|list", "runs"),
        ],
    );
    expect(
        &["DEBUG is allowed"],
        &[("debug", "runs"), ("module|load", "ERR")],
    );
    expect(
        &["MODULE is allowed to local clients"],
        &[("module|load", "ERR")],
    );
    expect(
        &["MODULE is allowed to local clients", "local"],
        &[("module|load", "runs"), ("debug", "ERR")],
    );
}

#[test]
fn replication_has_its_say() {
    let read_only = &[("set", "READONLY"), ("get", "runs"), ("publish", "runs")];
    expect(&["a replica"], read_only);
    let writable = &["a replica", "that may be written to"];
    expect(writable, &[("set", "runs")]);
    let stale = &["a replica", "that serves no old data"];
    let fates = &[
        ("set", "READONLY"),
        ("get", "MASTERDOWN"),
        ("info", "runs"),
        ("replicaof", "runs"),
    ];
    expect(stale, fates);
    let fates = &[("set", "NOREPLICAS"), ("get", "runs")];
    expect(&["writes need a replica"], fates);
    expect(&["writes need a replica", "a replica"], read_only);
    let writes = &["a replica", "in a transaction", "a transaction that writes"];
    expect(writes, &[("exec", "READONLY"), ("get", "queued")]);
    let fates = &[("get", "ERR"), ("publish", "ERR"), ("replconf", "runs")];
    expect(&["a session that is a replica"], fates);
    let paused = &["a session that is a replica", "all waits"];
    expect(paused, &[("replconf", "runs")]);
}

#[test]
fn a_password_comes_first() {
    let fates = &[("get", "NOAUTH"), ("auth", "runs"), ("hello", "runs")];
    expect(&["a password", "not authenticated"], fates);
    expect(&["not authenticated"], &[("get", "runs")]);
    expect(&["a password"], &[("get", "runs")]);
}

#[test]
fn transactions_collect_all_but_what_steers_them() {
    let fates = &[
        ("get", "queued"),
        ("exec", "runs"),
        ("discard", "runs"),
        ("multi", "runs"),
        ("watch", "runs"),
        ("quit", "runs"),
        ("reset", "runs"),
        ("unwatch", "queued"),
        ("shutdown", "ERR"),
    ];
    expect(&["in a transaction"], fates);
}

#[test]
fn a_full_server_refuses_what_may_grow() {
    let fates = &[("set", "OOM"), ("get", "runs"), ("del", "runs")];
    expect(&["a limit of memory", "memory over"], fates);
    expect(&["memory over"], &[("set", "runs")]);
    let full = ["a limit of memory", "memory over"];
    let writing = [full[0], full[1], "a transaction that writes"];
    expect(
        &writing,
        &[("exec", "OOM"), ("set", "OOM"), ("get", "queued")],
    );
    expect(&[full[0], full[1], "in a transaction"], &[("exec", "runs")]);
}

#[test]
fn files_that_cannot_be_written_stop_writes_and_pings() {
    let fates = &[("set", "MISCONF"), ("ping", "MISCONF"), ("get", "runs")];
    expect(&["a snapshot failed"], fates);
    expect(
        &["a snapshot failed", "snapshots do not matter"],
        &[("set", "runs")],
    );
    expect(&["a log", "the log cannot be written"], fates);
    expect(&["the log cannot be written"], &[("set", "runs")]);
    let failing = ["a snapshot failed", "a transaction that writes"];
    expect(&failing, &[("exec", "MISCONF"), ("get", "queued")]);
}

#[test]
fn subscribers_are_confined_in_resp2() {
    let fates = &[
        ("get", "ERR"),
        ("ping", "runs"),
        ("subscribe", "runs"),
        ("psubscribe", "runs"),
        ("ssubscribe", "runs"),
        ("unsubscribe", "runs"),
        ("punsubscribe", "runs"),
        ("sunsubscribe", "runs"),
        ("quit", "runs"),
        ("reset", "runs"),
        ("publish", "ERR"),
    ];
    expect(&["subscribed"], fates);
    expect(&["subscribed", "RESP3"], &[("get", "runs")]);
}

#[test]
fn few_commands_run_while_the_data_set_is_loaded() {
    expect(
        &["loading"],
        &[("get", "LOADING"), ("info", "runs"), ("multi", "runs")],
    );
}

#[test]
fn a_pause_holds_commands_back() {
    let fates = &[("get", "postponed"), ("ping", "postponed")];
    expect(&["all waits"], fates);
    let fates = &[
        ("get", "runs"),
        ("set", "postponed"),
        ("publish", "postponed"),
    ];
    expect(&["writes wait"], fates);
    expect(
        &["writes wait", "a transaction that writes"],
        &[("exec", "postponed")],
    );
    expect(&["writes wait", "in a transaction"], &[("exec", "runs")]);
    expect(&["a pause that is over"], &[("set", "runs")]);
    let retried = scene(&["all waits"]).judge_from(&command(row("blpop")), Origin::Retry);
    assert!(retried.is_none());
}

#[test]
fn the_first_rule_that_objects_decides() {
    let states = [
        "a password",
        "not authenticated",
        "loading",
        "subscribed",
        "all waits",
    ];
    expect(
        &states,
        &[("debug", "ERR"), ("get", "NOAUTH"), ("auth", "ERR")],
    );
    expect(
        &["loading", "all waits"],
        &[("get", "LOADING"), ("info", "postponed")],
    );
    expect(&["in a transaction", "all waits"], &[("get", "postponed")]);
}
