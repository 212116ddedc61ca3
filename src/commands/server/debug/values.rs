//! DEBUG's questions about single values and tables: where they are and how they are laid out.

use std::fmt::Write as _;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{AccessPolicy, Payload, Spot, Text, folded_value, text};
use crate::spec::error::Error;
use crate::store::TableStats;
use crate::types::Value;
use crate::types::list::{List, NodeView};
use crate::types::listpack::Item;
use crate::types::vector::{OutlineElement, VectorSet};
use crate::wire::args::Args;

use super::super::super::options::{integer, is};

/// The key, looked up without leaving a trace.
fn look(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Spot, Error> {
    // Also where its time has passed: it is looked at from outside.
    let dict = &ctx.keys.space.dbs[usize::from(ctx.keys.db)].dict;
    let spot = dict.locate(dict.hash(key), key);
    spot.ok_or(Error::NoSuchKey)
}

/// DEBUG OBJECT key
pub(crate) fn object(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = look(ctx, args.at(2))?;
    let access = ctx.keys.space.access;
    let now_ms = ctx.now.unix_ms;
    let entry = ctx.keys.entry(spot);
    let (encoding, len) = match entry.payload() {
        Payload::Folded(form, bytes) => {
            let value = folded_value(form, bytes);
            (value.encoding(), serialized_len(&value))
        }
        Payload::Object(value) => (value.encoding(), serialized_len(value)),
        Payload::Int(number) => (text::encoding(entry), serialized_int_len(number)),
        Payload::Inline(bytes) => (text::encoding(entry), serialized_text_len(bytes.len())),
    };
    let idle_s = if access.is_lfu {
        0
    } else {
        AccessPolicy::idle_seconds(entry.access(), now_ms)
    };
    // The address of the entry: it stays while the value is changed in place.
    let mut line = format!(
        "Value at:{:p} refcount:1 encoding:{encoding} serializedlength:{len} lru:{} lru_seconds_idle:{idle_s}",
        entry.key().as_ptr(),
        entry.access(),
    );
    if let Some(Value::List(list)) = entry.object()
        && encoding == "quicklist"
    {
        line.push_str(&quicklist_figures(ctx, list));
    }
    ctx.reply.simple(&line);
    Ok(())
}

fn quicklist_figures(ctx: &Ctx<'_>, list: &List) -> String {
    let config = &ctx.services.config;
    let uncompressed: usize = list
        .nodes()
        .map(|(node, _)| match node {
            NodeView::Packed(bytes) => bytes.len(),
            NodeView::Plain(bytes) => bytes.len(),
            NodeView::Compressed { byte_len, .. } => byte_len,
        })
        .sum();
    format!(
        " ql_nodes:{} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{uncompressed}",
        list.node_count(),
        list.len() as f64 / list.node_count().max(1) as f64,
        config.list_max_listpack_size,
        u8::from(config.list_compress_depth != 0),
    )
}

/// How long the value is in an RDB file, without compression.
fn serialized_len(value: &Value) -> usize {
    match value {
        Value::Str(text) => serialized_text_len(text.len()),
        Value::List(list) => {
            let node = |(node, _)| match node {
                // In front of each node stands how it is packed.
                NodeView::Packed(bytes) => 1 + serialized_text_len(bytes.len()),
                NodeView::Plain(bytes) => 1 + serialized_text_len(bytes.len()),
                NodeView::Compressed { lzf, byte_len, .. } => {
                    2 + length_len(lzf.len()) + length_len(byte_len) + lzf.len()
                }
            };
            length_len(list.node_count()) + list.nodes().map(node).sum::<usize>()
        }
        Value::Set(set) => {
            let mut bytes = length_len(set.len());
            set.for_each(|item| bytes += serialized_text_len(item.len()));
            bytes
        }
        Value::Hash(hash) => {
            let mut bytes = length_len(hash.len());
            let pair = |field: &[u8], value: Item<'_>| {
                serialized_text_len(field.len()) + serialized_text_len(value.len())
            };
            hash.for_each(i64::MIN, |field, value| bytes += pair(field, value));
            bytes
        }
        Value::Zset(zset) => {
            let mut bytes = length_len(zset.len());
            zset.for_range(0..zset.len(), |member, _| {
                bytes += serialized_text_len(member.len()) + size_of::<f64>()
            });
            bytes
        }
        Value::Stream(stream) => {
            let blocks = stream
                .log
                .blocks()
                .map(|block| size_of::<u128>() + serialized_text_len(block.as_bytes().len()));
            length_len(stream.log.block_count()) + blocks.sum::<usize>()
        }
        // The identifier, and the signs in front of the text and behind it.
        Value::Vector(set) => vectors_len(set),
        Value::Json(json) => 9 + 2 + serialized_text_len(json.text().len()),
    }
}

/// The identifier, the facts of the set, and of each element its name, attributes, vector and links.
fn vectors_len(set: &VectorSet) -> usize {
    let outline = set.outline();
    let element = |element: OutlineElement<'_>| {
        let texts = [element.name, element.attributes, element.vector];
        let links = element.layers.iter().map(|layer| 4 + layer.links.len());
        let links = links.sum::<usize>() * length_len(outline.len());
        texts
            .map(|text| serialized_text_len(text.len()))
            .iter()
            .sum::<usize>()
            + links
    };
    let matrix = outline.matrix().map_or(0, |matrix| matrix.len());
    9 + matrix + outline.elements().map(element).sum::<usize>()
}

fn serialized_text_len(len: usize) -> usize {
    length_len(len) + len
}

fn length_len(len: usize) -> usize {
    match len {
        0..64 => 1,
        64..16384 => 2,
        16384..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Small numbers have a form of their own; larger ones are text.
fn serialized_int_len(number: i64) -> usize {
    if i8::try_from(number).is_ok() {
        2
    } else if i16::try_from(number).is_ok() {
        3
    } else if i32::try_from(number).is_ok() {
        5
    } else {
        serialized_text_len(Text::Int(number).len())
    }
}

/// DEBUG SDSLEN key
pub(crate) fn sdslen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = look(ctx, args.at(2))?;
    let entry = ctx.keys.entry(spot);
    let (len, spare, bytes) = match entry.payload() {
        Payload::Inline(bytes) => (bytes.len(), 0, bytes.len()),
        Payload::Object(value @ Value::Str(text)) => {
            (text.len(), text.capacity() - text.len(), value.memory())
        }
        Payload::Int(_) | Payload::Folded(..) | Payload::Object(_) => {
            return Err(Error::from("ERR Not an sds encoded string."));
        }
    };
    let key_len = entry.key().len();
    let line = format!(
        "key_sds_len:{key_len}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{len}, val_sds_avail:{spare}, val_zmalloc: {bytes}",
        entry.bytes(),
    );
    ctx.reply.simple(&line);
    Ok(())
}

/// DEBUG LISTPACK key. Redis writes to its standard output; so little is to be seen there that we only say so.
pub(crate) fn listpack(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = look(ctx, args.at(2))?;
    let is_listpack = ctx
        .keys
        .value(spot)
        .is_some_and(|value| value.encoding().starts_with("listpack"));
    if !is_listpack {
        return Err(Error::from("ERR Not a listpack encoded object."));
    }
    ctx.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

/// DEBUG QUICKLIST key [0|1]
pub(crate) fn quicklist(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = look(ctx, args.at(2))?;
    let is_quicklist = ctx
        .keys
        .value(spot)
        .is_some_and(|value| value.encoding() == "quicklist");
    if !is_quicklist {
        return Err(Error::from("ERR Not a quicklist encoded object."));
    }
    ctx.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// DEBUG HTSTATS db [full]
pub(crate) fn htstats(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let number = integer(args.at(2))?;
    let db = usize::try_from(number)
        .ok()
        .and_then(|number| ctx.keys.space.dbs.get(number));
    let dict = &db
        .ok_or_else(|| Error::from("ERR Out of range database"))?
        .dict;
    let full = args.get(3).is_some_and(|word| is(word, "full"));
    let mut report = String::from("[Dictionary HT]\n");
    if !dict.is_empty() {
        report.push_str(&table_report(&dict.stats(), full));
    }
    report.push_str("[Expires HT]\n");
    // Deadlines are in the entries and on a wheel; of a table of their own there is only the count.
    if dict.expires() > 0 {
        let _ = writeln!(report, " number of elements: {}", dict.expires());
    }
    ctx.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

fn table_report(stats: &TableStats, full: bool) -> String {
    let mut report = format!(
        "Hash table 0 stats (main hash table):\n table size: {}\n number of elements: {}\n",
        stats.buckets, stats.elements
    );
    if full {
        let used: usize = stats.chains[1..].iter().sum();
        let longest = stats
            .chains
            .iter()
            .rposition(|count| *count > 0)
            .unwrap_or(0);
        let mean = stats.elements as f64 / used.max(1) as f64;
        let _ = writeln!(
            report,
            " different slots: {used}\n max chain length: {longest}\n avg chain length (counted): {mean:.2}\n \
             avg chain length (computed): {mean:.2}\n Chain length distribution:"
        );
        for (len, count) in stats
            .chains
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            let percent = *count as f64 * 100.0 / stats.buckets.max(1) as f64;
            let _ = writeln!(report, "   {len}: {count} ({percent:.2}%)");
        }
    }
    report
}

/// DEBUG HTSTATS-KEY key [full]
pub(crate) fn htstats_key(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = look(ctx, args.at(2))?;
    let full = args.get(3).is_some_and(|word| is(word, "full"));
    let report = match ctx.keys.value(spot).and_then(|value| value.stats()) {
        Some(stats) => table_report(&stats, full),
        None => {
            return Err(Error::from(
                "ERR The value stored at the specified key is not represented using an hash table",
            ));
        }
    };
    ctx.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

/// DEBUG STRUCTSIZE: bytes of what each client, key and request costs at least.
pub(crate) fn structsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let line = format!(
        "bits:{} value:{} session:{} command:{}",
        usize::BITS,
        size_of::<Value>(),
        size_of::<crate::engine::session::Session>(),
        size_of::<crate::engine::run::command::Command>(),
    );
    ctx.reply.simple(&line);
    Ok(())
}
