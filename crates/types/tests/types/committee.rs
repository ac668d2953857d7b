//! What the members of a committee agree on.
#![allow(clippy::unwrap_used)]

use outvote_types::{BoundedVec, Committee, Epoch, Member, Mode, Parameters, PublicKey};

fn committee() -> Committee {
    let member =
        |seed| Member { consensus_key: PublicKey([seed; 32]), link_key: PublicKey([seed + 100; 32]) };
    Committee {
        genesis_salt: [7; 32],
        epoch: Epoch(0),
        mode: Mode::Byzantine,
        demo: true,
        parameters: Parameters::default(),
        members: BoundedVec::new((1..=4).map(member).collect()).unwrap(),
    }
}

// D19: another configuration is another cluster, and members can say in what they differ.
// Faults: O01
#[test]
fn each_part_of_a_committee_is_told_apart_under_its_name() {
    type Change = fn(&mut Committee);
    let changes: [(&str, Change); 9] = [
        ("genesis_salt", |committee| committee.genesis_salt[31] ^= 1),
        ("epoch", |committee| committee.epoch = Epoch(1)),
        ("mode", |committee| committee.mode = Mode::Federated),
        ("demo", |committee| committee.demo = false),
        ("checkpoint_interval", |committee| committee.parameters.checkpoint_interval += 1),
        ("checkpoint_bytes", |committee| committee.parameters.checkpoint_bytes += 1),
        ("tenure_blocks", |committee| committee.parameters.tenure_blocks += 1),
        ("tenure_ms", |committee| committee.parameters.tenure_ms += 1),
        ("member", |committee| {
            let mut members = committee.members.clone().into_inner();
            members.swap(0, 1);
            committee.members = BoundedVec::new(members).unwrap();
        }),
    ];
    let ours = committee();
    for (name, change) in changes {
        let mut other = committee();
        change(&mut other);
        assert_ne!(other.cluster_id(), ours.cluster_id(), "{name}");
        let pairs = ours.parts().into_iter().zip(other.parts());
        let differing: Vec<&str> =
            pairs.filter(|(ours, other)| ours != other).map(|((part, _), _)| part).collect();
        assert_eq!(differing, [name]);
    }
}
