//! What a URL asks for: a chain of components such as `c_thumb,g_face,h_200,w_200/r_max/f_auto,q_auto`.

/// A chain of components, applied left to right, each to the result of the one before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transformation {
    /// The components in the order they apply.
    pub components: Vec<Component>,
}

/// One component: the parameters between two slashes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Component {
    /// `c_`
    pub crop: Option<Crop>,
    /// `w_`
    pub width: Option<Length>,
    /// `h_`
    pub height: Option<Length>,
    /// `ar_`: width divided by height.
    pub aspect_ratio: Option<f64>,
    /// `g_`
    pub gravity: Option<Gravity>,
    /// `x_`
    pub x: Option<Length>,
    /// `y_`
    pub y: Option<Length>,
    /// `z_`: 1.0 is the face as found, smaller shows more around it.
    pub zoom: Option<f64>,
    /// `dpr_`: multiplies requested pixel sizes.
    pub dpr: Option<f64>,
    /// `r_`
    pub radius: Option<Radius>,
    /// `b_`
    pub background: Option<Color>,
    /// `q_`
    pub quality: Option<Quality>,
    /// `f_`
    pub format: Option<Format>,
}

/// A size or an offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// Whole pixels; negative only for offsets.
    Pixels(i32),
    /// A multiple of the input's dimension (written with a decimal point).
    Fraction(f64),
}

/// `c_`: how the image is fitted to the requested size (Cloudinary reference, crop modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Crop {
    Scale,
    Fit,
    Limit,
    Fill,
    Thumb,
    Crop,
}

/// `g_`: which part of the image is kept.
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
    /// The largest face.
    Face,
    /// All faces.
    Faces,
}

/// `r_`: rounded corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radius {
    /// `r_max`: the ellipse that touches all four sides.
    Max,
    /// Pixels of the result, clockwise from the top left corner.
    Corners([u32; 4]),
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

/// `q_`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// 1 to 100.
    Fixed(u8),
    /// `q_auto`, with its level.
    Auto(QualityLevel),
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

/// `f_`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `f_auto`: decided by what the client accepts.
    Auto,
    /// A named format.
    Named(crate::ImageFormat),
}
