//! Every rule of `tests/tidy.rs` is shown snippets that break it and snippets that do not: a rule that cannot fail
//! checks nothing, and one that fails too easily teaches people to work around it.

use super::*;

/// What `rule` says about a file with this text.
fn findings(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
        .into_iter()
        .map(|finding| finding.sentence)
        .collect()
}

/// Asserts that `rule` finds exactly `count` faults in `text`, and returns them joined.
fn expect(rule: Rule, path: &str, text: &str, count: usize) -> String {
    let found = findings(rule, path, text);
    assert_eq!(found.len(), count, "{path}: {text:?} gave {found:?}");
    found.join("\n")
}

#[test]
fn narrow_rooms_know_less_than_their_tier_allows() {
    let code = "use crate::{base::num, wire::tokens, reactor::App, client::Client};";
    expect(layers, "src/lab/echo.rs", code, 0);
    expect(layers, "src/lab/echo.rs", "use crate::engine::Engine;", 1);
    expect(layers, "src/lab/relay/mod.rs", "use crate::spec::flags;", 1);
    expect(layers, "src/client/mod.rs", "use crate::wire::tokens;", 0);
    expect(layers, "src/client/mod.rs", "use crate::store::Table;", 1);
    let long = "//! An essay of a few words.\n".repeat(251);
    expect(length, "src/lab/echo.rs", &long, 1);
    expect(length, "src/types/list.rs", &long, 0);
}

#[test]
fn layers_fails_on_every_way_to_name_a_room() {
    expect(
        layers,
        "src/types/list.rs",
        "use crate::base::num;\nuse crate::store::Table;\n",
        0,
    );
    expect(layers, "src/types/list.rs", "use crate::keyspace::Db;", 1);
    expect(
        layers,
        "src/types/list.rs",
        "pub use crate::{base::num, keyspace::{Db, Key}, engine};",
        2,
    );
    expect(
        layers,
        "src/types/list.rs",
        "fn f() { crate::config::LIMIT; }",
        1,
    );
    expect(
        layers,
        "src/types/zset/mod.rs",
        "use super::super::engine::Engine;",
        1,
    );
    expect(layers, "src/types/zset/mod.rs", "use super::score;", 0);
    expect(
        layers,
        "src/types/zset/mod.rs",
        "mod tests { use super::super::listpack::Listpack; }",
        0,
    );
    expect(layers, "src/types/list.rs", "use crate::*;", 1);
    expect(layers, "src/types/list.rs", "use crate::Thing;", 1);
    expect(
        layers,
        "src/types/list.rs",
        "pub(crate) fn f() {}\n// crate::engine is prose\nlet s = \"crate::engine\";",
        0,
    );
    expect(layers, "src/cellar/mod.rs", "", 1);
    expect(layers, "src/main.rs", "use pollux::server;", 0);
}

#[test]
fn layers_keeps_neighbours_and_services_apart() {
    let said = expect(layers, "src/pubsub.rs", "use crate::tracking::Tracking;", 1);
    assert!(said.contains("service"), "{said}");
    expect(layers, "src/wire/reply.rs", "use crate::spec::Error;", 1);
    expect(
        layers,
        "src/engine/mod.rs",
        "use crate::commands::table;",
        1,
    );
    expect(
        layers,
        "src/engine/mod.rs",
        "use crate::pubsub::PubSub;\nuse crate::engine::gate;",
        0,
    );
    expect(layers, "src/server.rs", "use crate::page::Page;", 0);
    expect(layers, "src/page/mod.rs", "use crate::server::Server;", 1);
}

#[test]
fn unsafe_code_fails_outside_the_store_and_without_a_reason() {
    expect(
        unsafe_code,
        "src/types/list.rs",
        "fn f() { unsafe { g() } }",
        1,
    );
    expect(
        unsafe_code,
        "src/types/list.rs",
        "// unsafe is a word\n#![deny(unsafe_code)]",
        0,
    );
    expect(
        unsafe_code,
        "src/store/table.rs",
        "fn f() {\n    unsafe { g() }\n}",
        1,
    );
    expect(
        unsafe_code,
        "src/store/table.rs",
        "fn f() {\n    // SAFETY: g asks for nothing.\n    unsafe { g() }\n}",
        0,
    );
    expect(
        unsafe_code,
        "src/store/table.rs",
        "unsafe impl Send for Table {}",
        1,
    );
    expect(unsafe_code, "src/script/call.rs", "unsafe fn f() {}", 1);
}

#[test]
fn essays_fails_without_an_opening() {
    expect(essays, "src/types/list.rs", "use std::fmt;\n", 1);
    expect(essays, "src/types/list.rs", "//! Lists.\n", 1);
    expect(
        essays,
        "src/types/list.rs",
        "//! Lists: a chain of listpacks, so that both ends are cheap.\n",
        0,
    );
}

#[test]
fn owned_crates_fails_outside_their_room() {
    expect(owned_crates, "src/server.rs", "use mio::Poll;", 1);
    expect(
        owned_crates,
        "src/server.rs",
        "let s = socket2::Socket::from(x);",
        1,
    );
    expect(
        owned_crates,
        "src/server.rs",
        "use signal_hook_mio::v1_0::Signals;",
        1,
    );
    expect(owned_crates, "src/reactor/mod.rs", "use mio::Poll;", 0);
    expect(
        owned_crates,
        "src/server.rs",
        "let mio = 1; // mio::Poll",
        0,
    );
}

#[test]
fn clocks_fails_on_a_system_clock() {
    expect(
        clocks,
        "src/engine/mod.rs",
        "let t = std::time::Instant::now();",
        1,
    );
    expect(
        clocks,
        "src/engine/mod.rs",
        "use std::time::{Duration, SystemTime};",
        1,
    );
    expect(clocks, "src/engine/mod.rs", "use std::time::Duration;", 0);
    expect(clocks, "src/base/time/mod.rs", "use std::time::Instant;", 0);
}

#[test]
fn disk_and_net_fails_on_files_and_sockets() {
    expect(disk_and_net, "src/engine/mod.rs", "use std::fs;", 1);
    expect(
        disk_and_net,
        "src/engine/mod.rs",
        "use std::{fmt, fs::File};",
        1,
    );
    expect(
        disk_and_net,
        "src/engine/mod.rs",
        "use std::net::{IpAddr, SocketAddr, Ipv4Addr};",
        0,
    );
    expect(
        disk_and_net,
        "src/engine/mod.rs",
        "use std::{io, net::{IpAddr, TcpStream}};",
        1,
    );
    expect(
        disk_and_net,
        "src/acl/mod.rs",
        "let text = std::fs::read(path);",
        1,
    );
    expect(
        disk_and_net,
        "src/config/file.rs",
        "let text = std::fs::read(path);",
        0,
    );
    expect(disk_and_net, "src/observe/ring.rs", "use std::fs::File;", 1);
    expect(
        disk_and_net,
        "src/observe/logging.rs",
        "use std::fs::File;",
        0,
    );
}

#[test]
fn unfinished_fails_on_what_is_left_open() {
    expect(unfinished, "src/engine/mod.rs", "fn f() { todo!() }", 1);
    expect(
        unfinished,
        "src/engine/mod.rs",
        "fn f() { unimplemented!(\"later\") }",
        1,
    );
    expect(unfinished, "src/engine/mod.rs", "fn f() { dbg!(x); }", 1);
    expect(unfinished, "src/engine/mod.rs", "#[ignore]\nfn f() {}", 1);
    expect(
        unfinished,
        "src/engine/mod.rs",
        "// TODO: make it faster",
        1,
    );
    expect(
        unfinished,
        "src/engine/mod.rs",
        "// TODO when someone has thousands of patterns: index them",
        0,
    );
}

#[test]
fn names_fails_on_a_name_that_says_nothing() {
    expect(names, "src/engine/util.rs", "", 1);
    expect(names, "src/helpers/mod.rs", "", 1);
    expect(names, "src/engine/gate.rs", "", 0);
}

#[test]
fn length_fails_on_a_file_nobody_reads_in_one_sitting() {
    expect(length, "src/engine/mod.rs", &"x\n".repeat(LINES_MAX), 0);
    expect(length, "src/engine/mod.rs", &"x\n".repeat(LINES_MAX + 1), 1);
}

#[test]
fn whitespace_fails_at_the_end_of_a_line() {
    expect(whitespace, "src/engine/mod.rs", "fn f() {} \n", 1);
    expect(whitespace, "src/engine/mod.rs", "\tfn f() {}\n", 1);
    expect(whitespace, "src/engine/mod.rs", "fn f() {}", 1);
    expect(whitespace, "src/engine/mod.rs", "fn f() {}\n", 0);
}

#[test]
fn a_dependency_without_a_sentence_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# why\nmio = \"1\"\nlog = \"0.4\"\n[profile.dev]\ndebug = 1\n";
    let found = dependencies_without_sentence(manifest, "- `mio` polls.\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].sentence.contains("`log`"));
}
