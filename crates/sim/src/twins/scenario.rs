//! One scenario: who has a twin, who leads each round, how the world is divided meanwhile, and what gets lost on top.
//!
//! The text form is short enough for a command line:
//!
//! ```text
//! REPLICAS:TWINS:ROUND-ROUND-...[:oSEED][:f]
//! ```
//!
//! A round is the leader, a dot, one digit for the set of each seat (identities in order, then the second instances), and
//! what else is lost in it: `c` all COMMITs; `pM` PREPAREs but for the seats of the bits M; `dFT` what seat F says to seat T; `lM`
//! the seats of the bits M do not hear that the view before has ended. `=` for the leader stays in the view. `oSEED` lets messages
//! overtake each other and come late; `f` fences the twins: they stop voting when they notice each other.

use outvote_types::ReplicaId;
use std::fmt;
use std::str::FromStr;

/// Which set each seat is in.
pub type Split = Vec<u8>;

/// Who leads a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lead {
    /// The next view of this identity.
    By(ReplicaId),
    /// The view goes on, whoever leads it.
    Stays,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Who leads.
    pub lead: Lead,
    /// How the seats are divided.
    pub split: Split,
    /// Whether no COMMIT arrives, so that locks rise and nothing is final.
    pub no_commits: bool,
    /// The only seats that hear PREPAREs, as bits, if not all do.
    pub prepares_to: Option<u32>,
    /// Who does not hear whom, besides.
    pub deaf: Vec<(u8, u8)>,
    /// Seats that do not hear of the end of the view before, as bits.
    pub lagging: u32,
}

impl Round {
    /// A round in which nothing gets lost within a set.
    #[must_use]
    pub const fn new(leader: ReplicaId, split: Split) -> Self {
        let lead = Lead::By(leader);
        Self { lead, split, no_commits: false, prepares_to: None, deaf: Vec::new(), lagging: 0 }
    }
}

/// Who has a twin, and what happens round after round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Identities.
    pub replicas: usize,
    /// Those with two instances.
    pub twins: Vec<ReplicaId>,
    /// The rounds.
    pub rounds: Vec<Round>,
    /// In which order messages come, and which come late; `None` for the order in which they were sent, and never.
    pub order: Option<u64>,
    /// Whether twins stop voting when they notice each other (D18), as after an operator's mistake.
    pub fenced: bool,
}

impl Scenario {
    /// Instances.
    #[must_use]
    pub const fn seats(&self) -> usize {
        self.replicas + self.twins.len()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lead {
            Lead::By(leader) => write!(f, "{leader}.")?,
            Lead::Stays => write!(f, "=.")?,
        }
        self.split.iter().try_for_each(|set| write!(f, "{set}"))?;
        if self.no_commits {
            write!(f, "c")?;
        }
        if let Some(ears) = self.prepares_to {
            write!(f, "p{ears}")?;
        }
        self.deaf.iter().try_for_each(|(from, to)| write!(f, "d{from}{to}"))?;
        if self.lagging > 0 {
            write!(f, "l{}", self.lagging)?;
        }
        Ok(())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.replicas)?;
        self.twins.iter().try_for_each(|twin| write!(f, "{twin}"))?;
        for (place, round) in self.rounds.iter().enumerate() {
            write!(f, "{}{round}", if place == 0 { ':' } else { '-' })?;
        }
        if let Some(order) = self.order {
            write!(f, ":o{order}")?;
        }
        if self.fenced { write!(f, ":f") } else { Ok(()) }
    }
}

fn digit(letter: char) -> Option<u8> {
    letter.to_digit(10).and_then(|digit| u8::try_from(digit).ok())
}

fn read_round(text: &str, seats: usize, replicas: usize) -> Option<Round> {
    let (lead, rest) = text.split_once('.')?;
    let lead = match lead {
        "=" => Lead::Stays,
        name => Lead::By(ReplicaId(name.parse().ok().filter(|leader| usize::from(*leader) < replicas)?)),
    };
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (sets, mut losses) = rest.split_at(end);
    let split: Split = sets.chars().filter_map(digit).collect();
    let mut round = Round { lead, ..Round::new(ReplicaId(0), split) };
    while let Some(letter) = losses.chars().next() {
        let body = &losses[letter.len_utf8()..];
        let end = body.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(body.len());
        let (number, rest) = body.split_at(end);
        match letter {
            'c' if number.is_empty() => round.no_commits = true,
            'p' => round.prepares_to = Some(number.parse().ok()?),
            'l' => round.lagging = number.parse().ok()?,
            'd' => {
                let seats: Vec<u8> = number.chars().filter_map(digit).collect();
                let [from, to] = seats.as_slice() else { return None };
                round.deaf.push((*from, *to));
            }
            _ => return None,
        }
        losses = rest;
    }
    let is_whole = round.split.len() == seats;
    let is_inside = round.deaf.iter().all(|(a, b)| usize::from(*a.max(b)) < seats);
    (is_whole && is_inside).then_some(round)
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what} in the scenario {text:?}");
        let mut parts = text.split(':');
        let replicas = parts.next().and_then(|part| part.parse().ok()).filter(|n| (4..=10).contains(n));
        let replicas: usize = replicas.ok_or_else(|| wrong("no number of replicas from 4 to 10"))?;
        let names = parts.next().unwrap_or_default();
        let twins: Vec<ReplicaId> =
            names.chars().filter_map(digit).map(|name| ReplicaId(u16::from(name))).collect();
        let is_known = twins.iter().all(|twin| twin.index() < replicas);
        if twins.len() != names.len() || !is_known || !twins.is_sorted_by(|a, b| a < b) {
            return Err(wrong("no rising names of twins"));
        }
        let seats = replicas + twins.len();
        let rounds = parts.next().unwrap_or_default().split('-');
        let rounds: Option<Vec<Round>> = rounds.map(|round| read_round(round, seats, replicas)).collect();
        let rounds = rounds.ok_or_else(|| wrong("a round that cannot be read"))?;
        let mut scenario = Self { replicas, twins, rounds, order: None, fenced: false };
        for part in parts {
            match part.split_at_checked(1) {
                Some(("f", "")) => scenario.fenced = true,
                Some(("o", seed)) => scenario.order = Some(seed.parse().map_err(|_| wrong("no seed"))?),
                _ => return Err(wrong("an unknown part")),
            }
        }
        Ok(scenario)
    }
}
