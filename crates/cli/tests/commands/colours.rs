//! Colour is for terminals, and for those who want it.

use crate::common::Stage;
use crate::common::demo::PATIENCE;
use crate::common::running::Running;
use crate::common::terminal::Terminal;
use crate::common::until;

/// What begins every colour.
const ESCAPE: &[u8] = b"\x1b[";
/// Help, a mistake, and a replica's log: everything that is coloured at all outside of the chat's own screen.
const COLOURED: [&[&str]; 3] = [&["--help"], &["no-such-command"], &["start", "--home", "net/replica-0"]];

/// Runs it on a terminal until it has said something; whether it came in colour.
fn is_coloured(stage: &Stage, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let folder = stage.folder.path();
    let terminal = Terminal::start_with(folder, Some((40, 120)), arguments, environment);
    let word = if arguments.contains(&"start") { "serves http" } else { "outvote" };
    until("it says something", PATIENCE, || terminal.shown().contains(word).then_some(()));
    terminal.has_received(ESCAPE)
}

#[test]
fn a_terminal_gets_colour_unless_it_wants_none() {
    let stage = Stage::new();
    stage.testnet("net");
    for arguments in COLOURED {
        assert!(is_coloured(&stage, arguments, &[]), "{arguments:?} has colour to lose");
        assert!(!is_coloured(&stage, arguments, &[("NO_COLOR", "1")]), "{arguments:?}");
    }
}

#[test]
fn what_is_no_terminal_gets_no_colour() {
    let stage = Stage::new();
    stage.testnet("net");
    for arguments in [
        &COLOURED[..2],
        &[&["status", "--home", "net"], &["config", "explain"], &["doctor", "--home", "net"]],
    ]
    .concat()
    {
        let done = stage.run(arguments);
        assert!(!done.out.is_empty() || !done.err.is_empty());
        assert!(!format!("{}{}", done.out, done.err).contains('\x1b'), "{arguments:?}: {done:?}");
    }
    let running = Running::start(&stage, "net/replica-0");
    running.says(&["serves http"]);
    assert!(!running.said().contains('\x1b'), "{}", running.said());
}
