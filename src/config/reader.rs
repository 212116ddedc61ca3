//! From the text of a configuration file to a [`Config`].
//!
//! A line is a name and its values, in the quoting that `split_args` knows; `#` begins a comment only at the start of a
//! line. The command line is made into such text as well, so the same holds for both.
//!
//! Most names are rows of the table. A few are not parameters but deeds: `include` reads another file at this very
//! place; `user`, `rename-command` and `loadmodule` belong to other rooms and are kept as they are, with the place they
//! came from, so that an error can blame the right line. An unknown name is kept too: modules may bring their own, so
//! that mistake is found out only when the server is ready to run.

use super::disk;
use super::fields::Config;
use super::rows;
use super::usage::REDIS_VERSION;
use super::values::Source;
use crate::base::text::split_args;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything a server was told before it started.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(crate) config: Config,
    /// `user <name> [rules...]`, for the room of access control.
    pub(crate) users: Vec<Directive>,
    /// `rename-command <name> <new name>`; an empty new name takes the command away.
    pub(crate) renames: Vec<Directive>,
    /// `loadmodule <path> [arguments...]`, which a server without modules can only refuse.
    pub(crate) modules: Vec<Directive>,
    /// Names that are no parameter. A server that has got this far must not start.
    pub(crate) unresolved: Vec<Directive>,
    /// The file that was read first, by its absolute name, and which CONFIG REWRITE rewrites.
    pub(crate) file: Option<PathBuf>,
}

/// A line whose meaning is another room's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) words: Vec<Vec<u8>>,
    line: usize,
    text: Vec<u8>,
}

/// Why a server cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fatal {
    /// A line that cannot be obeyed.
    Line {
        line: usize,
        text: Vec<u8>,
        reason: Cow<'static, str>,
    },
    /// Something that no single line is to blame for.
    Whole(Cow<'static, str>),
    /// A file that cannot be read.
    Open {
        path: PathBuf,
        reason: Cow<'static, str>,
    },
}

/// How deeply files may include each other. Real ones do it once or twice; beyond this a file includes itself.
const INCLUDE_DEPTH_MAX: usize = 32;

/// Names that older versions had and that are silently passed over, because files still have them.
const FORGOTTEN: [&str; 4] = [
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
    "io-threads-do-reads",
];

impl Loaded {
    /// A server that was told nothing.
    pub(crate) fn nothing() -> Loaded {
        Loaded {
            config: Config::new(),
            users: Vec::new(),
            renames: Vec::new(),
            modules: Vec::new(),
            unresolved: Vec::new(),
            file: None,
        }
    }
}

impl Directive {
    /// The refusal of this line, for `reason`.
    pub(crate) fn blame(&self, reason: impl Into<Cow<'static, str>>) -> Fatal {
        Fatal::Line {
            line: self.line,
            text: self.text.clone(),
            reason: reason.into(),
        }
    }
}

/// Reads one text into a configuration that has only its defaults so far.
pub(crate) fn read(text: &[u8]) -> Result<Loaded, Fatal> {
    let mut reader = Reader {
        loaded: Loaded::nothing(),
        save_seen: false,
        depth: 0,
    };
    reader.text(text)?;
    check_whole(&reader.loaded.config)?;
    Ok(reader.loaded)
}

/// A file's content, up to where it cannot be read.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Fatal> {
    let refuse = |error| Fatal::Open {
        path: path.to_path_buf(),
        reason: super::explain(&error),
    };
    disk::read(path).map_err(refuse)
}

struct Reader {
    loaded: Loaded,
    /// Whether a `save` line has been read: the first one replaces the default, the others add to it.
    save_seen: bool,
    depth: usize,
}

impl Reader {
    fn text(&mut self, text: &[u8]) -> Result<(), Fatal> {
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let mut directive = Directive {
                words: Vec::new(),
                line: at + 1,
                text: line.to_vec(),
            };
            match split_args(line) {
                None => return Err(directive.blame("Unbalanced quotes in configuration line")),
                Some(words) => directive.words = words,
            }
            if !directive.words.is_empty() {
                self.directive(directive)?;
            }
        }
        Ok(())
    }

    fn directive(&mut self, directive: Directive) -> Result<(), Fatal> {
        let name = directive.words[0].to_ascii_lowercase();
        if let Some(row) = rows::find(&name) {
            let from = match (row.name == "save", self.save_seen) {
                (true, true) => Source::LaterLine,
                _ => Source::FirstLine,
            };
            self.save_seen |= row.name == "save";
            let set = row.set(&mut self.loaded.config, &directive.words[1..], from);
            return set.map_err(|reason| directive.blame(reason));
        }
        let is_forgotten = FORGOTTEN.iter().any(|word| word.as_bytes() == name);
        let kept = &mut self.loaded;
        match (name.as_slice(), directive.words.len()) {
            (b"include", 2) => self.include(&directive)?,
            (b"rename-command", 3) => kept.renames.push(directive),
            (b"loadmodule", 2..) => kept.modules.push(directive),
            (b"user", 2..) => {
                let is_known = kept
                    .users
                    .iter()
                    .any(|user| user.words[1] == directive.words[1]);
                if is_known {
                    return Err(directive.blame(duplicate_user(&directive.words[1])));
                }
                kept.users.push(directive);
            }
            (b"sentinel", _) => {
                return Err(directive.blame("sentinel directive while not in sentinel mode"));
            }
            (_, 2) if is_forgotten => {}
            (_, 2..) => kept.unresolved.push(directive),
            _ => return Err(directive.blame("Bad directive or wrong number of arguments")),
        }
        Ok(())
    }

    fn include(&mut self, directive: &Directive) -> Result<(), Fatal> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(directive.blame("Configuration files include each other too deeply"));
        }
        let (directory, name) = (&self.loaded.config.dir.0, &directive.words[1]);
        // A pattern that matches nothing is fine: that is how a directory of optional pieces starts out.
        let paths = if disk::is_pattern(name) {
            disk::matching(directory, name)
        } else {
            vec![disk::resolve(directory, name)]
        };
        self.depth += 1;
        for path in paths {
            let text = disk::read(&path).or_else(|error| match error.kind() {
                std::io::ErrorKind::IsADirectory => Ok(Vec::new()),
                _ => Err(Fatal::Open {
                    path: as_given(&path, name),
                    reason: super::explain(&error),
                }),
            })?;
            self.text(&text)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Checks that only the whole configuration can fail.
fn check_whole(config: &Config) -> Result<(), Fatal> {
    if !config.logfile.is_empty() {
        let opened = disk::can_append(&disk::resolve(&config.dir.0, &config.logfile));
        let refuse = |error| {
            Fatal::Whole(format!("Can't open the log file: {}", super::explain(&error)).into())
        };
        opened.map_err(refuse)?;
    }
    if config.cluster_enabled && config.replicaof.0.is_some() {
        return Err(Fatal::Whole(
            "replicaof directive not allowed in cluster mode".into(),
        ));
    }
    Ok(())
}

fn duplicate_user(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!(
        "Error in user declaration '{name}': Duplicate user found. A user can only be defined once in config files"
    )
}

/// A missing file is named as the administrator named it.
fn as_given(path: &Path, name: &[u8]) -> PathBuf {
    if disk::is_pattern(name) {
        path.to_path_buf()
    } else {
        disk::resolve(b"", name)
    }
}

impl Fatal {
    /// Whether this is said in the log, like anything else that happens at start, and not on standard error.
    pub(crate) fn is_logged(&self) -> bool {
        matches!(self, Fatal::Open { .. })
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = format!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***");
        match self {
            Fatal::Line { line, text, reason } => {
                let text = String::from_utf8_lossy(text);
                write!(
                    f,
                    "{heading}\nReading the configuration file, at line {line}\n>>> '{text}'\n{reason}"
                )
            }
            Fatal::Whole(reason) => write!(f, "{heading}\n{reason}"),
            Fatal::Open { path, reason } => {
                write!(
                    f,
                    "Fatal error, can't open config file '{}': {reason}",
                    path.display()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes()).expect_err(text).to_string()
    }

    fn value(text: &str, name: &str) -> String {
        let loaded = read(text.as_bytes()).unwrap_or_else(|fatal| panic!("{text}: {fatal}"));
        String::from_utf8(loaded.config.value(name.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_mistake_is_shown_with_its_line() {
        assert_eq!(
            refusal("# fine\n\n  port  abc \n"),
            "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line 3\n\
             >>> 'port  abc'\nargument couldn't be parsed into an integer"
        );
        for (line, reason) in [
            ("nonsense", "Bad directive or wrong number of arguments"),
            ("include", "Bad directive or wrong number of arguments"),
            ("user", "Bad directive or wrong number of arguments"),
            ("port", "wrong number of arguments"),
            ("timeout 5 # comment", "wrong number of arguments"),
            ("timeout '5", "Unbalanced quotes in configuration line"),
            ("timeout \"5\"x", "Unbalanced quotes in configuration line"),
            (
                "sentinel monitor a b c",
                "sentinel directive while not in sentinel mode",
            ),
            ("replicaof a 65536", "Invalid master port"),
            (
                "unixsocketperm 1777",
                "argument must be between 0 and 777 inclusive",
            ),
            (
                "unixsocketperm 778",
                "argument couldn't be parsed as an octal number",
            ),
            ("appendfilename \"\"", "appendfilename can't be empty"),
            (
                "user a\nuser a",
                "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files",
            ),
        ] {
            assert!(
                refusal(line).ends_with(&format!("\n{reason}")),
                "{line}: {}",
                refusal(line)
            );
        }
    }

    #[test]
    fn names_and_values_may_be_quoted_and_spaced_freely() {
        assert_eq!(value("  \t timeout \t  5  \t\r\n", "timeout"), "5");
        assert_eq!(value("\"timeout\" '5'\n", "timeout"), "5");
        assert_eq!(value("TimeOut 5", "timeout"), "5");
        assert_eq!(
            value("requirepass \"a\\x41\\n'b\"", "requirepass"),
            "aA\n'b"
        );
    }

    #[test]
    fn later_lines_win_whatever_they_call_it() {
        let text =
            "hash-max-ziplist-entries 3\nhash-max-listpack-entries 4\nhash-max-ziplist-entries 5\n";
        assert_eq!(value(text, "hash-max-listpack-entries"), "5");
        assert_eq!(value("replicaof a 1\nslaveof NO ONE\n", "replicaof"), "");
    }

    #[test]
    fn save_lines_add_up_but_replace_the_default() {
        assert_eq!(
            value("save 900 1\nsave 300 10 5 5\n", "save"),
            "900 1 300 10 5 5"
        );
        assert_eq!(value("save 900 1\nsave ''\nsave 1 1\n", "save"), "1 1");
        for none in ["save", "save \"\"", "save '\"\"'"] {
            assert_eq!(value(none, "save"), "");
        }
    }

    #[test]
    fn several_words_may_come_as_one() {
        assert_eq!(value("bind \"127.0.0.1 ::1\"", "bind"), "127.0.0.1 ::1");
        assert_eq!(
            value("oom-score-adj-values '1 2 3'", "oom-score-adj-values"),
            "1 2 3"
        );
        assert_eq!(
            value("shutdown-on-sigint '\"now\"'", "shutdown-on-sigint"),
            "now"
        );
        let limits = "normal 1 2 3 slave 268435456 67108864 60 pubsub 4 5 6";
        let text =
            "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit 'pubsub 4 5 6'\n";
        assert_eq!(value(text, "client-output-buffer-limit"), limits);
    }

    #[test]
    fn lines_of_other_rooms_are_kept_with_their_place() {
        let text = "user alice on >pass\nrename-command flushall \"\"\nloadmodule /x y\nfoo.bar 1\nio-threads-do-reads yes\n";
        let loaded = read(text.as_bytes()).unwrap();
        assert_eq!(
            loaded.users[0].words,
            [&b"user"[..], b"alice", b"on", b">pass"]
        );
        assert_eq!(loaded.renames[0].words[2], b"");
        assert_eq!((loaded.modules.len(), loaded.unresolved.len()), (1, 1));
        let blame = loaded.renames[0]
            .blame("No such command in rename-command")
            .to_string();
        assert!(blame.contains("at line 2\n>>> 'rename-command flushall \"\"'\nNo such command"));
    }

    #[test]
    fn included_files_are_read_in_place() {
        let directory = std::env::temp_dir().join(format!("pollux-include-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("pieces")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
        write("pieces/1.conf", "timeout 1\nhz 11\n");
        write("pieces/2.conf", "timeout 2\n");
        write("pieces/.hidden.conf", "timeout 3\n");
        write("loop.conf", "include loop.conf\n");
        write("bad.conf", "\nbad\n");
        let text = |rest: &str| format!("dir {}\n{rest}", directory.display());

        assert_eq!(
            value(&text("include pieces/*.conf\nhz 12\n"), "timeout"),
            "2"
        );
        assert_eq!(value(&text("include pieces/*.conf\nhz 12\n"), "hz"), "12");
        assert_eq!(value(&text("include pie*/[1].conf"), "timeout"), "1");
        assert_eq!(value(&text("include nothing*"), "timeout"), "0");
        assert_eq!(value(&text("include pieces"), "timeout"), "0");
        let missing = read(text("include nothing").as_bytes()).unwrap_err();
        assert!(missing.is_logged());
        assert_eq!(
            missing.to_string(),
            "Fatal error, can't open config file 'nothing': No such file or directory"
        );
        assert!(refusal(&text("include bad.conf")).contains("at line 2\n>>> 'bad'"));
        assert!(refusal(&text("include loop.conf")).contains("too deeply"));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn some_mistakes_take_two_lines() {
        assert_eq!(
            refusal("cluster-enabled yes\nreplicaof a 1\n"),
            "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nreplicaof directive not allowed in cluster mode"
        );
        assert!(
            refusal("logfile /nonexist/x\n")
                .ends_with("\nCan't open the log file: No such file or directory")
        );
    }

    /// Any text is either read or refused with a sentence.
    #[test]
    fn arbitrary_text_does_no_harm() {
        let mut rng = crate::base::rng::Rng::from_seed(42);
        let pieces = [
            "port", "save", "user", " ", " ", "\n", "\"", "'", "\\", "\\x", "1", "60", "bind", "x",
            "\0", "#", "\r",
        ];
        for _ in 0..3_000 {
            let count = rng.below(20);
            let text: String = (0..count)
                .map(|_| pieces[rng.below(pieces.len() as u64) as usize])
                .collect();
            if let Err(fatal) = read(text.as_bytes()) {
                assert!(!fatal.to_string().is_empty());
            }
        }
    }
}
