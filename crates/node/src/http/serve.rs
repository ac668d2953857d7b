//! Serves connections with bounds: how many, how long a request's head may take and may be, how long its body may take, how long
//! the answer takes to begin, and how long what was sent may stay unread. Whoever sends a byte a minute is cut off, and whoever
//! sends nothing gives way to the next one.

use super::newcomers::Newcomers;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at the same time at most. When all places are taken, the one that has said nothing for longest gives way; when
/// all have said something, more wait in the system's queue.
const CONNECTIONS_MAX: usize = 512;
/// A request's head comes within this time, also the next one on a connection that is kept open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A request's head is at most this long.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// What was sent is taken by the other end within this time, or the connection ends: whoever does not read holds no place.
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A pause after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is aborted; all connections end with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut newcomers = Newcomers::new(CONNECTIONS_MAX);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if places.available_permits() == 0 {
                    newcomers.dismiss_oldest();
                }
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let router = router.clone();
                let has_spoken = Arc::new(AtomicBool::new(false));
                let flag = Arc::clone(&has_spoken);
                let task = connections.spawn(async move {
                    connection(stream, router, flag).await;
                    drop(place);
                });
                newcomers.add(task, has_spoken);
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

async fn connection(stream: TcpStream, router: Router, has_spoken: Arc<AtomicBool>) {
    // A failure costs latency and nothing else.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT));
    serve_stream(stream, router, has_spoken).await;
}

/// Serves one connection until it ends.
pub(crate) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    has_spoken: Arc<AtomicBool>,
) {
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        has_spoken.store(true, Ordering::Relaxed);
        routes.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the HTTP side ended");
    }
}
