//! Metrics in the text format of Prometheus.
//!
//! ```text
//!  # HELP redis_connected_clients Clients, without replicas.
//!  # TYPE redis_connected_clients gauge
//!  redis_connected_clients 3
//! ```
//!
//! Dashboards for Redis read the names that redis_exporter makes out of INFO, so those are used wherever INFO has the
//! fact; a table (`rows`) says which field becomes which name. What only a loop like ours has is called `pollux_...`.
//! Each name is written once, with its help and type before its samples.

mod rows;

use std::fmt::{Display, Write as _};

use crate::observe::shown::{Figures, TableFigures, Waiting};

use super::facts::Health;
use super::turns::{PHASE_NAMES, Steps, Sums};
use rows::{ROWS, Value};

/// A figure of a table.
type OfTable = fn(&TableFigures) -> usize;

pub(super) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that the server knows of itself. Without INFO there is little to say.
pub(super) fn of_server(
    info: Option<&str>,
    figures: Option<(&Figures, Waiting)>,
    health: Health,
) -> String {
    let mut text = Text::default();
    text.single("redis_up", "gauge", "Whether the server answers.", 1);
    let busy = u8::from(health == Health::Busy);
    text.single(
        "pollux_busy_with_script",
        "gauge",
        "Whether a script has run for long; figures of the data are missing then.",
        busy,
    );
    if let Some(info) = info {
        of_info(&mut text, &Info(info));
    }
    if let Some((figures, waiting)) = figures {
        of_figures(&mut text, figures, waiting);
    }
    text.0
}

/// The text of INFO.
struct Info<'a>(&'a str);

impl<'a> Info<'a> {
    fn lines(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0.lines().filter_map(|line| line.split_once(':'))
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        self.lines()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Fields whose names begin so: the rest of the name, and the value.
    fn named(&self, prefix: &'static str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let named = self.lines();
        named.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }
}

/// A part of a value like `keys=5,expires=0`.
fn part<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = value.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn of_info(text: &mut Text, info: &Info<'_>) {
    for row in ROWS {
        let Some(value) = info.field(row.field) else {
            continue;
        };
        let value = match row.value {
            Value::AsIs => value.to_owned(),
            Value::Status => u8::from(value == "ok").to_string(),
        };
        if value.parse::<f64>().is_ok() {
            text.single(row.name, row.kind, row.help, value);
        }
    }
    about_instance(text, info);
    replicas(text, info);
    databases(text, info);
    commands(text, info);
    errors(text, info);
}

fn about_instance(text: &mut Text, info: &Info<'_>) {
    let field = |name| info.field(name).unwrap_or_default();
    let labels = [
        ("role", field("role")),
        ("redis_version", field("redis_version")),
        ("redis_build_id", field("redis_build_id")),
        ("redis_mode", field("redis_mode")),
        ("os", field("os")),
        ("maxmemory_policy", field("maxmemory_policy")),
        ("tcp_port", field("tcp_port")),
        ("run_id", field("run_id")),
        ("process_id", field("process_id")),
        ("master_replid", field("master_replid")),
    ];
    text.title(
        "redis_instance_info",
        "gauge",
        "The server, told by its labels.",
    );
    text.sample("redis_instance_info", &labels, 1);
    let now_s = field("server_time_usec").parse::<i64>().unwrap_or(0) / 1_000_000;
    let uptime_s = field("uptime_in_seconds").parse::<i64>().unwrap_or(0);
    text.single(
        "redis_start_time_seconds",
        "gauge",
        "When the server was started, in seconds of Unix time.",
        now_s - uptime_s,
    );
}

/// Replicas of ours, and the link to our primary.
fn replicas(text: &mut Text, info: &Info<'_>) {
    let all: Vec<_> = info
        .named("slave")
        .filter(|(rest, _)| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let each = [
        (
            "redis_connected_slave_offset_bytes",
            "offset",
            "How much of the stream a replica has acknowledged.",
        ),
        (
            "redis_connected_slave_lag_seconds",
            "lag",
            "Since when a replica has said nothing.",
        ),
    ];
    for (name, figure, help) in each {
        if !all.is_empty() {
            text.title(name, "gauge", help);
        }
        for (number, value) in &all {
            let label = |name| part(value, name).unwrap_or_default();
            let labels = [
                ("slave", *number),
                ("slave_ip", label("ip")),
                ("slave_port", label("port")),
                ("slave_state", label("state")),
            ];
            text.sample(name, &labels, part(value, figure).unwrap_or("0"));
        }
    }
    let Some(host) = info.field("master_host") else {
        return;
    };
    let port = info.field("master_port").unwrap_or_default();
    let labels = [("master_host", host), ("master_port", port)];
    let is_up = info.field("master_link_status") == Some("up");
    let read_only = info.field("slave_read_only").unwrap_or("0");
    let all = [
        (
            "redis_master_link_up",
            "Whether the link to the primary is up.",
            u8::from(is_up).to_string(),
        ),
        (
            "redis_master_last_io_seconds_ago",
            "Since when the primary has said nothing.",
            info.field("master_last_io_seconds_ago")
                .unwrap_or("0")
                .into(),
        ),
        (
            "redis_master_sync_in_progress",
            "Whether the data set comes from the primary.",
            info.field("master_sync_in_progress").unwrap_or("0").into(),
        ),
        (
            "redis_slave_repl_offset",
            "How much of the primary's stream has been run.",
            info.field("slave_repl_offset").unwrap_or("0").into(),
        ),
    ];
    for (name, help, value) in all {
        text.title(name, "gauge", help);
        text.sample(name, &labels, value);
    }
    let labels = [
        ("master_host", host),
        ("master_port", port),
        ("read_only", read_only),
    ];
    text.title(
        "redis_slave_info",
        "gauge",
        "This replica, told by its labels.",
    );
    text.sample("redis_slave_info", &labels, 1);
}

fn databases(text: &mut Text, info: &Info<'_>) {
    let all: Vec<_> = info
        .named("db")
        .filter(|(rest, _)| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|(number, value)| (format!("db{number}"), value))
        .collect();
    let each: [(&str, &str, &str); 2] = [
        ("redis_db_keys", "keys", "Keys of a database."),
        ("redis_db_keys_expiring", "expires", "Keys with a deadline."),
    ];
    for (name, figure, help) in each {
        text.title(name, "gauge", help);
        for (db, value) in &all {
            text.sample(name, &[("db", db)], part(value, figure).unwrap_or("0"));
        }
    }
    let name = "redis_db_avg_ttl_seconds";
    text.title(
        name,
        "gauge",
        "How long keys with a deadline have left, on average.",
    );
    for (db, value) in &all {
        let ms = part(value, "avg_ttl")
            .unwrap_or("0")
            .parse::<f64>()
            .unwrap_or(0.0);
        text.sample(name, &[("db", db)], ms / 1000.0);
    }
}

fn commands(text: &mut Text, info: &Info<'_>) {
    let all: Vec<_> = info.named("cmdstat_").collect();
    let each = [
        ("redis_commands_total", "calls", "Calls of a command."),
        (
            "redis_commands_rejected_calls_total",
            "rejected_calls",
            "Calls that were refused before they ran.",
        ),
        (
            "redis_commands_failed_calls_total",
            "failed_calls",
            "Calls that were answered with an error.",
        ),
    ];
    for (name, figure, help) in each {
        text.title(name, "counter", help);
        for (command, value) in &all {
            text.sample(
                name,
                &[("cmd", command)],
                part(value, figure).unwrap_or("0"),
            );
        }
    }
    let name = "redis_commands_duration_seconds_total";
    text.title(name, "counter", "Time spent in a command.");
    for (command, value) in &all {
        let us = part(value, "usec")
            .unwrap_or("0")
            .parse::<f64>()
            .unwrap_or(0.0);
        text.sample(name, &[("cmd", command)], us / 1e6);
    }
    let name = "redis_latency_percentiles_usec";
    text.title(
        name,
        "summary",
        "How long calls of a command took, in microseconds.",
    );
    for (command, value) in info.named("latency_percentiles_usec_") {
        for (percent, us) in value.split(',').filter_map(|pair| pair.split_once('=')) {
            let percent = percent
                .trim_start_matches('p')
                .parse::<f64>()
                .unwrap_or(0.0);
            let quantile = (percent * 1000.0).round() / 100_000.0;
            let labels = [("cmd", command), ("quantile", &*quantile.to_string())];
            text.sample(name, &labels, us);
        }
        let totals = all.iter().find(|(known, _)| *known == command);
        let of = |figure| {
            totals
                .and_then(|(_, value)| part(value, figure))
                .unwrap_or("0")
        };
        text.sample(
            "redis_latency_percentiles_usec_sum",
            &[("cmd", command)],
            of("usec"),
        );
        text.sample(
            "redis_latency_percentiles_usec_count",
            &[("cmd", command)],
            of("calls"),
        );
    }
}

fn errors(text: &mut Text, info: &Info<'_>) {
    let name = "redis_errors_total";
    text.title(name, "counter", "Error replies by their first word.");
    for (code, value) in info.named("errorstat_") {
        text.sample(name, &[("err", code)], part(value, "count").unwrap_or("0"));
    }
}

fn of_figures(text: &mut Text, figures: &Figures, waiting: Waiting) {
    text.single(
        "pollux_unread_bytes",
        "gauge",
        "Bytes of requests that wait to be run.",
        waiting.unread,
    );
    text.single(
        "pollux_unsent_bytes",
        "gauge",
        "Bytes of replies that wait to be sent.",
        waiting.unsent,
    );
    let single: [(&str, &str, &str, String); 4] = [
        (
            "redis_slowlog_length",
            "gauge",
            "Entries of the slow log.",
            figures.slow_count.to_string(),
        ),
        (
            "redis_slowlog_last_id",
            "gauge",
            "The number of the last entry of the slow log.",
            figures.slow_last_id.to_string(),
        ),
        (
            "redis_last_slow_execution_duration_seconds",
            "gauge",
            "How long the last command of the slow log took.",
            (figures.slow_last_us as f64 / 1e6).to_string(),
        ),
        (
            "pollux_wheel_late_seconds",
            "gauge",
            "How long the key that is overdue most has been so.",
            (figures.late_ms as f64 / 1e3).to_string(),
        ),
    ];
    for (name, kind, help, value) in single {
        text.single(name, kind, help, value);
    }
    let tables: [(&str, &str, OfTable); 3] = [
        (
            "pollux_table_buckets",
            "Buckets of a database's table.",
            |table| table.shape.buckets,
        ),
        (
            "pollux_table_overflow_buckets",
            "Buckets behind a full one.",
            |table| table.shape.overflow_buckets,
        ),
        (
            "pollux_table_split",
            "The bucket that is divided next.",
            |table| table.shape.split,
        ),
    ];
    for (name, help, figure) in tables {
        text.title(name, "gauge", help);
        for table in &figures.tables {
            let db = format!("db{}", table.db);
            text.sample(name, &[("db", &db)], figure(table));
        }
    }
}

/// What the loop tells of itself. `page`: who is connected to it, who watches, and how many were turned away.
pub(super) fn of_loop(text: &mut String, sums: &Sums, page: (usize, usize, u64)) {
    let mut out = Text(std::mem::take(text));
    let name = "pollux_loop_phase_seconds_total";
    out.title(name, "counter", "Time by the phase of a turn.");
    for (phase, ns) in PHASE_NAMES.iter().zip(sums.spent_ns) {
        out.sample(name, &[("phase", phase)], ns as f64 / 1e9);
    }
    let counters = [
        ("pollux_loop_turns_total", "Turns of the loop.", sums.turns),
        (
            "pollux_loop_events_total",
            "Events that the poll reported.",
            sums.events,
        ),
        (
            "pollux_loop_accepted_total",
            "Connections that were accepted, those of the page included.",
            sums.accepted,
        ),
        (
            "pollux_loop_clients_total",
            "Clients whose bytes were handed on, once a turn each.",
            sums.clients,
        ),
        (
            "pollux_loop_groups_total",
            "Groups in which they were.",
            sums.groups,
        ),
        (
            "pollux_loop_reads_total",
            "System calls that read.",
            sums.reads,
        ),
        (
            "pollux_loop_writes_total",
            "System calls that wrote.",
            sums.writes,
        ),
        (
            "pollux_loop_read_bytes_total",
            "Bytes that came.",
            sums.bytes_in,
        ),
        (
            "pollux_loop_written_bytes_total",
            "Bytes that left.",
            sums.bytes_out,
        ),
        (
            "pollux_page_refused_total",
            "Callers of the page that were turned away.",
            page.2,
        ),
    ];
    for (name, help, value) in counters {
        out.single(name, "counter", help, value);
    }
    steps(&mut out, sums);
    out.single(
        "pollux_page_callers",
        "gauge",
        "Connections to the page.",
        page.0,
    );
    out.single(
        "pollux_page_viewers",
        "gauge",
        "Those of them that watch.",
        page.1,
    );
    *text = out.0;
}

/// Turns by their length and by their events.
fn steps(out: &mut Text, sums: &Sums) {
    let name = "pollux_loop_turn_seconds";
    out.histogram(name, "How long turns were awake.", &sums.awake, 1e9, 8..33);
    let name = "pollux_loop_events_per_turn";
    out.histogram(
        name,
        "Events that a turn began with.",
        &sums.events_a_turn,
        1.0,
        0..15,
    );
}

/// The text as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    // Writing to a string cannot fail.
    fn title(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.title(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"", if at == 0 { '{' } else { ',' });
            for c in text.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        let _ = writeln!(self.0, "}} {value}");
    }

    /// Steps of powers of two as a histogram, from step `shown.start` on; `unit` of them are one.
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        steps: &Steps,
        unit: f64,
        shown: std::ops::Range<usize>,
    ) {
        self.title(name, "histogram", help);
        let mut below = 0;
        let bucket = format!("{name}_bucket");
        for (step, count) in steps.counts.iter().enumerate() {
            below += count;
            if shown.contains(&step) {
                // Values are whole numbers: the largest of a step is one less than where the next begins.
                let most = ((1_u64 << step) - 1) as f64 / unit;
                self.sample(&bucket, &[("le", &most.to_string())], below);
            }
        }
        self.sample(&bucket, &[("le", "+Inf")], below);
        let sum = steps.sum as f64 / unit;
        let _ = writeln!(self.0, "{name}_sum {sum}\n{name}_count {below}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const INFO: &str = "# Server\r\nredis_version:8.0.6\r\ntcp_port:6379\r\nuptime_in_seconds:5\r\n\
        server_time_usec:1700000000000000\r\nconnected_clients:2\r\naof_last_write_status:ok\r\nrole:master\r\n\
        slave0:ip=10.0.0.2,port=6380,state=online,offset=77,lag=1\r\nslave_priority:100\r\n\
        cmdstat_config|get:calls=3,usec=1500000,usec_per_call=1.00,rejected_calls=1,failed_calls=2\r\n\
        latency_percentiles_usec_config|get:p50=1.003,p99=2.007,p99.9=3.007\r\n\
        errorstat_ERR:count=9\r\ndb0:keys=4,expires=1,avg_ttl=1500,subexpiry=0\r\ndb0_distrib_strings_sizes:1=2\r\n";

    fn all() -> String {
        let figures = Figures::default();
        let mut text = of_server(
            Some(INFO),
            Some((&figures, Waiting::default())),
            Health::Fine,
        );
        let mut sums = Sums::default();
        sums.awake.add(1_000);
        sums.awake.add(3_000_000);
        of_loop(&mut text, &sums, (1, 0, 0));
        text
    }

    #[test]
    fn facts_have_the_names_that_dashboards_know() {
        let text = all();
        for line in [
            "redis_up 1",
            "redis_connected_clients 2",
            "redis_aof_last_write_status 1",
            "redis_start_time_seconds 1699999995",
            "redis_connected_slave_offset_bytes{slave=\"0\",slave_ip=\"10.0.0.2\",slave_port=\"6380\",slave_state=\"online\"} 77",
            "redis_commands_total{cmd=\"config|get\"} 3",
            "redis_commands_duration_seconds_total{cmd=\"config|get\"} 1.5",
            "redis_latency_percentiles_usec{cmd=\"config|get\",quantile=\"0.999\"} 3.007",
            "redis_errors_total{err=\"ERR\"} 9",
            "redis_db_keys{db=\"db0\"} 4",
            "redis_db_avg_ttl_seconds{db=\"db0\"} 1.5",
            "pollux_loop_turn_seconds_bucket{le=\"0.000001023\"} 1",
            "pollux_loop_turn_seconds_bucket{le=\"+Inf\"} 2",
            "pollux_loop_turn_seconds_count 2",
        ] {
            assert!(
                text.lines().any(|known| known == line),
                "{line}\nis not in\n{text}"
            );
        }
    }

    #[test]
    fn every_name_is_told_of_once_and_before_its_samples() {
        let text = all();
        let mut told = BTreeSet::new();
        let mut samples = BTreeSet::new();
        let mut last = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                last = rest.split(' ').next().expect("a name");
                assert!(told.insert(last), "{last} twice");
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').expect("a value");
                assert!(sample.starts_with(last), "{sample} stands under {last}");
                assert!(samples.insert(sample), "{sample} twice");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len(), "a name stands in two rows");
    }

    #[test]
    fn labels_cannot_break_out() {
        let mut text = Text::default();
        text.sample("a", &[("b", "x\"} 1\n\\")], 2);
        assert_eq!(text.0, "a{b=\"x\\\"} 1\\n\\\\\"} 2\n");
    }
}
