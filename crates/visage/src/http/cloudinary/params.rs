//! The parameters of an API request, in whatever form a client sent them.
//!
//! The same call arrives as multipart, as an urlencoded body, as JSON or in the query; a list as `name[]`, as `name[0]`, as a
//! repeated `name`, as a JSON array or joined by commas. What is here makes one thing of all that, and keeps the text as it was
//! received, because signatures are made over it. Once a signature is verified, [`Params::from_signed`] has what it covers and
//! nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use visage_cloudinary::read_unix_time;
use visage_cloudinary::signature::{FieldName, RequestKind};

use crate::http::error::ApiError;

/// Most parameters of one request, list items included.
const MAX_PARAMETERS: usize = 4_000;
/// Most bytes of all names and values together.
const MAX_TOTAL_BYTES: usize = 4 * 1024 * 1024;

/// The parameters of a request in the order they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    entries: Vec<(String, Value)>,
    total_bytes: usize,
    /// Whether each parameter is the one text that was signed: lists are joined by commas.
    are_joined: bool,
}

impl Params {
    /// The parameters that a signature covers, as [`visage_cloudinary::signature::verify_request`] returns them.
    pub(super) fn from_signed(fields: BTreeMap<String, String>) -> Self {
        let entries = fields.into_iter().map(|(name, value)| (name, Value::String(value)));
        Self {
            entries: entries.collect(),
            are_joined: true,
            ..Self::default()
        }
    }

    /// Adds a parameter as text.
    pub(super) fn push_text(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        self.push(name, Value::String(value))
    }

    /// Adds a parameter as JSON; `null` is as good as none.
    pub(super) fn push(&mut self, name: &str, value: Value) -> Result<(), ApiError> {
        FieldName::parse(name).map_err(ApiError::bad_request)?;
        if value.is_null() {
            return Ok(());
        }
        self.total_bytes += name.len() + value.as_str().map_or_else(|| value.to_string().len(), str::len);
        if self.entries.len() >= MAX_PARAMETERS || self.total_bytes > MAX_TOTAL_BYTES {
            return Err(ApiError::bad_request("Too many parameters"));
        }
        self.entries.push((name.to_owned(), value));
        Ok(())
    }

    /// Adds the pairs of an urlencoded text.
    pub(super) fn push_urlencoded(&mut self, text: &[u8]) -> Result<(), ApiError> {
        for (name, value) in form_urlencoded::parse(text) {
            self.push_text(&name, value.into_owned())?;
        }
        Ok(())
    }

    /// Adds the members of a JSON object.
    pub(super) fn push_json(&mut self, text: &[u8]) -> Result<(), ApiError> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(members)) => members
                .into_iter()
                .try_for_each(|(name, value)| self.push(&name, value)),
            Ok(Value::Null) => Ok(()),
            Ok(_) => Err(ApiError::bad_request("The body must be a JSON object")),
            Err(error) => Err(ApiError::bad_request(format!("The body is no JSON: {error}"))),
        }
    }

    /// Whether the parameter is there, and not blank.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).any(|value| !is_blank(value))
    }

    /// Whether the parameter is there, blank or not: where a blank value clears something.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The parameter as it was sent; the last one when it was sent more than once.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values(name).last()
    }

    /// The parameter as text. A blank one counts as absent; a list is joined by commas.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.text_or_blank(name).filter(|text| !text.is_empty())
    }

    /// The parameter as text, also when it is blank.
    pub(super) fn text_or_blank(&self, name: &str) -> Option<String> {
        let texts: Vec<String> = self.values(name).map(as_text).collect();
        (!texts.is_empty()).then(|| texts.join(","))
    }

    /// The parameter as text, which must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, ApiError> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// The parameter as a list, as it was sent: without splitting at commas.
    pub(super) fn items(&self, name: &str) -> Vec<String> {
        let mut items = Vec::new();
        for value in self.values(name) {
            match value {
                Value::Array(values) => items.extend(values.iter().map(as_text)),
                other => items.push(as_text(other)),
            }
        }
        items.retain(|item| !item.is_empty());
        items
    }

    /// The parameter as a list of names, which may hold commas unless they were signed: then the joined text is all there is.
    pub(super) fn names_in(&self, name: &str) -> Vec<String> {
        if self.are_joined {
            self.list(name)
        } else {
            self.items(name)
        }
    }

    /// The parameter as a list; one text alone is split at its commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let items = self.items(name);
        match items.as_slice() {
            [one] => one
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => items,
        }
    }

    /// The parameter as a switch; `None` when it is not there.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" => Ok(Some(true)),
            "0" | "false" => Ok(Some(false)),
            _ => Err(ApiError::bad_request(format!(
                "Invalid value for parameter {name}: {text}. It must be true or false"
            ))),
        }
    }

    /// Whether the switch is on.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    /// The parameter as a whole number.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.trim().parse().map_err(|_no_number: std::num::ParseIntError| {
            ApiError::bad_request(format!(
                "Invalid value for parameter {name}: {text}. It must be a number"
            ))
        })?;
        Ok(Some(number))
    }

    /// The parameter as a time in seconds since the Unix epoch.
    pub(super) fn unix_time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = read_unix_time(&text).ok_or_else(|| {
            ApiError::bad_request(format!(
                "Invalid value for parameter {name}: {text}. It must be a time in seconds, such as 1719307544"
            ))
        })?;
        Ok(Some(time))
    }

    /// The parameter as a time, in any form that [`visage_cloudinary::read_time`] knows.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = visage_cloudinary::read_time(&text).ok_or_else(|| {
            ApiError::bad_request(format!(
                "Invalid value for parameter {name}: {text}. It must be a time such as 2024-06-25T09:25:44Z"
            ))
        })?;
        Ok(Some(time.timestamp()))
    }

    /// The parameter as JSON, whether it was sent as JSON or as a text that holds it.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| ApiError::bad_request(format!("Invalid JSON in parameter {name}: {error}"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// The parameter, as often as it was sent.
    pub(super) fn values_of(&self, name: &str) -> Vec<Value> {
        self.values(name).filter(|value| !is_blank(value)).cloned().collect()
    }

    /// Keeps the parameters that `is_kept` names.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.entries.retain(|(name, _)| is_kept(base_name(name)));
    }

    /// Removes the parameter.
    pub(super) fn remove(&mut self, name: &str) {
        self.entries.retain(|(n, _)| base_name(n) != name);
    }

    /// Puts a parameter in place of all of that name.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.remove(name);
        self.entries.push((name.to_owned(), value));
    }

    /// The names that are there, without brackets, each as often as it was sent.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| base_name(name))
    }

    /// What the signature is over: names and texts as they were received, the items of a JSON list each by itself.
    pub(super) fn signed_fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (name, value) in &self.entries {
            match value {
                Value::Array(items) if are_plain(items) => {
                    let name = format!("{}[]", base_name(name));
                    fields.extend(items.iter().map(|item| (name.clone(), as_text(item))));
                }
                value => fields.push((name.clone(), as_text(value))),
            }
        }
        fields
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.entries
            .iter()
            .filter(move |(n, _)| base_name(n) == name)
            .map(|(_, value)| value)
    }
}

/// The refusal for a parameter that has to be there.
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::bad_request(format!("Missing required parameter - {name}"))
}

/// What is signed on an action.
pub(super) fn request_kind(action: &str) -> RequestKind {
    match action {
        "tags" | "context" | "metadata" => RequestKind::Tagging,
        _ => RequestKind::Ordinary,
    }
}

/// The name without the brackets of a list. Names were checked when they came.
fn base_name(name: &str) -> &str {
    FieldName::parse(name).map_or(name, |name| name.base())
}

/// A value as it would stand in a form.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if are_plain(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn are_plain(items: &[Value]) -> bool {
    items.iter().all(|item| !item.is_array() && !item.is_object())
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        let mut params = Params::default();
        params.push_urlencoded(text.as_bytes()).unwrap();
        params
    }

    #[test]
    fn a_list_is_a_list_in_every_form() {
        for text in [
            "ids[]=a&ids[]=b",
            "ids[0]=a&ids[1]=b",
            "ids=a&ids=b",
            "ids=a,b",
            "ids=a%2C+b",
        ] {
            assert_eq!(params(text).list("ids"), ["a", "b"], "{text}");
        }
        let mut json = Params::default();
        json.push_json(br#"{"ids": ["a", "b"], "none": null}"#).unwrap();
        assert_eq!(json.list("ids"), ["a", "b"]);
        assert!(!json.mentions("none"));
    }

    #[test]
    fn names_that_could_hold_other_fields_are_refused() {
        for text in ["a%3Db=1", "a%26b=1", "a.b=1", "a+b=1", "%00=1", "=1", "[]=1"] {
            assert!(Params::default().push_urlencoded(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Params::default().push_json(br#"{"a=b": 1}"#).is_err());
        assert!(Params::default().push_json(br#"{"a=b": null}"#).is_err());
    }

    #[test]
    fn switches_are_one_zero_true_false_and_nothing_else() {
        for (text, expected) in [
            ("a=1", Some(true)),
            ("a=true", Some(true)),
            ("a=0", Some(false)),
            ("a=false", Some(false)),
            ("a=", None),
            ("b=1", None),
        ] {
            assert_eq!(params(text).boolean("a").unwrap(), expected, "{text}");
        }
        assert!(params("a=yes").boolean("a").is_err());
    }

    #[test]
    fn too_much_is_refused() {
        let mut params = Params::default();
        for _ in 0..MAX_PARAMETERS {
            params.push_text("a", String::new()).unwrap();
        }
        assert!(params.push_text("a", String::new()).is_err());
        let mut params = Params::default();
        params.push_text("a", "x".repeat(MAX_TOTAL_BYTES - 1)).unwrap();
        assert!(params.push_text("b", "x".to_owned()).is_err());
    }
}
