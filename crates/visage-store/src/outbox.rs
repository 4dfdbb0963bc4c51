//! Notifications that wait to be sent: a queue that survives restarts.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Result;

/// Notifications on their way out.
///
/// # Errors
/// Every method fails with [`crate::StoreError`] when the database does.
#[async_trait]
pub trait Outbox: Send + Sync + std::fmt::Debug {
    /// Queues notifications, all or none. They are due at once.
    async fn push_notifications(&self, new: Vec<NewNotification>, now: Timestamp) -> Result<()>;

    /// Up to `limit` notifications that are due, longest due first.
    async fn due_notifications(&self, now: Timestamp, limit: usize) -> Result<Vec<Notification>>;

    /// When the next notification is due.
    async fn next_notification_at(&self) -> Result<Option<Timestamp>>;

    /// A sending failed: tries again at `due_at`.
    async fn postpone_notification(&self, id: i64, due_at: Timestamp) -> Result<()>;

    /// It was sent, or given up.
    async fn drop_notification(&self, id: i64) -> Result<()>;
}

/// A notification to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Where it goes.
    pub url: String,
    /// The JSON text, sent and signed as it is.
    pub body: String,
}

/// A queued notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its place in the queue.
    pub id: i64,
    /// Where it goes.
    pub url: String,
    /// The JSON text.
    pub body: String,
    /// Sendings that failed.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
}
