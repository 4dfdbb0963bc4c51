//! The order of search results, and where a page of them ended.
//!
//! A cursor holds the values that the last asset of a page was sorted by, so the next page begins right there, whatever was
//! stored or destroyed meanwhile. The last key is always `seq`, which no two assets share.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{OptionalExtension as _, Transaction};
use visage_cloudinary::search::{Direction, SortBy, SortField};

use super::search::{Compiled, DISPLAY_NAME, FILENAME, FROM};
use super::values::limit;
use crate::error::{Result, StoreError};
use crate::listing::Cursor;

/// What assets are sorted by, column by column.
pub(super) struct Sorting(Vec<(&'static str, Direction)>);

const CREATION: &str = "a.seq";

impl Sorting {
    /// Ties are broken by creation, in the direction of the last field, so that descending is the exact reverse of ascending.
    pub(super) fn new(sort_by: &[SortBy]) -> Self {
        let mut keys: Vec<(&'static str, Direction)> = Vec::new();
        let mut direction = Direction::Descending;
        for key in sort_by {
            direction = key.direction;
            match column(key.field) {
                Some(CREATION) => break,
                Some(column) if keys.iter().all(|(known, _)| *known != column) => keys.push((column, direction)),
                _ => {}
            }
        }
        keys.push((CREATION, direction));
        Self(keys)
    }

    /// What stands after `ORDER BY`. Unless `in_order`, no index is read in this order: what was found is sorted.
    pub(super) fn order(&self, in_order: bool) -> String {
        let plus = if in_order { "" } else { "+" };
        let words = self.0.iter().map(|(column, direction)| match direction {
            Direction::Ascending => format!("{plus}{column} ASC"),
            Direction::Descending => format!("{plus}{column} DESC"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The condition that an asset comes after the cursor.
    pub(super) fn after(&self, cursor: &Cursor, in_order: bool) -> Result<Compiled> {
        let values = read(cursor)
            .filter(|values| values.len() == self.0.len())
            .ok_or(StoreError::BadCursor)?;
        let plus = if in_order { "" } else { "+" };
        let columns: Vec<String> = self.0.iter().map(|(column, _)| format!("{plus}{column}")).collect();
        let is_uniform = self.0.iter().all(|(_, direction)| *direction == self.0[0].1);
        if is_uniform {
            let places = vec!["?"; values.len()].join(", ");
            let sql = format!("({}) {} ({places})", columns.join(", "), beyond(self.0[0].1));
            return Ok(Compiled::new(sql, values));
        }
        Ok(self.nested(&columns, &values))
    }

    /// `a > ? OR (a = ? AND (b < ? OR (b = ? AND …)))`, for keys of different directions.
    fn nested(&self, columns: &[String], values: &[Value]) -> Compiled {
        let mut sql = String::from("0");
        let mut bound = Vec::new();
        for ((column, (_, direction)), value) in columns.iter().zip(&self.0).zip(values).rev() {
            sql = format!("({column} {} ? OR ({column} = ? AND {sql}))", beyond(*direction));
            bound.splice(0..0, [value.clone(), value.clone()]);
        }
        Compiled::new(sql, bound)
    }

    /// The cursor of a page that ends with this asset.
    pub(super) fn cursor(&self, tx: &Transaction<'_>, seq: i64) -> Result<Option<Cursor>> {
        let columns: Vec<&str> = self.0.iter().map(|(column, _)| *column).collect();
        let sql = format!("SELECT {} {FROM} WHERE a.seq = ?", columns.join(", "));
        let count = columns.len();
        let values = tx.prepare_cached(&sql)?.query_row([seq], |row| {
            let values = (0..count).map(|n| Ok(to_json(row.get_ref(n)?)));
            values.collect::<rusqlite::Result<Vec<_>>>()
        });
        let values = values.optional()?;
        Ok(values.map(|values| Cursor(serde_json::Value::Array(values).to_string())))
    }
}

fn beyond(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => ">",
        Direction::Descending => "<",
    }
}

fn to_json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        // No column is either: see `column`.
        ValueRef::Null | ValueRef::Blob(_) => serde_json::Value::Null,
    }
}

/// `None`: the text is no list of numbers and texts. It came from outside.
fn read(cursor: &Cursor) -> Option<Vec<Value>> {
    let values: Vec<serde_json::Value> = serde_json::from_str(&cursor.0).ok()?;
    let values = values.into_iter().map(|value| match value {
        serde_json::Value::String(text) => Some(Value::Text(text)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Value::Integer(whole)),
            None => number.as_f64().map(Value::Real),
        },
        _ => None,
    });
    values.collect()
}

/// The column of a field, never null: an empty one would be neither before nor after a cursor.
fn column(field: SortField) -> Option<&'static str> {
    Some(match field {
        SortField::AspectRatio => "coalesce(u.width * 1.0 / u.height, -1.0)",
        SortField::AssetFolder | SortField::Folder => "a.asset_folder",
        SortField::AssetId => "hex(a.id)",
        SortField::Bytes => "coalesce(u.bytes, -1)",
        // The order of creation, finer than the clock.
        SortField::CreatedAt => CREATION,
        SortField::DisplayName => DISPLAY_NAME,
        SortField::Filename => FILENAME,
        SortField::Format => "coalesce(u.format, '')",
        SortField::Height => "coalesce(u.height, -1)",
        SortField::LastUpdated => "a.updated_at",
        SortField::Pixels => "coalesce(u.width * u.height, -1)",
        SortField::PublicId => "a.public_id",
        SortField::ResourceType => "a.resource_type",
        // All that is found fits alike.
        SortField::Score => return None,
        SortField::Type => "a.delivery_type",
        SortField::UploadedAt => "u.begun_at",
        SortField::Version => "a.version",
        SortField::Width => "coalesce(u.width, -1)",
    })
}

/// How many rows are asked for: one more than a page has says whether there is another page.
pub(super) fn one_more(at_most: usize) -> Value {
    Value::Integer(limit(at_most.saturating_add(1)))
}
