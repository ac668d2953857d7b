//! Where the processor time of an operation goes: by the threads that do the work, as the kernel counts them.

use crate::usage::{TICKS_PER_SECOND, ticks_of_stat};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

const MICROSECONDS_PER_TICK: f64 = 1e6 / TICKS_PER_SECOND;

/// Threads of a replica by the beginning of their names, and what they do. Whatever is not in here carries links.
const ROLES: [(&str, &str); 9] = [
    ("verify", "check clients' signatures, hash their requests"),
    ("core", "protocol: votes, their signatures, batches"),
    ("execution", "execute, state digest"),
    ("state", "write and sync the state's database"),
    ("log-lines", "print what the log level asks for"),
    ("log", "write and sync the log"),
    ("gateway", "sign and send answers"),
    ("lookups", "look up answers again"),
    ("http", "page and metrics"),
];
/// The others: tokio's workers.
const LINKS: &str = "links: TLS, encoding, sockets";
/// The load generator, which is all clients at once.
const CLIENTS: &str = "clients: sign, check answers, links";
/// What the kernel counted for the processes and no thread that lives shows.
const ENDED: &str = "threads that ended meanwhile";

/// Ticks in user mode and in the kernel.
type Ticks = (u64, u64);

/// Processor time by kind of work, up to a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    by_work: BTreeMap<&'static str, Ticks>,
    whole: Ticks,
}

/// One line of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Which work, in words.
    pub work: &'static str,
    /// Processor microseconds for an operation, of all processes: the program's own instructions.
    pub user_us: f64,
    /// The same in the kernel: sockets, files, switching between threads.
    pub system_us: f64,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn us(&self) -> f64 {
        self.user_us + self.system_us
    }
}

fn role(thread: &str) -> &'static str {
    ROLES.iter().find(|(name, _)| thread.starts_with(name)).map_or(LINKS, |(_, work)| work)
}

/// Name and ticks of a thread or process, from the text of its `stat`.
fn named(stat: &str) -> Option<(&str, Ticks)> {
    let name = stat.get(stat.find('(')? + 1..stat.rfind(')')?)?;
    Some((name, ticks_of_stat(stat)?))
}

impl Breakdown {
    /// Of these replicas and of this process, which is the clients.
    #[must_use]
    pub fn of(replicas: impl IntoIterator<Item = u32>) -> Self {
        let mut all = Self::default();
        for pid in replicas {
            all.whole_of(pid);
            let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            for thread in threads {
                // A thread that ended in between shows in the remainder.
                let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
                if let Some((name, ticks)) = named(&stat) {
                    all.add(role(name), ticks);
                }
            }
        }
        let clients = all.whole_of(std::process::id());
        all.add(CLIENTS, clients);
        all
    }

    fn whole_of(&mut self, pid: u32) -> Ticks {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let (user, system) = ticks_of_stat(&stat).unwrap_or_default();
        self.whole = (self.whole.0 + user, self.whole.1 + system);
        (user, system)
    }

    fn add(&mut self, work: &'static str, (user, system): Ticks) {
        let sum = self.by_work.entry(work).or_default();
        *sum = (sum.0 + user, sum.1 + system);
    }

    /// What an operation cost since an earlier moment, the dearest work first. The lines sum up to all that was used.
    #[must_use]
    pub fn costs_since(&self, earlier: &Self, operations: u64) -> Vec<Cost> {
        let us = |ticks: u64| ticks as f64 * MICROSECONDS_PER_TICK / operations.max(1) as f64;
        let minus = |now: Ticks, then: Ticks| (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1));
        let mut rest = minus(self.whole, earlier.whole);
        let mut costs = Vec::new();
        for (work, now) in &self.by_work {
            let used = minus(*now, earlier.by_work.get(work).copied().unwrap_or_default());
            rest = minus(rest, used);
            costs.push(Cost { work, user_us: us(used.0), system_us: us(used.1) });
        }
        costs.push(Cost { work: ENDED, user_us: us(rest.0), system_us: us(rest.1) });
        costs.retain(|cost| cost.us() > 0.0);
        costs.sort_by(|a, b| b.us().total_cmp(&a.us()));
        costs
    }
}
