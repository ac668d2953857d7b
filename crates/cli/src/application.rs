//! Which application a home's state belongs to: one program runs both, and state of one is noise to the other.

use crate::failure::Failure;
use crate::files;
use clap::ValueEnum;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The applications in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    /// The group chat.
    Chat,
    /// The key-value store.
    Kv,
}

impl App {
    fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Kv => "kv",
        }
    }

    /// The application of a replica's home: what it ran before, else the wanted one, else the chat. A home never changes sides.
    pub(crate) fn of_home(home: &Path, wanted: Option<Self>) -> Result<Self, Failure> {
        let path = home.join("config/application");
        let text = match fs::read(&path) {
            Ok(bytes) => bytes,
            // Anything else is no reason to choose anew: state of one application is noise to the other.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let chosen = wanted.unwrap_or(Self::Chat);
                chosen.install(home)?;
                return Ok(chosen);
            }
            Err(error) => return Err(files::cannot("read", &path, &error)),
        };
        let known = [Self::Chat, Self::Kv].into_iter().find(|app| app.word().as_bytes() == text.trim_ascii());
        match (known, wanted) {
            (None, _) => Err(Failure::usage(format!(
                "{} names no application that this program has: write chat or kv, whichever ran here",
                path.display()
            ))),
            (Some(known), Some(wanted)) if known != wanted => Err(Failure::usage(format!(
                "{} runs the application {}, not {}: leave --app out, or use another home",
                home.display(),
                known.word(),
                wanted.word()
            ))),
            (Some(known), _) => Ok(known),
        }
    }

    /// Writes it into a home.
    pub(crate) fn install(self, home: &Path) -> Result<(), Failure> {
        let folder = home.join("config");
        if !folder.is_dir() {
            // The node itself says what is missing, and better.
            return Ok(());
        }
        files::replace(&folder.join("application"), self.word().as_bytes())
    }
}
