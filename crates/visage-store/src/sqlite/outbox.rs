//! [`Outbox`]

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Row, params};

use super::Sqlite;
use super::values::{limit, optional_time, time};
use crate::error::Result;
use crate::outbox::{NewNotification, Notification, Outbox};

#[async_trait]
impl Outbox for Sqlite {
    async fn push_notifications(&self, new: Vec<NewNotification>, now: Timestamp) -> Result<()> {
        self.write(move |tx| {
            let sql = "INSERT INTO notifications (url, body, attempts, created_at, due_at) VALUES (?1, ?2, 0, ?3, ?3)";
            let mut insert = tx.prepare_cached(sql)?;
            for notification in &new {
                insert.execute(params![notification.url, notification.body, now.as_millisecond()])?;
            }
            Ok(())
        })
        .await
    }

    async fn due_notifications(&self, now: Timestamp, at_most: usize) -> Result<Vec<Notification>> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(DUE)?;
            let due = statement.query_map(params![now.as_millisecond(), limit(at_most)], read)?;
            Ok(due.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn next_notification_at(&self) -> Result<Option<Timestamp>> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached("SELECT min(due_at) AS due_at FROM notifications")?;
            Ok(statement.query_row([], |row| optional_time(row, "due_at"))?)
        })
        .await
    }

    async fn postpone_notification(&self, id: i64, due_at: Timestamp) -> Result<()> {
        self.write(move |tx| {
            tx.prepare_cached("UPDATE notifications SET due_at = ?2, attempts = attempts + 1 WHERE id = ?1")?
                .execute(params![id, due_at.as_millisecond()])?;
            Ok(())
        })
        .await
    }

    async fn drop_notification(&self, id: i64) -> Result<()> {
        self.write(move |tx| {
            tx.prepare_cached("DELETE FROM notifications WHERE id = ?1")?
                .execute([id])?;
            Ok(())
        })
        .await
    }
}

pub(super) const DUE: &str = "SELECT * FROM notifications WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2";

fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: row.get("id")?,
        url: row.get("url")?,
        body: row.get("body")?,
        attempts: row.get("attempts")?,
        created_at: time(row, "created_at")?,
    })
}
