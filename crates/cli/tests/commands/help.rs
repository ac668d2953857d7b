//! The help of every command, found by walking from command to command as a reader would.

use crate::common::Stage;

/// What `--help` says of a command.
fn help(stage: &Stage, command: &[String]) -> String {
    let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let done = stage.run(&arguments);
    assert!(done.code == 0 && done.err.is_empty(), "{arguments:?}: {done:?}");
    done.out
}

/// The subcommands that a help lists. Only their lines are indented by exactly two spaces.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let own = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let named = own.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).map(String::from).collect()
}

/// The helps of a command and of all below it.
fn walk(stage: &Stage, command: &[String], found: &mut Vec<(String, String)>) {
    let help = help(stage, command);
    for name in listed(&help).into_iter().filter(|name| name != "help") {
        walk(stage, &[command, &[name]].concat(), found);
    }
    found.push((command.join(" "), help));
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let mut found = Vec::new();
    walk(&Stage::new(), &[], &mut found);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["", "demo", "committee create", "chat", "chat send", "kv cas", "config explain", "bench"] {
        assert!(names.contains(&name), "the walk came by {name:?}: {names:?}");
    }
    for (name, help) in &found {
        let example = help.split_once("Example: ").map(|(_, example)| example);
        let command = format!("outvote {name}");
        assert!(
            example.is_some_and(|example| example.contains(command.trim_end())),
            "`{command} --help` has no example of it: {help}"
        );
    }
    let all = &found.last().unwrap().1;
    assert!(all.contains("(the default)") && all.starts_with("Honest machines outvote the liars"), "{all}");
}
