//! Every rule of `tests/tidy.rs` is shown snippets that break it and snippets that do not: a rule that cannot fail
//! checks nothing, and one that fails too easily teaches people to work around it.

use super::circles::circles;
use super::prose::{House, names_exist};
use super::walls::function_length;
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
        "use crate::pubsub::PubSub;\nuse crate::engine::run::gate;",
        0,
    );
    expect(layers, "src/server/mod.rs", "use crate::page::Page;", 0);
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
    expect(owned_crates, "src/server/mod.rs", "use mio::Poll;", 1);
    expect(
        owned_crates,
        "src/server/mod.rs",
        "let s = socket2::Socket::from(x);",
        1,
    );
    expect(
        owned_crates,
        "src/server/mod.rs",
        "use signal_hook_mio::v1_0::Signals;",
        1,
    );
    expect(owned_crates, "src/reactor/mod.rs", "use mio::Poll;", 0);
    expect(
        owned_crates,
        "src/server/mod.rs",
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
fn net_and_os_fails_on_sockets_in_the_wrong_room() {
    let engine = "src/engine/mod.rs";
    let addresses = "use std::net::{IpAddr, SocketAddr, Ipv4Addr};";
    expect(net_and_os, engine, addresses, 0);
    let group = "use std::{io, net::{IpAddr, TcpStream}};";
    expect(net_and_os, engine, group, 1);
    expect(net_and_os, engine, "use std::os::fd::AsFd;", 1);
    expect(net_and_os, "src/lab/echo.rs", group, 0);
}

#[test]
fn files_and_threads_fails_outside_the_named_places() {
    let rule = files_and_threads;
    let engine = "src/engine/mod.rs";
    expect(rule, engine, "use std::fs;", 1);
    expect(rule, engine, "use std::{fmt, fs::File, thread};", 2);
    expect(rule, engine, "fn f() { std::thread::sleep(x); }", 1);
    expect(rule, "src/server/mod.rs", "use std::fs::File;", 1);
    expect(rule, "src/persist/rdb/mod.rs", "std::fs::read(path)", 1);
    expect(rule, "src/persist/disk/mod.rs", "use std::fs;", 0);
    let test = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    expect(rule, engine, test, 0);
    expect(rule, engine, &format!("{test}use std::thread;"), 1);
}

#[test]
fn width_fails_on_wide_prose_only() {
    let wide = "word ".repeat(25);
    expect(width, "src/engine/mod.rs", &format!("    /// {wide}"), 1);
    expect(
        width,
        "src/engine/mod.rs",
        &format!("let x = \"{wide}\";"),
        0,
    );
    expect(width, "scripts/setup.sh", &format!("# {wide}"), 1);
    expect(width, "scripts/setup.sh", &wide, 0);
}

#[test]
fn function_length_fails_on_a_function_that_cannot_be_seen_whole() {
    let long = |lines: usize| {
        format!(
            "fn f(a: [u8; 4]) -> u8 {{\n{}}}\n",
            "    g();\n".repeat(lines)
        )
    };
    expect(function_length, "src/engine/mod.rs", &long(77), 0);
    expect(function_length, "src/engine/mod.rs", &long(78), 1);
    let field = format!(
        "struct S {{\n    f: fn(u8),\n}}\nmod a {{\n{}}}\n",
        "x;\n".repeat(90)
    );
    expect(function_length, "src/engine/mod.rs", &field, 0);
    let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", long(100));
    expect(function_length, "src/engine/mod.rs", &test, 0);
}

#[test]
fn names_exist_fails_on_what_has_moved() {
    let mut house = House::default();
    let engine = "//! E.\npub use run::Gate;\npub struct Engine { now: Now }\nimpl Engine { fn settle(&self) {} }\n\
        impl<T: Into<X>> fmt::Display for Wrap<T> { fn fmt() {} }\nenum Ask { Stop, Go(u8) }\n";
    house.add(&Source::new("src/engine/mod.rs", engine));
    house.add(&Source::new(
        "src/engine/run/gate.rs",
        "pub fn judge() {}\n",
    ));
    house.add(&Source::new("docs/TOUR.md", "x\n"));
    let count = |path: &str, text: &str| names_exist(&house, &Source::new(path, text)).len();
    let is_there = [
        "engine::run::gate::judge",
        "gate::judge",
        "Engine::settle",
        "Engine::now",
        "Ask::Go",
        "Wrap::fmt",
        "crate::engine::Gate",
        "std::fs::File",
        "engine/run/gate.rs",
        "src/engine/run/",
        "gate.rs",
        "docs/TOUR.md",
        "Engine::settle(..)",
        "unit/type/set",
        "a word",
        "engine::run",
    ];
    for name in is_there {
        assert_eq!(
            count("docs/TOUR.md", &format!("See `{name}`.\n")),
            0,
            "{name}"
        );
    }
    let is_gone = [
        "engine::gate::judge",
        "gate::call",
        "Engine::judge",
        "Nobody::settle",
        "Ask::Wait",
        "engine/gate.rs",
        "src/engine/gate",
        "call.rs",
        "docs/ROOMS.md",
        "engine::walk",
    ];
    for name in is_gone {
        assert_eq!(
            count("docs/TOUR.md", &format!("See `{name}`.\n")),
            1,
            "{name}"
        );
    }
    let test = "a_name_that_is_long";
    assert_eq!(count("docs/TOUR.md", &format!("`{test}`\n")), 1);
    house.add(&Source::new("tests/a.rs", &format!("fn {test}() {{}}\n")));
    let count = |path: &str, text: &str| names_exist(&house, &Source::new(path, text)).len();
    assert_eq!(count("docs/TOUR.md", &format!("`{test}`\n")), 0);
    // What is fenced is a picture; an essay ends where the code begins, and names what is near it.
    assert_eq!(count("docs/TOUR.md", "```\n`engine::walk`\n```\n"), 0);
    assert_eq!(count("src/engine/run/mod.rs", "//! See `gate.rs`.\n"), 0);
    assert_eq!(count("src/engine/mod.rs", "//! See `gate.rs`.\n"), 1);
    assert_eq!(
        count(
            "src/engine/mod.rs",
            "//! E.\n\n/// `engine::walk`\nfn f() {}\n"
        ),
        0
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
fn names_of_commands_fails_where_a_command_is_known_by_its_name() {
    let gate = "src/engine/run/gate.rs";
    for code in [
        "if command.name() == \"exec\" {",
        "if is(command, \"ping\") {",
        "    && is(0, \"function\")",
        "matches!(spec.name, \"eval_ro\")",
        "command.name().starts_with(\"client|\")",
        "let name = command.spec.name;\nmatch name {\n    \"SET\" => 1,\n}",
        "let wants =\n    command.name() !=\n    \"touch\";",
    ] {
        expect(names_of_commands, gate, &format!("{code}\n"), 1);
    }
    expect(
        names_of_commands,
        gate,
        "matches!(spec.name, \"get\" | \"set\")\n",
        2,
    );
    for code in [
        "bracket(b\"MULTI\", now_s);",
        "// spec.name == \"get\" is a remark",
        "if command.has(flag::STEERS_TRANSACTION) {",
        "let name = if is_fast { \"fast-command\" } else { \"command\" };",
        "if word == \"no-command\" {",
    ] {
        expect(names_of_commands, gate, &format!("{code}\n"), 0);
    }
    let read = "src/commands/stream/read.rs";
    expect(
        names_of_commands,
        read,
        "ctx.command.name() == \"xread\"\n",
        1,
    );
    expect(names_of_commands, read, "is(word, \"GET\")\n", 0);
}

#[test]
fn length_fails_on_a_file_nobody_reads_in_one_sitting() {
    expect(length, "src/types/list.rs", &"x\n".repeat(799), 0);
    expect(length, "src/types/list.rs", &"x\n".repeat(800), 1);
    expect(length, "src/engine/mod.rs", &"x\n".repeat(350), 0);
    expect(length, "src/engine/mod.rs", &"x\n".repeat(351), 1);
    let tests = format!("x\n#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(400));
    expect(length, "src/engine/mod.rs", &tests, 0);
}

/// How many circles there are between files with these texts.
fn circles_of(files: &[(&str, &str)]) -> usize {
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    circles(&sources).len()
}

#[test]
fn circles_are_found_however_they_are_written() {
    let a = "src/room/a.rs";
    let b = "src/room/b.rs";
    let parent = (
        "src/room/mod.rs",
        "mod a;\nmod b;\npub(crate) use a::{A, B as Other};\n",
    );
    for there in [
        "use super::b::B;",
        "use crate::room::{b::B as C, b};",
        "fn f() { crate::room::b::f() }",
        "type B = super::b::B;",
    ] {
        for back in [
            "use super::{\n    a,\n};",
            "use crate::room::A;",
            "use super::A as Renamed;",
            "fn f(_: super::a::A) {}",
        ] {
            assert_eq!(
                circles_of(&[(a, there), (b, back), parent]),
                1,
                "{there} {back}"
            );
        }
    }
    let c = ("src/other.rs", "use crate::room::A;");
    assert_eq!(
        circles_of(&[(a, "use super::b;"), (b, "use crate::other::C;"), c, parent]),
        1
    );
    for (there, back) in [
        ("use super::b::B;", "use std::a::A;"),
        ("use super::b::B;", "// use super::a::A;"),
        (
            "use super::b::B;",
            "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}",
        ),
        ("use super::b::B;", "use super::Room;\nuse self::inner::A;"),
        ("use super::Room;", "use super::a::A;"),
    ] {
        assert_eq!(
            circles_of(&[(a, there), (b, back), parent]),
            0,
            "{there} {back}"
        );
    }
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
