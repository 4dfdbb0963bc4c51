//! A body that is read at the pace at which it is used.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use futures_util::Stream;

/// The same request, whose body hands out one piece per poll. The parser of forms polls until nothing is there, so that a fast
/// client would fill its memory with the whole body; with this it takes what it was asked for.
pub(super) fn paced(request: Request) -> Request {
    request.map(|body| Body::from_stream(Paced::new(body.into_data_stream())))
}

struct Paced<S> {
    stream: S,
    rested: bool,
}

impl<S> Paced<S> {
    fn new(stream: S) -> Self {
        Self { stream, rested: true }
    }
}

impl<S: Stream + Unpin> Stream for Paced<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if !self.rested {
            self.rested = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_next(context);
        if polled.is_ready() {
            self.rested = false;
        }
        polled
    }
}
