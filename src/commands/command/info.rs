//! COMMAND INFO: one command as an array of ten, as far as key specs go a tree.

use crate::spec::{Begin, Find, KeySpec, Spec};
use crate::wire::reply::Reply;

/// Name, arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands.
pub(crate) fn info(reply: &mut Reply<'_>, spec: &Spec) {
    reply.array(10);
    reply.bulk(spec.shown_name().as_bytes());
    reply.integer(spec.arity.into());
    words(reply, spec.all_flags().names());
    let (first, last, step) = spec.key_range();
    for number in [first, last, step] {
        reply.integer(number.into());
    }
    let categories = spec.categories();
    reply.set(categories.names().count());
    for name in categories.names() {
        reply.simple(&format!("@{name}"));
    }
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(spec.keys.len());
    for keys in spec.keys {
        key_spec(reply, keys);
    }
    // An empty set, but an array if there are any: Redis's own habit.
    if spec.subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(spec.subcommands.len());
        for subcommand in spec.subcommands {
            info(reply, subcommand);
        }
    }
}

/// A set of words, as flags are printed everywhere.
pub(crate) fn words(reply: &mut Reply<'_>, names: impl Iterator<Item = &'static str> + Clone) {
    reply.set(names.clone().count());
    for name in names {
        reply.simple(name);
    }
}

fn key_spec(reply: &mut Reply<'_>, keys: &KeySpec) {
    reply.map(3 + usize::from(!keys.notes.is_empty()));
    if !keys.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(keys.notes.as_bytes());
    }
    reply.bulk(b"flags");
    words(reply, keys.flags.names());

    reply.bulk(b"begin_search");
    match keys.begin {
        Begin::Index(index) => {
            typed(reply, "index", 1);
            number(reply, "index", index as i64);
        }
        Begin::Keyword { word, from } => {
            typed(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            number(reply, "startfrom", from.into());
        }
        Begin::Unknown => typed(reply, "unknown", 0),
    }

    reply.bulk(b"find_keys");
    match keys.find {
        Find::Range { last, step, limit } => {
            typed(reply, "range", 3);
            number(reply, "lastkey", last.into());
            number(reply, "keystep", step.into());
            number(reply, "limit", limit.into());
        }
        Find::Keynum { at, first, step } => {
            typed(reply, "keynum", 3);
            number(reply, "keynumidx", at.into());
            number(reply, "firstkey", first.into());
            number(reply, "keystep", step.into());
        }
        Find::Unknown => typed(reply, "unknown", 0),
    }
}

/// The type of a search and the beginning of its details, which have so many fields.
fn typed(reply: &mut Reply<'_>, name: &str, fields: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(name.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn number(reply: &mut Reply<'_>, name: &str, value: i64) {
    reply.bulk(name.as_bytes());
    reply.integer(value);
}
