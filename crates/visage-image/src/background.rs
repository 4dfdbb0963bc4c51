//! `b_auto`: backgrounds in colours of the picture.

use visage_cloudinary::transformation::{AutoBackground, Color, ColorsOf, Direction};

use crate::compose::{Placement, compose};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::Canvas;
use crate::{ImageError, Limits};

/// Pixels that count as the border: this many from each edge, or less in a small picture.
const BORDER_PIXELS: u32 = 4;
/// About as many pixels are counted; of a larger picture every n-th of a row, in every n-th row.
const COUNTED_SIDE: u32 = 512;
/// Colours closer together than this (the sum of three differences) are one.
const ALIKE: u32 = 72;

/// The picture at its place on the canvas, over a background that fits it and shows through where it is transparent.
pub(crate) fn place(
    pixels: &Pixels,
    canvas: Canvas,
    background: &AutoBackground,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let colours = colours(pixels, background);
    let direction = background
        .gradient
        .map(|gradient| gradient.direction)
        .unwrap_or_default();
    let mut target = Pixels::zeroed(canvas.width, canvas.height, Layout::Rgb, limits)?;
    paint(&mut target, &colours, direction);
    let over = Placement {
        x: canvas.x,
        y: canvas.y,
        canvas: Canvas { x: 0, y: 0, ..canvas },
        blend: None,
        uses_alpha: false,
        is_under: false,
        is_tiled: false,
    };
    compose(target, pixels, &over, limits)
}

/// One colour, or those of a gradient from its start to its end.
///
/// The first is the commonest of the border, or of the whole picture, also when nothing is seen of the border. For a gradient the next common ones that differ
/// follow, in the order in which they lie along its direction. Contrast is the colour of the picture that is furthest
/// from the first; it stands in its place, or at the other end of the gradient.
pub(crate) fn colours(pixels: &Pixels, background: &AutoBackground) -> Vec<[u8; 3]> {
    let direction = background
        .gradient
        .map(|gradient| gradient.direction)
        .unwrap_or_default();
    let mut found = common(pixels, background.from, direction);
    if found.is_empty() {
        found = common(pixels, ColorsOf::Predominant, direction);
    }
    let Some(first) = found.first().map(Bin::colour) else {
        return vec![[255; 3]];
    };
    let wanted = background
        .gradient
        .map_or(1, |gradient| usize::from(gradient.colors.max(2)));
    let mut chosen: Vec<[u8; 3]> = if background.contrast {
        let all = common(pixels, ColorsOf::Predominant, direction);
        let furthest = all
            .iter()
            .map(Bin::colour)
            .max_by_key(|colour| difference(*colour, first));
        let contrast = furthest.unwrap_or(first);
        if wanted > 1 {
            vec![first, contrast]
        } else {
            vec![contrast]
        }
    } else {
        let mut distinct: Vec<&Bin> = Vec::new();
        for bin in &found {
            let is_new = distinct
                .iter()
                .all(|other| difference(other.colour(), bin.colour()) > ALIKE);
            if is_new && distinct.len() < wanted {
                distinct.push(bin);
            }
        }
        distinct.sort_by_key(|bin| bin.along / bin.count.max(1));
        distinct.into_iter().map(Bin::colour).collect()
    };
    for colour in &mut chosen {
        let nearest = background
            .palette
            .iter()
            .min_by_key(|color| difference(rgb(**color), *colour));
        *colour = nearest.map_or(*colour, |color| rgb(*color));
    }
    chosen
}

fn rgb(color: Color) -> [u8; 3] {
    [color.red, color.green, color.blue]
}

fn difference(one: [u8; 3], other: [u8; 3]) -> u32 {
    one.iter()
        .zip(other)
        .map(|(one, other)| u32::from(one.abs_diff(other)))
        .sum()
}

/// Colours that share the upper four bits of each channel.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: u64,
    sums: [u64; 3],
    /// Sum of the places along the direction, in thousandths.
    along: u64,
}

impl Bin {
    fn colour(&self) -> [u8; 3] {
        let half = self.count / 2;
        self.sums
            .map(|sum| u8::try_from((sum + half) / self.count.max(1)).unwrap_or(u8::MAX))
    }
}

/// The colours of what can be seen, the commonest first.
fn common(pixels: &Pixels, from: ColorsOf, direction: Direction) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); 4096];
    let (width, height) = (pixels.width, pixels.height);
    let step = usize_from((width.max(height) / COUNTED_SIDE).max(1));
    let is_border = |place: u32, side: u32| place < BORDER_PIXELS || side - place <= BORDER_PIXELS;
    let channels = pixels.layout.channels();
    let rows = (0_u32..).zip(pixels.data.chunks_exact(pixels.row_bytes()));
    for (y, row) in rows {
        let is_edge = is_border(y, height);
        let is_counted = usize_from(y).is_multiple_of(step) || (is_edge && from == ColorsOf::Border);
        if !is_counted {
            continue;
        }
        for (x, pixel) in (0_u32..).zip(row.chunks_exact(channels)).step_by(step) {
            let counts = from == ColorsOf::Predominant || is_edge || is_border(x, width);
            if counts && (channels == 3 || pixel[3] >= 128) {
                let place = pixel[..3]
                    .iter()
                    .fold(0, |place, level| place * 16 + usize::from(level >> 4));
                let bin = &mut bins[place];
                bin.count += 1;
                bin.along += along(direction, (x, y), (width, height));
                for (sum, level) in bin.sums.iter_mut().zip(pixel) {
                    *sum += u64::from(*level);
                }
            }
        }
    }
    bins.retain(|bin| bin.count > 0);
    bins.sort_by_key(|bin| std::cmp::Reverse(bin.count));
    bins
}

/// How far a place lies along the direction, in thousandths.
fn along(direction: Direction, (x, y): (u32, u32), (width, height): (u32, u32)) -> u64 {
    let part = |place: u32, side: u32| u64::from(place) * 1000 / u64::from(side.saturating_sub(1).max(1));
    let (across, down) = (part(x, width).min(1000), part(y, height).min(1000));
    match direction {
        Direction::Horizontal => across,
        Direction::Vertical => down,
        Direction::DiagonalDesc => u64::midpoint(across, down),
        Direction::DiagonalAsc => u64::midpoint(across, 1000 - down),
    }
}

fn paint(target: &mut Pixels, colours: &[[u8; 3]], direction: Direction) {
    let size = (target.width, target.height);
    let (row_bytes, channels) = (target.row_bytes(), target.layout.channels());
    debug_assert!(matches!(target.layout, Layout::Rgb | Layout::Rgba));
    let shades: Vec<[u8; 4]> = (0..=1000).map(|place| shade(colours, place)).collect();
    for (y, row) in (0_u32..).zip(target.data.chunks_exact_mut(row_bytes)) {
        for (x, pixel) in (0_u32..).zip(row.chunks_exact_mut(channels)) {
            let place = usize::try_from(along(direction, (x, y), size)).unwrap_or(0).min(1000);
            pixel.copy_from_slice(&shades[place][..channels]);
        }
    }
}

/// The colour at so many thousandths of a row of colours.
fn shade(colours: &[[u8; 3]], place: usize) -> [u8; 4] {
    let pieces = colours.len().saturating_sub(1).max(1);
    let piece = (place * pieces / 1000).min(pieces - 1);
    let part = place * pieces - piece * 1000;
    let colour = |index: usize| colours.get(index).copied().unwrap_or_default();
    let (from, to) = (colour(piece), colour((piece + 1).min(colours.len().saturating_sub(1))));
    let level = |channel: usize| {
        let sum = usize::from(from[channel]) * (1000 - part) + usize::from(to[channel]) * part;
        u8::try_from((sum + 500) / 1000).unwrap_or(u8::MAX)
    };
    [level(0), level(1), level(2), 255]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{check, draw, landscape, ring};
    use visage_cloudinary::transformation::Gradient;

    fn gradient(colors: u8, direction: Direction) -> AutoBackground {
        AutoBackground {
            gradient: Some(Gradient { colors, direction }),
            ..AutoBackground::default()
        }
    }

    fn placed(pixels: &Pixels, background: &AutoBackground) -> Pixels {
        let canvas = Canvas::around((pixels.width, pixels.height), 12);
        place(pixels, canvas, background, &Limits::default()).unwrap()
    }

    #[test]
    fn the_commonest_colour_of_the_border_is_taken() {
        let framed = draw(40, 30, Layout::Rgb, |x, y| {
            if x < 2 || y == 0 || x > 37 || y == 29 {
                [10, 20, 200, 255]
            } else {
                [200, 180, 20, 255]
            }
        });
        let mut background = AutoBackground::default();
        assert_eq!(
            colours(
                &framed,
                &AutoBackground {
                    from: ColorsOf::Predominant,
                    ..background.clone()
                }
            ),
            [[200, 180, 20]]
        );
        background.contrast = true;
        background.from = ColorsOf::Predominant;
        assert_eq!(colours(&framed, &background), [[10, 20, 200]]);
        background.palette = vec![Color::parse("red").unwrap(), Color::parse("navy").unwrap()];
        assert_eq!(colours(&framed, &background), [[0, 0, 128]]);
        let nothing = draw(4, 4, Layout::Rgba, |_, _| [9, 9, 9, 0]);
        assert_eq!(colours(&nothing, &background), [[255; 3]]);
    }

    #[test]
    fn backgrounds_fit_the_picture() {
        check("background_border", &placed(&landscape(), &AutoBackground::default()));
        let from = ColorsOf::Predominant;
        check(
            "background_predominant",
            &placed(
                &landscape(),
                &AutoBackground {
                    from,
                    ..AutoBackground::default()
                },
            ),
        );
        check(
            "background_gradient",
            &placed(&landscape(), &gradient(2, Direction::Vertical)),
        );
        check(
            "background_gradient_4",
            &placed(&landscape(), &gradient(4, Direction::DiagonalDesc)),
        );
        let mut contrast = gradient(2, Direction::DiagonalAsc);
        contrast.contrast = true;
        check("background_contrast", &placed(&landscape(), &contrast));
        check("background_ring", &placed(&ring(), &gradient(2, Direction::Horizontal)));
    }
}
