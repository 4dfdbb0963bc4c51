//! `g_auto`: which part of a picture matters most.
//!
//! A map of a small copy says how much every place draws the eye: fine contrast, colours that differ from the rest,
//! skin, nearness to the middle, and above all faces. The best window is the one with the largest sum, its middle counted
//! twice; a table of sums makes every window cost the same. It is a judgement, but the same for the same pixels.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the map has at most 320 × 320 places, and its sums fit"
)]

use crate::pixels::{Pixels, usize_from};
use crate::plan::Window;
use crate::{ImageError, Limits, resize};

/// The longer side of what is looked at.
const SIDE_PIXELS: u32 = 320;
/// How much a face counts, next to all else, which is about 1 where there is something to see.
const FACE_WEIGHT: f32 = 6.0;

/// The corner of the window of `size` in `pixels` with most to see; `faces` (in pixels of the picture) draw it as
/// `attention` says: 1 is usual, 0 is not at all.
pub(crate) fn best_window(
    pixels: &Pixels,
    size: (u32, u32),
    (faces, attention): (&[Window], f32),
    limits: &Limits,
) -> Result<(u32, u32), ImageError> {
    let (width, height) = (size.0.min(pixels.width), size.1.min(pixels.height));
    if (width, height) == (pixels.width, pixels.height) {
        return Ok((0, 0));
    }
    let scale = f64::from(SIDE_PIXELS) / f64::from(pixels.width.max(pixels.height).max(SIDE_PIXELS));
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let (across, down) = (scaled(pixels.width), scaled(pixels.height));
    let whole = Window::whole(pixels.width, pixels.height);
    let small = resize::resize(pixels, whole, across, down, limits)?;
    let faces: Vec<Window> = faces.iter().map(|face| face.divided(1.0 / scale)).collect();
    let map = Map::of(&small, &faces, attention);
    let window = (scaled(width).min(across), scaled(height).min(down));
    let (x, y) = map.best(window);
    let place = |place: u32, free: u32, free_small: u32| {
        let part = f64::from(place) / f64::from(free_small.max(1));
        (part * f64::from(free)).round() as u32
    };
    Ok((
        place(x, pixels.width - width, across - window.0),
        place(y, pixels.height - height, down - window.1),
    ))
}

/// How much there is to see at each place.
struct Map {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Map {
    fn of(small: &Pixels, faces: &[Window], attention: f32) -> Self {
        let (width, height) = (usize_from(small.width), usize_from(small.height));
        let seen: Vec<Seen> = small.data.chunks_exact(small.layout.channels()).map(Seen::of).collect();
        let edges = softened(&edges(&seen, width), width);
        let mean_edge = mean(&edges).max(0.01);
        let distinct = distinctness(&seen, width);
        let mut values = Vec::new();
        for (place, seen) in seen.iter().enumerate() {
            let (x, y) = (place % width, place / width);
            // A texture everywhere says little: edges count by how far they stand out.
            let edge = (edges[place] / mean_edge / 3.0).min(1.5);
            let colour = distinct[place];
            let value = 0.9 * edge + 1.2 * colour + 0.5 * seen.skin + 0.1;
            let (dx, dy) = (centred(x, width), centred(y, height));
            let central = 1.0 - 0.35 * (dx * dx + dy * dy).min(1.0);
            let face: f32 = faces.iter().map(|face| nearness(*face, (x, y))).fold(0.0, f32::max);
            values.push((value * central + FACE_WEIGHT * attention * face) * seen.alpha);
        }
        Self { width, height, values }
    }

    /// The corner of the window with the largest sum, of which the middle half counts twice: what matters belongs there. Of
    /// equal ones that nearest to the middle.
    fn best(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let (width, height) = (usize_from(width), usize_from(height));
        let sums = self.sums();
        let row = self.width + 1;
        let (free_x, free_y) = (self.width - width, self.height - height);
        let mut best = (f64::NEG_INFINITY, usize::MAX, (0, 0));
        for y in 0..=free_y {
            for x in 0..=free_x {
                let part = |x: usize, y: usize, width: usize, height: usize| {
                    let at = |x: usize, y: usize| sums[y * row + x];
                    at(x + width, y + height) + at(x, y) - at(x + width, y) - at(x, y + height)
                };
                let inner = (width / 4, height / 4, width - width / 4 * 2, height - height / 4 * 2);
                let sum = part(x, y, width, height) + part(x + inner.0, y + inner.1, inner.2, inner.3);
                let off = (2 * x).abs_diff(free_x) + (2 * y).abs_diff(free_y);
                let is_better = sum > best.0 + 1e-3 || (sum > best.0 - 1e-3 && off < best.1);
                if is_better {
                    best = (sum, off, (x as u32, y as u32));
                }
            }
        }
        best.2
    }

    /// Sums of everything above and to the left, with a row and a column of zeros before.
    fn sums(&self) -> Vec<f64> {
        let row = self.width + 1;
        let mut sums = vec![0.0; row * (self.height + 1)];
        for y in 0..self.height {
            let mut line = 0.0;
            for x in 0..self.width {
                line += f64::from(self.values[y * self.width + x]);
                sums[(y + 1) * row + x + 1] = sums[y * row + x + 1] + line;
            }
        }
        sums
    }
}

/// -1 at one end, 1 at the other.
fn centred(place: usize, side: usize) -> f32 {
    (place as f32 + 0.5) / side as f32 * 2.0 - 1.0
}

/// 1 inside of a face, falling to 0 at half its size beyond.
fn nearness(face: Window, (x, y): (usize, usize)) -> f32 {
    let beyond = |place: usize, start: f64, length: f64| {
        let place = place as f64 + 0.5;
        let outside = (start - place).max(place - start - length).max(0.0);
        (outside / (length / 2.0).max(1.0)) as f32
    };
    let far = beyond(x, face.x, face.width).max(beyond(y, face.y, face.height));
    (1.0 - far).max(0.0)
}

/// What counts of a pixel.
struct Seen {
    luma: f32,
    /// Differences to red and blue, as in YCbCr.
    colour: [f32; 2],
    /// 0 to 1.
    skin: f32,
    /// 0 to 1.
    alpha: f32,
}

impl Seen {
    fn of(pixel: &[u8]) -> Self {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
        let colour = [(red - luma) * 0.713, (blue - luma) * 0.564];
        // Skin of all shades lies around one hue: an ellipse in these two differences.
        let (to_red, to_blue) = ((colour[0] - 22.0) / 16.0, (colour[1] + 18.0) / 14.0);
        let skin = (1.0 - f32::midpoint(to_red * to_red, to_blue * to_blue)).max(0.0);
        let is_lit = (40.0..245.0).contains(&luma);
        Self {
            luma,
            colour,
            skin: if is_lit { skin } else { 0.0 },
            alpha: pixel.get(3).map_or(1.0, |alpha| f32::from(*alpha) / 255.0),
        }
    }
}

/// Lengths of luma's gradient, in levels, at most 64: one hard line is not worth more than a dozen soft ones.
fn edges(seen: &[Seen], width: usize) -> Vec<f32> {
    let height = seen.len() / width;
    let luma = |x: usize, y: usize| seen[y.min(height - 1) * width + x.min(width - 1)].luma;
    let edge = |place: usize| {
        let (x, y) = (place % width, place / width);
        let across = luma(x + 1, y) - luma(x.saturating_sub(1), y);
        let down = luma(x, y + 1) - luma(x, y.saturating_sub(1));
        across.hypot(down).min(64.0)
    };
    (0..seen.len()).map(edge).collect()
}

/// Distance of a colour from the mean of all, 1 for 80 levels.
fn distinctness(seen: &[Seen], width: usize) -> Vec<f32> {
    let count = seen.len().max(1) as f32;
    let mean = |of: fn(&Seen) -> f32| seen.iter().map(of).sum::<f32>() / count;
    let (luma, red, blue) = (
        mean(|seen| seen.luma),
        mean(|seen| seen.colour[0]),
        mean(|seen| seen.colour[1]),
    );
    let distances: Vec<f32> = seen
        .iter()
        .map(|seen| {
            let (to_red, to_blue) = (seen.colour[0] - red, seen.colour[1] - blue);
            // Colours say more than light: skies and shadows are far from the mean, too.
            let light = (seen.luma - luma) * 0.35;
            ((to_red * to_red + to_blue * to_blue) * 4.0 + light * light).sqrt() / 80.0
        })
        .map(|distance| distance.min(1.0))
        .collect();
    softened(&distances, width)
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// Means over 9 × 9 places, first along rows, then along columns.
fn softened(values: &[f32], width: usize) -> Vec<f32> {
    const REACH: usize = 4;
    let height = values.len() / width;
    let mean_of = |from: usize, to: usize, value: &dyn Fn(usize) -> f32| {
        let sum: f32 = (from..to).map(value).sum();
        sum / (to - from) as f32
    };
    let mut rows = values.to_vec();
    for (place, row) in rows.iter_mut().enumerate() {
        let (x, start) = (place % width, place / width * width);
        let (from, to) = (x.saturating_sub(REACH), (x + REACH + 1).min(width));
        *row = mean_of(from, to, &|x| values[start + x]);
    }
    let mut all = rows.clone();
    for (place, value) in all.iter_mut().enumerate() {
        let (x, y) = (place % width, place / width);
        let (from, to) = (y.saturating_sub(REACH), (y + REACH + 1).min(height));
        *value = mean_of(from, to, &|y| rows[y * width + x]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{draw, landscape};
    use crate::pixels::Layout;

    fn best(pixels: &Pixels, size: (u32, u32), faces: &[Window]) -> (u32, u32) {
        best_window(pixels, size, (faces, 1.0), &Limits::default()).unwrap()
    }

    /// A busy coloured square on an even wall.
    fn wall(left: u32, top: u32) -> Pixels {
        draw(400, 200, Layout::Rgb, |x, y| {
            let inside = (left..left + 50).contains(&x) && (top..top + 50).contains(&y);
            match (inside, (x / 5 + y / 5) % 2) {
                (true, 0) => [200, 40, 30, 255],
                (true, _) => [240, 220, 40, 255],
                _ => [128, 130, 132, 255],
            }
        })
    }

    #[test]
    fn the_window_holds_what_stands_out() {
        for (left, top) in [(0, 0), (20, 100), (175, 75), (340, 140)] {
            let (x, y) = best(&wall(left, top), (200, 200), &[]);
            assert!(x <= left && x + 200 >= left + 50 && y == 0, "{left}: {x}");
            let (x, y) = best(&wall(left, top), (100, 100), &[]);
            assert!(x <= left + 2 && x + 102 >= left + 50, "{left}: {x}");
            assert!(y <= top + 2 && y + 102 >= top + 50, "{top}: {y}");
        }
    }

    #[test]
    fn what_stands_out_comes_to_the_middle_where_there_is_room() {
        for left in [120, 175, 230] {
            let (x, _) = best(&wall(left, 75), (200, 200), &[]);
            assert!((x + 100).abs_diff(left + 25) <= 30, "{left}: {x}");
        }
    }

    #[test]
    fn faces_count_most_unless_they_shall_not() {
        let face = Window {
            x: 320.0,
            y: 60.0,
            width: 40.0,
            height: 50.0,
        };
        let (x, _) = best(&wall(10, 75), (200, 200), &[face]);
        assert!(x + 200 >= 360, "{x}");
        let (x, _) = best_window(&wall(10, 75), (200, 200), (&[face], 0.0), &Limits::default()).unwrap();
        assert!(x <= 10, "{x}");
    }

    #[test]
    fn every_window_is_inside_and_nothing_to_see_is_the_middle() {
        let plain = draw(101, 31, Layout::Rgb, |_, _| [50, 60, 70, 255]);
        assert_eq!(best(&plain, (51, 31), &[]), (25, 0));
        assert_eq!(best(&plain, (101, 31), &[]), (0, 0));
        assert_eq!(best(&plain, (500, 500), &[]), (0, 0));
        for size in [(1, 1), (48, 1), (1, 32), (47, 31)] {
            let (x, y) = best(&landscape(), size, &[]);
            assert!(x + size.0 <= 48 && y + size.1 <= 32, "{size:?}");
        }
        let wide = draw(2000, 2, Layout::Rgba, |x, _| {
            [u8::try_from(x % 200).unwrap(), 0, 0, 255]
        });
        let (x, y) = best(&wide, (1999, 1), &[]);
        assert!(x <= 1 && y <= 1);
    }
}
