//! The command line of the server.
//!
//! ```text
//! pollux [/path/to/redis.conf] [--name value ...] [-]
//! ```
//!
//! Every parameter is an option: `--maxmemory 1gb` is the line `maxmemory 1gb` of a file. So options are turned into
//! lines, put after the file's and after standard input's, and all of it is read by the one reader, which also makes a
//! mistake on the command line look like one in a file. Redis has grown a few courtesies that people rely on:
//!
//! - name and value may be one word: `"--maxmemory 1gb"`;
//! - `--save` without a value turns snapshots off;
//! - the first value of an option may begin with `--`, but no further one may.
//!
//! A handful of flags stand for themselves and come first (`--version`, `--help`, ...), and so do the words that start
//! another program than the server (`lab`, `check`).

use super::disk;
use super::reader::{self, Fatal, Loaded};
use crate::base::text::{push_quoted, same_word, split_args};
use std::io::{self, Read};
use std::path::{Component, PathBuf};

/// The command line's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Serve(Told),
    Version,
    Help,
    /// Looking at the machine instead of serving.
    CheckSystem,
    /// Redis can test memory; this server leaves that to programs that do it well.
    TestMemory,
    /// Watching over other servers is another program's task.
    Sentinel,
    /// Another program of this binary, with the words that follow its name.
    Tool {
        name: &'static str,
        words: Vec<Vec<u8>>,
    },
}

/// Where a server's configuration is to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// As given; relative to the directory the process started in.
    pub(crate) file: Option<Vec<u8>>,
    pub(crate) reads_stdin: bool,
    /// The options as lines of a file.
    pub(crate) options: Vec<u8>,
}

/// First words that are not a file's name.
const TOOLS: [&str; 3] = ["lab", "check", "bench"];

impl Order {
    /// Understands the words that follow the program's name.
    pub(crate) fn understand(words: &[Vec<u8>]) -> Order {
        let Some(first) = words.first() else {
            return Order::Serve(Told::default());
        };
        if let Some(name) = TOOLS.into_iter().find(|name| name.as_bytes() == first) {
            return Order::Tool {
                name,
                words: words[1..].to_vec(),
            };
        }
        match first.as_slice() {
            b"-v" | b"--version" => Order::Version,
            b"-h" | b"--help" => Order::Help,
            b"--check-system" => Order::CheckSystem,
            b"--test-memory" => Order::TestMemory,
            _ if words.iter().any(|word| word == b"--sentinel") => Order::Sentinel,
            _ => Order::Serve(Told::understand(words)),
        }
    }
}

impl Told {
    fn understand(words: &[Vec<u8>]) -> Told {
        let mut told = Told::default();
        let mut options = words;
        if !words[0].starts_with(b"-") {
            told.file = Some(words[0].clone());
            options = &words[1..];
        }
        // After a name alone comes its value, even if that looks like a name.
        let mut value_is_due = false;
        for (at, word) in options.iter().enumerate() {
            let next = options.get(at + 1);
            let is_at_an_end = next.is_none() || (at == 0 && told.file.is_none());
            if word == b"-" && is_at_an_end {
                told.reads_stdin = true;
            } else if word.starts_with(b"--") && !value_is_due {
                told.option(&word[2..]);
                let is_bare = split_args(word).is_some_and(|parts| parts.len() == 1);
                let next_is_option = next.is_none_or(|next| next.starts_with(b"--"));
                if is_bare && same_word(word, b"--save") && next_is_option {
                    told.value(b"");
                } else {
                    value_is_due = is_bare;
                }
            } else {
                told.value(word);
                value_is_due = false;
            }
        }
        told
    }

    fn option(&mut self, name: &[u8]) {
        if !self.options.is_empty() {
            self.options.push(b'\n');
        }
        self.options.extend_from_slice(name);
        self.options.push(b' ');
    }

    fn value(&mut self, value: &[u8]) {
        push_quoted(&mut self.options, value);
        self.options.push(b' ');
    }

    /// Reads file, standard input and options, in this order, so that the later ones win.
    pub(crate) fn load(&self, stdin: &mut dyn Read) -> Result<Loaded, Fatal> {
        let file = self.file.as_ref().map(|name| absolute(name));
        let mut text = match &file {
            None => Vec::new(),
            Some(path) => reader::read_file(path)?,
        };
        if self.reads_stdin {
            stdin
                .read_to_end(&mut text)
                .map_err(|error| unreadable(&error))?;
        }
        if !self.options.is_empty() {
            text.push(b'\n');
            text.extend_from_slice(&self.options);
        }
        let loaded = reader::read(&text)?;
        Ok(Loaded { file, ..loaded })
    }
}

/// A name as seen from the root, with what `.` and `..` mean worked out; the file need not exist.
pub(crate) fn absolute(name: &[u8]) -> PathBuf {
    let here = disk::current_directory().unwrap_or_default();
    let mut path = PathBuf::new();
    for component in disk::resolve(&here, name).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

fn unreadable(error: &io::Error) -> Fatal {
    Fatal::Open {
        path: "-".into(),
        reason: super::explain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand(words: &[&str]) -> Order {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Order::understand(&words)
    }

    fn load(words: &[&str]) -> Result<Loaded, String> {
        let Order::Serve(told) = understand(words) else {
            panic!("{words:?} does not start a server");
        };
        told.load(&mut io::empty())
            .map_err(|fatal| fatal.to_string())
    }

    fn value(words: &[&str], name: &str) -> String {
        let loaded = load(words).unwrap_or_else(|fatal| panic!("{words:?}: {fatal}"));
        String::from_utf8(loaded.config.value(name.as_bytes()).unwrap()).unwrap()
    }

    fn refusal(words: &[&str]) -> String {
        let text = load(words).expect_err("this is a mistake");
        let line = text.split_once(">>> ").expect("a line is to blame").1;
        line.replace('\n', " ")
    }

    #[test]
    fn options_take_their_values() {
        assert_eq!(value(&["--timeout", "5"], "timeout"), "5");
        assert_eq!(
            value(&["--maxmemory 700mb", "--hz 20"], "maxmemory"),
            "734003200"
        );
        assert_eq!(value(&["--maxmemory '700mb'"], "maxmemory"), "734003200");
        assert_eq!(value(&["--", "timeout", "5"], "timeout"), "5");
        assert_eq!(
            value(&["--bind", "127.0.0.1", "-::1"], "bind"),
            "127.0.0.1 -::1"
        );
        let words = [
            "--shutdown-on-sigint",
            "nosave",
            "force",
            "now",
            "--shutdown-on-sigterm",
            "nosave force",
        ];
        assert_eq!(value(&words, "shutdown-on-sigint"), "nosave now force");
        assert_eq!(value(&words, "shutdown-on-sigterm"), "nosave force");
    }

    #[test]
    fn the_first_value_may_look_like_an_option() {
        let words = [
            "--proc-title-template",
            "--my--title",
            "--loglevel",
            "verbose",
        ];
        assert_eq!(value(&words, "proc-title-template"), "--my--title");
        assert_eq!(value(&words, "loglevel"), "verbose");
        let words = ["--proc-title-template --my--title", "--loglevel verbose"];
        assert_eq!(value(&words, "proc-title-template"), "--my--title");
        let words = ["--replicaof", "--127.0.0.1", "abc"];
        assert_eq!(
            refusal(&words),
            "'replicaof \"--127.0.0.1\" \"abc\"' Invalid master port"
        );
        let words = ["--replicaof", "--127.0.0.1", "--abc"];
        assert_eq!(
            refusal(&words),
            "'replicaof \"--127.0.0.1\"' wrong number of arguments"
        );
        let words = ["--port", "--loglevel", "verbose"];
        assert_eq!(
            refusal(&words),
            "'port \"--loglevel\" \"verbose\"' wrong number of arguments"
        );
    }

    #[test]
    fn save_needs_no_value() {
        for words in [
            &["--save"][..],
            &["--save", "--loglevel", "verbose"],
            &["--loglevel", "verbose", "--save"],
            &["--save", "", "--loglevel", "verbose"],
            &["--save", "\"\""],
            &["--SAVE", "--timeout", "5"],
            &["--proc-title-template", "--save", "--save", ""],
        ] {
            assert_eq!(value(words, "save"), "", "{words:?}");
        }
        assert_eq!(
            value(&["--save", "5 5", "--save", "6", "6"], "save"),
            "5 5 6 6"
        );
        assert_eq!(
            refusal(&["--save", "100"]),
            "'save \"100\"' Invalid save parameters"
        );
    }

    #[test]
    fn mistakes_look_like_those_of_a_file() {
        assert_eq!(
            refusal(&["--invalid"]),
            "'invalid' Bad directive or wrong number of arguments"
        );
        assert_eq!(refusal(&["--port"]), "'port' wrong number of arguments");
        assert_eq!(
            refusal(&["--port", "6379", "6380"]),
            "'port \"6379\" \"6380\"' wrong number of arguments"
        );
        assert_eq!(
            refusal(&["--port 7 8"]),
            "'port 7 8' wrong number of arguments"
        );
        assert_eq!(
            refusal(&["--port \"7"]),
            "'port \"7' Unbalanced quotes in configuration line"
        );
        assert_eq!(
            refusal(&["-x"]),
            "'\"-x\"' Bad directive or wrong number of arguments"
        );
        let words = ["--port", "6380", "--loglevel"];
        assert_eq!(refusal(&words), "'loglevel' wrong number of arguments");
        assert!(load(&words).unwrap_err().contains("at line 3"));
        assert!(
            load(&["/nonexist/file"])
                .unwrap_err()
                .starts_with("Fatal error, can't open config file '/nonexist/file'")
        );
    }

    #[test]
    fn standard_input_stands_between_file_and_options() {
        let path = std::env::temp_dir().join(format!("pollux-startup-{}.conf", std::process::id()));
        std::fs::write(&path, "timeout 1\nhz 11\nmaxclients 100\n").unwrap();
        let words = [path.to_str().unwrap(), "--hz", "13", "-"];
        let Order::Serve(told) = understand(&words) else {
            panic!()
        };
        assert!(told.reads_stdin);
        let loaded = told.load(&mut &b"timeout 2\nhz 12\n"[..]).unwrap();
        let config = &loaded.config;
        assert_eq!(
            (config.maxclients, config.timeout_s, config.hz),
            (100, 2, 13)
        );
        assert_eq!(loaded.file.as_deref(), Some(path.as_path()));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            understand(&["-"]),
            Order::Serve(Told {
                reads_stdin: true,
                file: None,
                ..
            })
        ));
        assert!(matches!(
            understand(&["x", "-", "--hz", "1"]),
            Order::Serve(Told {
                reads_stdin: false,
                ..
            })
        ));
    }

    #[test]
    fn other_things_than_serving() {
        assert_eq!(understand(&["-v", "x"]), Order::Version);
        assert_eq!(understand(&["--help"]), Order::Help);
        assert_eq!(understand(&["x.conf", "--sentinel"]), Order::Sentinel);
        assert_eq!(
            understand(&["lab", "-v"]),
            Order::Tool {
                name: "lab",
                words: vec![b"-v".to_vec()]
            }
        );
        assert!(matches!(
            understand(&["--port", "1", "--help"]),
            Order::Serve(_)
        ));
    }

    #[test]
    fn names_are_made_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(b"/a/./b/../c"), PathBuf::from("/a/c"));
        assert_eq!(absolute(b"./x.conf"), here.join("x.conf"));
        assert_eq!(
            absolute(b"../x.conf"),
            here.parent().unwrap().join("x.conf")
        );
    }
}
