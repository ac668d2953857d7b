//! The checker accepts what a store may do and names what it may not.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use outvote_chaos::Random;
use outvote_torture::{Anomaly, Back, Call, Entry, anomalies};

fn entry(client: u32, call: Call, invoked: u64, returned: Option<(u64, Back)>) -> Entry {
    Entry { client, key: 1, call, invoked, returned }
}

fn put(value: u64, from: u64, to: u64) -> Entry {
    entry(0, Call::Put(value), from, Some((to, Back::Stored)))
}

fn get(value: Option<u64>, from: u64, to: u64) -> Entry {
    entry(1, Call::Get, from, Some((to, Back::Value(value))))
}

fn cas(expected: Option<u64>, value: u64, from: u64, to: u64, back: Back) -> Entry {
    entry(2, Call::Cas { expected, value: Some(value) }, from, Some((to, back)))
}

fn is_refused(history: &[Entry]) {
    assert!(matches!(anomalies(history)[..], [Anomaly::NotLinearizable { key: 1, .. }]));
}

#[test]
fn what_follows_in_time_follows_in_the_order() {
    assert_eq!(anomalies(&[put(1, 0, 1), get(Some(1), 2, 3), put(2, 4, 5), get(Some(2), 6, 7)]), []);
    // A stale read.
    is_refused(&[put(1, 0, 1), put(2, 2, 3), get(Some(1), 4, 5)]);
    // A lost write.
    is_refused(&[put(1, 0, 1), get(None, 2, 3)]);
    // A read of what nobody wrote, and of what is written later.
    is_refused(&[put(1, 0, 1), get(Some(9), 2, 3)]);
    is_refused(&[get(Some(1), 0, 1), put(1, 2, 3)]);
}

#[test]
fn what_overlaps_may_come_in_either_order_but_in_one() {
    assert_eq!(anomalies(&[put(1, 0, 10), put(2, 0, 10), get(Some(1), 11, 12)]), []);
    assert_eq!(anomalies(&[put(1, 0, 10), put(2, 0, 10), get(Some(2), 11, 12)]), []);
    assert_eq!(anomalies(&[put(1, 0, 1), put(2, 2, 10), get(Some(1), 3, 4), get(Some(2), 5, 6)]), []);
    // Two readers that saw the two writes in different orders.
    is_refused(&[put(1, 0, 10), put(2, 0, 10), get(Some(1), 11, 12), get(Some(2), 13, 14)]);
    // A value that was seen goes back.
    is_refused(&[put(1, 0, 1), put(2, 2, 10), get(Some(2), 3, 4), get(Some(1), 5, 6)]);
}

#[test]
fn an_operation_that_is_done_twice_is_found() {
    // The first write comes back after the second.
    is_refused(&[put(1, 0, 1), put(2, 2, 3), get(Some(2), 4, 5), get(Some(1), 6, 7)]);
    // The same increment counted twice.
    is_refused(&[put(1, 0, 1), cas(Some(1), 2, 2, 3, Back::Stored), cas(Some(1), 3, 4, 5, Back::Stored)]);
}

#[test]
fn compare_and_set_has_one_winner() {
    let lost = Back::Mismatch(Some(2));
    assert_eq!(
        anomalies(&[put(1, 0, 1), cas(Some(1), 2, 2, 9, Back::Stored), cas(Some(1), 3, 2, 9, lost)]),
        []
    );
    is_refused(&[
        put(1, 0, 1),
        cas(Some(1), 2, 2, 9, Back::Stored),
        cas(Some(1), 3, 2, 9, Back::Stored),
        get(Some(3), 10, 11),
    ]);
    is_refused(&[put(1, 0, 1), cas(Some(1), 2, 2, 3, Back::Mismatch(Some(1)))]);
}

#[test]
fn deletions_say_whether_something_was_there() {
    let delete = |was: bool, from, to| entry(3, Call::Delete, from, Some((to, Back::Deleted(was))));
    assert_eq!(anomalies(&[put(1, 0, 1), delete(true, 2, 3), get(None, 4, 5), delete(false, 6, 7)]), []);
    is_refused(&[put(1, 0, 1), delete(false, 2, 3)]);
    is_refused(&[put(1, 0, 1), delete(true, 2, 3), get(Some(1), 4, 5)]);
}

#[test]
fn an_unknown_outcome_may_be_now_later_or_never_but_only_once() {
    let unknown = |value, at| entry(4, Call::Put(value), at, None);
    assert_eq!(anomalies(&[unknown(7, 0), get(None, 1, 2), get(Some(7), 3, 4)]), []);
    assert_eq!(anomalies(&[unknown(7, 0), get(None, 1, 2), get(None, 3, 4)]), []);
    assert_eq!(anomalies(&[put(1, 0, 1), unknown(7, 2), get(Some(1), 3, 4), get(Some(7), 5, 6)]), []);
    // Not before it was asked.
    is_refused(&[get(Some(7), 0, 1), unknown(7, 2)]);
    // Not twice.
    is_refused(&[unknown(7, 0), get(Some(7), 1, 2), put(8, 3, 4), get(Some(8), 5, 6), get(Some(7), 7, 8)]);
    let cas = entry(5, Call::Cas { expected: Some(1), value: Some(2) }, 2, None);
    assert_eq!(anomalies(&[put(1, 0, 1), cas, get(Some(1), 3, 4), get(Some(2), 5, 6)]), []);
    is_refused(&[put(3, 0, 1), cas, get(Some(2), 5, 6)]);
}

#[test]
fn keys_are_judged_each_for_itself() {
    let other = |entry: Entry| Entry { key: 2, ..entry };
    assert_eq!(anomalies(&[put(1, 0, 1), other(get(None, 2, 3)), get(Some(1), 4, 5)]), []);
    let both = [put(1, 0, 1), get(None, 2, 3), other(put(1, 0, 1)), other(get(None, 2, 3))];
    assert_eq!(anomalies(&both).len(), 2);
}

/// Clients of a real register with overlapping calls; what each would have seen at the moment of its effect.
fn histories(seed: u64, operations: u64, clients: u64) -> Vec<Entry> {
    let mut random = Random::new(seed);
    let mut free_at = vec![0; clients as usize];
    let mut made: Vec<(u64, Entry)> = Vec::new();
    for number in 0..operations {
        let client = random.below(clients) as usize;
        let invoked = free_at[client] + 1 + random.below(20);
        let effect = invoked + 1 + random.below(40);
        let returned = effect + 1 + random.below(40);
        free_at[client] = returned;
        let call = match random.below(4) {
            0 | 1 => Call::Get,
            2 => Call::Put(number),
            _ => Call::Cas { expected: Some(random.below(operations)), value: Some(number) },
        };
        made.push((
            effect * operations + number,
            entry(client as u32, call, invoked, Some((returned, Back::Stored))),
        ));
    }
    made.sort_by_key(|(effect, _)| *effect);
    let mut state: Option<u64> = None;
    for (_, entry) in &mut made {
        let back = match entry.call {
            Call::Get => Back::Value(state),
            Call::Put(value) => {
                state = Some(value);
                Back::Stored
            }
            Call::Cas { expected, value } if state == expected => {
                state = value;
                Back::Stored
            }
            Call::Cas { .. } => Back::Mismatch(state),
            Call::Delete => unreachable!("not drawn"),
        };
        entry.returned = Some((entry.returned.unwrap().0, back));
    }
    made.into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn histories_of_a_real_register_are_accepted_and_a_wrong_answer_in_them_is_found() {
    for seed in 0..200 {
        let mut history = histories(seed, 200, 8);
        assert_eq!(anomalies(&history), [], "seed {seed}");
        // A read of what was long overwritten: with so few in flight nothing explains it.
        let reads: Vec<usize> = (100..200).filter(|at| history[*at].call == Call::Get).collect();
        let at = reads[seed as usize % reads.len()];
        let writes = history[..50].iter().filter_map(|entry| match entry.call {
            Call::Put(value) => Some(value),
            _ => None,
        });
        let old = writes.max().unwrap();
        history[at].returned = Some((history[at].returned.unwrap().0, Back::Value(Some(old))));
        is_refused(&history);
    }
}
