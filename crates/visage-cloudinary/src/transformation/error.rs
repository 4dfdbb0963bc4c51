//! Why a transformation is refused, in Cloudinary's words.

use super::{MAX_COMPONENTS, MAX_TRANSFORMATION_CHARS};

/// Why a text is no transformation that visage can carry out. The message is written for the client (`X-Cld-Error`, API
/// errors); the text it quotes is at most [`MAX_TRANSFORMATION_CHARS`] long, with blanks for control characters. It may
/// be any Unicode otherwise, which a header must encode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformationError {
    /// A known parameter has a value that it cannot have.
    #[error("Invalid {what} in transformation: {value}")]
    Invalid {
        /// The parameter's name, such as `width`.
        what: &'static str,
        /// The value as written.
        value: String,
    },
    /// The parameter or its value belongs to Cloudinary's language, but visage does not do it.
    #[error("Unsupported {what} in transformation: {value}")]
    Unsupported {
        /// The parameter's name, such as `effect`.
        what: &'static str,
        /// The value as written.
        value: String,
    },
    /// The text between two commas is no parameter of Cloudinary's language.
    #[error("Unknown parameter in transformation: {0}")]
    Unknown(String),
    /// A name stands for nothing.
    #[error("Unknown transformation name")]
    UnknownName,
    /// The text is longer than [`MAX_TRANSFORMATION_CHARS`].
    #[error("Transformation is too long. Maximum is {MAX_TRANSFORMATION_CHARS} characters")]
    TooLong,
    /// There are more components than [`MAX_COMPONENTS`].
    #[error("Transformation has too many components. Maximum is {MAX_COMPONENTS}")]
    TooManyComponents,
}

/// The client's text, fit for a message.
pub(super) fn quotable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot be a value of this parameter.
    Invalid,
    /// Cloudinary knows it, visage does not do it.
    Unsupported,
}
