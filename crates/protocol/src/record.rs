//! What must survive a crash (D rules).

use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{
    Block, Certificate, CheckpointCertificate, Digest, Epoch, Evidence, NewView, Rank, Sequence,
    SignedHeader, TimeoutCertificate, View,
};

/// What let this replica enter its view; sent again to whoever lags.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Justification {
    /// View 0 needs none.
    Genesis,
    /// A quorum suspected the view before.
    Timeout(TimeoutCertificate),
    /// The view's leader opened it.
    NewView(Box<NewView>),
    /// A quorum voted in it.
    Certificate(Certificate),
}

impl Justification {
    /// The view that it lets into (V12).
    #[must_use]
    pub const fn view(&self) -> View {
        match self {
            Self::Genesis => View(0),
            Self::Timeout(timeout) => timeout.view.next(),
            Self::NewView(new_view) => new_view.signed.body.view,
            Self::Certificate(certificate) => certificate.view,
        }
    }
}

/// The promises: small, counted, written twice in one write. They cannot be fetched from anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Promise {
    /// Rises with each promise; a lower one than shown before is a rolled-back disk.
    pub counter: u64,
    /// The committee's term.
    pub epoch: Epoch,
    /// The view that this replica entered.
    pub view: View,
    /// The vote lease: in this view it may have prepared up to here.
    pub lease: Sequence,
    /// The rank of the highest certificate (the lock).
    pub high_rank: Rank,
    /// Its block.
    pub high_id: Digest,
}

/// The term in which a key votes that votes no more (D24): no committee has it.
const NEVER: Epoch = Epoch(u64::MAX);

impl Promise {
    /// The promise to vote nowhere any more.
    pub(crate) const fn retired(self) -> Self {
        Self { counter: self.counter.saturating_add(1), epoch: NEVER, ..self }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.epoch == NEVER
    }
}

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// The promises; ring 3 writes these twice, into different sectors of the same write.
    Promise(Promise),
    /// What let this replica enter the promised view; precedes the promise in the same group.
    Justification(Justification),
    /// A block, with its batches.
    Block(Box<Block>),
    /// A PREPARE or COMMIT certificate.
    Certificate(Certificate),
    /// A stable checkpoint.
    Stable(CheckpointCertificate),
    /// Proof of misbehaviour.
    Evidence(Evidence),
    /// A state was installed: the log goes on above this checkpoint.
    Installed {
        /// The proof.
        certificate: CheckpointCertificate,
        /// The block to go on from.
        header: Box<SignedHeader>,
    },
    /// This key has signed what this disk knows nothing of: it never votes again (D18).
    Retired,
}

/// How an encoded [`Record::Block`] begins.
const BLOCK_TAG: u8 = 2;

impl Record {
    /// The place of the block in an encoded record, read from its header alone: what was executed long ago is not worth decoding.
    /// `None` for any other record.
    #[must_use]
    pub fn block_sequence(encoded: &[u8]) -> Option<Sequence> {
        let (tag, mut header) = encoded.split_first()?;
        let header = (*tag == BLOCK_TAG).then(|| SignedHeader::deserialize(&mut header).ok())?;
        header.map(|header| header.body.sequence)
    }
}

/// Whether this replica may vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voting {
    /// Its promises are intact.
    Allowed,
    /// So are they, but records before the last promise in that same, unfinished write may be gone. Nothing was ever sent
    /// under that promise (D13), so a lock that it names and the disk lacks was never acted upon.
    AllowedAfterGap {
        /// The last promise before the gap, which names the lock that was.
        before: Promise,
    },
    /// So are they, and the key is known to sign in another process as well: what others show of it is no news, and D18 is not
    /// asked. No replica that means well starts like this; the simulator's twins do.
    Twin,
    /// Its promises are lost or foreign: it follows and serves, and never votes with this key.
    Observer {
        /// Why.
        why: &'static str,
    },
}

/// What ring 3 found on disk.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The log's intact records in order, the latest promise among them.
    pub records: Vec<Record>,
    /// The executed state's place and the identity of the block there (genesis: 0 and the genesis identity).
    pub executed: (Sequence, Digest),
    /// The header of that block, unless it is genesis.
    pub executed_header: Option<SignedHeader>,
    /// Whether the promises are intact.
    pub voting: Voting,
    /// Whether this is the very first start after `init` (nothing was ever sent): no sitting out.
    pub first_start: bool,
}
