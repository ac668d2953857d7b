//! `committee.toml`: the public file that every member and every client has.

use crate::committee_fields::Fields;
use crate::committee_parameters;
use outvote_crypto::{CommitteeError, check_committee};
use outvote_types::{
    BoundedVec, Committee, Digest, Epoch, Member, Mode, Parameters, PublicKey, QuorumError, ReplicaId,
};
use std::fmt::Write as _;
use toml::de::{DeTable, DeValue};

/// Characters of a committee file at most; 128 members take a quarter of it.
const MAX_FILE_CHARACTERS: usize = 256 * 1024;
const TOP_KEYS: &[&str] = &[
    "cluster",
    "mode",
    "demo",
    "epoch",
    "genesis_salt",
    "checkpoint_interval",
    "checkpoint_bytes",
    "tenure_blocks",
    "tenure_ms",
    "member",
];
const MEMBER_KEYS: &[&str] = &["consensus_key", "link_key", "address", "http"];

/// Why a committee file cannot be used. Each message names the line, the key and the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeFileError {
    /// Not TOML.
    #[error(
        "committee file, line {line}: {message}; it must be TOML as `outvote committee create` writes it"
    )]
    Syntax {
        /// Where.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A key that this program does not know.
    #[error("committee file, line {line}: unknown key `{key}`; {cure}")]
    UnknownKey {
        /// Where.
        line: usize,
        /// Which.
        key: String,
        /// The most similar known key, or all of them.
        cure: String,
    },
    /// A key that must be there.
    #[error(
        "committee file, line {line}: `{key}` is missing; get the file again from whoever created the committee"
    )]
    Missing {
        /// The line of the table that should hold it.
        line: usize,
        /// Which.
        key: &'static str,
    },
    /// A value of the wrong type or form.
    #[error("committee file, line {line}: `{key}` {problem}")]
    BadValue {
        /// Where.
        line: usize,
        /// Which.
        key: String,
        /// What is wrong, and what belongs there.
        problem: String,
    },
    /// A size that the mode cannot serve.
    #[error("committee file: {0}")]
    Size(#[from] QuorumError),
    /// A member's key that cannot be used.
    #[error("committee file, line {line}: member {member}: {problem}")]
    Member {
        /// Where the member begins; 0 when the committee does not come from a file.
        line: usize,
        /// Which.
        member: ReplicaId,
        /// What is wrong, and the cure.
        problem: String,
    },
    /// The committee as a whole is unsound.
    #[error("committee file: {0}")]
    Unsound(String),
    /// The cluster's name does not fit the rest of the file.
    #[error(
        "committee file, line {line}: `cluster` says {written}, but the members and settings give {computed}; \
         the file was changed: get it again from whoever created the committee"
    )]
    OtherCluster {
        /// Where.
        line: usize,
        /// What the file says.
        written: String,
        /// What follows from its other fields.
        computed: String,
    },
    /// A mode that this version does not run.
    #[error(
        "committee file: mode \"federated\" is not part of this version yet; use mode = \"byzantine\", with at least 4 replicas"
    )]
    FederatedNotAvailable,
}

/// One member's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberEntry {
    /// Its public keys.
    pub member: Member,
    /// Where it listens, `host:port`.
    pub address: String,
}

/// A checked committee and where its members listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitteeFile {
    /// The committee.
    pub committee: Committee,
    /// The members' addresses, in the members' order. They may change without a new committee.
    pub addresses: Vec<String>,
    /// Where the members' pages are, `host:port`, in the members' order; empty for a member without one.
    pub http: Vec<String>,
}

impl CommitteeFile {
    /// A file for a new committee of these members.
    ///
    /// # Errors
    /// When there are too few or too many, or their keys cannot be used.
    pub fn create(
        members: Vec<MemberEntry>,
        genesis_salt: [u8; 32],
        demo: bool,
        parameters: Parameters,
    ) -> Result<Self, CommitteeFileError> {
        let count = members.len();
        let (keys, addresses) = members.into_iter().map(|entry| (entry.member, entry.address)).unzip();
        let members = BoundedVec::new(keys).ok_or(QuorumError::TooMany(count))?;
        let (epoch, mode) = (Epoch(0), Mode::Byzantine);
        let committee = Committee { genesis_salt, epoch, mode, demo, parameters, members };
        check(&committee, &[])?;
        let http = vec![String::new(); count];
        Ok(Self { committee, addresses, http })
    }

    /// Reads the text of a committee file.
    ///
    /// # Errors
    /// See [`CommitteeFileError`].
    pub fn parse(text: &str) -> Result<Self, CommitteeFileError> {
        if text.len() > MAX_FILE_CHARACTERS {
            let message = "the file is longer than any committee".into();
            return Err(CommitteeFileError::Syntax { line: 1, message });
        }
        let document = DeTable::parse(text).map_err(|error| CommitteeFileError::Syntax {
            line: error.span().map_or(1, |span| crate::committee_fields::line_at(text, span.start)),
            message: error.message().into(),
        })?;
        let top = Fields::new(text, document.get_ref(), 1, TOP_KEYS)?;
        let mode = match top.text("mode")?.1.as_str() {
            "byzantine" => Mode::Byzantine,
            "federated" => return Err(CommitteeFileError::FederatedNotAvailable),
            _ => return Err(top.bad("mode", "must be \"byzantine\" or \"federated\"")),
        };
        let (entries, http, lines) = members(text, &top)?;
        let count = entries.len();
        let (keys, addresses) = entries.into_iter().map(|entry| (entry.member, entry.address)).unzip();
        let committee = Committee {
            genesis_salt: top.digest("genesis_salt")?.1.0,
            epoch: Epoch(top.number("epoch")?),
            mode,
            demo: top.flag("demo")?,
            parameters: committee_parameters::read(&top)?,
            members: BoundedVec::new(keys).ok_or(QuorumError::TooMany(count))?,
        };
        check(&committee, &lines)?;
        let (line, written) = top.digest("cluster")?;
        let computed = committee.cluster_id();
        if written != computed {
            let (written, computed) = (written.to_hex(), computed.to_hex());
            return Err(CommitteeFileError::OtherCluster { line, written, computed });
        }
        Ok(Self { committee, addresses, http })
    }

    /// The same file with the addresses of the members' pages; missing ones stay as they are.
    #[must_use]
    pub fn with_http(mut self, http: impl IntoIterator<Item = String>) -> Self {
        for (own, address) in self.http.iter_mut().zip(http) {
            *own = address;
        }
        self
    }

    /// The file's text.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let committee = &self.committee;
        let mut text = String::from(
            "# The committee: public, the same for every member and client. `cluster` covers all of it but the addresses.\n",
        );
        let mode = match committee.mode {
            Mode::Byzantine => "byzantine",
            Mode::Federated => "federated",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "cluster = \"{}\"", committee.cluster_id());
        let _ = writeln!(text, "mode = \"{mode}\"\ndemo = {}\nepoch = {}", committee.demo, committee.epoch);
        let _ = writeln!(text, "genesis_salt = \"{}\"", Digest(committee.genesis_salt));
        text.push_str(&committee_parameters::written(&committee.parameters));
        for ((member, address), http) in committee.members.iter().zip(&self.addresses).zip(&self.http) {
            let address = toml::Value::String(address.clone());
            let (consensus, link) = (member.consensus_key.to_hex(), member.link_key.to_hex());
            let _ = writeln!(text, "\n[[member]]\nconsensus_key = \"{consensus}\"");
            let _ = writeln!(text, "link_key = \"{link}\"\naddress = {address}");
            if !http.is_empty() {
                let _ = writeln!(text, "http = {}", toml::Value::String(http.clone()));
            }
        }
        text
    }

    /// A member's address.
    #[must_use]
    pub fn address(&self, id: ReplicaId) -> Option<&str> {
        self.addresses.get(id.index()).map(String::as_str)
    }
}

fn check(committee: &Committee, lines: &[usize]) -> Result<(), CommitteeFileError> {
    let line_of = |member: ReplicaId| lines.get(member.index()).copied().unwrap_or_default();
    check_committee(committee).map(drop).map_err(|error| match error {
        CommitteeError::Size(error) => CommitteeFileError::Size(error),
        CommitteeError::UnusableKey { member, .. } | CommitteeError::DuplicateKey { member } => {
            CommitteeFileError::Member { line: line_of(member), member, problem: error.to_string() }
        }
        other => CommitteeFileError::Unsound(other.to_string()),
    })
}

/// The members, their pages' addresses, and the lines at which they begin.
type Members = (Vec<MemberEntry>, Vec<String>, Vec<usize>);

fn members(text: &str, top: &Fields<'_>) -> Result<Members, CommitteeFileError> {
    let Some(value) = top.get("member") else {
        return Err(QuorumError::TooFew(0).into());
    };
    let DeValue::Array(tables) = value.get_ref() else {
        return Err(top.bad("member", "must be written as [[member]], once for each member"));
    };
    let (mut entries, mut pages, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for table in tables.iter() {
        let line = crate::committee_fields::line_at(text, table.span().start);
        let DeValue::Table(table) = table.get_ref() else {
            return Err(top.bad("member", "must be written as [[member]], once for each member"));
        };
        let fields = Fields::new(text, table, line, MEMBER_KEYS)?;
        let (_, address) = fields.text("address")?;
        if !is_address(&address) {
            return Err(fields.bad("address", "must be host:port, such as 127.0.0.1:4100"));
        }
        let member = Member {
            consensus_key: PublicKey(fields.digest("consensus_key")?.1.0),
            link_key: PublicKey(fields.digest("link_key")?.1.0),
        };
        let http = if fields.get("http").is_some() { fields.text("http")?.1 } else { String::new() };
        if !http.is_empty() && !is_address(&http) {
            return Err(fields.bad("http", "must be host:port, such as 127.0.0.1:4000, or be left out"));
        }
        entries.push(MemberEntry { member, address });
        pages.push(http);
        lines.push(line);
    }
    Ok((entries, pages, lines))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && port.parse::<u16>().is_ok()
            && !text.chars().any(|character| character.is_whitespace() || character.is_control())
    })
}
