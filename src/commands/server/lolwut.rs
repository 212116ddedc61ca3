//! LOLWUT: a night sky in letters, with the twins in it. It serves no purpose.

use crate::base::rng::Rng;
use crate::config::REDIS_VERSION;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::wire::args::Args;

use super::super::options::{integer, is};

/// LOLWUT [VERSION version] [columns [rows]]
pub(crate) fn lolwut(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut at = 1;
    if args.get(1).is_some_and(|word| is(word, "VERSION")) && args.len() > 2 {
        // Every version has the same sky, but the old ones want numbers behind theirs.
        let count = match integer(args.at(2))? {
            5 => 3,
            6 => 2,
            _ => 0,
        };
        at = 3;
        for word in args.from(at).take(count) {
            integer(word)?;
        }
    }
    // An argument that is no number is left to chance, as everything here.
    let size = |at: usize, default: usize, least: usize, most: usize| {
        let given = args.get(at).and_then(|text| integer(text).ok());
        given.map_or(default, |number| {
            (number.max(0) as usize).clamp(least, most)
        })
    };
    let columns = size(at, 66, 40, 200);
    let rows = size(at + 1, 14, 12, 100);
    let mut picture = sky(&mut ctx.keys.space.rng, columns, rows);
    picture.push_str("\nCastor and Pollux, two stars that keep each other company. Redis ver. ");
    picture.push_str(REDIS_VERSION);
    picture.push('\n');
    ctx.reply.verbatim("txt", picture.as_bytes());
    Ok(())
}

/// The twins hand in hand, heads up: Castor to the left, Pollux to the right.
const TWINS: &[&str] = &[
    "  Castor *          O Pollux  ",
    "          \\        /          ",
    "     o-----o      o-----o     ",
    "           |`-..-'|           ",
    "           |      |           ",
    "          .'      `.          ",
    "         o          o         ",
    "        /            \\        ",
    "       *              *       ",
];

fn sky(rng: &mut Rng, columns: usize, rows: usize) -> String {
    let mut cells = vec![vec![' '; columns]; rows];
    for _ in 0..columns * rows / 24 {
        let star = ['.', '.', '.', '\'', '`', '+', '*'][rng.index(7)];
        cells[rng.index(rows)][rng.index(columns)] = star;
    }
    let top = rng.index(rows - TWINS.len() + 1);
    let left = rng.index(columns - TWINS[0].len() + 1);
    for (line, twins) in TWINS.iter().enumerate() {
        for (at, sign) in twins.chars().enumerate().filter(|(_, sign)| *sign != ' ') {
            cells[top + line][left + at] = sign;
        }
    }
    let lines = cells
        .iter()
        .map(|line| line.iter().collect::<String>().trim_end().to_owned() + "\n");
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twins_are_always_there() {
        let mut rng = Rng::from_seed(7);
        for (columns, rows) in [(40, 12), (66, 14), (200, 100)] {
            let sky = sky(&mut rng, columns, rows);
            assert!(sky.contains("Pollux") && sky.contains("Castor"));
            assert!(sky.lines().count() == rows && sky.lines().all(|line| line.len() <= columns));
        }
    }
}
