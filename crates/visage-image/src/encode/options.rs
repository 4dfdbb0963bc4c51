//! What can be asked of an encoder.

/// How pixels become a file; what a format does not know has no meaning for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncodeOptions {
    /// The encoder's own quality, 1 to 100; for JPEG, WebP and AVIF.
    pub quality: u8,
    /// Colours as fine as brightness; for JPEG and AVIF.
    pub chroma_444: bool,
    /// In several scans, coarse to fine; for JPEG.
    pub progressive: bool,
    /// Every visible pixel exactly; for WebP.
    pub lossless: bool,
    /// How a PNG keeps its pixels.
    pub png_kind: PngKind,
    /// How long an encoder may search; for AVIF.
    pub effort: Effort,
}

impl EncodeOptions {
    /// What is done unless something else is asked for, with this quality.
    pub fn with_quality(quality: u8) -> Self {
        Self {
            quality,
            ..Self::default()
        }
    }
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            quality: 80,
            chroma_444: false,
            progressive: false,
            lossless: false,
            png_kind: PngKind::Smallest,
            effort: Effort::Fast,
        }
    }
}

/// How a PNG keeps its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PngKind {
    /// Exactly, in the smallest of palette, gray and colour.
    #[default]
    Smallest,
    /// At most 256 colours, chosen from those of the picture when it has more.
    Png8,
    /// Red, green and blue; what is transparent is shown by its colour.
    Png24,
    /// Red, green, blue and alpha.
    Png32,
}

/// How long an encoder may search for a smaller file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Effort {
    /// As long as somebody waits.
    #[default]
    Fast,
    /// Some ten times as long, for work in idle time.
    Refined,
}
