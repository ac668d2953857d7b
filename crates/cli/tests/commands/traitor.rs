//! `outvote traitor` at a live demo: a replica takes up every behaviour, and says so.

use crate::common::demo::{Demo, PATIENCE};
use crate::common::until;
use outvote_node::Behaviour;

#[test]
fn every_behaviour_is_taken_up_and_given_up_again() {
    let demo = Demo::start(&[]);
    for behaviour in Behaviour::ALL.map(Behaviour::name).into_iter().filter(|name| *name != "honest") {
        let told = demo.done(&["traitor", "3", behaviour]).out;
        assert!(told.contains(&format!("({behaviour})")), "{told}");
        // Whoever says nothing to anybody is away to all who ask.
        let is_seen = |all: Vec<serde_json::Value>| match behaviour {
            "mute" => all[3]["reachable"] == false,
            _ => all[3]["behaviour"] == behaviour,
        };
        until(behaviour, PATIENCE, || {
            demo.replicas().filter(|all| all.len() == 4).filter(|all| is_seen(all.clone()))
        });
        assert!(demo.done(&["traitor", "3", "honest"]).out.contains("keeps to the rules"));
    }
    demo.all_are_there();
}
