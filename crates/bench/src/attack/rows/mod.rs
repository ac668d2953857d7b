//! The table of attacks: who attacks how, what must be kept, and what defends.

mod clients;
mod leaders;
mod machines;
mod replicas;

/// Who attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attacker {
    /// The present leader, with this behaviour of `outvote traitor`.
    Leader(&'static str),
    /// The `f` replicas that would lead last, with this behaviour.
    Followers(&'static str),
    /// A process of its own with this crowd in it.
    Crowd(&'static str),
    /// A process of its own with this crowd in it that takes all cores, as it is no machine of its own.
    Inside(&'static str),
    /// The honest users themselves, with ten times what can be done.
    Overload,
    /// A process of its own with this crowd in it, while the leader is killed and started again with all its caches cold.
    ColdStart(&'static str),
    /// Everything at once.
    Everything,
}

/// What is compared with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// All honest users' goodput.
    Goodput,
    /// The goodput of the one who is served worst.
    WorstClient,
    /// Goodput at ten times the load, compared with the most that there is.
    PeakGoodput,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// What is compared.
    pub measure: Measure,
    /// The share that must be kept over the whole attack.
    pub kept: f64,
    /// The share that must be kept in the second half of the attack, once the attacker is known.
    pub steady: Option<f64>,
    /// How much slower the slowest hundredth may be, if that is bounded.
    pub p99_ratio: Option<f64>,
    /// Changes of the leader at most, if that is bounded.
    pub view_changes: Option<u64>,
    /// How long users may notice anything once it is over, seconds, if that is bounded.
    pub hangover_s: Option<f64>,
    /// Whether a replica must be proven guilty.
    pub evidence: bool,
}

impl Goal {
    const fn keep(kept: f64) -> Self {
        Self {
            measure: Measure::Goodput,
            kept,
            steady: None,
            p99_ratio: None,
            view_changes: None,
            hangover_s: None,
            evidence: false,
        }
    }
}

/// One attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Its rows of the catalogue of faults.
    pub ids: &'static [&'static str],
    /// Its name on the command line.
    pub name: &'static str,
    /// Who attacks.
    pub attacker: Attacker,
    /// What must hold.
    pub goal: Goal,
    /// What the attacker does, in plain words.
    pub does: &'static str,
    /// What holds against it, with the rules of the protocol.
    pub defence: &'static str,
    /// Whether it is measured over a minute, because finding the attacker is part of the figure.
    pub is_long: bool,
}

/// All attacks, in the order in which they are run.
#[must_use]
pub fn all() -> Vec<Row> {
    [replicas::ROWS, leaders::ROWS, clients::ROWS, machines::ROWS].concat()
}

/// Those of these names or rows of the catalogue; the first that is none is the error.
///
/// # Errors
/// The name that is none.
pub fn chosen(names: &[String]) -> Result<Vec<Row>, String> {
    let all = all();
    let is_named =
        |row: &Row, name: &str| row.name == name || row.ids.iter().any(|id| id.eq_ignore_ascii_case(name));
    if let Some(name) = names.iter().find(|name| !all.iter().any(|row| is_named(row, name))) {
        return Err(name.clone());
    }
    let chosen =
        all.into_iter().filter(|row| names.is_empty() || names.iter().any(|name| is_named(row, name)));
    Ok(chosen.collect())
}
