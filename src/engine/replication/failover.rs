//! FAILOVER: a primary hands over to one of its replicas, and follows it.
//!
//! Writes wait while a replica catches up. When its offset is ours we become its replica, and the PSYNC that we send
//! says so: it becomes a primary under a new id and goes on with us where we are. Nothing that was acknowledged is
//! lost.

use crate::config::Primary;
use crate::engine::Engine;
use crate::engine::replication::Replication;
use crate::engine::replication::sync::ip_of;
use crate::engine::run::ctx::Ctx;
use crate::engine::session::{Session, Sessions};
use crate::engine::waiting::pause::Holder;
use crate::repl::{Replica, Stage};
use crate::spec::error::Error;

/// A failover in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failover {
    /// The replica that takes over; at first, `None`: whichever is ready first.
    pub(crate) target: Option<Primary>,
    /// When the patience ends, in unix milliseconds; and then it goes on all the same, if it is forced.
    pub(crate) until_ms: Option<i64>,
    pub(crate) is_forced: bool,
    /// We follow the target already, and wait for its word.
    pub(crate) is_handing_over: bool,
}

impl Failover {
    /// As INFO calls its state.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_handing_over {
            "failover-in-progress"
        } else {
            "waiting-for-sync"
        }
    }
}

/// Where a replica can be reached.
fn place_of(session: &Session, replica: &Replica) -> Primary {
    Primary {
        host: ip_of(session, Some(replica)).into_bytes(),
        port: u16::try_from(replica.port).unwrap_or(0),
    }
}

fn show(place: &Primary) -> String {
    format!("{}:{}", String::from_utf8_lossy(&place.host), place.port)
}

impl Replication {
    /// The replica that can be reached there.
    fn at<'a>(&'a self, place: &Primary, sessions: &Sessions) -> Option<&'a Replica> {
        self.attached().find(|replica| {
            let session = sessions.get(replica.id);
            session.is_some_and(|session| place_of(session, replica) == *place)
        })
    }
}

impl Ctx<'_> {
    /// Begins a failover.
    pub(crate) fn begin_failover(&mut self, failover: Failover) -> Result<(), Error> {
        let replication = &mut self.services.replication;
        if replication.is_replica() {
            return Err("ERR FAILOVER is not valid when server is a replica.".into());
        }
        if replication.attached().next().is_none() {
            return Err("ERR FAILOVER requires connected replicas.".into());
        }
        if failover.is_forced && (failover.until_ms.is_none() || failover.target.is_none()) {
            return Err(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
                    .into(),
            );
        }
        match &failover.target {
            None => log::info!("FAILOVER requested to any replica."),
            Some(target) => {
                let Some(replica) = replication.at(target, self.sessions) else {
                    return Err("ERR FAILOVER target HOST and PORT is not a replica.".into());
                };
                if replica.stage != Stage::Online {
                    return Err("ERR FAILOVER target replica is not online.".into());
                }
                log::info!("FAILOVER requested to {}.", show(target));
            }
        }
        replication.wants_acks = true;
        replication.failover = Some(failover);
        self.services.pause.hold_writes(Holder::Failover, true);
        Ok(())
    }
}

impl Engine {
    /// Looks whether a replica has caught up, or the patience has ended.
    pub(in crate::engine) fn go_on_with_failover(&mut self) {
        let now_ms = self.now.unix_ms;
        let replication = &mut self.services.replication;
        if replication.abort_requested {
            replication.abort_requested = false;
            self.abort_failover("Failover manually aborted");
            return;
        }
        let Some(failover) = &replication.failover else {
            return;
        };
        if failover.is_handing_over {
            return;
        }
        let is_late = failover.until_ms.is_some_and(|until_ms| now_ms >= until_ms);
        match (is_late, failover.is_forced, failover.target.clone()) {
            (true, true, Some(target)) => {
                log::info!(
                    "Failover to {} time out exceeded, failing over.",
                    show(&target)
                );
                self.hand_over(target);
            }
            (true, _, _) => self.abort_failover("Replica never caught up before timeout"),
            (false, _, wanted) => {
                if let Some(target) = self.synced_replica(wanted.as_ref()) {
                    log::info!("Failover target {} is synced, failing over.", show(&target));
                    self.hand_over(target);
                }
            }
        }
    }

    /// A replica that has all we have; the wanted one, if one is wanted.
    fn synced_replica(&self, wanted: Option<&Primary>) -> Option<Primary> {
        let replication = &self.services.replication;
        let offset = replication.history.offset();
        let mut synced = replication
            .attached()
            .filter(|replica| replica.stage == Stage::Online && replica.acked == offset)
            .filter_map(|replica| Some(place_of(self.sessions.get(replica.id)?, replica)));
        synced.find(|place| wanted.is_none_or(|wanted| wanted == place))
    }

    fn hand_over(&mut self, target: Primary) {
        if let Some(failover) = &mut self.services.replication.failover {
            failover.is_handing_over = true;
            failover.target = Some(target.clone());
        }
        self.follow(target);
    }

    /// The target has answered: it is our primary now.
    pub(super) fn end_failover(&mut self) {
        if self.services.replication.failover.take().is_some() {
            self.services.pause.hold_writes(Holder::Failover, false);
        }
    }

    /// Everything is as it was before.
    pub(super) fn abort_failover(&mut self, reason: &str) {
        let Some(failover) = self.services.replication.failover.take() else {
            return;
        };
        match &failover.target {
            Some(target) => log::info!("Aborting failover to {}. {reason}", show(target)),
            None => log::info!("Aborting failover. {reason}"),
        }
        if failover.is_handing_over {
            self.lead();
        }
        self.services.pause.hold_writes(Holder::Failover, false);
    }
}
