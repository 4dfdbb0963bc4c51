//! The values that parameters have.

use super::colors;
use crate::ImageFormat;

/// A size or an offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// Whole pixels; negative only for offsets.
    Pixels(i32),
    /// A multiple of the input's dimension (written with a decimal point).
    Fraction(f64),
    /// `auto`: what the page has room for. No client hints are read, so it is this many pixels, or all of the width.
    Auto(Option<u32>),
}

/// `c_`: how the image is fitted to the requested size (Cloudinary reference, crop modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Crop {
    Scale,
    Fit,
    Limit,
    Mfit,
    Fill,
    Lfill,
    FillPad,
    Pad,
    Lpad,
    Mpad,
    Crop,
    Thumb,
    Auto,
    AutoPad,
}

/// `g_`: which part of the image is kept, or where something is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Gravity {
    NorthWest,
    North,
    NorthEast,
    West,
    Center,
    East,
    SouthWest,
    South,
    SouthEast,
    /// `x_` and `y_` are the middle.
    XyCenter,
    /// The largest face, or what the second word says when there is none.
    Face(NoFace),
    /// All faces.
    Faces(NoFace),
    /// What is worth looking at.
    Auto(AutoGravity),
    /// The coordinates that were given with the asset.
    Custom(NoCustom),
}

/// Where to look when there is no face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum NoFace {
    #[default]
    North,
    Center,
    Auto,
}

/// Where to look when no coordinates were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum NoCustom {
    #[default]
    Center,
    Face,
    Faces,
}

/// What `g_auto` pays attention to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutoGravity {
    /// Faces more than anything else, not at all, or as much as they stand out.
    pub faces: Attention,
    /// Coordinates that were given with the asset do not decide.
    pub ignores_custom: bool,
    /// The method: all are one here.
    pub method: AutoMethod,
}

/// How much faces count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Attention {
    #[default]
    Usual,
    Face,
    Faces,
    NoFaces,
}

/// Words for how `g_auto` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum AutoMethod {
    #[default]
    Usual,
    Subject,
    Classic,
}

/// `r_`: rounded corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radius {
    /// `r_max`: the ellipse that touches all four sides.
    Max,
    /// Clockwise from the top left corner.
    Corners([Corner; 4]),
}

/// One rounded corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Pixels of the result.
    Pixels(u32),
    /// Half of each side.
    Max,
}

/// `a_`: turns, in the order they happen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Angle {
    /// The turns; an orientation that the file states is not one of them.
    pub turns: Vec<Turn>,
    /// `ignore`: the orientation that the file states is not applied.
    pub ignores_exif: bool,
}

/// One turn.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Turn {
    /// Clockwise.
    Degrees(f64),
    Hflip,
    Vflip,
    /// A quarter clockwise if picture and requested box differ in orientation.
    AutoRight,
    /// A quarter counter-clockwise if they do.
    AutoLeft,
    /// As the file states; that happens anyway.
    Exif,
}

/// `bo_`: a line around the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// Pixels; they come on top of the picture's size, on each side.
    pub width: u32,
    /// Its colour.
    pub color: Color,
}

/// `b_`: what shows through and what fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Background {
    /// One colour.
    Color(Color),
    /// Colours that fit the picture.
    Auto(AutoBackground),
}

/// `b_auto`: colours taken from the picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutoBackground {
    /// From its border, or from all of it.
    pub from: ColorsOf,
    /// The colour that stands out most against it.
    pub contrast: bool,
    /// Several colours, one running into the other.
    pub gradient: Option<Gradient>,
    /// Only these colours, the nearest.
    pub palette: Vec<Color>,
}

/// Where colours are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum ColorsOf {
    #[default]
    Border,
    Predominant,
}

/// Colours that run into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gradient {
    /// 2 or 4.
    pub colors: u8,
    /// Which way.
    pub direction: Direction,
}

/// Which way a gradient runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Direction {
    #[default]
    Horizontal,
    Vertical,
    DiagonalDesc,
    DiagonalAsc,
}

/// `cs_`: all of these mean sRGB here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum ColorSpace {
    Srgb,
    TinySrgb,
    SrgbTrueColor,
    NoCmyk,
}

/// A colour with alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what they are called")]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
    pub alpha: u8,
}

impl Color {
    /// Reads a colour as transformations write it: `rgb:` with hexadecimal digits, or a name.
    pub fn parse(text: &str) -> Option<Self> {
        colors::color(text).ok()
    }
}

/// `q_`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// 1 to 100, and how finely colour is kept; the encoder decides when that is not said.
    Fixed(u8, Option<Chroma>),
    /// `q_auto`, with its level.
    Auto(QualityLevel),
}

/// How finely colour is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// For every pixel.
    Full,
    /// For every second pixel both ways.
    Halved,
}

/// The levels of `q_auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum QualityLevel {
    Best,
    #[default]
    Good,
    Eco,
    Low,
}

/// `dpr_`: multiplies requested pixel sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dpr {
    /// By this number.
    Times(f64),
    /// By the client's; no hints are read, so by 1.
    Auto,
}

impl Dpr {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Self::Times(times) => times,
            Self::Auto => 1.0,
        }
    }
}

/// `f_`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `f_auto`: decided by what the client accepts.
    Auto(AutoFormat),
    /// A named format.
    Named(ImageFormat),
}

/// Which formats `f_auto` chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum AutoFormat {
    #[default]
    Any,
    Image,
    Animated,
}
