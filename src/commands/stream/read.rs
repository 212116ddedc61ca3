//! XREAD and XREADGROUP: the entries that have come since, now or when some come.
//!
//! XREAD asks for entries after an ID that the client remembers. XREADGROUP asks for entries that its group has not
//! been given yet (`>`), which become pending for the consumer, or for those that are pending for the consumer already.
//! Either waits with BLOCK. XREADGROUP changes the group although it reads the stream: its doings are propagated as
//! claims.
//!
//! A waiting reader is served by running the command again. `$`, the end of the stream, means its end when the wait
//! began, so it is replaced by that ID before the command is parked; `+`, the last entry, means the last there is when
//! one comes, and stays.

use crate::base::text::up_to_nul;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::{Ctx, Wait};
use crate::engine::run::effects::Effects;
use crate::engine::session::OnTimeout;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::types::Kind;
use crate::types::stream::{ConsumerId, Group, ID_TEXT_BYTES, Log, Stream, StreamId};
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

use super::super::options::{integer, is, wait_until_ms};
use super::{
    id, no_group, propagate_claim, propagate_group_id, reply_entries, reply_entry, reply_id,
};

/// The request of either command.
struct Request<'a> {
    keys: Args<'a>,
    ids: Args<'a>,
    /// Which argument is the first ID.
    ids_at: usize,
    count: usize,
    patience: Patience,
    /// The group and the consumer.
    reader: Option<(&'a [u8], &'a [u8])>,
    /// NOACK: the entries given are not pending afterwards.
    is_certain: bool,
}

/// BLOCK: whether a reader waits, and until when.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    None,
    Until(i64),
    Endless,
}

/// The reader: anybody, or a consumer of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Anybody,
    Consumer,
}

impl<'a> Request<'a> {
    fn parse(ctx: &Ctx<'_>, args: Args<'a>, reader: Reader) -> Result<Self, Error> {
        let for_group = reader == Reader::Consumer;
        let mut request = Self {
            keys: Args::EMPTY,
            ids: Args::EMPTY,
            ids_at: 0,
            count: usize::MAX,
            patience: Patience::None,
            reader: None,
            is_certain: false,
        };
        let mut at = 1;
        while at < args.len() {
            let (word, more) = (args.at(at), args.len() - at - 1);
            if is(word, "BLOCK") && more > 0 {
                at += 1;
                request.patience = match wait_until_ms(args.at(at), ctx.now)? {
                    Some(deadline_ms) => Patience::Until(deadline_ms),
                    None => Patience::Endless,
                };
            } else if is(word, "COUNT") && more > 0 {
                at += 1;
                let count = integer(args.at(at))?;
                request.count = if count > 0 {
                    count as usize
                } else {
                    usize::MAX
                };
            } else if is(word, "STREAMS") && more > 0 {
                if more % 2 != 0 {
                    return Err(Error::from(if for_group {
                        UNBALANCED_XREADGROUP
                    } else {
                        UNBALANCED_XREAD
                    }));
                }
                request.keys = args.tail(at + 1).head(more / 2);
                request.ids_at = at + 1 + more / 2;
                request.ids = args.tail(request.ids_at);
                break;
            } else if is(word, "GROUP") && more > 1 {
                if !for_group {
                    return Err(Error::from(GROUP_IN_XREAD));
                }
                request.reader = Some((args.at(at + 1), args.at(at + 2)));
                at += 2;
            } else if is(word, "NOACK") {
                if !for_group {
                    return Err(Error::from(NOACK_IN_XREAD));
                }
                request.is_certain = true;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        if request.keys.is_empty() {
            return Err(Error::Syntax);
        }
        if for_group && request.reader.is_none() {
            return Err(Error::from("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(request)
    }

    /// Waits for the streams to get such entries, or says that there are none.
    fn wait(&self, ctx: &mut Ctx<'_>, args: Args<'_>) {
        let deadline_ms = match self.patience {
            Patience::Until(deadline_ms) if ctx.may_wait() => Some(deadline_ms),
            Patience::Endless if ctx.may_wait() => None,
            _ => {
                ctx.reply.null_array();
                return;
            }
        };
        let keys: Vec<&[u8]> = self.keys.iter().collect();
        let wait = Wait {
            keys: &keys,
            kind: Kind::Stream,
            deadline_ms,
            on_timeout: OnTimeout::NullArray,
            also_when_gone: self.reader.is_some(),
        };
        ctx.park(args, &wait);
    }
}

/// Replies what several streams have, those that have something.
struct Found {
    mark: crate::base::output::Mark,
    streams: usize,
}

impl Found {
    fn new(reply: &mut Reply<'_>) -> Self {
        let mark = reply.deferred();
        Self { mark, streams: 0 }
    }

    /// The entries of the stream under `key` follow.
    fn begin(&mut self, reply: &mut Reply<'_>, key: &[u8]) {
        self.streams += 1;
        if !reply.is_resp3() {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// False if nothing was found, and nothing said.
    fn finish(self, reply: &mut Reply<'_>) -> bool {
        match self.streams {
            0 => return false,
            count if reply.is_resp3() => reply.finish_map(self.mark, count),
            count => reply.finish_array(self.mark, count),
        }
        true
    }
}

// ---- without a group

/// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
pub(crate) fn xread(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(ctx, args, Reader::Anybody)?;
    let mut after = Vec::with_capacity(request.keys.len());
    for (key, text) in request.keys.iter().zip(request.ids.iter()) {
        let stream = ctx.keys.read_object::<Stream>(key)?;
        after.push(match up_to_nul(text) {
            b"$" => stream.map_or(StreamId::MIN, |stream| stream.log.last_id()),
            b"+" => stream.map_or(StreamId::MIN, |stream| before_last(&stream.log)),
            b">" => return Err(Error::from(NEW_IN_XREAD)),
            text => id(text)?,
        });
    }
    let mut found = Found::new(&mut ctx.reply);
    for (key, after) in request.keys.iter().zip(&after) {
        // As real servers do, this looks at the key a second time, and counts it.
        let Some(stream) = ctx.keys.read_object::<Stream>(key)? else {
            continue;
        };
        let Some(start) = after.next() else {
            continue;
        };
        let mut entries = stream.log.range(start, StreamId::MAX).peekable();
        if entries.peek().is_some() {
            found.begin(&mut ctx.reply, key);
            reply_entries(&mut ctx.reply, entries, request.count);
        }
    }
    if found.finish(&mut ctx.reply) {
        return Ok(());
    }
    // Only a command that waits needs to be kept, and only its first run knows what `$` was.
    if request.patience != Patience::None && request.ids.iter().any(|text| up_to_nul(text) == b"$")
    {
        let mut fixed = OwnedArgs::from(args.head(request.ids_at));
        for (text, after) in request.ids.iter().zip(&after) {
            match up_to_nul(text) {
                b"$" => fixed.push(after.format(&mut [0; ID_TEXT_BYTES])),
                _ => fixed.push(text),
            }
        }
        request.wait(ctx, fixed.as_args());
    } else {
        request.wait(ctx, args);
    }
    Ok(())
}

/// After which ID there is the last entry, and nothing else.
fn before_last(log: &Log) -> StreamId {
    let last = log.last_entry().and_then(|entry| entry.id.previous());
    last.unwrap_or(StreamId::MIN)
}

// ---- with a group

/// The entries of one stream that a consumer asks for.
#[derive(Clone, Copy)]
enum Wanted {
    /// `>`: what nobody in the group was given.
    New,
    /// The entries that are pending for the consumer after this ID.
    PendingAfter(StreamId),
}

/// XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]
pub(crate) fn xreadgroup(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(ctx, args, Reader::Consumer)?;
    let (name, consumer) = request
        .reader
        .expect("XREADGROUP is refused without a group");
    let mut wanted = Vec::with_capacity(request.keys.len());
    for (key, text) in request.keys.iter().zip(request.ids.iter()) {
        let stream = ctx.keys.read_object::<Stream>(key)?;
        if !stream.is_some_and(|stream| stream.groups.contains_key(name)) {
            return Err(no_group(key, name, " in XREADGROUP with GROUP option"));
        }
        wanted.push(match up_to_nul(text) {
            b"$" => return Err(meaningless('$')),
            b"+" => return Err(meaningless('+')),
            b">" => Wanted::New,
            text => match id(text)? {
                // Real servers note `>` down as this ID.
                StreamId::MAX => Wanted::New,
                id => Wanted::PendingAfter(id),
            },
        });
    }
    let (db, now_ms) = (ctx.keys.db, ctx.now.unix_ms);
    let mut found = Found::new(&mut ctx.reply);
    for (key, wanted) in request.keys.iter().zip(wanted) {
        let Some(spot) = ctx.keys.read(key) else {
            continue;
        };
        let me = join(ctx, key, spot, name, consumer, request.is_certain)?;
        let Stream { log, groups } = ctx.keys.object_at_mut::<Stream>(spot)?;
        let group = groups.get_mut(name).expect("it was there just now");
        group.consumer_mut(me).seen_ms = now_ms;
        match wanted {
            Wanted::PendingAfter(after) => {
                // A consumer's own history is an answer even when it is empty: only `>` waits.
                found.begin(&mut ctx.reply, key);
                reply_pending(&mut ctx.reply, log, group, me, after, request.count, now_ms);
            }
            Wanted::New => {
                let Some(start) = group.last_id.next() else {
                    continue;
                };
                if log.range(start, StreamId::MAX).next().is_none() {
                    continue;
                }
                found.begin(&mut ctx.reply, key);
                let delivery = Delivery {
                    db,
                    key,
                    name,
                    me,
                    is_certain: request.is_certain,
                    now_ms,
                };
                delivery.give(&mut ctx.reply, ctx.fx, log, group, start, request.count);
                ctx.keys.space.journal.dirty += 1;
            }
        }
    }
    if !found.finish(&mut ctx.reply) {
        request.wait(ctx, args);
    }
    Ok(())
}

/// The consumer of that name, which joins the group by asking.
pub(super) fn join(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    spot: Spot,
    name: &[u8],
    consumer: &[u8],
    propagates: bool,
) -> Result<ConsumerId, Error> {
    let now_ms = ctx.now.unix_ms;
    let Stream { groups, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let group = groups.get_mut(name).expect("the caller has looked");
    if let Some(id) = group.consumer_id(consumer) {
        return Ok(id);
    }
    let id = group
        .create_consumer(consumer, now_ms)
        .expect("nobody has the name");
    ctx.keys.noted(key, Event::XGROUP_CREATECONSUMER, 1);
    // A claim makes the consumer on the replica; NOACK sends no claims, so the joining is sent by itself.
    if propagates {
        let words: [&[u8]; 5] = [b"XGROUP", b"CREATECONSUMER", key, name, consumer];
        ctx.fx.propagate_as(ctx.keys.db, &words);
    }
    Ok(id)
}

/// New entries on their way to a consumer.
struct Delivery<'a> {
    db: u16,
    key: &'a [u8],
    name: &'a [u8],
    me: ConsumerId,
    is_certain: bool,
    now_ms: i64,
}

impl Delivery<'_> {
    fn give(
        &self,
        reply: &mut Reply<'_>,
        fx: &mut Effects,
        log: &Log,
        group: &mut Group,
        start: StreamId,
        count: usize,
    ) {
        let mark = reply.deferred();
        let mut given = 0;
        for entry in log.range(start, StreamId::MAX).take(count) {
            reply_entry(reply, &entry);
            group.advance(entry.id, log.counters());
            given += 1;
            if self.is_certain {
                continue;
            }
            group.deliver(entry.id, self.me, self.now_ms);
            if fx.listening {
                let text = &mut [0; ID_TEXT_BYTES];
                let text = entry.id.format(text);
                propagate_claim(fx, self.db, self.key, (self.name, group), entry.id, text);
            }
        }
        if !self.is_certain {
            group.consumer_mut(self.me).active_ms = Some(self.now_ms);
        }
        propagate_group_id(fx, self.db, self.key, (self.name, group));
        reply.finish_array(mark, given);
    }
}

/// The entries that are pending for the consumer. An entry that the stream has no more is told by its ID alone.
fn reply_pending(
    reply: &mut Reply<'_>,
    log: &Log,
    group: &mut Group,
    me: ConsumerId,
    after: StreamId,
    count: usize,
    now_ms: i64,
) {
    let mark = reply.deferred();
    let mut shown = 0;
    let mut next = after.next();
    while let Some(id) = next
        .and_then(|next| group.consumer(me).pending_from(next).next())
        .filter(|_| shown < count)
    {
        if let Some(entry) = log.entry(id) {
            reply_entry(reply, &entry);
            group.redeliver(id, now_ms);
        } else {
            reply.array(2);
            reply_id(reply, id);
            reply.null_array();
        }
        shown += 1;
        next = id.next();
    }
    reply.finish_array(mark, shown);
}

fn meaningless(symbol: char) -> Error {
    Error::from(format!(
        "ERR The {symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
         by specifying a proper ID, or use the > ID to get new messages. The {symbol} ID would just return an empty \
         result set."
    ))
}

const UNBALANCED_XREAD: &str = "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be \
                                specified.";
const UNBALANCED_XREADGROUP: &str = "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be \
                                     specified.";
const GROUP_IN_XREAD: &str =
    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
const NOACK_IN_XREAD: &str =
    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
const NEW_IN_XREAD: &str = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                            <consumer> option.";
