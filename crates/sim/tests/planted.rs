//! Each planted bug is caught: no checker that cannot fail.
//! `cargo test -p outvote-sim --features planted-bugs --test planted -- --nocapture` prints by which, and after how many
//! seeds.

use outvote_sim::campaign::run;
use outvote_types::planted::{Bug, plant};
use std::sync::{Mutex, PoisonError};

/// The switch belongs to the whole process, so one bug at a time.
static SWITCH: Mutex<()> = Mutex::new(());

/// Runs seeds with the bug on until one of them fails; says which checker saw it and after how many.
fn hunt(bug: Bug, seeds_max: u64, replicas: usize) -> Option<(u64, String)> {
    let _guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    std::panic::set_hook(Box::new(|_| {}));
    plant(Some(bug));
    let found = (0..seeds_max).find_map(|seed| {
        let outcome = run(seed, replicas, false);
        let first = outcome.violations.first().map(|violation| violation.name.to_owned());
        first.or_else(|| outcome.stall.map(|_| String::from("stall"))).map(|name| (seed + 1, name))
    });
    plant(None);
    let _ = std::panic::take_hook();
    found
}

fn is_caught(bug: Bug, seeds_max: u64) {
    let found = hunt(bug, seeds_max, 4);
    println!("{bug:?}: {found:?}");
    assert!(found.is_some(), "{bug:?} lives through {seeds_max} seeds");
}

macro_rules! caught {
    ($($name:ident: $bug:ident within $seeds:expr;)*) => {
        $(#[test]
        fn $name() {
            is_caught(Bug::$bug, $seeds);
        })*
    };
}

caught! {
    a_quorum_one_vote_short_is_caught: QuorumOffByOne within 40;
    ranking_by_sequence_first_is_caught: RankBySequence within 300;
    a_verifier_that_says_yes_is_caught: VerifySaysYes within 200;
    a_commit_after_prepares_is_caught: CommitAfterPrepare within 10;
    a_lock_lost_at_restart_is_caught: LockLostAtRestart within 40;
    a_lease_lost_at_restart_is_caught: LeaseLostAtRestart within 300;
    a_prepare_beyond_the_lease_is_caught: PrepareBeyondLease within 40;
    a_message_that_outruns_the_disk_is_caught: SendBeforeDurable within 10;
    voting_again_after_a_restart_is_caught: VotesAgainAfterRestart within 200;
    a_new_view_after_a_restart_is_caught: NewViewAfterRestart within 300;
    a_lock_lowered_by_state_transfer_is_caught: LockLoweredByTransfer within 300;
    a_view_change_sent_once_is_caught: ViewChangeSentOnce within 200;
    a_suspicion_certificate_that_is_not_passed_on_is_caught: TimeoutNotPassedOn within 300;
    a_certificate_that_is_not_shown_is_caught: CertificateNotShown within 300;
    votes_sent_once_are_caught: VotesSentOnce within 100;
    an_echo_that_is_not_looked_at_is_caught: EchoDropped within 300;
    an_unchecked_parent_is_caught: ParentUnchecked within 300;
    an_unchecked_time_is_caught: TimestampUnchecked within 300;
    a_duplicate_that_is_executed_is_caught: DuplicateExecuted within 40;
    an_early_request_that_runs_at_once_is_caught: HeldOutOfOrder within 100;
    an_unchecked_bucket_is_caught: BucketUnchecked within 300;
    suspicion_that_binds_is_caught: SuspicionBinds within 200;
    suspicion_that_is_never_said_is_caught: NeverSuspects within 40;
    requests_that_are_forgotten_are_caught: RequestsForgotten within 100;
}
