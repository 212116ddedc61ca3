//! DUMP and RESTORE: a value as bytes, and back, on this server or another.

use std::sync::Arc;

use crate::acl::User;
use crate::base::lzf::Compressor;
use crate::config::SanitizeDump;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{AccessPolicy, Event, New, Payload, text, value_of};
use crate::persist::rdb::{self, Fault, Loaded, Reader, Source, kind};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::limits;
use super::super::options::{integer, is};

/// DUMP key
pub(crate) fn dump(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = ctx.keys.read(args.at(1)) else {
        ctx.reply.null();
        return Ok(());
    };
    let payload = payload_of(ctx, spot);
    ctx.reply.bulk(&payload);
    Ok(())
}

/// The value of a key, as another server reads it.
pub(super) fn payload_of(ctx: &Ctx<'_>, spot: crate::keyspace::Spot) -> Vec<u8> {
    let entry = ctx.keys.entry(spot);
    let value = value_of(entry);
    let source = match entry.payload() {
        Payload::Int(number) => Source::Int(number),
        Payload::Inline(bytes) => Source::Text(bytes),
        Payload::Folded(..) | Payload::Object(_) => {
            Source::Value(value.as_deref().expect("it is no short string"))
        }
    };
    let mut lzf = ctx.services.config.rdbcompression.then(Compressor::new);
    rdb::dump(source, lzf.as_mut())
}

/// The request of RESTORE besides the value.
#[derive(Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    idle_s: Option<i64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut words = args.from(4);
        while let Some(word) = words.next() {
            if is(word, "REPLACE") {
                options.replaces = true;
            } else if is(word, "ABSTTL") {
                options.is_absolute = true;
            } else if is(word, "IDLETIME") && words.len() > 0 && options.frequency.is_none() {
                let idle_s = integer(words.next().unwrap_or_default())?;
                if idle_s < 0 {
                    return Err("ERR Invalid IDLETIME value, must be >= 0".into());
                }
                options.idle_s = Some(idle_s);
            } else if is(word, "FREQ") && words.len() > 0 && options.idle_s.is_none() {
                let frequency = integer(words.next().unwrap_or_default())?;
                let refusal = "ERR Invalid FREQ value, must be >= 0 and <= 255";
                options.frequency =
                    Some(u8::try_from(frequency).map_err(|_| Error::from(refusal))?);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

/// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
pub(crate) fn restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let options = Options::parse(args)?;
    if !options.replaces && ctx.keys.find_to_write(key).is_some() {
        return Err(Error::BusyKey);
    }
    let ttl_ms = integer(args.at(2))?;
    if ttl_ms < 0 {
        return Err("ERR Invalid TTL value, must be >= 0".into());
    }
    let loaded = value_in(ctx, args.at(3))?;
    let deadline = match ttl_ms {
        0 => None,
        _ if options.is_absolute => Some(ttl_ms),
        // Redis does not look at the sum: a time to live beyond the end of time is one long past, and leaves no key.
        _ => Some(ttl_ms.wrapping_add(ctx.now.unix_ms)),
    };
    // The very last moment stands for no deadline at all in an entry.
    let deadline = deadline.map(|deadline| deadline.min(i64::MAX - 1));
    let lazily = ctx.keys.space.lazy.server_del;
    // Without REPLACE there is nothing to remove: that was asked above.
    let (vacancy, was_there) = ctx.keys.vacate(key, lazily);
    if deadline.is_some_and(|deadline| ctx.keys.is_past(deadline)) {
        if was_there {
            ctx.keys.changed(key, Event::DEL, 1);
            ctx.fx.propagate_removal(ctx.keys.db, key, lazily);
        }
        ctx.reply.ok();
        return Ok(());
    }
    let spot = match loaded {
        Loaded::Text(bytes) => {
            let bytes = Arc::new(bytes);
            let new = text::whole(&bytes, || Some(bytes.clone()));
            ctx.keys.insert(vacancy, new, deadline)
        }
        Loaded::Value(value) => ctx.keys.insert(vacancy, New::Object(value), deadline),
    };
    ctx.keys.arm_fields(spot);
    note_access(ctx, spot, &options);
    ctx.keys.changed(key, Event::RESTORE, 1);
    if let Some(deadline) = deadline
        && !options.is_absolute
    {
        // The log gets the moment, not the span (ABSTTL): replayed later, a span would begin anew.
        let deadline = deadline.to_string();
        let mut words: Vec<&[u8]> = args.iter().collect();
        words[2] = deadline.as_bytes();
        words.push(b"ABSTTL");
        ctx.fx.propagate_as(ctx.keys.db, &words);
    }
    ctx.reply.ok();
    Ok(())
}

/// The value in a payload.
fn value_in(ctx: &mut Ctx<'_>, payload: &[u8]) -> Result<Loaded, Error> {
    let trusts = ctx.services.debug.skips_checksums;
    let checked = rdb::checked_payload(payload, trusts);
    let (body, version) = checked.ok_or("ERR DUMP payload version or checksum are wrong")?;
    let mut reader = Reader::new(body, version, &limits::all(ctx));
    let kind = reader.byte().unwrap_or_default();
    let read = reader.value(kind);
    if is_to_be_sanitized(ctx) {
        ctx.services.stats.payloads_sanitized += reader.packs();
    }
    read.map_err(|fault| {
        let what = match fault {
            Fault::Broken(what) => what,
            Fault::Io(_) => "Unexpected EOF reading RDB file",
            Fault::Unknown(_) => "Unknown RDB encoding type",
            Fault::Malformed | Fault::Empty => kind::damage(kind),
        };
        log::debug!("Internal error in RDB reading offset 0 -> {what}");
        "ERR Bad data format".into()
    })
}

/// Whether somebody has asked for values to be looked through, which they are in any case.
fn is_to_be_sanitized(ctx: &Ctx<'_>) -> bool {
    match ctx.services.config.sanitize_dump_payload {
        SanitizeDump::No => false,
        SanitizeDump::Yes => true,
        SanitizeDump::Clients => {
            let user = ctx.services.users.get(&ctx.session.user);
            !ctx.is_replay() && !user.is_some_and(User::skips_sanitizing)
        }
    }
}

/// Sets how long the key has been idle, or how often it is used, where the policy keeps that.
fn note_access(ctx: &mut Ctx<'_>, spot: crate::keyspace::Spot, options: &Options) {
    let now_ms = ctx.now.unix_ms;
    let is_lfu = ctx.keys.space.access.is_lfu;
    // Each option is taken only under the policy that reads it, and passed over in silence otherwise.
    let word = match (options.idle_s, options.frequency) {
        (Some(idle_s), _) if !is_lfu => AccessPolicy::idle_since(idle_s as u64, now_ms),
        (_, Some(frequency)) if is_lfu => AccessPolicy::with_frequency(frequency, now_ms),
        _ => return,
    };
    ctx.keys.entry(spot).set_access(word);
}
