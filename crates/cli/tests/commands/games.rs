//! `outvote twins` and `outvote mutate`: counted, resumed, replayed.

use crate::common::Stage;

// Faults: R04
#[test]
fn a_list_of_twins_is_played_in_parts_and_one_of_them_again() {
    let stage = Stage::new();
    let part = |from, count, jobs| {
        stage.json(&["twins", "--rounds", "2", "--from", from, "--count", count, "--jobs", jobs])
    };
    let (all, first, second) = (part("0", "10000", "1"), part("0", "100", "2"), part("100", "10000", "2"));
    assert_eq!(
        (&all["scenarios"], &all["violations"], &all["stalls"]),
        (&all["total"], &0.into(), &0.into())
    );
    let sum = |what: &str| first[what].as_u64().unwrap() + second[what].as_u64().unwrap();
    for what in ["scenarios", "frames", "blocks", "with_commits"] {
        assert_eq!(all[what].as_u64().unwrap(), sum(what), "{what}");
    }
    assert_eq!(first["next"], 100);
    let one = stage.json(&["twins", "--scenario", "4:0:0.00110-1.01100c", "--trace", "one.trace"]);
    assert!(one["failure"].is_null() && one["frames"].as_u64().unwrap() > 0, "{one}");
    assert!(std::fs::read_to_string(stage.path("one.trace")).unwrap().contains("ROUND 1.01100c"));
    let drawn = stage.json(&["twins", "--sample", "--count", "20", "--from", "7"]);
    assert_eq!(
        (&drawn["scenarios"], &drawn["violations"], &drawn["stalls"]),
        (&20.into(), &0.into(), &0.into())
    );
}

// Faults: R05
#[test]
fn mutations_are_counted_and_a_seed_can_be_played_again() {
    let stage = Stage::new();
    let some = |jobs| stage.json(&["mutate", "--count", "40", "--jobs", jobs]);
    let (first, again) = (some("1"), some("2"));
    assert_eq!((&first["runs"], &first["violations"], &first["stalls"]), (&40.into(), &0.into(), &0.into()));
    assert_eq!((&first["mutations"], &first["frames"]), (&again["mutations"], &again["frames"]));
    assert!(first["mutations"]["prepare.vote.view plus one"].as_u64().unwrap() > 0, "{first}");
    let one = stage.json(&["mutate", "--seed", "3", "--trace", "one.trace"]);
    assert!(one["blocks"].as_u64().unwrap() > 0 && one["failure"].is_null(), "{one}");
    assert!(std::fs::read_to_string(stage.path("one.trace")).unwrap().contains("MENDED"));
}
