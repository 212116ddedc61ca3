//! Commands about the server itself, a file to each concern.

pub(crate) mod acl;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod dataset;
pub(crate) mod module;
pub(crate) mod observe;
pub(crate) mod replication;
