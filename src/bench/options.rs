//! The command line, as redis-benchmark has it.
//!
//! Read by clap. The letters are those that people type by habit, so `-h` is a host here and help has no letter.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser};

use crate::client::{Identity, Settings, Tls};
use crate::wire::Protocol;

/// Measures how fast a server answers
#[derive(Parser, Debug)]
#[command(
    name = "pollux bench",
    bin_name = "pollux bench",
    disable_help_flag = true,
    disable_version_flag = true
)]
#[command(override_usage = "pollux bench [OPTIONS] [COMMAND ARGS...]")]
#[command(after_help = "\
Examples:
  pollux bench                                            redis-benchmark's tests, one after the other
  pollux bench -t set,get -P 16 -r 1000000 -q             two of them, in pipelines, on a million keys
  pollux bench --seconds 10 --spin -t get -r 1000000      a server as busy as it can be
  pollux bench -r 10000 HSET hash:__rand_int__ field __data__
In a command, __rand_int__ is twelve digits below -r, and __data__ as many random letters as -d says.")]
pub(super) struct Options {
    /// The server's host
    #[arg(short = 'h', value_name = "HOST", default_value = "127.0.0.1")]
    pub(super) host: String,
    /// The server's port
    #[arg(short = 'p', value_name = "PORT", default_value_t = 6379)]
    pub(super) port: u16,
    /// The server's Unix socket, in place of host and port
    #[arg(short = 's', value_name = "SOCKET")]
    pub(super) socket: Option<PathBuf>,
    /// All that in one: redis://user:password@host:port/db, rediss:// with TLS
    #[arg(short = 'u', value_name = "URI", conflicts_with_all = ["host", "port", "socket"])]
    pub(super) uri: Option<String>,
    /// The password
    #[arg(short = 'a', value_name = "PASSWORD")]
    pub(super) password: Option<String>,
    /// The user that the password is of
    #[arg(long, value_name = "NAME", requires = "password")]
    pub(super) user: Option<String>,
    /// The database
    #[arg(long = "dbnum", value_name = "NUMBER", default_value_t = 0)]
    pub(super) database: u32,
    /// Speak RESP3
    #[arg(short = '3')]
    pub(super) resp3: bool,
    /// How many connections
    #[arg(short = 'c', value_name = "CLIENTS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) clients: u32,
    /// How many requests a test sends in all
    #[arg(short = 'n', value_name = "REQUESTS", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,
    /// For how long a test sends, in place of -n
    #[arg(long, value_name = "SECONDS", conflicts_with = "requests")]
    pub(super) seconds: Option<f64>,
    /// How many bytes a value has
    #[arg(short = 'd', value_name = "SIZE", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub(super) size: u32,
    /// Random keys, members and values out of so many
    #[arg(short = 'r', value_name = "KEYSPACE", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub(super) keyspace: Option<u64>,
    /// How many requests are sent at once on a connection
    #[arg(short = 'P', value_name = "REQUESTS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) pipeline: u32,
    /// 1 keeps connections, 0 makes a new one for each batch
    #[arg(short = 'k', value_name = "0|1", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub(super) keep_alive: u8,
    /// The tests, with commas between them; all, if none is named
    #[arg(short = 't', value_name = "TESTS", value_delimiter = ',')]
    pub(super) tests: Vec<String>,
    /// Nothing but a line for each test
    #[arg(short = 'q')]
    pub(super) quiet: bool,
    /// A table of values with commas between them
    #[arg(long)]
    pub(super) csv: bool,
    /// Digits behind the point of milliseconds
    #[arg(long, value_name = "DIGITS", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(super) precision: u8,
    /// Once more from the start, until it is interrupted
    #[arg(short = 'l')]
    pub(super) endless: bool,
    /// Open the connections, send nothing, and wait
    #[arg(short = 'I')]
    pub(super) idle: bool,
    /// The last word of the command comes from standard input
    #[arg(short = 'x', requires = "command")]
    pub(super) reads_stdin: bool,
    /// Where random numbers begin, so that a run can be repeated
    #[arg(long, value_name = "NUMBER", default_value_t = 12345)]
    pub(super) seed: u64,
    /// Have the server track which keys each connection has read
    #[arg(long)]
    pub(super) enable_tracking: bool,
    /// Look for replies without ever sleeping: the server never pays for waking this side
    #[arg(long)]
    pub(super) spin: bool,
    /// Encrypt connections
    #[arg(long)]
    pub(super) tls: bool,
    /// The name to ask an encrypted server for
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub(super) sni: Option<String>,
    /// A file of certificates whose word counts
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(super) cacert: Option<PathBuf>,
    /// A directory of them
    #[arg(long, value_name = "DIR", requires = "tls", conflicts_with = "cacert")]
    pub(super) cacertdir: Option<PathBuf>,
    /// Our certificate
    #[arg(long, value_name = "FILE", requires_all = ["tls", "key"])]
    pub(super) cert: Option<PathBuf>,
    /// Our certificate's key
    #[arg(long, value_name = "FILE", requires_all = ["tls", "cert"])]
    pub(super) key: Option<PathBuf>,
    /// Refused: one loop on one thread saturates a server of one thread
    #[arg(long, value_name = "NUMBER", hide = true)]
    threads: Option<u32>,
    /// Refused
    #[arg(long, hide = true)]
    cluster: bool,
    /// Print this text
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
    /// A command to send instead of the tests
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) command: Vec<OsString>,
}

impl Options {
    /// Understands the words behind `pollux bench`. Mistakes are told by the error, which also stands for `--help`.
    pub(super) fn understand(words: &[Vec<u8>]) -> Result<Options, clap::Error> {
        let words = words.iter().map(|word| OsString::from_vec(word.clone()));
        let mut options =
            Options::try_parse_from([OsString::from("pollux bench")].into_iter().chain(words))?;
        let refuse = |kind, text: String| Err(Options::command().error(kind, text));
        if options.version {
            let version = env!("CARGO_PKG_VERSION");
            return refuse(
                ErrorKind::DisplayVersion,
                format!("pollux bench {version}\n"),
            );
        }
        if options.threads.is_some_and(|threads| threads > 1) {
            let text = "--threads: this generator is one loop on one thread, which keeps a server of one thread busy";
            return refuse(ErrorKind::InvalidValue, text.into());
        }
        if options.cluster {
            return refuse(
                ErrorKind::InvalidValue,
                "--cluster: slots are not followed; name one of its servers".into(),
            );
        }
        if options
            .seconds
            .is_some_and(|seconds| !(seconds > 0.0 && seconds < 1e9))
        {
            return refuse(
                ErrorKind::InvalidValue,
                "--seconds wants a number above 0".into(),
            );
        }
        // A command begins with no dash; all behind its first word is its own.
        let first = options.command.first().map(|word| word.to_string_lossy());
        if let Some(unknown) = first.filter(|word| word.starts_with('-')) {
            return refuse(
                ErrorKind::UnknownArgument,
                format!("unexpected argument '{unknown}' found"),
            );
        }
        if options.reads_stdin {
            let mut last = Vec::new();
            if let Err(error) = io::stdin().read_to_end(&mut last) {
                return refuse(ErrorKind::Io, format!("standard input: {error}"));
            }
            options.command.push(OsString::from_vec(last));
        }
        Ok(options)
    }

    /// The server as the client library is told of it: its address, and the rest.
    pub(super) fn place(&self) -> (String, Settings) {
        let place = match (&self.uri, &self.socket) {
            (Some(uri), _) => uri.clone(),
            (None, Some(path)) => path.to_string_lossy().into_owned(),
            (None, None) if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            (None, None) => format!("{}:{}", self.host, self.port),
        };
        let settings = Settings {
            user: self.user.clone(),
            password: self.password.clone(),
            database: self.database,
            protocol: if self.resp3 {
                Protocol::Resp3
            } else {
                Protocol::Resp2
            },
            tls: self.tls.then(|| Tls {
                authorities: self.cacert.clone().or_else(|| self.cacertdir.clone()),
                identity: self
                    .cert
                    .clone()
                    .zip(self.key.clone())
                    .map(|(certificate, key)| Identity {
                        certificate,
                        key,
                        passphrase: String::new(),
                    }),
                name: self.sni.clone(),
                checks_names: false,
            }),
            ..Settings::default()
        };
        (place, settings)
    }
}
