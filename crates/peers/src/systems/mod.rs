//! All systems: what each promises, what it switches off, and how it is run at its best.

mod cometbft;
mod etcd;
mod hotstuff;
mod openraft;
mod outvote;

use crate::cluster::Member;
use crate::error::PeerError;
use crate::install::Tools;
use crate::load::Shape;
use crate::ports::Ports;
use std::path::{Path, PathBuf};

pub use outvote::Signed;
pub(crate) use outvote::round as round_of_ours;

/// What a row of the table says of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What the report calls the program: the same for all its rows.
    pub system: &'static str,
    /// What tells it from the program's other rows; empty if nothing does.
    pub variant: &'static str,
    /// How many members.
    pub members: usize,
    /// What it bears.
    pub tolerates: &'static str,
    /// What Outvote has on and it has not.
    pub switched_off: &'static [&'static str],
    /// What is on disk before a client is told.
    pub durable: &'static str,
    /// How it is loaded.
    pub client: &'static str,
}

/// Makes the commands of a cluster in a fresh folder.
type Prepare = fn(&Programs, &Path, &mut Ports, usize) -> Result<Vec<Member>, PeerError>;
/// Gets a program, and says its version.
type Get = fn(&Tools) -> Result<(PathBuf, String), PeerError>;

/// Somebody else's system.
#[derive(Clone, Copy, Debug)]
pub struct Foreign {
    pub(crate) get: Get,
    pub(crate) prepare: Prepare,
    pub(crate) saturating: Shape,
    /// Why its leader is not killed, if it is not.
    pub(crate) unkillable: Option<&'static str>,
}

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The members' program.
    pub member: PathBuf,
}

/// Ours, or somebody else's.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Measured by `outvote bench`.
    Ours(Signed),
    /// Measured by the load program.
    Foreign(Foreign),
}

/// A row.
#[derive(Clone, Debug)]
pub struct System {
    /// What it is.
    pub about: About,
    /// How it is run.
    pub kind: Kind,
}

/// All of them, in the order of the table.
#[must_use]
pub fn all() -> Vec<System> {
    let mut all = outvote::rows();
    all.extend(etcd::rows());
    all.extend(openraft::rows());
    all.extend(cometbft::rows());
    all.extend(hotstuff::rows());
    all
}

/// Those that are called so, or whose program is; all if nothing is asked for.
///
/// # Errors
/// When nothing is called so.
pub fn chosen(only: &[String]) -> Result<Vec<System>, PeerError> {
    let is_called = |system: &System, name: &String| {
        system.about.name == name || system.about.system.eq_ignore_ascii_case(name)
    };
    let all = all();
    if let Some(name) = only.iter().find(|name| !all.iter().any(|system| is_called(system, name))) {
        let known: Vec<&str> = all.iter().map(|system| system.about.name).collect();
        return Err(PeerError::Unknown { name: name.clone(), known: known.join(", ") });
    }
    let is_chosen = |system: &System| only.is_empty() || only.iter().any(|name| is_called(system, name));
    Ok(all.into_iter().filter(is_chosen).collect())
}
