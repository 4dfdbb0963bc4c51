//! Where letters are drawn: a plane of how much of each pixel they cover.

use cosmic_text::{
    Buffer, Color as Ink, FontSystem, PhysicalGlyph, Renderer, SwashCache, SwashContent, render_decoration,
};
use visage_cloudinary::transformation::Color;

use super::TextStyle;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, Limits};

pub(super) struct Canvas {
    coverage: Pixels,
    margin: u32,
    /// The size of all lines, which is shown when no letter leaves a mark.
    lines: (u32, u32),
}

impl Canvas {
    /// For lines of this size, with a margin on each side.
    pub(super) fn new(lines: (u32, u32), margin: u32, limits: &Limits) -> Result<Self, ImageError> {
        let (width, height) = (lines.0 + 2 * margin, lines.1 + 2 * margin);
        Ok(Self {
            coverage: Pixels::zeroed(width, height, Layout::Gray, limits)?,
            margin,
            lines,
        })
    }

    pub(super) fn draw(&mut self, text: &Buffer, fonts: &mut FontSystem) {
        let ink = Ink::rgb(0, 0, 0);
        let mut pen = Pen {
            canvas: self,
            fonts,
            shapes: SwashCache::new(),
        };
        for line in text.layout_runs() {
            for glyph in line.glyphs {
                pen.glyph(glyph.physical((0.0, line.line_y), 1.0), ink);
            }
            render_decoration(&mut pen, &line, ink);
        }
    }

    /// The part with letters, in the style's colours.
    pub(super) fn painted(&self, style: &TextStyle, limits: &Limits) -> Result<Pixels, ImageError> {
        let part = self.inked();
        let mut pixels = Pixels::zeroed(part.width, part.height, Layout::Rgba, limits)?;
        let colours = shades(style);
        let rows = self.coverage.data.chunks_exact(self.coverage.row_bytes());
        let row_bytes = pixels.row_bytes();
        let targets = pixels.data.chunks_exact_mut(row_bytes);
        for (row, target) in rows.skip(usize_from(part.top)).zip(targets) {
            let row = row.iter().skip(usize_from(part.left));
            for (pixel, coverage) in target.as_chunks_mut::<4>().0.iter_mut().zip(row) {
                *pixel = colours[usize::from(*coverage)];
            }
        }
        Ok(pixels)
    }

    /// From the first to the last row and column that a letter touches.
    fn inked(&self) -> Part {
        let width = usize_from(self.coverage.width);
        let is_inked = |coverage: &u8| *coverage > 0;
        let rows = || self.coverage.data.chunks_exact(width);
        let rows_inked: Vec<bool> = rows().map(|row| row.iter().any(is_inked)).collect();
        let mut columns_inked = vec![false; width];
        for row in rows() {
            for (column, coverage) in columns_inked.iter_mut().zip(row) {
                *column |= is_inked(coverage);
            }
        }
        let (across, down) = (extent(&columns_inked), extent(&rows_inked));
        let (left, width) = across.unwrap_or((self.margin, self.lines.0));
        let (top, height) = down.unwrap_or((self.margin, self.lines.1));
        Part {
            left,
            top,
            width,
            height,
        }
    }

    /// Covers a pixel a little more; outside is nothing.
    fn cover(&mut self, x: i32, y: i32, coverage: u8) {
        let margin = i64::from(self.margin);
        let (Ok(x), Ok(y)) = (
            usize::try_from(i64::from(x) + margin),
            usize::try_from(i64::from(y) + margin),
        ) else {
            return;
        };
        if x >= usize_from(self.coverage.width) {
            return;
        }
        if let Some(covered) = self
            .coverage
            .data
            .get_mut(y.saturating_mul(usize_from(self.coverage.width)) + x)
        {
            let free = u32::from(255 - *covered) * u32::from(255 - coverage);
            *covered = 255 - ((free + 127) / 255) as u8;
        }
    }
}

struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// Where the first is, and how many there are up to the last.
fn extent(inked: &[bool]) -> Option<(u32, u32)> {
    let first = inked.iter().position(|inked| *inked)?;
    let last = inked.iter().rposition(|inked| *inked)?;
    Some((first as u32, (last - first + 1) as u32))
}

/// The pixel for each coverage: letters over background ("source over" of Porter and Duff), then the opacity.
fn shades(style: &TextStyle) -> [[u8; 4]; 256] {
    let nothing = Color {
        alpha: 0,
        ..style.font_color
    };
    let background = style.background.unwrap_or(nothing);
    let opacity = f64::from(style.opacity_percent.min(100)) / 100.0;
    std::array::from_fn(|coverage| {
        let front = f64::from(style.font_color.alpha) / 255.0 * coverage as f64 / 255.0;
        let back = f64::from(background.alpha) / 255.0 * (1.0 - front);
        let alpha = front + back;
        let mixed = |front_level: u8, back_level: u8| {
            let sum = f64::from(front_level) * front + f64::from(back_level) * back;
            if alpha > 0.0 { (sum / alpha).round() as u8 } else { 0 }
        };
        [
            mixed(style.font_color.red, background.red),
            mixed(style.font_color.green, background.green),
            mixed(style.font_color.blue, background.blue),
            (alpha * opacity * 255.0).round() as u8,
        ]
    })
}

/// Draws on a canvas. Shapes of letters are not kept: large ones would fill the memory.
struct Pen<'a> {
    canvas: &'a mut Canvas,
    fonts: &'a mut FontSystem,
    shapes: SwashCache,
}

impl Renderer for Pen<'_> {
    fn rectangle(&mut self, x: i32, y: i32, width: u32, height: u32, _ink: Ink) {
        // A line is not longer than the canvas, whatever the font says.
        let width = width.min(self.canvas.coverage.width) as i32;
        let height = height.min(self.canvas.coverage.height) as i32;
        for row in 0..height {
            for column in 0..width {
                self.canvas.cover(x.saturating_add(column), y.saturating_add(row), 255);
            }
        }
    }

    fn glyph(&mut self, glyph: PhysicalGlyph, _ink: Ink) {
        let Some(shape) = self.shapes.get_image_uncached(self.fonts, glyph.cache_key) else {
            return;
        };
        if shape.content != SwashContent::Mask || shape.placement.width == 0 {
            return;
        }
        let left = glyph.x.saturating_add(shape.placement.left);
        let top = glyph.y.saturating_sub(shape.placement.top);
        for (row, line) in (top..).zip(shape.data.chunks_exact(usize_from(shape.placement.width))) {
            for (column, coverage) in (left..).zip(line) {
                self.canvas.cover(column, row, *coverage);
            }
        }
    }
}
