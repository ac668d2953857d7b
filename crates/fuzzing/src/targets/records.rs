//! What stands in the log: ring 1's records, promises among them.

use crate::canonical::read;
use crate::samples;
use outvote_protocol::{Justification, Promise, Record};
use outvote_types::{Digest, Epoch, Phase, Rank, Sequence, View, encode};

pub(crate) fn run(input: &[u8]) {
    let _ = read::<Record>(input);
    let _ = read::<Promise>(input);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let promise = Promise {
        counter: 1,
        epoch: Epoch(0),
        view: View(2),
        lease: Sequence(16),
        high_rank: Rank { view: View(1), sequence: Sequence(3) },
        high_id: Digest([4; 32]),
    };
    let opening = Justification::NewView(Box::new(samples::new_view()));
    let mut all = vec![
        Record::Promise(promise),
        Record::Justification(Justification::Genesis),
        Record::Justification(Justification::Timeout(samples::timeout())),
        Record::Justification(opening),
        Record::Justification(Justification::Certificate(samples::certificate(Phase::Prepare))),
        Record::Block(Box::new(samples::block())),
        Record::Certificate(samples::certificate(Phase::Commit)),
        Record::Stable(samples::stable()),
        Record::Installed { certificate: samples::stable(), header: samples::header().into() },
        Record::Retired,
    ];
    all.extend(samples::evidence().into_iter().map(Record::Evidence));
    all.iter().map(encode).chain([encode(&promise)]).collect()
}
