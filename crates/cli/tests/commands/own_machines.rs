//! Four people who never share a private key: each makes a home, all install one committee file, and the chat runs.

use crate::common::running::{Running, all_reach_each_other};
use crate::common::{Stage, free_ports};
use serde_json::Value;
use std::fs;

const PEOPLE: [&str; 4] = ["ada", "ben", "cy", "dee"];

/// What each of them does alone, and sends to the others. Half of them send a line, half a file.
fn public_parts(stage: &Stage, port: u16) -> Vec<String> {
    let part = |(name, id): (&str, u16)| {
        let (address, http) = (format!("127.0.0.1:{}", port + 100 + id), format!("127.0.0.1:{}", port + id));
        let arguments = ["init", "--home", name, "--address", &address, "--http", &http];
        if id % 2 == 0 {
            let done = stage.run(&arguments);
            assert_eq!(done.code, 0, "{done:?}");
            return done.out.trim().to_string();
        }
        let file = format!("{name}.json");
        fs::write(stage.path(&file), stage.json(&arguments).to_string()).unwrap();
        file
    };
    PEOPLE.into_iter().zip(0..).map(part).collect()
}

/// One of them makes the file, and everybody checks and installs it.
fn agree_on_a_committee(stage: &Stage, parts: &[String]) {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let made = stage.json(&[&["committee", "create", "-o", "committee.toml"], parts.as_slice()].concat());
    assert_eq!(made["members"], 4);
    let cluster = made["cluster"].as_str().unwrap();
    let file = fs::read_to_string(stage.path("committee.toml")).unwrap();
    assert!(file.contains(cluster), "members compare the name that was printed with the file's");
    for name in PEOPLE {
        fs::write(stage.path(name).join("config/committee.toml"), &file).unwrap();
        let done = stage.run(&["config", "check", "--home", name]);
        assert_eq!(done.code, 0, "{done:?}");
    }
}

fn done(stage: &Stage, arguments: &[&str]) -> String {
    let done = stage.run(arguments);
    assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
    done.out
}

fn texts(stage: &Stage, home: &str) -> Vec<String> {
    let found = stage.json(&["chat", "history", "lobby", "--home", home]);
    let messages = found["messages"].as_array().unwrap();
    messages.iter().map(|message| message["text"].as_str().unwrap().to_string()).collect()
}

/// What `kill` needs stands in the table, at the replica whose process it is.
fn the_table_names_each_process(stage: &Stage, running: &[Running]) {
    let table = done(stage, &["status", "--home", "ada"]);
    assert!(table.contains("pid"), "{table}");
    for (id, replica) in running.iter().enumerate() {
        let (id, pid) = (id.to_string(), replica.child.id().to_string());
        let row = table.lines().find(|line| line.split_whitespace().next() == Some(id.as_str())).unwrap();
        assert_eq!(row.split_whitespace().nth(2), Some(pid.as_str()), "{table}");
    }
}

#[test]
fn four_homes_of_four_people_make_a_cluster_that_chats_and_proves_what_was_said() {
    let stage = Stage::new();
    let parts = public_parts(&stage, free_ports());
    agree_on_a_committee(&stage, &parts);
    let mut running: Vec<Running> = PEOPLE.iter().map(|name| Running::start(&stage, name)).collect();
    all_reach_each_other(&stage, "dee");
    the_table_names_each_process(&stage, &running);

    done(&stage, &["chat", "register", "ada", "--home", "ada"]);
    done(&stage, &["chat", "create", "lobby", "--home", "ada"]);
    done(&stage, &["chat", "send", "lobby", "hello", "--home", "ada", "--receipt", "proof.json"]);
    done(&stage, &["chat", "register", "ben", "--home", "ben"]);
    done(&stage, &["chat", "send", "lobby", "hello ada", "--home", "ben"]);
    for name in PEOPLE {
        assert_eq!(texts(&stage, name), ["hello", "hello ada"], "as seen from the home of {name}");
    }

    let verify = |file| stage.json(&["receipt", "verify", file, "--committee", "cy/config/committee.toml"]);
    let verdict = verify("proof.json");
    assert_eq!((&verdict["valid"], &verdict["message"]["text"]), (&Value::Bool(true), &"hello".into()));

    // One of four may go; whoever is away has no process to name.
    drop(running.remove(0));
    done(&stage, &["chat", "send", "lobby", "who is missing?", "--home", "ben"]);
    let table = done(&stage, &["status", "--home", "cy"]);
    let row = table.lines().find(|line| line.starts_with("0 ")).unwrap();
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["0", "away", "-"], "{table}");
    // They are no demonstration: nobody can make one of them lie.
    let refused = stage.run(&["traitor", "1", "mute", "--home", "ben"]);
    assert!(refused.code == 2 && refused.err.contains("demo"), "{refused:?}");
}
