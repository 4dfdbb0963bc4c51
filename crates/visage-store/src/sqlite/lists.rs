//! Lists of assets and of tags. Every list begins in an index and is read in its order.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Transaction, params, params_from_iter};
use visage_cloudinary::ResourceType;

use super::uploads::{SELECT_ASSET, read_asset};
use super::values::limit;
use crate::asset::{Asset, ModerationStatus};
use crate::error::{Result, StoreError};
use crate::listing::{AssetFilter, AssetOrder, Cursor, Page, Select};

/// Conditions with the values bound to them.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition, in which each `?` stands for the next of `values`.
    pub(super) fn add(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push(sql.to_owned());
        self.values.extend(values);
    }

    fn text(&self) -> String {
        if self.sql.is_empty() {
            "1".to_owned()
        } else {
            self.sql.join(" AND ")
        }
    }
}

pub(super) fn list(
    tx: &Transaction<'_>,
    filter: &AssetFilter,
    order: AssetOrder,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Page<Asset>> {
    let (sql, values) = list_sql(filter, order, after, at_most)?;
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok((row.get::<_, i64>("seq")?, read_asset(row)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(cut(rows, at_most, |(seq, asset)| match order {
        AssetOrder::PublicId => format!("{seq} {}", asset.key.public_id),
        AssetOrder::NewestFirst | AssetOrder::OldestFirst => seq.to_string(),
    })
    .map(|(_, asset)| asset))
}

/// The page, when one row more than asked for was read.
pub(super) fn cut<T>(mut rows: Vec<T>, at_most: usize, end: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() > at_most;
    rows.truncate(at_most);
    let next = rows.last().filter(|_| more).map(|last| Cursor(end(last)));
    Page { items: rows, next }
}

pub(super) fn list_sql(
    filter: &AssetFilter,
    order: AssetOrder,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<(String, Vec<Value>)> {
    let mut conditions = Conditions::default();
    types(&mut conditions, filter);
    if let Some(start) = filter.start_at {
        let comparison = if order == AssetOrder::NewestFirst { "<=" } else { ">=" };
        let sql = format!("a.created_at {comparison} ?");
        conditions.add(&sql, [Value::Integer(start.as_millisecond())]);
    }
    select(&mut conditions, &filter.select);
    // What is found by its name is few; reading all assets in the order of creation to find it is not.
    let seq = match filter.select {
        Select::Prefix(_) | Select::PublicIds(_) | Select::AssetIds(_) => "+a.seq",
        _ => "a.seq",
    };
    begin_after(&mut conditions, order, seq, after)?;
    let order = match order {
        AssetOrder::NewestFirst => format!("{seq} DESC"),
        AssetOrder::OldestFirst => seq.to_owned(),
        AssetOrder::PublicId => "a.public_id, a.seq".to_owned(),
    };
    let sql = format!("{SELECT_ASSET} WHERE {} ORDER BY {order} LIMIT ?", conditions.text());
    let mut values = conditions.values;
    values.push(Value::Integer(limit(at_most.saturating_add(1))));
    Ok((sql, values))
}

/// A plus keeps SQLite from beginning with the type where something else finds fewer rows: it has no statistics.
fn types(conditions: &mut Conditions, filter: &AssetFilter) {
    let (resource_type, delivery_type) = match filter.select {
        Select::All => ("a.resource_type = ?", "a.delivery_type = ?"),
        Select::Prefix(_) => ("a.resource_type = ?", "+a.delivery_type = ?"),
        _ => ("+a.resource_type = ?", "+a.delivery_type = ?"),
    };
    if let Some(kind) = filter.resource_type {
        conditions.add(resource_type, [text(kind.as_str())]);
    }
    if let Some(kind) = filter.delivery_type {
        conditions.add(delivery_type, [text(kind.as_str())]);
    }
}

fn begin_after(conditions: &mut Conditions, order: AssetOrder, column: &str, after: Option<&Cursor>) -> Result<()> {
    let Some(Cursor(text_of)) = after else { return Ok(()) };
    let (seq, rest) = text_of.split_once(' ').unwrap_or((text_of, ""));
    let seq: i64 = seq.parse().map_err(|_no_number| StoreError::BadCursor)?;
    match order {
        AssetOrder::NewestFirst => conditions.add(&format!("{column} < ?"), [Value::Integer(seq)]),
        AssetOrder::OldestFirst => conditions.add(&format!("{column} > ?"), [Value::Integer(seq)]),
        AssetOrder::PublicId => conditions.add("(a.public_id, a.seq) > (?, ?)", [text(rest), Value::Integer(seq)]),
    }
    Ok(())
}

fn select(conditions: &mut Conditions, select: &Select) {
    match select {
        Select::All => {}
        Select::Prefix(prefix) => begins_with(conditions, "a.public_id", prefix),
        Select::PublicIds(ids) => conditions.add(&is_one_of("a.public_id", ids.len()), ids.iter().map(|id| text(id))),
        Select::AssetIds(ids) => {
            let values = ids.iter().map(|id| Value::Blob(id.as_bytes().to_vec()));
            conditions.add(&is_one_of("a.id", ids.len()), values);
        }
        Select::Folder(folder) => conditions.add("lower(a.asset_folder) = lower(?)", [text(folder)]),
        Select::Tag(tag) => conditions.add("a.seq IN (SELECT asset_seq FROM asset_tags WHERE tag = ?)", [text(tag)]),
        Select::Context { key, value: None } => conditions.add(
            "a.seq IN (SELECT asset_seq FROM asset_context WHERE key = ?)",
            [text(key)],
        ),
        Select::Context {
            key,
            value: Some(value),
        } => conditions.add(
            "a.seq IN (SELECT asset_seq FROM asset_context WHERE key = ? AND value = ?)",
            [text(key), text(value)],
        ),
        Select::Moderation { kind, status } => conditions.add(
            "a.moderation_status = ? AND a.moderation_kind = ?",
            [text(status_word(*status)), text(kind)],
        ),
    }
}

/// A range of an index: what begins with `prefix`, letter for letter.
pub(super) fn begins_with(conditions: &mut Conditions, column: &str, prefix: &str) {
    match after_prefix(prefix) {
        Some(end) => conditions.add(&format!("({column} >= ? AND {column} < ?)"), [text(prefix), text(&end)]),
        None => conditions.add(&format!("{column} >= ?"), [text(prefix)]),
    }
}

/// The first text after all that begin with `prefix`, in the order of UTF-8 bytes, which is that of characters.
pub(super) fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn is_one_of(column: &str, count: usize) -> String {
    format!("{column} IN ({})", vec!["?"; count].join(", "))
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The word in the database.
pub(super) fn status_word(status: ModerationStatus) -> &'static str {
    match status {
        ModerationStatus::Pending => "pending",
        ModerationStatus::Approved => "approved",
        ModerationStatus::Rejected => "rejected",
    }
}

/// Each tag once. One step of the index for each, because a tag may be on very many assets.
pub(super) fn tags(
    tx: &Transaction<'_>,
    resource_type: ResourceType,
    prefix: &str,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Page<String>> {
    let mut statement = tx.prepare_cached(NEXT_TAG)?;
    let mut tags: Vec<String> = Vec::new();
    let mut last = after.map(|cursor| cursor.0.clone());
    let end = after_prefix(prefix);
    while tags.len() <= at_most {
        let found: Option<String> = statement
            .query_row(params![resource_type.as_str(), last, prefix, end], |row| row.get(0))
            .optional()?;
        let Some(tag) = found else { break };
        last = Some(tag.clone());
        tags.push(tag);
    }
    Ok(cut(tags, at_most, Clone::clone))
}

pub(super) const NEXT_TAG: &str = "SELECT tag FROM asset_tags WHERE resource_type = ?1 AND tag > coalesce(?2, '') \
     AND tag >= ?3 AND (?4 IS NULL OR tag < ?4) ORDER BY tag LIMIT 1";

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        assert_eq!(after_prefix("a").as_deref(), Some("b"));
        assert_eq!(after_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(after_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(after_prefix(""), None);
        assert_eq!(after_prefix("\u{10ffff}"), None);
    }
}
