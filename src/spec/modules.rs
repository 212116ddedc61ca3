//! What clients take for modules: types that Redis ships as such and that are built in here. Clients turn parts of
//! their interface on by these names.

/// One of them, as MODULE LIST shows it.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) version: i64,
    /// What it says of itself in INFO.
    pub(crate) options: &'static str,
}

pub(crate) static MODULES: &[Module] = &[
    Module {
        name: JSON,
        version: 80_006,
        options: "handle-io-errors",
    },
    Module {
        name: VECTORS,
        version: 1,
        options: "handle-io-errors|handle-repl-async-load",
    },
];

pub(crate) const JSON: &str = "ReJSON";
pub(crate) const VECTORS: &str = "vectorset";
