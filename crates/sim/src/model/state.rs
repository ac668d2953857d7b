//! A state of the model and its canonical form.

use super::mutant::Mutant;
use outvote_types::{Quorum, Rank, Sequence, View};

/// Blocks besides genesis at most; one bit each in a replica's sets.
pub(super) const MAX_BLOCKS: usize = 6;
/// Correct replicas at most.
pub(super) const MAX_CORRECT: usize = 5;
/// The index that stands for "no such block".
pub(super) const ABSENT: u8 = 7;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// The committee's arithmetic.
    pub quorum: Quorum,
    /// How many replicas lie; the others are correct.
    pub byzantine: usize,
    /// Views, from view 0.
    pub views: u8,
    /// Blocks that the leaders of one view get prepared at most, equivocations included.
    pub blocks_per_view: u8,
    /// Whether latecomers may jump to certified blocks (N13).
    pub fast_forward: bool,
    /// Whether correct replicas restart (D7).
    pub restarts: bool,
    /// Which interleavings are taken.
    pub order: Order,
    /// The rule that is broken on purpose.
    pub mutant: Option<Mutant>,
}

/// Which interleavings are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All of them, step by step, with no argument about which matter.
    Free,
    /// All steps of one view before the first step of the next, and no step that only takes choices from the adversary.
    /// The module's documentation says why this loses no fork; a test compares the verdicts of both.
    ByView,
}

impl Configuration {
    /// The honest protocol for `n` replicas of which `f` lie.
    ///
    /// # Errors
    /// When `n` is too small for byzantine mode.
    pub fn honest(n: usize, views: u8, blocks_per_view: u8) -> Result<Self, outvote_types::QuorumError> {
        let quorum = Quorum::byzantine(n)?;
        let byzantine = quorum.f();
        let (fast_forward, restarts, order) = (true, true, Order::ByView);
        Ok(Self { quorum, byzantine, views, blocks_per_view, fast_forward, restarts, order, mutant: None })
    }

    /// The same with every interleaving.
    #[must_use]
    pub const fn free(mut self) -> Self {
        self.order = Order::Free;
        self
    }

    /// The same with one rule broken.
    #[must_use]
    pub const fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// How many correct replicas there are.
    #[must_use]
    pub const fn correct(&self) -> usize {
        self.quorum.n() - self.byzantine
    }

    pub(super) const fn slots(&self) -> usize {
        self.views as usize * self.blocks_per_view as usize
    }

    /// The view to which a block's index belongs: each view owns `blocks_per_view` indices; genesis is index 0.
    pub(super) const fn view_of(&self, block: u8) -> u8 {
        if block == 0 { 0 } else { (block - 1) / self.blocks_per_view }
    }

    pub(super) const fn first_of(&self, view: u8) -> u8 {
        1 + view * self.blocks_per_view
    }
}

/// One block: its parent's index, or `ABSENT`.
pub type Block = u8;

/// Where a correct replica stands in its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// It entered the view and has prepared nothing in it.
    Changing,
    /// It restarted in the view and sits out.
    SittingOut,
    /// It is in normal mode and this block is the last that it prepared, or its base.
    Normal(Block),
}

/// One correct replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local {
    /// Its view (durable).
    pub view: u8,
    /// Where it stands (lost at a restart).
    pub position: Position,
    /// The block of its highest certificate (durable).
    pub lock: Block,
    /// The vote lease of its view, a sequence (durable).
    pub lease: u8,
    /// The blocks that it prepared, a bit each (messages, never unsent).
    pub prepared: u8,
    /// The blocks that it sent COMMIT for.
    pub committed: u8,
    /// For each view from 1 on, the lowest lock that it reported, or `ABSENT`.
    pub heads: [Block; 2],
    /// Whether this process came to its position by a fast-forward; kept only for the mutant that asks.
    pub jumped: bool,
}

impl Local {
    const START: Self = Self {
        view: 0,
        position: Position::Normal(0),
        lock: 0,
        lease: 0,
        prepared: 0,
        committed: 0,
        heads: [ABSENT; 2],
        jumped: false,
    };

    fn pack(&self) -> u128 {
        let position = match self.position {
            Position::Changing => 8,
            Position::SittingOut => 9,
            Position::Normal(block) => block,
        };
        u128::from(self.view)
            | u128::from(position) << 2
            | u128::from(self.lock) << 6
            | u128::from(self.lease) << 9
            | u128::from(self.prepared) << 12
            | u128::from(self.committed) << 18
            | u128::from(self.heads[0]) << 24
            | u128::from(self.heads[1]) << 27
            | u128::from(self.jumped) << 30
    }

    fn unpack(bits: u128) -> Self {
        let field = |shift: u32, width: u32| ((bits >> shift) & ((1 << width) - 1)) as u8;
        let position = match field(2, 4) {
            8 => Position::Changing,
            9 => Position::SittingOut,
            block => Position::Normal(block),
        };
        Self {
            view: field(0, 2),
            position,
            lock: field(6, 3),
            lease: field(9, 3),
            prepared: field(12, 6),
            committed: field(18, 6),
            heads: [field(24, 3), field(27, 3)],
            jumped: field(30, 1) == 1,
        }
    }

    /// The same replica after two blocks exchanged their indices.
    fn renamed(mut self, a: u8, b: u8) -> Self {
        let name = |block: u8| {
            if block == a {
                b
            } else if block == b {
                a
            } else {
                block
            }
        };
        let set = |bits: u8| {
            let (low, high) = (bits >> (a - 1) & 1, bits >> (b - 1) & 1);
            bits & !(1 << (a - 1)) & !(1 << (b - 1)) | low << (b - 1) | high << (a - 1)
        };
        if let Position::Normal(block) = self.position {
            self.position = Position::Normal(name(block));
        }
        self.lock = name(self.lock);
        self.prepared = set(self.prepared);
        self.committed = set(self.committed);
        self.heads = self.heads.map(name);
        self
    }
}

/// Bits of one packed replica.
const LOCAL_BITS: usize = 31;

/// The whole model at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The parent of each block, index 1 first.
    pub parents: [Block; MAX_BLOCKS],
    /// The correct replicas; only the first [`Configuration::correct`] count.
    pub replicas: [Local; MAX_CORRECT],
}

impl State {
    /// Nobody has voted; view 0 is open on genesis (Q6).
    pub const START: Self = Self { parents: [ABSENT; MAX_BLOCKS], replicas: [Local::START; MAX_CORRECT] };

    /// Whether the block has been proposed.
    #[must_use]
    pub const fn exists(&self, block: Block) -> bool {
        block == 0 || self.parents[block as usize - 1] != ABSENT
    }

    /// How far the block lies from genesis.
    #[must_use]
    pub const fn sequence(&self, mut block: Block) -> u8 {
        let mut sequence = 0;
        while block != 0 {
            block = self.parents[block as usize - 1];
            sequence += 1;
        }
        sequence
    }

    /// The rank of a certificate for the block, in the replicas' own ordering.
    #[must_use]
    pub fn rank(&self, configuration: &Configuration, block: Block) -> Rank {
        let view = u64::from(configuration.view_of(block));
        let sequence = u64::from(self.sequence(block));
        if configuration.is(Mutant::RankBySequence) {
            return Rank { view: View(sequence), sequence: Sequence(view) };
        }
        Rank { view: View(view), sequence: Sequence(sequence) }
    }

    /// Whether one of the blocks is the other's ancestor, or the same.
    #[must_use]
    pub const fn on_one_chain(&self, a: Block, b: Block) -> bool {
        self.descends(a, b) || self.descends(b, a)
    }

    const fn descends(&self, mut block: Block, ancestor: Block) -> bool {
        loop {
            if block == ancestor {
                return true;
            }
            if block == 0 {
                return false;
            }
            block = self.parents[block as usize - 1];
        }
    }

    /// The least packed form among all states that differ only in names. Only for up to three correct replicas.
    #[must_use]
    pub fn canonical(&self, configuration: &Configuration) -> u128 {
        let mut best = self.packed(configuration.correct());
        if configuration.blocks_per_view < 2 {
            return best;
        }
        let mut variants = [*self; 8];
        let mut count = 1;
        for view in 0..configuration.views {
            let (a, b) = (configuration.first_of(view), configuration.first_of(view) + 1);
            let twins = self.exists(b) && self.parents[a as usize - 1] == self.parents[b as usize - 1];
            // With three blocks a view only the first two are exchanged: a smaller symmetry, never a wrong one.
            if twins && count * 2 <= variants.len() {
                for index in 0..count {
                    let swapped = variants[index].renamed(a, b, configuration.correct());
                    best = best.min(swapped.packed(configuration.correct()));
                    variants[count + index] = swapped;
                }
                count *= 2;
            }
        }
        best
    }

    fn renamed(mut self, a: u8, b: u8, correct: usize) -> Self {
        self.parents = self.parents.map(|parent| {
            if parent == a {
                b
            } else if parent == b {
                a
            } else {
                parent
            }
        });
        for replica in &mut self.replicas[..correct] {
            *replica = replica.renamed(a, b);
        }
        self
    }

    fn packed(&self, correct: usize) -> u128 {
        let mut locals = [0; 3];
        for (slot, replica) in locals[..correct].iter_mut().zip(&self.replicas) {
            *slot = replica.pack();
        }
        locals[..correct].sort_unstable();
        let mut bits = self.parents.iter().rev().fold(0, |bits, parent| bits << 3 | u128::from(*parent));
        for local in locals {
            bits = bits << LOCAL_BITS | local;
        }
        bits
    }

    /// The state that a packed form stands for.
    #[must_use]
    pub fn unpack(mut bits: u128, correct: usize) -> Self {
        let mut state = Self::START;
        for index in (0..3).rev() {
            if index < correct {
                state.replicas[index] = Local::unpack(bits & ((1 << LOCAL_BITS) - 1));
            }
            bits >>= LOCAL_BITS;
        }
        for parent in &mut state.parents {
            *parent = (bits & 7) as u8;
            bits >>= 3;
        }
        state
    }
}
