//! One replica: its state, and the one door through which things happen to it.

use crate::config::Config;
use crate::input::Input;
use crate::output::Output;
use crate::record::Recovered;
use crate::status::Status;
use alloc::vec::Vec;
use outvote_types::{Instant, Message, Rank, ReplicaId, Sequence, View, WallTime};

/// The rules of one replica.
#[derive(Debug)]
pub struct Replica {
    config: Config,
    recovered: Recovered,
}

impl Replica {
    /// A replica as it comes back from its disk, and what it asks for at once.
    #[must_use]
    pub fn recover(
        config: Config,
        recovered: Recovered,
        _now: Instant,
        _wall: WallTime,
    ) -> (Self, Vec<Output>) {
        (Self { config, recovered }, Vec::new())
    }

    /// Takes one input; never fails and never waits.
    #[must_use]
    pub fn step(&mut self, _now: Instant, _wall: WallTime, _input: Input) -> Vec<Output> {
        Vec::new()
    }

    /// When the replica wants an [`Input::Tick`], if nothing else comes before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Whether this message could matter; asked before its signatures are checked. What is refused here would be ignored.
    #[must_use]
    pub fn wants(&self, _from: ReplicaId, _message: &Message) -> bool {
        true
    }

    /// What people and tests may see.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            view: View(0),
            leader: self.config.me,
            normal: false,
            sitting_out: false,
            observer: false,
            high_rank: Rank::default(),
            voted: Sequence(0),
            committed: self.recovered.executed.0,
            committed_id: self.recovered.executed.1,
            executed: self.recovered.executed.0,
            stable: Sequence(0),
            timeout_us: self.config.tunables.timeout_base_us,
            pending: 0,
            view_changes: 0,
            diverged: false,
        }
    }

    /// Checks what must hold after every step; panics if it does not, since then we are wrong.
    pub fn assert_invariants(&self) {}
}
