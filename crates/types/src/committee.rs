//! Who the replicas are: the public part of a cluster that every member and every client knows.

use crate::bounded::BoundedVec;
use crate::codec::encode;
use crate::digest::Digest;
use crate::id::{Epoch, ReplicaId, Sequence, View};
use crate::limits::MAX_REPLICAS;
use crate::quorum::{Quorum, QuorumError};
use crate::signing::{Domain, PublicKey};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Which kind of trust the members have in each other. Chosen at genesis and part of every signature's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Mode {
    /// Members may lie; at least four of them.
    Byzantine = 0,
    /// Members may crash but never lie (Raft).
    Federated = 1,
}

/// One replica's public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// Signs votes, headers, replies.
    pub consensus_key: PublicKey,
    /// Authenticates the replica's end of a TLS connection; never signs anything else.
    pub link_key: PublicKey,
}

/// The numbers that must be the same on every replica, and are therefore part of the committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Parameters {
    /// Blocks between two checkpoints at most (C): there is one at each multiple of it.
    pub checkpoint_interval: u64,
    /// Bytes of blocks between two checkpoints; where as many come together, there is one in between.
    pub checkpoint_bytes: u64,
    /// Another leader is due after this many blocks (P12); 0 for never.
    pub tenure_blocks: u64,
    /// Another leader is due this long after its first work (P12), milliseconds; 0 for never.
    pub tenure_ms: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { checkpoint_interval: 1024, checkpoint_bytes: 64 * 1024 * 1024, tenure_blocks: 0, tenure_ms: 0 }
    }
}

impl Parameters {
    /// Whether leaders take turns.
    #[must_use]
    pub const fn rotates(&self) -> bool {
        // P12: off unless the members agreed on it.
        self.tenure_blocks > 0 || self.tenure_ms > 0
    }

    /// Whether a checkpoint follows the block at `sequence`, with which the blocks since the last checkpoint have come to
    /// this many bytes ([`crate::Header::block_bytes`]).
    #[must_use]
    pub const fn is_checkpoint(&self, sequence: Sequence, bytes_since: u64) -> bool {
        // C1: the multiples of C stand fast, so a count that went wrong would move only the checkpoints up to the next one.
        sequence.0 > 0
            && (sequence.0.is_multiple_of(self.checkpoint_interval) || bytes_since >= self.checkpoint_bytes)
    }
}

/// A committee: what the configuration digest covers. Addresses are not in it, since they may change.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Committee {
    /// Random bytes drawn at genesis, so that two clusters of the same keys differ.
    pub genesis_salt: [u8; 32],
    /// The committee's term.
    pub epoch: Epoch,
    /// The kind of trust.
    pub mode: Mode,
    /// Whether this is a demonstration cluster, whose replicas may be told to lie.
    pub demo: bool,
    /// What else the members agreed on.
    pub parameters: Parameters,
    /// The members, in the order in which they lead.
    pub members: BoundedVec<Member, MAX_REPLICAS>,
}

/// How many parts the configuration digest covers.
pub const COMMITTEE_PARTS: usize = 9;

impl Committee {
    /// The digest of this configuration, part of the signing domain.
    #[must_use]
    pub fn config_digest(&self) -> Digest {
        Digest::of_parts(&[b"outvote/committee", &encode(self)])
    }

    /// The cluster's name: the configuration digest of its first committee, which this must be.
    #[must_use]
    pub fn cluster_id(&self) -> Digest {
        self.config_digest()
    }

    /// What the configuration digest covers, each part under its key in the committee file and by a digest of its own, so that
    /// two members whose committees differ can say in what.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, Digest); COMMITTEE_PARTS] {
        let Self { genesis_salt, epoch, mode, demo, parameters, members } = self;
        let Parameters { checkpoint_interval, checkpoint_bytes, tenure_blocks, tenure_ms } = parameters;
        [
            ("genesis_salt", Digest::of(genesis_salt)),
            ("epoch", Digest::of(&encode(epoch))),
            ("mode", Digest::of(&encode(mode))),
            ("demo", Digest::of(&encode(demo))),
            ("checkpoint_interval", Digest::of(&encode(checkpoint_interval))),
            ("checkpoint_bytes", Digest::of(&encode(checkpoint_bytes))),
            ("tenure_blocks", Digest::of(&encode(tenure_blocks))),
            ("tenure_ms", Digest::of(&encode(tenure_ms))),
            ("member", Digest::of(&encode(members))),
        ]
    }

    /// The quorum sizes of this committee.
    ///
    /// # Errors
    /// When the committee is too small or too large for byzantine mode.
    pub fn quorum(&self) -> Result<Quorum, QuorumError> {
        Quorum::byzantine(self.members.len())
    }

    /// The domain of what this committee's replicas sign.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::replicas(&self.cluster_id(), self.epoch, &self.config_digest())
    }

    /// The member with this index.
    #[must_use]
    pub fn member(&self, id: ReplicaId) -> Option<&Member> {
        self.members.get(id.index())
    }

    /// The identity of the block before the first one.
    #[must_use]
    pub fn genesis_id(&self) -> Digest {
        Digest::of_parts(&[b"outvote/genesis", &self.config_digest().0])
    }

    /// Who leads `view`, if the committee is not empty.
    #[must_use]
    pub fn leader(&self, view: View) -> Option<ReplicaId> {
        let n = u64::try_from(self.members.len()).ok().filter(|n| *n > 0)?;
        u16::try_from(view.0 % n).ok().map(ReplicaId)
    }

    /// The positions of members that share a key with an earlier one; empty in a sound committee.
    #[must_use]
    pub fn duplicates(&self) -> Vec<ReplicaId> {
        let mut seen = alloc::collections::BTreeSet::new();
        let mut doubles = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let fresh = seen.insert(member.consensus_key) & seen.insert(member.link_key);
            if let (false, Ok(index)) = (fresh, u16::try_from(index)) {
                doubles.push(ReplicaId(index));
            }
        }
        doubles
    }
}
