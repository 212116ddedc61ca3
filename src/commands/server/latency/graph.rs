//! A picture of an event's samples in letters: one column each, oldest first, with its age written below.
//!
//! ```text
//!    #
//!    |
//!   _||
//!  _|||
//!
//!  4321
//!  sss s
//! ```
//!
//! A column is filled with `|` up to its topmost row, and the sign there tells in which third of the row it ends.
//! The largest has a `#`.

use std::fmt::Write as _;

use crate::observe::latency::Event;

const ROWS: usize = 4;
/// For the lower, middle and upper third of a row.
const TOPS: [char; 3] = ['_', '-', '`'];
const RULER: usize = 80;

pub(crate) fn draw(name: &str, event: &Event, now_s: i64) -> String {
    let values: Vec<u64> = event.samples.iter().map(|(_, ms)| *ms).collect();
    let high = values.iter().copied().max().unwrap_or(0);
    let low = values.iter().copied().min().unwrap_or(0);
    let mut picture = String::new();
    let _ = writeln!(
        picture,
        "{name} - high {high} ms, low {low} ms (all time high {} ms)",
        event.max_ms
    );
    picture.push_str(&"-".repeat(RULER));
    picture.push('\n');
    let tops: Vec<usize> = values.iter().map(|value| step(*value, low, high)).collect();
    for row in (0..ROWS).rev() {
        for (value, top) in values.iter().zip(&tops) {
            picture.push(match top / TOPS.len() {
                end if end < row => ' ',
                end if end > row => '|',
                _ if *value == high => '#',
                _ => TOPS[top % TOPS.len()],
            });
        }
        picture.push('\n');
    }
    picture.push_str(&" ".repeat(values.len()));
    picture.push('\n');
    let ages: Vec<Vec<char>> = event
        .samples
        .iter()
        .map(|(unix_s, _)| age(now_s - unix_s).chars().collect())
        .collect();
    for line in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        picture.extend(ages.iter().map(|age| age.get(line).copied().unwrap_or(' ')));
        picture.push('\n');
    }
    picture
}

/// How high a value is, in thirds of rows.
fn step(value: u64, low: u64, high: u64) -> usize {
    let most = (ROWS * TOPS.len() - 1) as f64;
    let share = if high == low {
        1.0
    } else {
        (value - low) as f64 / (high - low) as f64
    };
    (share * most).round() as usize
}

fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_values() {
        let mut event = Event::default();
        event.samples.extend([(100, 23), (101, 50), (102, 30)]);
        event.max_ms = 70;
        let picture = draw("command", &event, 112);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(
            lines[0],
            "command - high 50 ms, low 23 ms (all time high 70 ms)"
        );
        assert_eq!(
            lines[2..],
            [" # ", " | ", " |_", "_||", "   ", "111", "210", "sss"]
        );
    }
}
