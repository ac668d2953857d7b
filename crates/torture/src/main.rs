//! The program behind `cargo xtask torture`.

use clap::Parser;
use outvote_torture::{Nemesis, Outcome, Trouble, Verdict, all_nemeses, is_apart, play, write_results};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// Tortures clusters of real processes, and checks what their clients saw.
#[derive(Debug, Parser)]
struct Arguments {
    /// Plays again and again, with another seed each time, for so long; once through all unless told otherwise.
    #[arg(long)]
    minutes: Option<u64>,
    /// Replicas of each cluster.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// Only what plays this row of the catalogue, or is called so.
    #[arg(long)]
    only: Vec<String>,
    /// Feeds every decision; what the host's scheduler decides it does not.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The `outvote` program.
    #[arg(long)]
    program: PathBuf,
    /// Where the results are written, as JSON.
    #[arg(long)]
    results: Option<PathBuf>,
    /// What the results say of their origin.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// Lists what there is, and does nothing.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.list {
        go_apart();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Trouble::from).and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            say(&trouble.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Goes on in network and mount namespaces of its own, where that is allowed: nothing of the host can be harmed then, and no
/// port is taken. Where it is not, this returns, and what needs them is skipped.
fn go_apart() {
    if is_apart() {
        return;
    }
    let probe = Command::new("unshare").args(["--net", "--mount", "true"]).output();
    let Ok(own) = std::env::current_exe() else { return };
    if probe.is_ok_and(|done| done.status.success()) {
        // An error comes back; then it goes on here.
        let _ = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
            .arg(own)
            .args(std::env::args_os().skip(1))
            .env(outvote_torture::NAMESPACE_VARIABLE, "1")
            .exec();
    }
}

async fn run(arguments: &Arguments) -> Result<bool, Trouble> {
    let chosen = chosen(&arguments.only)?;
    if arguments.list {
        for nemesis in chosen {
            say(&format!("{:<12} {:<28} {}", nemesis.rows.join(" "), nemesis.name, nemesis.about));
        }
        return Ok(true);
    }
    let until = Instant::now() + Duration::from_secs(60 * arguments.minutes.unwrap_or_default());
    let mut outcomes: Vec<Outcome> = Vec::new();
    for seed in arguments.seed.. {
        for nemesis in &chosen {
            if seed > arguments.seed && Instant::now() > until {
                break;
            }
            let name = format!("outvote-torture-{}-{}-{seed}", std::process::id(), nemesis.name);
            let folder = std::env::temp_dir().join(name);
            let outcome = play(nemesis, arguments.replicas, seed, &arguments.program, folder).await;
            say(&outcome.in_words());
            outcomes.push(outcome);
            keep(arguments, &outcomes)?;
        }
        if Instant::now() > until {
            break;
        }
    }
    let count = |word: fn(&Verdict) -> bool| outcomes.iter().filter(|one| word(&one.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let operations: usize = outcomes.iter().map(|one| one.operations).sum();
    say(&format!(
        "{} passed, {failed} failed, {} skipped; {operations} operations judged",
        count(|verdict| matches!(verdict, Verdict::Passed)),
        count(|verdict| matches!(verdict, Verdict::Skipped(_)))
    ));
    Ok(failed == 0)
}

fn chosen(only: &[String]) -> Result<Vec<Nemesis>, Trouble> {
    let all = all_nemeses();
    let is_called =
        |nemesis: &Nemesis, word: &String| nemesis.name == word || nemesis.rows.contains(&word.as_str());
    if let Some(word) = only.iter().find(|word| !all.iter().any(|nemesis| is_called(nemesis, word))) {
        return Err(Trouble::failed(format!("nothing plays {word:?}; --list shows what there is")));
    }
    let is_chosen = |nemesis: &Nemesis| only.is_empty() || only.iter().any(|word| is_called(nemesis, word));
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn keep(arguments: &Arguments, outcomes: &[Outcome]) -> Result<(), Trouble> {
    let Some(path) = &arguments.results else { return Ok(()) };
    let date = OffsetDateTime::now_utc().date().to_string();
    let command = format!("cargo xtask torture --replicas {} --seed {}", arguments.replicas, arguments.seed);
    write_results(path, outcomes, &date, &arguments.commit, &command)
}

fn say(line: &str) {
    // Nobody may listen any more; the results are in the file.
    let _ = writeln!(std::io::stdout(), "{line}");
}
