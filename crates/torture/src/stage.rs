//! What a nemesis has in its hands, and what it is.

use crate::cluster::{Cluster, WHOLE_PATIENCE};
use crate::host::Need;
use crate::record::Record;
use crate::trouble::Trouble;
use outvote_chaos::Random;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The cluster under load, and a source of decisions.
#[derive(Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// What clients hear.
    pub record: Arc<Record>,
    /// Decides.
    pub random: Random,
}

/// What a nemesis has to say of a good end: figures, for people.
pub type Played<'a> = Pin<Box<dyn Future<Output = Result<String, Trouble>> + Send + 'a>>;

/// Something bad that happens to a cluster under load.
#[derive(Clone, Copy, Debug)]
pub struct Nemesis {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// The rows of the catalogue of faults that it plays.
    pub rows: &'static [&'static str],
    /// What happens, in a few words.
    pub about: &'static str,
    /// What it takes.
    pub needs: &'static [Need],
    /// What the cluster is like.
    pub setting: Setting,
    /// How long nothing may be served, with a view timeout of half a second on a busy machine; `None` where a halt is expected.
    pub gap_most: Option<Duration>,
    /// Does it, and undoes it.
    pub play: for<'a> fn(&'a mut Stage) -> Played<'a>,
}

/// The cluster that a nemesis meets.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `kv` or `chat`.
    pub app: &'static str,
    /// Whether all links go through proxies.
    pub is_meshed: bool,
    /// Operations a second.
    pub rate: f64,
    /// More arguments for `outvote testnet`.
    pub more: &'static [&'static str],
    /// Changes of every `config.toml`.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Setting {
    /// The key-value application on direct links.
    pub const DIRECT: Self = Self { app: "kv", is_meshed: false, rate: 120.0, more: &[], settings: &[] };
    /// The key-value application behind proxies.
    pub const MESHED: Self = Self { is_meshed: true, ..Self::DIRECT };
}

impl Stage {
    /// Waits.
    pub async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// One of the replicas, but for these.
    pub fn someone_but(&mut self, others: &[usize]) -> usize {
        let all: Vec<usize> = (0..self.cluster.n()).filter(|id| !others.contains(id)).collect();
        all[self.random.below(all.len() as u64) as usize % all.len().max(1)]
    }

    /// So many different replicas.
    pub fn some(&mut self, count: usize) -> Vec<usize> {
        let mut chosen = Vec::new();
        while chosen.len() < count.min(self.cluster.n()) {
            let next = self.someone_but(&chosen);
            chosen.push(next);
        }
        chosen
    }

    /// Waits until an operation that is asked for from now on has ended; how long that took.
    ///
    /// # Errors
    /// When none ends in time.
    pub async fn serves(&self, patience: Duration) -> Result<Duration, Trouble> {
        let (from, begun) = (self.record.now(), Instant::now());
        while !self.record.serves_since(from) {
            if begun.elapsed() > patience {
                return Err(Trouble::failed(format!("no operation ends within {patience:?}")));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(begun.elapsed())
    }

    /// Waits until every replica has executed what any has by now; how long that took.
    ///
    /// # Errors
    /// When one does not in time.
    pub async fn level(&mut self) -> Result<Duration, Trouble> {
        let height = self.cluster.height().await;
        self.cluster.caught_up(height, WHOLE_PATIENCE).await
    }

    /// The highest view that a replica is in.
    pub async fn view(&self) -> u64 {
        self.cluster.standings().await.into_iter().flatten().map(|own| own.view).max().unwrap_or_default()
    }

    /// The clean end of an experiment in which a replica's process is to end by itself.
    ///
    /// # Errors
    /// When it runs on, or ends without saying one of these words in its last line.
    pub async fn ends_saying(
        &mut self,
        id: usize,
        words: &[&str],
        patience: Duration,
    ) -> Result<String, Trouble> {
        let Some(process) = self.cluster.process(id) else {
            return Err(Trouble::failed("it was not started"));
        };
        let begun = Instant::now();
        let Some(status) = process.end(patience).await else {
            return Err(Trouble::failed(format!("replica {id} runs on for {patience:?}")));
        };
        let last = self.cluster.last_words(id);
        if status.success() || !words.iter().any(|word| last.contains(word)) {
            return Err(Trouble::failed(format!("replica {id} ended ({status}) and said: {last}")));
        }
        Ok(format!("ended after {:.2} s: {last}", begun.elapsed().as_secs_f64()))
    }
}
