//! `outvote testnet`: the homes of a whole network on one machine.

use crate::application::App;
use crate::cluster_folder::ClusterFolder;
use crate::failure::Failure;
use crate::output::Output;
use crate::parameters::Agreed;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Makes N complete homes, `committee.toml` and a client home; starts nothing. For trying out: one person holds all keys.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote testnet -n 4 -o ./net --starting-port 5000")]
pub(crate) struct Testnet {
    /// How many replicas.
    #[arg(short = 'n', long, default_value_t = 4)]
    replicas: usize,
    /// The folder to make.
    #[arg(short = 'o', long = "folder")]
    folder: PathBuf,
    /// Replica i serves its page on this port + i, and listens for replicas and clients 100 above.
    #[arg(long, default_value_t = 4000)]
    starting_port: u16,
    /// The application.
    #[arg(long, value_enum, default_value_t = App::Chat)]
    app: App,
    /// Lets `outvote traitor` make the replicas lie.
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    agreed: Agreed,
}

impl Testnet {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let folder = ClusterFolder::new(&self.folder);
        let file = folder.create(self.replicas, self.starting_port, self.demo, self.agreed.parameters())?;
        let cluster = file.committee.cluster_id().to_hex();
        let homes = folder.homes();
        for home in &homes {
            self.app.install(home)?;
        }
        let result = json!({"cluster": cluster, "homes": homes, "committee": folder.committee_path()});
        output.print(&result, |_| {
            let starts: Vec<String> =
                homes.iter().map(|home| format!("  outvote start --home {}", home.display())).collect();
            format!("cluster {cluster}\nstart each replica:\n{}", starts.join("\n"))
        })
    }
}
