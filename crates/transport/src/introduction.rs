//! What follows the greeting on each link: both ends name their processes, and tell of others that they met with the same key
//! (D27).

use crate::identity::ClusterIdentity;
use crate::instance::{Acquaintance, INSTANCE_BYTES, Instance, Proof, Word};
use crate::key::LinkKey;
use outvote_types::{PublicKey, Signature};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const SIGNATURE_BYTES: usize = 64;
/// Of whom, and that one's statement.
const WORD_BYTES: usize = INSTANCE_BYTES + SIGNATURE_BYTES;

/// What one end needs to introduce itself.
#[derive(Clone, Copy, Debug)]
pub struct Introduction<'a> {
    /// Our link key.
    pub key: &'a LinkKey,
    /// Our cluster.
    pub cluster: &'a ClusterIdentity,
    /// This process.
    pub own: Instance,
    /// The other end's link key.
    pub peer_key: &'a PublicKey,
    /// What is known of the other end's processes.
    pub peer: &'a Mutex<Acquaintance>,
}

/// How the two ends stand after an introduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against a link.
    Fine {
        /// Another process of that member was here last.
        is_new: bool,
        /// The other end has just proven that one of its member's other processes lives beside it.
        has_proven: bool,
        /// The other end has met a process with our key that was started later than this one.
        younger_met: Option<Instance>,
    },
    /// The other end lives beside this elder process with its key, and was shown the proof.
    PeerIsYounger {
        /// The one that stays.
        elder: Instance,
    },
    /// We live beside this elder process with our key: this process must end.
    WeAreYounger {
        /// The one that stays.
        elder: Instance,
    },
}

impl Introduction<'_> {
    /// Introduces the two ends to each other; both do the same.
    ///
    /// # Errors
    /// When the connection ends, or the other end names no process.
    pub async fn make<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> io::Result<Standing> {
        say(stream, &Instance::told(Some(self.own))).await?;
        let nameless = || io::Error::new(io::ErrorKind::InvalidData, "a process without a number");
        let theirs = Instance::from_told(&hear(stream).await?).ok_or_else(nameless)?;
        let (is_new, word) = self.peer().meet(theirs);
        say(stream, &told(&word)).await?;
        let said = from_told(&hear(stream).await?);
        if let Some(elder) = self.elder(&said) {
            return Ok(Standing::WeAreYounger { elder });
        }
        if let (Some(elder), Some(_)) = (word.other, word.signature) {
            return Ok(Standing::PeerIsYounger { elder });
        }
        let younger_met = said.other.filter(|other| self.own < *other);
        let statement =
            younger_met.map(|other| Proof::sign(self.key, &self.cluster.cluster, self.own, other));
        say(stream, &signature_told(statement.map(|proof| proof.signature))).await?;
        let answer = signature_from_told(&hear(stream).await?);
        let proof =
            word.other.zip(answer).map(|(younger, signature)| Proof { elder: theirs, younger, signature });
        let proof = proof.filter(|proof| proof.holds(self.peer_key, &self.cluster.cluster));
        let has_proven = proof.is_some_and(|proof| self.peer().keep(proof));
        Ok(Standing::Fine { is_new, has_proven, younger_met })
    }

    /// The elder process with our key, if what was said proves one. A liar's word without its signature is nothing.
    fn elder(&self, said: &Word) -> Option<Instance> {
        let (elder, signature) = said.other.zip(said.signature)?;
        let proof = Proof { elder, younger: self.own, signature };
        proof.holds(&self.key.public_key(), &self.cluster.cluster).then_some(elder)
    }

    fn peer(&self) -> MutexGuard<'_, Acquaintance> {
        // Plain copies: whole whatever a holder did.
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn hear<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn told(word: &Word) -> [u8; WORD_BYTES] {
    let mut told = [0; WORD_BYTES];
    told[..INSTANCE_BYTES].copy_from_slice(&Instance::told(word.other));
    told[INSTANCE_BYTES..].copy_from_slice(&signature_told(word.signature));
    told
}

fn from_told(told: &[u8; WORD_BYTES]) -> Word {
    let (mut other, mut signature) = ([0; INSTANCE_BYTES], [0; SIGNATURE_BYTES]);
    other.copy_from_slice(&told[..INSTANCE_BYTES]);
    signature.copy_from_slice(&told[INSTANCE_BYTES..]);
    Word { other: Instance::from_told(&other), signature: signature_from_told(&signature) }
}

fn signature_told(signature: Option<Signature>) -> [u8; SIGNATURE_BYTES] {
    signature.map_or([0; SIGNATURE_BYTES], |signature| signature.0)
}

/// Zeros are no signature of anything.
fn signature_from_told(told: &[u8; SIGNATURE_BYTES]) -> Option<Signature> {
    (*told != [0; SIGNATURE_BYTES]).then_some(Signature(*told))
}
