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
}

impl Behaviour {
    /// All of them, honesty first.
    pub const ALL: [Self; 9] = [
        Self::Honest,
        Self::Mute,
        Self::Equivocate,
        Self::Forge,
        Self::HalfBatch,
        Self::Slow,
        Self::Censor,
        Self::CorruptAnswers,
        Self::Replay,
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
        }
    }
}
