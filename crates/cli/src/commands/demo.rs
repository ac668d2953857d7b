//! `outvote demo`: a cluster of processes on this machine, kept running until Ctrl-C.

use crate::application::App;
use crate::cluster_folder::ClusterFolder;
use crate::failure::Failure;
use crate::output::{Output, note};
use crate::place::Place;
use clap::{Args, ValueEnum};
use outvote_types::Parameters;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// How long replicas may take to stop cleanly before they are killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// A replica that died sooner than this after its start is restarted with a growing pause.
const CRASH_LOOP: Duration = Duration::from_secs(5);
/// The longest pause between restarts.
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);
/// What the allocator is told in each replica: give memory back at once. Four replicas share this machine, and a burst should
/// not stay resident (after the import of 44,616 messages: 53 to 59 MiB an honest replica, 75 to 83 without).
const SMALL_HEAP: [(&str, &str); 1] = [("MIMALLOC_PURGE_DELAY", "0")];
/// How often dead replicas are looked for.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// Runs a cluster on this machine, each replica a process with its own keys and database, and the page on port 4000.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote demo --home ./try --port 5000\nThe first run makes keys and folders; later runs resume the data."
)]
pub(crate) struct Demo {
    #[command(flatten)]
    place: Place,
    /// How many replicas.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// The first replica's page; the others follow.
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// The application; what ran here before unless told otherwise, and the chat in a new home.
    #[arg(long, value_enum)]
    app: Option<App>,
    /// The kind of trust among the replicas.
    #[arg(long, value_enum, default_value_t = Mode::Byzantine)]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Byzantine,
    Federated,
}

impl Default for Demo {
    fn default() -> Self {
        Self { place: Place::default(), replicas: 4, port: 4000, app: None, mode: Mode::Byzantine }
    }
}

struct Supervised {
    home: PathBuf,
    child: Option<Child>,
    started: Instant,
    pause: Duration,
}

impl Demo {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        if self.mode == Mode::Federated {
            return Err(outvote::NodeError::Federated.into());
        }
        let folder = ClusterFolder::new(self.place.path());
        if folder.committee_path().is_file() {
            self.resume(&folder)?;
        } else {
            folder.create(self.replicas, self.port, true, Parameters::default())?;
        }
        for home in folder.homes() {
            App::of_home(&home, self.app)?;
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        runtime.block_on(self.supervise(&folder, output))
    }

    fn resume(&self, folder: &ClusterFolder) -> Result<(), Failure> {
        let homes = folder.homes().len();
        if homes != self.replicas && self.replicas != 4 {
            let home = self.place.path().display();
            return Err(Failure::usage(format!(
                "{home} holds a cluster of {homes} replicas: leave --replicas out, or choose another --home"
            )));
        }
        folder.move_to(self.port)
    }

    async fn supervise(&self, folder: &ClusterFolder, output: Output) -> Result<(), Failure> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let mut replicas = Vec::new();
        for home in folder.homes() {
            let child = Some(spawn(&home)?);
            replicas.push(Supervised { home, child, started: Instant::now(), pause: Duration::ZERO });
        }
        self.greet(&replicas, output)?;
        let mut watch = tokio::time::interval(WATCH_EVERY);
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = watch.tick() => for replica in &mut replicas {
                    replica.revive()?;
                },
            }
        }
        note("stopping all replicas");
        stop(&mut replicas).await;
        Ok(())
    }

    fn greet(&self, replicas: &[Supervised], output: Output) -> Result<(), Failure> {
        let (home, port, count) = (self.place.path().display(), self.port, replicas.len());
        let file = self.place.committee()?;
        let pages = file.http.iter().map(|http| format!("http://{http}"));
        let entries: Vec<Value> = replicas
            .iter()
            .zip(pages)
            .enumerate()
            .map(|(id, (replica, page))| {
                let pid = replica.child.as_ref().and_then(Child::id);
                json!({"id": id, "pid": pid, "home": replica.home, "http": page})
            })
            .collect();
        let cluster = file.committee.cluster_id().to_hex();
        let greeting = json!({
            "home": self.place.path(), "cluster": cluster, "page": format!("http://127.0.0.1:{port}"),
            "replicas": entries,
        });
        output.print(&greeting, |_| {
            format!(
                "{count} replicas run on this machine. The chat: http://127.0.0.1:{port} (and {} on the next ports)\n\
                 in another terminal, with --home {home}:\n\
                 \x20 outvote status                     who leads, who lags, who lied\n\
                 \x20 outvote traitor 2 equivocate       make replica 2 lie, and watch it be outvoted\n\
                 \x20 outvote chat tail lobby            the chat from a terminal\n\
                 Ctrl-C stops everything; the data stays in {home}.",
                count.saturating_sub(1)
            )
        })
    }
}

impl Supervised {
    /// Starts the replica again if it died.
    fn revive(&mut self) -> Result<(), Failure> {
        if let Some(child) = &mut self.child {
            let Some(status) = child.try_wait().map_err(Failure::failed)? else { return Ok(()) };
            self.child = None;
            let is_loop = self.started.elapsed() < CRASH_LOOP;
            self.pause = if is_loop {
                (self.pause * 2 + Duration::from_millis(500)).min(RESTART_PAUSE_MAX)
            } else {
                Duration::ZERO
            };
            note(&format!("{} ended ({status}); see its log.txt; it is started again", self.home.display()));
            self.started = Instant::now();
        }
        if self.started.elapsed() >= self.pause {
            self.child = Some(spawn(&self.home)?);
            self.started = Instant::now();
        }
        Ok(())
    }
}

/// Starts `outvote start` for a home. Its standard input is a pipe of ours: it ends when this process does.
fn spawn(home: &Path) -> Result<Child, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let log = open_log(&home.join("log.txt"))?;
    let errors = log.try_clone().map_err(Failure::failed)?;
    Command::new(program)
        .arg("start")
        .arg("--with-parent")
        .arg("--home")
        .arg(home)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .envs(SMALL_HEAP)
        .kill_on_drop(true)
        // Ctrl-C in the terminal reaches the demo alone, which then stops the replicas in order.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::failed(format!("cannot start a replica: {error}")))
}

fn open_log(path: &Path) -> Result<File, Failure> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

async fn stop(replicas: &mut [Supervised]) {
    for replica in replicas.iter() {
        let pid = replica
            .child
            .as_ref()
            .and_then(Child::id)
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // A replica that is gone already needs no telling.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    for child in replicas.iter_mut().filter_map(|replica| replica.child.as_mut()) {
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}
