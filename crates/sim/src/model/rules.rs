//! Everything that may happen next.

use super::mutant::Mutant;
use super::state::{ABSENT, Block, Configuration, Local, Order, Position, State};

impl State {
    /// Whether a prepare certificate for the block can be shown: the liars vote for everything.
    #[must_use]
    pub fn is_prepared(&self, configuration: &Configuration, block: Block) -> bool {
        // Q4: q votes of different members.
        block == 0 || self.votes(configuration, block, |replica| replica.prepared)
    }

    /// Whether a commit certificate for the block can be shown.
    #[must_use]
    pub fn is_committed(&self, configuration: &Configuration, block: Block) -> bool {
        if configuration.is(Mutant::CommitAfterPrepare) {
            return self.is_prepared(configuration, block);
        }
        block == 0 || self.votes(configuration, block, |replica| replica.committed)
    }

    fn votes(&self, configuration: &Configuration, block: Block, set: impl Fn(&Local) -> u8) -> bool {
        let correct = &self.replicas[..configuration.correct()];
        let votes = correct.iter().filter(|replica| set(replica) >> (block - 1) & 1 == 1).count();
        votes + configuration.byzantine >= configuration.quorum.quorum()
    }

    /// Two committed blocks that are not on one chain.
    #[must_use]
    pub fn fork(&self, configuration: &Configuration) -> Option<(Block, Block)> {
        let last = configuration.slots() as u8;
        let committed = |block: &Block| self.exists(*block) && self.is_committed(configuration, *block);
        (1..=last).filter(committed).find_map(|a| {
            (a + 1..=last).filter(committed).find(|b| !self.on_one_chain(a, *b)).map(|b| (a, b))
        })
    }

    /// Calls `visit` with every state that one step leads to.
    pub fn successors(&self, configuration: &Configuration, mut visit: impl FnMut(Self)) {
        let context = Context { configuration, state: self, prepared: self.certificates(configuration) };
        for index in 0..configuration.correct() {
            context.prepare(index, &mut visit);
            context.use_certificates(index, &mut visit);
            context.accept_new_view(index, &mut visit);
            context.restart(index, &mut visit);
            if configuration.order == Order::Free {
                context.enter(index, &mut visit);
            }
        }
        if configuration.order == Order::ByView && self.replicas[0].view + 1 < configuration.views {
            visit(context.next_view());
        }
    }

    fn certificates(&self, configuration: &Configuration) -> u8 {
        let held = |block: &u8| self.exists(*block) && self.is_prepared(configuration, *block);
        (0..=configuration.slots() as u8).filter(held).fold(0, |bits, block| bits | 1 << block)
    }
}

/// One state with what can be shown in it.
struct Context<'a> {
    configuration: &'a Configuration,
    state: &'a State,
    /// A bit for each certified block; bit 0 is genesis.
    prepared: u8,
}

impl Context<'_> {
    fn with(&self, index: usize, local: Local) -> State {
        let mut next = *self.state;
        next.replicas[index] = local;
        next
    }

    fn blocks_of(&self, view: u8) -> std::ops::Range<u8> {
        let first = self.configuration.first_of(view);
        first..first + self.configuration.blocks_per_view
    }

    /// N6, N10: the child of the last prepared header, in the own view; the leader may propose anything.
    fn prepare(&self, index: usize, visit: &mut impl FnMut(State)) {
        let local = self.state.replicas[index];
        let Position::Normal(last) = local.position else { return };
        for block in self.blocks_of(local.view) {
            let parent = self.state.parents[usize::from(block) - 1];
            if parent != ABSENT && parent != last {
                continue;
            }
            let mut next = *self.state;
            next.parents[usize::from(block) - 1] = last;
            let sequence = next.sequence(block);
            let voter = &mut next.replicas[index];
            voter.prepared |= 1 << (block - 1);
            voter.position = Position::Normal(block);
            // D3: the durable lease covers what is prepared.
            if !self.configuration.is(Mutant::PrepareBeyondLease) {
                voter.lease = voter.lease.max(sequence);
            }
            visit(next);
            if parent == ABSENT {
                // The first unused index stands for every new block.
                break;
            }
        }
    }

    fn use_certificates(&self, index: usize, visit: &mut impl FnMut(State)) {
        let local = self.state.replicas[index];
        for block in 1..=self.configuration.slots() as u8 {
            if self.prepared >> block & 1 == 0 || self.configuration.view_of(block) > local.view {
                continue;
            }
            let mut locked = local;
            if self.rank(block) > self.rank(local.lock) {
                // N11, C7: the lock only rises.
                locked.lock = block;
                if self.configuration.order == Order::Free {
                    visit(self.with(index, locked));
                }
            }
            if self.configuration.view_of(block) < local.view {
                continue;
            }
            if local.committed >> (block - 1) & 1 == 0 {
                // N11: COMMIT, for blocks of the own view only.
                let mut voted = locked;
                voted.committed |= 1 << (block - 1);
                visit(self.with(index, voted));
            }
            self.fast_forward(index, local, block, visit);
        }
    }

    fn fast_forward(&self, index: usize, mut local: Local, block: Block, visit: &mut impl FnMut(State)) {
        let sequence = self.state.sequence(block);
        let may = match local.position {
            // N13: a latecomer jumps upwards to a certified block of its view.
            Position::Changing => self.configuration.fast_forward,
            Position::Normal(last) => self.configuration.fast_forward && sequence > self.state.sequence(last),
            // D9: after a restart only to a certified block at or above the lease.
            Position::SittingOut => self.configuration.is(Mutant::LeaseForgotten) || sequence >= local.lease,
        };
        if may {
            local.position = Position::Normal(block);
            local.jumped |= self.configuration.is(Mutant::NewViewAfterFastForward);
            visit(self.with(index, local));
        }
    }

    /// V11 to V14: a suspicion certificate can always be had; the VIEWCHANGE leaves at once.
    fn enter(&self, index: usize, visit: &mut impl FnMut(State)) {
        let local = self.state.replicas[index];
        for view in local.view + 1..self.configuration.views {
            visit(self.with(index, entered(local, view, true)));
            // V12: a certificate of the view is a justification too, and then no VIEWCHANGE is sent.
            let shown = self.blocks_of(view).any(|block| self.prepared >> block & 1 == 1);
            if shown {
                visit(self.with(index, entered(local, view, false)));
            }
        }
    }

    /// All replicas enter the next view, and what can matter no more is forgotten.
    fn next_view(&self) -> State {
        let mut next = *self.state;
        let view = self.state.replicas[0].view + 1;
        let correct = self.configuration.correct();
        for block in self.blocks_of(view - 1) {
            let bit = 1 << (block - 1);
            let (prepared, committed) = (
                self.prepared >> block & 1 == 1,
                self.state.exists(block) && self.state.is_committed(self.configuration, block),
            );
            for replica in &mut next.replicas[..correct] {
                replica.prepared = if prepared { replica.prepared | bit } else { replica.prepared & !bit };
                replica.committed =
                    if committed { replica.committed | bit } else { replica.committed & !bit };
            }
        }
        for replica in &mut next.replicas[..correct] {
            replica.heads = [ABSENT; 2];
            *replica = entered(*replica, view, true);
        }
        next
    }

    /// V19 to V21.
    fn accept_new_view(&self, index: usize, visit: &mut impl FnMut(State)) {
        let local = self.state.replicas[index];
        let last = match self.configuration.order {
            Order::Free => self.configuration.views - 1,
            Order::ByView => local.view,
        };
        for view in local.view.max(1)..=last {
            let here = view == local.view;
            let may = match local.position {
                _ if !here => true,
                Position::Changing => true,
                Position::SittingOut => self.configuration.is(Mutant::NewViewAfterRestart),
                Position::Normal(_) => local.jumped,
            };
            if !may {
                continue;
            }
            for base in 0..self.configuration.first_of(view) {
                if self.prepared >> base & 1 == 1 && self.can_open(view, base) {
                    let mut opened = if here { local } else { entered(local, view, false) };
                    opened.jumped = false;
                    opened.position = Position::Normal(base);
                    visit(self.with(index, opened));
                }
            }
        }
    }

    /// Whether a quorum of heads for `view` exists whose highest is `base`: the liars claim it, or anything below it.
    fn can_open(&self, view: u8, base: Block) -> bool {
        let needed = if self.configuration.is(Mutant::ViewChangeQuorumOfTwo) {
            2
        } else {
            self.configuration.quorum.quorum()
        };
        let key = (self.rank(base), base);
        let correct = &self.state.replicas[..self.configuration.correct()];
        let below = correct.iter().filter(|replica| {
            let head = replica.heads[usize::from(view) - 1];
            head != ABSENT && (self.rank(head), head) <= key
        });
        below.count() + self.configuration.byzantine >= needed
    }

    fn restart(&self, index: usize, visit: &mut impl FnMut(State)) {
        if !self.configuration.restarts {
            return;
        }
        let mut local = self.state.replicas[index];
        let idle = local.position == Position::Changing;
        if idle
            && self.configuration.order == Order::ByView
            && !self.configuration.is(Mutant::LockLostAtRestart)
        {
            return;
        }
        // D7: what was prepared is forgotten; view, lock and lease are on disk.
        local.position = Position::SittingOut;
        local.jumped = false;
        if self.configuration.is(Mutant::LockLostAtRestart) {
            local.lock = 0;
            if local.view > 0 {
                local.heads[usize::from(local.view) - 1] = 0;
            }
        }
        if self.configuration.is(Mutant::VotesAgainAfterRestart) {
            local.position = if local.view == 0 { Position::Normal(0) } else { Position::Changing };
        }
        visit(self.with(index, local));
    }

    fn rank(&self, block: Block) -> outvote_types::Rank {
        self.state.rank(self.configuration, block)
    }
}

fn entered(mut local: Local, view: u8, by_suspicions: bool) -> Local {
    local.view = view;
    local.position = Position::Changing;
    local.lease = 0;
    local.jumped = false;
    // V14: by suspicions only, and its certificate lies below the view.
    if by_suspicions {
        local.heads[usize::from(view) - 1] = local.lock;
    }
    local
}
