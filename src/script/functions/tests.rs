use super::*;
use crate::base::output::Output;
use crate::script::trial::nobody;
use crate::script::write;
use crate::wire::args::Args;
use crate::wire::reply::{Protocol, Reply};

/// A library with functions that return their own names.
fn library(name: &str, functions: &[&str]) -> Vec<u8> {
    let line = |function: &&str| {
        format!("redis.register_function('{function}', function() return '{name}' end)\n")
    };
    let lines: String = functions.iter().map(line).collect();
    format!("#!lua name={name}\n{lines}").into_bytes()
}

fn load(functions: &mut Functions, name: &str, of: &[&str]) -> Result<(), String> {
    let loaded = functions.load(&library(name, of), false, None);
    loaded
        .map(|_| ())
        .map_err(|text| String::from_utf8(text).expect("text"))
}

/// What a function returns or raises.
fn call(functions: &mut Functions, name: &str) -> String {
    let Some(code) = functions.find(name.as_bytes()).map(|found| found.code) else {
        return "none".to_owned();
    };
    let interpreter = functions.lend().expect("it has functions");
    let mut out = Output::default();
    let mut reply = Reply::new(&mut out, Protocol::Resp2);
    let called = interpreter.call_function(code, Args::EMPTY, Args::EMPTY, &mut nobody());
    let written = called.and_then(|returned| write(&mut reply, &returned, &mut |_| {}));
    functions.put_back(interpreter);
    if let Err(failure) = written {
        return String::from_utf8_lossy(&failure.text).into_owned();
    }
    let said = String::from_utf8(out.take()).expect("text");
    said.lines().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn functions_are_found_in_any_case_and_go_with_their_library() {
    let mut functions = Functions::default();
    load(&mut functions, "one", &["first", "Second"]).expect("it is fine");
    assert_eq!(call(&mut functions, "FIRST"), "one");
    assert_eq!(call(&mut functions, "second"), "one");
    assert_eq!(functions.function_count(), 2);
    assert_eq!(functions.delete(b"ONE"), Ok(false));
    assert_eq!(functions.delete(b"one"), Ok(true));
    assert_eq!(call(&mut functions, "first"), "none");
    assert_eq!(functions.function_count(), 0);
}

#[test]
fn a_load_that_fails_leaves_all_as_it_was() {
    let mut functions = Functions::default();
    load(&mut functions, "one", &["f"]).expect("it is fine");
    let refused = load(&mut functions, "two", &["g", "F"]);
    assert_eq!(refused, Err("ERR Function F already exists".to_owned()));
    let refused = load(&mut functions, "one", &["g"]);
    assert_eq!(refused, Err("ERR Library 'one' already exists".to_owned()));
    let twice = functions.load(&library("one", &["g", "g"]), true, None);
    assert_eq!(
        twice,
        Err(
            b"ERR Error registering functions: ERR Function already exists in the library".to_vec()
        )
    );
    assert_eq!(
        (call(&mut functions, "f"), call(&mut functions, "g")),
        ("one".into(), "none".into())
    );
    functions
        .load(&library("one", &["g"]), true, None)
        .expect("it replaces");
    assert_eq!(
        (call(&mut functions, "f"), call(&mut functions, "g")),
        ("none".into(), "one".into())
    );
}

#[test]
fn a_dump_is_restored_as_a_whole_or_not_at_all() {
    let mut functions = Functions::default();
    load(&mut functions, "a", &["f"]).expect("it is fine");
    load(&mut functions, "b", &["g"]).expect("it is fine");
    let mut other = Functions::default();
    load(&mut other, "b", &["h"]).expect("it is fine");
    load(&mut other, "c", &["F"]).expect("it is fine");
    let texts = other.texts();
    let refused = |text: &str| Err(text.as_bytes().to_vec());
    let appended = functions.restore(&texts, Policy::Append, None);
    assert_eq!(appended, refused("ERR Library b already exists"));
    let replaced = functions.restore(&texts, Policy::Replace, None);
    assert_eq!(replaced, refused("ERR Function F already exists"));
    assert_eq!(
        (call(&mut functions, "g"), call(&mut functions, "h")),
        ("b".into(), "none".into())
    );
    functions.delete(b"a").expect("nothing runs");
    functions
        .restore(&texts, Policy::Replace, None)
        .expect("nothing is in the way");
    assert_eq!(
        (call(&mut functions, "g"), call(&mut functions, "h")),
        ("none".into(), "b".into())
    );
    load(&mut functions, "d", &["i"]).expect("it is fine");
    functions
        .restore(&texts, Policy::Flush, None)
        .expect("nothing is in the way");
    assert_eq!(functions.libraries().len(), 2);
    assert_eq!(call(&mut functions, "f"), "c");
}

#[test]
fn a_library_that_never_ends_is_given_up() {
    let mut functions = Functions::default();
    let text = b"#!lua name=slow\nwhile true do end";
    let clock = Clock::system();
    let loaded = functions.load(text, false, Some(&clock));
    let refusal = b"ERR Error registering functions: ERR FUNCTION LOAD timeout".to_vec();
    assert_eq!(loaded, Err(refusal));
}

#[test]
fn while_a_function_runs_the_libraries_stay() {
    let mut functions = Functions::default();
    load(&mut functions, "one", &["f"]).expect("it is fine");
    let interpreter = functions.lend().expect("it has functions");
    assert!(load(&mut functions, "two", &["g"]).is_err());
    assert!(functions.flush().is_err() && functions.delete(b"one").is_err());
    functions.put_back(interpreter);
    assert_eq!(
        functions.flush().map(|thrown| thrown.function_count()).ok(),
        Some(1)
    );
}
