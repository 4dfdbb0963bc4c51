//! One picture over, under or through another.

use visage_cloudinary::transformation::{Blend, Color};

use crate::canvas::{self, Shared, shared};
use crate::effects::with_alpha;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::Canvas;
use crate::{ImageError, Limits};

const NOTHING: Color = Color {
    red: 0,
    green: 0,
    blue: 0,
    alpha: 0,
};

/// Where a layer goes and how it mixes with the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    /// From the left of the canvas; the layer may reach beyond it, and is cut then.
    pub(crate) x: i64,
    /// From the top.
    pub(crate) y: i64,
    /// The result, and where the picture lies in it.
    pub(crate) canvas: Canvas,
    /// `None` is one over the other.
    pub(crate) blend: Option<Blend>,
    /// A mask is the layer's alpha alone, not its brightness times its alpha.
    pub(crate) uses_alpha: bool,
    /// The picture lies over the layer.
    pub(crate) is_under: bool,
    /// The layer is repeated over the canvas, one copy of it at its place.
    pub(crate) is_tiled: bool,
}

/// The picture on its canvas with the layer on it. Masks and cut-outs work on alpha: where a mask's layer does not reach
/// nothing is seen, and what a cut-out's layer covers is taken away.
pub(crate) fn compose(base: Pixels, layer: &Pixels, how: &Placement, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut target = on_canvas(base, how, limits)?;
    let is_mask = how.blend == Some(Blend::Mask);
    let mixed = mixer(how);
    let across = spans(how.x, layer.width, target.width, how.is_tiled);
    let down = spans(how.y, layer.height, target.height, how.is_tiled);
    if is_mask {
        clear_outside(&mut target, &across, &down);
    }
    let row_bytes = target.row_bytes();
    for rows in &down {
        let from_rows = layer.data.chunks_exact(layer.row_bytes()).skip(rows.from);
        let to_rows = target.data.chunks_exact_mut(row_bytes).skip(rows.to);
        for (from, to) in from_rows.zip(to_rows).take(rows.count) {
            for span in &across {
                mix_row((from, layer.layout), (&mut *to, target.layout), *span, &mixed);
            }
        }
    }
    Ok(target)
}

/// With an alpha channel where the result may be transparent.
fn on_canvas(base: Pixels, how: &Placement, limits: &Limits) -> Result<Pixels, ImageError> {
    let (size, canvas) = ((base.width, base.height), how.canvas);
    let whole = Canvas {
        width: size.0,
        height: size.1,
        x: 0,
        y: 0,
    };
    if canvas != whole {
        return canvas::place(base, canvas, NOTHING, limits);
    }
    match how.blend {
        Some(Blend::Mask | Blend::CutOut) => with_alpha(base, limits),
        _ => Ok(base),
    }
}

/// The parts of one axis that copies of the layer cover.
fn spans(start: i64, layer: u32, canvas: u32, is_tiled: bool) -> Vec<Shared> {
    let step = i64::from(layer.max(1));
    let mut place = if is_tiled {
        // The first copy that reaches into the canvas.
        start.rem_euclid(step) - step
    } else {
        start
    };
    let mut spans = Vec::new();
    loop {
        let span = shared(place, layer, canvas);
        if span.count > 0 {
            spans.push(span);
        }
        place = place.saturating_add(step);
        if !is_tiled || place >= i64::from(canvas) {
            return spans;
        }
    }
}

fn clear_outside(target: &mut Pixels, across: &[Shared], down: &[Shared]) {
    let width = usize_from(target.width);
    let columns = covered(across, width);
    let rows = covered(down, usize_from(target.height));
    for (place, pixel) in target.data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        if !columns[place % width] || !rows[place / width] {
            pixel[3] = 0;
        }
    }
}

/// Which places of an axis lie in a span.
fn covered(spans: &[Shared], side: usize) -> Vec<bool> {
    let mut places = vec![false; side];
    for span in spans {
        places[span.to..span.to + span.count].fill(true);
    }
    places
}

fn mix_row(
    (from, from_layout): (&[u8], Layout),
    (to, to_layout): (&mut [u8], Layout),
    span: Shared,
    mixed: &impl Fn([u8; 4], [u8; 4]) -> [u8; 4],
) {
    let (from_step, to_step) = (from_layout.channels(), to_layout.channels());
    let from = from.chunks_exact(from_step).skip(span.from);
    let to = to.chunks_exact_mut(to_step).skip(span.to);
    for (from, to) in from.zip(to).take(span.count) {
        let result = mixed(rgba(to), rgba(from));
        to.copy_from_slice(&result[..to_step]);
    }
}

fn rgba(pixel: &[u8]) -> [u8; 4] {
    let alpha = pixel.get(3).copied().unwrap_or(u8::MAX);
    [pixel[0], pixel[1], pixel[2], alpha]
}

/// What becomes of a pixel of the picture and one of the layer.
fn mixer(how: &Placement) -> impl Fn([u8; 4], [u8; 4]) -> [u8; 4] {
    let Placement {
        blend,
        uses_alpha,
        is_under,
        ..
    } = *how;
    move |base, layer| match blend {
        Some(Blend::Mask) => {
            let seen = if uses_alpha { 255 } else { luma(layer) };
            with_alpha_times(base, times(seen, layer[3]))
        }
        Some(Blend::CutOut) => with_alpha_times(base, 255 - layer[3]),
        _ if is_under => over(base, layer, blend),
        _ => over(layer, base, blend),
    }
}

fn with_alpha_times([red, green, blue, alpha]: [u8; 4], factor: u8) -> [u8; 4] {
    [red, green, blue, times(alpha, factor)]
}

/// `above` over `below` with straight alpha (W3C, "Compositing and Blending Level 1"): the colour of `above` is
/// `(1 - ab) ca + ab B(cb, ca)`, then `c = (c aa + cb ab (1 - aa)) / a` with `a = aa + ab (1 - aa)`.
fn over(above: [u8; 4], below: [u8; 4], blend: Option<Blend>) -> [u8; 4] {
    let above_alpha = u32::from(above[3]) * 255;
    let below_alpha = u32::from(below[3]) * (255 - u32::from(above[3]));
    let alpha = above_alpha + below_alpha;
    if alpha == 0 {
        return [0; 4];
    }
    let mut result = [0; 4];
    for ((result, above), under) in result.iter_mut().zip(above).zip(below).take(3) {
        let both = u32::from(blended(above, under, blend));
        let backdrop = u32::from(below[3]);
        let colour = (u32::from(above) * (255 - backdrop) + both * backdrop + 127) / 255;
        let sum = colour * above_alpha + u32::from(under) * below_alpha + alpha / 2;
        *result = u8::try_from(sum / alpha).unwrap_or(u8::MAX);
    }
    result[3] = u8::try_from((alpha + 127) / 255).unwrap_or(u8::MAX);
    result
}

/// `B(cb, ca)`
fn blended(above: u8, below: u8, blend: Option<Blend>) -> u8 {
    match blend {
        Some(Blend::Multiply) => times(above, below),
        Some(Blend::Screen) => screen(above, below),
        Some(Blend::Overlay) if below < 128 => times(above, below * 2),
        Some(Blend::Overlay) => screen(above, (below - 128) * 2 + 1),
        _ => above,
    }
}

fn screen(one: u8, other: u8) -> u8 {
    255 - times(255 - one, 255 - other)
}

/// `one · other / 255`, rounded.
fn times(one: u8, other: u8) -> u8 {
    let product = (u16::from(one) * u16::from(other) + 127) / 255;
    u8::try_from(product).unwrap_or(u8::MAX)
}

/// Rec. 601, in 256ths.
fn luma([red, green, blue, _]: [u8; 4]) -> u8 {
    let sum = u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29 + 128;
    u8::try_from(sum >> 8).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{check, draw, landscape, ring};

    fn at(x: i64, y: i64) -> Placement {
        Placement {
            x,
            y,
            canvas: Canvas {
                width: 48,
                height: 32,
                x: 0,
                y: 0,
            },
            blend: None,
            uses_alpha: false,
            is_under: false,
            is_tiled: false,
        }
    }

    fn composed(base: Pixels, layer: &Pixels, how: Placement) -> Pixels {
        compose(base, layer, &how, &Limits::default()).unwrap()
    }

    #[test]
    fn a_layer_lies_over_and_is_cut_at_the_canvas() {
        let over = composed(landscape(), &ring(), at(4, 0));
        assert_eq!(over.layout, Layout::Rgb);
        check("compose", &over);
        check("compose_cut", &composed(landscape(), &ring(), at(25, -12)));
        for (x, y) in [(48, 0), (0, 32), (-40, 0), (0, -32), (i64::MIN, i64::MAX)] {
            assert_eq!(composed(landscape(), &ring(), at(x, y)), landscape());
        }
    }

    #[test]
    fn blends_mix_by_their_formulas() {
        for (name, blend) in [
            ("multiply", Blend::Multiply),
            ("screen", Blend::Screen),
            ("overlay", Blend::Overlay),
            ("mask", Blend::Mask),
            ("cut_out", Blend::CutOut),
        ] {
            let how = Placement {
                blend: Some(blend),
                ..at(4, 0)
            };
            check(&format!("compose_{name}"), &composed(landscape(), &ring(), how));
        }
        assert_eq!(blended(100, 200, Some(Blend::Multiply)), 78);
        assert_eq!(blended(100, 200, Some(Blend::Screen)), 222);
        assert_eq!(blended(100, 127, Some(Blend::Overlay)), 100);
        assert_eq!(blended(100, 128, Some(Blend::Overlay)), 101);
    }

    #[test]
    fn a_cutter_keeps_what_the_layer_covers() {
        let how = Placement {
            blend: Some(Blend::Mask),
            uses_alpha: true,
            ..at(4, 0)
        };
        let cut = composed(landscape(), &ring(), how);
        for y in 0..32 {
            for x in 0..48 {
                let inside = (4..44).contains(&x);
                let alpha = if inside {
                    ring().data[(y * 40 + x - 4) * 4 + 3]
                } else {
                    0
                };
                assert_eq!(cut.data[(y * 48 + x) * 4 + 3], alpha);
            }
        }
    }

    #[test]
    fn a_canvas_may_grow_and_an_underlay_lies_below() {
        let larger = Canvas {
            width: 60,
            height: 44,
            x: 12,
            y: 2,
        };
        let how = Placement {
            canvas: larger,
            ..at(0, 12)
        };
        check("compose_larger", &composed(landscape(), &ring(), how));
        let canvas = Canvas {
            width: 40,
            ..at(0, 0).canvas
        };
        let under = Placement {
            is_under: true,
            canvas,
            ..at(-4, 4)
        };
        check("compose_under", &composed(ring(), &landscape(), under));
    }

    #[test]
    fn tiles_cover_everything() {
        let tile = draw(
            7,
            5,
            Layout::Rgba,
            |x, y| if x == 0 || y == 0 { [255; 4] } else { [0; 4] },
        );
        let how = Placement {
            is_tiled: true,
            ..at(3, -1)
        };
        let tiled = composed(landscape(), &tile, how);
        check("compose_tiled", &tiled);
        let mask = Placement {
            blend: Some(Blend::Mask),
            uses_alpha: true,
            ..how
        };
        let holes = composed(landscape(), &tile, mask);
        assert!(holes.data.as_chunks::<4>().0.iter().enumerate().all(|(place, pixel)| {
            let is_line = place % 48 % 7 == 3 || place / 48 % 5 == 4;
            (pixel[3] == 255) == is_line
        }));
        for (place, pixel) in tiled.data.as_chunks::<3>().0.iter().enumerate() {
            let (x, y) = (place % 48, place / 48);
            assert!(*pixel == [255; 3] || !(x % 7 == 3 || y % 5 == 4), "{x}, {y}");
        }
    }
}
