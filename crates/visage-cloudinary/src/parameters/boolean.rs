//! Booleans: `1`, `0`, `true`, `false`, or JSON's own.

use serde_json::Value;

use super::ParameterError;

/// Reads a boolean; a blank text is no.
///
/// # Errors
///
/// Any other word.
pub fn boolean(text: &str) -> Result<bool, ParameterError> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        other => Err(ParameterError::Boolean(other.to_owned())),
    }
}

/// Reads a boolean of a JSON body: JSON's own, the numbers 1 and 0, the words of [`boolean`]; `null` is no.
///
/// # Errors
///
/// Any other value.
pub fn boolean_json(value: &Value) -> Result<bool, ParameterError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(value) => Ok(*value),
        Value::String(text) => boolean(text),
        other => boolean(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn four_words_and_their_json_kin_are_booleans() {
        for yes in [json!(true), json!(1), json!("1"), json!("true")] {
            assert_eq!(boolean_json(&yes), Ok(true), "{yes}");
        }
        for no in [
            json!(false),
            json!(0),
            json!("0"),
            json!("false"),
            json!(""),
            json!(null),
        ] {
            assert_eq!(boolean_json(&no), Ok(false), "{no}");
        }
        for other in [json!("yes"), json!(2), json!("TRUE"), json!([true])] {
            assert!(boolean_json(&other).is_err(), "{other}");
        }
    }
}
