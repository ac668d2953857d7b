//! The first bytes on a link between members, inside TLS: which cluster, which of the two connections.

use crate::identity::{ClusterIdentity, PARTS_BYTES};
use outvote_types::planted::{self, Bug};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The greeting's version.
const VERSION: u8 = 3;
/// Class, cluster, and the parts that make it up. The version goes before.
const HELLO_BYTES: usize = 1 + 32 + PARTS_BYTES;

/// Which of the two connections of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Votes and all that a decision waits for.
    Urgent = 0,
    /// Data that somebody asked for.
    Bulk = 1,
    /// No link: the member that does not dial says that it is there. After the introduction it ends.
    Knock = 2,
}

impl Class {
    /// Those of a link.
    pub const BOTH: [Self; 2] = [Self::Urgent, Self::Bulk];
    const ALL: [Self; 3] = [Self::Urgent, Self::Bulk, Self::Knock];

    pub(crate) const fn is_urgent(self) -> bool {
        matches!(self, Self::Urgent)
    }
}

/// What is answered to a greeting instead of a welcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another version of the greeting, or a class of connection that is not known here.
    OtherVersion,
    /// The names of the parts in which the two clusters differ.
    OtherCluster(Vec<&'static str>),
    /// Of the two of us, the other one dials.
    NotYours,
}

const WELCOME: u8 = 1;
const OTHER_VERSION: u8 = 2;
/// Followed by the parts of the answering side's cluster, so that both sides can say in what they differ.
const OTHER_CLUSTER: u8 = 3;
const NOT_YOURS: u8 = 4;

impl Refusal {
    /// What is wrong with the pair of us, as either side may say it.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::OtherVersion => "it speaks another version of the protocol".into(),
            Self::OtherCluster(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
                let parts = if parts.is_empty() { "no part that is named".into() } else { parts.join(", ") };
                format!("it belongs to another cluster: its committee file and ours differ in {parts}")
            }
            Self::NotYours => {
                "of this pair the member with the lower index dials, and the other one knocks: the one that came does not follow \
                 the protocol"
                    .into()
            }
        }
    }
}

/// Greets, and says what was answered.
///
/// # Errors
/// When the connection ends, or the answer is none.
pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    class: Class,
    ours: &ClusterIdentity,
) -> io::Result<Result<(), Refusal>> {
    let mut hello = vec![VERSION, class as u8];
    hello.extend(ours.cluster.0);
    hello.extend(ours.told());
    stream.write_all(&hello).await?;
    stream.flush().await?;
    match stream.read_u8().await? {
        WELCOME => Ok(Ok(())),
        OTHER_VERSION => Ok(Err(Refusal::OtherVersion)),
        OTHER_CLUSTER => {
            let mut theirs = [0; PARTS_BYTES];
            stream.read_exact(&mut theirs).await?;
            Ok(Err(Refusal::OtherCluster(ours.differing(&theirs))))
        }
        NOT_YOURS => Ok(Err(Refusal::NotYours)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an unknown answer to the greeting")),
    }
}

/// Reads a greeting and answers it. `Err` inside holds what was answered instead of a welcome.
///
/// # Errors
/// When the connection ends.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ours: &ClusterIdentity,
    is_theirs_to_dial: bool,
) -> io::Result<Result<Class, Refusal>> {
    let verdict = judge(stream, ours, is_theirs_to_dial).await?;
    let mut said = match &verdict {
        Ok(_) => vec![WELCOME],
        Err(Refusal::OtherVersion) => vec![OTHER_VERSION],
        Err(Refusal::OtherCluster(_)) => vec![OTHER_CLUSTER],
        Err(Refusal::NotYours) => vec![NOT_YOURS],
    };
    if said == [OTHER_CLUSTER] {
        said.extend(ours.told());
    }
    stream.write_all(&said).await?;
    stream.flush().await?;
    Ok(verdict)
}

async fn judge<S: AsyncRead + Unpin>(
    stream: &mut S,
    ours: &ClusterIdentity,
    is_theirs_to_dial: bool,
) -> io::Result<Result<Class, Refusal>> {
    // Another version's greeting may be shorter: it is answered before anything else is waited for.
    if stream.read_u8().await? != VERSION {
        return Ok(Err(Refusal::OtherVersion));
    }
    let mut hello = [0; HELLO_BYTES];
    stream.read_exact(&mut hello).await?;
    let mut theirs = [0; PARTS_BYTES];
    theirs.copy_from_slice(&hello[33..]);
    let class = Class::ALL.into_iter().find(|class| *class as u8 == hello[0]);
    Ok(match class {
        None => Err(Refusal::OtherVersion),
        Some(_) if hello[1..33] != ours.cluster.0 && !planted::is_on(Bug::GreetingWithoutCluster) => {
            Err(Refusal::OtherCluster(ours.differing(&theirs)))
        }
        // Of each pair one dials, and the other one may knock.
        Some(class)
            if (class == Class::Knock) == is_theirs_to_dial && !planted::is_on(Bug::BothSidesDial) =>
        {
            Err(Refusal::NotYours)
        }
        Some(class) => Ok(class),
    })
}
