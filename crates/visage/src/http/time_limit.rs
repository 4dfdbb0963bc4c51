//! How long a request may take: `http.request_timeout`, and as much more as its body takes to arrive at a bearable pace. So a
//! large file comes in over a slow line, and who only trickles gains next to nothing by it. A delivery reads no body: for
//! readers the setting is the bound.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use crate::app::App;

/// The slowest line that files come in over: 128 kbit/s.
const BYTES_PER_SECOND: u64 = 16 * 1024;

/// Ends a request that takes too long.
pub(super) async fn time_limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (timeout, begun) = (app.config.http.request_timeout.as_duration(), Instant::now());
    let arrived_bytes = Arc::new(AtomicU64::new(0));
    let request = request.map(|body| {
        Body::new(ArrivingBody {
            body,
            arrived_bytes: Arc::clone(&arrived_bytes),
        })
    });
    let mut answer = pin!(next.run(request));
    loop {
        let end = begun + timeout + time_to_arrive(arrived_bytes.load(Ordering::Relaxed));
        match timeout_at(end, &mut answer).await {
            Ok(response) => return response,
            // More has come since.
            Err(_elapsed) if begun + timeout + time_to_arrive(arrived_bytes.load(Ordering::Relaxed)) > end => {}
            Err(_elapsed) => {
                let message = "The request took too long.";
                return ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message).into_response();
            }
        }
    }
}

fn time_to_arrive(bytes: u64) -> Duration {
    Duration::from_secs(bytes / BYTES_PER_SECOND)
}

/// A body that counts what has come.
struct ArrivingBody {
    body: Body,
    arrived_bytes: Arc<AtomicU64>,
}

impl HttpBody for ArrivingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.arrived_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
