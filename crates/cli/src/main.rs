//! The `outvote` command.
//!
//! One file per command in `commands/`; what they share is `output` (text or JSON, exit codes), `place` (which home is meant)
//! and `cluster_folder` (the homes of a demo or a trial network).

mod application;
mod cluster_folder;
mod commands;
mod connection;
mod failure;
mod files;
mod identities;
mod log_lines;
mod medium;
mod memory;
mod output;
mod parameters;
mod place;
mod temporary_folder;

use clap::{Parser, Subcommand};
use output::Output;
use std::process::ExitCode;

/// Much is allocated and freed on other threads; this allocator does it at half the cost of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Honest machines outvote the liars: a replicated group chat, and the engine below it.
#[derive(Debug, Parser)]
#[command(
    name = "outvote",
    version,
    long_about = None,
    max_term_width = 110,
    after_help = "Example: outvote            (four replicas and the chat on http://127.0.0.1:4000)\n         outvote status     (in another terminal: who leads, who lags, who lied)"
)]
struct Arguments {
    /// How results are printed: for people or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// What to do; without it, the demo runs.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs four replicas and the page on this machine (the default).
    Demo(commands::demo::Demo),
    /// Makes one replica's home with fresh keys and prints its public part.
    Init(commands::init::Init),
    /// Makes a committee from the public parts of its members.
    #[command(
        subcommand,
        after_help = "Example: outvote committee create ada.json ben.json cy.json dee.json -o committee.toml"
    )]
    Committee(commands::committee::Committee),
    /// Makes the homes of a whole trial network on this machine; starts nothing.
    Testnet(commands::testnet::Testnet),
    /// Runs one replica in the foreground.
    Start(commands::start::Start),
    /// The cluster as seen from here.
    Status(commands::status::Status),
    /// Says what is wrong and what to do, or that all is well.
    Doctor(commands::doctor::Doctor),
    /// The group chat from a terminal.
    #[command(
        subcommand,
        after_help = "Example: outvote chat register ada && outvote chat create lobby && outvote chat send lobby hello"
    )]
    Chat(commands::chat::Chat),
    /// The key-value application, on a cluster started with `--app kv`.
    #[command(subcommand, after_help = "Example: outvote kv put colour green && outvote kv get colour")]
    Kv(commands::kv::Kv),
    /// Proofs that something was agreed, checked with no network.
    #[command(
        subcommand,
        after_help = "Example: outvote receipt verify morning.json --committee committee.toml"
    )]
    Receipt(commands::receipt::Receipt),
    /// Proofs that a replica lied.
    #[command(subcommand, after_help = "Example: outvote evidence list")]
    Evidence(commands::evidence::Evidence),
    /// Makes a running replica of a demo lie, or stop lying.
    #[cfg(feature = "demo")]
    Traitor(commands::traitor::Traitor),
    /// Runs whole clusters with faults and liars in a simulation.
    Sim(commands::sim::Sim),
    /// Plays all short games of two instances behind one key, or drawn longer ones.
    Twins(commands::twins::Twins),
    /// Plays games with liars that change a field of what they say now and then.
    Mutate(commands::mutate::Mutate),
    /// Measures a cluster of real processes on this machine.
    Bench(commands::bench::Bench),
    /// Measures how a cluster grows: members, payload, batch, clients, history.
    Growth(commands::growth::GrowthCommand),
    /// Measures what users lose while somebody attacks.
    #[cfg(feature = "demo")]
    Attack(commands::attack::Attack),
    /// A replica's configuration: checked, shown, explained.
    #[command(subcommand, after_help = "Example: outvote config explain batch.count_max")]
    Config(commands::config::Config),
}

fn main() -> ExitCode {
    memory::keep_private();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no failures; everything else is wrong usage.
            let code = if error.use_stderr() { failure::USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let output = arguments.output;
    let command = arguments.command.unwrap_or_else(|| Command::Demo(commands::demo::Demo::default()));
    let done = match command {
        Command::Demo(demo) => demo.run(output),
        Command::Init(init) => init.run(output),
        Command::Committee(committee) => committee.run(output),
        Command::Testnet(testnet) => testnet.run(output),
        Command::Start(start) => start.run(output),
        Command::Status(status) => status.run(output),
        Command::Doctor(doctor) => doctor.run(output),
        Command::Chat(chat) => chat.run(output),
        Command::Kv(kv) => kv.run(output),
        Command::Receipt(receipt) => receipt.run(output),
        Command::Evidence(evidence) => evidence.run(output),
        #[cfg(feature = "demo")]
        Command::Traitor(traitor) => traitor.run(output),
        Command::Sim(sim) => sim.run(output),
        Command::Twins(twins) => twins.run(output),
        Command::Mutate(mutate) => mutate.run(output),
        Command::Bench(bench) => bench.run(output),
        Command::Growth(growth) => growth.run(output),
        #[cfg(feature = "demo")]
        Command::Attack(attack) => attack.run(output),
        Command::Config(config) => config.run(output),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code())
        }
    }
}
