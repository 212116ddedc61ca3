//! Rules about size and reach: how long files and functions may be, and where files and threads are named.

use super::lexer::{body_end, words};
use super::{Finding, Source, files_below, std_paths};

/// The most lines a file may have.
const LINES_MAX: usize = 799;

/// The most lines of a file of the lab: each is to be read in one sitting.
const LAB_LINES_MAX: usize = 250;

/// The most lines of a file of the engine. Tests at its end are not counted.
const ENGINE_LINES_MAX: usize = 350;

/// The most lines of a function outside tests.
const FUNCTION_LINES_MAX: usize = 79;

/// Where `std::fs` and `std::thread` may be named, tests aside, each with the reason. Everything else goes through
/// `persist::disk` and `background::crew`, behind which a test can put another disk and threads that never run by
/// themselves.
const FILES_AND_THREADS: &[(&str, &str)] = &[
    ("src/persist/disk/mod.rs", "the door to the disk"),
    (
        "src/background/",
        "the door to threads, and the thread that frees",
    ),
    ("src/base/time.rs", "the clock: it can sleep"),
    (
        "src/server/process/",
        "what a process is to its system: pid file, title, /proc",
    ),
    (
        "src/server/embedded.rs",
        "a whole server on a thread of its own",
    ),
    ("src/check/", "a tool: it reads files and ends"),
    (
        "src/config/disk.rs",
        "the configuration is read before there is a server",
    ),
    (
        "src/observe/logging.rs",
        "the log file: no door must lie between a panic and its line",
    ),
    ("src/reactor/listen.rs", "the path of a Unix socket"),
    (
        "src/tls/files.rs",
        "certificates and keys, read when the configuration names them",
    ),
    // These should go.
    (
        "src/server/files/load/delay.rs",
        "`key-load-delay` slows the thread that reads",
    ),
    (
        "src/server/files/log/mod.rs",
        "DEBUG AOF-FLUSH-SLEEP blocks the loop",
    ),
];

pub(crate) fn length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let (lines, most) = if source.is_under(&["src/lab/"]) {
        (lines, LAB_LINES_MAX)
    } else if source.is_under(&["src/engine/"]) {
        (
            without_tests(&source.code).trim_end().lines().count(),
            ENGINE_LINES_MAX,
        )
    } else {
        (lines, LINES_MAX)
    };
    if lines <= most {
        return Vec::new();
    }
    let sentence = format!("{lines} lines, more than {most}: look for the seam and split it");
    vec![source.at(0, sentence)]
}

/// `std::fs` and `std::thread` stand in few places.
pub(crate) fn files_and_threads(source: &Source) -> Vec<Finding> {
    let is_allowed = FILES_AND_THREADS
        .iter()
        .any(|(place, _)| source.path.starts_with(place));
    if is_allowed {
        return Vec::new();
    }
    names_of_files_and_threads(source)
        .into_iter()
        .map(|(offset, path)| {
            source.at(
                offset,
                format!(
                    "`std::{path}` is named here; go through `persist::disk` or `background::crew`"
                ),
            )
        })
        .collect()
}

fn names_of_files_and_threads(source: &Source) -> Vec<(usize, String)> {
    if is_of_tests(source) {
        return Vec::new();
    }
    let is_meant = |path: &str| ["fs", "thread"].contains(&path.split("::").next().unwrap_or(""));
    std_paths(&without_tests(&source.code))
        .into_iter()
        .filter(|(_, path)| is_meant(path))
        .collect()
}

/// Files that are compiled for tests only.
pub(crate) fn is_of_tests(source: &Source) -> bool {
    source.is_under(&["src/server/simulation.rs"]) || source.path.contains("/tests")
}

/// The code with what is compiled for tests only replaced by spaces. Lines stay where they are.
pub(crate) fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    let mark = "#[cfg(test)]";
    while let Some(start) = code.find(mark) {
        let open = code[start..].find(['{', ';']).map(|at| start + at);
        let end = match open {
            Some(open) if code[open..].starts_with('{') => body_end(&code, open),
            Some(semicolon) => semicolon + 1,
            None => code.len(),
        };
        let blank: String = code[start..end]
            .chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' })
            .collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// Every function with a body: the offset of its `fn`, and how many lines it has.
fn functions(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for offset in words(code, "fn") {
        // The type of a function has no name.
        if code[offset + "fn".len()..].trim_start().starts_with('(') {
            continue;
        }
        let mut depth = 0;
        let body = code[offset..].char_indices().find(|(_, letter)| {
            match letter {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                _ => {}
            }
            depth == 0 && ['{', ';'].contains(letter) || depth < 0
        });
        if let Some((start, '{')) = body {
            let end = body_end(code, offset + start);
            found.push((offset, code[offset..end].matches('\n').count() + 1));
        }
    }
    found
}

/// Functions that cannot be seen whole.
pub(crate) fn function_length(source: &Source) -> Vec<Finding> {
    if is_of_tests(source) {
        return Vec::new();
    }
    let code = without_tests(&source.code);
    functions(&code)
        .into_iter()
        .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
        .map(|(offset, lines)| {
            source.at(
                offset,
                format!("a function of {lines} lines, more than {FUNCTION_LINES_MAX}: let a part of it have a name"),
            )
        })
        .collect()
}

#[test]
fn every_exception_is_about_something() {
    let sources = files_below("src", &[".rs"]);
    for (place, _) in FILES_AND_THREADS {
        let is_used = sources.iter().any(|source| {
            source.path.starts_with(place) && !names_of_files_and_threads(source).is_empty()
        });
        assert!(
            is_used,
            "nothing in {place} names files or threads: FILES_AND_THREADS need not list it"
        );
    }
}
