//! Everything that a replica can ask for.

use crate::record::Record;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use outvote_types::fetch::Fetch;
use outvote_types::vote::Certificate;
use outvote_types::{
    Batch, Block, CheckpointCertificate, CheckpointVote, Digest, Evidence, Header, Heartbeat, Message,
    NewViewBody, Nonce, PublicKey, Rank, ReplicaId, Sequence, SignedHeader, Suspect, TimeoutCertificate,
    View, ViewChangeHead, Vote,
};

/// Names one group of records; tickets rise, and a later one is durable only after all earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// To whom a message goes. Never to ourselves: our own copy comes back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// All other members.
    Others,
    /// One of them.
    One(ReplicaId),
    /// Nobody: it is only signed and comes back to us.
    Myself,
}

/// What is to be sent. Ring 2 signs the bodies that are not signed yet. What is large is boxed: a draft is moved a few times on
/// its way out.
#[derive(Clone, Debug)]
pub enum Draft {
    /// Sign the header and our PREPARE for it; send both with the batches.
    Propose {
        /// The header.
        header: Box<Header>,
        /// Its batches, in its order.
        batches: Vec<Arc<Batch>>,
    },
    /// Sign the vote; send it with the echo.
    Prepare {
        /// The vote.
        vote: Vote,
        /// The header that it is for.
        header: Box<SignedHeader>,
    },
    /// Sign the vote.
    Commit(Vote),
    /// Sign the suspicion.
    Suspect(Suspect),
    /// Sign the head; send it with what it claims.
    ViewChange {
        /// The head.
        head: ViewChangeHead,
        /// The certificate that it names.
        certificate: Option<Certificate>,
        /// The right to be in this view.
        timeout: Box<TimeoutCertificate>,
    },
    /// Sign the body; send it with its base's certificate.
    NewView {
        /// The body.
        body: NewViewBody,
        /// The base's certificate.
        certificate: Option<Certificate>,
    },
    /// Sign the heartbeat.
    Heartbeat(Heartbeat),
    /// Sign the status.
    Status(outvote_types::Status),
    /// Sign the checkpoint vote.
    Checkpoint(CheckpointVote),
    /// Sign the fetch.
    Fetch(Fetch),
    /// Already complete: a certificate, a retransmission, evidence, relayed requests, data.
    Ready(Message),
}

/// A block that is committed, for the executor and the archive. Emitted in order, without gaps.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    /// Its identity.
    pub id: Digest,
    /// Header and batches.
    pub block: Block,
    /// Its own COMMIT certificate; `None` when a descendant's covers it, which then follows.
    pub certificate: Option<Certificate>,
}

/// One effect.
#[derive(Clone, Debug)]
pub enum Output {
    /// Append these records as one group, and say [`crate::Input::Durable`] when they are on disk.
    Persist {
        /// The records, in order.
        records: Vec<Record>,
        /// The group's name.
        ticket: Ticket,
    },
    /// Sign, feed back to us and send.
    Send {
        /// To whom.
        to: Recipients,
        /// What.
        draft: Draft,
        /// Not before this is durable.
        after: Option<Ticket>,
    },
    /// Execute and archive.
    Commit(Arc<CommittedBlock>),
    /// A later COMMIT certificate for already emitted blocks: archive it (receipts walk to it).
    Certified(Certificate),
    /// Sign our REPLY for this executed block and give it to the clients.
    Reply {
        /// The block's place.
        sequence: Sequence,
        /// The block.
        id: Digest,
        /// The root of its results.
        result_root: Digest,
    },
    /// A peer asks for what only the archive or the executor holds: answer it from there.
    Serve {
        /// Who asked.
        to: ReplicaId,
        /// For what.
        fetch: Fetch,
    },
    /// Fetch and install the state of this stable checkpoint; then say [`crate::Input::StateInstalled`], or
    /// [`crate::Input::StateKept`] when it cannot be had.
    FetchState {
        /// The proof that the state is the agreed one.
        certificate: CheckpointCertificate,
        /// Whether ours is wrong (C4), and not just old.
        repair: bool,
    },
    /// This checkpoint is stable: the log may drop what lies `retain_from` below, snapshots before it may go.
    Stable {
        /// The certificate.
        certificate: CheckpointCertificate,
        /// The lowest sequence whose block must stay in the log.
        retain_from: Sequence,
    },
    /// A request of our client was refused: overload or a bad nonce; never the leader's fault.
    Refuse {
        /// The session.
        session: PublicKey,
        /// Its nonce.
        nonce: Nonce,
        /// Whether trying again later may help.
        busy: bool,
    },
    /// Proof of misbehaviour was found (first time per accused and rule): keep it, show it.
    Accuse(Box<Evidence>),
    /// Something that people, tests and traces may want to know.
    Note(Note),
}

/// What a replica tells people and tests. Never acted upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A message was ignored, for this reason (a rule's number and a word).
    Ignored {
        /// From whom.
        from: ReplicaId,
        /// Why.
        why: &'static str,
    },
    /// This replica suspects the leader, for the reason with this letter (`a` to `i`).
    Suspected {
        /// The view.
        view: View,
        /// The reason's letter in V rules; `r` for handing over after a restart.
        reason: char,
    },
    /// This replica entered a view.
    Entered {
        /// The view.
        view: View,
        /// Its leader.
        leader: ReplicaId,
    },
    /// The view works: its NEWVIEW was accepted.
    Opened {
        /// The view.
        view: View,
    },
    /// This replica votes again after sitting out.
    VotesAgain {
        /// The view.
        view: View,
    },
    /// This replica's state is not the quorum's: it stopped answering and repairs itself.
    Diverged {
        /// The checkpoint that showed it.
        sequence: Sequence,
    },
    /// The repair is done.
    Repaired {
        /// Up to here.
        sequence: Sequence,
    },
    /// The disk has lost the proof of this replica's lock; until somebody sends it, or a higher one, it takes part in no
    /// change of view (D23).
    ProofMissing {
        /// The lock's rank.
        rank: Rank,
        /// Its block.
        id: Digest,
    },
    /// A block that was agreed on has been asked of everybody who is said to hold it, and nobody has sent it (D25). Nothing
    /// from there on is committed here before it comes; it is asked for on and on.
    BlockMissing {
        /// Its place.
        sequence: Sequence,
        /// The block, where it is known.
        id: Option<Digest>,
    },
    /// This replica may never vote again with this key: its promises are lost or rolled back.
    Observer {
        /// Why.
        why: &'static str,
    },
}
