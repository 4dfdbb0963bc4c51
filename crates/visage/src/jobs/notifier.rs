//! Sends the notifications that wait in the outbox.
//!
//! A notification leaves the outbox when it was answered, so one whose answer is lost in a stop is sent twice. Who gets
//! notifications is chosen by clients: they go through the same guard as fetched files, and no redirect is followed.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;
use url::Url;
use visage_cloudinary::signature::Webhook;
use visage_store::{Notification, StoreError};

use crate::clock::later;
use crate::fetch::{Outgoing, Refusal, USER_AGENT};
use crate::webhooks::Webhooks;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The waits after the first, second and third failure; after the fourth it is given up.
const WAITS: [Duration; 3] = [
    Duration::from_secs(3 * 60),
    Duration::from_secs(6 * 60),
    Duration::from_secs(9 * 60),
];

/// Notifications that one pass looks at, hosts it talks to at once, and notifications it sends to one host: a host
/// that is slow delays the others by that much at most.
const BATCH: usize = 500;
const HOSTS: usize = 16;
const PER_HOST: usize = 4;

/// The wait after the outbox failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The longest wait without a look.
const MAX_WAIT: Duration = Duration::from_secs(600);

const TIMESTAMP: HeaderName = HeaderName::from_static("x-cld-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-cld-signature");

/// Sends what is due until `stop`; what is on its way then is finished.
pub async fn run(webhooks: &Webhooks, outgoing: &Outgoing, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match send_due(webhooks, outgoing, &stop).await {
            Ok(0) => until_next(webhooks).await,
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(error = %error, "the outbox failed; notifications wait");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = webhooks.pushed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One pass over what is due. Returns how many notifications left the outbox or were put off.
///
/// # Errors
/// When the outbox fails.
pub async fn send_due(webhooks: &Webhooks, outgoing: &Outgoing, stop: &CancellationToken) -> Result<usize, StoreError> {
    let due = webhooks.outbox.due_notifications(webhooks.clock.now(), BATCH).await?;
    let mut by_origin: BTreeMap<String, Vec<Notification>> = BTreeMap::new();
    for notification in due {
        by_origin.entry(origin(&notification)).or_default().push(notification);
    }
    let hosts = futures_util::stream::iter(by_origin.into_values());
    let settled = hosts.map(|waiting| send_to_host(webhooks, outgoing, stop, waiting));
    settled
        .buffer_unordered(HOSTS)
        .try_fold(0, async |sum, settled| Ok(sum + settled))
        .await
}

/// One after the other. When the host does not answer, nothing else is tried: all that waits for it has failed, too.
async fn send_to_host(
    webhooks: &Webhooks,
    outgoing: &Outgoing,
    stop: &CancellationToken,
    waiting: Vec<Notification>,
) -> Result<usize, StoreError> {
    let mut settled = 0;
    let mut silent = None;
    for (place, notification) in waiting.iter().enumerate() {
        if silent.is_none() && (place >= PER_HOST || stop.is_cancelled()) {
            break;
        }
        let sent = match silent {
            None => send(webhooks, outgoing, notification).await,
            Some(why) => Err(why),
        };
        match sent {
            Ok(()) => webhooks.outbox.drop_notification(notification.id).await?,
            Err(why) => {
                silent = Some(why).filter(|why| is_silence(*why));
                put_off(webhooks, notification, why).await?;
            }
        }
        settled += 1;
    }
    Ok(settled)
}

async fn send(webhooks: &Webhooks, outgoing: &Outgoing, notification: &Notification) -> Result<(), Refusal> {
    let url = Url::parse(&notification.url).map_err(|_malformed| Refusal::NotAUrl)?;
    let request = signed(webhooks, notification)?;
    let answer = tokio::time::timeout(TIMEOUT, outgoing.send(&url, request)).await;
    let status = answer.map_err(|_elapsed| Refusal::Timeout)??.status;
    status.is_success().then_some(()).ok_or(Refusal::Status(status))
}

fn signed(webhooks: &Webhooks, notification: &Notification) -> Result<Request<Full<Bytes>>, Refusal> {
    let timestamp = webhooks.clock.now().as_second();
    let webhook = Webhook {
        body: notification.body.as_bytes(),
        timestamp,
    };
    let signature = webhook.sign(webhooks.algorithm, &webhooks.secret);
    let signature = HeaderValue::try_from(signature).map_err(|_no_header| Refusal::NotAUrl)?;
    let mut request = Request::new(Full::new(Bytes::from(notification.body.clone())));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    headers.insert(SIGNATURE, signature);
    Ok(request)
}

/// The address is not logged whole: it may carry a secret of its owner.
async fn put_off(webhooks: &Webhooks, notification: &Notification, why: Refusal) -> Result<(), StoreError> {
    let host = host(notification);
    let hopeless = matches!(why, Refusal::NotAUrl | Refusal::Scheme | Refusal::Address);
    let wait = usize::try_from(notification.attempts).ok().and_then(|a| WAITS.get(a));
    if let Some(wait) = wait.filter(|_| !hopeless) {
        tracing::info!(host, reason = %why, "a notification was not taken; it is sent again later");
        let due_at = later(webhooks.clock.now(), *wait);
        return webhooks.outbox.postpone_notification(notification.id, due_at).await;
    }
    tracing::warn!(host, reason = %why, attempts = notification.attempts + 1, "a notification was given up");
    webhooks.outbox.drop_notification(notification.id).await
}

/// Whether nothing came from the host, so that nothing would come for another notification either.
fn is_silence(why: Refusal) -> bool {
    matches!(why, Refusal::Dns | Refusal::Connect | Refusal::Tls | Refusal::Timeout)
}

/// Scheme, host and port: what answers, or does not answer, as one.
fn origin(notification: &Notification) -> String {
    let url = Url::parse(&notification.url).ok();
    url.map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn host(notification: &Notification) -> String {
    let url = Url::parse(&notification.url).ok();
    url.and_then(|url| url.host_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

async fn until_next(webhooks: &Webhooks) -> Duration {
    match webhooks.outbox.next_notification_at().await {
        Ok(None) => MAX_WAIT,
        Ok(Some(at)) => Duration::try_from(at.duration_since(webhooks.clock.now()))
            .unwrap_or(Duration::ZERO)
            .min(MAX_WAIT),
        Err(error) => {
            tracing::error!(error = %error, "the outbox failed; notifications wait");
            AFTER_FAILURE
        }
    }
}
