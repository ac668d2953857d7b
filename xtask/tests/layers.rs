//! Arrows between crates.

use xtask::{Package, Row, violations};

const TABLE: &[Row] = &[
    Row { name: "low", may_name: &[], may_use: Some(&["hash"]), must_not_reach: &["clock"] },
    Row { name: "high", may_name: &["low"], may_use: None, must_not_reach: &["socket"] },
];

fn package(name: &str, is_own: bool, depends_on: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        is_own,
        depends_on: depends_on.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn with(low: &[&str], high: &[&str]) -> Vec<String> {
    let others = [
        package("hash", false, &[]),
        package("clock", false, &[]),
        package("socket", false, &[]),
        package("framework", false, &["pool"]),
        package("pool", false, &["socket"]),
    ];
    let mut packages = vec![package("low", true, low), package("high", true, high)];
    packages.extend(others);
    violations(TABLE, &packages)
}

#[test]
fn allowed_arrows_pass() {
    assert_eq!(with(&["hash"], &["low", "hash"]), Vec::<String>::new());
}

#[test]
fn an_arrow_upwards_is_found() {
    assert_eq!(with(&["high"], &[]), ["low names high; the table in xtask/src/layers.rs forbids it"]);
}

#[test]
fn a_dependency_that_is_not_on_the_list_is_found() {
    assert_eq!(with(&["pool"], &[]), ["low names pool; the table in xtask/src/layers.rs forbids it"]);
}

#[test]
fn what_is_reached_through_others_is_found_with_its_path() {
    assert_eq!(
        with(&[], &["framework"]),
        ["high must not reach socket, but does: high -> framework -> pool -> socket"]
    );
}

#[test]
fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
    let found = violations(TABLE, &[package("low", true, &[]), package("new", true, &[])]);
    assert_eq!(
        found,
        [
            "new has no row in xtask/src/layers.rs; give it one",
            "high has a row in xtask/src/layers.rs, but there is no such crate",
        ]
    );
}

#[test]
fn a_circle_of_others_ends() {
    let packages = [
        package("low", true, &["hash"]),
        package("high", true, &["low"]),
        package("hash", false, &["hash", "low"]),
    ];
    assert_eq!(violations(TABLE, &packages), Vec::<String>::new());
}
