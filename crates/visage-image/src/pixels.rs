//! Decoded pixels: eight bits per channel, rows without padding.

use crate::{ImageError, Limits, buffer};

/// What the bytes of one pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// As JPEG stores it: inverted, 255 is no ink.
    Cmyk,
}

impl Layout {
    /// Bytes per pixel.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    /// Whether the last channel is alpha.
    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }
}

/// A picture in memory; `data` holds exactly `width * height * channels` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) layout: Layout,
    pub(crate) data: Vec<u8>,
}

impl Pixels {
    /// A picture of zeros.
    pub(crate) fn zeroed(width: u32, height: u32, layout: Layout, limits: &Limits) -> Result<Self, ImageError> {
        let data = buffer::zeroed(size_bytes(width, height, layout), limits)?;
        Ok(Self {
            width,
            height,
            layout,
            data,
        })
    }

    /// Bytes from one row to the next.
    pub(crate) fn row_bytes(&self) -> usize {
        usize_from(self.width) * self.layout.channels()
    }

    /// The same pixels without their alpha channel.
    pub(crate) fn without_alpha(mut self) -> Self {
        let (layout, channels) = match self.layout {
            Layout::GrayAlpha => (Layout::Gray, 2),
            Layout::Rgba => (Layout::Rgb, 4),
            Layout::Gray | Layout::Rgb | Layout::Cmyk => return self,
        };
        let kept = channels - 1;
        let count = self.data.len() / channels;
        for index in 0..count {
            self.data
                .copy_within(index * channels..index * channels + kept, index * kept);
        }
        self.data.truncate(count * kept);
        self.layout = layout;
        self
    }
}

/// Bytes that pixels of this size take.
pub(crate) fn size_bytes(width: u32, height: u32, layout: Layout) -> u64 {
    let channels = u64::try_from(layout.channels()).unwrap_or(u64::MAX);
    (u64::from(width) * u64::from(height)).saturating_mul(channels)
}

/// A pixel count as an index; every machine that visage runs on has at least 32-bit addresses.
pub(crate) fn usize_from(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
