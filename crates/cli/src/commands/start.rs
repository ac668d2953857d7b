//! `outvote start`: one replica in the foreground.

use crate::application::App;
use crate::failure::Failure;
use crate::log_lines::{Flushed, LogLines};
use crate::medium::unfit;
use crate::output::{Output, line, note};
use crate::place::Place;
use clap::Args;
use outvote::{Home, Node};
use outvote_node::{LogFormat, RunningNode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use std::net::SocketAddr;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Open files besides the clients' connections that suffice at all bounds: HTTP, members, handshakes, log and database.
const OPEN_FILES_BESIDES: u64 = 3072;

/// Runs one replica in the foreground until SIGINT or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote start --home ./outvote-demo/replica-0")]
pub(crate) struct Start {
    #[command(flatten)]
    place: Place,
    /// The application; what ran here before unless told otherwise, and the chat in a new home.
    #[arg(long, value_enum)]
    app: Option<App>,
    /// Stops when standard input ends, so that a supervisor's death is noticed.
    #[arg(long, hide = true)]
    with_parent: bool,
}

impl Start {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let home = Home::new(self.place.path());
        let node = match App::of_home(self.place.path(), self.app)? {
            App::Chat => Node::open(home, outvote_chat::Chat)?.routes(outvote_chat::routes),
            App::Kv => Node::open(home, outvote_kv::Kv)?,
        };
        let _flushed = start_logging(&node.config().log.level, node.config().log.format)?;
        if let Some(medium) = unfit(self.place.path()) {
            tracing::warn!(
                "this replica's home lies on {medium}: what it promises may be lost when the power fails, and then its key \
                 never votes again; move it to a disk of this machine"
            );
        }
        raise_open_files(OPEN_FILES_BESIDES + node.config().limits.client_connections as u64);
        // One thread for all sockets: on few cores more would only take turns with the replica's own threads.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(network_threads())
            .enable_all()
            .build()
            .map_err(Failure::failed)?;
        runtime.block_on(self.serve(node, output))
    }

    async fn serve(self, node: Node, output: Output) -> Result<(), Failure> {
        let http = node.config().network.http;
        let mut running = node.start().await?;
        // Before anybody hears that it runs: whoever stops it then must find it listening.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let me = running.handle().me();
        tracing::info!("replica {me} serves http://{http}");
        if output == Output::Json {
            self.greet(&running, http)?;
        }
        let parent = parent_gone(self.with_parent);
        tokio::select! {
            error = running.failure() => {
                running.stop().await;
                return Err(error.into());
            }
            _ = interrupt.recv() => note("stopping"),
            _ = terminate.recv() => note("stopping"),
            () = parent => {}
        }
        running.stop().await;
        Ok(())
    }

    /// The line for a program that started this one and waits until it serves.
    fn greet(&self, running: &RunningNode, http: SocketAddr) -> Result<(), Failure> {
        let (handle, committee) = (running.handle(), running.handle().committee());
        let greeting = json!({
            "id": handle.me().0, "pid": std::process::id(), "home": self.place.path(),
            "cluster": committee.committee.cluster_id().to_hex(), "address": committee.address(handle.me()),
            "http": format!("http://{http}"),
        });
        line(&greeting.to_string())
    }
}

/// Ends when standard input does; never if nobody asked.
async fn parent_gone(is_asked: bool) {
    if !is_asked {
        return std::future::pending().await;
    }
    let (gone, waiting) = tokio::sync::oneshot::channel();
    // A thread of its own, left behind at the end: the runtime would wait for a read that may never end.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while std::io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        // Nobody waits any more once the replica has ended.
        let _ = gone.send(());
    });
    // However the wait ends, the parent cannot be reached any more.
    let _ = waiting.await;
}

/// As many open files as the system lets this user have: a crowd of connections must never keep the log from its next file.
fn raise_open_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    // Some systems have no highest number and yet refuse to be asked for it.
    for current in [limit.maximum, Some(wanted)] {
        // Where it may not be raised, what there is has to do.
        if setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).is_ok() {
            break;
        }
    }
    let now = getrlimit(Resource::Nofile).current;
    if now.is_some_and(|now| now < wanted) {
        tracing::warn!(
            limit = now,
            "many connections at once may use up this process's open files; raise the limit (ulimit -Hn) to {wanted}"
        );
    }
}

fn network_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 4).clamp(1, 4))
}

fn start_logging(level: &str, format: LogFormat) -> Result<Flushed, Failure> {
    let filter = EnvFilter::try_new(level)
        .map_err(|error| Failure::usage(format!("log.level = \"{level}\" is no filter: {error}")))?;
    let is_terminal = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (lines, flushed) = LogLines::start().map_err(Failure::failed)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || lines.clone())
        .with_ansi(is_terminal);
    let installed = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    installed.map_err(|error| Failure::failed(format!("cannot start logging: {error}")))?;
    Ok(flushed)
}
