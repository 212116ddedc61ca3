//! Commands about slots and nodes, on a server that is no part of a cluster: each of them says so. Clients ask them to
//! find out with whom they talk, and tell this answer from that of a server to which the word means nothing.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::spec::cluster as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::ASKING, refuse),
    Row::container(&spec::CLUSTER, CLUSTER),
    Row::new(&spec::READONLY, refuse),
    Row::new(&spec::READWRITE, refuse),
];

const CLUSTER: &[Row] = &[
    Row::new(&spec::CLUSTER_ADDSLOTS, refuse),
    Row::new(&spec::CLUSTER_ADDSLOTSRANGE, refuse),
    Row::new(&spec::CLUSTER_BUMPEPOCH, refuse),
    Row::new(&spec::CLUSTER_COUNT_FAILURE_REPORTS, refuse),
    Row::new(&spec::CLUSTER_COUNTKEYSINSLOT, refuse),
    Row::new(&spec::CLUSTER_DELSLOTS, refuse),
    Row::new(&spec::CLUSTER_DELSLOTSRANGE, refuse),
    Row::new(&spec::CLUSTER_FAILOVER, refuse),
    Row::new(&spec::CLUSTER_FLUSHSLOTS, refuse),
    Row::new(&spec::CLUSTER_FORGET, refuse),
    Row::new(&spec::CLUSTER_GETKEYSINSLOT, refuse),
    Row::new(&spec::CLUSTER_HELP, refuse),
    Row::new(&spec::CLUSTER_INFO, refuse),
    Row::new(&spec::CLUSTER_KEYSLOT, refuse),
    Row::new(&spec::CLUSTER_LINKS, refuse),
    Row::new(&spec::CLUSTER_MEET, refuse),
    Row::new(&spec::CLUSTER_MYID, refuse),
    Row::new(&spec::CLUSTER_MYSHARDID, refuse),
    Row::new(&spec::CLUSTER_NODES, refuse),
    Row::new(&spec::CLUSTER_REPLICAS, refuse),
    Row::new(&spec::CLUSTER_REPLICATE, refuse),
    Row::new(&spec::CLUSTER_RESET, refuse),
    Row::new(&spec::CLUSTER_SAVECONFIG, refuse),
    Row::new(&spec::CLUSTER_SET_CONFIG_EPOCH, refuse),
    Row::new(&spec::CLUSTER_SETSLOT, refuse),
    Row::new(&spec::CLUSTER_SHARDS, refuse),
    Row::new(&spec::CLUSTER_SLAVES, refuse),
    Row::new(&spec::CLUSTER_SLOTS, refuse),
];

/// CLUSTER subcommand [argument ...], ASKING, READONLY, READWRITE
fn refuse(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Error::ClusterDisabled)
}
