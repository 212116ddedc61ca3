//! The lab's command line.
//!
//! Read by clap, except for what concerns two options at once, which is looked at afterwards and refused in the same
//! way: usage on the error output, status 2. Flags that older lessons gave a value (`-x true`, `-i I`) still take it.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStringExt;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::base::text::parse_memory;

/// The server to run, and its place.
pub(crate) struct Order {
    pub(crate) at: At,
    pub(crate) mode: Mode,
}

pub(crate) enum Mode {
    Echo { hex: bool },
    Packets { hex: bool },
    Exec(Rules),
    Relay { to: String },
    Serve,
}

/// The options of every server of the lab.
#[derive(Args, Clone, Debug)]
pub(crate) struct At {
    /// Port, or a range such as 8888-9000 (every free one of it); 0 takes any
    #[arg(short, long, value_name = "PORT[-PORT]", default_value = "8888")]
    pub(crate) port: Ports,
    /// Addresses to listen on, with commas between them
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', default_values_t = [LOOPBACK])]
    pub(crate) bind: Vec<IpAddr>,
    /// How many clients may be there at once
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_clients: u32,
    /// Print each turn of the loop: what woke it, what it did, how long that took
    #[arg(long)]
    pub(crate) trace: bool,
}

/// The programs that may run, and how far they may go.
#[derive(Args, Clone, Debug)]
pub(crate) struct Rules {
    /// The programs that may run, with commas between them: names on PATH, or absolute paths
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
    /// Seconds after which a program is ended
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) exec_seconds: u32,
    /// Bytes of output after which a program is ended (64kb, 1mb ...)
    #[arg(long, value_name = "BYTES", default_value = "1mb", value_parser = size)]
    pub(crate) exec_bytes: u64,
    /// How many programs may run at once; other clients wait their turn
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) exec_at_once: u16,
    /// Needed to let other machines run programs here
    #[arg(long)]
    i_know_this_runs_programs: bool,
}

/// Small servers to learn with, on the loop of the big one.
#[derive(Parser, Debug)]
#[command(
    name = "pollux lab",
    bin_name = "pollux lab",
    args_conflicts_with_subcommands = true
)]
struct Words {
    #[command(flatten)]
    at: At,
    /// The layer to listen for
    #[arg(short = 'l', long = "layer", value_enum, default_value_t = Layer::Tcp)]
    layer: Layer,
    /// Answer with a hex dump of what came, and show it here as well
    #[arg(short = 'x', long, value_name = "true", num_args = 0..=1, default_missing_value = "true",
          default_value_t = false, action = ArgAction::Set, hide_default_value = true)]
    hex: bool,
    /// Run the lines that clients send, as programs, without a shell
    #[arg(short = 'e', long, value_name = "true", num_args = 0..=1, default_missing_value = "true",
          default_value_t = false, action = ArgAction::Set, hide_default_value = true)]
    exec: bool,
    #[command(flatten)]
    rules: Rules,
    /// Run the real server, with each turn of its loop printed
    #[arg(short = 'i', long = "inside", value_name = "I", num_args = 0..=1, default_missing_value = "I",
          value_parser = ["I", "i", "true"])]
    inside: Option<String>,
    #[command(subcommand)]
    tool: Option<Tool>,
}

#[derive(Subcommand, Debug)]
enum Tool {
    /// Stand between a client and a server, and print what passes
    Relay {
        #[command(flatten)]
        at: At,
        /// The server, for example 127.0.0.1:6379
        #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
        to: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layer {
    Tcp,
    Udp,
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl Order {
    /// Understands the words behind `pollux lab`. Mistakes are told by the error, which also stands for `--help`.
    pub(crate) fn understand(words: &[Vec<u8>]) -> Result<Order, clap::Error> {
        let words = words.iter().map(|word| OsString::from_vec(word.clone()));
        let words = Words::try_parse_from([OsString::from("pollux lab")].into_iter().chain(words))?;
        if let Some(Tool::Relay { at, to }) = words.tool {
            let mode = Mode::Relay { to };
            return Ok(Order { at, mode });
        }
        if let Some(mistake) = words.mistake() {
            return Err(Words::command().error(ErrorKind::ArgumentConflict, mistake));
        }
        let hex = words.hex;
        let mode = match words.layer {
            _ if words.inside.is_some() => Mode::Serve,
            _ if words.exec => Mode::Exec(words.rules),
            Layer::Tcp => Mode::Echo { hex },
            Layer::Udp => Mode::Packets { hex },
        };
        Ok(Order { at: words.at, mode })
    }

    /// The same wishes in the words of the real server.
    pub(crate) fn server_words(&self) -> Vec<Vec<u8>> {
        let mut words = vec!["--port".into(), self.at.port.first.to_string()];
        words.push("--bind".into());
        words.extend(self.at.bind.iter().map(ToString::to_string));
        words.extend(["--maxclients".into(), self.at.max_clients.to_string()]);
        words.into_iter().map(String::into_bytes).collect()
    }
}

impl Words {
    /// The contradiction in the options, if there is one.
    fn mistake(&self) -> Option<&'static str> {
        let is_udp = self.layer == Layer::Udp;
        let is_far = self.at.bind.iter().any(|address| !address.is_loopback());
        let is_sure = self.rules.i_know_this_runs_programs && !self.rules.allow.is_empty();
        let is_path = |name: &String| name.contains('/') && !name.starts_with('/');
        if self.inside.is_some() && (self.hex || self.exec || is_udp) {
            Some("-i runs the real server, which has no -x, -e and -l udp")
        } else if self.inside.is_some() && self.at.port.first != self.at.port.last {
            Some("-i runs the real server, which listens on one port only")
        } else if self.exec && self.hex {
            Some("-e and -x are two servers; start one of them")
        } else if self.exec && is_udp {
            Some("-e needs connections to send output on; it cannot be used with -l udp")
        } else if !self.exec && !self.rules.allow.is_empty() {
            Some("--allow names programs for -e, which is missing")
        } else if self
            .rules
            .allow
            .iter()
            .any(|name| name.is_empty() || is_path(name))
        {
            Some("--allow wants names without a path, or absolute paths")
        } else if self.exec && is_far && !is_sure {
            Some(
                "-e lets whoever reaches the port run programs; to bind other addresses than loopback, name the \
                 programs with --allow and add --i-know-this-runs-programs",
            )
        } else {
            None
        }
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Ports, String> {
        let number = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| format!("{text:?} is no port (0-65535)"))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err("a range begins with its lowest port".into());
        }
        if first == 0 && last > 0 {
            return Err("port 0 means any port and cannot begin a range".into());
        }
        Ok(Ports { first, last })
    }
}

fn size(text: &str) -> Result<u64, String> {
    let is_size = text.starts_with(|ch: char| ch.is_ascii_digit()) && text.len() < 16;
    match parse_memory(text.as_bytes()).filter(|_| is_size) {
        Some(0) | None => {
            Err("a size is a number above 0, perhaps with kb, mb or gb behind it".into())
        }
        Some(bytes) => Ok(bytes),
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let is_good = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if is_good {
        Ok(text.into())
    } else {
        Err("a host and a port, as in 127.0.0.1:6379 or [::1]:6379".into())
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
