//! What met what: the kind of a message, the state of who receives it, and the fault that was at work.
//!
//! A generator of faults that never lets two things meet tests less than it seems to. Every delivered frame is counted under
//! its kind, its receiver's state and each fault that is active; a campaign adds the counts of its seeds. Pairs that were never
//! seen together fail a campaign that is asked for it, but for those of [`IMPOSSIBLE`].

use crate::fault::{Fault, lie};
use crate::network::Kind;
use crate::plan::{Network, STUCK_US};
use outvote_adversary::Behaviour;
use outvote_replica::Status;
use outvote_types::ReplicaId;

/// The state of a replica, as far as it decides what a message means to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The view is open, and it leads it.
    Leading = 0,
    /// The view is open, and somebody else leads it.
    Following = 1,
    /// It has left a view, and the next one is not open.
    Changing = 2,
    /// It has restarted, and may not prepare in this view.
    SittingOut = 3,
    /// It fetches a state from peers.
    FetchingState = 4,
    /// It never votes again.
    Observing = 5,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Leading,
        Self::Following,
        Self::Changing,
        Self::SittingOut,
        Self::FetchingState,
        Self::Observing,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Following => "following",
            Self::Changing => "changing",
            Self::SittingOut => "sitting_out",
            Self::FetchingState => "fetching_state",
            Self::Observing => "observing",
        }
    }

    /// The state that a replica's status shows.
    #[must_use]
    pub fn of(me: ReplicaId, status: &Status, is_fetching: bool) -> Self {
        if status.observer {
            Self::Observing
        } else if is_fetching {
            Self::FetchingState
        } else if status.sitting_out {
            Self::SittingOut
        } else if !status.normal {
            Self::Changing
        } else if status.leader == me {
            Self::Leading
        } else {
            Self::Following
        }
    }
}

/// What may be at work; the first stands for nothing at all.
pub const FAULTS: [&str; 45] = [
    "calm",
    "crash",
    "restart",
    "killed_at_step",
    "partition",
    "one_way",
    "link_flap",
    "ring",
    "bridge",
    "clog",
    "blip",
    "clients_lose_leader",
    "pause",
    "clock_step",
    "timers_drift",
    "zones",
    "loss",
    "duplication",
    "straggling",
    "reordering",
    "slow_disk",
    "stuck_disk",
    "flush_fails",
    "disk_full",
    "unreadable",
    "rot",
    "state_lost",
    "lost_write",
    "misdirected_write",
    "lost_suffix",
    "old_copy",
    "honest",
    "mute",
    "equivocation",
    "forge",
    "half-batch",
    "slow",
    "censor",
    "corrupt-answers",
    "replay",
    "scattered_writes",
    "asynchrony",
    "gives_up_blocks",
    "other_lie",
    "real_signatures",
];

/// How long something that happens in a moment counts as at work, microseconds.
const MOMENT_US: u64 = 500_000;

const CELLS: usize = Kind::ALL.len() * State::ALL.len() * FAULTS.len();

/// Counts of messages by kind, receiver's state and fault at work.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: Vec<u64>,
    /// Places in [`FAULTS`], and until when each is at work.
    active: Vec<(usize, u64)>,
}

impl Coverage {
    /// A message arrives.
    pub(crate) fn on_frame(&mut self, now_us: u64, kind: Kind, state: State) {
        if self.counts.is_empty() {
            self.counts = vec![0; CELLS];
        }
        if self.active.iter().any(|(_, until)| *until < now_us) {
            self.active.retain(|(_, until)| *until >= now_us);
        }
        let row = (kind as usize * State::ALL.len() + state as usize) * FAULTS.len();
        if self.active.is_empty() {
            self.counts[row] += 1;
        }
        for (fault, _) in &self.active {
            self.counts[row + fault] += 1;
        }
    }

    /// Something is at work from now on.
    pub(crate) fn begin(&mut self, word: &str) {
        self.until(word, u64::MAX);
    }

    /// Something happened that shows for a while.
    pub(crate) fn moment(&mut self, word: &str, now_us: u64) {
        self.until(word, now_us + MOMENT_US);
    }

    fn until(&mut self, word: &str, until_us: u64) {
        let place = FAULTS.iter().position(|fault| *fault == word);
        let Some(place) = place.or_else(|| FAULTS.iter().position(|fault| *fault == "other_lie")) else {
            return;
        };
        match self.active.iter_mut().find(|(fault, _)| *fault == place) {
            Some((_, until)) => *until = until_us.max(*until),
            None => self.active.push((place, until_us)),
        }
    }

    /// Something is over.
    pub(crate) fn end(&mut self, word: &str) {
        self.active.retain(|(fault, _)| FAULTS[*fault] != word);
    }

    /// Everything is mended; only lies, drifting timers and the like go on.
    pub(crate) fn heal(&mut self, lasting: &[&str]) {
        self.active.retain(|(fault, until)| *until < u64::MAX || lasting.contains(&FAULTS[*fault]));
    }

    /// The network's mood.
    pub(crate) fn mood(&mut self, mood: &Network) {
        let features = [
            ("loss", mood.loss > 0),
            ("duplication", mood.duplication > 0),
            ("straggling", mood.straggling > 0),
            ("reordering", mood.reordering),
            ("asynchrony", mood.delay_max_us >= 500_000),
        ];
        for (word, is_on) in features {
            if is_on { self.begin(word) } else { self.end(word) }
        }
    }

    /// A fault strikes.
    pub(crate) fn strike(&mut self, fault: &Fault, before: Option<Behaviour>, disk_us: u64, now_us: u64) {
        match fault {
            Fault::Mend => ["partition", "one_way", "ring", "bridge"].iter().for_each(|word| self.end(word)),
            Fault::Link(_, _, true) => self.end("link_flap"),
            Fault::Unclog(..) => self.end("clog"),
            Fault::BlipOver => self.end("blip"),
            Fault::ClientsBack => self.end("clients_lose_leader"),
            Fault::Resume(_) => self.end("pause"),
            Fault::DiskSpace(_) => self.end("disk_full"),
            Fault::Readable(_) => self.end("unreadable"),
            Fault::Disk(_, us) if *us <= disk_us => {
                ["slow_disk", "stuck_disk"].iter().for_each(|word| self.end(word))
            }
            Fault::Disk(_, us) => self.begin(if *us >= STUCK_US { "stuck_disk" } else { "slow_disk" }),
            Fault::Behave(_, behaviour) => {
                self.end(before.map_or("", lie));
                self.begin(lie(*behaviour));
            }
            Fault::Mood(mood) => self.mood(mood),
            Fault::Restart(_) => {
                self.end("crash");
                self.moment("restart", now_us);
            }
            // These show when they spring, or later.
            Fault::Trap(_) | Fault::FlushFails(..) | Fault::CopyDisk(_) => {}
            Fault::Clock(..)
            | Fault::Rot(..)
            | Fault::LoseState(_)
            | Fault::LoseWrite(..)
            | Fault::LoseSuffix(..)
            | Fault::OldCopy(_) => self.moment(fault.word(), now_us),
            other => self.begin(other.word()),
        }
    }

    /// Adds another run's counts.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            self.counts.iter_mut().zip(&other.counts).for_each(|(own, theirs)| *own += theirs);
        }
    }

    /// How often each triple was seen, for those that were: (kind, state, fault) and the count.
    pub fn triples(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str, u64)> {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(cell, count)| {
            let (row, fault) = (cell / FAULTS.len(), cell % FAULTS.len());
            let (kind, state) = (row / State::ALL.len(), row % State::ALL.len());
            (Kind::ALL[kind].name(), State::ALL[state].name(), FAULTS[fault], *count)
        })
    }

    /// Which pairs were seen.
    #[must_use]
    pub fn pairs(&self) -> Pairs {
        let mut seen = std::collections::BTreeSet::new();
        for (kind, state, fault, _) in self.triples() {
            seen.extend([(kind, state), (kind, fault), (state, fault)]);
        }
        let kinds = Kind::ALL.iter().map(|kind| kind.name());
        let states = State::ALL.iter().map(|state| state.name());
        let mut all: Vec<(&str, &str)> = Vec::new();
        for kind in kinds {
            all.extend(states.clone().map(|state| (kind, state)));
            all.extend(FAULTS.iter().map(|fault| (kind, *fault)));
        }
        for state in states {
            all.extend(FAULTS.iter().map(|fault| (state, *fault)));
        }
        let possible: Vec<_> = all.into_iter().filter(|pair| !is_impossible(*pair)).collect();
        let never: Vec<String> =
            possible.iter().filter(|pair| !seen.contains(*pair)).map(|(a, b)| format!("{a} x {b}")).collect();
        Pairs { seen: possible.len() - never.len(), possible: possible.len(), never }
    }
}

/// How many pairs were seen.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Seen at least once.
    pub seen: usize,
    /// All that can meet.
    pub possible: usize,
    /// Those never seen.
    pub never: Vec<String>,
}

/// Pairs that cannot meet, or only where nobody looks, with the reason.
pub const IMPOSSIBLE: &[(&str, &str, &str)] = &[
    // The place of lies whose names are newer than this list; a seed of such a lie fills it.
    ("*", "other_lie", "every behaviour has a name of its own at present"),
    // Calm means that nobody is faulty, either.
    (
        "EVIDENCE",
        "calm",
        "there is evidence against liars alone, and a lie is at work as long as its seed lasts",
    ),
    ("observing", "calm", "whoever stops voting for good has lost promises, so it counts among the faulty"),
];

fn is_impossible(pair: (&str, &str)) -> bool {
    IMPOSSIBLE.iter().any(|(a, b, _)| (*a == "*" || *a == pair.0) && *b == pair.1)
}
