//! Commands to publish and to listen. A shard channel belongs to a slot, so those commands name it as if it were a
//! key.

use crate::spec::flags::{Flags, flag, key};
use crate::spec::model::{Arg, Channels, Group, KeySpec, Propagates, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &PSUBSCRIBE,
    &PUBLISH,
    &PUBSUB,
    &PUNSUBSCRIBE,
    &SPUBLISH,
    &SSUBSCRIBE,
    &SUBSCRIBE,
    &SUNSUBSCRIBE,
    &UNSUBSCRIBE,
];

pub(crate) static PSUBSCRIBE: Spec = Spec {
    name: "psubscribe",
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Listens for messages published to channels that match one or more patterns.",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    arity: -2,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    channels: Channels::Patterns,
    args: &[Arg::pattern("pattern").multiple()],
    ..Spec::BLANK
};

pub(crate) static PUBLISH: Spec = Spec {
    name: "publish",
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Posts a message to a channel.",
    complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and \
        M is the total number of subscribed patterns (by any client).",
    arity: 3,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::MAY_REPLICATE,
    ]),
    propagates: Propagates::ToReplicas,
    channels: Channels::First,
    args: &[Arg::string("channel"), Arg::string("message")],
    ..Spec::BLANK
};

pub(crate) static PUBSUB: Spec = Spec {
    name: "pubsub",
    group: Group::PubSub,
    since: "2.8.0",
    summary: "A container for Pub/Sub commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &PUBSUB_CHANNELS,
        &PUBSUB_HELP,
        &PUBSUB_NUMPAT,
        &PUBSUB_NUMSUB,
        &PUBSUB_SHARDCHANNELS,
        &PUBSUB_SHARDNUMSUB,
    ],
    ..Spec::BLANK
};

pub(crate) static PUBSUB_CHANNELS: Spec = Spec {
    name: "pubsub|channels",
    group: Group::PubSub,
    since: "2.8.0",
    summary: "Returns the active channels.",
    complexity: "O(N) where N is the number of active channels, and assuming constant time \
        pattern matching (relatively short channels and patterns)",
    arity: -2,
    flags: Flags::of(&[flag::PUBSUB, flag::LOADING, flag::STALE]),
    args: &[Arg::pattern("pattern").optional()],
    ..Spec::BLANK
};

pub(crate) static PUBSUB_HELP: Spec = Spec {
    name: "pubsub|help",
    group: Group::PubSub,
    since: "6.2.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
    ],
    ..Spec::BLANK
};

pub(crate) static PUBSUB_NUMPAT: Spec = Spec {
    name: "pubsub|numpat",
    group: Group::PubSub,
    since: "2.8.0",
    summary: "Returns a count of unique pattern subscriptions.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::PUBSUB, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static PUBSUB_NUMSUB: Spec = Spec {
    name: "pubsub|numsub",
    group: Group::PubSub,
    since: "2.8.0",
    summary: "Returns a count of subscribers to channels.",
    complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    arity: -2,
    flags: Flags::of(&[flag::PUBSUB, flag::LOADING, flag::STALE]),
    args: &[Arg::string("channel").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static PUBSUB_SHARDCHANNELS: Spec = Spec {
    name: "pubsub|shardchannels",
    group: Group::PubSub,
    since: "7.0.0",
    summary: "Returns the active shard channels.",
    complexity: "O(N) where N is the number of active shard channels, and assuming constant time \
        pattern matching (relatively short shard channels).",
    arity: -2,
    flags: Flags::of(&[flag::PUBSUB, flag::LOADING, flag::STALE]),
    args: &[Arg::pattern("pattern").optional()],
    ..Spec::BLANK
};

pub(crate) static PUBSUB_SHARDNUMSUB: Spec = Spec {
    name: "pubsub|shardnumsub",
    group: Group::PubSub,
    since: "7.0.0",
    summary: "Returns the count of subscribers of shard channels.",
    complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard \
        channels",
    arity: -2,
    flags: Flags::of(&[flag::PUBSUB, flag::LOADING, flag::STALE]),
    args: &[Arg::string("shardchannel").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static PUNSUBSCRIBE: Spec = Spec {
    name: "punsubscribe",
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Stops listening to messages published to channels that match one or more patterns.",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    arity: -1,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    args: &[Arg::pattern("pattern").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static SPUBLISH: Spec = Spec {
    name: "spublish",
    group: Group::PubSub,
    since: "7.0.0",
    summary: "Post a message to a shard channel",
    complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    arity: 3,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::MAY_REPLICATE,
    ]),
    propagates: Propagates::ToReplicas,
    keys: &[KeySpec::at(1).flags(&[key::NOT_KEY])],
    channels: Channels::First,
    args: &[Arg::string("shardchannel"), Arg::string("message")],
    ..Spec::BLANK
};

pub(crate) static SSUBSCRIBE: Spec = Spec {
    name: "ssubscribe",
    group: Group::PubSub,
    since: "7.0.0",
    summary: "Listens for messages published to shard channels.",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    arity: -2,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    keys: &[KeySpec::at(1).to(-1).flags(&[key::NOT_KEY])],
    channels: Channels::All,
    args: &[Arg::string("shardchannel").multiple()],
    ..Spec::BLANK
};

pub(crate) static SUBSCRIBE: Spec = Spec {
    name: "subscribe",
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Listens for messages published to channels.",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    arity: -2,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    channels: Channels::All,
    args: &[Arg::string("channel").multiple()],
    ..Spec::BLANK
};

pub(crate) static SUNSUBSCRIBE: Spec = Spec {
    name: "sunsubscribe",
    group: Group::PubSub,
    since: "7.0.0",
    summary: "Stops listening to messages posted to shard channels.",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    arity: -1,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    keys: &[KeySpec::at(1).to(-1).flags(&[key::NOT_KEY])],
    args: &[Arg::string("shardchannel").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static UNSUBSCRIBE: Spec = Spec {
    name: "unsubscribe",
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Stops listening to messages posted to channels.",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    arity: -1,
    flags: Flags::of(&[
        flag::PUBSUB,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    args: &[Arg::string("channel").optional().multiple()],
    ..Spec::BLANK
};
