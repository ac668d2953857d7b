//! The program behind `cargo xtask bench peers`.

use clap::{Parser, ValueEnum};
use outvote_bench::page::host;
use outvote_peers::{Ground, PeerError, Plan, Tools, document, end_with_signals, report::PeersReport, run};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use time::OffsetDateTime;

/// Measures what a user would pick instead, beside Outvote and in one run.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only what is called so, such as etcd-3 or cometbft; may be given again.
    #[arg(long)]
    only: Vec<String>,
    /// One short round: rough figures, and the page stays as it is.
    #[arg(long)]
    quick: bool,
    /// How often all take their turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// What is printed in the end.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// The `outvote` program.
    #[arg(long)]
    program: PathBuf,
    /// Where others' programs and the clusters' folders are kept.
    #[arg(long)]
    tools: PathBuf,
    /// The sources of the load program and of the members that are built here.
    #[arg(long)]
    sources: PathBuf,
    /// The folder of the page that a whole run writes its section into.
    #[arg(long)]
    docs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    // Programs are started in folders of their own, from where a relative path leads nowhere.
    for path in [&mut arguments.program, &mut arguments.tools, &mut arguments.sources] {
        *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<(), PeerError> {
    let mut plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    plan.only.clone_from(&arguments.only);
    plan.rounds = arguments.rounds.unwrap_or(plan.rounds).max(1);
    let folder = arguments.tools.join(format!("run-{}", std::process::id()));
    let failed = |source| PeerError::File { path: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    end_with_signals(folder.clone());
    let ground = Ground {
        outvote: arguments.program.clone(),
        tools: Tools { folder: arguments.tools.clone(), sources: arguments.sources.clone() },
        folder: folder.clone(),
    };
    let found = run(&ground, &plan, &say)?;
    let is_whole = found.1.is_empty();
    let date = OffsetDateTime::now_utc().date().to_string();
    let report = PeersReport::new(&plan, found, host(), command(arguments), date);
    let words = match arguments.output {
        Output::Text => report.in_words(),
        Output::Json => serde_json::json!(report).to_string(),
    };
    // Nobody may listen any more; the page is written all the same.
    let _ = writeln!(std::io::stdout(), "{words}");
    if let Some(docs) = arguments.docs.as_deref().filter(|_| is_for_the_page(arguments)) {
        document::write(&report, docs)?;
        say(&format!("wrote {}", docs.join("performance.md").display()));
    }
    if is_whole {
        // What cannot be removed lies in the target folder.
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        say(&format!("what failed is kept in {}", folder.display()));
    }
    Ok(())
}

/// A part of the table, or a hasty one, does not replace what stands there.
fn is_for_the_page(arguments: &Arguments) -> bool {
    arguments.only.is_empty() && !arguments.quick
}

fn command(arguments: &Arguments) -> String {
    let mut words = "cargo xtask bench peers".to_owned();
    for name in &arguments.only {
        words += &format!(" --only {name}");
    }
    if arguments.quick {
        words += " --quick";
    }
    if let Some(rounds) = arguments.rounds {
        words += &format!(" --rounds {rounds}");
    }
    words
}

fn say(line: &str) {
    // Nobody may listen any more.
    let _ = writeln!(std::io::stderr(), "{line}");
}
