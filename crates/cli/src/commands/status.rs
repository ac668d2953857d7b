//! `outvote status`: the cluster as seen from here, each replica asked for itself.

use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use clap::Args;
use outvote::{Client, CommitteeFile, ReplicaId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a replica may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long anybody at all is looked for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a link may take to come up, and how often it is looked at.
const LINK_GRACE: Duration = Duration::from_millis(700);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The cluster as seen from here.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote status --home ./outvote-demo --output json")]
pub(crate) struct Status {
    #[command(flatten)]
    place: Place,
}

impl Status {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let file = self.place.committee()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let report = runtime.block_on(gather(file))?;
        output.print(&report, in_words)
    }
}

/// Asks every replica for its own entry and joins the answers.
pub(crate) async fn gather(file: CommitteeFile) -> Result<Value, Failure> {
    match Client::builder(file.clone()).patience(PATIENCE).connect().await {
        Ok(client) => gather_with(&client).await,
        // Nobody can be reached: that is a status, too.
        Err(_) => join(&file, &[]),
    }
}

/// The same over links that are there already.
pub(crate) async fn gather_with(client: &Client) -> Result<Value, Failure> {
    let file = client.committee().clone();
    let quorum = file.committee.quorum().map_err(Failure::usage)?;
    let asked = quorum.members().map(|id| {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, id).await })
    });
    let mut reports = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        reports.push(answer.await.ok().flatten());
    }
    join(&file, &reports)
}

fn join(file: &CommitteeFile, reports: &[Option<Value>]) -> Result<Value, Failure> {
    let committee = &file.committee;
    let quorum = committee.quorum().map_err(Failure::usage)?;
    let mut replicas: Vec<Value> = quorum.members().map(|id| entry(file, reports, id)).collect();
    dethrone(&mut replicas, quorum.f());
    let mut evidence: Vec<Value> = Vec::new();
    for found in reports.iter().flatten().filter_map(|report| report["evidence"].as_array()).flatten() {
        // Replicas hold the same proof under the same id, or each its own about the same lie: show one per lie.
        let is_known = evidence.iter().any(|known| {
            ["accused", "rule", "view", "sequence"].iter().all(|field| known[*field] == found[*field])
        });
        if !is_known {
            evidence.push(found.clone());
        }
    }
    Ok(json!({
        "cluster": committee.cluster_id().to_hex(), "mode": "byzantine", "demo": committee.demo,
        "n": quorum.n(), "f": quorum.f(), "quorum": quorum.quorum(), "epoch": committee.epoch.0,
        "replicas": replicas, "evidence": evidence,
    }))
}

/// Takes the crown from whoever leads a view that the cluster has left: a replica that just restarted does not know better.
fn dethrone(replicas: &mut [Value], f: usize) {
    let reachable = replicas.iter().filter(|replica| replica["reachable"] == true);
    let mut views: Vec<u64> = reachable.filter_map(|replica| replica["view"].as_u64()).collect();
    views.sort_unstable_by(|a, b| b.cmp(a));
    // f liars may claim any view; the next highest is at most one that an honest replica is in.
    let Some(current) = views.get(f).or(views.last()).copied() else { return };
    for replica in replicas {
        if replica["view"].as_u64().is_some_and(|view| view < current) {
            replica["leader"] = false.into();
        }
    }
}

/// A replica's report. A link that is only just being made gets a moment; then its replica counts as away.
async fn ask(client: &Client, id: ReplicaId) -> Option<Value> {
    let began = Instant::now();
    loop {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.inspect(id, "status")).await.ok()?;
        match answer {
            Ok(answer) => return serde_json::from_str(&answer).ok(),
            Err(_) if began.elapsed() < LINK_GRACE => tokio::time::sleep(LOOK_EVERY).await,
            Err(_) => return None,
        }
    }
}

fn entry(file: &CommitteeFile, reports: &[Option<Value>], id: ReplicaId) -> Value {
    if let Some(Some(report)) = reports.get(id.index()) {
        let mut own = report["replicas"][id.index()].clone();
        let others = report["replicas"].as_array().into_iter().flatten();
        let missed = others.filter(|other| other["reachable"] == false).map(|other| other["id"].clone());
        own["cannot_reach"] = missed.collect();
        own["twin_met_by"] = twin_met_by(reports, id);
        return own;
    }
    json!({
        "id": id.0, "pid": 0, "address": file.address(id).unwrap_or_default(), "reachable": false, "leader": false,
        "view": 0, "committed": 0, "executed": 0, "stable_checkpoint": 0, "state_digest": "", "state_digest_at": 0,
        "sitting_out": false, "behaviour": "", "cannot_reach": [],
        "twin_met_by": twin_met_by(reports, id),
    })
}

/// Who has met a second process with this replica's keys.
fn twin_met_by(reports: &[Option<Value>], id: ReplicaId) -> Value {
    let others = reports.iter().flatten();
    let others = others.filter(|other| other["replicas"][id.index()]["twins_met"].as_u64() > Some(0));
    others.map(|other| other["me"].clone()).collect()
}

fn in_words(report: &Value) -> String {
    let mut text = format!(
        "cluster {}: {} replicas outvote {} liar(s) with {} votes\n\n",
        &report["cluster"].as_str().unwrap_or_default().get(..16).unwrap_or_default(),
        report["n"],
        report["f"],
        report["quorum"]
    );
    text.push_str("id  role      pid       view  committed  executed  behaviour        address\n");
    for replica in report["replicas"].as_array().into_iter().flatten() {
        let role = match (replica["reachable"].as_bool(), replica["leader"].as_bool()) {
            (Some(true), Some(true)) => "leader",
            (Some(true), _) if replica["observer"] == true => "observes",
            (Some(true), _) if replica["disk_stuck"] == true => "disk hung",
            (Some(true), _) if replica["sitting_out"] == true => "waits",
            (Some(true), _) => "follows",
            _ => "away",
        };
        // Whoever did not answer did not say its process either.
        let pid =
            replica["pid"].as_u64().filter(|pid| *pid > 0).map_or("-".to_string(), |pid| pid.to_string());
        text.push_str(&format!(
            "{:<3} {role:<9} {pid:<9} {:<5} {:<10} {:<9} {:<16} {}\n",
            replica["id"].to_string(),
            replica["view"].to_string(),
            replica["committed"].to_string(),
            replica["executed"].to_string(),
            replica["behaviour"].as_str().unwrap_or_default(),
            replica["address"].as_str().unwrap_or_default()
        ));
    }
    for evidence in report["evidence"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "\nreplica {} was caught: {} (view {}, slot {})",
            evidence["accused"],
            evidence["rule"].as_str().unwrap_or_default(),
            evidence["view"],
            evidence["sequence"]
        ));
    }
    text
}
