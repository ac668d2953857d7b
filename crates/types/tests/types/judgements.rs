//! What certificates, openings, headers and evidence are judged by: each condition on its own, at its very edge.
#![allow(clippy::unwrap_used)]

use outvote_types::evidence::is_header_allowed;
use outvote_types::limits::{MAX_BATCH_BYTES, MAX_REQUESTS_PER_BATCH};
use outvote_types::merkle::{self, Path};
use outvote_types::{
    Batch, BatchRef, Blob, Block, BoundedVec, CheckpointCertificate, CheckpointVote, Digest, Epoch, Evidence,
    Header, NewViewBody, Phase, Quorum, Rank, ReplicaId, Rule, Sequence, Signable, Signature, Signed,
    Suspect, TimeoutCertificate, View, ViewChangeHead, Vote, WallTime,
};
use std::collections::BTreeSet;

fn four() -> Quorum {
    Quorum::byzantine(4).unwrap()
}

fn signed<B>(body: B) -> Signed<B> {
    Signed { body, signature: Signature::default() }
}

fn rank(view: u64, sequence: u64) -> Rank {
    Rank { view: View(view), sequence: Sequence(sequence) }
}

fn votes<const MAX: usize>(signers: &[u16]) -> BoundedVec<(ReplicaId, Signature), MAX> {
    BoundedVec::truncated(signers.iter().map(|id| (ReplicaId(*id), Signature::default())).collect())
}

/// Q1, Q2: the sizes themselves, not only how they relate.
#[test]
fn the_sizes_are_these() {
    for (n, f, q, weak) in
        [(4, 1, 3, 2), (5, 1, 4, 2), (6, 1, 4, 2), (7, 2, 5, 3), (10, 3, 7, 4), (13, 4, 9, 5)]
    {
        let quorum = Quorum::byzantine(n).unwrap();
        assert_eq!((quorum.n(), quorum.f(), quorum.quorum(), quorum.weak()), (n, f, q, weak));
        assert_eq!(quorum.members().map(ReplicaId::index).collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        assert!(quorum.has(ReplicaId(n as u16 - 1)) && !quorum.has(ReplicaId(n as u16)));
    }
}

/// Q4 holds for every certificate, not for those of votes alone.
// Faults: R10
#[test]
fn every_certificate_takes_a_quorum_of_different_members_in_order() {
    let sound: [&[u16]; 2] = [&[0, 1, 2], &[0, 1, 2, 3]];
    let unsound: [&[u16]; 6] = [&[], &[0, 1], &[0, 1, 1], &[0, 0, 1, 2], &[1, 0, 2], &[1, 2, 4]];
    for (signers, is_sound) in sound.map(|s| (s, true)).into_iter().chain(unsound.map(|s| (s, false))) {
        let timeout = TimeoutCertificate { view: View(3), votes: votes(signers) };
        assert_eq!(timeout.is_well_formed(four()), is_sound, "{signers:?}");
        let (sequence, id, state_root) = (Sequence(8), Digest::of(b"block"), Digest::of(b"state"));
        let stable = CheckpointCertificate { sequence, id, state_root, votes: votes(signers) };
        assert_eq!(stable.is_well_formed(four()), is_sound, "{signers:?}");
    }
}

/// M4: the signer is who the body says, for every body.
#[test]
fn the_signer_stands_in_the_body() {
    let replica = ReplicaId(3);
    let (sequence, id, state_root) = (Sequence(8), Digest::of(b"block"), Digest::of(b"state"));
    assert_eq!(CheckpointVote { sequence, id, state_root, replica }.signer(), replica);
    assert_eq!(Suspect { view: View(1), replica }.signer(), replica);
    assert_eq!(head(3, 2, 0, 1).signer(), replica);
    assert_eq!(opening(3, &[]).signer(), ReplicaId(3));
    assert_eq!(vote(3, Phase::Commit, 1, 1, b"a").signer(), replica);
    assert_eq!(header(3, 1).signer(), replica);
}

fn head(replica: u16, view: u64, lock_view: u64, lock_sequence: u64) -> ViewChangeHead {
    let id = Digest::of(&lock_sequence.to_le_bytes());
    ViewChangeHead { view: View(view), rank: rank(lock_view, lock_sequence), id, replica: ReplicaId(replica) }
}

fn opening(view: u64, heads: &[ViewChangeHead]) -> NewViewBody {
    let heads = BoundedVec::truncated(heads.iter().copied().map(signed).collect());
    NewViewBody { view: View(view), leader: four().leader(View(view)), heads }
}

/// V16: a lock lies below the view that is entered, and nobody enters the first one.
#[test]
fn a_head_shows_a_lock_from_below_its_view() {
    assert!(head(1, 1, 0, 9).is_allowed() && head(1, 7, 6, 0).is_allowed());
    assert!(!head(1, 0, 0, 0).is_allowed(), "nobody changes into view 0");
    assert!(!head(1, 7, 7, 0).is_allowed() && !head(1, 7, 8, 0).is_allowed());
}

/// V19: a quorum of allowed heads of this very view, by its own leader; it opens on the highest of their locks.
#[test]
fn an_opening_rests_on_a_quorum_of_heads_of_its_view() {
    let heads = [head(0, 5, 2, 9), head(1, 5, 3, 4), head(3, 5, 0, 0)];
    let sound = opening(5, &heads);
    assert!(sound.is_allowed(four()));
    assert_eq!(sound.base(), Some((rank(3, 4), heads[1].id)));
    assert_eq!(opening(5, &[]).base(), None);
    let mut bad = vec![opening(5, &heads[..2]), NewViewBody { leader: ReplicaId(2), ..sound }];
    for (at, wrong) in
        [(0, head(0, 4, 2, 9)), (1, head(1, 5, 5, 4)), (2, head(1, 5, 0, 0)), (2, head(4, 5, 0, 0))]
    {
        let mut heads = heads;
        heads[at] = wrong;
        bad.push(opening(5, &heads));
    }
    // Its heads would fit, but view 0 is never opened.
    bad.push(opening(0, &[head(0, 0, 0, 0), head(1, 0, 0, 0), head(2, 0, 0, 0)]));
    for body in bad {
        assert!(!body.is_allowed(four()), "{body:?}");
    }
}

fn header(view: u64, sequence: u64) -> Header {
    Header {
        epoch: Epoch(2),
        view: View(view),
        sequence: Sequence(sequence),
        parent: Digest::of(b"parent"),
        time: WallTime(1),
        leader: four().leader(View(view)),
        batches: BoundedVec::default(),
        payload_root: Digest::of(b"payload"),
        new_view_digest: None,
        control: None,
    }
}

fn with_batch(count: usize, bytes: usize) -> Header {
    let (count, bytes) = (u32::try_from(count).unwrap(), u32::try_from(bytes).unwrap());
    let digest = Digest::of(b"batch");
    let batch = BatchRef { author: ReplicaId(1), lane_sequence: 1, digest, count, bytes };
    Header { batches: BoundedVec::truncated(vec![batch]), ..header(1, 1) }
}

/// N8: what a leader may sign, by the header's bytes and the committee alone.
#[test]
fn a_header_is_allowed_up_to_its_bounds_and_not_beyond() {
    let is_allowed = |header: &Header| is_header_allowed(header, four(), Epoch(2));
    for good in
        [header(0, 1), header(6, 9), with_batch(1, 1), with_batch(MAX_REQUESTS_PER_BATCH, MAX_BATCH_BYTES)]
    {
        assert!(is_allowed(&good), "{good:?}");
        assert_eq!(Evidence::Header(signed(good).into()).charge(four(), Epoch(2)), None);
    }
    let forbidden = [
        header(0, 0),
        Header { epoch: Epoch(1), ..header(0, 1) },
        Header { leader: ReplicaId(2), ..header(1, 1) },
        Header { control: Some(Blob::default()), ..header(1, 1) },
        with_batch(0, 1),
        with_batch(MAX_REQUESTS_PER_BATCH + 1, 1),
        with_batch(1, MAX_BATCH_BYTES + 1),
    ];
    for bad in forbidden {
        assert!(!is_allowed(&bad), "{bad:?}");
        let charge = Evidence::Header(signed(bad.clone()).into()).charge(four(), Epoch(2)).unwrap();
        assert_eq!((charge.accused, charge.rule), (bad.leader, Rule::ForbiddenHeader));
        assert_eq!((charge.view, charge.sequence), (bad.view, bad.sequence));
    }
}

fn vote(replica: u16, phase: Phase, view: u64, sequence: u64, block: &[u8]) -> Vote {
    let (view, sequence, id) = (View(view), Sequence(sequence), Digest::of(block));
    Vote { phase, view, sequence, id, replica: ReplicaId(replica) }
}

fn rule_of(evidence: &Evidence) -> Option<(u16, Rule)> {
    evidence.charge(four(), Epoch(2)).map(|charge| (charge.accused.0, charge.rule))
}

/// X1, X3: only two different votes of one replica, of one phase, for one slot of one view.
#[test]
fn votes_convict_only_when_nothing_honest_explains_them() {
    let first = vote(3, Phase::Prepare, 4, 7, b"a");
    let of = |second: Vote| rule_of(&Evidence::Votes(signed(first), signed(second)));
    assert_eq!(of(vote(3, Phase::Prepare, 4, 7, b"b")), Some((3, Rule::TwoPrepares)));
    let commits = |a: &[u8], b: &[u8]| {
        let (a, b) = (vote(1, Phase::Commit, 4, 7, a), vote(1, Phase::Commit, 4, 7, b));
        rule_of(&Evidence::Votes(signed(a), signed(b)))
    };
    assert_eq!(commits(b"a", b"b"), Some((1, Rule::TwoCommits)));
    let honest = [
        first,
        vote(3, Phase::Prepare, 5, 7, b"b"),
        vote(3, Phase::Prepare, 4, 8, b"b"),
        vote(3, Phase::Commit, 4, 7, b"b"),
        vote(2, Phase::Prepare, 4, 7, b"b"),
    ];
    for second in honest {
        assert_eq!(of(second), None, "{second:?}");
    }
    let stranger = |block: &[u8]| signed(vote(4, Phase::Prepare, 4, 7, block));
    assert_eq!(rule_of(&Evidence::Votes(stranger(b"a"), stranger(b"b"))), None, "no member, no charge");
}

/// X1, X3: the same for headers and openings.
#[test]
fn headers_and_openings_convict_only_in_pairs_for_one_place() {
    let other = |header: Header| Header { parent: Digest::of(b"another"), ..header };
    let headers = |a: Header, b: Header| rule_of(&Evidence::Headers(signed(a).into(), signed(b).into()));
    assert_eq!(headers(header(3, 7), other(header(3, 7))), Some((3, Rule::TwoProposals)));
    assert_eq!(headers(header(3, 7), header(3, 7)), None);
    assert_eq!(headers(header(3, 7), other(header(3, 8))), None);
    assert_eq!(headers(header(3, 7), other(header(7, 7))), None);
    assert_eq!(headers(header(3, 7), Header { epoch: Epoch(3), ..other(header(3, 7)) }), None);
    assert_eq!(headers(header(3, 7), Header { leader: ReplicaId(1), ..other(header(3, 7)) }), None);

    let heads = [head(0, 5, 2, 9), head(1, 5, 3, 4), head(3, 5, 0, 0)];
    let openings =
        |a: NewViewBody, b: NewViewBody| rule_of(&Evidence::NewViews(signed(a).into(), signed(b).into()));
    let (one, two) = (opening(5, &heads), opening(5, &heads[1..]));
    assert_eq!(openings(one.clone(), two.clone()), Some((1, Rule::TwoNewViews)));
    assert_eq!(openings(one.clone(), one.clone()), None);
    assert_eq!(openings(one.clone(), NewViewBody { view: View(9), ..two.clone() }), None);
    assert_eq!(openings(one.clone(), NewViewBody { leader: ReplicaId(2), ..two.clone() }), None);

    assert_eq!(rule_of(&Evidence::NewView(signed(one).into())), None);
    assert_eq!(rule_of(&Evidence::NewView(signed(two).into())), Some((1, Rule::ForbiddenNewView)));
    assert_eq!(rule_of(&Evidence::ViewChange(signed(head(2, 5, 4, 0)))), None);
    assert_eq!(
        rule_of(&Evidence::ViewChange(signed(head(2, 5, 5, 0)))),
        Some((2, Rule::ForbiddenViewChange))
    );
}

#[test]
fn each_rule_is_told_in_its_own_words_and_each_proof_has_its_own_name() {
    let rules = [
        Rule::TwoProposals,
        Rule::TwoPrepares,
        Rule::TwoCommits,
        Rule::TwoNewViews,
        Rule::ForbiddenHeader,
        Rule::ForbiddenNewView,
        Rule::ForbiddenViewChange,
    ];
    let words: BTreeSet<&str> = rules.iter().map(|rule| rule.in_words()).collect();
    assert_eq!(words.len(), rules.len());
    assert!(words.iter().all(|words| words.contains(' ')), "people read them");
    let proofs = [head(2, 5, 5, 0), head(2, 5, 6, 0)].map(|head| Evidence::ViewChange(signed(head)).id());
    assert!(proofs[0] != proofs[1] && !proofs.contains(&Digest::default()));
}

/// N8: a header's names of its batches are the truth, in every part.
#[test]
fn a_block_is_consistent_only_with_true_names_of_its_batches() {
    let batch = Batch { author: ReplicaId(1), lane_sequence: 7, ..Batch::default() };
    let (named, root) = (batch.reference(), merkle::root(&[]));
    let block = |named: BatchRef, payload_root: Digest, batches: Vec<Batch>| {
        let batch_names = BoundedVec::truncated(vec![named]);
        let header = Header { batches: batch_names, payload_root, ..header(1, 1) };
        Block { header: signed(header), batches: BoundedVec::truncated(batches) }.is_consistent()
    };
    let one = || vec![batch.clone()];
    assert!(block(named, root, one()));
    let lies = [
        BatchRef { author: ReplicaId(2), ..named },
        BatchRef { lane_sequence: 8, ..named },
        BatchRef { digest: Digest::ZERO, ..named },
        BatchRef { count: 1, ..named },
        BatchRef { bytes: named.bytes + 1, ..named },
    ];
    for lie in lies {
        assert!(!block(lie, root, one()), "{lie:?}");
    }
    assert!(!block(named, Digest::ZERO, one()) && !block(named, root, vec![]));
    assert!(!block(named, root, [one(), one()].concat()));
}

/// M11: no leaf poses as a node, and a path is as long as its tree is high.
#[test]
fn merkle_leaves_and_paths_cannot_be_mistaken() {
    let leaves: Vec<Digest> = (0..5u8).map(|number| merkle::leaf(&[number])).collect();
    let both: Vec<u8> = [leaves[0].0, leaves[1].0].concat();
    assert_ne!(merkle::root(&leaves[..2]), merkle::leaf(&both));
    let path = merkle::path(&leaves, 3).unwrap();
    assert_eq!(path.root_from(leaves[3]), Some(merkle::root(&leaves)));
    let mut siblings = path.siblings.to_vec();
    siblings.push(Digest::ZERO);
    let longer = Path { siblings: BoundedVec::truncated(siblings.clone()), ..path.clone() };
    assert_eq!(longer.root_from(leaves[3]), None);
    siblings.truncate(2);
    let shorter = Path { siblings: BoundedVec::truncated(siblings), ..path.clone() };
    assert_eq!(shorter.root_from(leaves[3]), None);
    assert_eq!(Path { index: 5, ..path }.root_from(leaves[3]), None);
}
