//! The bug bank: its list is read as it is written, and its table names nothing twice.

use std::collections::BTreeSet;
use xtask::bugs::mistakes_in;
use xtask::bugs::table::ROWS;

#[test]
fn a_list_is_read_line_by_line() {
    let text = "bugs! {\n    // Bytes.\n    OneShort: \"Q1\", \"A quorum is one: short\";\n    Lost: \"row S05\", \"It's gone\";\n}\n";
    let read: Vec<(String, String, String)> =
        mistakes_in(text).into_iter().map(|bug| (bug.name, bug.rule, bug.what)).collect();
    let wanted = [("OneShort", "Q1", "A quorum is one: short"), ("Lost", "row S05", "It's gone")];
    assert_eq!(read, wanted.map(|(name, rule, what)| (name.into(), rule.into(), what.into())));
}

#[test]
fn no_mistake_has_two_rows() {
    let names: BTreeSet<&str> = ROWS.iter().map(|row| row.bug).collect();
    assert_eq!(names.len(), ROWS.len());
    assert!(names.len() >= 80, "the bank only grows");
}
