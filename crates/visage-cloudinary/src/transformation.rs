//! What a URL asks for: a chain of components such as `c_thumb,g_face,h_200,w_200/r_max/f_auto,q_auto`.
//!
//! A text is read into a [`Transformation`] or refused by name; nothing is ignored. What the words mean for pixels is
//! not decided here.

mod color_names;
mod colors;
mod delivery;
mod error;
mod info;
mod names;
mod numbers;
mod parameters;
mod words;

use std::fmt;
use std::str::FromStr;

use parameters::{PARAMETERS, Parameter};

pub use delivery::{DefaultImage, Flag};
pub use error::TransformationError;

/// The most characters a transformation has.
pub const MAX_TRANSFORMATION_CHARS: usize = 1000;
/// The most components a transformation has.
pub const MAX_COMPONENTS: usize = 20;

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
    /// `t_`: names that operators gave to transformations; they come before everything else in the component.
    pub named: Vec<String>,
    /// `d_`: what is delivered when the asset is missing.
    pub default_image: Option<DefaultImage>,
    /// `fl_`
    pub flags: Vec<Flag>,
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

impl Color {
    /// Reads a colour as transformations write it: `rgb:` with hexadecimal digits, or a name.
    pub fn parse(text: &str) -> Option<Self> {
        colors::color(text).ok()
    }
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

impl Transformation {
    /// Reads a chain: components between slashes, parameters between commas, in any order. A parameter given twice in a
    /// component keeps the last value; empty components are skipped. The text is not percent-decoded.
    ///
    /// # Errors
    ///
    /// What [`TransformationError`] lists, for the first parameter that earns it.
    pub fn parse(text: &str) -> Result<Self, TransformationError> {
        refuse_too_long(text)?;
        let written = || text.split('/').filter(|component| !component.is_empty());
        if written().count() > MAX_COMPONENTS {
            return Err(TransformationError::TooManyComponents);
        }
        let components = written().map(Component::parse).collect::<Result<_, _>>()?;
        let transformation = Self { components };
        // A value can be longer in canonical form (`b_red`); what is printed must read back.
        refuse_too_long(&transformation.to_string())?;
        Ok(transformation)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Whether something is to be made of the asset. Flags and default images only say how it is delivered.
    pub fn changes_pixels(&self) -> bool {
        self.components
            .iter()
            .any(|component| component.without_delivery() != Component::default())
    }
}

fn refuse_too_long(text: &str) -> Result<(), TransformationError> {
    match text.chars().nth(MAX_TRANSFORMATION_CHARS) {
        Some(_) => Err(TransformationError::TooLong),
        None => Ok(()),
    }
}

impl Component {
    fn parse(text: &str) -> Result<Self, TransformationError> {
        let mut component = Self::default();
        for part in text.split(',') {
            let Some((parameter, value)) = Parameter::recognise(part) else {
                return Err(TransformationError::Unknown(error::quotable(part)));
            };
            parameter.read(&mut component, value)?;
        }
        Ok(component)
    }
}

/// Whether a path segment is a component: every part between commas begins with a key of Cloudinary's language,
/// supported here or not. Otherwise it is the beginning of a public id.
pub(crate) fn is_component(segment: &str) -> bool {
    segment.split(',').all(|part| Parameter::recognise(part).is_some())
}

impl FromStr for Transformation {
    type Err = TransformationError;

    fn from_str(text: &str) -> Result<Self, TransformationError> {
        Self::parse(text)
    }
}

/// The canonical text: parameters of a component sorted as text, one spelling for each value.
impl fmt::Display for Transformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let components: Vec<String> = self.components.iter().map(Component::to_string).collect();
        f.write_str(&components.join("/"))
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = PARAMETERS
            .iter()
            .filter_map(|parameter| parameter.print(self))
            .collect();
        parts.sort_unstable();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests;
