//! WebP by libwebp: one still picture. Animations are taken apart by the caller.

mod decode;
mod encode;

pub use decode::{Picture, decode};
pub use encode::{EncodeOptions, encode};

/// Rows of eight bits per channel, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    /// Bytes of one pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}
