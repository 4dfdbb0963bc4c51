//! Pictures of few colours: a palette, and numbers into it.

use std::collections::HashMap;

use color_quant::NeuQuant;

use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, Limits, buffer};

/// Entries of the largest palette.
const MAX_COLOURS: usize = 256;

/// About as many pixels are looked at for a palette of their own.
const LOOKED_AT_PIXELS: u64 = 16 * 1024;

/// Colours, and for each pixel which of them it has.
#[derive(Debug)]
pub(super) struct Indexed {
    /// Red, green, blue and alpha; the transparent ones come first, so that alpha need not be written for the rest.
    pub(super) colours: Vec<[u8; 4]>,
    indices: Vec<u8>,
    width: u32,
}

impl Indexed {
    /// The same picture; `None` when it has more than 256 colours.
    pub(super) fn exact(pixels: &Pixels, limits: &Limits) -> Result<Option<Self>, ImageError> {
        let mut found: HashMap<[u8; 4], u8> = HashMap::new();
        let mut last = None;
        for pixel in rgba_of(pixels) {
            if last == Some(pixel) {
                continue;
            }
            last = Some(pixel);
            found.entry(pixel).or_default();
            if found.len() > MAX_COLOURS {
                return Ok(None);
            }
        }
        let mut colours: Vec<[u8; 4]> = found.keys().copied().collect();
        colours.sort_unstable_by_key(|colour| (colour[3], *colour));
        for (index, colour) in (0..=u8::MAX).zip(&colours) {
            found.insert(*colour, index);
        }
        let index_of = |pixel: [u8; 4]| found.get(&pixel).copied().unwrap_or_default();
        Self::new(pixels, colours, index_of, limits).map(Some)
    }

    /// The picture in 256 colours that suit it.
    pub(super) fn nearest(pixels: &Pixels, limits: &Limits) -> Result<Self, ImageError> {
        let count = u64::from(pixels.width) * u64::from(pixels.height);
        let mut rgba = buffer::zeroed(count.saturating_mul(4), limits)?;
        for (to, from) in rgba.as_chunks_mut::<4>().0.iter_mut().zip(rgba_of(pixels)) {
            *to = from;
        }
        // One pixel of so many, 1 to 30.
        let sampling = i32::try_from((count / LOOKED_AT_PIXELS).clamp(1, 30)).unwrap_or(30);
        let network = NeuQuant::new(sampling, MAX_COLOURS, &rgba);
        let map = network.color_map_rgba();
        let all = map.as_chunks::<4>().0;
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_unstable_by_key(|index| all.get(*index).map(|colour| (colour[3], *colour)));
        let mut places = [0; MAX_COLOURS];
        for (place, index) in (0..=u8::MAX).zip(&order) {
            if let Some(to) = places.get_mut(*index) {
                *to = place;
            }
        }
        let colours = order.iter().filter_map(|index| all.get(*index).copied()).collect();
        let place_of = |pixel: [u8; 4]| places.get(network.index_of(&pixel)).copied().unwrap_or_default();
        Self::new(pixels, colours, place_of, limits)
    }

    fn new(
        pixels: &Pixels,
        colours: Vec<[u8; 4]>,
        index_of: impl Fn([u8; 4]) -> u8,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let count = u64::from(pixels.width) * u64::from(pixels.height);
        let mut indices = buffer::zeroed(count, limits)?;
        let mut last = ([0; 4], index_of([0; 4]));
        for (to, pixel) in indices.iter_mut().zip(rgba_of(pixels)) {
            if last.0 != pixel {
                last = (pixel, index_of(pixel));
            }
            *to = last.1;
        }
        Ok(Self {
            colours,
            indices,
            width: pixels.width,
        })
    }

    /// Bits that one index takes in a PNG: 1, 2, 4 or 8.
    pub(super) fn bits(&self) -> u8 {
        match self.colours.len() {
            0..=2 => 1,
            3..=4 => 2,
            5..=16 => 4,
            _ => 8,
        }
    }

    /// Bytes of palette and indices before they are compressed.
    pub(super) fn size_bytes(&self) -> usize {
        self.indices.len() * usize::from(self.bits()) / 8 + self.colours.len() * 3
    }

    /// The indices as PNG packs them: several in a byte, the first in the highest bits, each row from a new byte.
    pub(super) fn packed(self, limits: &Limits) -> Result<Vec<u8>, ImageError> {
        let bits = self.bits();
        if bits == 8 {
            return Ok(self.indices);
        }
        let per_byte = usize::from(8 / bits);
        let width = usize_from(self.width).max(1);
        let row_bytes = width.div_ceil(per_byte);
        let rows = self.indices.len() / width;
        let size = u64::try_from(rows.saturating_mul(row_bytes)).unwrap_or(u64::MAX);
        let mut packed = buffer::zeroed(size, limits)?;
        for (to, from) in packed.chunks_exact_mut(row_bytes).zip(self.indices.chunks_exact(width)) {
            for (byte, indices) in to.iter_mut().zip(from.chunks(per_byte)) {
                for (place, index) in (1_u8..).zip(indices) {
                    *byte |= index << (8 - bits * place);
                }
            }
        }
        Ok(packed)
    }
}

/// Each pixel with all four channels.
pub(super) fn rgba_of(pixels: &Pixels) -> impl Iterator<Item = [u8; 4]> {
    let layout = pixels.layout;
    pixels
        .data
        .chunks_exact(layout.channels())
        .map(move |pixel| match (layout, pixel) {
            (Layout::Gray, [level]) => [*level, *level, *level, 255],
            (Layout::GrayAlpha, [level, alpha]) => [*level, *level, *level, *alpha],
            (Layout::Rgb, [red, green, blue]) => [*red, *green, *blue, 255],
            (_, [red, green, blue, alpha]) => [*red, *green, *blue, *alpha],
            _ => [0; 4],
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(colours: u32) -> Pixels {
        Pixels {
            width: colours,
            height: 1,
            layout: Layout::Rgba,
            data: (0..colours)
                .flat_map(|index| [index.to_le_bytes()[0], index.to_le_bytes()[1], 7, 255])
                .collect(),
        }
    }

    #[test]
    fn up_to_256_colours_are_kept_exactly() {
        let limits = Limits::default();
        for (count, bits) in [
            (1, 1),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 4),
            (16, 4),
            (17, 8),
            (255, 8),
            (256, 8),
        ] {
            let indexed = Indexed::exact(&picture(count), &limits).unwrap().unwrap();
            assert_eq!(indexed.colours.len(), usize_from(count));
            assert_eq!(indexed.bits(), bits, "{count} colours");
        }
        assert!(Indexed::exact(&picture(257), &limits).unwrap().is_none());
        assert_eq!(
            Indexed::nearest(&picture(257), &limits).unwrap().colours.len(),
            MAX_COLOURS
        );
    }

    #[test]
    fn transparent_colours_come_first_and_rows_begin_on_a_byte() {
        let (black, clear, white) = ([0, 0, 0, 255], [9, 9, 9, 0], [255; 4]);
        let pixels = Pixels {
            width: 3,
            height: 2,
            layout: Layout::Rgba,
            data: [black, white, clear, clear, black, white].concat(),
        };
        let indexed = Indexed::exact(&pixels, &Limits::default()).unwrap().unwrap();
        assert_eq!(indexed.colours, [clear, black, white]);
        assert_eq!(
            indexed.packed(&Limits::default()).unwrap(),
            [0b01_10_00_00, 0b00_01_10_00]
        );
    }
}
