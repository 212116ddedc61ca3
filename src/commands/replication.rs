//! Replicas and primaries: what they say to each other, and how one becomes the other.

use crate::config::Primary;
use crate::engine::replication::{Failover, LinkState, ip_of};
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::session::{Link, line};
use crate::repl::Stage;
use crate::spec::error::Error;
use crate::spec::server::replication as spec;
use crate::wire::args::Args;

use super::options::{integer, integer_within, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::FAILOVER, failover),
    Row::new(&spec::PSYNC, psync),
    Row::new(&spec::REPLCONF, replconf),
    Row::new(&spec::REPLICAOF, replicaof),
    Row::new(&spec::ROLE, role),
    Row::new(&spec::SLAVEOF, replicaof),
    Row::new(&spec::SYNC, sync),
];

/// SYNC
fn sync(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.synchronise(None)
}

/// PSYNC replicationid offset [FAILOVER]
fn psync(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let offset = integer(args.at(2)).inspect_err(|_| {
        let name = ctx.name_of_replica();
        log::warn!("Replica {name} asks for synchronization but with a wrong offset");
    })?;
    match args.get(3) {
        None => {}
        Some(word) if args.len() == 4 && is(word, "failover") => take_over(ctx, args.at(1))?,
        Some(_) => return Err(Error::Syntax),
    }
    ctx.synchronise(Some((args.at(1), offset)))
}

/// Our primary hands over to us, and wants to be our replica.
fn take_over(ctx: &mut Ctx<'_>, id: &[u8]) -> Outcome {
    log::info!(
        "Failover request received for replid {}.",
        String::from_utf8_lossy(id)
    );
    if !ctx.services.replication.is_replica() {
        return Err("ERR PSYNC FAILOVER can't be sent to a master.".into());
    }
    if !id.eq_ignore_ascii_case(ctx.services.replication.history.id.as_bytes()) {
        return Err("ERR PSYNC FAILOVER replid must match my replid.".into());
    }
    ctx.lead();
    log::info!(
        "MASTER MODE enabled (failover request from '{}')",
        describe(ctx)
    );
    Ok(())
}

/// REPLCONF option value [option value ...]
fn replconf(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let mut words = args.from(1);
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        if is(option, "ack") {
            return acknowledge(ctx, args);
        }
        if is(option, "getack") {
            if ctx.session.link == Link::Primary {
                ctx.acknowledge();
            }
            return Ok(());
        }
        set_option(ctx, option, value)?;
    }
    ctx.reply.ok();
    Ok(())
}

fn set_option(ctx: &mut Ctx<'_>, option: &[u8], value: &[u8]) -> Outcome {
    if is(option, "listening-port") {
        let port = integer(value)?;
        ctx.replica().port = port;
    } else if is(option, "ip-address") {
        if value.len() >= IP_MAX {
            let size = value.len();
            return Err(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {size} bytes"
            )
            .into());
        }
        ctx.replica().ip = value.to_vec();
    } else if is(option, "capa") {
        let wishes = &mut ctx.replica().wishes;
        if is(value, "eof") {
            wishes.eof = true;
        } else if is(value, "psync2") {
            wishes.psync2 = true;
        } else if is(value, "rdb12") {
            wishes.reads_all = true;
        } else if is(value, "rdb-channel-repl") {
            wishes.reads_all = true;
            wishes.channel = true;
        } else if is(value, "dual-channel") {
            wishes.pair = true;
        }
    } else if is(option, "rdb-only") {
        let only = integer_within(
            value,
            0,
            1,
            "ERR value is out of range, value must between 0 and 1",
        );
        let only = integer(value).and(only)?;
        ctx.replica().wishes.rdb_only = only == 1;
    } else if is(option, "rdb-filter-only") {
        filter(ctx, value)?;
    } else if is(option, "rdb-channel") {
        let is_one = integer(value)? != 0;
        let wishes = &mut ctx.replica().wishes;
        wishes.is_channel = is_one;
        // Who knows of it reads all that we write.
        wishes.reads_all |= is_one;
    } else if is(option, "main-ch-client-id") {
        let number = integer(value)?;
        let Some(main) = ctx.awaiting_channel(number) else {
            return Err(format!("ERR Unrecognized RDB client id: {number}").into());
        };
        ctx.replica().carries_for = Some(main);
    } else if is(option, "set-rdb-client-id") {
        let number = integer(value)?;
        // A small data set has come before its replica asks for the stream, and its connection is gone then.
        if !ctx.has_come_for(number) && !ctx.replica().wishes.pair {
            return Err(format!("ERR Unrecognized RDB client id: {number}").into());
        }
    } else if is(option, "version") && ctx.services.config.dual_channel_replication_enabled {
        // In Valkey's way with two connections it is said between words that matter.
    } else if is(option, "version") {
        // Valkey says its version here, for which Redis has no ear.
        return Err(Error::quoting(
            "ERR Unrecognized REPLCONF option: ",
            option,
            "",
        ));
    } else {
        return Err(Error::quoting(
            "ERR Unrecognized REPLCONF option: ",
            option,
            "",
        ));
    }
    Ok(())
}

/// What shall be in the data set: nothing but what is named.
fn filter(ctx: &mut Ctx<'_>, value: &[u8]) -> Outcome {
    let wishes = &mut ctx.replica().wishes;
    (wishes.without_keys, wishes.without_functions) = (true, true);
    for word in value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
    {
        if !is(word, "functions") {
            return Err(Error::quoting(
                "ERR Unsupported rdb-filter-only option: ",
                word,
                "",
            ));
        }
        wishes.without_functions = false;
    }
    Ok(())
}

/// REPLCONF ACK offset [FACK offset]: not answered, whatever it says.
fn acknowledge(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.session.link != Link::Replica {
        return Ok(());
    }
    let (mut applied, mut on_disk) = (None, None);
    let mut words = args.from(1);
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        let Some(offset) = integer(value)
            .ok()
            .and_then(|offset| u64::try_from(offset).ok())
        else {
            return Ok(());
        };
        if is(option, "ack") {
            applied = Some(offset);
        } else if is(option, "fack") {
            on_disk = Some(offset);
        }
    }
    if let Some(applied) = applied {
        let now_s = ctx.now.unix_ms / 1000;
        let id = ctx.session.id;
        ctx.services
            .replication
            .acknowledge(id, applied, on_disk, now_s);
    }
    Ok(())
}

/// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]
fn failover(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.services.config.cluster_enabled {
        return Err("ERR FAILOVER not allowed in cluster mode.".into());
    }
    let (mut aborts, mut failover) = (false, Failover::default());
    let mut words = args.from(1);
    while let Some(word) = words.next() {
        if is(word, "timeout") && failover.until_ms.is_none() {
            let ms = integer(words.next().ok_or(Error::Syntax)?)?;
            if ms <= 0 {
                return Err("ERR FAILOVER timeout must be greater than 0".into());
            }
            failover.until_ms = Some(ctx.now.unix_ms.saturating_add(ms));
        } else if is(word, "abort") && !aborts {
            aborts = true;
        } else if is(word, "to") && failover.target.is_none() {
            let (Some(host), Some(port)) = (words.next(), words.next()) else {
                return Err(Error::Syntax);
            };
            let host = host.to_vec();
            // A port that there is not is none of a replica's.
            let port = u16::try_from(integer(port)?).unwrap_or(0);
            failover.target = Some(Primary { host, port });
        } else if is(word, "force") && !failover.is_forced {
            failover.is_forced = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    let replication = &mut ctx.services.replication;
    if aborts && args.len() > 2 {
        return Err(Error::Syntax);
    }
    match (replication.failover.is_some(), aborts) {
        (true, false) => return Err("ERR FAILOVER already in progress.".into()),
        (false, true) => return Err("ERR No failover in progress.".into()),
        (true, true) => replication.abort_requested = true,
        (false, false) => ctx.begin_failover(failover)?,
    }
    ctx.reply.ok();
    Ok(())
}

/// REPLICAOF host port | NO ONE
fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.services.config.cluster_enabled {
        return Err("ERR REPLICAOF not allowed in cluster mode.".into());
    }
    if ctx.services.replication.failover.is_some() {
        return Err("ERR REPLICAOF not allowed while failing over.".into());
    }
    if is(args.at(1), "no") && is(args.at(2), "one") {
        if ctx.services.replication.is_replica() {
            ctx.lead();
            log::info!(
                "MASTER MODE enabled (user request from '{}')",
                describe(ctx)
            );
        }
        ctx.reply.ok();
        return Ok(());
    }
    if ctx.session.link == Link::Replica {
        return Err("ERR Command is not valid when client is a replica.".into());
    }
    let port = integer_within(args.at(2), 0, 65535, "ERR Invalid master port")?;
    let primary = Primary {
        host: args.at(1).to_vec(),
        port: port as u16,
    };
    let present = ctx.services.replication.upstream.as_ref();
    let is_same = present.is_some_and(|upstream| {
        upstream.primary.host.eq_ignore_ascii_case(&primary.host)
            && upstream.primary.port == primary.port
    });
    if is_same {
        log::info!(
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed."
        );
        ctx.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    ctx.follow(primary);
    log::info!(
        "REPLICAOF {}:{port} enabled (user request from '{}')",
        String::from_utf8_lossy(args.at(1)),
        describe(ctx)
    );
    ctx.reply.ok();
    Ok(())
}

fn describe(ctx: &Ctx<'_>) -> String {
    line::text(ctx.session, &ctx.now)
}

/// ROLE
fn role(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let replication = &ctx.services.replication;
    let offset = replication.history.offset() as i64;
    if let Some(upstream) = &replication.upstream {
        let state = match upstream.state {
            LinkState::Resting => "connect",
            LinkState::Connecting => "connecting",
            LinkState::Shaking => "handshake",
            LinkState::Receiving | LinkState::Loading => "sync",
            LinkState::Connected => "connected",
        };
        let is_linked = upstream.state == LinkState::Connected;
        ctx.reply.array(5);
        ctx.reply.bulk(b"slave");
        ctx.reply.bulk(&upstream.primary.host);
        ctx.reply.integer(i64::from(upstream.primary.port));
        ctx.reply.bulk(state.as_bytes());
        ctx.reply.integer(if is_linked { offset } else { -1 });
        return Ok(());
    }
    let online = replication
        .replicas
        .iter()
        .filter(|replica| replica.stage == Stage::Online);
    let lines: Vec<(String, i64, u64)> = online
        .filter_map(|replica| {
            let session = ctx
                .all_sessions()
                .find(|session| session.id == replica.id)?;
            Some((ip_of(session, Some(replica)), replica.port, replica.acked))
        })
        .collect();
    ctx.reply.array(3);
    ctx.reply.bulk(b"master");
    ctx.reply.integer(offset);
    ctx.reply.array(lines.len());
    for (ip, port, acked) in lines {
        ctx.reply.array(3);
        ctx.reply.bulk(ip.as_bytes());
        ctx.reply.bulk(port.to_string().as_bytes());
        ctx.reply.bulk(acked.to_string().as_bytes());
    }
    Ok(())
}

/// How long an address or a name may be.
const IP_MAX: usize = 256;
