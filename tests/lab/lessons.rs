//! `docs/LAB.md`, typed in and compared.
//!
//! A block that begins with "```console server" starts its first line in the background, and what that prints until the
//! section ends is the rest of the block. A block "```console" runs one command after the other, each with its output.
//! `...` stands for anything inside a line, and a line of its own with only that for any lines. Ports are replaced by
//! free ones, so that nobody's server is disturbed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
    for tool in ["nc", "redis-cli", "hexdump"] {
        let found = Command::new("which")
            .arg(tool)
            .stdout(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "{tool} is not installed");
            eprintln!(
                "the lessons are left out, for there is no {tool}; scripts/setup.sh installs it"
            );
            return;
        }
    }
    let text = document();
    let folder = std::env::temp_dir().join(format!("pollux-lessons-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let first = free_range(200);
    let text = with_ports(&text, first);
    let mut lessons = 0;
    let mut wrong = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let blocks = blocks(section);
        lessons += usize::from(!blocks.is_empty());
        wrong.extend(teach(title, &blocks, &folder));
    }
    assert!(lessons >= 8, "the document was not understood");
    std::fs::remove_dir_all(&folder).expect("our own folder");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// A lesson names the functions to read; they are where it says.
#[test]
fn every_function_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for line in document()
        .lines()
        .filter(|line| line.starts_with("- `src/"))
    {
        let mut words = line.split('`').skip(1).step_by(2);
        let path = words.next().expect("a line names a file first");
        let source = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        for name in words {
            assert!(
                source.contains(&format!("fn {name}")),
                "there is no fn {name} in {path}"
            );
            count += 1;
        }
    }
    assert!(count > 30, "the document was not understood");
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LAB.md");
    std::fs::read_to_string(path).expect("the document is there")
}

/// Returns what is not as the document says.
fn teach(title: &str, blocks: &[Block], folder: &Path) -> Vec<String> {
    let mut servers = Vec::new();
    let mut wrong = Vec::new();
    for block in blocks {
        if block.is_server {
            servers.push(start(title, block, folder, servers.len()));
            continue;
        }
        for lesson in commands(&block.lines) {
            let (command, expected) = lesson.split_first().expect("a command");
            let shown = run(command, folder);
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
fn run(command: &str, folder: &Path) -> String {
    let screen = folder.join("screen");
    let mut child = launch(command, folder, &screen);
    let has_ended = comes_true(Duration::from_secs(20), || {
        child.try_wait().is_ok_and(|status| status.is_some())
    });
    if !has_ended {
        let _ = child.kill();
        let _ = child.wait();
    }
    std::fs::read_to_string(&screen).unwrap_or_default()
}

fn start(title: &str, block: &Block, folder: &Path, number: usize) -> Running {
    let (command, expected) = block.lines.split_first().expect("a command");
    let command = command
        .strip_prefix("$ ")
        .expect("a server is started first");
    let screen = folder.join(format!("screen-{number}"));
    let child = launch(&format!("$ exec {command}"), folder, &screen);
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
fn launch(command: &str, folder: &Path, screen: &Path) -> Child {
    let file = File::create(screen).expect("a file for what it prints");
    bash(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("one more descriptor"))
        .stderr(file)
        .spawn()
        .expect("bash runs")
}

fn bash(command: &str) -> Command {
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
    bash.args(["-c", &command]).env("PATH", path);
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

/// Ports 8800 to 8989 and 6379 become ports that are free.
fn with_ports(text: &str, first: u16) -> String {
    let mut replaced = String::with_capacity(text.len());
    for word in text.split_inclusive(|ch: char| !ch.is_ascii_digit()) {
        let digits = word.trim_end_matches(|ch: char| !ch.is_ascii_digit());
        let rest = &word[digits.len()..];
        match digits.parse() {
            Ok(port @ 8800..=8989) => replaced += &(first + (port - 8800)).to_string(),
            Ok(6379) => replaced += &(first + 195).to_string(),
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
