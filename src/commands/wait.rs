//! Waiting for others to have what this session has written: WAIT and WAITAOF.
//!
//! Both look at the last write of the session and not at the last of all. The disk is asked through the log's own
//! state: a session that has written nothing has nothing to wait for, but where there is no log, nothing is on disk.
//!
//! Replicas are asked how far they are, and every acknowledgement runs the command again.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::session::OnTimeout;
use crate::engine::waiting::Held;
use crate::spec::generic as spec;
use crate::wire::args::Args;

use super::options::{integer, not_negative, wait_until_ms};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::WAIT, wait),
    Row::new(&spec::WAITAOF, waitaof),
];

/// WAIT numreplicas timeout
fn wait(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let wanted = integer(args.at(1))?;
    let deadline_ms = wait_until_ms(args.at(2), ctx.now)?;
    if ctx.services.replication.is_replica() {
        return Err(WAIT_ON_REPLICA.into());
    }
    let held = Held::of(ctx.services, ctx.session);
    if held.by_replicas >= wanted || !ctx.may_wait() {
        ctx.reply.integer(held.by_replicas);
    } else {
        ctx.services.replication.wants_acks |= ctx.origin == Origin::Client;
        ctx.park_for_offset(args, deadline_ms, OnTimeout::Acknowledged);
    }
    Ok(())
}

/// WAITAOF numlocal numreplicas timeout
fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let local = integer(args.at(1))?;
    let local = Some(local)
        .filter(|local| (0..=1).contains(local))
        .ok_or(LOCAL_RANGE)?;
    let replicas = not_negative(args.at(2))?;
    let deadline_ms = wait_until_ms(args.at(3), ctx.now)?;
    if ctx.services.replication.is_replica() {
        return Err(WAITAOF_ON_REPLICA.into());
    }
    if local > 0 && !ctx.services.appending.is_fed() {
        return Err(NO_LOG.into());
    }
    let held = Held::of(ctx.services, ctx.session);
    if held.on_our_disk >= local && held.on_their_disks >= replicas || !ctx.may_wait() {
        ctx.reply.array(2);
        ctx.reply.integer(held.on_our_disk);
        ctx.reply.integer(held.on_their_disks);
    } else {
        ctx.services.replication.wants_acks |= ctx.origin == Origin::Client;
        ctx.park_for_offset(args, deadline_ms, OnTimeout::OnDisk);
    }
    Ok(())
}

const LOCAL_RANGE: &str = "ERR value is out of range, value must between 0 and 1";
const WAIT_ON_REPLICA: &str = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 \
if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not \
propagated.";
const WAITAOF_ON_REPLICA: &str = "ERR WAITAOF cannot be used with replica instances. Please also note that writes to \
replicas are just local and are not propagated.";
const NO_LOG: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
