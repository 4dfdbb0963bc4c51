//! Search expressions: `resource_type:image AND (tags=kitten OR tags=puppy) AND uploaded_at>1d AND bytes:[10kb TO 1mb]`.
//!
//! A text is read into an [`Expression`] or refused with the position of the mistake; an unknown field or a test that a
//! field cannot have is a mistake. What is searched, and how text is cut into words, is decided by whoever keeps the
//! assets.

mod error;
mod field;
mod parser;
mod print;
mod sort;
mod text;
mod value;

use jiff::Timestamp;

pub use error::{QueryError, QueryMistake};
pub use field::{Field, FieldKind, FolderField, SearchField};
pub use sort::{Direction, SortBy, SortError, SortField, Sortable};

/// The most characters an expression has.
pub const MAX_EXPRESSION_CHARS: usize = 4000;
/// How deep parentheses and negations nest.
pub const MAX_EXPRESSION_DEPTH: usize = 32;
/// The most terms an expression has.
pub const MAX_EXPRESSION_TERMS: usize = 200;

/// What is searched for: assets by default, folders with [`FolderField`].
#[derive(Debug, Clone, PartialEq)]
pub enum Expression<F = SearchField> {
    /// All of these hold; of nothing, everything is found.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// One test.
    Term(Term<F>),
}

/// One test of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Term<F = SearchField> {
    /// What is tested.
    pub field: F,
    /// How.
    pub test: SearchTest,
}

/// What must hold for a field's value; for a field with many values (tags), for at least one.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchTest {
    /// The value is this one (`=`, and `:` where values are no text).
    Equals(SearchValue),
    /// The value, cut into words, contains these words (`:`, and free text).
    Matches(String),
    /// The value begins so (`word*`); the text is not empty.
    StartsWith(String),
    /// The value lies between two ends, each open if `None`; with both open, there is a value. Comparisons are such
    /// ranges. Never text.
    Within {
        /// The smallest value.
        lower: Option<Bound>,
        /// The largest value.
        upper: Option<Bound>,
    },
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The end.
    pub value: SearchValue,
    /// Whether the end itself is found.
    pub inclusive: bool,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchValue {
    /// Text, without quotes and escapes.
    Text(String),
    /// A number; sizes are in bytes.
    Number(f64),
    /// A moment.
    Moment(Timestamp),
    /// Yes or no.
    Flag(bool),
}

impl<F: Field> Expression<F> {
    /// Reads an expression. Relative dates (`1d`) are counted back from `now`. A blank text finds everything.
    ///
    /// `NOT` binds tighter than `AND` (also unwritten, between two terms), and that tighter than `OR`.
    ///
    /// # Errors
    ///
    /// The first mistake, with its position.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, QueryError> {
        parser::parse(text, now)
    }

    /// Everything.
    pub fn everything() -> Self {
        Self::And(Vec::new())
    }
}

#[cfg(test)]
mod tests;
