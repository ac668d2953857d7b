//! What the pure crates must not name.

use xtask::purity::{impurities, is_no_std, missing_bans};

#[test]
fn std_and_floats_are_found_in_code_only() {
    let source =
        "// std and f64 in a comment\nuse std::fmt;\nlet x: f32 = y;\nlet z = 1.5;\nlet s = \"std 1.5\";\n";
    let places: Vec<String> = impurities(source)
        .into_iter()
        .map(|what| what.split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(places, ["2", "3", "4"]);
}

#[test]
fn tuple_fields_ranges_and_methods_are_no_floats() {
    assert_eq!(impurities("a.0.1; 0..9; x2.3; 1.max(2); self.0.0;"), Vec::<String>::new());
}

#[test]
fn no_std_must_be_unconditional() {
    assert!(is_no_std("//! Doc.\n#![no_std]\n"));
    assert!(!is_no_std("#![cfg_attr(not(test), no_std)]\n// #![no_std]\n"));
}

#[test]
fn the_root_keys_must_be_repeated() {
    let own = xtask::Tree::own().read("crates/replica/clippy.toml").expect("crates/replica/clippy.toml");
    let complaints = missing_bans(&own, "allow-unwrap-in-tests = true\nmsrv = \"1.95\"\n");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("msrv"), "{complaints:?}");
}

// Faults: X10
#[test]
fn a_ban_needs_its_reason() {
    let own = "disallowed-types = [{ path = \"std::collections::HashMap\" }]";
    assert!(missing_bans(own, "").iter().any(|complaint| complaint.contains("HashMap")));
}
