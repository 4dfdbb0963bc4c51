//! What a URL asks for: a chain of components such as `c_thumb,g_face,h_200,w_200/r_max/f_auto,q_auto`.
//!
//! A text is read into a [`Transformation`] or refused by name; nothing is ignored. What the words mean for pixels is
//! not decided here.

mod color_names;
mod colors;
mod conditions;
mod delivery;
mod effects;
mod error;
mod evaluate;
mod expressions;
mod info;
mod layers;
mod names;
mod numbers;
mod parameters;
mod values;
mod words;

use std::fmt;
use std::str::FromStr;

use parameters::{PARAMETERS, Parameter};

pub use conditions::Condition;
pub use delivery::{DefaultImage, Flag};
pub use effects::{Assist, Blend, Blindness, Effect, FadeMode, LevelEffect, OutlineMode};
pub use error::TransformationError;
pub use evaluate::{Computed, Evaluator, Variable};
pub use expressions::{Scope, Value};
pub use layers::{Layer, TextLayerStyle, TextLook, TextOption};
pub use values::*;

/// The most characters a transformation has.
pub const MAX_TRANSFORMATION_CHARS: usize = 2000;
/// The most components a transformation has.
pub const MAX_COMPONENTS: usize = 50;

/// A chain of components, applied left to right, each to the result of the one before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transformation {
    /// The components in the order they apply.
    pub components: Vec<Component>,
}

/// One component: the parameters between two slashes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Component {
    /// `if_`: whether this component, or those that follow, are carried out.
    pub condition: Option<Condition>,
    /// `$name_value`, in their order; they are set before the rest of the component is looked at.
    pub variables: Vec<Variable>,
    /// `a_`
    pub angle: Option<Angle>,
    /// `ar_`: width divided by height.
    pub aspect_ratio: Option<f64>,
    /// `b_`
    pub background: Option<Background>,
    /// `bl_`: a name whose result comes first.
    pub baseline: Option<String>,
    /// `bo_`
    pub border: Option<Border>,
    /// `c_`
    pub crop: Option<Crop>,
    /// `co_`: the colour that an effect or a text uses.
    pub color: Option<Color>,
    /// `cs_`
    pub color_space: Option<ColorSpace>,
    /// `d_`: what is delivered when the asset is missing.
    pub default_image: Option<DefaultImage>,
    /// `dl_`: milliseconds from one frame to the next.
    pub delay: Option<u32>,
    /// `dn_`: dots per inch.
    pub density: Option<u32>,
    /// `dpr_`: multiplies requested pixel sizes.
    pub dpr: Option<Dpr>,
    /// `e_`
    pub effect: Option<Effect>,
    /// `f_`
    pub format: Option<Format>,
    /// `fl_`
    pub flags: Vec<Flag>,
    /// `g_`
    pub gravity: Option<Gravity>,
    /// `h_`
    pub height: Option<Length>,
    /// `l_`: what comes onto the picture.
    pub overlay: Option<Layer>,
    /// `o_`: 0 to 100.
    pub opacity: Option<u8>,
    /// `pg_`: a page or a frame, from 1.
    pub page: Option<u32>,
    /// `q_`
    pub quality: Option<Quality>,
    /// `r_`
    pub radius: Option<Radius>,
    /// `t_`: names that operators gave to transformations; they come before everything else in the component.
    pub named: Vec<String>,
    /// `u_`: what comes under the picture.
    pub underlay: Option<Layer>,
    /// `w_`
    pub width: Option<Length>,
    /// `x_`
    pub x: Option<Length>,
    /// `y_`
    pub y: Option<Length>,
    /// `z_`: 1.0 is the face as found, smaller shows more around it.
    pub zoom: Option<f64>,
    /// Parameters whose value is computed when the picture's size is known, sorted; see [`Evaluator`].
    pub computed: Vec<Computed>,
}

impl Transformation {
    /// Reads a chain: components between slashes, parameters between commas, in any order. A parameter given twice in a
    /// component keeps the last value, but flags add up; empty components are skipped. The text is not percent-decoded.
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

    /// Whether the flag is raised anywhere.
    pub fn has(&self, flag: &Flag) -> bool {
        self.components.iter().any(|component| component.has(flag))
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
    /// Everything in it that is computed later, as written.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let test = match &self.condition {
            Some(Condition::If(test)) => Some(test.as_str()),
            _ => None,
        };
        let variables = self.variables.iter().map(|variable| variable.value.as_str());
        let computed = self.computed.iter().map(|computed| computed.value.as_str());
        test.into_iter().chain(variables).chain(computed)
    }

    fn parse(text: &str) -> Result<Self, TransformationError> {
        let mut component = Self::default();
        for part in text.split(',') {
            if let Some(variable) = parameters::variable(part) {
                component.variables.push(variable?);
                continue;
            }
            let Some((parameter, value)) = Parameter::recognise(part) else {
                return Err(TransformationError::Unknown(error::quotable(part)));
            };
            parameter.write(&mut component, value)?;
        }
        component.computed.sort_unstable();
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
        let condition = self.condition.as_ref();
        let condition = condition.map(|condition| format!("if_{}", conditions::print_condition(condition)));
        let variables = self
            .variables
            .iter()
            .map(|variable| format!("${}_{}", variable.name, variable.value));
        let mut parts: Vec<String> = PARAMETERS
            .iter()
            .filter_map(|parameter| parameter.print(self))
            .collect();
        parts.extend(
            self.computed
                .iter()
                .map(|computed| format!("{}_{}", computed.key, computed.value)),
        );
        parts.sort_unstable();
        let all: Vec<String> = condition.into_iter().chain(variables).chain(parts).collect();
        f.write_str(&all.join(","))
    }
}

#[cfg(test)]
mod tests;
