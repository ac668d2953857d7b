//! Draws the conclusion from the verdicts.

use super::gather::Item;
use super::{Pending, Rejected, Vouched};
use outvote_types::planted::{self, Bug};
use outvote_types::{Batch, BoundedVec, Data, Digest, Message, Verified};

pub(super) fn finish(pending: Pending, verdicts: &[bool]) -> Result<Vouched, Rejected> {
    let Pending { message, items, mut bad, doom, .. } = pending;
    for (item, _) in
        items.iter().zip(verdicts).filter(|(_, verdict)| !**verdict && !planted::is_on(Bug::VerifySaysYes))
    {
        match item {
            Item::Whole => return Err(Rejected::because("M6: a bad signature")),
            Item::Part(part) => bad.push(*part),
        }
    }
    if let Some((why, evidence)) = doom {
        return Err(Rejected { why, evidence: Some(evidence) });
    }
    bad.sort_unstable();
    bad.dedup();
    Ok(without(message, &bad))
}

/// The message without its bad parts.
fn without(message: Message, bad: &[usize]) -> Vouched {
    let mut invalid_batches = Vec::new();
    let message = match message {
        whole if bad.is_empty() => Some(whole),
        Message::Propose(mut propose) => {
            propose.batches = good_batches(std::mem::take(&mut propose.batches), bad, &mut invalid_batches);
            Some(Message::Propose(propose))
        }
        Message::Data(Data::Block(mut block)) => {
            block.batches = good_batches(std::mem::take(&mut block.batches), bad, &mut invalid_batches);
            Some(Message::Data(Data::Block(block)))
        }
        Message::Data(Data::Batches(batches)) => {
            let good = good_batches(batches, bad, &mut invalid_batches);
            (!good.is_empty()).then_some(Message::Data(Data::Batches(good)))
        }
        Message::Relay(requests) => {
            let good = BoundedVec::truncated(good_parts(requests.into_inner(), bad).0);
            (!good.is_empty()).then_some(Message::Relay(good))
        }
        other => unreachable!("only batches and relayed requests are parts, and this is {other:?}"),
    };
    // M8: the rules see verified messages only, and this is where a stranger's becomes one.
    Vouched { message: message.map(Verified::vouched_for), invalid_batches }
}

fn good_parts<T>(parts: Vec<T>, bad: &[usize]) -> (Vec<T>, Vec<T>) {
    let (good, gone): (Vec<_>, Vec<_>) =
        parts.into_iter().enumerate().partition(|(part, _)| bad.binary_search(part).is_err());
    let strip = |parts: Vec<(usize, T)>| parts.into_iter().map(|(_, value)| value).collect();
    (strip(good), strip(gone))
}

fn good_batches<const MAX: usize>(
    batches: BoundedVec<Batch, MAX>,
    bad: &[usize],
    invalid: &mut Vec<Digest>,
) -> BoundedVec<Batch, MAX> {
    let (good, gone) = good_parts(batches.into_inner(), bad);
    invalid.extend(gone.iter().map(Batch::digest));
    BoundedVec::truncated(good)
}
