//! What the operating system says about this process, read from the files under `/proc` and from its clocks.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use crate::engine::services::{Cpu, Figures};

/// Asks for everything. Costs some ten microseconds: not for every command.
pub fn figures() -> Figures {
    let own = fs::read_to_string("/proc/self/stat").map(|text| Times::of(&text)).unwrap_or_default();
    let of_loop = fs::read_to_string("/proc/thread-self/stat").map(|text| Times::of(&text)).unwrap_or_default();
    Figures {
        resident_bytes: resident_bytes(),
        machine_bytes: machine_bytes(),
        cpu: exact(own.user, own.system, ClockId::ProcessCPUTime),
        cpu_of_children: Cpu { system_us: own.system_of_children * TICK_US, user_us: own.user_of_children * TICK_US },
        cpu_of_loop: exact(of_loop.user, of_loop.system, ClockId::ThreadCPUTime),
    }
}

/// A hundredth of a second, whatever the kernel's own clock: that is what it tells programs.
const TICK_US: u64 = 10_000;

/// Processor time in ticks.
#[derive(Debug, Default, PartialEq)]
struct Times {
    user: u64,
    system: u64,
    user_of_children: u64,
    system_of_children: u64,
}

impl Times {
    /// The 14th to 17th field, counting the name in parentheses, which may hold anything, as the second.
    fn of(stat: &str) -> Times {
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut fields = fields.split_ascii_whitespace().skip(11).map(|field| field.parse().unwrap_or(0));
        let mut next = || fields.next().unwrap_or(0);
        Times { user: next(), system: next(), user_of_children: next(), system_of_children: next() }
    }
}

/// The kernel knows the sum to the nanosecond, and its two parts only by counting ticks: so the ticks divide the sum.
fn exact(user: u64, system: u64, clock: ClockId) -> Cpu {
    let spent = clock_gettime(clock);
    let total_us = spent.tv_sec as u64 * 1_000_000 + spent.tv_nsec as u64 / 1000;
    let system_us = if user + system == 0 { total_us / 2 } else { total_us * system / (user + system) };
    Cpu { system_us, user_us: total_us - system_us }
}

/// In `statm` the second number is the resident pages.
fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}

fn machine_bytes() -> usize {
    let info = rustix::system::sysinfo();
    info.totalram as usize * info.mem_unit as usize
}

/// The kernel, as `uname` tells.
pub fn system() -> String {
    let name = rustix::system::uname();
    let parts = [name.sysname(), name.release(), name.machine()];
    parts.map(|part| part.to_string_lossy().into_owned()).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20";
        let expected = Times { user: 11, system: 12, user_of_children: 13, system_of_children: 14 };
        assert_eq!(Times::of(stat), expected);
        assert_eq!(Times::of(""), Times::default());
    }

    #[test]
    fn this_process_has_figures() {
        let figures = figures();
        assert!(figures.resident_bytes > 100_000 && figures.machine_bytes > figures.resident_bytes);
        assert!(figures.cpu.user_us + figures.cpu.system_us > 0);
        assert!(system().contains(' '));
    }
}
