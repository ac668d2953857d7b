//! Grown clusters cost what the design says, and the simulated machines work as long as they are told to.
#![allow(clippy::expect_used, reason = "a helper of tests may panic like a test")]

use outvote_sim::growth::{Distance, Figures, Hardware, Prices, Scenario, run};

const EVEN: Distance = Distance::Even { one_way_us: 1_000 };

fn alone(replicas: usize) -> Figures {
    run(&Scenario::alone(replicas, EVEN, Hardware::WEIGHTLESS)).expect("such a committee may be")
}

#[test]
fn a_block_commits_after_three_message_delays_and_its_client_knows_after_five() {
    for replicas in [4, 7, 10, 16] {
        let figures = alone(replicas);
        assert_eq!(figures.commit_hops, Some(figures.formula.hops_to_commit as f64), "{figures:?}");
        assert_eq!(figures.answer_hops, Some(figures.formula.hops_to_client as f64), "{figures:?}");
        assert_eq!((figures.formula.hops_to_commit, figures.formula.hops_to_client), (3, 5));
    }
}

#[test]
fn a_block_takes_as_many_messages_and_signatures_as_the_formula_says() {
    for replicas in [4, 7, 10, 16] {
        let figures = alone(replicas);
        let (formula, found) = (figures.formula, figures.per_block);
        assert_eq!(found.messages, formula.messages as f64, "{figures:?}");
        assert!(found.messages <= 2.0 * (replicas * replicas) as f64, "{figures:?}");
        // Heartbeats are signed as well, one for each twenty blocks here.
        let fits = |found: f64, expected: u64| (0.0..0.02).contains(&(found / expected as f64 - 1.0));
        assert!(fits(found.made, formula.made), "{figures:?}");
        assert!(fits(found.checked, formula.checked), "{figures:?}");
        assert_eq!(
            figures.client_checks_per_operation, 1.0,
            "each replica checks each client's signature once"
        );
        assert_eq!((figures.view_changes, figures.refused, figures.questions), (0, 0, 0), "{figures:?}");
    }
}

#[test]
fn a_processor_and_a_disk_add_what_they_cost_to_the_way_of_the_messages() {
    let disk = Hardware { sync_us: 500, ..Hardware::WEIGHTLESS };
    let figures = run(&Scenario::alone(4, EVEN, disk)).expect("four may be a committee");
    // One sync before the COMMIT: the only one on the way.
    assert_eq!(figures.commit_hops, Some(3.5), "{figures:?}");
    let slow = Hardware { prices: Prices { sign_ns: 100_000, ..Prices::NOTHING }, ..Hardware::WEIGHTLESS };
    let figures = run(&Scenario::alone(4, EVEN, slow)).expect("four may be a committee");
    // A PREPARE and a COMMIT; the proposal is on its way when it is signed.
    assert_eq!(figures.commit_hops, Some(3.2), "{figures:?}");
}

#[test]
fn a_processor_that_is_full_bounds_the_operations_a_second() {
    let prices = Prices { execute_ns: 100_000, ..Prices::NOTHING };
    let hardware = Hardware { cores: 2, prices, ..Hardware::WEIGHTLESS };
    // Long enough for the answers to a block at either end to count for little.
    let measured_blocks = 600;
    let crowd = Scenario { clients: 1_024, measured_blocks, ..Scenario::crowded(4, EVEN, hardware) };
    let figures = run(&crowd).expect("four may be a committee");
    // Execution is one thread, whatever cores there are: ten thousand operations of 100 us.
    assert!((9_000.0..=10_100.0).contains(&figures.ops_per_s), "{figures:?}");
    assert!((0.45..=0.51).contains(&figures.leader_busy.0), "{figures:?}");
}

#[test]
fn a_scenario_has_the_same_figures_each_time() {
    let crowd = Scenario { clients: 64, ..Scenario::crowded(4, Distance::Regions, Hardware::default()) };
    assert_eq!(run(&crowd), run(&crowd));
}

#[test]
fn a_committee_that_may_not_be_is_refused() {
    assert!(run(&Scenario::alone(3, EVEN, Hardware::WEIGHTLESS)).is_err());
    assert!(run(&Scenario::alone(129, EVEN, Hardware::WEIGHTLESS)).is_err());
}
