//! One running instance of an identity, with as much around it as the rules need: a disk without delay, the committed blocks.

use super::kit::Kit;
use crate::archive::Archive;
use crate::disk::Disk;
use crate::machine::wall_of;
use outvote_adversary::Adversary;
use outvote_replica::{Action, Config, Recovered, Replica, Voting};
use outvote_types::{Digest, Instant, ReplicaId, Sequence};

/// One instance. Two seats of one identity are twins.
pub struct Seat {
    /// Whose key it holds.
    pub id: ReplicaId,
    /// Whether its identity counts among the liars.
    pub lies: bool,
    /// The replica as shipped.
    pub replica: Replica,
    /// What stands between it and the world, if it lies in words.
    pub adversary: Option<Adversary>,
    pub(super) disk: Disk,
    pub(super) archive: Archive,
    /// A hash over all blocks executed stands for the state.
    pub(super) state: Digest,
    /// The bytes of the blocks since the last checkpoint.
    pub(super) bytes_since: u64,
}

impl Seat {
    /// An instance that has never run, and what it wants at once.
    pub(super) fn new(kit: &Kit, id: ReplicaId, voting: Voting, now: Instant) -> (Self, Vec<Action>) {
        let disk = Disk::first(&kit.committee);
        let genesis = kit.committee.genesis_id();
        let recovered = Recovered {
            records: disk.records(),
            executed: (Sequence(0), genesis),
            executed_header: None,
            voting,
            first_start: true,
        };
        let config = Config { committee: kit.committee.clone(), me: id, tunables: kit.tunables.clone() };
        let (replica, actions) = Replica::recover(config, recovered, kit.scheme(id), now, wall_of(now));
        let archive = Archive::default();
        let seat = Self {
            id,
            lies: voting == Voting::Twin,
            replica,
            adversary: None,
            disk,
            archive,
            state: genesis,
            bytes_since: 0,
        };
        (seat, actions)
    }

    /// Whether a block survives a crash here.
    pub(super) fn holds(&self, id: &Digest) -> bool {
        self.disk.has_block(id) || self.archive.has(id)
    }

    /// When it wants to be woken.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let kept = self.adversary.as_ref().and_then(Adversary::wake_at);
        [self.replica.wake_at(), kept].into_iter().flatten().min()
    }
}
