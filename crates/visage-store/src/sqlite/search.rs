//! Compiles search expressions to SQL. Texts and numbers are bound; no word of an expression becomes part of the SQL.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};
use visage_cloudinary::search::{Bound, Expression, SearchField, SearchTest, SearchValue, Term};

use super::lists::{after_prefix, text};
use super::sorting::{Sorting, one_more};
use super::uploads::{SELECT_ASSET, read_asset};
use crate::asset::Asset;
use crate::error::Result;
use crate::listing::{Aggregate, Page, SearchPage, SearchQuery};

/// More than this many are not sorted for a page.
const SORTED_AT_MOST: u64 = 1_000;

pub(super) const FROM: &str = "FROM assets a JOIN uploads u ON u.id = a.upload_id";

/// A condition with the values bound to it.
pub(super) struct Compiled {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Compiled {
    pub(super) fn new(sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            sql: sql.into(),
            values: values.into_iter().collect(),
        }
    }
}

pub(super) fn search(tx: &Transaction<'_>, query: &SearchQuery) -> Result<SearchPage> {
    let condition = match &query.expression {
        Some(expression) => compile(expression),
        None => Compiled::new("1", []),
    };
    let total = tx
        .prepare_cached(&total_sql(&condition))?
        .query_row(params_from_iter(&condition.values), |row| row.get(0))?;
    let page = page(tx, query, &condition, total)?;
    let mut aggregations = BTreeMap::new();
    for aggregate in &query.aggregate {
        let (name, counts) = count(tx, aggregate, &condition)?;
        aggregations.insert(name.to_owned(), counts);
    }
    Ok(SearchPage {
        total,
        page,
        aggregations,
    })
}

/// Every asset has its upload, so counting needs to join them only for conditions that look at uploads.
pub(super) fn total_sql(condition: &Compiled) -> String {
    let from = if condition.sql.contains("u.") {
        FROM
    } else {
        "FROM assets a"
    };
    format!("SELECT count(*) {from} WHERE {}", condition.sql)
}

fn page(tx: &Transaction<'_>, query: &SearchQuery, condition: &Compiled, total: u64) -> Result<Page<Asset>> {
    let sorting = Sorting::new(&query.sort_by);
    let statement = page_sql(query, condition, &sorting, total)?;
    let mut rows = tx.prepare_cached(&statement.sql)?;
    let rows = rows.query_map(params_from_iter(&statement.values), |row| {
        Ok((row.get::<_, i64>("seq")?, read_asset(row)?))
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let has_more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = match rows.last() {
        Some((seq, _)) if has_more => sorting.cursor(tx, *seq)?,
        _ => None,
    };
    let items = rows.into_iter().map(|(_, asset)| asset).collect();
    Ok(Page { items, next })
}

/// Finds the page's assets by their numbers first, so that what is sorted is small, and reads them whole afterwards.
///
/// Few assets are found through their indexes and then sorted; of many, the page is soon full when an index is read in order.
pub(super) fn page_sql(query: &SearchQuery, condition: &Compiled, sorting: &Sorting, total: u64) -> Result<Compiled> {
    let in_order = total > SORTED_AT_MOST;
    let mut found = format!("SELECT a.seq {FROM} WHERE ({})", condition.sql);
    let mut values = condition.values.clone();
    if let Some(cursor) = &query.after {
        let after = sorting.after(cursor, in_order)?;
        found = format!("{found} AND {}", after.sql);
        values.extend(after.values);
    }
    values.push(one_more(query.limit));
    let sql = format!(
        "{SELECT_ASSET} WHERE a.seq IN ({found} ORDER BY {} LIMIT ?) ORDER BY {}",
        sorting.order(in_order),
        sorting.order(false)
    );
    Ok(Compiled::new(sql, values))
}

/// What follows the last slash.
pub(super) const FILENAME: &str = "replace(a.public_id, rtrim(a.public_id, replace(a.public_id, '/', '')), '')";
pub(super) const DISPLAY_NAME: &str = "CASE a.display_name WHEN '' THEN \
     replace(a.public_id, rtrim(a.public_id, replace(a.public_id, '/', '')), '') ELSE a.display_name END";

/// The parser bounds how deep this goes and how many terms there are.
pub(super) fn compile(expression: &Expression) -> Compiled {
    match expression {
        Expression::And(parts) => join(parts, " AND ", "1"),
        Expression::Or(parts) => join(parts, " OR ", "0"),
        Expression::Not(inner) => {
            let inner = compile(inner);
            // What is unknown (the width of a text file) is not what was asked for, so NOT finds it.
            Compiled::new(format!("NOT coalesce(({}), 0)", inner.sql), inner.values)
        }
        Expression::Term(term) => compile_term(term),
    }
}

fn join(parts: &[Expression], joint: &str, nothing: &str) -> Compiled {
    let compiled: Vec<Compiled> = parts.iter().map(compile).collect();
    if compiled.is_empty() {
        return Compiled::new(nothing, []);
    }
    let sql: Vec<String> = compiled.iter().map(|part| format!("({})", part.sql)).collect();
    Compiled::new(sql.join(joint), compiled.into_iter().flat_map(|part| part.values))
}

fn compile_term(term: &Term) -> Compiled {
    match &term.field {
        SearchField::AnyText => words("", &term.test),
        SearchField::PublicId => named("a.public_id", "public_id", &term.test),
        SearchField::DisplayName => named(DISPLAY_NAME, "display_name", &term.test),
        SearchField::Filename => named(FILENAME, "filename", &term.test),
        SearchField::AssetFolder | SearchField::Folder => folder(&term.test),
        SearchField::Tags => tags(&term.test),
        SearchField::Context(None) => words("context", &term.test),
        SearchField::Context(Some(key)) => context(key, &term.test),
        SearchField::Metadata(id) => metadata(id, &term.test),
        SearchField::AssetId => asset_id(&term.test),
        SearchField::Etag => keyword("lower(hex(u.md5))", &term.test),
        SearchField::Format => keyword("u.format", &term.test),
        SearchField::ResourceType => keyword("a.resource_type", &term.test),
        SearchField::Type => keyword("a.delivery_type", &term.test),
        SearchField::ModerationKind => keyword("a.moderation_kind", &term.test),
        SearchField::ModerationStatus => keyword("a.moderation_status", &term.test),
        SearchField::Status => plain("'active'", &term.test),
        SearchField::AccessMode => plain(
            "coalesce(json_extract(a.details, '$.extra.access_mode'), 'public')",
            &term.test,
        ),
        SearchField::Colors => plain_within(
            "json_each(a.details, '$.extra.analysis.predominant.google') j",
            "json_extract(j.value, '$[0]')",
            &term.test,
        ),
        SearchField::Bytes => number("u.bytes", &term.test),
        SearchField::Width => number("u.width", &term.test),
        SearchField::Height => number("u.height", &term.test),
        SearchField::AspectRatio => number("(u.width * 1.0 / u.height)", &term.test),
        SearchField::Pixels => number("(u.width * u.height)", &term.test),
        SearchField::Pages => number("u.frames", &term.test),
        SearchField::Duration => number("u.duration", &term.test),
        SearchField::Version => number("a.version", &term.test),
        SearchField::CreatedAt => number("a.created_at", &term.test),
        SearchField::UploadedAt => number("u.begun_at", &term.test),
        SearchField::LastUpdated => number("a.updated_at", &term.test),
        SearchField::FaceCount => number("json_array_length(a.details, '$.extra.analysis.faces')", &term.test),
        SearchField::Grayscale => number("json_extract(a.details, '$.extra.analysis.grayscale')", &term.test),
        SearchField::Transparent => number("u.has_alpha", &term.test),
        // Nothing computes it, so no asset has one.
        SearchField::IllustrationScore => Compiled::new("0", []),
    }
}

/// A text that has an index of its own: whole, by words, or by its beginning.
fn named(column: &str, indexed: &str, test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Matches(_) => words(indexed, test),
        SearchTest::StartsWith(beginning) => begins(column, beginning),
        _ => plain(column, test),
    }
}

/// `x/*` means the folder and all inside it.
fn folder(test: &SearchTest) -> Compiled {
    // It folds ASCII letters only, and so must what is compared with it.
    const COLUMN: &str = "lower(a.asset_folder)";
    match test {
        SearchTest::Matches(_) => words("asset_folder", test),
        SearchTest::StartsWith(beginning) => {
            let beginning = beginning.to_ascii_lowercase();
            let inside = begins(COLUMN, &beginning);
            match beginning.strip_suffix('/') {
                None => inside,
                Some(itself) => {
                    let values = inside.values.into_iter().chain([text(itself)]);
                    Compiled::new(format!("({} OR {COLUMN} = ?)", inside.sql), values)
                }
            }
        }
        SearchTest::Equals(SearchValue::Text(folder)) => {
            let folder = folder.trim_matches('/').to_ascii_lowercase();
            Compiled::new(format!("{COLUMN} = ?"), [text(&folder)])
        }
        other => plain(COLUMN, other),
    }
}

fn tags(test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Matches(_) => words("tags", test),
        other => {
            let inner = match other {
                SearchTest::StartsWith(beginning) => begins("tag", beginning),
                other => plain("tag", other),
            };
            Compiled::new(
                format!("a.seq IN (SELECT asset_seq FROM asset_tags WHERE {})", inner.sql),
                inner.values,
            )
        }
    }
}

fn context(key: &str, test: &SearchTest) -> Compiled {
    let inner = match test {
        SearchTest::Matches(part) => Compiled::new("instr(lower(value), lower(?)) > 0", [text(part)]),
        SearchTest::StartsWith(beginning) => begins("value", beginning),
        other => plain("value", other),
    };
    let sql = format!(
        "a.seq IN (SELECT asset_seq FROM asset_context WHERE key = ? AND {})",
        inner.sql
    );
    Compiled::new(sql, std::iter::once(text(key)).chain(inner.values))
}

fn metadata(id: &str, test: &SearchTest) -> Compiled {
    let inner = match test {
        SearchTest::Matches(part) => Compiled::new("instr(lower(value), lower(?)) > 0", [text(part)]),
        SearchTest::StartsWith(beginning) => begins("value", beginning),
        SearchTest::Equals(SearchValue::Text(whole)) => Compiled::new("value = ?", [text(whole)]),
        other => number("number", other),
    };
    let sql = format!(
        "a.seq IN (SELECT asset_seq FROM asset_metadata WHERE field = ? AND {})",
        inner.sql
    );
    Compiled::new(sql, std::iter::once(text(id)).chain(inner.values))
}

fn asset_id(test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Equals(SearchValue::Text(id)) | SearchTest::Matches(id) => {
            match crate::ids::AssetId::parse(&id.to_lowercase()) {
                Ok(id) => Compiled::new("a.id = ?", [Value::Blob(id.as_bytes().to_vec())]),
                Err(_no_id) => Compiled::new("0", []),
            }
        }
        other => plain("lower(hex(a.id))", other),
    }
}

/// Words next to each other, in any letter case; the last one may be a beginning.
fn words(column: &str, test: &SearchTest) -> Compiled {
    let (phrase, prefix) = match test {
        SearchTest::Matches(phrase) | SearchTest::Equals(SearchValue::Text(phrase)) => (phrase.as_str(), ""),
        SearchTest::StartsWith(phrase) => (phrase.as_str(), "*"),
        SearchTest::Equals(_) | SearchTest::Within { .. } => return Compiled::new("0", []),
    };
    // A text without a letter or a digit has no words.
    if !phrase.chars().any(char::is_alphanumeric) {
        return Compiled::new("0", []);
    }
    let quoted = phrase.replace('"', "\"\"");
    let query = if column.is_empty() {
        format!("\"{quoted}\"{prefix}")
    } else {
        format!("{{{column}}} : \"{quoted}\"{prefix}")
    };
    Compiled::new(
        "a.seq IN (SELECT rowid FROM asset_words WHERE asset_words MATCH ?)",
        [Value::Text(query)],
    )
}

/// A text of few words: `:` and `=` mean the same, but for letter case.
fn plain(column: &str, test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Equals(SearchValue::Text(whole)) => Compiled::new(format!("{column} = ?"), [text(whole)]),
        SearchTest::Matches(whole) => Compiled::new(format!("lower({column}) = lower(?)"), [text(whole)]),
        SearchTest::StartsWith(beginning) => begins(column, beginning),
        other => number(column, other),
    }
}

/// A word that is always kept in small letters: the column stays bare, so that its index is of use.
fn keyword(column: &str, test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Matches(word) => Compiled::new(format!("{column} = ?"), [Value::Text(word.to_ascii_lowercase())]),
        other => plain(column, other),
    }
}

fn plain_within(from: &str, column: &str, test: &SearchTest) -> Compiled {
    let inner = plain(column, test);
    Compiled::new(
        format!("EXISTS (SELECT 1 FROM {from} WHERE {})", inner.sql),
        inner.values,
    )
}

fn begins(column: &str, beginning: &str) -> Compiled {
    match after_prefix(beginning) {
        Some(end) => Compiled::new(
            format!("({column} >= ? AND {column} < ?)"),
            [text(beginning), text(&end)],
        ),
        None => Compiled::new(format!("{column} >= ?"), [text(beginning)]),
    }
}

fn number(column: &str, test: &SearchTest) -> Compiled {
    match test {
        SearchTest::Equals(value) => Compiled::new(format!("{column} = ?"), [bind(value)]),
        SearchTest::Matches(whole) | SearchTest::StartsWith(whole) => {
            Compiled::new(format!("{column} = ?"), [text(whole)])
        }
        SearchTest::Within { lower, upper } => {
            let mut sql = vec![format!("{column} IS NOT NULL")];
            let mut values = Vec::new();
            let mut end = |bound: &Option<Bound>, strict: &str, inclusive: &str| {
                if let Some(bound) = bound {
                    let operator = if bound.inclusive { inclusive } else { strict };
                    sql.push(format!("{column} {operator} ?"));
                    values.push(bind(&bound.value));
                }
            };
            end(lower, ">", ">=");
            end(upper, "<", "<=");
            Compiled::new(sql.join(" AND "), values)
        }
    }
}

fn bind(value: &SearchValue) -> Value {
    match value {
        SearchValue::Text(whole) => text(whole),
        SearchValue::Number(number) => Value::Real(*number),
        SearchValue::Moment(time) => Value::Integer(time.as_millisecond()),
        SearchValue::Flag(flag) => Value::Integer(i64::from(*flag)),
    }
}

fn count(
    tx: &Transaction<'_>,
    aggregate: &Aggregate,
    condition: &Compiled,
) -> Result<(&'static str, BTreeMap<String, u64>)> {
    let (name, column) = match aggregate {
        Aggregate::Format => ("format", "u.format"),
        Aggregate::ResourceType => ("resource_type", "a.resource_type"),
        Aggregate::Type => ("type", "a.delivery_type"),
        Aggregate::Bytes(ranges) => return Ok(("bytes", count_ranges(tx, ranges, condition)?)),
    };
    let sql = format!(
        "SELECT {column}, count(*) {FROM} WHERE ({}) AND {column} IS NOT NULL GROUP BY 1",
        condition.sql
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(&condition.values), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok((name, rows.collect::<Result<_, _>>()?))
}

fn count_ranges(
    tx: &Transaction<'_>,
    ranges: &[(String, Option<u64>, Option<u64>)],
    condition: &Compiled,
) -> Result<BTreeMap<String, u64>> {
    let sql = format!(
        "SELECT count(*) {FROM} WHERE ({}) AND u.bytes >= ? AND u.bytes < ?",
        condition.sql
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let mut counts = BTreeMap::new();
    for (key, from, to) in ranges {
        let whole = |bound: Option<u64>, open: i64| {
            Value::Integer(bound.map_or(open, |bound| i64::try_from(bound).unwrap_or(i64::MAX)))
        };
        let ends = [whole(*from, 0), whole(*to, i64::MAX)];
        let values = condition.values.iter().chain(&ends);
        counts.insert(
            key.clone(),
            statement.query_row(params_from_iter(values), |row| row.get(0))?,
        );
    }
    Ok(counts)
}
