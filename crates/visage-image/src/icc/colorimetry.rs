//! Colours that are stated by numbers instead of by a profile: primaries, white and curves (PNG, BMP, AVIF).

use moxcms::{ColorProfile, ToneReprCurve, XyY, Xyzd};

use crate::pixels::Layout;

/// Colours nearer than this, in x or y, are the same. PNG states five digits, old programs round to two.
const SAME_CHROMATICITY: f64 = 0.005;

/// Curves whose exponent differs from that of televisions, 2.2, by less are taken for that of sRGB: most files with
/// such a number mean just that.
const SAME_EXPONENT: f64 = 0.03;

/// Exponents beyond are taken for a mistake; libpng has the same bounds.
const EXPONENTS: std::ops::RangeInclusive<f64> = 0.000_16..=6250.0;

/// x and y of a colour (CIE 1931).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chromaticity {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The corners of what can be shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Primaries {
    pub(super) white: Chromaticity,
    pub(super) red: Chromaticity,
    pub(super) green: Chromaticity,
    pub(super) blue: Chromaticity,
}

/// How much light a level between 0 and 1 means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// As in sRGB.
    Srgb,
    /// The level to the power of this.
    Power(f32),
}

/// What the numbers of a file mean together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colorimetry {
    pub(super) primaries: Primaries,
    /// Of red, green and blue.
    pub(super) curves: [Curve; 3],
}

impl Chromaticity {
    const D65: Self = Self { x: 0.3127, y: 0.3290 };
    /// Illuminant C, of early television and film.
    const C: Self = Self { x: 0.310, y: 0.316 };
    const DCI: Self = Self { x: 0.314, y: 0.351 };

    fn is_near(self, other: Self) -> bool {
        (self.x - other.x).abs() <= SAME_CHROMATICITY && (self.y - other.y).abs() <= SAME_CHROMATICITY
    }

    fn is_colour(self) -> bool {
        self.x >= 0.0 && self.y >= 0.0 && self.x + self.y <= 1.0
    }

    fn xyz(self) -> Xyzd {
        Xyzd::new(self.x, self.y, 1.0 - self.x - self.y)
    }
}

impl Primaries {
    pub(super) const SRGB: Self = Self::new(Chromaticity::D65, [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)]);

    const fn new(white: Chromaticity, [red, green, blue]: [(f64, f64); 3]) -> Self {
        Self {
            white,
            red: Chromaticity { x: red.0, y: red.1 },
            green: Chromaticity { x: green.0, y: green.1 },
            blue: Chromaticity { x: blue.0, y: blue.1 },
        }
    }

    /// By the numbers of ITU-T H.273, table 2.
    fn of_code(code: u16) -> Option<Self> {
        const P3: [(f64, f64); 3] = [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)];
        Some(match code {
            1 => Self::SRGB,
            4 => Self::new(Chromaticity::C, [(0.67, 0.33), (0.21, 0.71), (0.14, 0.08)]),
            5 => Self::new(Chromaticity::D65, [(0.64, 0.33), (0.29, 0.60), (0.15, 0.06)]),
            6 | 7 => Self::new(Chromaticity::D65, [(0.630, 0.340), (0.310, 0.595), (0.155, 0.070)]),
            8 => Self::new(Chromaticity::C, [(0.681, 0.319), (0.243, 0.692), (0.145, 0.049)]),
            9 => Self::new(Chromaticity::D65, [(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]),
            11 => Self::new(Chromaticity::DCI, P3),
            12 => Self::new(Chromaticity::D65, P3),
            22 => Self::new(Chromaticity::D65, [(0.630, 0.340), (0.295, 0.605), (0.155, 0.077)]),
            _ => return None,
        })
    }

    /// Whether these are colours, three of them different enough to mix others, and white is light.
    pub(super) fn make_sense(&self) -> bool {
        let Self {
            white,
            red,
            green,
            blue,
        } = *self;
        let twice_area = (green.x - red.x) * (blue.y - red.y) - (blue.x - red.x) * (green.y - red.y);
        white.y > 0.0 && [white, red, green, blue].into_iter().all(Chromaticity::is_colour) && twice_area.abs() > 1e-3
    }

    fn are_near(&self, other: &Self) -> bool {
        self.white.is_near(other.white)
            && self.red.is_near(other.red)
            && self.green.is_near(other.green)
            && self.blue.is_near(other.blue)
    }
}

impl Curve {
    /// The curve with this exponent; `None` for what no screen has.
    pub(super) fn of_exponent(exponent: f64) -> Option<Self> {
        if !EXPONENTS.contains(&exponent) {
            return None;
        }
        let is_usual = (exponent - 2.2).abs() <= SAME_EXPONENT;
        #[allow(clippy::cast_possible_truncation, reason = "the bounds are those of a profile")]
        let power = Self::Power(exponent as f32);
        Some(if is_usual { Self::Srgb } else { power })
    }

    /// By the numbers of ITU-T H.273, table 3. The curves of television cameras are shown as sRGB, as in browsers; those
    /// of HDR are not tone-mapped.
    fn of_code(code: u16) -> Self {
        match code {
            5 => Self::Power(2.8),
            8 => Self::Power(1.0),
            _ => Self::Srgb,
        }
    }

    fn tone(self) -> ToneReprCurve {
        ToneReprCurve::Parametric(match self {
            Self::Srgb => vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045],
            Self::Power(exponent) => vec![exponent],
        })
    }
}

impl Colorimetry {
    /// By the numbers of ITU-T H.273; `None` when they say nothing.
    pub(super) fn of_codes(primaries: u16, transfer: u16) -> Option<Self> {
        const UNSPECIFIED: u16 = 2;
        let curve = Curve::of_code(transfer);
        let primaries = match Primaries::of_code(primaries) {
            None if primaries == UNSPECIFIED && curve != Curve::Srgb => Primaries::SRGB,
            found => found?,
        };
        Some(Self {
            primaries,
            curves: [curve; 3],
        })
    }

    /// The profile that says the same for pixels of this layout. The inner `None` is sRGB; the outer one means that the
    /// numbers say nothing about such pixels.
    #[allow(clippy::option_option, reason = "told apart just above")]
    pub(super) fn profile(&self, layout: Layout) -> Option<Option<ColorProfile>> {
        let is_srgb_curve = self.curves == [Curve::Srgb; 3];
        match layout {
            Layout::Cmyk => None,
            Layout::Gray | Layout::GrayAlpha if is_srgb_curve => Some(None),
            Layout::Gray | Layout::GrayAlpha => Some(Some(self.gray_profile())),
            Layout::Rgb | Layout::Rgba if is_srgb_curve && self.primaries.are_near(&Primaries::SRGB) => Some(None),
            Layout::Rgb | Layout::Rgba => Some(Some(self.rgb_profile())),
        }
    }

    /// Gray has no primaries.
    fn gray_profile(&self) -> ColorProfile {
        let [curve, ..] = self.curves;
        let mut profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.gray_trc = Some(curve.tone());
        profile
    }

    fn rgb_profile(&self) -> ColorProfile {
        let Primaries {
            white,
            red,
            green,
            blue,
        } = self.primaries;
        let [red_curve, green_curve, blue_curve] = self.curves;
        let white = XyY {
            x: white.x,
            y: white.y,
            yb: 1.0,
        };
        let mut profile = ColorProfile::new_srgb();
        profile.update_rgb_colorimetry_triplet(white, red.xyz(), green.xyz(), blue.xyz());
        profile.red_trc = Some(red_curve.tone());
        profile.green_trc = Some(green_curve.tone());
        profile.blue_trc = Some(blue_curve.tone());
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponent_counts_as_srgb_within_its_tolerance() {
        for (exponent, expected) in [
            (2.2, Some(Curve::Srgb)),
            (2.171, Some(Curve::Srgb)),
            (2.169, Some(Curve::Power(2.169))),
            (2.229, Some(Curve::Srgb)),
            (2.231, Some(Curve::Power(2.231))),
            (0.0, None),
            (0.000_16, Some(Curve::Power(0.000_16))),
            (6250.0, Some(Curve::Power(6250.0))),
            (6250.1, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(Curve::of_exponent(exponent), expected, "{exponent}");
        }
    }

    #[test]
    fn primaries_that_mix_no_colours_make_no_sense() {
        let with = |change: fn(&mut Primaries)| {
            let mut primaries = Primaries::SRGB;
            change(&mut primaries);
            primaries.make_sense()
        };
        assert!(with(|_| {}));
        assert!(!with(|primaries| primaries.white.y = 0.0));
        assert!(!with(|primaries| primaries.red.x = 0.671));
        assert!(!with(|primaries| primaries.green.y = -0.1));
        assert!(!with(|primaries| primaries.blue = primaries.red));
        assert!(!with(|primaries| primaries.blue.x = f64::NAN));
        // Blue without any light of its own, as in the colours of the eye itself.
        assert!(with(|primaries| primaries.blue = Chromaticity { x: 0.15, y: 0.0 }));
    }
}
