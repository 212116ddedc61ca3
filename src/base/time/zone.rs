//! How local time differs from UTC.
//!
//! Only log lines and a few replies show local time, but an administrator who compares a log with a wall clock wants
//! it. The system's knowledge comes in two forms, and a zone file holds both: a list of past changes, and a rule in one
//! line for everything after them.
//!
//! ```text
//! "TZif" version 15x0  6 counts (BE u32)     twice: with times of 4 bytes, then (version >= 2) of 8
//! times  type of each  types (i32 seconds east, u8 dst, u8 name)  names  leaps  flags
//! \n CET-1CEST,M3.5.0,M10.5.0/3 \n           the rule; its offsets count westward
//! ```
//!
//! Nothing here opens a file: the caller passes a way to read one. A file that cannot be understood counts as UTC.

/// The difference between local time and UTC, at any moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Zone {
    /// (unix second from which it holds, seconds east of UTC), ascending.
    changes: Vec<(i64, i32)>,
    /// Seconds east before the first change.
    first: i32,
    /// The rule that holds after the last change.
    rule: Option<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    standard: i32,
    summer: Option<Summer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summer {
    offset: i32,
    begin: Switch,
    end: Switch,
}

/// A day of every year and a local time on it, in seconds; the latter may be negative or beyond a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Switch {
    day: Day,
    second: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// `Mm.w.d`: weekday `d` (0 is Sunday) of week `w` of month `m`; week 5 is the last.
    Weekday { month: u32, week: i64, day: i64 },
    /// `Jn`: day n of the year, from 1, as if February always had 28.
    Julian(i64),
    /// `n`: day n of the year, from 0.
    OfYear(i64),
}

impl Zone {
    pub(crate) const UTC: Zone = Zone {
        changes: Vec::new(),
        first: 0,
        rule: None,
    };

    /// The zone that the environment's `TZ` and the system's files name, as C libraries find it.
    pub(crate) fn find(tz: Option<&str>, mut read: impl FnMut(&str) -> Option<Vec<u8>>) -> Zone {
        let name = match tz {
            None => {
                let local = read("/etc/localtime");
                return local
                    .and_then(|file| Zone::from_file(&file))
                    .unwrap_or(Zone::UTC);
            }
            Some(tz) => tz.strip_prefix(':').unwrap_or(tz),
        };
        let path = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("/usr/share/zoneinfo/{name}")
        };
        let by_name = (!name.is_empty()).then(|| read(&path)).flatten();
        by_name
            .and_then(|file| Zone::from_file(&file))
            .or_else(|| Zone::from_rule(name))
            .unwrap_or(Zone::UTC)
    }

    /// Reads the contents of a zone file.
    pub(crate) fn from_file(file: &[u8]) -> Option<Zone> {
        let version = *file.get(4)?;
        let (mut zone, rest) = read_block(file, 4)?;
        if version >= b'2' {
            let footer;
            (zone, footer) = read_block(rest, 8)?;
            let line = footer
                .strip_prefix(b"\n")?
                .split(|&byte| byte == b'\n')
                .next()?;
            zone.rule = std::str::from_utf8(line).ok().and_then(parse_rule);
        }
        Some(zone)
    }

    /// Reads a rule such as `EST5EDT,M3.2.0,M11.1.0`.
    pub(crate) fn from_rule(text: &str) -> Option<Zone> {
        Some(Zone {
            rule: Some(parse_rule(text)?),
            ..Zone::UTC
        })
    }

    /// Seconds east of UTC at that moment.
    pub(crate) fn offset(&self, unix_s: i64) -> i32 {
        let past = self.changes.partition_point(|change| change.0 <= unix_s);
        match self.rule {
            Some(rule) if past == self.changes.len() => rule.offset(unix_s),
            _ if past == 0 => self.first,
            _ => self.changes[past - 1].1,
        }
    }
}

impl Rule {
    fn offset(self, unix_s: i64) -> i32 {
        let Some(summer) = self.summer else {
            return self.standard;
        };
        let (year, _, _) = civil_of_days((unix_s + i64::from(self.standard)).div_euclid(86_400));
        // Each switch is told in the time that holds before it.
        let begin = summer.begin.unix_s(year) - i64::from(self.standard);
        let end = summer.end.unix_s(year) - i64::from(summer.offset);
        // South of the equator summer ends in the year before it begins.
        let is_summer = if begin < end {
            (begin..end).contains(&unix_s)
        } else {
            !(end..begin).contains(&unix_s)
        };
        if is_summer {
            summer.offset
        } else {
            self.standard
        }
    }
}

impl Switch {
    /// The moment, as if local time were UTC.
    fn unix_s(self, year: i64) -> i64 {
        let first = days_of_civil(year, 1, 1);
        let days = match self.day {
            Day::OfYear(day) => first + day,
            Day::Julian(day) => {
                let leap = days_of_civil(year, 3, 1) - first == 60;
                first + day - 1 + i64::from(leap && day >= 60)
            }
            Day::Weekday { month, week, day } => {
                let first = days_of_civil(year, month, 1);
                let next = if month == 12 {
                    days_of_civil(year + 1, 1, 1)
                } else {
                    days_of_civil(year, month + 1, 1)
                };
                // 1 January 1970 was a Thursday.
                let weekday = (first + 4).rem_euclid(7);
                let mut days = first + (day - weekday).rem_euclid(7) + (week - 1) * 7;
                if days >= next {
                    days -= 7;
                }
                days
            }
        };
        days * 86_400 + i64::from(self.second)
    }
}

/// Year, month and day of a day counted from 1 January 1970.
pub(crate) fn civil_of_days(days: i64) -> (i64, u32, u32) {
    // Count from 1 March of year 0, so that the leap day ends a year and the months follow one formula.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// The inverse of [`civil_of_days`].
pub(crate) fn days_of_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// One header with its data, times being that many bytes wide; returns what follows too.
fn read_block(bytes: &[u8], width: usize) -> Option<(Zone, &[u8])> {
    let (header, rest) = bytes.split_at_checked(44)?;
    if !header.starts_with(b"TZif") {
        return None;
    }
    let count = |i: usize| Some(u32::from_be_bytes(*header[20 + i * 4..].first_chunk()?) as usize);
    let [utc_flags, standard_flags, leaps] = [count(0)?, count(1)?, count(2)?];
    let [times, types, names] = [count(3)?, count(4)?, count(5)?];

    let (time_bytes, rest) = rest.split_at_checked(times.checked_mul(width)?)?;
    let (type_of, rest) = rest.split_at_checked(times)?;
    let (type_bytes, rest) = rest.split_at_checked(types.checked_mul(6)?)?;
    let behind = names
        .checked_add(leaps.checked_mul(width + 4)?)?
        .checked_add(utc_flags)?
        .checked_add(standard_flags)?;
    let rest = rest.get(behind..)?;

    let offset = |index: usize| {
        let seconds = type_bytes.get(index * 6..)?.first_chunk()?;
        Some(i32::from_be_bytes(*seconds))
    };
    let mut changes = Vec::with_capacity(times);
    for (time, &index) in time_bytes.chunks_exact(width).zip(type_of) {
        let seconds = match time.len() {
            4 => i64::from(i32::from_be_bytes(*time.first_chunk()?)),
            _ => i64::from_be_bytes(*time.first_chunk()?),
        };
        changes.push((seconds, offset(usize::from(index))?));
    }
    let zone = Zone {
        changes,
        first: offset(0)?,
        rule: None,
    };
    Some((zone, rest))
}

fn parse_rule(text: &str) -> Option<Rule> {
    let rest = skip_name(text)?;
    let (west, rest) = parse_time(rest)?;
    let standard = -west;
    if rest.is_empty() {
        return Some(Rule {
            standard,
            summer: None,
        });
    }
    let rest = skip_name(rest)?;
    let (offset, rest) = match parse_time(rest) {
        Some((west, rest)) => (-west, rest),
        None => (standard + 3600, rest),
    };
    // Without dates, those of the United States hold.
    let dates = if rest.is_empty() {
        ",M3.2.0,M11.1.0"
    } else {
        rest
    };
    let (begin, end) = dates.strip_prefix(',')?.split_once(',')?;
    let summer = Summer {
        offset,
        begin: parse_switch(begin)?,
        end: parse_switch(end)?,
    };
    Some(Rule {
        standard,
        summer: Some(summer),
    })
}

/// A zone's abbreviation: letters, or anything between angle brackets.
fn skip_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return Some(quoted.split_once('>')?.1);
    }
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    (text.len() - rest.len() >= 3).then_some(rest)
}

/// `[+-]h[:m[:s]]` in seconds.
fn parse_time(text: &str) -> Option<(i32, &str)> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0;
    for unit in [3600, 60, 1] {
        let digits = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let number: i32 = rest[..rest.len() - digits.len()].parse().ok()?;
        seconds += number.clamp(0, 167) * unit;
        match digits.strip_prefix(':') {
            Some(more) if unit > 1 => rest = more,
            _ => return Some((sign * seconds, digits)),
        }
    }
    None
}

fn parse_switch(text: &str) -> Option<Switch> {
    let (day, second) = match text.split_once('/') {
        Some((day, time)) => match parse_time(time)? {
            (second, "") => (day, second),
            _ => return None,
        },
        None => (text, 2 * 3600),
    };
    let number = |text: &str, most: i64| text.parse().ok().filter(|n| (0..=most).contains(n));
    let day = if let Some(day) = day.strip_prefix('M') {
        let mut parts = day.split('.');
        let month = number(parts.next()?, 12)?.max(1) as u32;
        let week = number(parts.next()?, 5)?.max(1);
        let day = number(parts.next()?, 6)?;
        Day::Weekday { month, week, day }
    } else if let Some(day) = day.strip_prefix('J') {
        Day::Julian(number(day, 365)?)
    } else {
        Day::OfYear(number(day, 365)?)
    };
    Some(Switch { day, second })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Zone {
        Zone::from_rule(text).unwrap()
    }

    fn moment(year: i64, month: u32, day: u32, hour: i64) -> i64 {
        days_of_civil(year, month, day) * 86_400 + hour * 3600
    }

    #[test]
    fn days_and_dates_agree() {
        for days in (-1_000_000..1_000_000).step_by(17).chain(-800..800) {
            let (year, month, day) = civil_of_days(days);
            assert_eq!(days_of_civil(year, month, day), days);
        }
        assert_eq!(civil_of_days(0), (1970, 1, 1));
        assert_eq!(civil_of_days(days_of_civil(2024, 2, 28) + 1), (2024, 2, 29));
    }

    #[test]
    fn rules_switch_when_they_say() {
        let berlin = rule("CET-1CEST,M3.5.0,M10.5.0/3");
        // 2026: 29 March and 25 October, both at 01:00 UTC.
        assert_eq!(berlin.offset(moment(2026, 3, 29, 1) - 1), 3600);
        assert_eq!(berlin.offset(moment(2026, 3, 29, 1)), 7200);
        assert_eq!(berlin.offset(moment(2026, 10, 25, 1) - 1), 7200);
        assert_eq!(berlin.offset(moment(2026, 10, 25, 1)), 3600);
        let sydney = rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
        assert_eq!(sydney.offset(moment(2026, 1, 15, 0)), 39_600);
        assert_eq!(sydney.offset(moment(2026, 7, 15, 0)), 36_000);
        assert_eq!(sydney.offset(moment(2026, 12, 31, 23)), 39_600);
        let new_york = rule("EST5EDT");
        assert_eq!(new_york.offset(moment(2026, 7, 1, 0)), -4 * 3600);
        assert_eq!(new_york.offset(moment(2026, 11, 1, 6)), -5 * 3600);
        assert_eq!(rule("<+0530>-5:30").offset(0), 19_800);
        assert_eq!(
            rule("XXX0YYY,J60/0,300/0").offset(moment(2024, 3, 1, 0)),
            3600
        );
        assert_eq!(
            rule("XXX0YYY,J60/0,300/0").offset(moment(2024, 3, 1, 0) - 1),
            0
        );
        for text in [
            "",
            "UT",
            "CET",
            "CET-1CEST,M3",
            "CET-1CEST,M3.5.0",
            "A1",
            "<x",
            "CET-1CEST,M3.5.0,Mx",
        ] {
            assert_eq!(Zone::from_rule(text), None, "{text}");
        }
    }

    /// A file with one change in its wide part and a rule behind it.
    fn file() -> Vec<u8> {
        let header = |times: u8| {
            let mut bytes = b"TZif2".to_vec();
            bytes.resize(20, 0);
            for count in [0, 0, 0, times, 2, 4] {
                bytes.extend([0, 0, 0, count]);
            }
            bytes
        };
        let types = [
            &3600i32.to_be_bytes()[..],
            &[0, 0],
            &7200i32.to_be_bytes(),
            &[1, 0],
        ]
        .concat();
        let mut bytes = header(0);
        bytes.extend(&types);
        bytes.extend(b"CET\0");
        bytes.extend(header(1));
        bytes.extend(1000i64.to_be_bytes());
        bytes.push(1);
        bytes.extend(&types);
        bytes.extend(b"CET\0");
        bytes.extend(b"\n<-03>3\n");
        bytes
    }

    #[test]
    fn files_hold_changes_and_a_rule() {
        let zone = Zone::from_file(&file()).unwrap();
        assert_eq!(zone.offset(999), 3600);
        assert_eq!(zone.offset(1000), -3 * 3600);
        let without_rule = Zone { rule: None, ..zone };
        assert_eq!(without_rule.offset(1000), 7200);
        // Cut or damaged anywhere, a file is refused or read, but never a reason to stop.
        let whole = file();
        for cut in 0..whole.len() {
            let _ = Zone::from_file(&whole[..cut]);
            let mut damaged = whole.clone();
            damaged[cut] ^= 0xff;
            if let Some(zone) = Zone::from_file(&damaged) {
                zone.offset(1_700_000_000);
            }
        }
    }

    #[test]
    fn the_environment_comes_first() {
        let read = |path: &str| {
            let known = ["/etc/localtime", "/usr/share/zoneinfo/Here", "/zone"];
            known.contains(&path).then(file)
        };
        let local = Zone::from_file(&file()).unwrap();
        assert_eq!(Zone::find(None, read), local);
        assert_eq!(Zone::find(Some("Here"), read), local);
        assert_eq!(Zone::find(Some(":Here"), read), local);
        assert_eq!(Zone::find(Some("/zone"), read), local);
        assert_eq!(Zone::find(Some("EST5"), read).offset(0), -5 * 3600);
        assert_eq!(Zone::find(Some(""), read), Zone::UTC);
        assert_eq!(Zone::find(Some("Nowhere"), read), Zone::UTC);
        assert_eq!(Zone::find(None, |_| None), Zone::UTC);
    }
}
