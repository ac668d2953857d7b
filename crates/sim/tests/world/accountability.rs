//! More liars than any protocol survives: the forks that they make name them.

use outvote_crypto::Keyring;
use outvote_replica::{Justification, Record};
use outvote_sim::audit::{Held, Proof, culprits};
use outvote_sim::{Mode, Options, campaign, keys};
use outvote_types::{
    BoundedVec, Certificate, Committee, Digest, Epoch, Member, Mode as CommitteeMode, NewView, NewViewBody,
    Parameters, Phase, Rank, ReplicaId, Sequence, View, ViewChangeHead, Vote,
};

/// The seed of the keys.
const SEED: u64 = 7;

fn committee() -> Committee {
    let member = |index: u64| {
        let key = keys::scheme(SEED, index, false).public_key();
        Member { consensus_key: key, link_key: key }
    };
    Committee {
        genesis_salt: [0; 32],
        epoch: Epoch(0),
        mode: CommitteeMode::Byzantine,
        demo: false,
        parameters: Parameters::default(),
        members: BoundedVec::truncated((0..4).map(member).collect()),
    }
}

fn sign<B: outvote_types::Signable>(by: u16, body: B) -> outvote_types::Signed<B> {
    outvote_crypto::sign_body(&*keys::scheme(SEED, u64::from(by), false), &committee().domain(), body)
}

fn certificate(phase: Phase, view: u64, sequence: u64, block: u8, voters: &[u16]) -> Certificate {
    let id = Digest::of(&[block]);
    let (view, sequence) = (View(view), Sequence(sequence));
    let vote = |by: &u16| {
        let replica = ReplicaId(*by);
        (replica, sign(*by, Vote { phase, view, sequence, id, replica }).signature)
    };
    Certificate { phase, view, sequence, id, votes: BoundedVec::truncated(voters.iter().map(vote).collect()) }
}

/// An opening of view 1 by its leader 1, by heads that claim what they are given.
fn opening(claims: &[(u16, (u64, u64))]) -> NewView {
    let head = |(by, (view, sequence)): &(u16, (u64, u64))| {
        let rank = Rank { view: View(*view), sequence: Sequence(*sequence) };
        sign(*by, ViewChangeHead { view: View(1), rank, id: Digest::of(&[9]), replica: ReplicaId(*by) })
    };
    let heads = BoundedVec::truncated(claims.iter().map(head).collect());
    NewView { signed: sign(1, NewViewBody { view: View(1), leader: ReplicaId(1), heads }), certificate: None }
}

fn named(records: &[Record]) -> Vec<(u16, Proof)> {
    let mut held = Held::default();
    held.add(records);
    let scheme = keys::scheme(SEED, 0, false);
    culprits(&Keyring::new(committee()), &*scheme, &held)
        .into_iter()
        .map(|(id, proof)| (id.0, proof))
        .collect()
}

fn names(records: &[Record]) -> Vec<u16> {
    named(records).into_iter().map(|(id, _)| id).collect()
}

// Faults: R22
#[test]
fn two_certificates_of_one_slot_name_who_signed_both() {
    let first = Record::Certificate(certificate(Phase::Commit, 0, 3, 1, &[0, 1, 2]));
    let second = Record::Certificate(certificate(Phase::Commit, 0, 3, 2, &[1, 2, 3]));
    assert_eq!(names(&[first.clone(), second]), [1, 2]);
    // The same block, another phase, another slot: nothing of that contradicts anything.
    let same = Record::Certificate(certificate(Phase::Commit, 0, 3, 1, &[1, 2, 3]));
    let phase = Record::Certificate(certificate(Phase::Prepare, 0, 3, 2, &[1, 2, 3]));
    let slot = Record::Certificate(certificate(Phase::Commit, 1, 3, 2, &[1, 2, 3]));
    assert_eq!(names(&[first, same, phase, slot]), [] as [u16; 0]);
}

// Faults: R22
#[test]
fn a_head_below_a_commit_of_an_earlier_view_names_its_signer() {
    let commit = Record::Certificate(certificate(Phase::Commit, 0, 3, 1, &[0, 1, 2]));
    let opened = opening(&[(1, (0, 2)), (2, (0, 3)), (3, (0, 0))]);
    let opened = Record::Justification(Justification::NewView(opened.into()));
    let found = named(&[opened.clone(), commit]);
    assert!(matches!(&found[..], [(1, Proof::ForgottenLock(_))]), "{found:?}");
    // COMMIT of that view or a later one says nothing of what was held when it was entered.
    let later = Record::Certificate(certificate(Phase::Commit, 1, 3, 1, &[1, 2, 3]));
    assert_eq!(names(&[opened, later]), [] as [u16; 0]);
}

// Faults: R22
#[test]
fn a_forged_signature_names_nobody() {
    let first = certificate(Phase::Commit, 0, 3, 1, &[0, 1, 2]);
    let mut second = certificate(Phase::Commit, 0, 3, 2, &[1, 2, 3]);
    // The signatures are those over the other block.
    let mut votes = second.votes.clone().into_inner();
    votes[0].1 = first.votes[1].1;
    second.votes = BoundedVec::truncated(votes);
    assert_eq!(names(&[Record::Certificate(first), Record::Certificate(second)]), [2]);
}

// Faults: R22
#[test]
fn forks_name_their_makers_and_nobody_else() {
    for (replicas, seeds) in [(4, 12), (7, 6)] {
        let options =
            Options { seeds, mode: Mode::LiarsBeyond, replicas: Some(replicas), ..Options::default() };
        let report = campaign(&options, |_, _| ());
        let failing: Vec<_> =
            report.failures.iter().map(|outcome| (outcome.command(), &outcome.violations)).collect();
        let count = |word: &str| report.faults.get(word).copied().unwrap_or_default();
        assert!(failing.is_empty(), "{failing:?}");
        assert!(count("fork") * 2 > seeds, "only {} of {seeds} games forked", count("fork"));
        assert_eq!(count("fork"), count("fork_with_enough_named"));
    }
}
