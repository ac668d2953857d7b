//! The program behind `cargo xtask bench peers` that loads another system: prints one line of JSON.

use clap::Parser;
use outvote_peer_load::{Kind, Load, Payload, Target, failover, measure};
use serde::Serialize;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Loads a running cluster and measures.
#[derive(Debug, Parser)]
struct Arguments {
    /// How it is spoken to.
    #[arg(value_enum)]
    kind: Kind,
    /// The members' addresses, with commas between them.
    #[arg(long, value_delimiter = ',', required = true)]
    addresses: Vec<String>,
    /// Clients, each with one operation in flight.
    #[arg(long, default_value_t = 256)]
    clients: usize,
    /// Connections that they share.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Bytes of an operation.
    #[arg(long, default_value_t = 256)]
    payload: usize,
    /// How long the load runs before, milliseconds.
    #[arg(long, default_value_t = 2000)]
    warm_up_ms: u64,
    /// How long is measured, milliseconds.
    #[arg(long, default_value_t = 5000)]
    measured_ms: u64,
    /// An open loop of so many operations a second.
    #[arg(long)]
    rate: Option<f64>,
    /// Kills who leads instead: the members' processes, in the order of the addresses.
    #[arg(long, value_delimiter = ',')]
    kill: Option<Vec<i32>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done =
        runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(run(&arguments)));
    match done.and_then(|line| writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Nobody may listen any more; the exit code says enough.
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<String, String> {
    // Keys of another run are never met again.
    let payload = Payload::new(std::process::id(), arguments.payload);
    if let Some(pids) = &arguments.kill {
        return line(&failover(arguments.kind, &arguments.addresses, pids, &payload).await?);
    }
    let target =
        Target::connect(arguments.kind, &arguments.addresses, arguments.clients, arguments.connections);
    let load = Load {
        clients: arguments.clients,
        payload,
        warm_up: Duration::from_millis(arguments.warm_up_ms),
        measured: Duration::from_millis(arguments.measured_ms),
        rate: arguments.rate,
    };
    line(&measure(Arc::new(target.await?), &load).await?)
}

fn line(measured: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(measured).map_err(|error| error.to_string())
}
