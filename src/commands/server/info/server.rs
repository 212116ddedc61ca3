//! INFO server and cpu: what runs here, where and since when.

use std::fmt::Write as _;

use crate::base::crc::crc64;
use crate::config::{REDIS_VERSION, Supervised};
use crate::engine::run::ctx::Ctx;
use crate::engine::services::Cpu;
use crate::keyspace::AccessPolicy;

use super::Report;

pub(crate) fn server(ctx: &Ctx<'_>, report: &mut Report) {
    let config = &ctx.services.config;
    let facts = &ctx.services.server;
    let pollux_version = env!("CARGO_PKG_VERSION");
    let uptime_s = ctx.now.monotonic_us.saturating_sub(facts.started_us) / 1_000_000;
    report.field("redis_version", REDIS_VERSION);
    report.field("server_name", "pollux");
    report.field("pollux_version", pollux_version);
    report.field("redis_git_sha1", "00000000");
    report.field("redis_git_dirty", 0);
    report.field(
        "redis_build_id",
        format_args!("{:x}", crc64(0, pollux_version.as_bytes())),
    );
    report.field(
        "redis_mode",
        if config.cluster_enabled {
            "cluster"
        } else {
            "standalone"
        },
    );
    report.field("os", &facts.process.os);
    report.field("arch_bits", usize::BITS);
    report.field("monotonic_clock", "POSIX clock_gettime");
    report.field(
        "multiplexing_api",
        if cfg!(target_os = "linux") {
            "epoll"
        } else {
            "kqueue"
        },
    );
    report.field("atomicvar_api", "c11-builtin");
    // There is no C compiler to name; Redis says the same when it was not built by GCC.
    report.field("gcc_version", "0.0.0");
    report.field("process_id", facts.process.pid);
    report.field("process_supervised", supervisor(config.supervised));
    report.field("run_id", &facts.run_id);
    report.field(
        "tcp_port",
        if config.port == 0 {
            config.tls_port
        } else {
            config.port
        },
    );
    report.field("server_time_usec", ctx.now.unix_us);
    report.field("uptime_in_seconds", uptime_s);
    report.field("uptime_in_days", uptime_s / 86_400);
    report.field("hz", config.hz);
    report.field("configured_hz", config.hz);
    report.field("lru_clock", AccessPolicy::lru_clock(ctx.now.unix_ms));
    report.field("executable", &facts.process.executable);
    let config_file = ctx.services.config_file.as_ref();
    report.field(
        "config_file",
        config_file.map_or(String::new(), |file| file.path().display().to_string()),
    );
    report.field("io_threads_active", 0);
    if let Some(left_ms) = ctx.services.departure.left_ms(ctx.now.unix_ms) {
        report.field("shutdown_in_milliseconds", left_ms);
    }
    for (number, listener) in listeners(ctx).iter().enumerate() {
        report.field(format_args!("listener{number}"), listener);
    }
}

fn supervisor(supervised: Supervised) -> &'static str {
    match supervised {
        Supervised::No => "no",
        Supervised::Systemd => "systemd",
        Supervised::Upstart => "upstart",
        Supervised::Auto => "unknown",
    }
}

/// `name=tcp,bind=*,bind=-::*,port=6379`
fn listeners(ctx: &Ctx<'_>) -> Vec<String> {
    let config = &ctx.services.config;
    let mut listeners = Vec::new();
    for (name, port) in [("tcp", config.port), ("tls", config.tls_port)] {
        if port != 0 {
            let mut line = format!("name={name}");
            for address in &config.bind.0 {
                let _ = write!(line, ",bind={}", String::from_utf8_lossy(address));
            }
            let _ = write!(line, ",port={port}");
            listeners.push(line);
        }
    }
    if !config.unixsocket.is_empty() {
        listeners.push(format!(
            "name=unix,bind={}",
            String::from_utf8_lossy(&config.unixsocket)
        ));
    }
    listeners
}

pub(crate) fn cpu(ctx: &Ctx<'_>, report: &mut Report) {
    let figures = ctx.services.server.figures();
    let mut times = |suffix: &str, cpu: Cpu| {
        for (kind, us) in [("sys", cpu.system_us), ("user", cpu.user_us)] {
            let name = format_args!("used_cpu_{kind}{suffix}");
            report.field(
                name,
                format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000),
            );
        }
    };
    times("", figures.cpu);
    times("_children", figures.cpu_of_children);
    times("_main_thread", figures.cpu_of_loop);
}
