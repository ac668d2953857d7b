//! Serves connections with bounds: how many, how long a request's head may take and may be, how long an answer may take to
//! begin. Whoever sends a byte a minute is cut off.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at the same time at most; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 512;
/// A request's head comes within this time, also the next one on a connection that is kept open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// A request's head is at most this long.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A pause after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is aborted; all connections end with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    connection(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the HTTP side was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
        // Those that ended are forgotten.
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // A failure costs latency and nothing else.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the HTTP side ended");
    }
}
