//! AV1, the codec inside AVIF: dav1d decodes one picture to planes, libaom encodes planes. Neither knows of colours beyond
//! the numbers that the stream states.

mod decode;
mod encode;
mod pool;
mod views;

pub use decode::{DecodeOptions, Frame, decode};
pub use encode::{EncodeOptions, Planes, encode};

/// How many chroma samples there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// None: the picture is gray.
    Gray,
    /// Half the columns and half the rows of luma (4:2:0).
    Quarter,
    /// Half the columns of luma (4:2:2).
    Half,
    /// One for each luma sample (4:4:4).
    Full,
}

impl Chroma {
    /// Whether chroma has half the columns, and half the rows, of luma.
    pub fn halves(self) -> (bool, bool) {
        match self {
            Self::Gray | Self::Full => (false, false),
            Self::Half => (true, false),
            Self::Quarter => (true, true),
        }
    }

    /// Planes in a picture.
    pub fn planes(self) -> usize {
        if self == Self::Gray { 1 } else { 3 }
    }

    /// The size of a chroma plane; a gray picture has none.
    pub fn plane_size(self, width: u32, height: u32) -> (u32, u32) {
        let (half_columns, half_rows) = self.halves();
        let halved = |side: u32, half: bool| if half { side.div_ceil(2) } else { side };
        match self {
            Self::Gray => (0, 0),
            Self::Quarter | Self::Half | Self::Full => (halved(width, half_columns), halved(height, half_rows)),
        }
    }
}
