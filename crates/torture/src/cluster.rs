//! A cluster of real processes in a folder of its own.

use crate::mesh::Mesh;
use crate::process::{Process, Wrap, log_of};
use crate::trouble::Trouble;
use outvote_client::{Client, CommitteeFile, Tunables};
use outvote_types::ReplicaId;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a cluster may take to be whole, on a busy machine.
pub(crate) const WHOLE_PATIENCE: Duration = Duration::from_secs(60);
/// How long one replica's report is waited for.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);
/// The replicas' ports lie this far above those of their pages.
const LINK_PORT_OFFSET: u16 = 100;
/// Where ports are looked for, and how often.
const FIRST_PORT: u16 = 12_000;
const PORTS_TRIED: u32 = 90;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `outvote` program.
    pub program: PathBuf,
    /// The folder to make.
    pub folder: PathBuf,
    /// Replicas.
    pub n: usize,
    /// `kv` or `chat`.
    pub app: &'static str,
    /// Whether links go through proxies.
    pub is_meshed: bool,
    /// More arguments for `outvote testnet`.
    pub more: Vec<String>,
    /// Changes of every `config.toml`: key and value.
    pub settings: Vec<(&'static str, String)>,
    /// Feeds the proxies.
    pub seed: u64,
}

/// What one replica says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The view that it is in.
    pub view: u64,
    /// Whether it leads that view.
    pub leader: bool,
    /// Executed up to here.
    pub executed: u64,
    /// Whether it may never vote with its key.
    pub observer: bool,
    /// Whether its disk hangs.
    pub disk_stuck: bool,
    /// How often it met a second process with another replica's keys.
    pub twins_met: u64,
    /// The digest of its state, and where it was taken.
    pub digest: (String, u64),
}

/// The processes, their folder and their links.
#[derive(Debug)]
pub struct Cluster {
    plan: Plan,
    /// With the replicas' own addresses.
    pub file: CommitteeFile,
    /// The links, if they go through proxies.
    pub mesh: Option<Mesh>,
    processes: Vec<Option<Process>>,
    wraps: Vec<Wrap>,
    /// Looks at the replicas, never through a proxy.
    watcher: Option<Client>,
}

impl Cluster {
    /// Makes the homes, and starts the links and every replica.
    ///
    /// # Errors
    /// When something cannot be made or started, or the cluster is not whole in time.
    pub async fn start(plan: Plan) -> Result<Self, Trouble> {
        make_homes(&plan)?;
        let path = plan.folder.join("committee.toml");
        let file = CommitteeFile::parse(&fs::read_to_string(path)?)
            .map_err(|error| Trouble::failed(error.to_string()))?;
        let mesh = if plan.is_meshed { Some(Mesh::start(&file, plan.seed).await?) } else { None };
        let mut cluster = Self {
            processes: (0..plan.n).map(|_| None).collect(),
            wraps: vec![Wrap::default(); plan.n],
            watcher: None,
            file,
            mesh,
            plan,
        };
        for id in 0..cluster.n() {
            cluster.install(id)?;
            cluster.start_one(id)?;
        }
        cluster.look_again().await?;
        cluster.whole(WHOLE_PATIENCE).await?;
        Ok(cluster)
    }

    /// Replicas.
    #[must_use]
    pub const fn n(&self) -> usize {
        self.plan.n
    }

    /// Liars and crashed ones that are outvoted.
    #[must_use]
    pub const fn f(&self) -> usize {
        (self.plan.n - 1) / 3
    }

    /// A replica's home.
    #[must_use]
    pub fn home(&self, id: usize) -> PathBuf {
        self.plan.folder.join(format!("replica-{id}"))
    }

    /// The `outvote` program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.plan.program
    }

    /// What clients are to know.
    #[must_use]
    pub fn seen_by_clients(&self) -> CommitteeFile {
        self.mesh.as_ref().map_or_else(|| self.file.clone(), |mesh| mesh.seen_by_clients(&self.file))
    }

    /// Writes the committee file as this replica is to see it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn install(&self, id: usize) -> Result<(), Trouble> {
        let seen = self.mesh.as_ref().map_or_else(|| self.file.clone(), |mesh| mesh.seen_by(id, &self.file));
        Ok(fs::write(self.home(id).join("config/committee.toml"), seen.to_toml())?)
    }

    /// How a replica is started from now on.
    pub fn wrap(&mut self, id: usize, wrap: Wrap) {
        self.wraps[id] = wrap;
    }

    /// Starts a replica.
    ///
    /// # Errors
    /// When its process cannot be started.
    pub fn start_one(&mut self, id: usize) -> Result<(), Trouble> {
        let home = self.home(id);
        let process = Process::start(&self.plan.program, self.plan.app, &home, &self.wraps[id])?;
        self.processes[id] = Some(process);
        Ok(())
    }

    /// Its process, if it was started and not stopped by us.
    pub fn process(&mut self, id: usize) -> Option<&mut Process> {
        self.processes[id].as_mut()
    }

    /// All processes that were started and not stopped by us.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().flatten()
    }

    /// Kills a replica.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self, id: usize) -> Result<(), Trouble> {
        Ok(self.processes[id].take().map_or(Ok(()), Process::kill)?)
    }

    /// Sends a replica a signal.
    pub fn signal(&self, id: usize, signal: Signal) {
        if let Some(process) = &self.processes[id] {
            process.signal(signal);
        }
    }

    /// Stops a replica cleanly; how long that took.
    ///
    /// # Errors
    /// When it does not end in time or not in peace.
    pub async fn stop(&mut self, id: usize, patience: Duration) -> Result<Duration, Trouble> {
        let Some(mut process) = self.processes[id].take() else { return Ok(Duration::ZERO) };
        let begun = Instant::now();
        process.signal(Signal::TERM);
        match process.end(patience).await {
            Some(status) if status.success() => Ok(begun.elapsed()),
            Some(status) => {
                Err(Trouble::failed(format!("replica {id} was told to stop and ended with {status}")))
            }
            None => Err(Trouble::failed(format!("replica {id} did not stop within {patience:?}"))),
        }
    }

    /// Looks at the replicas at the addresses that the file has now.
    ///
    /// # Errors
    /// When none can be reached.
    pub async fn look_again(&mut self) -> Result<(), Trouble> {
        let tunables = Tunables { seed: self.plan.seed, ..Tunables::default() };
        let watcher = Client::builder(self.file.clone()).tunables(tunables).patience(WHOLE_PATIENCE);
        self.watcher = Some(watcher.connect().await?);
        Ok(())
    }

    /// What a replica says of itself; `None` when it does not answer.
    pub async fn standing(&self, id: usize) -> Option<Standing> {
        let asked = self.watcher.as_ref()?.inspect(ReplicaId(u16::try_from(id).ok()?), "status");
        let told = tokio::time::timeout(REPORT_PATIENCE, asked).await.ok()?.ok()?;
        let report: Value = serde_json::from_str(&told).ok()?;
        let own = &report["replicas"][id];
        Some(Standing {
            view: own["view"].as_u64()?,
            leader: own["leader"] == true,
            executed: own["executed"].as_u64()?,
            observer: own["observer"] == true,
            disk_stuck: own["disk_stuck"] == true,
            twins_met: all(&report).filter_map(|other| other["twins_met"].as_u64()).sum(),
            digest: (own["state_digest"].as_str()?.to_owned(), own["state_digest_at"].as_u64()?),
        })
    }

    /// What all replicas say.
    pub async fn standings(&self) -> Vec<Option<Standing>> {
        let mut all = Vec::new();
        for id in 0..self.n() {
            all.push(self.standing(id).await);
        }
        all
    }

    /// Who leads the highest view that a replica leads.
    ///
    /// # Errors
    /// When nobody does for a long time.
    pub async fn leader(&self) -> Result<usize, Trouble> {
        let until = Instant::now() + WHOLE_PATIENCE;
        loop {
            let standings = self.standings().await;
            let leading =
                standings.iter().enumerate().filter_map(|(id, own)| own.as_ref().map(|own| (id, own)));
            let leader = leading.filter(|(_, own)| own.leader).max_by_key(|(_, own)| own.view);
            match leader {
                Some((id, _)) => return Ok(id),
                None if Instant::now() > until => return Err(Trouble::failed("nobody leads")),
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// The highest sequence that a replica has executed.
    pub async fn height(&self) -> u64 {
        self.standings().await.into_iter().flatten().map(|own| own.executed).max().unwrap_or_default()
    }

    /// Waits until every replica has executed this much; how long that took.
    ///
    /// # Errors
    /// When one has not in time, or has ended.
    pub async fn caught_up(&mut self, height: u64, patience: Duration) -> Result<Duration, Trouble> {
        let begun = Instant::now();
        loop {
            let standings = self.standings().await;
            if standings.iter().all(|own| own.as_ref().is_some_and(|own| own.executed >= height)) {
                return Ok(begun.elapsed());
            }
            if let Some(id) =
                (0..self.n()).find(|id| self.process(*id).is_none_or(|own| own.ended().is_some()))
            {
                return Err(Trouble::failed(format!(
                    "replica {id} ended by itself: {}",
                    self.last_words(id)
                )));
            }
            if begun.elapsed() > patience {
                let where_ = standings.iter().map(|own| own.as_ref().map(|own| (own.executed, own.view)));
                let where_: Vec<_> = where_.collect();
                return Err(Trouble::failed(format!(
                    "not all have caught up to {height} in {patience:?}: (executed, view) {where_:?}"
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until all answer, are in one view, have executed the same and say the same of their state.
    ///
    /// # Errors
    /// When they do not in time, or two digests of the same place differ.
    pub async fn whole(&mut self, patience: Duration) -> Result<Vec<Standing>, Trouble> {
        let until = Instant::now() + patience;
        loop {
            let all = self.standings().await;
            let answered: Vec<Standing> = all.iter().flatten().cloned().collect();
            for (one, other) in answered.iter().zip(answered.iter().skip(1)) {
                if one.digest.1 == other.digest.1 && one.digest.0 != other.digest.0 {
                    return Err(Trouble::failed(format!("two states differ: {answered:?}")));
                }
            }
            let first = answered.first().cloned().unwrap_or_default();
            let is_same = |own: &Standing| own.executed == first.executed && own.digest == first.digest;
            if answered.len() == self.n() && answered.iter().all(is_same) {
                return Ok(answered);
            }
            if let Some(id) =
                (0..self.n()).find(|id| self.process(*id).is_none_or(|own| own.ended().is_some()))
            {
                return Err(Trouble::failed(format!("replica {id} does not run: {}", self.last_words(id))));
            }
            if Instant::now() > until {
                return Err(Trouble::failed(format!(
                    "the cluster is not whole within {patience:?}: {all:?}"
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The last line of a replica's log.
    #[must_use]
    pub fn last_words(&self, id: usize) -> String {
        let said = fs::read(log_of(&self.home(id))).unwrap_or_default();
        String::from_utf8_lossy(&said).lines().last().unwrap_or_default().to_owned()
    }

    /// Changes one setting of a replica's `config.toml`.
    ///
    /// # Errors
    /// When the file cannot be changed, or has no such key.
    pub fn set(&self, id: usize, key: &str, value: &str) -> Result<(), Trouble> {
        set(&self.home(id), key, value)
    }
}

fn all(report: &Value) -> impl Iterator<Item = &Value> {
    report["replicas"].as_array().into_iter().flatten()
}

fn make_homes(plan: &Plan) -> Result<(), Trouble> {
    let made = Command::new(&plan.program)
        .args(["testnet", "-n", &plan.n.to_string(), "--app", plan.app, "--starting-port"])
        .arg(free_ports(plan.n)?.to_string())
        .args(&plan.more)
        .arg("-o")
        .arg(&plan.folder)
        .output()?;
    if !made.status.success() {
        return Err(Trouble::failed(String::from_utf8_lossy(&made.stderr).into_owned()));
    }
    for id in 0..plan.n {
        for (key, value) in &plan.settings {
            set(&plan.folder.join(format!("replica-{id}")), key, value)?;
        }
    }
    Ok(())
}

fn set(home: &Path, key: &str, value: &str) -> Result<(), Trouble> {
    let path = home.join("config/config.toml");
    let text = fs::read_to_string(&path)?;
    let is_key = |line: &&str| line.split('=').next().map(str::trim) == Some(key);
    let line = text.lines().find(is_key).ok_or_else(|| Trouble::failed(format!("no key {key}")))?;
    Ok(fs::write(path, text.replace(line, &format!("{key} = {value}")))?)
}

/// A port such that those of all pages and replicas are free.
fn free_ports(n: usize) -> Result<u16, Trouble> {
    let count = u16::try_from(n).unwrap_or(LINK_PORT_OFFSET);
    for attempt in 0..PORTS_TRIED {
        // Below those that the system hands out: nobody else takes the port of a replica that is away.
        let first = FIRST_PORT + ((std::process::id() + attempt) % PORTS_TRIED) as u16 * 2 * LINK_PORT_OFFSET;
        let mut ports = (0..count).flat_map(|id| [first + id, first + LINK_PORT_OFFSET + id]);
        if ports.all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return Ok(first);
        }
    }
    Err(Trouble::failed("no free ports"))
}
