//! A larger picture, and where in it another one lies.

/// A picture's new size, and where its old top left corner comes to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// From the left, in pixels.
    pub x: i64,
    /// From the top, in pixels.
    pub y: i64,
}

impl Canvas {
    /// As much larger on every side.
    pub(crate) fn around(size: (u32, u32), margin: u32) -> Self {
        let both = margin.saturating_mul(2);
        Self {
            width: size.0.saturating_add(both),
            height: size.1.saturating_add(both),
            x: i64::from(margin),
            y: i64::from(margin),
        }
    }

    /// Large enough for a picture of `size` and another one at `(x, y)`.
    pub(crate) fn of_both(size: (u32, u32), (x, y): (i64, i64), other: (u32, u32)) -> Self {
        let (left, top) = (x.min(0), y.min(0));
        let right = x.saturating_add(i64::from(other.0)).max(i64::from(size.0));
        let bottom = y.saturating_add(i64::from(other.1)).max(i64::from(size.1));
        let pixels = |length: i64| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            width: pixels(right.saturating_sub(left)),
            height: pixels(bottom.saturating_sub(top)),
            x: left.saturating_neg(),
            y: top.saturating_neg(),
        }
    }
}
