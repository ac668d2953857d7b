//! Rotation of leaders that did nothing wrong.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, request, signed};
use outvote_protocol::Tunables;
use outvote_types::{Message, Parameters, ReplicaId, Suspect, View};

fn rotating(tenure_blocks: u64, tenure_ms: u64) -> Cluster {
    let mut cluster = Cluster::new(4);
    cluster.agree(Parameters { tenure_blocks, tenure_ms, ..Parameters::default() });
    cluster.start_all();
    cluster.run_ms(20);
    cluster
}

/// One request after the other, each at `f + 1` replicas, as clients do.
fn work(cluster: &mut Cluster, nonces: std::ops::RangeInclusive<u64>, pause_ms: u64) {
    for nonce in nonces {
        let leader = usize::try_from(cluster.view(0) % 4).unwrap();
        cluster.request(leader, request(9, nonce, b"x"));
        cluster.request((leader + 1) % 4, request(9, nonce, b"x"));
        cluster.run_ms(pause_ms);
    }
}

// P12: each leader has its blocks, and hands over with nothing in flight, nothing lost and nobody accused.
#[test]
fn leaders_take_turns_after_so_many_blocks() {
    let mut cluster = rotating(5, 0);
    work(&mut cluster, 1..=40, 20);
    let leaders: Vec<u64> =
        cluster.nodes[3].commits.iter().map(|block| block.block.header.body.view.0).collect();
    for view in 0..cluster.view(3) {
        // The opening block does not count.
        assert_eq!(leaders.iter().filter(|led| **led == view).count(), 6, "view {view} of {leaders:?}");
    }
    assert!(cluster.view(3) >= 7, "{}", cluster.view(3));
    for i in 0..4 {
        assert_eq!(cluster.ordered(i), (1..=40).map(|nonce| (9, nonce)).collect::<Vec<_>>());
        assert_eq!(cluster.accusations(i).len(), 0);
        assert_eq!(cluster.replica(i).status().timeout_us, 500_000, "a view that worked does not widen T");
    }
    // V4: the leader's own SUSPECT may arrive first.
    assert!(cluster.all_suspicions().iter().all(|reason| matches!(reason, 't' | 'd')));
}

// P12: by time, in a steady load, one change of view for each tenure and no more.
#[test]
fn leaders_take_turns_after_so_long() {
    let mut cluster = rotating(0, 1_000);
    work(&mut cluster, 1..=500, 10);
    let view = cluster.view(3);
    assert!((4..=5).contains(&view), "{view} turns of one second in five seconds");
    assert_eq!(cluster.ordered(3).len(), 500);
    assert!(cluster.all_suspicions().iter().all(|reason| matches!(reason, 't' | 'd')));
}

// P12: under a load that always has slots in flight the leader stops by itself, so the turn ends exactly.
#[test]
fn a_turn_ends_although_work_never_does() {
    let tunables = Tunables { batch_count_max: 1, batch_growth: 1, linger_us: 0, ..Tunables::default() };
    let mut cluster = Cluster::with(4, 1024, tunables);
    cluster.agree(Parameters { tenure_blocks: 10, ..Parameters::default() });
    cluster.start_all();
    cluster.run_ms(20);
    let mut nonce = 0;
    for _ in 0..100 {
        nonce += 1;
        (0..4).for_each(|i| cluster.request(i, request(9, nonce, b"x")));
        cluster.run_us(100);
    }
    cluster.run_ms(1_500);
    assert!(cluster.view(0) >= 5, "{}", cluster.view(0));
    assert_eq!(cluster.ordered(0), (1..=nonce).map(|nonce| (9, nonce)).collect::<Vec<_>>());
    let turns = cluster.nodes[0].commits.iter().map(|block| block.block.header.body.view.0);
    let first = turns.filter(|view| *view == 0).count();
    assert_eq!(first, 11);
}

// P12: what only the old leader was given reaches the new one at once, not after T_request / 2.
#[test]
fn what_the_old_leader_still_has_is_handed_on() {
    let mut cluster = rotating(1, 0);
    cluster.request(0, request(8, 1, b"ends the turn"));
    for client in 1..=6 {
        cluster.request(0, request(client, 1, b"waits"));
    }
    cluster.run_ms(60);
    assert_eq!(cluster.ordered(2).len(), 7, "{:?}", cluster.ordered(2));
    assert!(cluster.view(2) > 0);
}

// P12: an idle cluster rotates no further, whatever the tenure.
#[test]
fn an_idle_cluster_does_not_rotate_for_ever() {
    for (blocks, ms) in [(1, 0), (0, 100), (1, 100)] {
        let mut cluster = rotating(blocks, ms);
        cluster.run_ms(5_000);
        assert_eq!(cluster.view(1), 0, "without any work nobody's turn begins");
        work(&mut cluster, 1..=1, 5_000);
        assert_eq!(cluster.view(1), 1, "one turn of work, one change of leader");
        cluster.run_ms(5_000);
        assert_eq!(cluster.view(1), 1);
    }
}

// P12, V10: it binds nobody: whoever suspects ahead of the schedule, or for another one, moves no view by itself.
// Faults: L20
#[test]
fn a_tenure_of_one_replica_moves_no_view() {
    let mut cluster = rotating(1_000, 0);
    for nonce in 1..=100 {
        cluster.request(0, request(9, nonce, b"x"));
        let suspect = signed(Suspect { view: View(0), replica: ReplicaId(3) });
        (0..3).for_each(|to| cluster.give(3, to, Message::Suspect(suspect.clone())));
        cluster.run_ms(20);
    }
    assert_eq!((cluster.view(0), cluster.ordered(0).len()), (0, 100));
    assert!(cluster.all_suspicions().is_empty());
}

// P12: off by default.
#[test]
fn nobody_rotates_unless_told_to() {
    let mut cluster = Cluster::started(4);
    work(&mut cluster, 1..=600, 20);
    assert_eq!(cluster.view(0), 0);
    assert_eq!(cluster.ordered(0).len(), 600);
}
