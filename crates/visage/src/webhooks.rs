//! Tells other servers what has happened: notifications go into the outbox here, and out of it in `jobs/notifier.rs`.

use std::sync::Arc;

use tokio::sync::Notify;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::SignatureAlgorithm;
use visage_store::{NewNotification, Outbox, StoreError};

use crate::clock::Clock;

/// The outbox, and what its notifications are signed with.
#[derive(Debug)]
pub struct Webhooks {
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) secret: Secret,
    pub(crate) pushed: Notify,
}

impl Webhooks {
    /// Notifications are signed with `secret`, the account's API secret.
    pub fn new(outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>, algorithm: SignatureAlgorithm, secret: Secret) -> Self {
        Self {
            outbox,
            clock,
            algorithm,
            secret,
            pushed: Notify::new(),
        }
    }

    /// Queues `body` for each of `urls`. It is written as text once: what is signed is what is sent.
    ///
    /// # Errors
    /// When the outbox fails; then nothing is queued.
    pub async fn notify(&self, urls: &[String], body: &serde_json::Value) -> Result<(), StoreError> {
        if urls.is_empty() {
            return Ok(());
        }
        let body = body.to_string();
        let new = urls.iter().map(|url| NewNotification {
            url: url.clone(),
            body: body.clone(),
        });
        self.outbox.push_notifications(new.collect(), self.clock.now()).await?;
        self.pushed.notify_one();
        Ok(())
    }
}
