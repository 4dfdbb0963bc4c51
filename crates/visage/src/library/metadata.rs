//! Structured metadata: fields that operators define, and values that fit them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};
use visage_store::{Document, DocumentKind, StoreError};

use crate::app::App;

/// Most fields.
pub const MAX_FIELDS: usize = 500;
/// Most characters of a text.
const MAX_TEXT_CHARS: usize = 4_096;

/// Why metadata is refused.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// There are no such fields.
    #[error("Metadata External IDs do not exist: {0}")]
    Unknown(String),
    /// A value does not fit its field.
    #[error("{value} is not valid for field {field}")]
    Invalid {
        /// The field's external id.
        field: String,
        /// The value as it was sent.
        value: String,
    },
    /// A field that must have a value has none.
    #[error("Metadata field {0} is mandatory")]
    Missing(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A day.
    Date,
    /// One of a list.
    Enum,
    /// Some of a list.
    Set,
}

impl FieldType {
    /// The type with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "string" => Self::String,
            "integer" => Self::Integer,
            "date" => Self::Date,
            "enum" => Self::Enum,
            "set" => Self::Set,
            _ => return None,
        })
    }
}

/// All fields that were not deleted.
///
/// # Errors
/// When the database fails.
pub async fn fields(app: &App) -> Result<Vec<Document>, StoreError> {
    let page = app
        .library
        .documents
        .list_documents(DocumentKind::MetadataField, None, MAX_FIELDS * 2)
        .await?;
    Ok(page
        .items
        .into_iter()
        .filter(|field| field.body["deleted"] != json!(true))
        .collect())
}

/// Checks `values`, and returns what the asset, which has `existing`, will have. A blank value takes a field's value away.
/// With `clear_invalid`, what the asset has and what does not fit its field any more goes.
///
/// # Errors
/// See [`MetadataError`].
pub async fn check(
    app: &App,
    values: &BTreeMap<String, Value>,
    existing: &BTreeMap<String, Value>,
    clear_invalid: bool,
) -> Result<BTreeMap<String, Value>, MetadataError> {
    let fields = fields(app).await?;
    let field = |id: &str| fields.iter().find(|field| field.name == id);
    let unknown: Vec<&String> = values.keys().filter(|id| field(id).is_none()).collect();
    if !unknown.is_empty() {
        return Err(MetadataError::Unknown(json!(unknown).to_string()));
    }
    let mut result = existing.clone();
    if clear_invalid {
        result.retain(|id, value| field(id).is_some_and(|field| fit(&field.body, value).is_some()));
    }
    for (id, value) in values {
        let Some(field) = field(id) else { continue };
        if is_blank(value) {
            result.remove(id);
            continue;
        }
        let fitting = fit(&field.body, value).ok_or_else(|| MetadataError::Invalid {
            field: id.clone(),
            value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        })?;
        result.insert(id.clone(), fitting);
    }
    add_defaults(&fields, &mut result)?;
    Ok(result)
}

/// What an asset has that is uploaded without metadata: the defaults. `None` where no field is defined.
///
/// # Errors
/// [`MetadataError::Missing`], or the database's failure.
pub async fn of_new_asset(app: &App) -> Result<Option<BTreeMap<String, Value>>, MetadataError> {
    let fields = fields(app).await?;
    let mut result = BTreeMap::new();
    add_defaults(&fields, &mut result)?;
    Ok(Some(result).filter(|result| !result.is_empty()))
}

fn add_defaults(fields: &[Document], result: &mut BTreeMap<String, Value>) -> Result<(), MetadataError> {
    for field in fields {
        if result.contains_key(&field.name) {
            continue;
        }
        let default = &field.body["default_value"];
        if !default.is_null() {
            result.insert(field.name.clone(), default.clone());
        } else if field.body["mandatory"] == json!(true) {
            return Err(MetadataError::Missing(field.name.clone()));
        }
    }
    Ok(())
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The value as the field keeps it; `None` when it does not fit.
pub fn fit(field: &Value, value: &Value) -> Option<Value> {
    let fitting = match FieldType::parse(field["type"].as_str()?)? {
        FieldType::String => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (text.chars().count() <= MAX_TEXT_CHARS).then(|| json!(text))?
        }
        FieldType::Integer => {
            let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
            json!(number)
        }
        FieldType::Date => {
            json!(day(value)?.to_string())
        }
        FieldType::Enum => {
            let id = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            is_offered(field, &id).then(|| json!(id))?
        }
        FieldType::Set => {
            let items = match value {
                Value::Array(items) => items.clone(),
                one => vec![one.clone()],
            };
            let ids: Vec<String> = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect();
            ids.iter().all(|id| is_offered(field, id)).then(|| json!(ids))?
        }
    };
    is_valid(&field["validation"], &fitting).then_some(fitting)
}

/// The day of a time, where it was written.
fn day(value: &Value) -> Option<Date> {
    Some(visage_cloudinary::read_time(value.as_str()?)?.date())
}

fn is_offered(field: &Value, id: &str) -> bool {
    let values = field["datasource"]["values"].as_array();
    let offers = |entry: &Value| entry["external_id"] == json!(id) && entry["state"] != json!("inactive");
    values.is_some_and(|values| values.iter().any(offers))
}

/// Whether a value passes a field's `validation`.
fn is_valid(rule: &Value, value: &Value) -> bool {
    let wanted = &rule["value"];
    match rule["type"].as_str() {
        Some("strlen") => {
            let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
            rule["min"].as_u64().is_none_or(|min| length >= min) && rule["max"].as_u64().is_none_or(|max| length <= max)
        }
        Some("and") => {
            let rules = rule["rules"].as_array().map_or(&[][..], Vec::as_slice);
            rules.iter().all(|rule| is_valid(rule, value))
        }
        Some(comparison @ ("greater_than" | "less_than")) => {
            let order = match (value, wanted) {
                (Value::Number(_), _) => value.as_f64().partial_cmp(&wanted.as_f64()),
                _ => day(value).zip(day(wanted)).map(|(day, wanted)| day.cmp(&wanted)),
            };
            let equals = rule["equals"] == json!(true) && order == Some(std::cmp::Ordering::Equal);
            let expected = if comparison == "greater_than" {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Less
            };
            equals || order == Some(expected)
        }
        // No rule, or one that another release knows.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "the cases are literals")]
    fn check(field: Value, value: Value, expected: Option<Value>) {
        assert_eq!(fit(&field, &value), expected, "{field} {value}");
    }

    #[test]
    fn values_become_what_their_field_holds() {
        check(json!({"type": "string"}), json!("a"), Some(json!("a")));
        check(json!({"type": "integer"}), json!("12"), Some(json!(12)));
        check(json!({"type": "integer"}), json!("x"), None);
        check(json!({"type": "date"}), json!("2024-01-31"), Some(json!("2024-01-31")));
        for text in ["2019-03-22 00:00 +0200", "Fri Mar 22 2019 00:00:00 GMT+0200 (EET)"] {
            check(json!({"type": "date"}), json!(text), Some(json!("2019-03-22")));
        }
        check(json!({"type": "date"}), json!("soon"), None);
        let offers =
            json!({"values": [{"external_id": "a"}, {"external_id": "1"}, {"external_id": "b", "state": "inactive"}]});
        check(
            json!({"type": "enum", "datasource": offers}),
            json!("a"),
            Some(json!("a")),
        );
        check(json!({"type": "enum", "datasource": offers}), json!("b"), None);
        check(
            json!({"type": "set", "datasource": offers}),
            json!(["a", 1]),
            Some(json!(["a", "1"])),
        );
        check(json!({"type": "set", "datasource": offers}), json!(["a", "c"]), None);
    }

    #[test]
    fn rules_of_days_read_times_in_every_form() {
        let until = json!({"type": "less_than", "value": "Fri Mar 22 2019 00:00:00 GMT+0200 (EET)"});
        let field = json!({"type": "date", "validation": until});
        check(field.clone(), json!("2019-03-21"), Some(json!("2019-03-21")));
        check(field, json!("2019-03-22"), None);
    }

    #[test]
    fn rules_bound_values() {
        let integer = |rule: Value| json!({"type": "integer", "validation": rule});
        check(integer(json!({"type": "greater_than", "value": 5})), json!(5), None);
        check(
            integer(json!({"type": "greater_than", "value": 5, "equals": true})),
            json!(5),
            Some(json!(5)),
        );
        check(
            integer(json!({"type": "less_than", "value": 5})),
            json!(4),
            Some(json!(4)),
        );
        let text = |rule: Value| json!({"type": "string", "validation": rule});
        check(text(json!({"type": "strlen", "min": 2, "max": 3})), json!("é"), None);
        check(
            text(json!({"type": "strlen", "min": 2, "max": 3})),
            json!("éé"),
            Some(json!("éé")),
        );
        check(text(json!({"type": "strlen", "min": 2, "max": 3})), json!("éééé"), None);
    }
}
