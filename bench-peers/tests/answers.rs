//! CometBFT's answers, as they come.

use outvote_peer_load::cometbft::{refused, transactions};
use serde_json::json;

fn batch() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]
}

#[test]
fn a_full_pool_is_asked_again_and_a_known_transaction_is_not() {
    let full = json!({"id": 0, "error": {"data": "mempool is full"}});
    let known = json!({"id": 1, "error": {"data": "tx already exists in cache"}});
    let taken = json!({"id": 2, "result": {"code": 0}});
    assert_eq!(refused(&batch(), &json!([full, known, taken])), ["a"]);
}

#[test]
fn a_list_of_one_is_answered_by_no_list() {
    assert!(refused(&batch()[..1], &json!({"id": 0, "result": {"code": 0}})).is_empty());
}

#[test]
fn an_empty_block_is_a_block() {
    let block = |transactions| json!({"result": {"block": {"data": {"txs": transactions}}}});
    assert_eq!(transactions(&block(json!(["eA=="]))), Some(vec!["eA=="]));
    assert_eq!(transactions(&block(json!(null))), Some(Vec::new()));
    assert_eq!(transactions(&json!({"error": {"code": -32603}})), None);
}
