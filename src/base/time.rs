//! Time: the one place that reads the system's clocks.
//!
//! Everything else is handed a number. The engine owns one [`Clock`] and reads it once per outermost command, so a
//! command, a script and a transaction each see a single instant; tests own a manual one and wind it.

mod zone;

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use zone::Zone;

/// A source of time: the machine's, or one that only moves when told.
#[derive(Debug, Clone)]
pub enum Clock {
    System(Origin),
    Manual(Manual),
}

/// When a system clock was made; monotonic time counts from here.
#[derive(Debug, Clone)]
pub struct Origin(Instant);

/// The hands of a manual clock. The two can be moved apart, as an administrator may set a machine's clock back.
#[derive(Debug, Clone)]
pub struct Manual {
    unix_us: Cell<i64>,
    monotonic_us: Cell<u64>,
}

impl Clock {
    pub(crate) fn system() -> Clock {
        Clock::System(Origin(Instant::now()))
    }

    pub fn manual(unix_ms: i64) -> Clock {
        Clock::Manual(Manual {
            unix_us: Cell::new(unix_ms * 1000),
            monotonic_us: Cell::new(0),
        })
    }

    /// Milliseconds since 1970, as deadlines are counted.
    pub(crate) fn unix_ms(&self) -> i64 {
        self.unix_us().div_euclid(1000)
    }

    /// Microseconds since 1970.
    pub(crate) fn unix_us(&self) -> i64 {
        match self {
            Clock::System(_) => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => since.as_micros() as i64,
                Err(before) => -(before.duration().as_micros() as i64),
            },
            Clock::Manual(manual) => manual.unix_us.get(),
        }
    }

    /// Microseconds since some moment in the past, never going back: for measuring how long something took.
    pub(crate) fn monotonic_us(&self) -> u64 {
        match self {
            Clock::System(origin) => origin.0.elapsed().as_micros() as u64,
            Clock::Manual(manual) => manual.monotonic_us.get(),
        }
    }

    /// Lets time pass on a manual clock.
    pub(crate) fn advance(&self, ms: u64) {
        self.advance_us(ms * 1000);
    }

    /// Lets time pass on a manual clock.
    pub(crate) fn advance_us(&self, us: u64) {
        let Clock::Manual(manual) = self else {
            panic!("only a manual clock is wound by hand");
        };
        manual.unix_us.set(manual.unix_us.get() + us as i64);
        manual.monotonic_us.set(manual.monotonic_us.get() + us);
    }

    /// Does nothing until so much time has passed; on a manual clock it just passes.
    pub(crate) fn sleep_us(&self, us: u64) {
        match self {
            Clock::System(_) => std::thread::sleep(Duration::from_micros(us)),
            Clock::Manual(_) => self.advance_us(us),
        }
    }

    /// Sets the calendar of a manual clock, back or forth, without any time passing.
    #[cfg(test)]
    pub(crate) fn set_unix_ms(&self, unix_ms: i64) {
        let Clock::Manual(manual) = self else {
            panic!("only a manual clock is set by hand");
        };
        manual.unix_us.set(unix_ms * 1000);
    }
}

/// A moment as a calendar shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1..=12
    pub(crate) month: u32,
    /// 1..=31
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) millisecond: u32,
}

impl Date {
    /// The calendar of that moment in `zone`.
    pub(crate) fn of(unix_ms: i64, zone: &Zone) -> Date {
        let unix_s = unix_ms.div_euclid(1000);
        let local_s = unix_s + i64::from(zone.offset(unix_s));
        let second_of_day = local_s.rem_euclid(86_400) as u32;
        let (year, month, day) = zone::civil_of_days(local_s.div_euclid(86_400));
        Date {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            millisecond: unix_ms.rem_euclid(1000) as u32,
        }
    }

    /// `21 Nov 2026 03:42:40.123`, as log lines begin.
    pub(crate) fn log_stamp(&self) -> String {
        format!(
            "{:02} {} {:04} {:02}:{:02}:{:02}.{:03}",
            self.day,
            MONTHS[self.month as usize - 1],
            self.year,
            self.hour,
            self.minute,
            self.second,
            self.millisecond
        )
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_when_told() {
        let clock = Clock::manual(1_000);
        assert_eq!((clock.unix_ms(), clock.monotonic_us()), (1_000, 0));
        clock.advance(5);
        clock.advance_us(700);
        assert_eq!((clock.unix_ms(), clock.unix_us()), (1_005, 1_005_700));
        clock.set_unix_ms(-3);
        assert_eq!((clock.unix_ms(), clock.monotonic_us()), (-3, 5_700));
    }

    #[test]
    fn the_system_clock_runs() {
        let clock = Clock::system();
        let before = clock.monotonic_us();
        assert!(clock.unix_ms() > 1_700_000_000_000);
        assert!(clock.monotonic_us() >= before);
    }

    #[test]
    fn log_lines_are_stamped() {
        let stamp = |unix_ms| Date::of(unix_ms, &Zone::UTC).log_stamp();
        assert_eq!(stamp(1_795_232_560_123), "21 Nov 2026 03:42:40.123");
        assert_eq!(stamp(0), "01 Jan 1970 00:00:00.000");
        assert_eq!(stamp(-1), "31 Dec 1969 23:59:59.999");
        assert_eq!(stamp(951_782_400_000), "29 Feb 2000 00:00:00.000");
        assert_eq!(stamp(4_107_542_399_999), "28 Feb 2100 23:59:59.999");
    }
}
