//! Looks at the replicas during an attack: memory, views, evidence.

use crate::replicas::Replicas;
use crate::usage::Usage;
use outvote_client::Client;
use outvote_types::ReplicaId;
use serde_json::Value;
use std::collections::BTreeSet;

/// What was seen of the replicas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// The most resident memory of each honest replica while an attack went on, MiB.
    pub(crate) rss_mib: Vec<Option<f64>>,
}

impl Watch {
    /// Looks at each replica's memory; those that lie may use what they want.
    pub(crate) fn look(&mut self, replicas: &Replicas, n: usize, liars: &[usize]) {
        self.rss_mib.resize(n, None);
        for (id, most) in self.rss_mib.iter_mut().enumerate().filter(|(id, _)| !liars.contains(id)) {
            let now = replicas.pid(id).map(|pid| Usage::of([pid]).rss_mib);
            *most = [*most, now].into_iter().flatten().max_by(f64::total_cmp);
        }
    }

    /// The most of all honest replicas.
    pub(crate) fn most_mib(&self) -> f64 {
        self.rss_mib.iter().flatten().copied().fold(0.0, f64::max)
    }
}

async fn told(watcher: &Client, replica: usize, what: &str) -> Option<Value> {
    let id = ReplicaId(u16::try_from(replica).ok()?);
    serde_json::from_str(&watcher.inspect(id, what).await.ok()?).ok()
}

/// The highest view that an honest replica is in. A liar could name any.
pub(crate) async fn view(watcher: &Client, n: usize, liars: &[usize]) -> u64 {
    let mut highest = 0;
    for replica in (0..n).filter(|id| !liars.contains(id)) {
        let report = told(watcher, replica, "status").await.unwrap_or_default();
        highest = highest.max(report["replicas"][replica]["view"].as_u64().unwrap_or_default());
    }
    highest
}

/// Whom honest replicas can prove guilty, all together.
pub(crate) async fn accused(watcher: &Client, n: usize, liars: &[usize]) -> BTreeSet<u64> {
    let mut accused = BTreeSet::new();
    for replica in (0..n).filter(|id| !liars.contains(id)) {
        let report = told(watcher, replica, "evidence").await.unwrap_or_default();
        let entries = report["evidence"].as_array().cloned().unwrap_or_default();
        accused.extend(entries.iter().filter_map(|entry| entry["accused"].as_u64()));
    }
    accused
}
