//! Commands that see a sorted set as points on a map.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &GEOADD,
    &GEODIST,
    &GEOHASH,
    &GEOPOS,
    &GEORADIUS,
    &GEORADIUS_RO,
    &GEORADIUSBYMEMBER,
    &GEORADIUSBYMEMBER_RO,
    &GEOSEARCH,
    &GEOSEARCHSTORE,
];

pub(crate) static GEOADD: Spec = Spec {
    name: "geoadd",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Adds one or more members to a geospatial index. The key is created if it doesn't \
        exist.",
    complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted \
        set.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::GEO]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::one_of("condition", &[Arg::word("NX"), Arg::word("XX")])
            .since("6.2.0")
            .optional(),
        Arg::named_word("change", "CH").since("6.2.0").optional(),
        Arg::block(
            "data",
            &[
                Arg::double("longitude"),
                Arg::double("latitude"),
                Arg::string("member"),
            ],
        )
        .multiple(),
    ],
    history: &[("6.2.0", "Added the `CH`, `NX` and `XX` options.")],
    ..Spec::BLANK
};

pub(crate) static GEODIST: Spec = Spec {
    name: "geodist",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Returns the distance between two members of a geospatial index.",
    complexity: "O(1)",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member1"),
        Arg::string("member2"),
        Arg::one_of(
            "unit",
            &[
                Arg::word("M"),
                Arg::word("KM"),
                Arg::word("FT"),
                Arg::word("MI"),
            ],
        )
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static GEOHASH: Spec = Spec {
    name: "geohash",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Returns members from a geospatial index as geohash strings.",
    complexity: "O(1) for each member requested.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static GEOPOS: Spec = Spec {
    name: "geopos",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Returns the longitude and latitude of members from a geospatial index.",
    complexity: "O(1) for each member requested.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static GEORADIUS: Spec = Spec {
    name: "georadius",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Queries a geospatial index for members within a distance from a coordinate, \
        optionally stores the result.",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
        circular area delimited by center and radius and M is the number of items inside the \
        index.",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::GEO]),
    keys: &[
        KeySpec::at(1).flags(&[key::RO, key::ACCESS]),
        KeySpec::after("STORE", 6).flags(&[key::OW, key::UPDATE]),
        KeySpec::after("STOREDIST", 6).flags(&[key::OW, key::UPDATE]),
    ],
    args: &[
        Arg::key("key", 0),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::word("M"),
                Arg::word("KM"),
                Arg::word("FT"),
                Arg::word("MI"),
            ],
        ),
        Arg::word("WITHCOORD").optional(),
        Arg::word("WITHDIST").optional(),
        Arg::word("WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").since("6.2.0").optional(),
            ],
        )
        .optional(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::one_of(
            "store",
            &[
                Arg::key("storekey", 1).shown("key").token("STORE"),
                Arg::key("storedistkey", 2).shown("key").token("STOREDIST"),
            ],
        )
        .optional(),
    ],
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static GEORADIUS_RO: Spec = Spec {
    name: "georadius_ro",
    group: Group::Geo,
    since: "3.2.10",
    summary: "Returns members from a geospatial index that are within a distance from a \
        coordinate.",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
        circular area delimited by center and radius and M is the number of items inside the \
        index.",
    arity: -6,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::word("M"),
                Arg::word("KM"),
                Arg::word("FT"),
                Arg::word("MI"),
            ],
        ),
        Arg::word("WITHCOORD").optional(),
        Arg::word("WITHDIST").optional(),
        Arg::word("WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").since("6.2.0").optional(),
            ],
        )
        .optional(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
    ],
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static GEORADIUSBYMEMBER: Spec = Spec {
    name: "georadiusbymember",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Queries a geospatial index for members within a distance from a member, optionally \
        stores the result.",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
        circular area delimited by center and radius and M is the number of items inside the \
        index.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::GEO]),
    keys: &[
        KeySpec::at(1).flags(&[key::RO, key::ACCESS]),
        KeySpec::after("STORE", 5).flags(&[key::OW, key::UPDATE]),
        KeySpec::after("STOREDIST", 5).flags(&[key::OW, key::UPDATE]),
    ],
    args: &[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::word("M"),
                Arg::word("KM"),
                Arg::word("FT"),
                Arg::word("MI"),
            ],
        ),
        Arg::word("WITHCOORD").optional(),
        Arg::word("WITHDIST").optional(),
        Arg::word("WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").optional(),
            ],
        )
        .optional(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::one_of(
            "store",
            &[
                Arg::key("storekey", 1).shown("key").token("STORE"),
                Arg::key("storedistkey", 2).shown("key").token("STOREDIST"),
            ],
        )
        .optional(),
    ],
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` \
        arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static GEORADIUSBYMEMBER_RO: Spec = Spec {
    name: "georadiusbymember_ro",
    group: Group::Geo,
    since: "3.2.10",
    summary: "Returns members from a geospatial index that are within a distance from a member.",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
        circular area delimited by center and radius and M is the number of items inside the \
        index.",
    arity: -5,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::word("M"),
                Arg::word("KM"),
                Arg::word("FT"),
                Arg::word("MI"),
            ],
        ),
        Arg::word("WITHCOORD").optional(),
        Arg::word("WITHDIST").optional(),
        Arg::word("WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").optional(),
            ],
        )
        .optional(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
    ],
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static GEOSEARCH: Spec = Spec {
    name: "geosearch",
    group: Group::Geo,
    since: "6.2.0",
    summary: "Queries a geospatial index for members inside an area of a box or a circle.",
    complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box \
        area around the shape provided as the filter and M is the number of items inside the shape",
    arity: -7,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::GEO]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::one_of(
            "from",
            &[
                Arg::string("member").token("FROMMEMBER"),
                Arg::block(
                    "fromlonlat",
                    &[Arg::double("longitude"), Arg::double("latitude")],
                )
                .token("FROMLONLAT"),
            ],
        ),
        Arg::one_of(
            "by",
            &[
                Arg::block(
                    "circle",
                    &[
                        Arg::double("radius").token("BYRADIUS"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::word("M"),
                                Arg::word("KM"),
                                Arg::word("FT"),
                                Arg::word("MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "box",
                    &[
                        Arg::double("width").token("BYBOX"),
                        Arg::double("height"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::word("M"),
                                Arg::word("KM"),
                                Arg::word("FT"),
                                Arg::word("MI"),
                            ],
                        ),
                    ],
                ),
            ],
        ),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").optional(),
            ],
        )
        .optional(),
        Arg::word("WITHCOORD").optional(),
        Arg::word("WITHDIST").optional(),
        Arg::word("WITHHASH").optional(),
    ],
    history: &[("7.0.0", "Added support for uppercase unit names.")],
    ..Spec::BLANK
};

pub(crate) static GEOSEARCHSTORE: Spec = Spec {
    name: "geosearchstore",
    group: Group::Geo,
    since: "6.2.0",
    summary: "Queries a geospatial index for members inside an area of a box or a circle, \
        optionally stores the result.",
    complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box \
        area around the shape provided as the filter and M is the number of items inside the shape",
    arity: -8,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::GEO]),
    keys: usual::STORED,
    args: &[
        Arg::key("destination", 0),
        Arg::key("source", 1),
        Arg::one_of(
            "from",
            &[
                Arg::string("member").token("FROMMEMBER"),
                Arg::block(
                    "fromlonlat",
                    &[Arg::double("longitude"), Arg::double("latitude")],
                )
                .token("FROMLONLAT"),
            ],
        ),
        Arg::one_of(
            "by",
            &[
                Arg::block(
                    "circle",
                    &[
                        Arg::double("radius").token("BYRADIUS"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::word("M"),
                                Arg::word("KM"),
                                Arg::word("FT"),
                                Arg::word("MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "box",
                    &[
                        Arg::double("width").token("BYBOX"),
                        Arg::double("height"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::word("M"),
                                Arg::word("KM"),
                                Arg::word("FT"),
                                Arg::word("MI"),
                            ],
                        ),
                    ],
                ),
            ],
        ),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::block(
            "count-block",
            &[
                Arg::integer("count").token("COUNT"),
                Arg::word("ANY").optional(),
            ],
        )
        .optional(),
        Arg::word("STOREDIST").optional(),
    ],
    history: &[("7.0.0", "Added support for uppercase unit names.")],
    ..Spec::BLANK
};
