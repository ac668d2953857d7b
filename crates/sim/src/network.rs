//! The links between replicas, and rules for scenarios: drop, hold, release.

use crate::plan::Network;
use crate::random::Random;
use outvote_types::{Digest, Quorum, ReplicaId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Kinds of messages, by the first byte of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// PROPOSE.
    Propose = 0,
    /// PREPARE.
    Prepare = 1,
    /// COMMIT.
    Commit = 2,
    /// A certificate.
    Certificate = 3,
    /// SUSPECT.
    Suspect = 4,
    /// A suspicion certificate.
    Timeout = 5,
    /// VIEWCHANGE.
    ViewChange = 6,
    /// NEWVIEW.
    NewView = 7,
    /// HEARTBEAT.
    Heartbeat = 8,
    /// STATUS.
    Status = 9,
    /// CHECKPOINT.
    Checkpoint = 10,
    /// A stable checkpoint's certificate.
    Stable = 11,
    /// EVIDENCE.
    Evidence = 12,
    /// Relayed requests.
    Relay = 13,
    /// FETCH.
    Fetch = 14,
    /// DATA.
    Data = 15,
    /// REMINDER.
    Reminder = 16,
}

/// How long a message takes from one zone of the world to another, microseconds: two coasts, two continents, an island.
pub const ZONES_US: [[u64; 5]; 5] = [
    [500, 35_000, 45_000, 70_000, 110_000],
    [35_000, 500, 75_000, 55_000, 90_000],
    [45_000, 75_000, 500, 95_000, 140_000],
    [70_000, 55_000, 95_000, 500, 60_000],
    [110_000, 90_000, 140_000, 60_000, 500],
];

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Propose,
        Self::Prepare,
        Self::Commit,
        Self::Certificate,
        Self::Suspect,
        Self::Timeout,
        Self::ViewChange,
        Self::NewView,
        Self::Heartbeat,
        Self::Status,
        Self::Checkpoint,
        Self::Stable,
        Self::Evidence,
        Self::Relay,
        Self::Fetch,
        Self::Data,
        Self::Reminder,
    ];

    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Propose => "PROPOSE",
            Self::Prepare => "PREPARE",
            Self::Commit => "COMMIT",
            Self::Certificate => "CERTIFICATE",
            Self::Suspect => "SUSPECT",
            Self::Timeout => "TIMEOUT",
            Self::ViewChange => "VIEWCHANGE",
            Self::NewView => "NEWVIEW",
            Self::Heartbeat => "HEARTBEAT",
            Self::Status => "STATUS",
            Self::Checkpoint => "CHECKPOINT",
            Self::Stable => "STABLE",
            Self::Evidence => "EVIDENCE",
            Self::Relay => "RELAY",
            Self::Fetch => "FETCH",
            Self::Data => "DATA",
            Self::Reminder => "REMINDER",
        }
    }

    /// The kind of a frame.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        Self::ALL.get(usize::from(*frame.first()?)).copied()
    }
}

/// What a rule does with the messages that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are lost.
    Drop,
    /// They wait until the rule is lifted.
    Hold,
    /// The first copy of each is lost, later ones pass.
    DropFirst,
}

/// A rule for some messages.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Only from this one.
    pub from: Option<ReplicaId>,
    /// Only to this one.
    pub to: Option<ReplicaId>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// What becomes of them.
    pub verdict: Verdict,
}

impl Rule {
    fn fits(&self, from: ReplicaId, to: ReplicaId, frame: &[u8]) -> bool {
        self.from.is_none_or(|id| id == from)
            && self.to.is_none_or(|id| id == to)
            && self.kind.is_none_or(|kind| Kind::of(frame) == Some(kind))
    }
}

/// The network's state.
pub struct Links {
    /// Its mood.
    pub mood: Network,
    cuts: BTreeSet<(ReplicaId, ReplicaId)>,
    last: BTreeMap<(ReplicaId, ReplicaId), u64>,
    /// The rules of a scenario.
    pub rules: Vec<Rule>,
    /// What was lost once already, for [`Verdict::DropFirst`].
    seen: BTreeSet<(ReplicaId, ReplicaId, Digest)>,
    /// Messages lost to mood or cuts.
    pub lost: u64,
    /// Messages that came twice.
    pub doubled: u64,
    /// Nobody hears anybody.
    pub is_silent: bool,
    /// Replicas that no client reaches, and that reach no client.
    pub without_clients: BTreeSet<ReplicaId>,
    /// In which zone each replica is; nowhere in particular where it is empty.
    pub zones: Vec<usize>,
    /// What waits on clogged links.
    clogs: BTreeMap<(ReplicaId, ReplicaId), VecDeque<Arc<[u8]>>>,
    clog_max: usize,
}

/// What becomes of one message.
pub enum Fate {
    /// It arrives at these times; none if it is lost.
    Arrives([Option<u64>; 2]),
    /// It waits for a rule to be lifted.
    Held,
}

impl Links {
    /// Links in this mood.
    #[must_use]
    pub const fn new(mood: Network, zones: Vec<usize>, clog_max: usize) -> Self {
        Self {
            mood,
            is_silent: false,
            without_clients: BTreeSet::new(),
            zones,
            clogs: BTreeMap::new(),
            clog_max,
            cuts: BTreeSet::new(),
            last: BTreeMap::new(),
            rules: Vec::new(),
            seen: BTreeSet::new(),
            lost: 0,
            doubled: 0,
        }
    }

    /// `to` hears nothing of `from` any more.
    pub fn cut(&mut self, from: ReplicaId, to: ReplicaId) {
        self.cuts.insert((from, to));
    }

    /// `to` hears `from` again.
    pub fn uncut(&mut self, from: ReplicaId, to: ReplicaId) {
        self.cuts.remove(&(from, to));
    }

    /// Those in `side` and all others hear nothing of each other.
    pub fn split(&mut self, quorum: Quorum, side: &[ReplicaId]) {
        for a in quorum.members().filter(|id| side.contains(id)) {
            for b in quorum.members().filter(|id| !side.contains(id)) {
                self.cuts.insert((a, b));
                self.cuts.insert((b, a));
            }
        }
    }

    /// Each of `n` hears its two neighbours alone.
    pub fn ring(&mut self, quorum: Quorum) {
        let n = quorum.n();
        for a in quorum.members() {
            for b in quorum.members().filter(|b| *b != a) {
                let apart = (a.index() + n - b.index()) % n;
                if apart != 1 && apart != n - 1 {
                    self.cuts.insert((a, b));
                }
            }
        }
    }

    /// Two halves that hear nothing of each other but through the bridge, which hears both.
    pub fn bridge(&mut self, quorum: Quorum, bridge: ReplicaId) {
        let others: Vec<ReplicaId> = quorum.members().filter(|id| *id != bridge).collect();
        let (side, rest) = others.split_at(others.len() / 2);
        for a in side {
            for b in rest {
                self.cuts.insert((*a, *b));
                self.cuts.insert((*b, *a));
            }
        }
    }

    /// Messages from `from` to `to` wait.
    pub fn clog(&mut self, from: ReplicaId, to: ReplicaId) {
        self.clogs.entry((from, to)).or_default();
    }

    /// Messages from `from` to `to` wait no more; these have waited.
    pub fn unclog(&mut self, from: ReplicaId, to: ReplicaId) -> VecDeque<Arc<[u8]>> {
        self.clogs.remove(&(from, to)).unwrap_or_default()
    }

    /// All links on which messages wait.
    #[must_use]
    pub fn clogged(&self) -> Vec<(ReplicaId, ReplicaId)> {
        self.clogs.keys().copied().collect()
    }

    /// Everybody hears everybody.
    pub fn mend(&mut self) {
        self.cuts.clear();
    }

    /// What becomes of a message.
    pub fn fate(
        &mut self,
        random: &mut Random,
        now_us: u64,
        from: ReplicaId,
        to: ReplicaId,
        frame: &Arc<[u8]>,
    ) -> Fate {
        if let Some(rule) = self.rules.iter().find(|rule| rule.fits(from, to, frame)) {
            match rule.verdict {
                Verdict::Drop => return Fate::Arrives([None, None]),
                Verdict::Hold => return Fate::Held,
                Verdict::DropFirst if self.seen.insert((from, to, Digest::of(frame))) => {
                    return Fate::Arrives([None, None]);
                }
                Verdict::DropFirst => {}
            }
        }
        if self.is_silent || self.cuts.contains(&(from, to)) || random.chance(self.mood.loss) {
            self.lost += 1;
            return Fate::Arrives([None, None]);
        }
        if !self.clogs.is_empty()
            && let Some(queue) = self.clogs.get_mut(&(from, to))
        {
            queue.push_back(Arc::clone(frame));
            if queue.len() > self.clog_max {
                queue.pop_front();
                self.lost += 1;
            }
            return Fate::Arrives([None, None]);
        }
        let first = self.arrival(random, now_us, from, to);
        let second = random.chance(self.mood.duplication).then(|| self.arrival(random, now_us, from, to));
        self.doubled += u64::from(second.is_some());
        Fate::Arrives([Some(first), second])
    }

    fn arrival(&mut self, random: &mut Random, now_us: u64, from: ReplicaId, to: ReplicaId) -> u64 {
        let mut delay = random.between(self.mood.delay_min_us, self.mood.delay_max_us);
        if let (Some(a), Some(b)) = (self.zones.get(from.index()), self.zones.get(to.index())) {
            delay += ZONES_US[*a][*b];
        }
        if random.chance(self.mood.straggling) {
            delay *= random.between(2, 10);
        }
        let mut at = now_us + delay;
        if !self.mood.reordering {
            let last = self.last.entry((from, to)).or_default();
            at = at.max(*last);
            *last = at;
        }
        at
    }
}
