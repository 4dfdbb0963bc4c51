//! What is known about a picture before a pixel is decoded.

use visage_cloudinary::ImageFormat;

/// What a file's structure says about its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the bytes are, whatever the file was called.
    pub format: ImageFormat,
    /// Width in pixels of the upright picture, so after [`Facts::orientation`] has been applied.
    pub width: u32,
    /// Height in pixels of the upright picture.
    pub height: u32,
    /// What turns the stored pixels upright.
    pub orientation: Orientation,
    /// Frames; 1 for a still picture.
    pub frames: u32,
    /// Whether the format says that pixels may be transparent.
    pub has_alpha: bool,
}

impl Facts {
    /// Width and height of the pixels as they are stored, so before the orientation is applied.
    pub fn stored_size(&self) -> (u32, u32) {
        self.orientation.turned_size(self.width, self.height)
    }

    /// Number of pixels of one frame.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// How stored pixels must be turned to be upright; the numbers are those of EXIF (tag 274).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// 1: upright as stored.
    #[default]
    Normal,
    /// 2: mirror left to right.
    FlipHorizontal,
    /// 3: turn by 180 degrees.
    Rotate180,
    /// 4: mirror top to bottom.
    FlipVertical,
    /// 5: mirror along the diagonal from the top left.
    Transpose,
    /// 6: turn clockwise by 90 degrees.
    Rotate90,
    /// 7: mirror along the diagonal from the top right.
    Transverse,
    /// 8: turn counter-clockwise by 90 degrees.
    Rotate270,
}

impl Orientation {
    /// All eight, in the order of their EXIF numbers 1 to 8.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// The orientation with this EXIF number; unknown numbers mean upright, as every reader takes them.
    pub fn from_exif(number: u16) -> Self {
        let index = usize::from(number).wrapping_sub(1);
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Its EXIF number, 1 to 8.
    pub fn to_exif(self) -> u8 {
        match self {
            Self::Normal => 1,
            Self::FlipHorizontal => 2,
            Self::Rotate180 => 3,
            Self::FlipVertical => 4,
            Self::Transpose => 5,
            Self::Rotate90 => 6,
            Self::Transverse => 7,
            Self::Rotate270 => 8,
        }
    }

    /// What undoes it.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Rotate90 => Self::Rotate270,
            Self::Rotate270 => Self::Rotate90,
            other => other,
        }
    }

    /// Both, this one first.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let (after, before) = (next.matrix(), self.matrix());
        let cell =
            |row: usize, column: usize| after[2 * row] * before[column] + after[2 * row + 1] * before[2 + column];
        let product = [cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)];
        let both = Self::ALL
            .into_iter()
            .find(|orientation| orientation.matrix() == product);
        both.unwrap_or_default()
    }

    /// What it does to a point around the middle, with y downwards: `x' = a x + b y`, `y' = c x + d y`.
    fn matrix(self) -> [i8; 4] {
        match self {
            Self::Normal => [1, 0, 0, 1],
            Self::FlipHorizontal => [-1, 0, 0, 1],
            Self::Rotate180 => [-1, 0, 0, -1],
            Self::FlipVertical => [1, 0, 0, -1],
            Self::Transpose => [0, 1, 1, 0],
            Self::Rotate90 => [0, -1, 1, 0],
            Self::Transverse => [0, -1, -1, 0],
            Self::Rotate270 => [0, 1, -1, 0],
        }
    }

    /// Whether the upright picture is as wide as the stored one is high.
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270
        )
    }

    /// The size after turning; the same arithmetic leads there and back.
    pub fn turned_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }
}
