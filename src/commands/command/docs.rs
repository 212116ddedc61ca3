//! COMMAND DOCS: one command's documentation, its grammar as a tree of arguments.
//!
//! Fields that say nothing are left out, so the lengths of maps are known only afterwards.

use crate::spec::flags::{ArgFlags, DocFlags};
use crate::spec::{Arg, Spec};
use crate::wire::reply::Reply;

use super::info::words;

/// Everything but the name, which is the key under which this map stands.
pub(crate) fn docs(reply: &mut Reply<'_>, spec: &Spec) {
    let mark = reply.deferred();
    let mut fields = Fields { reply, count: 0 };
    let is_said = |text: &&str| !text.is_empty();
    fields.text("summary", Some(spec.summary).filter(is_said));
    fields.text("since", Some(spec.since).filter(is_said));
    fields.text("group", Some(spec.group.name()));
    fields.text("complexity", Some(spec.complexity).filter(is_said));
    fields.text("module", Some(spec.module).filter(is_said));
    if spec.doc_flags() != DocFlags::NONE {
        words(fields.named("doc_flags"), spec.doc_flags().names());
    }
    fields.text("deprecated_since", spec.deprecated.map(|it| it.since));
    fields.text("replaced_by", spec.deprecated.map(|it| it.replaced_by));
    if !spec.history.is_empty() {
        let reply = fields.named("history");
        reply.set(spec.history.len());
        for (version, change) in spec.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if !spec.args.is_empty() {
        arguments(fields.named("arguments"), spec.args);
    }
    if !spec.subcommands.is_empty() {
        many(fields.named("subcommands"), spec.subcommands);
    }
    let count = fields.count;
    reply.finish_map(mark, count);
}

/// Names and their documentation.
pub(crate) fn many(reply: &mut Reply<'_>, specs: &[&Spec]) {
    reply.map(specs.len());
    for spec in specs {
        reply.bulk(spec.shown_name().as_bytes());
        docs(reply, spec);
    }
}

fn arguments(reply: &mut Reply<'_>, args: &[Arg]) {
    reply.array(args.len());
    for arg in args {
        let mark = reply.deferred();
        let mut fields = Fields { reply, count: 0 };
        fields.text("name", Some(&arg.name()));
        fields.text("type", Some(arg.kind.name()));
        fields.text("display_text", arg.display_text().as_deref());
        if let Some(index) = arg.key_spec {
            fields.named("key_spec_index").integer(index.into());
        }
        fields.text("token", arg.token);
        fields.text("since", arg.since);
        fields.text("deprecated_since", arg.deprecated_since);
        if arg.flags != ArgFlags::NONE {
            words(fields.named("flags"), arg.flags.names());
        }
        if !arg.args.is_empty() {
            arguments(fields.named("arguments"), arg.args);
        }
        let count = fields.count;
        reply.finish_map(mark, count);
    }
}

/// A map being written, and how many fields it has so far.
struct Fields<'r, 'o> {
    reply: &'r mut Reply<'o>,
    count: usize,
}

impl<'o> Fields<'_, 'o> {
    /// Begins a field; the caller writes its value.
    fn named(&mut self, name: &str) -> &mut Reply<'o> {
        self.count += 1;
        self.reply.bulk(name.as_bytes());
        self.reply
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.named(name).bulk(value.as_bytes());
        }
    }
}
