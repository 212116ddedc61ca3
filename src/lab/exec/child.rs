//! A program that somebody asked for: started, watched, ended.
//!
//! Its two outputs are pipes, and pipes are connections of the loop like any other. Its input is empty. It leads a
//! process group of its own, so that its descendants can be ended with it. The life of a run:
//!
//! ```text
//! start  ->  output through the pipes  ->  pipes end, and the process ends (in either order)  ->  gone
//!                   |
//!                   +- time, output or client over: `end` kills the group, and the rest follows by itself
//! ```
//!
//! A process that ended is always waited for, or it would stay as a zombie; and nothing is killed after that, for its
//! number may belong to somebody else by then.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::reactor::{ConnId, Io};

use super::super::screen::Screen;

/// The programs that may be run.
pub(crate) struct Programs(Vec<Program>);

/// One of them, and where it is.
pub(crate) struct Program {
    name: String,
    path: PathBuf,
}

pub(crate) struct Run {
    child: Child,
    /// The client that asked for it, until it leaves.
    pub(crate) client: Option<ConnId>,
    /// Its outputs, those that are open.
    pub(crate) pipes: Vec<ConnId>,
    /// When it is ended, or when its pipes are given up if it has ended already.
    pub(crate) deadline_us: u64,
    /// How much more it may say.
    pub(crate) bytes_left: u64,
    status: Option<ExitStatus>,
    /// Why it was ended before its time.
    why: Option<String>,
}

impl Programs {
    /// Looks the programs up now, so that nobody can change later what their names mean.
    pub(crate) fn find(names: &[String], screen: &mut Screen) -> Programs {
        let mut programs = Vec::new();
        for name in names {
            match Program::find(name) {
                Some(program) => programs.push(program),
                None => screen.say(format_args!("there is no program {name}; it will not run")),
            }
        }
        if names.is_empty() {
            screen.say(format_args!(
                "no program is allowed; name some with --allow"
            ));
        }
        Programs(programs)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Program> {
        self.0.iter().find(|program| program.name == name)
    }

    /// Lets a command pass if its program was named, letter by letter.
    pub(crate) fn judge(&self, words: Vec<String>) -> Result<Vec<String>, String> {
        match words.first() {
            Some(name) if self.named(name).is_none() => {
                let name = name.escape_debug();
                let known: Vec<&str> = self.0.iter().map(|one| &*one.name).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                Err(format!(
                    "{name} is not among the programs allowed here: {known}"
                ))
            }
            _ => Ok(words),
        }
    }
}

impl Program {
    fn find(name: &str) -> Option<Program> {
        let is_program = |path: &Path| {
            use std::os::unix::fs::PermissionsExt;
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let candidates = std::env::split_paths(&folders).map(|folder| folder.join(name));
        let path = candidates.into_iter().find(|path| is_program(path))?;
        Some(Program {
            name: name.to_owned(),
            path,
        })
    }

    /// Starts it for a client, its pipes part of the loop.
    pub(crate) fn start(&self, args: &[String], io: &mut Io) -> io::Result<Run> {
        let mut child = Command::new(&self.path)
            .arg0(&self.name)
            .args(args)
            // Our own environment may hold what is nobody's business.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let outputs = (child.stdout.take(), child.stderr.take());
        let mut run = Run {
            child,
            client: None,
            pipes: Vec::new(),
            deadline_us: 0,
            bytes_left: 0,
            status: None,
            why: None,
        };
        let outcome = match outputs {
            (Some(output), Some(errors)) => io
                .take_in(output)
                .map(|id| run.pipes.push(id))
                .and_then(|()| io.take_in(errors))
                .map(|id| run.pipes.push(id)),
            _ => unreachable!("both were asked to be pipes"),
        };
        match outcome {
            Ok(()) => Ok(run),
            Err(error) => {
                run.pipes.drain(..).for_each(|id| io.close(id));
                run.end_now();
                Err(error)
            }
        }
    }
}

impl Run {
    /// Ends it and everything it started. The first reason stands.
    pub(crate) fn end(&mut self, why: &str) {
        if self.status.is_none() && self.why.is_none() {
            self.why = Some(why.to_owned());
            self.kill();
        }
    }

    /// Leaves off waiting for its output: something that escaped it holds a pipe, or its client does not read.
    pub(crate) fn give_up(&mut self, why: &str, io: &mut Io) {
        self.why.get_or_insert_with(|| why.to_owned());
        self.pipes.iter().for_each(|&pipe| io.close(pipe));
    }

    /// Whether it has ended; asking takes it off the system's books. Never waits.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.status.is_none() && self.is_over() {
            // Its descendants end with it. The order matters: once waited for, its number is free.
            self.kill();
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Ends it and waits for that, which is soon: nothing can refuse this signal.
    pub(crate) fn end_now(&mut self) {
        if self.status.is_none() {
            self.kill();
            self.status = self.child.wait().ok();
        }
    }

    /// Its outcome, for the client that asked.
    pub(crate) fn verdict(&self) -> String {
        let status = self.status.unwrap_or_default();
        match (&self.why, status.code(), status.signal()) {
            (Some(why), ..) => format!("ended: {why}"),
            (None, Some(code), _) => format!("exit {code}"),
            (None, None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None, None) => "ended".into(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn kill(&self) {
        // It may be over already, which is as good.
        let _ = kill_process_group(self.pid(), Signal::KILL);
    }

    /// Whether the process is over, and still on the books.
    fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid()), look) {
            Ok(status) => status.is_some(),
            // Nobody else waits for our children, so it can only be gone.
            Err(_) => true,
        }
    }
}
