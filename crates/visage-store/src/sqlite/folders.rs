//! [`Folders`]: a folder is a row; assets name the folder that they are in.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Row, Transaction, params, params_from_iter};
use visage_cloudinary::search::{Bound, Direction, Expression, FolderField, SearchTest, SearchValue, Term};

use super::Sqlite;
use super::lists::{after_prefix, cut, text};
use super::values::{limit, time};
use crate::error::{Result, StoreError};
use crate::folders::{DeletedFolder, Folder, FolderQuery, Folders, RenamedFolder};
use crate::listing::{Cursor, Page};

#[async_trait]
impl Folders for Sqlite {
    async fn create_folder(&self, path: &str, now: Timestamp) -> Result<bool> {
        let path = path.to_owned();
        self.write(move |tx| create(tx, &path, now)).await
    }

    async fn list_folders(
        &self,
        parent: &str,
        after: Option<Cursor>,
        at_most: usize,
    ) -> Result<Option<(Page<Folder>, u64)>> {
        let parent = parent.to_owned();
        self.read(move |tx| list(tx, &parent, after.as_ref(), at_most)).await
    }

    async fn rename_folder(&self, from: &str, to: &str, now: Timestamp) -> Result<RenamedFolder> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.write(move |tx| rename(tx, &from, &to, now)).await
    }

    async fn delete_folder(&self, path: &str) -> Result<DeletedFolder> {
        let path = path.to_owned();
        self.write(move |tx| delete(tx, &path)).await
    }

    async fn search_folders(&self, query: FolderQuery) -> Result<(Page<Folder>, u64)> {
        self.read_many(move |tx| search(tx, &query)).await
    }
}

/// Makes a folder and those above it. `false`: it was there. The root always is.
pub(super) fn create(tx: &Transaction<'_>, path: &str, now: Timestamp) -> Result<bool> {
    let mut created = false;
    let mut end = path.len();
    let mut insert = tx.prepare_cached(
        "INSERT INTO folders (path, parent, external_id, created_at) VALUES (?1, ?2, lower(hex(randomblob(16))), ?3) \
         ON CONFLICT (path) DO NOTHING",
    )?;
    // From the folder upwards, until one is there.
    while end > 0 {
        let Some(folder) = path.get(..end) else { break };
        let parent = parent_of(folder);
        let added = insert.execute(params![folder, parent, now.as_millisecond()])? == 1;
        created |= added && end == path.len();
        if !added {
            break;
        }
        end = parent.len();
    }
    Ok(created)
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn exists(tx: &Transaction<'_>, path: &str) -> Result<bool> {
    Ok(path.is_empty()
        || tx
            .prepare_cached("SELECT 1 FROM folders WHERE path = ?1")?
            .exists([path])?)
}

fn list(
    tx: &Transaction<'_>,
    parent: &str,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Option<(Page<Folder>, u64)>> {
    if !exists(tx, parent)? {
        return Ok(None);
    }
    let total = tx
        .prepare_cached("SELECT count(*) FROM folders WHERE parent = ?1")?
        .query_row([parent], |row| row.get(0))?;
    let sql = "SELECT * FROM folders WHERE parent = ?1 AND path > ?2 ORDER BY path LIMIT ?3";
    let mut statement = tx.prepare_cached(sql)?;
    let begin = after.map_or("", |cursor| cursor.0.as_str());
    let rows = statement.query_map(params![parent, begin, limit(at_most.saturating_add(1))], read)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(Some((cut(rows, at_most, |folder| folder.path.clone()), total)))
}

/// Public ids stay; what names a folder changes with it.
fn rename(tx: &Transaction<'_>, from: &str, to: &str, now: Timestamp) -> Result<RenamedFolder> {
    if from.is_empty() || !exists(tx, from)? {
        return Ok(RenamedFolder::NotFound);
    }
    let inside = format!("{from}/");
    if to == from || to.starts_with(&inside) || exists(tx, to)? {
        return Ok(RenamedFolder::Taken);
    }
    create(tx, parent_of(to), now)?;
    let end = after_prefix(&inside);
    let skipped = limit(from.chars().count() + 1);
    let values = params![from, to, inside, end, skipped];
    // `substr` counts characters from 1: what follows the old path stays.
    tx.prepare_cached(
        "UPDATE folders SET path = ?2 || substr(path, ?5), \
         parent = CASE path WHEN ?1 THEN rtrim(?2, replace(?2, '/', '')) ELSE ?2 || substr(parent, ?5) END \
         WHERE path = ?1 OR (path >= ?3 AND path < ?4)",
    )?
    .execute(values)?;
    tx.prepare_cached("UPDATE folders SET parent = ?2 WHERE path = ?1")?
        .execute(params![to, parent_of(to)])?;
    let moved = assets_in(tx, from, &inside, end.as_deref())?;
    for (id, mut details) in moved {
        let rest = details.asset_folder.get(from.len()..).unwrap_or_default();
        details.asset_folder = format!("{to}{rest}");
        details.updated_at = Some(now);
        super::indexes::write(tx, &id, &details, now)?;
    }
    Ok(RenamedFolder::Done)
}

/// The index has small letters; paths with other letters are other folders.
pub(super) const ASSETS_IN: &str = "SELECT id, details FROM assets WHERE \
     (lower(asset_folder) = lower(?1) AND asset_folder = ?1) OR \
     (lower(asset_folder) >= lower(?2) AND lower(asset_folder) < lower(?3) AND asset_folder >= ?2 AND asset_folder < ?3)";

fn assets_in(
    tx: &Transaction<'_>,
    folder: &str,
    inside: &str,
    end: Option<&str>,
) -> Result<Vec<(crate::ids::AssetId, crate::asset::AssetDetails)>> {
    let mut statement = tx.prepare_cached(ASSETS_IN)?;
    let rows = statement.query_map(params![folder, inside, end], |row| {
        Ok((row.get("id")?, super::values::record(row, "details")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) const IS_USED: &str = "SELECT 1 FROM assets WHERE lower(asset_folder) = ?1 OR \
     (lower(asset_folder) >= ?2 AND lower(asset_folder) < ?3) LIMIT 1";

fn delete(tx: &Transaction<'_>, path: &str) -> Result<DeletedFolder> {
    if path.is_empty() || !exists(tx, path)? {
        return Ok(DeletedFolder::NotFound);
    }
    let inside = format!("{path}/");
    let end = after_prefix(&inside);
    // As SQLite's `lower`, which knows ASCII letters only.
    let lower = [path.to_ascii_lowercase(), inside.to_ascii_lowercase()];
    let lower_end = after_prefix(&lower[1]);
    let is_used = tx
        .prepare_cached(IS_USED)?
        .exists(params![lower[0], lower[1], lower_end])?;
    if is_used {
        return Ok(DeletedFolder::NotEmpty);
    }
    let mut statement =
        tx.prepare_cached("DELETE FROM folders WHERE path = ?1 OR (path >= ?2 AND path < ?3) RETURNING path")?;
    let rows = statement.query_map(params![path, inside, end], |row| row.get(0))?;
    let mut deleted: Vec<String> = rows.collect::<Result<_, _>>()?;
    deleted.sort_unstable();
    Ok(DeletedFolder::Done(deleted))
}

fn search(tx: &Transaction<'_>, query: &FolderQuery) -> Result<(Page<Folder>, u64)> {
    let mut values = Vec::new();
    let condition = query
        .expression
        .as_ref()
        .map_or_else(|| "1".to_owned(), |e| compile(e, &mut values));
    let total = tx
        .prepare_cached(&format!("SELECT count(*) FROM folders WHERE {condition}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let skipped = match &query.after {
        None => 0,
        Some(Cursor(text)) => text.parse::<i64>().map_err(|_no_number| StoreError::BadCursor)?.max(0),
    };
    let mut keys: Vec<String> = query
        .sort_by
        .iter()
        .map(|key| {
            let column = match key.field {
                FolderField::CreatedAt => "created_at",
                FolderField::Name => NAME,
                FolderField::Path | FolderField::AnyText => "path",
            };
            let word = if key.direction == Direction::Ascending {
                "ASC"
            } else {
                "DESC"
            };
            format!("{column} {word}")
        })
        .collect();
    keys.push("path".to_owned());
    let sql = format!(
        "SELECT * FROM folders WHERE {condition} ORDER BY {} LIMIT ? OFFSET ?",
        keys.join(", ")
    );
    values.extend([
        Value::Integer(limit(query.limit.saturating_add(1))),
        Value::Integer(skipped),
    ]);
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(&values), read)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let end = skipped + limit(query.limit);
    Ok((cut(rows, query.limit, |_| end.to_string()), total))
}

/// What follows the last slash.
const NAME: &str = "replace(path, rtrim(path, replace(path, '/', '')), '')";

fn compile(expression: &Expression<FolderField>, values: &mut Vec<Value>) -> String {
    let mut join = |parts: &[Expression<FolderField>], joint: &str, nothing: &str| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| format!("({})", compile(part, values)))
            .collect();
        if parts.is_empty() {
            nothing.to_owned()
        } else {
            parts.join(joint)
        }
    };
    match expression {
        Expression::And(parts) => join(parts, " AND ", "1"),
        Expression::Or(parts) => join(parts, " OR ", "0"),
        Expression::Not(inner) => format!("NOT ({})", compile(inner, values)),
        Expression::Term(term) => compile_term(term, values),
    }
}

fn compile_term(term: &Term<FolderField>, values: &mut Vec<Value>) -> String {
    let column = match term.field {
        FolderField::CreatedAt => "created_at",
        FolderField::Name => NAME,
        FolderField::Path | FolderField::AnyText => "path",
    };
    let bind = |value: &SearchValue| match value {
        SearchValue::Text(whole) => text(whole),
        SearchValue::Number(number) => Value::Real(*number),
        SearchValue::Moment(time) => Value::Integer(time.as_millisecond()),
        SearchValue::Flag(flag) => Value::Integer(i64::from(*flag)),
    };
    match &term.test {
        SearchTest::Equals(value) => {
            values.push(bind(value));
            format!("{column} = ?")
        }
        SearchTest::Matches(part) => {
            values.push(text(part));
            format!("instr(lower({column}), lower(?)) > 0")
        }
        SearchTest::StartsWith(beginning) => {
            values.push(text(beginning));
            values.push(after_prefix(beginning).map_or(Value::Null, Value::Text));
            format!("({column} >= ? AND coalesce({column} < ?, 1))")
        }
        SearchTest::Within { lower, upper } => {
            let mut sql = vec!["1".to_owned()];
            let mut end = |bound: &Option<Bound>, strict: &str, inclusive: &str| {
                if let Some(bound) = bound {
                    let operator = if bound.inclusive { inclusive } else { strict };
                    sql.push(format!("{column} {operator} ?"));
                    values.push(bind(&bound.value));
                }
            };
            end(lower, ">", ">=");
            end(upper, "<", "<=");
            sql.join(" AND ")
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        path: row.get("path")?,
        external_id: row.get("external_id")?,
        created_at: time(row, "created_at")?,
    })
}
