//! The homes of a whole cluster in one folder: what `demo` and `testnet` make.

use crate::failure::Failure;
use crate::files::{self, CONFIG_BYTES_MAX};
use outvote::{CommitteeFile, Home, HomeKeys, Member};
use outvote_client::MemberEntry;
use outvote_types::Parameters;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The replicas' ports lie this far above the pages'.
const LINK_PORT_OFFSET: u16 = 100;
/// Replicas in one such folder at most: the ports must not meet.
const REPLICAS_MAX: usize = 100;

/// A cluster's folder.
#[derive(Clone, Debug)]
pub(crate) struct ClusterFolder {
    root: PathBuf,
}

impl ClusterFolder {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn committee_path(&self) -> PathBuf {
        self.root.join("committee.toml")
    }

    /// The replicas' homes, in order, as far as they exist.
    pub(crate) fn homes(&self) -> Vec<PathBuf> {
        (0..REPLICAS_MAX).map(|id| self.home(id)).take_while(|path| path.is_dir()).collect()
    }

    fn home(&self, id: usize) -> PathBuf {
        self.root.join(format!("replica-{id}"))
    }

    /// Makes the homes; in a draft folder first, so that a crash never leaves half a cluster.
    pub(crate) fn create(
        &self,
        count: usize,
        first_port: u16,
        demo: bool,
        parameters: Parameters,
    ) -> Result<CommitteeFile, Failure> {
        if count > REPLICAS_MAX {
            return Err(Failure::usage(format!(
                "{count} replicas are too many for one machine: at most {REPLICAS_MAX}"
            )));
        }
        outvote_types::Quorum::byzantine(count).map_err(Failure::usage)?;
        let is_used = match fs::read_dir(&self.root) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(files::cannot("use", &self.root, &error)),
        };
        if is_used {
            let folder = self.root.display();
            return Err(Failure::usage(format!(
                "{folder} is not empty and holds no cluster: choose another folder"
            )));
        }
        let draft = Self::new(draft_of(&self.root)?);
        let _ = fs::remove_dir_all(&draft.root);
        let file = draft.fill(count, first_port, demo, parameters)?;
        let _ = fs::remove_dir(&self.root);
        fs::rename(&draft.root, &self.root).map_err(|error| files::cannot("create", &self.root, &error))?;
        Ok(file)
    }

    fn fill(
        &self,
        count: usize,
        first_port: u16,
        demo: bool,
        parameters: Parameters,
    ) -> Result<CommitteeFile, Failure> {
        let (mut members, mut pages) = (Vec::new(), Vec::new());
        for id in 0..count {
            let (links, http) = addresses(first_port, id)?;
            let (_, keys) = Home::init(self.home(id), links, http)?;
            members.push(entry(&keys, links));
            pages.push(http.to_string());
        }
        let file = CommitteeFile::create(members, salt()?, demo, parameters)
            .map_err(Failure::usage)?
            .with_http(pages);
        self.install(&file)?;
        Ok(file)
    }

    /// Writes the committee file for clients and into every home.
    fn install(&self, file: &CommitteeFile) -> Result<(), Failure> {
        let text = file.to_toml();
        files::replace_public(&self.committee_path(), text.as_bytes())?;
        for home in self.homes() {
            files::replace_public(&Home::new(home).committee(), text.as_bytes())?;
        }
        files::create_folder(&self.root.join("client/identities"))
    }

    /// Moves an existing cluster to other ports: addresses are not part of the committee's identity.
    pub(crate) fn move_to(&self, first_port: u16) -> Result<(), Failure> {
        let mut file = outvote::load_committee(&self.committee_path())?;
        for (id, home) in self.homes().into_iter().enumerate() {
            let (links, http) = addresses(first_port, id)?;
            let path = Home::new(&home).config();
            let text = files::read(&path, CONFIG_BYTES_MAX)?;
            // Whole or not at all: half a configuration is one with other settings.
            files::replace_public(&path, readdressed(&text, links, http).as_bytes())?;
            if let (Some(address), Some(page)) = (file.addresses.get_mut(id), file.http.get_mut(id)) {
                *address = links.to_string();
                *page = http.to_string();
            }
        }
        self.install(&file)
    }
}

/// The configuration with other addresses; everything else, people's own changes included, stays.
fn readdressed(text: &str, links: SocketAddr, http: SocketAddr) -> String {
    let lines = text.lines().map(|line| match line.split('=').next().map(str::trim) {
        Some("listen") => format!("listen = \"{links}\""),
        Some("http") => format!("http = \"{http}\""),
        _ => line.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn draft_of(root: &Path) -> Result<PathBuf, Failure> {
    let name = root.file_name().ok_or_else(|| Failure::usage("the folder needs a name"))?;
    let mut draft = name.to_os_string();
    draft.push(".new");
    if let Some(above) = root.parent().filter(|above| !above.as_os_str().is_empty()) {
        files::create_folder(above)?;
    }
    Ok(root.with_file_name(draft))
}

fn addresses(first_port: u16, id: usize) -> Result<(SocketAddr, SocketAddr), Failure> {
    let too_high = || {
        Failure::usage(format!("port {first_port} leaves no room for all replicas: choose a lower --port"))
    };
    let id = u16::try_from(id).map_err(|_| too_high())?;
    let http = first_port.checked_add(id).ok_or_else(too_high)?;
    let links = http.checked_add(LINK_PORT_OFFSET).ok_or_else(too_high)?;
    Ok((SocketAddr::from(([127, 0, 0, 1], links)), SocketAddr::from(([127, 0, 0, 1], http))))
}

fn entry(keys: &HomeKeys, address: SocketAddr) -> MemberEntry {
    let member = Member { consensus_key: keys.consensus.public_key(), link_key: keys.link.public_key() };
    MemberEntry { member, address: address.to_string() }
}

/// Fresh random bytes that make this cluster differ from every other.
pub(crate) fn salt() -> Result<[u8; 32], Failure> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
    Ok(salt)
}
