//! The words that bind their signer (table 5 of `docs/protocol.md`), wherever a message shows them.

use outvote_types::{
    Certificate, Data, Header, Message, NewView, NewViewBody, Reminder, ReplicaId, Signature, Signed,
    ViewChangeHead, Vote,
};

/// One signed statement that its signer must never contradict. Its signature was checked with the message around it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word<'a> {
    /// A PREPARE or a COMMIT, alone or in a certificate.
    Vote(Vote, Signature),
    /// A leader's header; the leader's PREPARE of the same rank is always signed along with it.
    Header(&'a Header),
    /// The head of a VIEWCHANGE, alone or in a NEWVIEW.
    Head(&'a Signed<ViewChangeHead>),
    /// A NEWVIEW.
    Opening(&'a NewViewBody),
}

impl Word<'_> {
    pub(crate) const fn signer(&self) -> ReplicaId {
        match self {
            Self::Vote(vote, _) => vote.replica,
            Self::Header(header) => header.leader,
            Self::Head(head) => head.body.replica,
            Self::Opening(body) => body.leader,
        }
    }
}

/// Shows every word of a message.
pub(crate) fn of_message<'a>(message: &'a Message, see: &mut impl FnMut(Word<'a>)) {
    match message {
        Message::Propose(propose) => {
            see(Word::Header(&propose.header.body));
            of_vote(&propose.prepare, see);
        }
        Message::Prepare(prepare) => {
            see(Word::Header(&prepare.header.body));
            of_vote(&prepare.vote, see);
        }
        Message::Commit(vote) => of_vote(vote, see),
        Message::Certificate(certificate) => of_certificate(certificate, see),
        Message::ViewChange(change) => {
            see(Word::Head(&change.head));
            change.certificate.iter().for_each(|certificate| of_certificate(certificate, see));
        }
        Message::NewView(new_view) => of_opening(new_view, see),
        Message::Data(Data::Block(block)) => see(Word::Header(&block.header.body)),
        Message::Data(Data::Range { blocks, certificate }) => {
            blocks.iter().for_each(|block| see(Word::Header(&block.header.body)));
            of_certificate(certificate, see);
        }
        Message::Reminder(reminder) => of_reminder(reminder, see),
        // D18: SUSPECT, STATUS, HEARTBEAT and CHECKPOINT bind to nothing that a disk could have lost.
        _ => {}
    }
}

pub(crate) fn of_certificate<'a>(certificate: &Certificate, see: &mut impl FnMut(Word<'a>)) {
    for (replica, signature) in certificate.votes.iter() {
        see(Word::Vote(certificate.vote_of(*replica), *signature));
    }
}

pub(crate) fn of_opening<'a>(new_view: &'a NewView, see: &mut impl FnMut(Word<'a>)) {
    see(Word::Opening(&new_view.signed.body));
    new_view.signed.body.heads.iter().for_each(|head| see(Word::Head(head)));
    new_view.certificate.iter().for_each(|certificate| of_certificate(certificate, see));
}

fn of_reminder<'a>(reminder: &'a Reminder, see: &mut impl FnMut(Word<'a>)) {
    [&reminder.prepare, &reminder.commit].into_iter().flatten().for_each(|vote| of_vote(vote, see));
    reminder.head.iter().for_each(|head| see(Word::Head(head)));
}

fn of_vote<'a>(vote: &Signed<Vote>, see: &mut impl FnMut(Word<'a>)) {
    see(Word::Vote(vote.body, vote.signature));
}
