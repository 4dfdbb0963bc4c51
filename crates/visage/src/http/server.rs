//! Accepts connections, and lets those under way finish at a stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::connections::{Admitted, Busy, Connections, refuse};
use super::middleware::guarded;
use super::{ApiError, Front};
use crate::config::HttpConfig;

/// How long a client may take none of an answer before its connection is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that wait to be accepted. The system cuts it to what it allows; those beyond must try again after a second.
const BACKLOG: u32 = 4096;

/// Listens on an address.
///
/// # Errors
/// When the address cannot be had.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A server that is started again does not wait for what is left of the old one's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `front` on `listener` until `stop`, then waits for what is under way, at most the drain timeout.
pub async fn serve(listener: TcpListener, front: Front, config: &HttpConfig, stop: CancellationToken) {
    let front = Arc::new(front);
    let connections = Connections::new(config);
    let open = GracefulShutdown::new();
    loop {
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
        match connections.admit(peer) {
            Ok(admitted) => begin(&connections, &front, &open, stream, peer, admitted),
            Err(refusal) => refuse(stream, refusal),
        }
    }
    drop(listener);
    let drain = config.drain_timeout.as_duration();
    if tokio::time::timeout(drain, open.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the drain timeout was over");
    }
}

/// Serves a connection in a task of its own, until it ends or its place is given to another.
fn begin(
    connections: &Connections,
    front: &Arc<Front>,
    open: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    admitted: Admitted,
) {
    let pushed_out = admitted.place.pushed_out();
    let io = TokioIo::new(prepared(stream));
    let connection = connections
        .builder(&admitted)
        .serve_connection(io, service(front, peer, admitted));
    let connection = open.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection ended badly");
                }
            }
            () = pushed_out => tracing::debug!(%peer, "a connection gave way to another"),
        }
    });
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
    admitted: Admitted,
) -> impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + use<>
{
    let front = Arc::clone(front);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let (front, busy) = (Arc::clone(&front), Busy::new(&admitted.place));
        let is_refused = admitted.is_brief && !request.body().is_end_stream();
        async move {
            let response = if is_refused {
                ApiError::overloaded().into_response()
            } else {
                answer(&front, peer, request).await
            };
            Ok(guarded(response, busy))
        }
    })
}

async fn answer(front: &Front, peer: SocketAddr, request: Request<Incoming>) -> Response {
    if let Some(response) = front.hot(request.method(), request.uri(), request.headers(), Some(peer.ip())) {
        return response;
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    front.routed(request).await
}
