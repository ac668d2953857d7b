//! Sockets between members. The first byte of a link names who speaks; nobody proves it, for the library leaves links to its user.

use crate::pool::Pool;
use borsh::{BorshDeserialize, BorshSerialize as _};
use hotstuff_rs::networking::messages::Message;
use hotstuff_rs::networking::network::Network;
use hotstuff_rs::types::crypto_primitives::VerifyingKey;
use hotstuff_rs::types::update_sets::ValidatorSetUpdates;
use hotstuff_rs::types::validator_set::ValidatorSet;
use std::io::{self, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the library's thread sleeps when no message comes: it would spin else.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two attempts to reach a member.
const RETRY: Duration = Duration::from_millis(100);
/// Bytes of a frame at most.
const FRAME_MAX: usize = 64 << 20;
/// Bytes that are written at once, about.
const WRITE_BYTES: usize = 1 << 18;

const MESSAGE: u8 = 0;
const OPERATION: u8 = 1;

type Inbox = Arc<Mutex<Receiver<(VerifyingKey, Message)>>>;

/// The links of one member.
#[derive(Clone, Debug)]
pub struct Links {
    own: usize,
    keys: Arc<Vec<VerifyingKey>>,
    peers: Vec<Option<Sender<Arc<Vec<u8>>>>>,
    loopback: Sender<(VerifyingKey, Message)>,
    inbox: Inbox,
}

fn frame(kind: u8, body: &[u8]) -> Arc<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.extend_from_slice(&u32::try_from(body.len() + 1).unwrap_or(u32::MAX).to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(body);
    Arc::new(bytes)
}

impl Links {
    /// Listens at an address, and keeps trying to reach all others beside their client addresses.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn open(own: usize, addresses: &[String], keys: Vec<VerifyingKey>, pool: &Pool) -> io::Result<Self> {
        let (loopback, receiver) = channel();
        let listener = TcpListener::bind(&addresses[own])?;
        let (keys, pool) = (Arc::new(keys), pool.clone());
        let peers = addresses.iter().enumerate().map(|(number, address)| {
            let address = address.clone();
            (number != own).then(|| {
                let (sender, receiver) = channel();
                std::thread::spawn(move || speak(own, &address, &receiver));
                sender
            })
        });
        let peers = peers.collect();
        let (heard, known) = (loopback.clone(), keys.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, known, pool) = (heard.clone(), known.clone(), pool.clone());
                // A link that breaks is opened again by who speaks.
                std::thread::spawn(move || listen(stream, &known, &heard, &pool));
            }
        });
        Ok(Self { own, keys, peers, loopback, inbox: Arc::new(Mutex::new(receiver)) })
    }

    /// Tells all others of a client's operation.
    pub fn gossip(&self, operation: &[u8]) {
        let bytes = frame(OPERATION, operation);
        for peer in self.peers.iter().flatten() {
            // Its thread ends with the process only.
            let _ = peer.send(bytes.clone());
        }
    }
}

fn speak(own: usize, address: &str, frames: &Receiver<Arc<Vec<u8>>>) {
    let mut bytes = Vec::with_capacity(WRITE_BYTES);
    loop {
        let Ok(mut stream) = TcpStream::connect(address) else {
            std::thread::sleep(RETRY);
            continue;
        };
        // Without it all is slower, and nothing wrong.
        let _ = stream.set_nodelay(true);
        if stream.write_all(&[u8::try_from(own).unwrap_or_default()]).is_err() {
            continue;
        }
        loop {
            bytes.clear();
            match frames.recv() {
                Ok(frame) => bytes.extend_from_slice(&frame),
                Err(_) => return,
            }
            while bytes.len() < WRITE_BYTES
                && let Ok(frame) = frames.try_recv()
            {
                bytes.extend_from_slice(&frame);
            }
            if stream.write_all(&bytes).is_err() {
                break;
            }
        }
    }
}

fn listen(
    stream: TcpStream,
    keys: &[VerifyingKey],
    heard: &Sender<(VerifyingKey, Message)>,
    pool: &Pool,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(WRITE_BYTES, stream);
    let mut who = [0; 1];
    stream.read_exact(&mut who)?;
    let Some(origin) = keys.get(usize::from(who[0])) else { return Ok(()) };
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if !(1..=FRAME_MAX).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        if body[0] == OPERATION {
            body.remove(0);
            pool.add(body, None);
        } else if heard.send((*origin, Message::try_from_slice(&body[1..])?)).is_err() {
            return Ok(());
        }
    }
}

impl Network for Links {
    fn init_validator_set(&mut self, _: ValidatorSet) {}

    fn update_validator_set(&mut self, _: ValidatorSetUpdates) {}

    fn broadcast(&mut self, message: Message) {
        // Encoding into memory does not fail.
        let bytes = frame(MESSAGE, &message.try_to_vec().unwrap_or_default());
        for peer in self.peers.iter().flatten() {
            let _ = peer.send(bytes.clone());
        }
        // Its own messages it hears as well.
        let _ = self.loopback.send((self.keys[self.own], message));
    }

    fn send(&mut self, peer: VerifyingKey, message: Message) {
        match self.keys.iter().position(|key| *key == peer) {
            Some(number) if number == self.own => {
                let _ = self.loopback.send((peer, message));
            }
            Some(number) => {
                if let Some(peer) = &self.peers[number] {
                    let _ = peer.send(frame(MESSAGE, &message.try_to_vec().unwrap_or_default()));
                }
            }
            None => {}
        }
    }

    fn recv(&mut self) -> Option<(VerifyingKey, Message)> {
        // A receiver stays valid even if a holder panicked.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PAUSE).ok()
    }
}
