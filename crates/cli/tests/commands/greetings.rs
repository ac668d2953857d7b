//! What the commands that stay say when they serve, for people and for programs, and where they look for a home.

use crate::common::demo::{PATIENCE, signal};
use crate::common::{Stage, until};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A command that stays, and ends with the test.
struct Staying(Child);

impl Staying {
    fn start(mut command: Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(piped.spawn().unwrap())
    }

    /// The first line on its standard output.
    fn greeting(&mut self) -> Value {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Ctrl-C, and the exit code.
    fn stop(&mut self) -> Option<i32> {
        signal(self.0.id(), "INT");
        until("it stops", PATIENCE, || self.0.try_wait().unwrap()).code()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_a_command_the_demo_runs_in_the_home_that_the_environment_names() {
    let stage = Stage::new();
    let mut command = stage.command(&["--output", "json"]);
    command.env("OUTVOTE_HOME", "somewhere");
    let mut demo = Staying::start(command);
    // Its ports are the usual ones: whether they are free here makes no difference to what is checked.
    let greeting = demo.greeting();
    assert_eq!(
        (&greeting["home"], &greeting["page"]),
        (&"somewhere".into(), &"http://127.0.0.1:4000".into())
    );
    let replicas = greeting["replicas"].as_array().unwrap();
    assert_eq!(replicas.len(), 4);
    for (id, replica) in replicas.iter().enumerate() {
        assert_eq!(
            (&replica["id"], &replica["http"]),
            (&id.into(), &format!("http://127.0.0.1:{}", 4000 + id).into())
        );
        assert!(replica["pid"].as_u64().unwrap() > 0);
    }
    assert!(stage.path("somewhere/committee.toml").is_file() && !stage.path("outvote-demo").exists());
    assert_eq!(demo.stop(), Some(0));

    // Other commands look there, too, and --home outweighs it.
    let rooms = |arguments: &[&str]| {
        let output = stage.command(arguments).env("OUTVOTE_HOME", "somewhere").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(rooms(&["config", "check"]).0, Some(0));
    let (code, said) = rooms(&["config", "check", "--home", "elsewhere"]);
    assert!(code == Some(2) && said.contains("elsewhere"), "{said}");
    let (code, said) = rooms(&["chat", "send", "lobby", "hello"]);
    assert!(code == Some(2) && said.contains("chat register"), "it found the cluster, but no name: {said}");
}

#[test]
fn a_replica_says_where_it_serves_once_it_does() {
    let stage = Stage::new();
    let port = stage.testnet("net");
    let home = "net/replica-2";
    let mut replica = Staying::start(stage.command(&["start", "--home", home, "--output", "json"]));
    let greeting = replica.greeting();
    assert_eq!((&greeting["id"], &greeting["home"]), (&2.into(), &home.into()));
    assert_eq!(greeting["pid"], replica.0.id());
    let (address, http) = (format!("127.0.0.1:{}", port + 102), format!("http://127.0.0.1:{}", port + 2));
    assert_eq!((&greeting["address"], &greeting["http"]), (&address.into(), &http.into()));
    std::net::TcpStream::connect(("127.0.0.1", port + 2)).unwrap();
    assert_eq!(replica.stop(), Some(0));
}
