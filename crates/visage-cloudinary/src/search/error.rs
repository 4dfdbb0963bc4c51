//! What is wrong with a search expression.

use super::{MAX_EXPRESSION_CHARS, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_TERMS};

/// A mistake in an expression, in Cloudinary's words. The message is written for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Query Error (at position {position}): {mistake}")]
pub struct QueryError {
    /// Where the mistake is: the number of the character, the first being 1.
    pub position: usize,
    /// What it is.
    pub mistake: QueryMistake,
}

/// What is wrong at a place of an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum QueryMistake {
    #[error("expression is longer than {MAX_EXPRESSION_CHARS} characters")]
    TooLong,
    #[error("expression is nested deeper than {MAX_EXPRESSION_DEPTH} levels")]
    TooDeep,
    #[error("expression has more than {MAX_EXPRESSION_TERMS} terms")]
    TooManyTerms,
    #[error("a term is missing")]
    TermMissing,
    #[error("a value is missing")]
    ValueMissing,
    #[error("a closing parenthesis is missing")]
    ParenthesisMissing,
    #[error("a closing quotation mark is missing")]
    QuoteMissing,
    #[error("a backslash escapes nothing")]
    EscapeMissing,
    #[error("'{0}' must be escaped with a backslash or quoted")]
    Reserved(char),
    #[error("'*' may only stand at the end of a value")]
    Wildcard,
    #[error("a range is written [from TO to] or {{from TO to}}")]
    Range,
    #[error("unknown field {0}")]
    UnknownField(String),
    #[error("{field} cannot be searched by prefix")]
    NoPrefix { field: String },
    #[error("{field} is text and cannot be compared or searched by range")]
    NoOrder { field: String },
    #[error("{field} cannot be {value}")]
    Value { field: String, value: String },
    #[error("{field} must be compared: write {field}>{value} or {field}<{value}")]
    RelativeDate { field: String, value: String },
}
