//! From a seed that fails to the few faults that make it fail.

use crate::fault::Fault;
use crate::outcome::{Outcome, Run};
use crate::plan::{Network, Plan, START_US};
use outvote_types::ReplicaId;
use std::fmt::Write as _;

/// What is left of a seed's plan; what is `None` is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reduction {
    /// The faults that strike, by their places in the plan, counted from 0.
    pub keep: Option<Vec<usize>>,
    /// Who still lies. Who loses promises by a fault that is kept counts among the faulty in any case.
    pub liars: Option<Vec<ReplicaId>>,
    /// Clients, of whichever kind the seed has.
    pub clients: Option<usize>,
    /// Requests of each client.
    pub requests: Option<u64>,
    /// When everything is mended, microseconds after the start.
    pub heal_us: Option<u64>,
    /// Whether the network is calm from the start.
    pub calm: bool,
}

impl Reduction {
    /// The plan without what was taken away.
    #[must_use]
    pub fn apply(&self, mut plan: Plan) -> Plan {
        if let Some(keep) = &self.keep {
            let mut place = 0..;
            plan.faults.retain(|_| place.next().is_some_and(|place| keep.contains(&place)));
        }
        if let Some(liars) = &self.liars {
            let needed: Vec<ReplicaId> =
                plan.faults.iter().filter_map(|(_, fault)| victim(&plan, fault)).collect();
            plan.liars.retain(|(id, _)| liars.contains(id) || needed.contains(id));
        }
        for (count, wanted) in [(&mut plan.clients, self.clients), (&mut plan.sessions, self.clients)] {
            *count = wanted.map_or(*count, |wanted| wanted.min(*count));
        }
        plan.requests_per_client = self.requests.unwrap_or(plan.requests_per_client);
        if let Some(heal_us) = self.heal_us {
            plan.heal_us = START_US + heal_us;
        }
        if self.calm {
            plan.network = Network::calm();
        }
        plan
    }

    /// The arguments of `outvote sim` that say the same, each with a space before it.
    #[must_use]
    pub fn arguments(&self) -> String {
        let mut words = String::new();
        let list = |words: &mut String, name: &str, items: Vec<String>| {
            // An empty list is said, too: nothing is kept.
            let items = if items.is_empty() { String::from("none") } else { items.join(",") };
            let _ = write!(words, " --{name} {items}");
        };
        if let Some(keep) = &self.keep {
            list(&mut words, "keep", keep.iter().map(usize::to_string).collect());
        }
        if let Some(liars) = &self.liars {
            list(&mut words, "liars", liars.iter().map(|id| id.0.to_string()).collect());
        }
        for (name, value) in [
            ("clients", self.clients.map(|clients| clients as u64)),
            ("requests", self.requests),
            ("heal-us", self.heal_us),
        ] {
            if let Some(value) = value {
                let _ = write!(words, " --{name} {value}");
            }
        }
        if self.calm {
            words.push_str(" --calm");
        }
        words
    }
}

/// Who must be allowed to be faulty because of this fault.
fn victim(plan: &Plan, fault: &Fault) -> Option<ReplicaId> {
    match fault {
        // Of a replica that counts among the faulty anything may rot.
        Fault::Rot(id, _) if plan.lies(*id) => Some(*id),
        // Its copy is put back later.
        Fault::CopyDisk(id) => Some(*id),
        other => other.victim(),
    }
}

/// What a shrinking run came to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest run that fails in the same way.
    pub run: Run,
    /// What comes of it.
    pub outcome: Outcome,
    /// Faults that strike in it.
    pub faults: usize,
    /// Runs that were tried.
    pub tried: usize,
}

/// Takes away whatever a failing run can do without, as long as it fails in the same way: faults (by delta debugging), liars,
/// the network's mood, clients, requests, time. `None` if the run does not fail.
#[must_use]
pub fn shrink(run: &Run, tries_max: usize) -> Option<Shrunk> {
    let outcome = run.play(false);
    let failure = outcome.failure()?;
    let mut shrinker = Shrinker { best: run.clone(), outcome, failure, tried: 1, tries_max };
    shrinker.begin();
    loop {
        let before = shrinker.best.reduction.clone();
        shrinker.fewer_faults();
        shrinker.fewer_liars();
        shrinker.less_else();
        if shrinker.best.reduction == before || shrinker.tried >= tries_max {
            break;
        }
    }
    let Shrinker { best: run, outcome, tried, .. } = shrinker;
    let faults = run.reduction.keep.as_ref().map_or(0, Vec::len);
    Some(Shrunk { run, outcome, faults, tried })
}

struct Shrinker {
    best: Run,
    outcome: Outcome,
    failure: &'static str,
    tried: usize,
    tries_max: usize,
}

impl Shrinker {
    /// Tries a smaller run; keeps it if it fails in the same way.
    fn attempt(&mut self, change: impl FnOnce(&mut Reduction)) -> bool {
        let mut run = self.best.clone();
        change(&mut run.reduction);
        if self.tried >= self.tries_max || run.reduction == self.best.reduction {
            return false;
        }
        self.tried += 1;
        let outcome = run.play(false);
        let is_same = outcome.failure() == Some(self.failure);
        if is_same {
            (self.best, self.outcome) = (run, outcome);
        }
        is_same
    }

    /// Names everything, so that it can be taken away one by one. What comes after the failure is not needed.
    fn begin(&mut self) {
        let plan = self.best.plan();
        let end_us = self.outcome.violations.first().map_or(u64::MAX, |violation| violation.at_us);
        let known = self.best.reduction.keep.clone().unwrap_or_else(|| (0..plan.faults.len()).collect());
        let early =
            known.iter().zip(&plan.faults).filter(|(_, (at, _))| *at <= end_us).map(|(place, _)| *place);
        let early: Vec<usize> = early.collect();
        self.best.reduction.keep = Some(known);
        self.best.reduction.liars = Some(plan.liars.iter().map(|(id, _)| *id).collect());
        self.attempt(|reduction| reduction.keep = Some(early));
        self.attempt(|reduction| reduction.keep = Some(Vec::new()));
    }

    /// Delta debugging (Zeller and Hildebrandt): takes away parts, then smaller parts.
    fn fewer_faults(&mut self) {
        let kept = |shrinker: &Self| shrinker.best.reduction.keep.clone().unwrap_or_default();
        let mut part = kept(self).len().div_ceil(2).max(1);
        loop {
            let mut from = 0;
            while from < kept(self).len() {
                let mut rest = kept(self);
                rest.drain(from..(from + part).min(rest.len()));
                if !self.attempt(|reduction| reduction.keep = Some(rest)) {
                    from += part;
                }
            }
            if part == 1 || self.tried >= self.tries_max {
                return;
            }
            part = part.div_ceil(2);
        }
    }

    fn fewer_liars(&mut self) {
        for liar in self.best.reduction.liars.clone().unwrap_or_default() {
            self.attempt(|reduction| {
                if let Some(liars) = &mut reduction.liars {
                    liars.retain(|id| *id != liar);
                }
            });
        }
    }

    fn less_else(&mut self) {
        self.attempt(|reduction| reduction.calm = true);
        let plan = self.best.plan();
        let last_us = plan.faults.last().map_or(START_US, |(at, _)| *at);
        self.attempt(|reduction| reduction.heal_us = Some(last_us + 10_000 - START_US));
        let mut clients = plan.clients.max(plan.sessions);
        while clients > 1 && self.attempt(|reduction| reduction.clients = Some(clients.div_ceil(2))) {
            clients = clients.div_ceil(2);
        }
        let mut requests = plan.requests_per_client;
        while requests > 1 && self.attempt(|reduction| reduction.requests = Some(requests / 2)) {
            requests /= 2;
        }
    }
}
