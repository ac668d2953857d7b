//! Handshakes with a stranger, on both sides.

use super::{choice, chosen};
use outvote_crypto::KeyPair;
use outvote_transport::LinkKey;
use outvote_transport::probes::Handshakes;

fn handshakes() -> Option<Handshakes> {
    let key = |seed| KeyPair::from_seed([seed; 32]);
    let members: Vec<_> = (1..5).map(|seed| key(seed).public_key()).collect();
    Handshakes::new(&LinkKey::new(key(1)), &members).ok()
}

thread_local! {
    static ENDS: Option<Handshakes> = handshakes();
}

pub(crate) fn run(input: &[u8]) {
    let Some((choice, bytes)) = choice(input, 2) else { return };
    ENDS.with(|ends| {
        let Some(ends) = ends else { return };
        let is_in = if choice == 0 { ends.listen(bytes) } else { ends.dial(bytes) };
        assert!(!is_in, "nobody gets in by saying what somebody said before");
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let hello = ENDS.with(|ends| ends.as_ref().map(Handshakes::hello).unwrap_or_default());
    // A record of each type, one longer than any, and an alert.
    let records: [&[u8]; 4] = [
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
        &[23, 3, 3, 0x41, 0xff, 0],
        &[21, 3, 3, 0, 2, 2, 40],
        &[20, 3, 3, 0, 1, 1],
    ];
    let mut seeds = vec![chosen(0, hello.clone()), chosen(1, hello)];
    seeds.extend(records.iter().flat_map(|record| [chosen(0, record.to_vec()), chosen(1, record.to_vec())]));
    seeds
}
