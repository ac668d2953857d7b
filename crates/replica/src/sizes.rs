//! How full the jar is, for whoever judges it from outside (B1, B2).

use crate::replica::Replica;

/// The sizes of a replica's tables and queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Those of the rules.
    pub rules: outvote_protocol::Sizes,
    /// Messages that wait for the disk.
    pub withheld: usize,
    /// The most frames of one peer that wait.
    pub frames_of_one: usize,
    /// The most bytes of one peer that wait.
    pub bytes_of_one: usize,
    /// The most jobs of one peer that are in work.
    pub jobs_of_one: usize,
    /// Questions of a state transfer that are open.
    pub open_fetches: usize,
}

impl Replica {
    /// How full the tables and queues are. Cheap enough for every step.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut sizes = Sizes {
            rules: self.rules.sizes(),
            withheld: self.withheld(),
            open_fetches: self.fetches.len(),
            ..Sizes::default()
        };
        self.intake.measure(&mut sizes);
        sizes
    }
}
