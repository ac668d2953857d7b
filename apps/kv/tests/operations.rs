//! What the key-value application answers.
#![allow(clippy::unwrap_used)]

use outvote_execution::Sandbox;
use outvote_kv::{Kv, KvAnswer, KvError, KvOperation, KvQuestion};
use outvote_types::PublicKey;

struct Store(Sandbox<Kv>);

impl Store {
    fn new() -> Self {
        Self(Sandbox::new(Kv))
    }

    fn run(&mut self, operation: &KvOperation) -> Result<KvAnswer, KvError> {
        KvAnswer::parse(&self.0.apply(PublicKey::default(), &operation.encode()))
    }

    fn put(&mut self, key: &str, value: &str) -> Result<KvAnswer, KvError> {
        self.run(&KvOperation::Put { key: key.into(), value: value.into() })
    }

    fn cas(&mut self, key: &str, expected: Option<&str>, value: Option<&str>) -> KvAnswer {
        let (expected, value) = (expected.map(Into::into), value.map(Into::into));
        self.run(&KvOperation::Cas { key: key.into(), expected, value }).unwrap()
    }

    fn get(&self, key: &str) -> Option<String> {
        let answer = self.0.query(&KvQuestion::Get { key: key.into() }.encode());
        let KvAnswer::Value(value) = KvAnswer::parse(&answer).unwrap() else {
            panic!("no value: {answer:?}")
        };
        value.map(|value| String::from_utf8(value).unwrap())
    }
}

#[test]
fn a_put_is_read_back_until_it_is_deleted() {
    let mut store = Store::new();
    assert_eq!(store.get("a"), None);
    assert_eq!(store.put("a", "1").unwrap(), KvAnswer::Stored);
    assert_eq!(store.put("a", "2").unwrap(), KvAnswer::Stored);
    assert_eq!(store.get("a").as_deref(), Some("2"));
    let delete = KvOperation::Delete { key: b"a".to_vec() };
    assert_eq!(store.run(&delete).unwrap(), KvAnswer::Deleted { existed: true });
    assert_eq!(store.run(&delete).unwrap(), KvAnswer::Deleted { existed: false });
    assert_eq!(store.get("a"), None);
}

#[test]
fn compare_and_set_changes_only_what_is_as_expected() {
    let mut store = Store::new();
    assert_eq!(store.cas("a", Some("1"), Some("2")), KvAnswer::Mismatch { found: None });
    assert_eq!(store.cas("a", None, Some("1")), KvAnswer::Stored);
    assert_eq!(store.cas("a", None, Some("2")), KvAnswer::Mismatch { found: Some(b"1".to_vec()) });
    assert_eq!(store.get("a").as_deref(), Some("1"));
    assert_eq!(store.cas("a", Some("1"), Some("2")), KvAnswer::Stored);
    assert_eq!(store.cas("a", Some("2"), None), KvAnswer::Stored);
    assert_eq!(store.get("a"), None);
}

// Faults: M01
#[test]
fn malformed_bytes_and_long_keys_are_refused() {
    let mut store = Store::new();
    let put = KvOperation::Put { key: b"a".to_vec(), value: b"1".to_vec() }.encode();
    for bytes in [&[][..], &[9], &put[..put.len() - 1], &[&put[..], &[0]].concat()] {
        let answer = store.0.apply(PublicKey::default(), bytes);
        assert!(
            matches!(KvAnswer::parse(&answer), Err(KvError::Refused { code, .. }) if code == "malformed")
        );
    }
    let long = store.put(&"k".repeat(1024), "1");
    assert!(matches!(long, Err(KvError::Refused { code, .. }) if code == "key-too-long"));
    assert_eq!(store.put(&"k".repeat(1023), "1").unwrap(), KvAnswer::Stored);
    let foreign = KvAnswer::parse(&outvote_execution::Answer::done(b"hello".to_vec()));
    assert!(matches!(foreign, Err(KvError::Foreign(_))));
}
