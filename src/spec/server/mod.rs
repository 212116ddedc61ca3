//! Commands about the server itself, a file to each concern.

pub mod acl;
pub mod command;
pub mod config;
pub mod dataset;
pub mod module;
pub mod observe;
pub mod replication;
