//! Listens, joins both ends, and resets.

use crate::control::{Control, Settings, Shared};
use crate::pump::{Broken, Pump};
use crate::weather::{Direction, Line};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The pause after the system refused to accept, most often because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A link between whoever connects to it and its target. Dropping it resets its connections and closes its port.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    control: Control,
    accepting: JoinHandle<()>,
    _stop: watch::Sender<()>,
}

impl Proxy {
    /// Listens at an address (port 0 for any that is free), on the current tokio runtime. What is decided at random
    /// follows from the seed and the order of connections and reads.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(listen: SocketAddr, line: Line, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (control, shared) = Control::new(line);
        let (ends, stop) = watch::channel(());
        let accepting = tokio::spawn(accept(listener, Arc::new(shared), stop, seed));
        Ok(Self { address, control, accepting, _stop: ends })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the line live.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The connections see the end of `_stop`.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: watch::Receiver<()>, seed: u64) {
    for number in 0u64.. {
        let near = loop {
            match listener.accept().await {
                Ok((near, _)) => break near,
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        };
        let counters = &shared.counters;
        counters.accepted.fetch_add(1, Ordering::Relaxed);
        counters.open.fetch_add(1, Ordering::Relaxed);
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        // Neighbouring seeds and numbers must not share their draws.
        let seed =
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        tokio::spawn(async move {
            if join(near, &shared, stop, seed).await.is_err() {
                shared.counters.resets.fetch_add(1, Ordering::Relaxed);
            }
            shared.counters.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Serves one connection. An error means that it was reset.
async fn join(
    mut near: TcpStream,
    shared: &Shared,
    stop: watch::Receiver<()>,
    seed: u64,
) -> Result<(), Broken> {
    let settings = shared.settings.clone();
    let Settings { line, generation } = *settings.borrow();
    // Closing with nothing lingering is what sends a reset; undone if both sides end in peace.
    near.set_zero_linger()?;
    if line.is_down {
        return Err(Broken);
    }
    let ends = reset_wanted(settings, stop, generation, line.reset_after);
    tokio::pin!(ends);
    let mut far = tokio::select! {
        far = dial(line.target) => far?,
        () = &mut ends => return Err(Broken),
    };
    for socket in [&near, &far] {
        // A slice must not wait for the next one.
        socket.set_nodelay(true)?;
    }
    let ((near_reader, near_writer), (far_reader, far_writer)) = (near.split(), far.split());
    let there = Pump::new(shared, Direction::There, seed).run(near_reader, far_writer);
    let back = Pump::new(shared, Direction::Back, !seed).run(far_reader, near_writer);
    tokio::select! {
        done = async { tokio::try_join!(there, back) } => done.map(drop)?,
        () = ends => return Err(Broken),
    }
    // Both ends have said goodbye: what is still in the kernel's buffers is to arrive.
    for socket in [near, far] {
        linger(&socket)?;
    }
    Ok(())
}

/// A connection that is reset when it is dropped, also half made.
async fn dial(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_zero_linger()?;
    socket.connect(target).await
}

/// Closes as sockets do that nobody has touched.
fn linger(socket: &TcpStream) -> io::Result<()> {
    #[allow(deprecated, reason = "it is warned of for what it does with a time; with none it blocks nobody")]
    socket.set_linger(None)
}

/// Ends when this connection is to be reset.
async fn reset_wanted(
    mut settings: watch::Receiver<Settings>,
    mut stop: watch::Receiver<()>,
    generation: u64,
    first_limit: Option<Duration>,
) {
    let begun = tokio::time::Instant::now();
    let mut limit = first_limit;
    loop {
        let too_old = async {
            match limit {
                Some(limit) => tokio::time::sleep_until(begun + limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = too_old => return,
            changed = settings.changed() => {
                let now = *settings.borrow_and_update();
                if changed.is_err() || now.generation != generation {
                    return;
                }
                limit = now.line.reset_after;
            }
            _ = stop.changed() => return,
        }
    }
}
