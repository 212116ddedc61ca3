//! `docs/LAB.md` and the chapters of `docs/course`, typed in and compared.
//!
//! A block that begins with "```console server" starts its first line in the background, and what that prints until the
//! section ends is the rest of the block. A block "```console" runs one command after the other, each with its output.
//! `...` stands for anything inside a line, and a line of its own with only that for any lines. Ports are replaced by
//! free ones, so that nobody's server is disturbed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bench::{comes_true, free_range, wait_until};

/// A server of a lesson, with what it should have printed in the end.
struct Running {
    child: Child,
    screen: PathBuf,
    expected: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Block {
    is_server: bool,
    lines: Vec<String>,
}

#[test]
fn every_lesson_shows_what_it_says() {
    if !has_tools() {
        return;
    }
    let (lessons, wrong) = follow(&document("docs/LAB.md"), Screen::File);
    assert!(lessons >= 8, "the document was not understood");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// The sections of each chapter share one folder, so a server that is started again finds its files.
#[test]
fn every_chapter_shows_what_it_says() {
    if !has_tools() {
        return;
    }
    // CHAPTER=07 follows one, for who writes it.
    let only = std::env::var("CHAPTER").unwrap_or_default();
    let mut wrong = Vec::new();
    for chapter in chapters().iter().filter(|name| name.contains(&only)) {
        let (lessons, found) = follow(&document(chapter), Screen::Terminal);
        assert!(lessons >= 1, "{chapter} has nothing to type");
        wrong.extend(found.iter().map(|one| format!("{chapter}: {one}")));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// What is read line for line in a chapter is as long as it says, and where it says.
#[test]
fn every_chapter_is_complete() {
    let chapters = chapters();
    for (number, chapter) in chapters.iter().enumerate() {
        let text = document(chapter);
        let number = number + 1;
        let starts = format!("docs/course/{number:02}-");
        assert!(chapter.starts_with(&starts), "{chapter} is out of order");
        for section in SECTIONS {
            assert!(
                text.contains(&format!("\n## {section}\n")),
                "{chapter} has no section `{section}`"
            );
        }
        let picture = format!("pictures/{number:02}.svg");
        assert!(text.contains(&picture), "{chapter} shows no {picture}");
        let path = root().join("docs/course").join(&picture);
        assert!(path.exists(), "there is no {}", path.display());
        assert!(
            text.contains(&format!("make lesson N={number}\n")),
            "{chapter} has no exercise"
        );
        functions_are_there(&text, 2);
    }
}

/// What each chapter has.
const SECTIONS: [&str; 6] = ["The idea", "Type", "Watch", "Read", "Exercise", "In Redis"];

/// Where the words of commands go. Some of them speak otherwise to a person.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Screen {
    File,
    Terminal,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The chapters of the course, in order.
fn chapters() -> Vec<String> {
    let folder = root().join("docs/course");
    let files = std::fs::read_dir(folder).expect("the course is there");
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut chapters: Vec<String> = names
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .map(|name| format!("docs/course/{name}"))
        .collect();
    chapters.sort();
    chapters
}

/// Types a document in, in a folder of its own. Returns how many of its sections have something to type, and what is
/// not as it says.
fn follow(text: &str, screen: Screen) -> (usize, Vec<String>) {
    // The ports that one has found are another's until its servers have them.
    static COUNT: Mutex<u32> = Mutex::new(0);
    let mut count = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
    *count += 1;
    let name = format!("pollux-lessons-{}-{}", std::process::id(), *count);
    let first = free_range(200);
    let place = Place {
        folder: std::env::temp_dir().join(name),
        screen,
        port: first + 195,
    };
    std::fs::create_dir_all(&place.folder).expect("a folder for the test");
    let text = with_ports(text, first);
    let mut lessons = 0;
    let mut wrong = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let blocks = blocks(section);
        lessons += usize::from(!blocks.is_empty());
        wrong.extend(teach(title, &blocks, &place));
    }
    std::fs::remove_dir_all(&place.folder).expect("our own folder");
    (lessons, wrong)
}

/// Whether all is here that the documents call.
fn has_tools() -> bool {
    for tool in [
        "nc",
        "redis-cli",
        "hexdump",
        "redis-server",
        "redis-benchmark",
    ] {
        let found = Command::new("which")
            .arg(tool)
            .stdout(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "{tool} is not installed");
            eprintln!(
                "the lessons are left out, for there is no {tool}; scripts/setup.sh installs it"
            );
            return false;
        }
    }
    true
}

/// Where a document is typed in.
struct Place {
    folder: PathBuf,
    screen: Screen,
    /// What stands for 6379.
    port: u16,
}

/// A lesson names the functions to read; they are where it says.
#[test]
fn every_function_named_is_there() {
    functions_are_there(&document("docs/LAB.md"), 31);
}

/// Looks up the functions of all lines that begin with a file between backquotes.
fn functions_are_there(text: &str, least: usize) {
    let mut count = 0;
    for line in text.lines().filter(|line| line.starts_with("- `src/")) {
        let mut words = line.split('`').skip(1).step_by(2);
        let path = words.next().expect("a line names a file first");
        let source = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        for name in words {
            assert!(
                source.contains(&format!("fn {name}")),
                "there is no fn {name} in {path}"
            );
            count += 1;
        }
    }
    assert!(count >= least, "the document was not understood");
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the document is there")
}

/// Returns what is not as the document says.
fn teach(title: &str, blocks: &[Block], place: &Place) -> Vec<String> {
    let mut servers = Vec::new();
    let mut wrong = Vec::new();
    for block in blocks {
        if block.is_server {
            servers.push(start(title, block, place, servers.len()));
            continue;
        }
        for lesson in commands(&block.lines) {
            let (command, expected) = lesson.split_first().expect("a command");
            let shown = run(command, place);
            let lines: Vec<&str> = shown.lines().collect();
            if !matches(expected, &lines) {
                let expected = expected.join("\n");
                wrong.push(format!(
                    "{title}: {command}\n{shown}---- and not\n{expected}"
                ));
            }
        }
    }
    for server in &servers {
        let mut shown = String::new();
        let is_right = comes_true(Duration::from_secs(10), || {
            shown = std::fs::read_to_string(&server.screen).unwrap_or_default();
            let lines: Vec<&str> = shown.lines().collect();
            matches(&server.expected, &lines)
        });
        if !is_right {
            let expected = server.expected.join("\n");
            wrong.push(format!(
                "{title}: the server shows\n{shown}---- and not\n{expected}"
            ));
        }
    }
    wrong
}

/// What a command prints. One that does not end is ended.
fn run(command: &str, place: &Place) -> String {
    let screen = place.folder.join("screen");
    let mut child = launch(command, place, &screen);
    let has_ended = comes_true(Duration::from_secs(20), || {
        child.try_wait().is_ok_and(|status| status.is_some())
    });
    if !has_ended {
        let _ = child.kill();
        let _ = child.wait();
    }
    std::fs::read_to_string(&screen).unwrap_or_default()
}

fn start(title: &str, block: &Block, place: &Place, number: usize) -> Running {
    let (command, expected) = block.lines.split_first().expect("a command");
    let command = command
        .strip_prefix("$ ")
        .expect("a server is started first");
    let screen = place.folder.join(format!("screen-{number}"));
    let child = launch(&format!("$ exec {command}"), place, &screen);
    let running = Running {
        child,
        screen,
        expected: expected.to_vec(),
    };
    // It is ready when it has said so: in its first words, or where a server's log ends.
    let first = expected
        .iter()
        .find(|line| *line != "...")
        .expect("it says something");
    wait_until(
        || {
            let shown = std::fs::read_to_string(&running.screen).unwrap_or_default();
            shown.lines().any(|line| is_like(first, line))
        },
        title,
    );
    running
}

/// Starts a command whose words all go to one file.
fn launch(command: &str, place: &Place, screen: &Path) -> Child {
    let file = File::create(screen).expect("a file for what it prints");
    let mut bash = bash(command, place.port);
    if place.screen == Screen::Terminal {
        // redis-cli then says what it would say to a person.
        bash.env("FAKETTY", "1");
    }
    bash.current_dir(&place.folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("one more descriptor"))
        .stderr(file)
        .spawn()
        .expect("bash runs")
}

/// Redis's tools speak to the usual port unless they are told another.
const TOOLS: &str = "redis-cli() { command redis-cli -p $PORT \"$@\"; }\n\
                     redis-benchmark() { command redis-benchmark -p $PORT \"$@\"; }\n";

fn bash(command: &str, port: u16) -> Command {
    let command = command.strip_prefix("$ ").expect("a command begins with $");
    // The nc of macOS ends with its input by itself and does not know the option.
    let command = if cfg!(target_os = "macos") {
        command.replace("nc -N", "nc")
    } else {
        command.to_owned()
    };
    let program = Path::new(env!("CARGO_BIN_EXE_pollux"));
    let mut path = program.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{TOOLS}{command}")])
        .env("PATH", path)
        .env("PORT", port.to_string());
    bash
}

/// The blocks of a section, in order.
fn blocks(section: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for line in section.lines() {
        match (is_inside, line) {
            (false, "```console" | "```console server") => {
                is_inside = true;
                blocks.push(Block {
                    is_server: line.ends_with("server"),
                    lines: Vec::new(),
                });
            }
            (true, "```") => is_inside = false,
            (true, line) => {
                let block = blocks.last_mut().expect("one was opened");
                block.lines.push(line.to_owned());
            }
            (false, _) => {}
        }
    }
    blocks
}

/// Each command of a block with its output.
fn commands(lines: &[String]) -> impl Iterator<Item = &[String]> {
    lines.chunk_by(|_, next| !next.starts_with("$ "))
}

/// Ports 8800 to 8989 and 6379 to 6382 become ports that are free.
fn with_ports(text: &str, first: u16) -> String {
    let mut replaced = String::with_capacity(text.len());
    for word in text.split_inclusive(|ch: char| !ch.is_ascii_digit()) {
        let digits = word.trim_end_matches(|ch: char| !ch.is_ascii_digit());
        let rest = &word[digits.len()..];
        match digits.parse() {
            Ok(port @ 8800..=8989) => replaced += &(first + (port - 8800)).to_string(),
            Ok(port @ 6379..=6382) => replaced += &(first + 195 + (port - 6379)).to_string(),
            _ => replaced += digits,
        }
        replaced += rest;
    }
    // A server of the lab that is not told a port takes the usual one.
    let default = (first + 88).to_string();
    let mut lines: Vec<String> = replaced.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if line.starts_with("$ pollux lab") && !line.contains(" -p ") && !line.ends_with("$?") {
            line.push_str(" -p ");
            line.push_str(&default);
        }
    }
    lines.join("\n")
}

fn matches(expected: &[String], shown: &[&str]) -> bool {
    match (expected.split_first(), shown.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "..." => {
            (0..=shown.len()).any(|skipped| matches(rest, &shown[skipped..]))
        }
        (Some((first, rest)), Some((line, others))) => {
            is_like(first, line) && matches(rest, others)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether a line is as expected, where `...` stands for anything.
fn is_like(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
