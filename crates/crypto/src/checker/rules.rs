//! Message by message: what its structure must be and whose signatures it must carry.

use super::data;
use super::gather::{Gather, Stop};
use crate::keyring::Keyring;
use crate::scheme::Check;
use outvote_types::evidence::is_header_allowed;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Certificate, Digest, Evidence, Fetch, Heartbeat, Message, NewView, Phase, Prepare, Propose, Rank,
    Reminder, Signed, SignedHeader, ViewChange, Vote,
};

pub(super) fn message(gather: &mut Gather<'_>, message: &Message) -> Result<(), Stop> {
    match message {
        Message::Propose(propose) => proposal(gather, propose),
        Message::Prepare(prepare) => prepare_vote(gather, prepare),
        Message::Commit(vote) => commit_vote(gather, vote),
        Message::Certificate(certificate) => gather.whole(gather.keyring.checks_of_certificate(certificate)),
        Message::Suspect(suspect) => gather.signed(suspect),
        Message::Timeout(timeout) => gather.whole(gather.keyring.checks_of_timeout(timeout)),
        Message::ViewChange(change) => view_change(gather, change),
        Message::NewView(opening) => new_view(gather, opening),
        Message::Heartbeat(heartbeat) => leader_lives(gather, heartbeat),
        Message::Status(status) => gather.signed(status),
        Message::Checkpoint(vote) => gather.signed(vote),
        Message::Stable(certificate) => gather.whole(gather.keyring.checks_of_checkpoint(certificate)),
        Message::Evidence(proof) => evidence(gather, proof),
        Message::Relay(requests) => {
            for (part, request) in requests.iter().enumerate() {
                gather.request(part, request);
            }
            Ok(())
        }
        Message::Fetch(fetch) => question(gather, fetch),
        Message::Data(data) => data::data(gather, data),
        Message::Reminder(reminder) => words(gather, reminder),
    }
}

fn require(holds: bool, why: &'static str) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Because(why)) }
}

/// A header by the leader of its view. One that no rule allows dooms the message and becomes evidence if it is signed.
pub(super) fn header(gather: &mut Gather<'_>, signed: &SignedHeader) -> Result<(), Stop> {
    // X1: one signed body that no rule allows; X2: judged from signed bytes and the committee alone.
    if !is_header_allowed(&signed.body, gather.keyring.quorum(), gather.keyring.epoch()) {
        return Err(doomed(
            "N8: a header that no rule allows",
            gather.keyring.check_signed(signed),
            Evidence::Header(Box::new(signed.clone())),
        ));
    }
    gather.signed(signed)
}

fn doomed(why: &'static str, check: Option<Check>, evidence: Evidence) -> Stop {
    match check {
        Some(check) => Stop::Doomed { why, evidence: Box::new(evidence), check: Box::new(check) },
        None => Stop::Because("M4: the signer is no member"),
    }
}

/// Whether `vote` is a PREPARE for exactly this header.
fn is_for(vote: &Vote, header: &SignedHeader) -> bool {
    vote.phase == Phase::Prepare
        && vote.rank() == header.body.rank()
        && (vote.id == header.body.id() || planted::is_on(Bug::PrepareForOtherHeader))
}

fn proposal(gather: &mut Gather<'_>, propose: &Propose) -> Result<(), Stop> {
    header(gather, &propose.header)?;
    let vote = &propose.prepare;
    require(vote.body.replica == propose.header.body.leader, "M4: the leader's own PREPARE is another's")?;
    require(is_for(&vote.body, &propose.header), "N4: the leader's PREPARE is not for its header")?;
    data::named_batches(&propose.header.body, &propose.batches, true)?;
    gather.signed(vote)?;
    for (part, batch) in propose.batches.iter().enumerate() {
        gather.batch(part, batch);
    }
    Ok(())
}

fn prepare_vote(gather: &mut Gather<'_>, prepare: &Prepare) -> Result<(), Stop> {
    // N4: the echoed header counts like one from the leader, also when it convicts it.
    header(gather, &prepare.header)?;
    require(is_for(&prepare.vote.body, &prepare.header), "N4: the PREPARE is not for the header beside it")?;
    gather.signed(&prepare.vote)
}

fn commit_vote(gather: &mut Gather<'_>, vote: &Signed<Vote>) -> Result<(), Stop> {
    require(vote.body.phase == Phase::Commit, "Q4: a COMMIT of the other phase")?;
    require(vote.body.sequence.0 > 0, "Q4: a vote for genesis")?;
    gather.signed(vote)
}

/// Whether `certificate` is exactly what is claimed: none for genesis, else one of this rank for this block.
fn is_claimed(
    keyring: &Keyring,
    certificate: Option<&Certificate>,
    rank: Rank,
    id: &Digest,
) -> Result<(), Stop> {
    let holds = match certificate {
        None => rank == Rank::default() && *id == keyring.committee().genesis_id(),
        Some(certificate) => {
            (certificate.rank() == rank && certificate.id == *id) || planted::is_on(Bug::LockUnproven)
        }
    };
    require(holds, "V16: the certificate is not the claimed one")
}

fn view_change(gather: &mut Gather<'_>, change: &ViewChange) -> Result<(), Stop> {
    let (keyring, head) = (gather.keyring, &change.head.body);
    if !head.is_allowed() {
        let check = keyring.check_signed(&change.head);
        return Err(doomed(
            "V16: a head that no rule allows",
            check,
            Evidence::ViewChange(change.head.clone()),
        ));
    }
    // V16: what is attached is not signed, so a wrong attachment rejects the message and blames nobody.
    let fits = change.timeout.view.next() == head.view || planted::is_on(Bug::TimeoutOfAnyView);
    require(fits, "V12: the suspicions are not of the view before")?;
    is_claimed(keyring, change.certificate.as_ref(), head.rank, &head.id)?;
    gather.signed(&change.head)?;
    gather.whole(keyring.checks_of_timeout(&change.timeout))?;
    if let Some(certificate) = &change.certificate {
        gather.whole(keyring.checks_of_certificate(certificate))?;
    }
    Ok(())
}

fn new_view(gather: &mut Gather<'_>, opening: &NewView) -> Result<(), Stop> {
    let (keyring, body) = (gather.keyring, &opening.signed.body);
    if !body.is_allowed(keyring.quorum()) {
        let check = keyring.check_signed(&opening.signed);
        let evidence = Evidence::NewView(Box::new(opening.signed.clone()));
        return Err(doomed("V19: an opening that no rule allows", check, evidence));
    }
    // V19: the certificate is valid and equals the maximum (rank, id) over the heads.
    let (rank, id) = body.base().ok_or(Stop::Because("V19: an opening without heads"))?;
    is_claimed(keyring, opening.certificate.as_ref(), rank, &id)?;
    gather.signed(&opening.signed)?;
    for head in body.heads.iter().filter(|_| !planted::is_on(Bug::HeadsUnverified)) {
        gather.signed(head)?;
    }
    if let Some(certificate) = &opening.certificate {
        gather.whole(keyring.checks_of_certificate(certificate))?;
    }
    Ok(())
}

fn leader_lives(gather: &mut Gather<'_>, heartbeat: &Signed<Heartbeat>) -> Result<(), Stop> {
    let leader = gather.keyring.quorum().leader(heartbeat.body.view);
    require(
        heartbeat.body.replica == leader || planted::is_on(Bug::HeartbeatOfAnybody),
        "T3: a heartbeat of one that does not lead",
    )?;
    gather.signed(heartbeat)
}

fn question(gather: &mut Gather<'_>, fetch: &Signed<Fetch>) -> Result<(), Stop> {
    if let Fetch::Range { first, last, .. } = &fetch.body {
        require(first.0 > 0 && first <= last, "C5: a range that is none")?;
    }
    gather.signed(fetch)
}

fn words(gather: &mut Gather<'_>, reminder: &Reminder) -> Result<(), Stop> {
    require(reminder.signer().is_some(), "D22: not the words of one member, each in its place")?;
    for vote in [&reminder.prepare, &reminder.commit].into_iter().flatten() {
        gather.signed(vote)?;
    }
    reminder.head.as_ref().map_or(Ok(()), |head| gather.signed(head))
}

fn evidence(gather: &mut Gather<'_>, proof: &Evidence) -> Result<(), Stop> {
    let keyring = gather.keyring;
    require(proof.charge(keyring.quorum(), keyring.epoch()).is_some(), "X2: evidence that proves nothing")?;
    let checks = checks_of_evidence(keyring, proof).ok_or(Stop::Because("M4: the accused is no member"))?;
    gather.whole(Some(checks))
}

/// The accused's own signatures under the bodies: nothing else of a piece of evidence counts.
pub(super) fn checks_of_evidence(keyring: &Keyring, evidence: &Evidence) -> Option<Vec<Check>> {
    let checks = match evidence {
        Evidence::Headers(a, b) => vec![keyring.check_signed(a)?, keyring.check_signed(b)?],
        Evidence::Votes(a, b) => vec![keyring.check_signed(a)?, keyring.check_signed(b)?],
        Evidence::NewViews(a, b) => vec![keyring.check_signed(a)?, keyring.check_signed(b)?],
        Evidence::Header(a) => vec![keyring.check_signed(a)?],
        Evidence::NewView(a) => vec![keyring.check_signed(a)?],
        Evidence::ViewChange(a) => vec![keyring.check_signed(a)?],
    };
    Some(checks)
}
