//! The canvas of an animation: frames are put on it, and taken away again, as their file says.

use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, Limits, buffer};

/// What happens to a frame before the next one is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays.
    Keep,
    /// Its area becomes transparent.
    Clear,
    /// Its area becomes what it was.
    Restore,
}

/// Where a frame stands, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// How one frame is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placing {
    pub(super) area: Area,
    /// Whether what lies below shines through transparent pixels; they replace it otherwise.
    pub(super) blend: bool,
    pub(super) disposal: Disposal,
}

/// Red, green, blue and alpha of the whole picture, transparent at first.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) pixels: Pixels,
    leaving: Option<(Area, Disposal)>,
    saved: Vec<u8>,
}

impl Canvas {
    pub(super) fn new((width, height): (u32, u32), limits: &Limits) -> Result<Self, ImageError> {
        Ok(Self {
            pixels: Pixels::zeroed(width, height, Layout::Rgba, limits)?,
            leaving: None,
            saved: Vec::new(),
        })
    }

    /// Takes the frame before away, and puts a frame on; `rows` are its rows, with pixels as `layout` says.
    pub(super) fn show<'a>(
        &mut self,
        placing: Placing,
        rows: impl Iterator<Item = &'a [u8]>,
        layout: Layout,
        context: RenderContext<'_>,
    ) -> Result<(), ImageError> {
        self.take_away();
        if placing.disposal == Disposal::Restore {
            self.save(placing.area)?;
        }
        self.leaving = Some((placing.area, placing.disposal));
        for (to, from) in self.rows(placing.area).zip(rows) {
            context.check()?;
            for (to, from) in to
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip(from.chunks_exact(layout.channels()))
            {
                let from = with_alpha(from);
                *to = if placing.blend { over(from, *to) } else { from };
            }
        }
        Ok(())
    }

    fn take_away(&mut self) {
        match self.leaving.take() {
            None | Some((_, Disposal::Keep)) => {}
            Some((area, Disposal::Clear)) => self.rows(area).for_each(|row| row.fill(0)),
            Some((area, Disposal::Restore)) => {
                let saved = std::mem::take(&mut self.saved);
                let mut rest = saved.as_slice();
                for row in self.rows(area) {
                    if let Some((from, others)) = rest.split_at_checked(row.len()) {
                        row.copy_from_slice(from);
                        rest = others;
                    }
                }
            }
        }
    }

    fn save(&mut self, area: Area) -> Result<(), ImageError> {
        let length = self.rows(area).map(|row| row.len()).sum();
        let mut saved = buffer::with_room(length)?;
        for row in self.rows(area) {
            saved.extend_from_slice(row);
        }
        self.saved = saved;
        Ok(())
    }

    /// The part of each row that lies in `area`; what lies outside of the canvas is left out.
    fn rows(&mut self, area: Area) -> impl Iterator<Item = &mut [u8]> {
        let row_bytes = self.pixels.row_bytes().max(1);
        let start = usize_from(area.left).saturating_mul(4).min(row_bytes);
        let end = start
            .saturating_add(usize_from(area.width).saturating_mul(4))
            .min(row_bytes);
        let rows = self.pixels.data.chunks_exact_mut(row_bytes);
        rows.skip(usize_from(area.top))
            .take(usize_from(area.height))
            .filter_map(move |row| row.get_mut(start..end))
    }
}

fn with_alpha(pixel: &[u8]) -> [u8; 4] {
    match pixel {
        [level] => [*level, *level, *level, 255],
        [level, alpha] => [*level, *level, *level, *alpha],
        [red, green, blue] => [*red, *green, *blue, 255],
        [red, green, blue, alpha] => [*red, *green, *blue, *alpha],
        _ => [0; 4],
    }
}

/// A pixel over another, neither multiplied with its alpha: alpha = a + b·(1−a), colour = (a·A + b·(1−a)·B) / alpha.
fn over(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    match (above[3], below[3]) {
        (255, _) | (_, 0) => above,
        (0, _) => below,
        (a, b) => {
            let above_share = u32::from(a) * 255;
            let below_share = u32::from(b) * (255 - u32::from(a));
            let shares = above_share + below_share;
            let mixed = |index: usize| {
                let sum = u32::from(above[index]) * above_share + u32::from(below[index]) * below_share;
                u8::try_from((sum + shares / 2) / shares).unwrap_or(u8::MAX)
            };
            let alpha = u8::try_from((shares + 127) / 255).unwrap_or(u8::MAX);
            [mixed(0), mixed(1), mixed(2), alpha]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 4] = [255, 0, 0, 255];
    const BLUE: [u8; 4] = [0, 0, 255, 255];
    const CLEAR: [u8; 4] = [0; 4];

    fn show(canvas: &mut Canvas, left: u32, colours: &[[u8; 4]], disposal: Disposal) -> Vec<[u8; 4]> {
        let placing = Placing {
            area: Area {
                left,
                top: 0,
                width: u32::try_from(colours.len()).unwrap(),
                height: 1,
            },
            blend: true,
            disposal,
        };
        let row = colours.concat();
        let (limits, rows) = (Limits::default(), [row.as_slice()].into_iter());
        let context = RenderContext::new(&limits, &|| false);
        canvas.show(placing, rows, Layout::Rgba, context).unwrap();
        canvas.pixels.data.as_chunks::<4>().0.to_vec()
    }

    #[test]
    fn frames_stay_or_go_as_they_say() {
        let mut canvas = Canvas::new((3, 1), &Limits::default()).unwrap();
        assert_eq!(show(&mut canvas, 0, &[RED; 3], Disposal::Keep), [RED; 3]);
        let shown = show(&mut canvas, 1, &[BLUE], Disposal::Restore);
        assert_eq!(shown, [RED, BLUE, RED]);
        let shown = show(&mut canvas, 2, &[BLUE], Disposal::Clear);
        assert_eq!(shown, [RED, RED, BLUE]);
        let shown = show(&mut canvas, 0, &[CLEAR, BLUE], Disposal::Keep);
        assert_eq!(shown, [RED, BLUE, CLEAR]);
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut canvas = Canvas::new((3, 1), &Limits::default()).unwrap();
        let shown = show(&mut canvas, 2, &[RED; 5], Disposal::Clear);
        assert_eq!(shown, [CLEAR, CLEAR, RED]);
        assert_eq!(show(&mut canvas, u32::MAX, &[RED], Disposal::Restore), [CLEAR; 3]);
    }

    #[test]
    fn half_transparent_pixels_mix() {
        assert_eq!(over([255, 0, 0, 128], BLUE), [128, 0, 127, 255]);
        assert_eq!(over([255, 0, 0, 128], [0, 0, 255, 128]), [170, 0, 85, 192]);
    }
}
