//! Why a parameter's text is refused.

use super::{MAX_EAGER, MAX_KEY_CHARS, MAX_PAIRS, MAX_RECTANGLES, MAX_TAG_CHARS, MAX_TAGS};
use crate::TransformationError;

/// Why a parameter's text is refused. The message is written for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ParameterError {
    #[error("{0} is no boolean: it should be 1, 0, true or false")]
    Boolean(String),
    #[error("A tag is longer than {MAX_TAG_CHARS} characters")]
    TagTooLong,
    #[error("There are more than {MAX_TAGS} tags")]
    TooManyTags,
    #[error("{0} is no pair: it should be key=value")]
    Pair(String),
    #[error("A key is longer than {MAX_KEY_CHARS} characters")]
    KeyTooLong,
    #[error("There are more than {MAX_PAIRS} pairs")]
    TooManyPairs,
    #[error("{0} is no rectangle: it should be x,y,width,height in whole pixels")]
    Rectangle(String),
    #[error("There are more than {MAX_RECTANGLES} rectangles")]
    TooManyRectangles,
    #[error("There are more than {MAX_EAGER} eager transformations")]
    TooManyEager,
    #[error("Unknown format {0} in eager transformation")]
    EagerFormat(String),
    #[error(transparent)]
    Transformation(#[from] TransformationError),
    #[error("Invalid Content-Range {0}: it should be bytes first-last/total")]
    ContentRange(String),
    #[error("Invalid data URI: it should be data:type;base64,data")]
    DataUri,
    #[error("The file in the data URI is larger than {max_bytes} bytes")]
    DataUriTooLarge { max_bytes: usize },
    #[error("Header {0} cannot be set: only Link, Authorization and X-Robots-Tag can")]
    Header(String),
    #[error("A header is written Name: value, without control characters")]
    HeaderLine,
}
