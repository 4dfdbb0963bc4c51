//! Rectangles with fractions of pixels.

use crate::Orientation;

/// A rectangle in pixels with fractions; `x` and `y` are its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are what they are called")]
pub struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Window {
    /// All of a picture.
    pub fn whole(width: u32, height: u32) -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            width: f64::from(width),
            height: f64::from(height),
        }
    }

    /// The same part in a picture that is `divisor` times smaller.
    pub(crate) fn divided(self, divisor: f64) -> Self {
        Self {
            x: self.x / divisor,
            y: self.y / divisor,
            width: self.width / divisor,
            height: self.height / divisor,
        }
    }

    /// This part of a picture that shows `self` with `size` pixels.
    pub(crate) fn part(self, part: Self, size: (u32, u32)) -> Self {
        let (across, down) = (self.width / f64::from(size.0), self.height / f64::from(size.1));
        Self {
            x: self.x + part.x * across,
            y: self.y + part.y * down,
            width: part.width * across,
            height: part.height * down,
        }
    }

    /// Where a part of this part's picture lies once this part is shown with `size` pixels.
    pub(crate) fn seen(self, part: Self, size: (u32, u32)) -> Self {
        let (across, down) = (f64::from(size.0) / self.width, f64::from(size.1) / self.height);
        Self {
            x: (part.x - self.x) * across,
            y: (part.y - self.y) * down,
            width: part.width * across,
            height: part.height * down,
        }
    }

    /// What two parts share, if they share anything.
    pub(crate) fn shared_with(self, other: Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = (self.x + self.width).min(other.x + other.width) - x;
        let height = (self.y + self.height).min(other.y + other.height) - y;
        (width > 0.0 && height > 0.0).then_some(Self { x, y, width, height })
    }

    /// As large as this one, with the middle of `region` in its middle.
    pub(crate) fn around(self, region: Self) -> Self {
        Self {
            x: region.x + (region.width - self.width) / 2.0,
            y: region.y + (region.height - self.height) / 2.0,
            ..self
        }
    }

    /// The same part, elsewhere.
    pub(crate) fn moved(self, x: f64, y: f64) -> Self {
        Self {
            x: self.x + x,
            y: self.y + y,
            ..self
        }
    }

    /// Cut to a picture of `size`: rounding may have moved it out by a hair, a decode scale by part of a pixel.
    pub(crate) fn inside(self, size: (u32, u32)) -> Self {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        let x = self.x.clamp(0.0, (width - 1.0).max(0.0));
        let y = self.y.clamp(0.0, (height - 1.0).max(0.0));
        Self {
            x,
            y,
            width: self.width.min(width - x),
            height: self.height.min(height - y),
        }
    }

    /// Whether showing it with `size` pixels changes its scale.
    pub(crate) fn is_scaled_to(self, size: (u32, u32)) -> bool {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        (self.width - width).abs() > TOLERANCE || (self.height - height).abs() > TOLERANCE
    }

    /// Where this part of the upright picture lies among the stored pixels of a picture stored as `stored`.
    pub(crate) fn before_turning(self, orientation: Orientation, stored: (u32, u32)) -> Self {
        let Self { x, y, width, height } = self;
        let (right, bottom) = (f64::from(stored.0), f64::from(stored.1));
        let (x, y) = match orientation {
            Orientation::Normal => (x, y),
            Orientation::FlipHorizontal => (right - x - width, y),
            Orientation::Rotate180 => (right - x - width, bottom - y - height),
            Orientation::FlipVertical => (x, bottom - y - height),
            Orientation::Transpose => (y, x),
            Orientation::Rotate90 => (y, bottom - x - width),
            Orientation::Transverse => (right - y - height, bottom - x - width),
            Orientation::Rotate270 => (right - y - height, x),
        };
        let (width, height) = if orientation.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        };
        Self { x, y, width, height }
    }
}

/// Far below what can be seen, far above what arithmetic with fractions loses.
const TOLERANCE: f64 = 1e-6;
