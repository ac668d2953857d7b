//! The stream of committed blocks, each taken only when `f + 1` replicas say the same.

use crate::timers::after_ms;
use crate::verifier::{ReplyVerifier, SharedVerify};
use outvote_crypto::Keyring;
use outvote_types::client::{FOLLOW_WINDOW_BLOCKS, StreamedOperation, ToClient, ToReplica};
use outvote_types::{
    Committee, Digest, Header, Instant, QuorumError, ReplicaId, Reply, Sequence, Signed, encode, merkle,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Blocks beyond the last taken one that are held per replica at most; what comes later is asked for again.
const MAX_BLOCKS_AHEAD: usize = 2 * FOLLOW_WINDOW_BLOCKS as usize;
/// Operations of one block at most; a replica that shows more is not believed.
const MAX_OPERATIONS_PER_BLOCK: usize = 1 << 18;
/// How long a replica may lag behind another that showed the next block before all are followed, milliseconds.
const PATIENCE_MS: u64 = 500;

/// A committed block with all that came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedBlock {
    /// The header.
    pub header: Header,
    /// The operations that the block executed, in order.
    pub operations: Vec<StreamedOperation>,
    /// The words of `f + 1` replicas, equal but for the signer.
    pub proof: Vec<Signed<Reply>>,
}

/// What a follower asks for and reports.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowerOutput {
    /// Send this over the link to `to`.
    Send {
        /// Over which link.
        to: ReplicaId,
        /// What.
        message: ToReplica,
    },
    /// The next block, each exactly once and without a gap.
    Block(Box<CommittedBlock>),
    /// `f + 1` replicas no longer have the next block; the lowest place that they say they have.
    Gone(Sequence),
    /// A replica sent what no honest one sends.
    Distrust {
        /// Which replica.
        replica: ReplicaId,
        /// What it did.
        why: &'static str,
    },
}

/// A block as one replica shows it, perhaps only its first pages.
#[derive(Debug)]
struct Shown {
    header: Header,
    reply: Signed<Reply>,
    operations: Vec<StreamedOperation>,
    /// Set when the operations are all there: the digest of everything but the signature.
    complete: Option<Digest>,
}

/// Follows the committed blocks from a place on. To resume exactly once, store the sequence of the last block together
/// with its effects and start at the next.
pub struct Follower {
    next: Sequence,
    verifier: ReplyVerifier,
    up: Vec<bool>,
    followed: Vec<bool>,
    shown: Vec<VecDeque<Shown>>,
    gone: BTreeMap<ReplicaId, Sequence>,
    parent: Option<Digest>,
    stalled_at: Option<Instant>,
    outputs: Vec<FollowerOutput>,
}

impl Follower {
    /// A follower whose first block is `from` (the first of all is 1).
    ///
    /// # Errors
    /// When the committee has a size that Byzantine agreement cannot serve.
    pub fn new(committee: &Committee, verify: SharedVerify, from: Sequence) -> Result<Self, QuorumError> {
        let n = committee.quorum()?.n();
        Ok(Self {
            next: from.max(Sequence(1)),
            verifier: ReplyVerifier::new(Arc::new(Keyring::new(committee.clone())), verify),
            up: vec![false; n],
            followed: vec![false; n],
            shown: (0..n).map(|_| VecDeque::new()).collect(),
            gone: BTreeMap::new(),
            parent: None,
            stalled_at: None,
            outputs: Vec::new(),
        })
    }

    /// The next block's place: what to store as the cursor.
    #[must_use]
    pub const fn next(&self) -> Sequence {
        self.next
    }

    /// A link came up or went down.
    pub fn on_link(&mut self, now: Instant, peer: ReplicaId, up: bool) {
        let Some(slot) = self.up.get_mut(peer.index()) else { return };
        *slot = up;
        self.unfollow(peer);
        self.follow_some(now);
    }

    fn unfollow(&mut self, peer: ReplicaId) {
        if let Some(slot) = self.followed.get_mut(peer.index()) {
            *slot = false;
        }
        if let Some(shown) = self.shown.get_mut(peer.index()) {
            shown.clear();
        }
        self.gone.remove(&peer);
    }

    /// Keeps `f + 1` replicas followed, or all of them while those do not agree in time.
    fn follow_some(&mut self, now: Instant) {
        let quorum = self.verifier.keyring().quorum();
        let is_stalled = self.stalled_at.is_some_and(|since| now >= after_ms(since, PATIENCE_MS));
        let wanted = if is_stalled || !self.gone.is_empty() { quorum.n() } else { quorum.weak() };
        for to in quorum.members() {
            let followed = self.followed.iter().filter(|followed| **followed).count();
            if followed >= wanted {
                return;
            }
            let index = to.index();
            if self.up[index] && !self.followed[index] {
                self.followed[index] = true;
                self.outputs
                    .push(FollowerOutput::Send { to, message: ToReplica::Follow { from: self.next } });
            }
        }
    }

    /// Takes a message from the authenticated link of `from`; all but those of the stream are passed over.
    pub fn on_message(&mut self, now: Instant, from: ReplicaId, message: ToClient) {
        match message {
            ToClient::Block { header, reply, operations } => {
                self.on_block(from, header.body, reply, operations.into_inner());
                self.advance(now);
            }
            ToClient::StreamGone { oldest } if oldest > self.next => {
                self.gone.insert(from, oldest);
                self.follow_some(now);
                let weak = self.verifier.keyring().quorum().weak();
                // The lowest of the claims: starting there skips nothing that an honest replica still has.
                if self.gone.len() >= weak
                    && let Some(oldest) = self.gone.values().min()
                {
                    self.outputs.push(FollowerOutput::Gone(*oldest));
                }
            }
            _ => {}
        }
    }

    fn distrust(&mut self, replica: ReplicaId, why: &'static str) {
        self.outputs.push(FollowerOutput::Distrust { replica, why });
    }

    fn on_block(
        &mut self,
        from: ReplicaId,
        header: Header,
        reply: Signed<Reply>,
        operations: Vec<StreamedOperation>,
    ) {
        if header.sequence < self.next || !self.followed.get(from.index()).copied().unwrap_or(false) {
            return;
        }
        let id = header.id();
        let fits = reply.body.sequence == header.sequence && reply.body.id == id;
        let answers_fit =
            operations.iter().all(|operation| operation.answer.digest() == operation.leaf.answer);
        if !fits || !answers_fit || !self.verifier.is_word_of(from, &reply) {
            return self.distrust(from, "a block of the stream that its own signed word does not cover");
        }
        let next = self.next;
        let Some(shown) = self.shown.get_mut(from.index()) else { return };
        let expected = shown.back().map_or(next, |last| match last.complete {
            Some(_) => last.header.sequence.next(),
            None => last.header.sequence,
        });
        if header.sequence != expected {
            // A gap, or a repetition after the link was renewed: what is missing is asked for again.
            return;
        }
        if shown.back().is_none_or(|last| last.complete.is_some()) {
            if shown.len() >= MAX_BLOCKS_AHEAD {
                return;
            }
            shown.push_back(Shown { header, reply, operations: Vec::new(), complete: None });
        }
        let Some(open) = shown.back_mut() else { return };
        let is_next_page =
            operations.first().is_none_or(|first| first.position as usize == open.operations.len())
                && open.header.id() == id
                && open.operations.len() + operations.len() <= MAX_OPERATIONS_PER_BLOCK;
        if !is_next_page {
            return self.distrust(from, "pages of a block out of order");
        }
        open.operations.extend(operations);
        open.try_complete();
    }

    /// Takes every block that `f + 1` replicas show alike.
    fn advance(&mut self, now: Instant) {
        let mut has_advanced = false;
        while let Some(block) = self.take_next() {
            has_advanced = true;
            self.parent = Some(block.header.id());
            self.next = block.header.sequence.next();
            for shown in &mut self.shown {
                while shown.front().is_some_and(|first| first.header.sequence < self.next) {
                    shown.pop_front();
                }
            }
            self.gone.clear();
            self.outputs.push(FollowerOutput::Block(Box::new(block)));
        }
        if has_advanced {
            self.stalled_at = None;
        }
        // Somebody shows the next block and the others do not: a liar or a laggard is among those followed.
        if self.shown.iter().any(|shown| !shown.is_empty()) {
            self.stalled_at.get_or_insert(now);
        }
    }

    fn take_next(&mut self) -> Option<CommittedBlock> {
        let weak = self.verifier.keyring().quorum().weak();
        let heads: Vec<&Shown> = self
            .shown
            .iter()
            .filter_map(VecDeque::front)
            .filter(|first| first.header.sequence == self.next && first.complete.is_some())
            .filter(|first| self.parent.is_none_or(|parent| parent == first.header.parent))
            .collect();
        let chosen =
            heads.iter().find(|a| heads.iter().filter(|b| a.complete == b.complete).count() >= weak)?;
        let equal = heads.iter().filter(|head| head.complete == chosen.complete);
        let proof = equal.take(weak).map(|head| head.reply.clone()).collect();
        Some(CommittedBlock { header: chosen.header.clone(), operations: chosen.operations.clone(), proof })
    }

    /// The consumer has dealt with the blocks up to this one: the replicas may send that many more.
    pub fn taken(&mut self, upto: Sequence) {
        for to in self.verifier.keyring().quorum().members().filter(|id| self.followed[id.index()]) {
            self.outputs.push(FollowerOutput::Send { to, message: ToReplica::More { upto } });
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        if self.wake_at().is_some_and(|at| now >= at) {
            self.follow_some(now);
            self.restart_stuck();
            // The next block that somebody shows starts the clock again.
            self.stalled_at = None;
        }
    }

    /// Follows anew whoever was shed or shows another block than the rest.
    fn restart_stuck(&mut self) {
        for to in self.verifier.keyring().quorum().members() {
            let index = to.index();
            if self.followed[index] && self.up[index] {
                self.shown[index].clear();
                self.outputs
                    .push(FollowerOutput::Send { to, message: ToReplica::Follow { from: self.next } });
            }
        }
    }

    /// When [`Follower::tick`] has something to do next.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.stalled_at.map(|since| after_ms(since, PATIENCE_MS))
    }

    /// All that is to be sent and reported, in order.
    #[must_use]
    pub fn drain(&mut self) -> Vec<FollowerOutput> {
        core::mem::take(&mut self.outputs)
    }
}

impl Shown {
    /// The block is whole when its leaves lead to the signed root.
    fn try_complete(&mut self) {
        let leaves: Vec<Digest> = self.operations.iter().map(|operation| operation.leaf.digest()).collect();
        if merkle::root(&leaves) == self.reply.body.result_root {
            // Payloads and authors are under no root here, so replicas must agree on every byte of them.
            let bytes = encode(&self.operations);
            self.complete =
                Some(Digest::of_parts(&[&self.reply.body.id.0, &self.reply.body.result_root.0, &bytes]));
        }
    }
}
