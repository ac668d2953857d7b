//! Lets liars loose, and calls them back.

use super::cap::{Cap, Means};
use super::crowd::Deeds;
use super::rows::Attacker;
use crate::error::BenchError;
use crate::replicas::Replicas;
use crate::runs::healthy_leader;
use outvote_client::Client;
use outvote_types::ReplicaId;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a crowd may take to say what it did.
const CROWD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a slow disk takes for each sync, microseconds.
const SLOW_SYNC_US: u32 = 20_000;
/// How long a replica is asked again to take a behaviour.
const BEHAVE_PATIENCE: Duration = Duration::from_secs(10);

/// A crowd's process.
struct Crowd {
    name: &'static str,
    child: Child,
    words: ChildStdin,
    deeds: Lines<BufReader<ChildStdout>>,
    _cap: Option<Cap>,
}

impl Crowd {
    fn start(program: &Path, committee: &Path, name: &'static str) -> Result<Self, BenchError> {
        let failed = |source| BenchError::File { path: program.into(), source };
        let mut child = Command::new(program)
            .args(["attack", "--crowd", name, "--committee"])
            .arg(committee)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let (Some(words), Some(out)) = pipes else {
            return Err(failed(std::io::Error::other("the process has no pipes")));
        };
        Ok(Self { name, child, words, deeds: BufReader::new(out).lines(), _cap: None })
    }

    async fn tell(&mut self, word: &str) -> Result<(), BenchError> {
        let told = self.words.write_all(format!("{word}\n").as_bytes()).await;
        told.map_err(|error| {
            BenchError::Cluster(format!("is not attacked: the crowd {} ended: {error}", self.name))
        })
    }

    async fn rest(&mut self) -> Result<Deeds, BenchError> {
        self.tell("rest").await?;
        let said = tokio::time::timeout(CROWD_PATIENCE, self.deeds.next_line()).await;
        let line = said.ok().and_then(Result::ok).flatten().unwrap_or_default();
        serde_json::from_str(&line).map_err(|_| {
            BenchError::Cluster(format!("is not attacked: the crowd {} says nothing", self.name))
        })
    }
}

/// All liars of one row.
pub(crate) struct Force {
    attacker: Attacker,
    n: usize,
    means: Means,
    share: f64,
    crowds: Vec<Crowd>,
    liars: Vec<(usize, Cap)>,
    slow_disk: Option<(usize, Child)>,
    deeds: Vec<(&'static str, Deeds)>,
    remarks: Vec<String>,
}

impl Force {
    /// Starts the crowds' processes; they rest.
    pub(crate) fn start(
        attacker: Attacker,
        (program, committee): (&Path, &Path),
        n: usize,
        means: &Means,
        share: f64,
    ) -> Result<Self, BenchError> {
        let names: &[&'static str] = match &attacker {
            Attacker::Crowd(name) | Attacker::Inside(name) | Attacker::ColdStart(name) => &[name],
            Attacker::Everything => &["bad-signatures"],
            _ => &[],
        };
        let mut crowds = Vec::new();
        for name in names {
            let mut crowd = Crowd::start(program, committee, name)?;
            let is_capped = !matches!(attacker, Attacker::Inside(_));
            crowd._cap = crowd.child.id().filter(|_| is_capped).map(|pid| Cap::put(means, pid, share));
            crowds.push(crowd);
        }
        Ok(Self {
            attacker,
            n,
            means: means.clone(),
            share,
            crowds,
            liars: Vec::new(),
            slow_disk: None,
            deeds: Vec::new(),
            remarks: Vec::new(),
        })
    }

    /// The replicas that lie now.
    pub(crate) fn liars(&self) -> Vec<usize> {
        self.liars.iter().map(|(id, _)| *id).collect()
    }

    /// What crowds did so far.
    pub(crate) fn deeds(&self) -> &[(&'static str, Deeds)] {
        &self.deeds
    }

    /// What could not be done here.
    pub(crate) fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The replicas that are to lie, and how: `leader` leads.
    fn chosen(&self, leader: usize) -> (Vec<usize>, &'static str) {
        let f = (self.n - 1) / 3;
        // Those that would lead last, so that what they do is not hidden behind their own turn.
        let last: Vec<usize> = (1..=f).map(|back| (leader + self.n - back) % self.n).collect();
        match self.attacker {
            Attacker::Leader(behaviour) => (vec![leader], behaviour),
            Attacker::Followers(behaviour) => (last, behaviour),
            Attacker::Everything => (last, "flood"),
            Attacker::Crowd(_) | Attacker::Inside(_) | Attacker::ColdStart(_) | Attacker::Overload => {
                (Vec::new(), "honest")
            }
        }
    }

    /// The attack begins; the moment when it does.
    pub(crate) async fn begin(
        &mut self,
        watcher: &Client,
        replicas: &mut Replicas,
    ) -> Result<Instant, BenchError> {
        let leader = healthy_leader(watcher, self.n).await?;
        let (liars, behaviour) = self.chosen(leader);
        if self.attacker == Attacker::Everything {
            self.slow_down((leader + 1) % self.n, replicas).await;
        }
        let begun = Instant::now();
        for id in liars {
            if let Some(pid) = replicas.pid(id) {
                self.liars.push((id, Cap::put(&self.means, pid, self.share)));
            }
            behave(watcher, id, behaviour).await?;
        }
        for crowd in &mut self.crowds {
            crowd.tell("go").await?;
        }
        if matches!(self.attacker, Attacker::ColdStart(_)) {
            replicas.kill(leader)?;
            replicas.start_one(leader)?;
        }
        Ok(begun)
    }

    /// The attack ends; the moment when it does.
    pub(crate) async fn end(&mut self, watcher: &Client) -> Result<Instant, BenchError> {
        for (id, cap) in std::mem::take(&mut self.liars) {
            behave(watcher, id, "honest").await?;
            drop(cap);
        }
        for crowd in &mut self.crowds {
            let deeds = crowd.rest().await?;
            self.deeds.push((crowd.name, deeds));
        }
        if let Some((_, mut tracer)) = self.slow_disk.take() {
            stop_tracer(&mut tracer).await;
        }
        Ok(Instant::now())
    }

    /// Makes the disk of one replica slow, by a tracer that delays its syncs.
    async fn slow_down(&mut self, id: usize, replicas: &Replicas) {
        let Some(pid) = replicas.pid(id) else { return };
        let delay = format!("inject=fsync,fdatasync:delay_exit={SLOW_SYNC_US}");
        let tracer = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &delay])
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let remark = match tracer {
            Ok(mut tracer) => {
                // One that may not trace ends at once.
                tokio::time::sleep(Duration::from_millis(300)).await;
                let runs = matches!(tracer.try_wait(), Ok(None));
                if runs {
                    self.slow_disk = Some((id, tracer));
                }
                if runs { None } else { Some("no slow disk: strace may not trace here") }
            }
            Err(_) => Some("no slow disk: it needs strace"),
        };
        let said = self.remarks.iter().any(|old| remark == Some(old));
        self.remarks.extend(remark.filter(|_| !said).map(str::to_owned));
    }
}

/// Asks the tracer to leave its process alone, which a killed one does too.
async fn stop_tracer(tracer: &mut Child) {
    let pid = tracer.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // One that is gone needs no asking.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
    if tokio::time::timeout(Duration::from_secs(3), tracer.wait()).await.is_err() {
        let _ = tracer.kill().await;
    }
}

/// Tells a replica how to behave; under attack the word may take a second try.
async fn behave(watcher: &Client, id: usize, behaviour: &str) -> Result<(), BenchError> {
    let replica = ReplicaId(u16::try_from(id).unwrap_or(u16::MAX));
    let until = Instant::now() + BEHAVE_PATIENCE;
    loop {
        match watcher.behave(replica, behaviour).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
