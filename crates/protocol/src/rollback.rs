//! Messages of our own key that neither our disk nor this process knows of: the disk is an old copy (D18).

use crate::record::{Promise, Record};
use crate::replica::Replica;
use crate::word::{self, Word};
use outvote_types::planted::{self, Bug};
use outvote_types::{Message, Phase, Rank, View};

/// From the first to the last of what this process had signed of one kind, in an order in which its signatures rise.
#[derive(Clone, Copy, Debug)]
struct Span<T>(Option<(T, T)>);

impl<T: Copy + Ord> Span<T> {
    fn add(&mut self, at: T) {
        self.0 = Some(self.0.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    fn covers(&self, at: T) -> bool {
        self.0.is_some_and(|(first, last)| first <= at && at <= last)
    }
}

/// What this key may have signed: by the promises that were on the disk when this process began, and by this process.
#[derive(Debug)]
pub(crate) struct OwnWords {
    /// What earlier processes may have signed lies within this. Later promises do not matter here: an old copy that has
    /// caught up with the others promises as much as they do, and knows as little of what it said before.
    found: Promise,
    /// N10: ranks rise, across views too.
    prepares: Span<Rank>,
    /// N12: so they do here.
    commits: Span<Rank>,
    /// V15: the ranks of one view's heads rise.
    heads: Span<(View, Rank)>,
    openings: Span<View>,
    /// Whether the log says that this key votes no more.
    pub(crate) retired: bool,
    /// Whether another process signs with this key too, and is meant to.
    pub(crate) shared: bool,
}

impl OwnWords {
    pub(crate) const fn since(found: Promise, retired: bool) -> Self {
        Self {
            found,
            prepares: Span(None),
            commits: Span(None),
            heads: Span(None),
            openings: Span(None),
            retired,
            shared: false,
        }
    }

    /// D13: no COMMIT and no head of a higher rank was sent by the promises as they are found here.
    pub(crate) const fn locked_at(&mut self, rank: Rank) {
        self.found.high_rank = rank;
    }

    /// Takes note of what was just signed: our own message comes back before anybody else can have it.
    pub(crate) fn say(&mut self, message: &Message) {
        match message {
            Message::Propose(propose) => self.prepares.add(propose.prepare.body.rank()),
            Message::Prepare(prepare) => self.prepares.add(prepare.vote.body.rank()),
            Message::Commit(vote) => self.commits.add(vote.body.rank()),
            Message::ViewChange(change) => self.heads.add((change.head.body.view, change.head.body.rank)),
            Message::NewView(new_view) => self.openings.add(new_view.signed.body.view),
            // D18: the others may outrun the disk, or bind to nothing.
            _ => {}
        }
    }

    /// Whether this key may have signed this. A yes may be wrong, a no never is.
    fn admit(&self, word: &Word<'_>) -> bool {
        match word {
            Word::Vote(vote, _) if vote.phase == Phase::Commit => {
                // D1: committed only with the lock at least there.
                vote.rank() <= self.found.high_rank || self.commits.covers(vote.rank())
            }
            Word::Vote(vote, _) => self.admit_prepare(vote.rank()),
            Word::Header(header) => self.admit_prepare(header.rank()),
            // D2: nothing of a view leaves before the view is promised, and with it the lock.
            Word::Head(head) => {
                let (view, rank) = (head.body.view, head.body.rank);
                (view <= self.found.view && rank <= self.found.high_rank) || self.heads.covers((view, rank))
            }
            Word::Opening(body) => body.view <= self.found.view || self.openings.covers(body.view),
        }
    }

    /// D3: prepared only under a lease of its view.
    fn admit_prepare(&self, rank: Rank) -> bool {
        let found = &self.found;
        rank.view < found.view
            || (rank.view == found.view && rank.sequence <= found.lease)
            || self.prepares.covers(rank)
    }
}

impl Replica {
    /// Whether a message shows a word of our own key that this disk and this process know nothing of.
    pub(crate) fn shows_old_copy(&self, message: &Message) -> bool {
        let me = self.config.me;
        let mut found = false;
        word::of_message(message, &mut |word| {
            found |= word.signer() == me && (!self.own.admit(&word) || self.contradicts_own(&word));
        });
        found
    }

    /// Whether it is a vote of ours for another block than the one that we are known to have voted for.
    fn contradicts_own(&self, word: &Word<'_>) -> bool {
        let Word::Vote(vote, _) = word else { return false };
        let own = self.slots.get(vote.rank()).and_then(|slot| slot.votes(vote.phase).get(&self.config.me));
        own.is_some_and(|(id, _)| *id != vote.id)
    }

    /// Looks for own signatures in what peers show. SUSPECT, STATUS and REPLY may outrun the disk and prove nothing.
    pub(crate) fn notice_own_signatures(&mut self, message: &Message) {
        let is_asked = self.may_vote() && !self.own.shared && !planted::is_on(Bug::RollbackUnnoticed);
        if is_asked && self.shows_old_copy(message) {
            // D18: treated like a lost disk.
            self.retire("D18 a peer shows a message of this key that its disk knows nothing of");
        }
    }

    /// D17, D18: nothing is voted with this key any more, after a restart neither.
    pub(crate) fn retire(&mut self, why: &'static str) {
        if self.may_vote() {
            self.own.retired = true;
            // D24: the promise is kept twice, and where it is damaged all the same, that is known.
            self.disk.promise = self.disk.promise.retired();
            self.persist(alloc::vec![Record::Retired, Record::Promise(self.disk.promise)]);
        }
        self.become_observer(why);
    }
}
