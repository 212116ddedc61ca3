//! Every command is in a transcript: there it can be read what a person types and what comes back.
//!
//! The names are those of the table that the program serves, subcommands included. A container counts as shown when
//! one of its subcommands is.

use std::collections::BTreeSet;
use std::fs;

use pollux::testing::commands;

#[test]
fn every_command_is_in_a_transcript() {
    let shown = shown();
    let table = commands::table();
    let missing: Vec<&str> = (table.all.iter())
        .map(|command| command.name())
        .filter(|name| !shown.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "in no transcript of tests/transcripts: {}",
        missing.join(", ")
    );
}

/// The names that requests begin with: `get`, and `client|list` besides `client`.
fn shown() -> BTreeSet<String> {
    let folder = super::root().join("tests/transcripts");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the transcripts are there") {
        let path = file.expect("it can be listed").path();
        let text = fs::read_to_string(path).expect("a transcript is text");
        for line in text.lines() {
            let marked = line.trim_start_matches(['~', '+', '&']);
            let Some((session, request)) = marked.split_once("> ") else {
                continue;
            };
            if !session.chars().all(|letter| letter.is_ascii_lowercase()) {
                continue;
            }
            let mut words = request.split_whitespace().map(str::to_ascii_lowercase);
            if let Some(name) = words.next() {
                names.extend(words.next().map(|second| format!("{name}|{second}")));
                names.insert(name);
            }
        }
    }
    names
}
