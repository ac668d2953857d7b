//! The first bytes on a link between members, inside TLS: which cluster, which of the two connections.

use outvote_types::Digest;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The greeting's version.
const VERSION: u8 = 1;
/// Version, class, cluster.
const HELLO_BYTES: usize = 34;

/// Which of the two connections of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Urgent = 0,
    Bulk = 1,
}

impl Class {
    pub(crate) const BOTH: [Self; 2] = [Self::Urgent, Self::Bulk];

    pub(crate) const fn is_urgent(self) -> bool {
        matches!(self, Self::Urgent)
    }
}

/// The answer to a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    Yes = 1,
    OtherVersion = 2,
    OtherCluster = 3,
    NotYours = 4,
}

impl Welcome {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Yes => "welcome",
            Self::OtherVersion => "it speaks another version of the protocol",
            Self::OtherCluster => "it belongs to another cluster",
            Self::NotYours => "it dials us itself, so its committee file lists the members in another order",
        }
    }
}

pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    class: Class,
    cluster: &Digest,
) -> io::Result<Welcome> {
    let mut hello = [0; HELLO_BYTES];
    (hello[0], hello[1]) = (VERSION, class as u8);
    hello[2..].copy_from_slice(&cluster.0);
    stream.write_all(&hello).await?;
    stream.flush().await?;
    Ok(match stream.read_u8().await? {
        1 => Welcome::Yes,
        2 => Welcome::OtherVersion,
        3 => Welcome::OtherCluster,
        4 => Welcome::NotYours,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "an unknown answer to the greeting")),
    })
}

/// Reads a greeting and answers it. `Err` holds what was answered instead of a welcome.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    cluster: &Digest,
    is_theirs_to_dial: bool,
) -> io::Result<Result<Class, Welcome>> {
    let mut hello = [0; HELLO_BYTES];
    stream.read_exact(&mut hello).await?;
    let class = Class::BOTH.into_iter().find(|class| *class as u8 == hello[1]);
    let verdict = match class {
        _ if hello[0] != VERSION => Err(Welcome::OtherVersion),
        None => Err(Welcome::OtherVersion),
        Some(_) if hello[2..] != cluster.0 => Err(Welcome::OtherCluster),
        Some(_) if !is_theirs_to_dial => Err(Welcome::NotYours),
        Some(class) => Ok(class),
    };
    let said = verdict.err().unwrap_or(Welcome::Yes);
    stream.write_all(&[said as u8]).await?;
    stream.flush().await?;
    Ok(verdict)
}
