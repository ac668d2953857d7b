//! `outvote config`: a replica's local configuration, checked, shown and explained.

use crate::failure::Failure;
use crate::files::{self, CONFIG_BYTES_MAX};
use crate::output::Output;
use crate::place::Place;
use clap::{Args, Subcommand};
use outvote::{Home, NodeConfig};
use outvote_session::PARAMETERS;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Table;

/// A replica's configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Says whether the configuration can be used, and if not, which line is wrong and how to mend it.
    #[command(after_help = "Example: outvote config check --home ./outvote-demo/replica-0")]
    Check(Check),
    /// Shows every setting in effect: the file's, and the defaults of what it leaves out.
    #[command(after_help = "Example: outvote config show --home ./outvote-demo/replica-0 --output json")]
    Show(Show),
    /// Says what each setting means and why its default is what it is.
    #[command(after_help = "Example: outvote config explain batch.count_max")]
    Explain(Explain),
}

/// Checks.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,
}

/// Shows.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    place: Place,
}

/// Explains.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Which setting, such as `batch.count_max`; all of them unless told.
    key: Option<String>,
}

impl Config {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Check(check) => {
                let paths = config_files(&check.place)?;
                for path in &paths {
                    NodeConfig::load(path)?;
                }
                output.print(&json!({"valid": true, "files": paths}), |_| {
                    paths
                        .iter()
                        .map(|path| format!("{} is fine", path.display()))
                        .collect::<Vec<_>>()
                        .join("\n")
                })
            }
            Self::Show(show) => show.run(output),
            Self::Explain(explain) => explain.run(output),
        }
    }
}

/// The configuration of a home, or of all homes of a cluster's folder.
fn config_files(place: &Place) -> Result<Vec<PathBuf>, Failure> {
    let own = Home::new(place.path()).config();
    if own.is_file() {
        return Ok(vec![own]);
    }
    let homes = crate::cluster_folder::ClusterFolder::new(place.path()).homes();
    if homes.is_empty() {
        let home = place.path().display();
        return Err(Failure::usage(format!(
            "no config/config.toml in {home}: name a replica's home with --home"
        )));
    }
    Ok(homes.into_iter().map(|home| Home::new(home).config()).collect())
}

fn defaults() -> Result<(String, Table), Failure> {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let text = NodeConfig::commented(address(4100), address(4000));
    let table = text.parse().map_err(Failure::failed)?;
    Ok((text, table))
}

impl Show {
    fn run(self, output: Output) -> Result<(), Failure> {
        let paths = config_files(&self.place)?;
        let [path] = paths.as_slice() else {
            return Err(Failure::usage(format!(
                "{} holds several replicas: name one's home, such as --home {}",
                self.place.path().display(),
                self.place.path().join("replica-0").display()
            )));
        };
        NodeConfig::load(path)?;
        let written: Table = files::read(path, CONFIG_BYTES_MAX)?.parse().map_err(Failure::usage)?;
        let (_, mut effective) = defaults()?;
        for (section, keys) in written {
            let (Some(own), Some(keys)) =
                (effective.get_mut(&section).and_then(|own| own.as_table_mut()), keys.as_table())
            else {
                continue;
            };
            own.extend(keys.clone());
        }
        output.print(&effective, |effective| toml::to_string(effective).unwrap_or_default())
    }
}

impl Explain {
    fn run(self, output: Output) -> Result<(), Failure> {
        let (text, _) = defaults()?;
        let settings: Vec<Value> = explained(&text).into_iter().chain(agreed()).collect();
        let wanted: Vec<&Value> = settings
            .iter()
            .filter(|setting| {
                let full = setting["key"].as_str().unwrap_or_default();
                let is_wanted =
                    |key: &str| full == key || full.rsplit_once('.').is_some_and(|(_, last)| last == key);
                self.key.as_deref().is_none_or(is_wanted)
            })
            .collect();
        if wanted.is_empty() {
            let names: Vec<&str> = settings.iter().filter_map(|setting| setting["key"].as_str()).collect();
            return Err(Failure::usage(format!(
                "there is no setting `{}`; there are {}",
                self.key.unwrap_or_default(),
                names.join(", ")
            )));
        }
        output.print(&json!({"settings": wanted}), |_| {
            let lines = wanted.iter().map(|setting| {
                let field = |name: &str| setting[name].as_str().unwrap_or_default().to_string();
                format!("{} = {}\n  {}", field("key"), field("default"), field("about"))
            });
            lines.collect::<Vec<_>>().join("\n")
        })
    }
}

/// What stands in the committee file instead.
fn agreed() -> impl Iterator<Item = Value> {
    PARAMETERS.iter().map(|(key, default, about)| {
        let about = format!(
            "{about} All members agree on it: it stands in committee.toml and is chosen when that is made."
        );
        json!({"key": format!("committee.{key}"), "default": default.to_string(), "about": about})
    })
}

/// The settings of the commented file: what stands above each is what it means.
fn explained(text: &str) -> Vec<Value> {
    let (mut section, mut about, mut found) = (String::new(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_string();
        } else if let Some(comment) = line.strip_prefix("# ") {
            about = comment.to_string();
        } else if let Some((key, default)) = line.split_once(" = ") {
            found.push(json!({"key": format!("{section}.{key}"), "default": default, "about": about}));
        }
    }
    found
}
