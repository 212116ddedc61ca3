//! Places on the earth as sorted set scores.
//!
//! A position is cut into 2^26 steps of latitude and 2^26 of longitude, and the two step numbers are interleaved
//! into 52 bits, longitude in the odd ones. 52 bits fit a double exactly, so the number can be a score; and two
//! positions that share their leading bits lie in one rectangle, a *cell*, so that a cell is a range of scores:
//!
//! ```text
//! step 1: the world in 4 cells       bits  lon lat lon lat lon lat ...      a cell of step s covers the scores
//! step 2: in 16                      51    50  49  48 ...                   [bits << 52-2s, bits+1 << 52-2s)
//! ```
//!
//! A search around a point picks a step so coarse that the cell of the point and its eight neighbours cover the
//! shape, and reads those nine ranges; each member found is then measured, because cells are wider than shapes.
//! The order of the nine is part of the protocol: it is the order of an unsorted reply, and what `COUNT .. ANY`
//! stops after.
//!
//! Latitudes end at ±85.05 degrees (the square of the web's maps), except in the eleven letters of GEOHASH, which
//! follow geohash.org and use the full ±90. The earth is a sphere here: distances are off by up to half a percent.
//!
//! Known limit, shared with Redis: a search whose shape crosses the 180th meridian or reaches beyond a pole may
//! miss members on the other side, as the bounding box is not wrapped.

use std::f64::consts::PI;

use crate::base::text::is_word;

/// Cells per axis at full precision: 2^26, for 52 bits of score.
const STEP_MAX: u32 = 26;
const LONGITUDE_MAX: f64 = 180.0;
const LATITUDE_MAX: f64 = 85.051_128_78;
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;
/// Half the equator of the Mercator projection: a circle of this radius needs the coarsest cells.
const MERCATOR_MAX_M: f64 = 20_037_726.37;
const RADIANS_PER_DEGREE: f64 = PI / 180.0;
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Degrees east and north.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

/// The units of distance that commands know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Metres,
    Kilometres,
    Feet,
    Miles,
}

/// The shape that is searched, in the unit the client named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Rectangle { width: f64, height: f64 },
}

/// A shape put somewhere on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Search {
    pub(crate) centre: Position,
    pub(crate) shape: Shape,
    pub(crate) unit: Unit,
}

/// A range of scores to read: `min <= score < max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScoreRange {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

/// A member that lies inside a searched shape. The distance is in the search's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) position: Position,
    pub(crate) distance: f64,
}

impl Position {
    /// None unless both coordinates are on the map.
    pub(crate) fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let on_map = (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&latitude);
        on_map.then_some(Self {
            longitude,
            latitude,
        })
    }

    /// The 52 bits that stand for this position in a sorted set.
    pub(crate) fn to_score(self) -> f64 {
        Cell::containing(self, STEP_MAX, LATITUDE_MAX).bits as f64
    }

    /// The middle of the cell that a score names. Any sorted set may be asked for positions: scores beyond 52
    /// bits lie beyond the map's north-east corner and are pulled back onto it, negative ones likewise.
    pub(crate) fn from_score(score: f64) -> Self {
        let bits = if score < 0.0 {
            score as i64 as u64
        } else {
            score as u64
        };
        Cell {
            bits,
            step: STEP_MAX,
        }
        .bounds()
        .middle()
    }

    /// The eleven letters GEOHASH answers for a score. They hold 55 bits and there are 52, so the last is always
    /// `0`.
    pub(crate) fn letters(score: f64) -> [u8; 11] {
        let bits = Cell::containing(Self::from_score(score), STEP_MAX, 90.0).bits;
        let mut letters = [b'0'; 11];
        for (index, letter) in letters.iter_mut().take(10).enumerate() {
            *letter = ALPHABET[(bits >> (52 - (index + 1) * 5)) as usize & 0x1f];
        }
        letters
    }

    /// Metres along the great circle (haversine).
    pub(crate) fn distance_m(self, other: Self) -> f64 {
        let half_longitude = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if half_longitude == 0.0 {
            return latitude_distance_m(self.latitude, other.latitude);
        }
        let here = radians(self.latitude);
        let there = radians(other.latitude);
        let half_latitude = ((there - here) / 2.0).sin();
        let chord = half_latitude * half_latitude
            + here.cos() * there.cos() * half_longitude * half_longitude;
        // Between opposite points rounding may make the chord longer than the diameter.
        2.0 * EARTH_RADIUS_M * chord.sqrt().min(1.0).asin()
    }
}

impl Unit {
    /// `m`, `km`, `ft` or `mi` in any case.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 4] = [
            (b"m", Self::Metres),
            (b"km", Self::Kilometres),
            (b"ft", Self::Feet),
            (b"mi", Self::Miles),
        ];
        known
            .into_iter()
            .find(|(name, _)| is_word(text, name))
            .map(|(_, unit)| unit)
    }

    /// How many metres one of it is.
    pub(crate) fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Kilometres => 1000.0,
            Self::Feet => 0.3048,
            Self::Miles => 1609.34,
        }
    }
}

impl Search {
    /// The score ranges that together hold every member of the shape, in the order they are to be read.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = ScoreRange> + use<> {
        let (cells, count) = self.cells();
        cells.into_iter().take(count).map(Cell::scores)
    }

    /// Where a member with this score is and how far from the centre, if it lies inside the shape.
    pub(crate) fn contains(&self, score: f64) -> Option<Found> {
        let position = Position::from_score(score);
        let metres = self.unit.metres();
        let distance_m = match self.shape {
            Shape::Circle { radius } => {
                let distance_m = self.centre.distance_m(position);
                (distance_m <= radius * metres).then_some(distance_m)?
            }
            Shape::Rectangle { width, height } => {
                // The width is measured along the member's own parallel: a rectangle narrows towards the pole as
                // seen in degrees, not in metres.
                if latitude_distance_m(position.latitude, self.centre.latitude)
                    > height * metres / 2.0
                {
                    return None;
                }
                let abeam = Position {
                    longitude: self.centre.longitude,
                    latitude: position.latitude,
                };
                if position.distance_m(abeam) > width * metres / 2.0 {
                    return None;
                }
                self.centre.distance_m(position)
            }
        };
        Some(Found {
            position,
            distance: distance_m / metres,
        })
    }

    /// The cell of the centre and those neighbours that can hold members, without repetitions.
    fn cells(&self) -> ([Cell; 9], usize) {
        let bounds = self.bounds();
        let mut step = steps_for(self.radius_m(), self.centre.latitude);
        let mut centre = Cell::containing(self.centre, step, LATITUDE_MAX);

        // The estimate knows the size of cells, not where in its cell the centre lies. If a neighbour ends before
        // the shape does, cells twice as wide are needed.
        let too_fine = centre.moved(0, 1).bounds().north < bounds.north
            || centre.moved(0, -1).bounds().south > bounds.south
            || centre.moved(1, 0).bounds().east < bounds.east
            || centre.moved(-1, 0).bounds().west > bounds.west;
        if step > 1 && too_fine {
            step -= 1;
            centre = Cell::containing(self.centre, step, LATITUDE_MAX);
        }

        // A side of the shape inside the centre's own cell rules out that whole side, once cells are small enough
        // that a neighbour is not also the neighbour on the other side.
        let own = centre.bounds();
        let fine = step >= 2;
        let skip_south = fine && own.south < bounds.south;
        let skip_north = fine && own.north > bounds.north;
        let skip_west = fine && own.west < bounds.west;
        let skip_east = fine && own.east > bounds.east;

        let mut cells = [centre; 9];
        let mut count = 1;
        for (east, north) in [
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ] {
            let skipped = (north < 0 && skip_south)
                || (north > 0 && skip_north)
                || (east < 0 && skip_west)
                || (east > 0 && skip_east);
            let cell = centre.moved(east, north);
            // With the coarsest cells, going around the world ends where it began.
            let repeated = count > 1 && cells[count - 1].bits == cell.bits;
            if !skipped && !repeated {
                cells[count] = cell;
                count += 1;
            }
        }
        (cells, count)
    }

    /// Distance from the centre to the farthest point of the shape.
    fn radius_m(&self) -> f64 {
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Rectangle { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        radius * self.unit.metres()
    }

    /// The rectangle of degrees around the shape; its width is taken at whichever edge lies nearer to a pole,
    /// where a metre is more degrees.
    fn bounds(&self) -> Bounds {
        let metres = self.unit.metres();
        let (half_width_m, half_height_m) = match self.shape {
            Shape::Circle { radius } => (metres * radius, metres * radius),
            Shape::Rectangle { width, height } => (metres * (width / 2.0), metres * (height / 2.0)),
        };
        let Position {
            longitude,
            latitude,
        } = self.centre;
        let half_height = degrees(half_height_m / EARTH_RADIUS_M);
        let edge = if latitude < 0.0 {
            latitude - half_height
        } else {
            latitude + half_height
        };
        let half_width = degrees(half_width_m / EARTH_RADIUS_M / radians(edge).cos());
        Bounds {
            west: longitude - half_width,
            east: longitude + half_width,
            south: latitude - half_height,
            north: latitude + half_height,
        }
    }
}

/// A rectangle of the map that shares its leading `2 * step` bits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    bits: u64,
    step: u32,
}

/// The edges of a rectangle, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Cell {
    fn containing(position: Position, step: u32, latitude_max: f64) -> Self {
        let cells = (1_u64 << step) as f64;
        let north = (position.latitude + latitude_max) / (latitude_max - -latitude_max) * cells;
        let east = (position.longitude + LONGITUDE_MAX) / (LONGITUDE_MAX - -LONGITUDE_MAX) * cells;
        Self {
            bits: interleave(north as u32, east as u32),
            step,
        }
    }

    fn bounds(self) -> Bounds {
        let cells = (1_u64 << self.step) as f64;
        let (north, east) = (
            f64::from(even_bits(self.bits)),
            f64::from(even_bits(self.bits >> 1)),
        );
        let latitude =
            |index: f64| -LATITUDE_MAX + (index / cells) * (LATITUDE_MAX - -LATITUDE_MAX);
        let longitude =
            |index: f64| -LONGITUDE_MAX + (index / cells) * (LONGITUDE_MAX - -LONGITUDE_MAX);
        Bounds {
            west: longitude(east),
            east: longitude(east + 1.0),
            south: latitude(north),
            north: latitude(north + 1.0),
        }
    }

    /// The cell so many cells further, around the world if need be. A position on the very northern or eastern edge
    /// has a step number one too large; an axis along which nothing moves keeps that.
    fn moved(self, east: i32, north: i32) -> Self {
        let wrapped = |index: u32, by: i32| {
            let mask = (1_u32 << self.step) - 1;
            if by == 0 {
                index
            } else {
                index.wrapping_add_signed(by) & mask
            }
        };
        let latitude = wrapped(even_bits(self.bits), north);
        let longitude = wrapped(even_bits(self.bits >> 1), east);
        Self {
            bits: interleave(latitude, longitude),
            step: self.step,
        }
    }

    fn scores(self) -> ScoreRange {
        let shift = 2 * (STEP_MAX - self.step);
        ScoreRange {
            min: self.bits << shift,
            max: (self.bits + 1) << shift,
        }
    }
}

impl Bounds {
    fn middle(self) -> Position {
        Position {
            longitude: f64::midpoint(self.west, self.east).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: f64::midpoint(self.south, self.north).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }
}

/// The finest step at which nine cells cover a circle of this radius. Cells narrow towards the poles, so a step
/// or two is given back there.
fn steps_for(radius_m: f64, latitude: f64) -> u32 {
    if radius_m == 0.0 {
        return STEP_MAX;
    }
    let mut step: i32 = 1;
    let mut reach = radius_m;
    // Doubling cannot stall: the radius of a client is positive here, and a subnormal still doubles. The bound on
    // the step is for a negative or NaN radius, which no command lets through.
    while reach < MERCATOR_MAX_M && step < 2000 {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    if latitude.abs() > 66.0 {
        step -= 1;
        if latitude.abs() > 80.0 {
            step -= 1;
        }
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

fn latitude_distance_m(from: f64, to: f64) -> f64 {
    EARTH_RADIUS_M * (radians(to) - radians(from)).abs()
}

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

/// Bits of `even` at positions 0, 2, 4 ..; bits of `odd` between them.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | (spread(odd) << 1)
}

fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    for (shift, mask) in SPREADS.into_iter().rev() {
        bits = (bits | (bits << shift)) & mask;
    }
    bits
}

/// The inverse of `spread`: the bits at even positions, pushed together.
fn even_bits(interleaved: u64) -> u32 {
    let mut bits = interleaved & 0x5555_5555_5555_5555;
    for (index, (shift, _)) in SPREADS.into_iter().enumerate() {
        let mask = SPREADS
            .get(index + 1)
            .map_or(u64::from(u32::MAX), |(_, mask)| *mask);
        bits = (bits | (bits >> shift)) & mask;
    }
    bits as u32
}

/// Each step halves the size of the groups of bits: from runs of 16 down to single bits.
const SPREADS: [(u32, u64); 5] = [
    (1, 0x5555_5555_5555_5555),
    (2, 0x3333_3333_3333_3333),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (8, 0x00ff_00ff_00ff_00ff),
    (16, 0x0000_ffff_0000_ffff),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const PALERMO: Position = Position {
        longitude: 13.361_389,
        latitude: 38.115_556,
    };
    const CATANIA: Position = Position {
        longitude: 15.087_269,
        latitude: 37.502_669,
    };

    #[test]
    fn known_places() {
        assert_eq!(PALERMO.to_score(), 3_479_099_956_230_698.0);
        assert_eq!(CATANIA.to_score(), 3_479_447_370_796_909.0);
        assert_eq!(&Position::letters(PALERMO.to_score()), b"sqc8b49rny0");
        assert_eq!(&Position::letters(CATANIA.to_score()), b"sqdtr74hyu0");
        let position = Position::from_score(PALERMO.to_score());
        assert_eq!(
            format!("{:.17}", position.longitude),
            "13.36138933897018433"
        );
        assert_eq!(format!("{:.17}", position.latitude), "38.11555639549629859");
        let distance = position.distance_m(Position::from_score(CATANIA.to_score()));
        assert_eq!(format!("{distance:.4}"), "166274.1516");
    }

    #[test]
    fn the_edges_of_the_map() {
        assert!(Position::new(180.0, LATITUDE_MAX).is_some());
        assert!(Position::new(180.000_001, 0.0).is_none());
        assert!(Position::new(0.0, -85.1).is_none());
        assert!(Position::new(f64::NAN, 0.0).is_none());
        for score in [
            0.0,
            -1.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            4_503_599_627_370_496.0,
            1e-300,
        ] {
            let position = Position::from_score(score);
            assert!(
                Position::new(position.longitude, position.latitude).is_some(),
                "{score}"
            );
            let _ = Position::letters(score);
        }
    }

    #[test]
    fn units() {
        assert_eq!(Unit::parse(b"KM"), Some(Unit::Kilometres));
        assert_eq!(Unit::parse(b"mi").map(Unit::metres), Some(1609.34));
        assert_eq!(Unit::parse(b"mile"), None);
    }

    #[test]
    fn a_position_survives_its_score() {
        let mut rng = Rng::from_seed(26);
        for _ in 0..20_000 {
            let position = anywhere(&mut rng);
            let score = position.to_score();
            let decoded = Position::from_score(score);
            assert_eq!(decoded.to_score(), score);
            assert!((decoded.longitude - position.longitude).abs() < 3e-6);
            assert!((decoded.latitude - position.latitude).abs() < 2e-6);
        }
    }

    /// Every point measured to be inside a shape must lie in exactly one of the ranges, provided the shape does
    /// not reach over the edges of the map.
    #[test]
    fn ranges_cover_the_shape_once() {
        let mut rng = Rng::from_seed(52);
        let mut inside = 0;
        for round in 0..4_000 {
            let size = 10_f64.powf(rng.f64() * 6.3);
            let shape = if round % 2 == 0 {
                Shape::Circle { radius: size }
            } else {
                Shape::Rectangle {
                    width: size,
                    height: size * (0.1 + rng.f64() * 3.0),
                }
            };
            let search = Search {
                centre: anywhere(&mut rng),
                shape,
                unit: Unit::Metres,
            };
            let bounds = search.bounds();
            if bounds.west < -180.0
                || bounds.east > 180.0
                || bounds.south < -85.0
                || bounds.north > 85.0
            {
                continue;
            }
            let ranges: Vec<ScoreRange> = search.ranges().collect();
            for _ in 0..50 {
                let score = Position {
                    longitude: bounds.west + rng.f64() * (bounds.east - bounds.west),
                    latitude: bounds.south + rng.f64() * (bounds.north - bounds.south),
                }
                .to_score();
                if search.contains(score).is_some() {
                    let bits = score as u64;
                    let holders = ranges
                        .iter()
                        .filter(|range| range.min <= bits && bits < range.max)
                        .count();
                    assert_eq!(holders, 1, "{search:?} {score}");
                    inside += 1;
                }
            }
        }
        assert!(inside > 20_000);
    }

    fn anywhere(rng: &mut Rng) -> Position {
        Position {
            longitude: rng.f64() * 360.0 - 180.0,
            latitude: rng.f64() * 170.0 - 85.0,
        }
    }
}
