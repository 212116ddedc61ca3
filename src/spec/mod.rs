//! Facts about commands, as data.
//!
//! One row per command and subcommand of Redis 8.0.6, in a file per group: its name, how many words it takes, which
//! words are keys, when it may run, which options it has, and what the documentation says of it. COMMAND INFO and
//! COMMAND DOCS, ACL categories, key extraction for clusters, ACLs and tracking, and the arity check all read the same
//! row, so none of these facts is written twice.
//!
//! A row has no function: what a command *does* is in `commands`, which joins rows with handlers. Deprecated commands
//! and containers are rows like others. Of modules only those are covered that are built in; Sentinel is not.
//!
//! - [`model`]: the shape of a row, and what can be derived from one.
//! - [`flags`]: the sets of words that rows use.
//! - [`usual`]: the keys of commands that treat them alike.
//! - [`keys`]: which words of a request are keys.
//! - [`lookup`]: from a name to the number of a row, in a few nanoseconds.
//! - [`modules`]: the names under which clients know types that Redis ships as modules.
//! - [`error`]: the errors that a client gets when a request is refused.
//! - [`events`]: what subscribers of keys can hear.

pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod flags;
pub(crate) mod keys;
pub(crate) mod lookup;
pub(crate) mod model;
pub(crate) mod modules;
pub(crate) mod usual;

pub(crate) mod bitmap;
pub(crate) mod cluster;
pub(crate) mod connection;
pub(crate) mod generic;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod pubsub;
pub(crate) mod scripting;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sorted_set;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod transactions;
pub(crate) mod vector;

/// The release of Redis whose behaviour is matched. Clients, tools, scripts and files go by this number.
pub(crate) const REDIS_VERSION: &str = "8.0.6";

pub use model::{Arg, ArgKind, Group, Propagates, Spec};
pub(crate) use model::{Begin, Channels, Code, Databases, Find, KeyRule, KeySpec, Protection};

/// The rows of every group; subcommands hang below their containers.
pub(crate) static GROUPS: &[&[&Spec]] = &[
    bitmap::ROWS,
    cluster::ROWS,
    connection::ROWS,
    generic::ROWS,
    geo::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    json::ROWS,
    list::ROWS,
    pubsub::ROWS,
    scripting::ROWS,
    server::acl::ROWS,
    server::command::ROWS,
    server::config::ROWS,
    server::dataset::ROWS,
    server::module::ROWS,
    server::observe::ROWS,
    server::replication::ROWS,
    set::ROWS,
    sorted_set::ROWS,
    stream::ROWS,
    string::ROWS,
    transactions::ROWS,
    vector::ROWS,
];

/// Every top-level command.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.iter().flat_map(|rows| rows.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::flags::{Flags, KeyFlags, arg, flag, key};
    use super::*;

    fn every_row() -> impl Iterator<Item = &'static Spec> {
        all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands.iter().copied()))
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut seen = HashSet::new();
        for spec in every_row() {
            assert!(seen.insert(spec.name), "{} stands twice", spec.name);
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"|-_.".contains(&byte);
            assert!(spec.name.bytes().all(is_plain), "{}", spec.name);
        }
    }

    #[test]
    fn the_grammar_tells_where_an_element_is_named() {
        let expected = [
            ("hget", 2),
            ("hset", 2),
            ("hincrby", 2),
            ("sadd", 2),
            ("smismember", 2),
            ("zscore", 2),
            ("zadd", 3),
            ("zincrby", 3),
            ("geoadd", 4),
            ("spop", 0),
            ("get", 0),
            ("hgetall", 0),
            ("zrange", 0),
        ];
        for (name, word) in expected {
            let spec = all().find(|spec| spec.name == name).expect("a command");
            assert_eq!(spec.element(), word, "{name}");
        }
        for spec in every_row().filter(|spec| spec.element() != 0) {
            assert!(i32::from(spec.element()) > spec.key_range().0);
        }
    }

    #[test]
    fn subcommands_hang_below_their_container() {
        for container in all() {
            assert_eq!(container.container(), None);
            for spec in container.subcommands {
                assert_eq!(spec.container(), Some(container.name), "{}", spec.name);
                assert!(!spec.is_container(), "{}", spec.name);
                let found = container.subcommand(spec.word().to_ascii_uppercase().as_bytes());
                assert!(std::ptr::eq(found.expect("it is listed"), *spec));
            }
        }
    }

    #[test]
    fn every_row_says_what_it_must() {
        for spec in every_row() {
            let name = spec.name;
            let is_documented = !spec.summary.is_empty() && !spec.since.is_empty();
            assert!(is_documented || spec.group == Group::Module, "{name}");
            assert!(
                !spec.flags.has(Flags::of(&[flag::READONLY, flag::WRITE])),
                "{name} cannot be both"
            );
            assert!(
                !spec.flags.has(flag::MOVABLEKEYS),
                "{name}: this follows from the key specs"
            );
        }
    }

    #[test]
    fn what_may_change_the_data_set_propagates() {
        for spec in every_row() {
            let may_change = spec.flags.any(flag::WRITE | flag::MAY_REPLICATE);
            let is_read = spec.flags.has(flag::READONLY) && !spec.flags.has(flag::MAY_REPLICATE);
            if may_change {
                assert_ne!(spec.propagates, Propagates::Never, "{}", spec.name);
            } else if is_read && spec.propagates != Propagates::Parts {
                assert_eq!(spec.propagates, Propagates::Never, "{}", spec.name);
            }
        }
    }

    #[test]
    fn help_is_where_the_subcommand_help_is() {
        for spec in every_row() {
            // DEBUG's subcommands are no rows of their own, so its row has the lines.
            let has_help = spec.word() == "help" || spec.name == "debug";
            assert_eq!(!spec.help.is_empty(), has_help, "{}", spec.name);
        }
    }

    /// The fewest words a grammar can be satisfied with.
    fn fewest(args: &[Arg]) -> usize {
        let needed = |arg: &Arg| {
            let parts = match arg.kind {
                ArgKind::OneOf => arg.args.iter().map(fewest_of).min().unwrap_or(0),
                ArgKind::Block => fewest(arg.args),
                ArgKind::PureToken => 0,
                _ => 1,
            };
            parts + usize::from(arg.token.is_some())
        };
        let required = args.iter().filter(|arg| !arg.flags.has(arg::OPTIONAL));
        required.map(needed).sum()
    }

    fn fewest_of(arg: &Arg) -> usize {
        fewest(std::slice::from_ref(arg))
    }

    #[test]
    fn arity_and_grammar_agree() {
        for spec in every_row().filter(|spec| !spec.is_container()) {
            let name = spec.name;
            let words = name.split('|').count() + fewest(spec.args);
            // Their grammars are documented for people: one leaves out a second form, the other everything.
            if !["client|kill", "debug"].contains(&name) {
                assert_eq!(words, spec.arity.unsigned_abs() as usize, "{name}");
            }
            let may_be_longer = spec.args.iter().any(|arg| !arg.flags.is_empty());
            assert!(spec.arity < 0 || !may_be_longer, "{name}");
        }
    }

    #[test]
    fn key_specs_stand_within_the_request_and_are_complete() {
        let treatments = [key::RO, key::RW, key::OW, key::RM];
        for spec in every_row() {
            let name = spec.name;
            for keys in spec.keys {
                if let Begin::Index(index) = keys.begin {
                    // At most the first optional word.
                    assert!(index <= spec.arity.unsigned_abs() as usize, "{name}");
                }
                let count = treatments
                    .iter()
                    .filter(|&&how| keys.flags.has(how))
                    .count();
                let expected = usize::from(!keys.flags.has(key::NOT_KEY));
                assert_eq!(count, expected, "{name}");
            }
            let special = KeyFlags::of(&[key::INCOMPLETE, key::VARIABLE_FLAGS]);
            let needs_rule = spec
                .keys
                .iter()
                .any(|keys| keys.find == Find::Unknown || keys.flags.any(special));
            assert_eq!(spec.key_rule.is_some(), needs_rule, "{name}");
            check_key_args(spec, spec.args);
        }
    }

    fn check_key_args(spec: &Spec, args: &[Arg]) {
        for arg in args {
            if let Some(index) = arg.key_spec {
                assert!(usize::from(index) < spec.keys.len(), "{}", spec.name);
            }
            check_key_args(spec, arg.args);
        }
    }
}
