//! Rows about scripts, logs, observing and the process itself.

use super::{INT, LONG};
use crate::config::row::{
    Kind, Outside, Row, Within, boolean, number, optional, special, text, word,
};
use crate::config::title;
use crate::config::values::Reason;
use crate::config::words::{LogFormat, LogLevel, OomScoreAdj, Supervised, SyslogFacility};

#[rustfmt::skip] // A row per line reads as the table it is.
pub(crate) static ROWS: &[Row] = &[
    // Scripts.
    Row::new("busy-reply-threshold", number!(busy_reply_threshold_ms, 0, LONG), "5000").alias("lua-time-limit"),
    Row::new("lua-enable-deprecated-api", boolean!(lua_enable_deprecated_api), "no").immutable().hidden(),
    // Observing.
    Row::new("loglevel", word!(loglevel: LogLevel), "notice").outside(Outside::Logging),
    Row::new("logfile", text!(logfile), "").immutable(),
    Row::new("log-format", word!(log_format: LogFormat), "legacy").ours().outside(Outside::Logging),
    Row::new("syslog-enabled", boolean!(syslog_enabled), "no").immutable(),
    Row::new("syslog-ident", optional!(syslog_ident), "redis").immutable(),
    Row::new("syslog-facility", word!(syslog_facility: SyslogFacility), "local0").immutable(),
    Row::new("always-show-logo", boolean!(always_show_logo), "no").immutable(),
    Row::new("hide-user-data-from-log", boolean!(hide_user_data_from_log), "no"),
    Row::new("slowlog-log-slower-than", number!(slowlog_log_slower_than_us, -1, LONG), "10000"),
    Row::new("slowlog-max-len", number!(slowlog_max_len, 0, LONG), "128").within(Within::SlowLog),
    Row::new("latency-monitor-threshold", number!(latency_monitor_threshold_ms, 0, LONG), "0"),
    Row::new("latency-tracking", boolean!(latency_tracking), "yes"),
    Row::new("latency-tracking-info-percentiles", special!(latency_tracking_info_percentiles), "50 99 99.9").many(),
    // Process.
    Row::new("daemonize", boolean!(daemonize), "no").immutable(),
    Row::new("pidfile", optional!(pidfile), "").immutable(),
    Row::new("supervised", word!(supervised: Supervised), "no").immutable(),
    Row::new("set-proc-title", boolean!(set_proc_title), "yes").immutable(),
    Row::new("proc-title-template", text!(proc_title_template, title::check), "{title} {listen-addr} {server-mode}")
        .outside(Outside::ProcTitle),
    Row::new("oom-score-adj", word!(oom_score_adj: OomScoreAdj), "no").outside(Outside::OomScore),
    Row::new("oom-score-adj-values", special!(oom_score_adj_values), "0 200 800").many().outside(Outside::OomScore),
    Row::new("shutdown-timeout", number!(shutdown_timeout_s, 0, INT), "10"),
    Row::new("shutdown-on-sigint", special!(shutdown_on_sigint), "default").many(),
    Row::new("shutdown-on-sigterm", special!(shutdown_on_sigterm), "default").many(),
    Row::new("locale-collate", text!(locale_collate, locale), ""),
    Row::new("ignore-warnings", text!(ignore_warnings), ""),
    Row::new("crash-log-enabled", boolean!(crash_log_enabled), "yes").outside(Outside::Crash),
    Row::new("crash-memcheck-enabled", boolean!(crash_memcheck_enabled), "yes"),
    Row::new("use-exit-on-panic", boolean!(use_exit_on_panic), "no").hidden().outside(Outside::Crash),
    Row::new("watchdog-period", WATCHDOG, "0").hidden(),
    Row::new("io-threads", number!(io_threads, 1, 128), "1").immutable(),
    Row::new("server-cpulist", optional!(server_cpulist), "").alias("server_cpulist").immutable(),
    Row::new("bio-cpulist", optional!(bio_cpulist), "").alias("bio_cpulist").immutable(),
    Row::new("aof-rewrite-cpulist", optional!(aof_rewrite_cpulist), "").alias("aof_rewrite_cpulist").immutable(),
    Row::new("bgsave-cpulist", optional!(bgsave_cpulist), "").alias("bgsave_cpulist").immutable(),
];

/// A watchdog that barks more often than the cron runs would bark at a healthy server.
const WATCHDOG: Kind = Kind::Number {
    get: |config| i128::from(config.watchdog_period_ms),
    set: |config, period_ms| {
        let least_ms = if period_ms > 0 {
            2000 / config.hz.max(1)
        } else {
            0
        };
        config.watchdog_period_ms = (period_ms as u32).max(least_ms);
    },
    min: 0,
    max: INT,
    form: crate::config::row::Form::Plain,
};

/// Text is compared byte by byte here, whatever the locale. Names that look like one are taken, so that files
/// written for machines that have it still load.
fn locale(name: &[u8]) -> Result<(), Reason> {
    let (language, country) = match name.iter().position(|byte| *byte == b'_') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, &name[name.len()..]),
    };
    let known = matches!(name, b"" | b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8");
    let is_language =
        matches!(language.len(), 2 | 3) && language.iter().all(u8::is_ascii_lowercase);
    let is_country = country.len() >= 2 && country[..2].iter().all(u8::is_ascii_uppercase);
    if known || (is_language && is_country) {
        return Ok(());
    }
    Err("Invalid locale name".into())
}
