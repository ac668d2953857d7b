//! Nothing that table 5 of the protocol names leaves before it is durable.

use super::Verdict;
use crate::disk::Disk;
use outvote_types::{Digest, Message, Phase, ReplicaId, Sequence, View, Vote};

/// `found` is the counter of the promise that the process found on its disk, if it is not its home's first.
pub(super) fn on_message(
    from: ReplicaId,
    message: &Message,
    (disk, found): (&Disk, Option<u64>),
    has_block: impl Fn(&Digest) -> bool,
) -> Verdict {
    let (view, lease, what) = match message {
        Message::Propose(propose) if propose.header.body.leader == from => {
            (propose.header.body.view, Some(propose.header.body.sequence), "PROPOSE")
        }
        Message::Prepare(prepare) if prepare.vote.body.replica == from => {
            (prepare.vote.body.view, Some(prepare.vote.body.sequence), "PREPARE")
        }
        Message::Commit(vote) if vote.body.replica == from => {
            on_commit(from, &vote.body, disk, has_block)?;
            (vote.body.view, None, "COMMIT")
        }
        Message::ViewChange(change) if change.head.body.replica == from => {
            (change.head.body.view, None, "VIEWCHANGE")
        }
        Message::NewView(opened) if opened.signed.body.leader == from => {
            // An earlier life may have signed it, for it is kept to be shown to laggards.
            return promised(from, opened.signed.body.view, None, (disk, None), "NEWVIEW");
        }
        Message::Suspect(suspect) if suspect.body.replica == from => (suspect.body.view, None, "SUSPECT"),
        Message::Heartbeat(beat) if beat.body.replica == from => (beat.body.view, None, "HEARTBEAT"),
        _ => return Ok(()),
    };
    promised(from, view, lease, (disk, found), what)
}

/// D2: the view is durable. D3: so is a lease that covers the slot.
fn promised(
    from: ReplicaId,
    view: View,
    slot: Option<Sequence>,
    (disk, found): (&Disk, Option<u64>),
    what: &str,
) -> Verdict {
    let Some(promise) = disk.promise() else {
        return Err(("send-before-durable", format!("{from} sends {what} and has promised nothing")));
    };
    if found.is_some_and(|found| promise.counter <= found) {
        // D13: of what was found one copy may be all that is left.
        return Err((
            "send-before-durable",
            format!("{from} sends {what} of {view}, and has promised nothing since it started"),
        ));
    }
    if promise.view < view {
        return Err((
            "send-before-durable",
            format!("{from} sends {what} of {view}, promised {}", promise.view),
        ));
    }
    // A message of an earlier view may be sent again; its lease is gone.
    if promise.view == view && slot.is_some_and(|slot| slot > promise.lease) {
        return Err(("lease", format!("{from} sends {what} at {slot:?} beyond {}", promise.lease)));
    }
    Ok(())
}

/// D1: the block is durable, and so is a lock at least as high.
fn on_commit(from: ReplicaId, vote: &Vote, disk: &Disk, has_block: impl Fn(&Digest) -> bool) -> Verdict {
    if vote.phase == Phase::Commit && !has_block(&vote.id) {
        return Err((
            "send-before-durable",
            format!("{from} sends COMMIT at {}, block not on disk", vote.sequence),
        ));
    }
    if disk.promise().is_some_and(|promise| {
        let rank = promise.high_rank;
        (rank.view, rank.sequence) < (vote.view, vote.sequence)
    }) {
        return Err((
            "send-before-durable",
            format!("{from} sends COMMIT at {}, lock not on disk", vote.sequence),
        ));
    }
    Ok(())
}
