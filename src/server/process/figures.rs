//! The operating system's figures about this process: memory, processor time, the machine.
//!
//! The kernel tells user and system time apart in hundredths of a second only, but knows their sum to the nanosecond.
//! So the sum is asked for, and divided as the hundredths are. Where there is no `/proc` all of it counts as user time
//! and the rest is unknown, which is 0.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use crate::engine::services::{Cpu, Figures, ProcessFacts};

pub(crate) fn figures() -> Figures {
    let page_bytes = rustix::param::page_size();
    let resident_pages = word("/proc/self/statm", 1);
    let process = Ticks::read("/proc/self/stat");
    let thread = Ticks::read("/proc/thread-self/stat");
    Figures {
        resident_bytes: resident_pages as usize * page_bytes,
        machine_bytes: machine_bytes(),
        cpu: process.share(us_of(ClockId::ProcessCPUTime)),
        cpu_of_children: process.of_children(),
        cpu_of_loop: thread.share(us_of(ClockId::ThreadCPUTime)),
    }
}

/// The facts that do not change while the process runs.
pub(crate) fn describe() -> ProcessFacts {
    let uname = rustix::system::uname();
    let words = [uname.sysname(), uname.release(), uname.machine()];
    let os = words.map(|word| word.to_string_lossy().into_owned());
    ProcessFacts {
        os: os.join(" "),
        pid: std::process::id(),
        probe: Some(figures),
        startup_memory: crate::store::alloc::used_memory(),
        ..ProcessFacts::default()
    }
}

/// Times of a process or thread in ticks of the kernel.
#[derive(Default)]
struct Ticks {
    user: u64,
    system: u64,
    user_of_children: u64,
    system_of_children: u64,
}

impl Ticks {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        // The second field is a name in brackets, and may hold anything. Behind it the third begins.
        let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut times = fields
            .split_ascii_whitespace()
            .skip(11)
            .map(|field| field.parse().unwrap_or(0));
        let mut next = || times.next().unwrap_or(0);
        Self {
            user: next(),
            system: next(),
            user_of_children: next(),
            system_of_children: next(),
        }
    }

    fn share(&self, sum_us: u64) -> Cpu {
        let ticks = self.user + self.system;
        let system_us = (u128::from(sum_us) * u128::from(self.system))
            .checked_div(u128::from(ticks))
            .unwrap_or(0) as u64;
        Cpu {
            system_us,
            user_us: sum_us - system_us,
        }
    }

    fn of_children(&self) -> Cpu {
        let tick_us = 1_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Cpu {
            system_us: self.system_of_children * tick_us,
            user_us: self.user_of_children * tick_us,
        }
    }
}

fn us_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn machine_bytes() -> usize {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .strip_prefix("MemTotal:")
        .and_then(|rest| rest.split_ascii_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// A number among the words of a short file.
fn word(path: &str, index: usize) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace()
        .nth(index)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_divided_as_the_ticks_are() {
        let ticks = Ticks {
            user: 3,
            system: 1,
            ..Ticks::default()
        };
        let cpu = ticks.share(1000);
        assert_eq!((cpu.user_us, cpu.system_us), (750, 250));
        let cpu = Ticks::default().share(1000);
        assert_eq!((cpu.user_us, cpu.system_us), (1000, 0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_answers() {
        let figures = figures();
        assert!(figures.resident_bytes > 0 && figures.machine_bytes > figures.resident_bytes);
    }
}
