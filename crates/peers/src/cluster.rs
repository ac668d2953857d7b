//! A cluster of somebody else's processes, in a fresh folder.

use crate::error::PeerError;
use crate::processes::{Running, last_words, tied};
use std::path::{Path, PathBuf};

/// How one member is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, besides this program's own.
    pub environment: Vec<(String, String)>,
    /// Where clients speak to it.
    pub address: String,
}

/// The members' processes. They end with this value.
#[derive(Debug)]
pub(crate) struct Cluster {
    members: Vec<Member>,
    running: Vec<Running>,
    folder: PathBuf,
}

impl Cluster {
    /// Starts all members.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(crate) fn start(members: Vec<Member>, folder: &Path) -> Result<Self, PeerError> {
        let mut cluster = Self { members, running: Vec::new(), folder: folder.to_path_buf() };
        for number in 0..cluster.members.len() {
            let running = cluster.launch(number)?;
            cluster.running.push(running);
        }
        Ok(cluster)
    }

    fn launch(&self, number: usize) -> Result<Running, PeerError> {
        let member = &self.members[number];
        let mut command = tied(&member.program);
        command.args(&member.arguments).envs(member.environment.iter().cloned()).current_dir(&self.folder);
        Running::start(command, &self.log(number))
    }

    fn log(&self, number: usize) -> PathBuf {
        self.folder.join(format!("member-{number}.txt"))
    }

    /// The addresses, as the load program takes them.
    pub(crate) fn addresses(&self) -> String {
        self.members.iter().map(|member| member.address.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The processes, in the same order.
    pub(crate) fn pids(&self) -> String {
        self.running.iter().map(|running| running.pid().to_string()).collect::<Vec<_>>().join(",")
    }

    /// Starts a member again that was killed.
    ///
    /// # Errors
    /// When there is no such member, or it cannot be started.
    pub(crate) fn start_again(&mut self, number: usize) -> Result<(), PeerError> {
        if number >= self.running.len() {
            return Err(PeerError::Program { program: "load".into(), why: format!("names member {number}") });
        }
        // The old value reaps the process first.
        drop(self.running.remove(number));
        let running = self.launch(number)?;
        self.running.insert(number, running);
        Ok(())
    }

    /// Checks that all still run.
    ///
    /// # Errors
    /// The last words of the first that does not.
    pub(crate) fn check(&mut self) -> Result<(), PeerError> {
        for number in 0..self.running.len() {
            if let Some(status) = self.running[number].ended() {
                let words = std::fs::read_to_string(self.log(number)).unwrap_or_default();
                let program = self.members[number].program.display().to_string();
                return Err(PeerError::Program {
                    program,
                    why: format!("ended ({status}): {}", last_words(&words)),
                });
            }
        }
        Ok(())
    }
}
