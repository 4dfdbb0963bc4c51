//! Patterns: ordered dithering and noise.

use super::map::{byte_of, each_at};
use crate::pixels::Pixels;

/// A square of thresholds: the order in which its places become bright.
struct Pattern {
    side: u32,
    order: Vec<u32>,
    levels: u32,
}

/// Each channel becomes full or none, by the threshold at its place. The 19 patterns, in the order of their numbers:
/// a plain threshold, a checkerboard, dispersed dots of 2, 3, 4 and 8 pixels, round dots of 4, 6 and 8 pixels that stand
/// in a slanted grid, of 4, 6, 8 and 16 pixels in a straight one, dots of 5, 6 and 7 pixels that are black, and of 5, 6
/// and 7 pixels that are white.
pub(super) fn ordered(pixels: Pixels, which: i32) -> Pixels {
    let pattern = pattern(which);
    each_at(pixels, |colour, x, y| {
        let place = (y % pattern.side) * pattern.side + x % pattern.side;
        let rank = pattern.order.get(place as usize).copied().unwrap_or(0);
        let threshold = (2 * rank + 1) * 255 / (2 * pattern.levels);
        colour.map(|level| if u32::from(level) > threshold { 255 } else { 0 })
    })
}

fn pattern(which: i32) -> Pattern {
    match which {
        0 => by_rank(1, |_, _| 0.0),
        1 => Pattern {
            side: 2,
            order: vec![0, 1, 1, 0],
            levels: 2,
        },
        2 => by_rank(2, dispersed),
        3 => by_rank(3, |x, y| f64::from((x * 4 + y * 7 + x * y * 5) % 9)),
        4 => by_rank(4, dispersed),
        5 => by_rank(8, dispersed),
        6 => by_rank(4, |x, y| slanted(x, y, 4.0)),
        7 => by_rank(6, |x, y| slanted(x, y, 6.0)),
        8 => by_rank(8, |x, y| slanted(x, y, 8.0)),
        9 => by_rank(4, |x, y| round(x, y, 4.0)),
        10 => by_rank(6, |x, y| round(x, y, 6.0)),
        11 => by_rank(8, |x, y| round(x, y, 8.0)),
        12 => by_rank(16, |x, y| round(x, y, 16.0)),
        13 => by_rank(5, |x, y| -round(x, y, 5.0)),
        14 => by_rank(6, |x, y| -round(x, y, 6.0)),
        15 => by_rank(7, |x, y| -round(x, y, 7.0)),
        16 => by_rank(5, |x, y| round(x, y, 5.0)),
        17 => by_rank(6, |x, y| round(x, y, 6.0)),
        _ => by_rank(7, |x, y| round(x, y, 7.0)),
    }
}

/// Places in the order of a function; equal ones from the top left.
fn by_rank(side: u32, value: impl Fn(u32, u32) -> f64) -> Pattern {
    let mut places: Vec<(f64, u32)> = (0..side * side)
        .map(|place| (value(place % side, place / side), place))
        .collect();
    places.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut order = vec![0; places.len()];
    for (rank, (_, place)) in (0..).zip(places) {
        order[place as usize] = rank;
    }
    Pattern {
        side,
        order,
        levels: side * side,
    }
}

/// Bayer's recursion: the bits of `x ^ y` and `y`, interleaved, the lowest first.
fn dispersed(x: u32, y: u32) -> f64 {
    let (mixed, mut rank) = (x ^ y, 0);
    for bit in 0..4 {
        rank = rank << 2 | (mixed >> bit & 1) << 1 | y >> bit & 1;
    }
    f64::from(rank)
}

/// Distance from the middle of the square.
fn round(x: u32, y: u32, side: f64) -> f64 {
    let from_middle = |place: u32| f64::from(place) + 0.5 - side / 2.0;
    from_middle(x).hypot(from_middle(y))
}

/// A spot function with two dots to the square, in its middle and at its corners.
fn slanted(x: u32, y: u32, side: f64) -> f64 {
    let turn = |place: u32| (f64::from(place) + 0.5) / side * std::f64::consts::TAU;
    let (across, down) = (turn(x).cos(), turn(y).cos());
    -(across * down * 1000.0).round() - (across + down).abs().round() / 1000.0
}

/// Adds the same amount to all channels, evenly spread over `± 1.28 · level`; it depends on the place alone, so the same
/// picture has the same noise.
pub(super) fn noise(pixels: Pixels, level: i32) -> Pixels {
    let most = level as f32 * 1.28;
    each_at(pixels, |colour, x, y| {
        let shift = (hash(x, y) as f32 / u32::MAX as f32 * 2.0 - 1.0) * most;
        colour.map(|level| byte_of(f32::from(level) + shift))
    })
}

/// A mixing of bits by multiplications with odd numbers and shifts.
fn hash(x: u32, y: u32) -> u32 {
    let mut mixed = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
    mixed = (mixed ^ mixed >> 15).wrapping_mul(0x2C1B_3C6D);
    mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297A_2D39);
    mixed ^ mixed >> 15
}
