//! `outvote committee create`: a committee of people who never share a private key.

use crate::cluster_folder::salt;
use crate::commands::init::PublicPart;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::parameters::Agreed;
use clap::{Args, Subcommand};
use outvote::{CommitteeFile, Member, PublicKey};
use outvote_client::MemberEntry;
use serde_json::json;
use std::path::PathBuf;

/// Work on committee files.
#[derive(Debug, Subcommand)]
pub(crate) enum Committee {
    /// Makes a committee file from the members' public parts.
    Create(Create),
}

/// Makes a committee file; every member checks it and installs it as `config/committee.toml`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote committee create ada.json ben.json cy.json dee.json -o committee.toml"
)]
pub(crate) struct Create {
    /// What each member's `outvote init` printed, or files that hold it, in the order in which they lead.
    #[arg(required = true)]
    public_parts: Vec<String>,
    /// The file to write.
    #[arg(short = 'o', long = "file")]
    file: PathBuf,
    #[command(flatten)]
    agreed: Agreed,
}

impl Committee {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let Self::Create(create) = self;
        let parts =
            create.public_parts.iter().map(|text| PublicPart::read(text)).collect::<Result<Vec<_>, _>>()?;
        let members = parts.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let pages = parts.iter().map(|part| part.http.clone());
        let file = CommitteeFile::create(members, salt()?, false, create.agreed.parameters())
            .map_err(Failure::usage)?
            .with_http(pages);
        if create.file.exists() {
            let path = create.file.display();
            return Err(Failure::usage(format!("{path} exists: a committee file is never overwritten")));
        }
        files::replace_public(&create.file, file.to_toml().as_bytes())?;
        let cluster = file.committee.cluster_id().to_hex();
        let result = json!({"cluster": cluster, "file": create.file, "members": parts.len()});
        output.print(&result, |_| {
            format!(
                "cluster {cluster}\nwrote {}: each member compares the cluster's name, installs the file as config/committee.toml, and runs `outvote start`",
                create.file.display()
            )
        })
    }
}

fn entry(part: &PublicPart) -> Result<MemberEntry, Failure> {
    let key = |text: &str, which: &str| {
        PublicKey::from_hex(text).ok_or_else(|| {
            Failure::usage(format!(
                "the {which} key `{text}` is not 64 hexadecimal characters: copy the whole line again"
            ))
        })
    };
    let member = Member {
        consensus_key: key(&part.consensus_key, "consensus")?,
        link_key: key(&part.link_key, "link")?,
    };
    Ok(MemberEntry { member, address: part.address.clone() })
}
