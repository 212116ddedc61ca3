//! The report and the end of a server that finds that it is wrong.
//!
//! A panic is a bug of ours, and after one the data cannot be trusted. So the process reports and ends: a supervisor
//! starts it again from the disk, which is better than a server that goes on with half a change.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Config;

/// `use-exit-on-panic`: end with a status instead of a core dump.
static EXITS: AtomicBool = AtomicBool::new(false);

/// `crash-log-enabled`: say more than one line.
static REPORTS: AtomicBool = AtomicBool::new(true);

/// A panic while a panic is reported ends the report.
static IS_REPORTING: AtomicBool = AtomicBool::new(false);

/// From now on a panic of any thread is logged and ends the process.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        if !IS_REPORTING.swap(true, Ordering::SeqCst) {
            report(info);
        }
        if EXITS.load(Ordering::Relaxed) {
            std::process::exit(1);
        }
        std::process::abort();
    }));
}

/// Does as the configuration says now.
pub(crate) fn configure(config: &Config) {
    EXITS.store(config.use_exit_on_panic, Ordering::Relaxed);
    REPORTS.store(config.crash_log_enabled, Ordering::Relaxed);
}

fn report(info: &PanicHookInfo<'_>) {
    let version = env!("CARGO_PKG_VERSION");
    let message = info.payload_as_str().unwrap_or("something that is no text");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current()
        .name()
        .unwrap_or("unnamed")
        .to_owned();
    if !REPORTS.load(Ordering::Relaxed) {
        log::error!("Pollux {version} crashed by panic: {message} ({place})");
        return;
    }
    log::error!("=== REDIS BUG REPORT START: Cut & paste starting from here ===");
    log::error!("Pollux {version} crashed by panic: {message}");
    log::error!("in thread {thread}, at {place}");
    log::error!("------ STACK TRACE ------\n{}", Backtrace::force_capture());
    log::error!("------ STACK TRACE DONE ------");
    log::error!("=== REDIS BUG REPORT END. Please report the crash, with all of the above. ===");
}
