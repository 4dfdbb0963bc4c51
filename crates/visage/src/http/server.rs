//! Accepts connections, and lets those under way finish at a stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::Front;
use crate::config::HttpConfig;

/// Largest head of a request; also what one connection may hold in memory before it is a request.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a client may take none of an answer before its connection is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `front` on `listener` until `stop`, then waits for what is under way, at most the drain timeout.
pub async fn serve(listener: TcpListener, front: Front, config: &HttpConfig, stop: CancellationToken) {
    let front = Arc::new(front);
    let places = Arc::new(Semaphore::new(config.connections));
    let connections = GracefulShutdown::new();
    let builder = connection_builder(config);
    loop {
        let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else {
            break;
        };
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => break,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                // Out of descriptors, most likely: the connections under way give them back.
                tracing::warn!(error = %error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = builder.serve_connection(TokioIo::new(prepared(stream)), service(&front, peer));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    let drain = config.drain_timeout.as_duration();
    if tokio::time::timeout(drain, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the drain timeout was over");
    }
}

fn connection_builder(config: &HttpConfig) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout.as_duration())
        // A client that has said all may close its side and wait (RFC 9112, 9.6); one that is gone is noticed by the answer.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
}

fn prepared(stream: TcpStream) -> Pin<Box<TimeoutStream<TcpStream>>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "a connection keeps its delay");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
}

/// The front as hyper's service, which tells handlers who is calling.
fn service(
    front: &Arc<Front>,
    peer: SocketAddr,
) -> impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + use<>
{
    let front = Arc::clone(front);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        async move {
            if let Some(response) = front.hot(request.method(), request.uri(), request.headers()) {
                return Ok(response);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            Ok(front.routed(request).await)
        }
    })
}
