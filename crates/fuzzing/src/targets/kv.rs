//! The key-value store: any bytes from anybody.

use crate::canonical::read;
use outvote_execution::Sandbox;
use outvote_kv::{Kv, KvAnswer, KvError, KvOperation, KvQuestion};
use outvote_types::PublicKey;

/// Operations stand one after the other, each with its length before it.
pub(crate) fn run(input: &[u8]) {
    let _ = read::<KvOperation>(input);
    let _ = read::<KvQuestion>(input);
    let mut sandbox = Sandbox::new(Kv);
    let mut rest = input;
    while let [length, more @ ..] = rest {
        let (bytes, behind) = more.split_at(more.len().min(usize::from(*length)));
        rest = behind;
        for answer in [sandbox.apply(PublicKey([1; 32]), bytes), sandbox.query(bytes)] {
            let foreign = matches!(KvAnswer::parse(&answer), Err(KvError::Foreign(_)));
            assert!(!foreign, "the store answers in its own words");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (key, value) = (b"key".to_vec(), b"value".to_vec());
    let operations = [
        KvOperation::Put { key: key.clone(), value: value.clone() },
        KvOperation::Cas { key: key.clone(), expected: Some(value), value: None },
        KvOperation::Delete { key: key.clone() },
    ];
    let mut all: Vec<Vec<u8>> = operations.iter().map(KvOperation::encode).collect();
    all.push(KvQuestion::Get { key }.encode());
    let with_length =
        |bytes: &Vec<u8>| [&[u8::try_from(bytes.len()).unwrap_or(u8::MAX)], &bytes[..]].concat();
    let script = all.iter().flat_map(with_length).collect();
    all.push(script);
    all
}
