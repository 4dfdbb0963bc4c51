//! [`Documents`]

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde_json::Value;

use super::Sqlite;
use super::lists::cut;
use super::values::{json, limit, time, to_json};
use crate::documents::{Document, DocumentKind, Documents};
use crate::error::{Result, StoreError};
use crate::listing::{Cursor, Page};

#[async_trait]
impl Documents for Sqlite {
    async fn create_document(&self, kind: DocumentKind, name: &str, body: Value, now: Timestamp) -> Result<bool> {
        let name = name.to_owned();
        self.write(move |tx| create(tx, kind, &name, &body, now)).await
    }

    async fn find_document(&self, kind: DocumentKind, name: &str) -> Result<Option<Document>> {
        let name = name.to_owned();
        self.read(move |tx| find(tx, kind, &name)).await
    }

    async fn replace_document(&self, seen: &Document, body: Value, now: Timestamp) -> Result<bool> {
        let seen = seen.clone();
        self.write(move |tx| replace(tx, &seen, &body, now)).await
    }

    async fn delete_document(&self, kind: DocumentKind, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.write(move |tx| {
            let sql = "DELETE FROM documents WHERE kind = ?1 AND name = ?2";
            Ok(tx.prepare_cached(sql)?.execute(params![kind.as_str(), name])? == 1)
        })
        .await
    }

    async fn list_documents(
        &self,
        kind: DocumentKind,
        after: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page<Document>> {
        self.read(move |tx| list(tx, kind, after.as_ref(), at_most)).await
    }
}

fn create(tx: &Transaction<'_>, kind: DocumentKind, name: &str, body: &Value, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO documents (kind, name, body, created_at, updated_at, revision) VALUES (?1, ?2, ?3, ?4, ?4, 1) \
               ON CONFLICT (kind, name) DO NOTHING";
    let added = tx
        .prepare_cached(sql)?
        .execute(params![kind.as_str(), name, to_json(body)?, now.as_millisecond()])?;
    Ok(added == 1)
}

fn find(tx: &Transaction<'_>, kind: DocumentKind, name: &str) -> Result<Option<Document>> {
    let mut statement = tx.prepare_cached("SELECT * FROM documents WHERE kind = ?1 AND name = ?2")?;
    Ok(statement
        .query_row(params![kind.as_str(), name], |row| read(row, kind))
        .optional()?)
}

/// The time of making tells a document from another of that name that was deleted.
fn replace(tx: &Transaction<'_>, seen: &Document, body: &Value, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE documents SET body = ?3, updated_at = ?4, revision = revision + 1 \
               WHERE kind = ?1 AND name = ?2 AND revision = ?5 AND created_at = ?6";
    let changed = tx.prepare_cached(sql)?.execute(params![
        seen.kind.as_str(),
        seen.name,
        to_json(body)?,
        now.as_millisecond(),
        seen.revision,
        seen.created_at.as_millisecond()
    ])?;
    Ok(changed == 1)
}

fn list(tx: &Transaction<'_>, kind: DocumentKind, after: Option<&Cursor>, at_most: usize) -> Result<Page<Document>> {
    let begin: i64 = match after {
        None => 0,
        Some(Cursor(text)) => text.parse().map_err(|_no_number| StoreError::BadCursor)?,
    };
    let mut statement =
        tx.prepare_cached("SELECT * FROM documents WHERE kind = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?;
    let rows = statement.query_map(params![kind.as_str(), begin, limit(at_most.saturating_add(1))], |row| {
        Ok((row.get::<_, i64>("seq")?, read(row, kind)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(cut(rows, at_most, |(seq, _)| seq.to_string()).map(|(_, document)| document))
}

fn read(row: &Row<'_>, kind: DocumentKind) -> rusqlite::Result<Document> {
    Ok(Document {
        kind,
        name: row.get("name")?,
        body: json(row, "body")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        revision: row.get("revision")?,
    })
}
