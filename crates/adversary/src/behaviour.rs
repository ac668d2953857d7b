//! The ways to lie, by name.

/// How a replica behaves. The names are those of `outvote traitor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// By the rules.
    #[default]
    Honest,
    /// Says nothing to anybody.
    Mute,
    /// Tells one half of the replicas one thing and the other half another.
    Equivocate,
    /// Sends bad signatures, votes in others' names, and impossible times.
    Forge,
    /// Sends its batches to one half only, refuses them to the rest, and unplugs.
    HalfBatch,
    /// Proposes just before the others lose patience.
    Slow,
    /// Never proposes one client's requests.
    Censor,
    /// Answers clients and peers with false data.
    CorruptAnswers,
    /// Says again what it and others said before.
    Replay,
    /// Adds a millisecond to each of its proposals.
    SlowBy1Ms,
    /// Adds ten milliseconds to each of its proposals.
    SlowBy10Ms,
    /// Adds a hundred milliseconds to each of its proposals.
    SlowBy100Ms,
    /// Lets half of its proposals be as late as the rules on slow leaders allow.
    Smart,
    /// Proposes one request at a time.
    TinyBatches,
    /// Always votes last.
    LateVotes,
    /// Floods its peers with valid but useless messages.
    Flood,
    /// Wants another leader at every chance.
    Storm,
    /// Talks of views that nobody will ever reach.
    Jump,
    /// Asks its peers for their whole state again and again.
    AskForState,
}

impl Behaviour {
    /// All of them, honesty first.
    pub const ALL: [Self; 19] = [
        Self::Honest,
        Self::Mute,
        Self::Equivocate,
        Self::Forge,
        Self::HalfBatch,
        Self::Slow,
        Self::Censor,
        Self::CorruptAnswers,
        Self::Replay,
        Self::SlowBy1Ms,
        Self::SlowBy10Ms,
        Self::SlowBy100Ms,
        Self::Smart,
        Self::TinyBatches,
        Self::LateVotes,
        Self::Flood,
        Self::Storm,
        Self::Jump,
        Self::AskForState,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Mute => "mute",
            Self::Equivocate => "equivocate",
            Self::Forge => "forge",
            Self::HalfBatch => "half-batch",
            Self::Slow => "slow",
            Self::Censor => "censor",
            Self::CorruptAnswers => "corrupt-answers",
            Self::Replay => "replay",
            Self::SlowBy1Ms => "slow-1ms",
            Self::SlowBy10Ms => "slow-10ms",
            Self::SlowBy100Ms => "slow-100ms",
            Self::Smart => "smart",
            Self::TinyBatches => "tiny-batches",
            Self::LateVotes => "late-votes",
            Self::Flood => "flood",
            Self::Storm => "storm",
            Self::Jump => "jump",
            Self::AskForState => "ask-for-state",
        }
    }

    /// The behaviour of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|behaviour| behaviour.name() == name)
    }

    /// What it does, in a sentence for people.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Honest => "keeps to the rules",
            Self::Mute => "says nothing to anybody",
            Self::Equivocate => "tells one half of the replicas one thing and the other half another",
            Self::Forge => "sends bad signatures, votes in others' names, and impossible times",
            Self::HalfBatch => "sends its batches to one half only, then unplugs for a while",
            Self::Slow => "proposes just before the others lose patience",
            Self::Censor => "never proposes one client's requests",
            Self::CorruptAnswers => "answers clients and peers with false data",
            Self::Replay => "says again what it and others said before",
            Self::SlowBy1Ms => "adds a millisecond to each of its proposals",
            Self::SlowBy10Ms => "adds ten milliseconds to each of its proposals",
            Self::SlowBy100Ms => "adds a hundred milliseconds to each of its proposals",
            Self::Smart => "lets half of its proposals be as late as the rules on slow leaders allow",
            Self::TinyBatches => "proposes one request at a time",
            Self::LateVotes => "always votes last",
            Self::Flood => "floods its peers with valid but useless messages",
            Self::Storm => "wants another leader at every chance",
            Self::Jump => "talks of views that nobody will ever reach",
            Self::AskForState => "asks its peers for their whole state again and again",
        }
    }
}
