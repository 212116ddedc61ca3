//! The texts of `--version` and `--help`.
//!
//! The list of parameters comes from the table, so a new row needs no line here.

use super::row::{Form, Kind, Row};
use super::rows;
use crate::store::alloc;
use clap::{Arg, ArgAction, Command};

pub(crate) use crate::spec::REDIS_VERSION;

/// One line that scripts which look for Redis's version can read, and people who look for ours too.
pub(crate) fn version() -> String {
    let pollux = env!("CARGO_PKG_VERSION");
    format!(
        "Redis server v={REDIS_VERSION} sha=00000000:0 malloc={} bits=64 build=pollux-{pollux}",
        alloc::name()
    )
}

/// The page of help.
pub(crate) fn help() -> String {
    command().render_help().to_string()
}

/// The command line as far as its words are fixed. Options named after parameters are parsed by `startup`, since
/// they follow rules that predate any library.
fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    Command::new("pollux")
        .about("A drop-in Redis server on one thread")
        .override_usage(
            "pollux [/path/to/redis.conf] [--<parameter> <value>...] [-]\n       \
             pollux lab|check|bench [...]",
        )
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("file")
                .value_name("/path/to/redis.conf")
                .help("A configuration file as Redis reads it"),
        )
        .arg(
            Arg::new("stdin")
                .value_name("-")
                .help("Read more configuration from standard input"),
        )
        .arg(flag("version", "Print version").short('v'))
        .arg(flag("help", "Print help").short('h'))
        .arg(flag(
            "check-system",
            "Look for settings of this machine that harm a server",
        ))
        .after_help(after_help())
}

fn after_help() -> String {
    let mut text = String::from(
        "Examples:\n  \
         pollux\n  \
         pollux /etc/redis/6379.conf --loglevel verbose\n  \
         pollux --port 7777 --replicaof 127.0.0.1 8888\n  \
         echo 'maxmemory 128mb' | pollux -\n\n\
         Parameters, as options or as lines of a file, with their defaults:\n",
    );
    for row in rows::sorted() {
        text.push_str(&line(row));
    }
    text
}

/// One parameter: its name, its values, and its default.
fn line(row: &Row) -> String {
    let option = format!("--{} {}", row.name, placeholder(row));
    let default = if row.default.is_empty() {
        "\"\""
    } else {
        row.default
    };
    format!("  {option:<58} {default}\n")
}

fn placeholder(row: &Row) -> String {
    match &row.kind {
        Kind::Bool { .. } => "yes|no".into(),
        Kind::Word { words, .. } => {
            let words = words();
            if words.len() > 4 {
                "<word>".into()
            } else {
                words.join("|")
            }
        }
        Kind::Number {
            form: Form::Plain, ..
        } => "<number>".into(),
        Kind::Number {
            form: Form::Memory, ..
        } => "<bytes>".into(),
        Kind::Number {
            form: Form::Octal, ..
        } => "<octal>".into(),
        Kind::Text { .. } => "<text>".into(),
        Kind::Special { .. } if row.many => "<words...>".into(),
        Kind::Special { .. } => "<value>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_where_scripts_look_for_it() {
        let version = version();
        assert!(
            version.starts_with("Redis server v=8.0.6 sha="),
            "{version}"
        );
        for part in [" malloc=jemalloc-5.3.1 ", " bits=64 ", " build=pollux-"] {
            assert!(version.contains(part), "{version}");
        }
    }

    #[test]
    fn help_names_every_parameter_once() {
        let help = help();
        for row in rows::all() {
            let option = format!("\n  --{} ", row.name);
            assert_eq!(help.matches(&option).count(), 1, "{}", row.name);
        }
    }
}
