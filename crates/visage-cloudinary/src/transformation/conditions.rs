//! `if_`: which components are carried out.

use super::error::Refusal::{self, Invalid};
use super::expressions::is_condition;

/// What an `if_` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// What follows, or what stands beside it, is carried out when this holds; the text as written.
    If(String),
    /// The other case.
    Else,
    /// The end of the innermost block.
    End,
}

/// Reads a condition; what it compares is looked at when the picture is known.
pub(super) fn condition(text: &str) -> Result<Condition, Refusal> {
    match text {
        "else" => Ok(Condition::Else),
        "end" => Ok(Condition::End),
        comparisons if is_condition(comparisons) => Ok(Condition::If(comparisons.to_owned())),
        _ => Err(Invalid),
    }
}

/// Prints what [`condition`] reads.
pub(super) fn print_condition(condition: &Condition) -> String {
    match condition {
        Condition::If(test) => test.clone(),
        Condition::Else => "else".to_owned(),
        Condition::End => "end".to_owned(),
    }
}
