//! The local configuration: documented defaults, named mistakes, the environment.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use outvote_node::{LogFormat, NodeConfig};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn refusal(text: &str) -> String {
    NodeConfig::parse(text, Path::new("config.toml")).expect_err("refused").to_string()
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<NodeConfig, String> {
    let (_folder, path) = written(text);
    let variables = variables.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
    NodeConfig::load_with(&path, variables).map_err(|error| error.to_string())
}

#[test]
fn the_commented_file_says_the_defaults() {
    let defaults = NodeConfig::default();
    let text = NodeConfig::commented(defaults.network.listen, defaults.network.http);
    assert_eq!(NodeConfig::parse(&text, Path::new("config.toml")).unwrap(), defaults);
    assert_eq!(NodeConfig::parse("", Path::new("config.toml")).unwrap(), defaults);
    let keys = text.lines().filter(|line| line.contains(" = ")).count();
    let reasons = text.lines().filter(|line| line.starts_with("# ")).count();
    assert!(reasons > keys, "every key has its reason");
}

// Faults: M14
#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_one() {
    let text = refusal("[timeouts]\n\nview_mss = 500\n");
    assert_eq!(text, "config.toml, line 3: unknown key `view_mss`: did you mean `view_ms`?");
    assert!(refusal("[nonsense]\na = 1\n").contains("unknown key `nonsense`"));
    assert!(refusal("[network]\nlisten = 7\n").contains("line 2"));
    assert!(refusal("[network\n").starts_with("config.toml, line 1"));
}

// Faults: M14
#[test]
fn a_value_out_of_its_range_is_refused_with_the_range() {
    assert!(refusal("[timeouts]\nview_ms = 1\n").contains("must lie between 50 and 10000"));
    assert!(refusal("[batch]\nlinger_us = 9000000\n").contains("at most half of timeouts.view_ms"));
    assert!(refusal("[limits]\nlog_segment_mib = 0\n").contains("between 1 and 1024"));
}

#[test]
fn a_variable_goes_before_its_key_and_is_checked_as_sharply() {
    let file = "[timeouts]\nview_ms = 700\n";
    let config = load(
        file,
        &[
            ("OUTVOTE_TIMEOUTS__VIEW_MS", "800"),
            ("OUTVOTE_LOG__FORMAT", "json"),
            ("OUTVOTE_NETWORK__LISTEN", "127.0.0.1:9"),
            ("OUTVOTE_HOME", "elsewhere"),
            ("PATH", "x__y"),
        ],
    )
    .unwrap();
    assert_eq!((config.timeouts.view_ms, config.log.format), (800, LogFormat::Json));
    assert_eq!(config.network.listen.port(), 9);
    assert_eq!(load(file, &[]).unwrap().timeouts.view_ms, 700);
    let error = load(file, &[("OUTVOTE_TIMEOUTS__VIEW_MSS", "800")]).unwrap_err();
    assert!(
        error.contains("OUTVOTE_TIMEOUTS__VIEW_MSS") && error.contains("did you mean `view_ms`"),
        "{error}"
    );
    let error = load(file, &[("OUTVOTE_TIMEOUTS__VIEW_MS", "soon")]).unwrap_err();
    assert!(error.contains("OUTVOTE_TIMEOUTS__VIEW_MS"), "{error}");
    let error = load(file, &[("OUTVOTE_TIMEOUTS__VIEW_MS", "1")]).unwrap_err();
    assert!(error.contains("between 50 and 10000"), "{error}");
}
