//! Raft's messages between members, over the same frames as the clients'.

use crate::types::TypeConfig;
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AnyError, BasicNode, Raft};
use outvote_peer_wire::{Connection, DONE, Frame, NOT_DONE, OWN};
use serde::Serialize;
use serde::de::DeserializeOwned;

const APPEND: u8 = OWN;
const VOTE: u8 = OWN + 1;

type Trouble<Inner = openraft::error::Infallible> = RPCError<u64, BasicNode, RaftError<u64, Inner>>;

/// Makes the links to other members.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

/// The link to one member.
#[derive(Debug)]
pub struct Link {
    target: u64,
    address: String,
    connection: Option<Connection>,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> Link {
        Link { target, address: node.addr.clone(), connection: None }
    }
}

impl Link {
    async fn ask<Question: Serialize, Answer: DeserializeOwned>(
        &mut self,
        kind: u8,
        question: &Question,
    ) -> Result<Answer, Trouble> {
        let broken = |error: &std::io::Error| RPCError::Unreachable(Unreachable::new(error));
        let garbled = |error: postcard::Error| RPCError::Network(NetworkError::new(&error));
        let connection = match self.connection.take() {
            Some(open) => open,
            None => Connection::open(&self.address).await.map_err(|error| broken(&error))?,
        };
        let body = postcard::to_stdvec(question).map_err(garbled)?;
        let answer = connection.ask(kind, body).await.map_err(|error| broken(&error))?;
        self.connection = Some(connection);
        let answer: Result<Answer, RaftError<u64>> = postcard::from_bytes(&answer.body).map_err(garbled)?;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }
}

impl RaftNetwork<TypeConfig> for Link {
    async fn append_entries(
        &mut self,
        question: AppendEntriesRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Trouble> {
        self.ask(APPEND, &question).await
    }

    async fn install_snapshot(
        &mut self,
        _: InstallSnapshotRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Trouble<InstallSnapshotError>> {
        Err(RPCError::Network(NetworkError::new(&AnyError::error("this store takes no snapshots"))))
    }

    async fn vote(&mut self, question: VoteRequest<u64>, _: RPCOption) -> Result<VoteResponse<u64>, Trouble> {
        self.ask(VOTE, &question).await
    }
}

/// Answers another member.
pub async fn answer_member(raft: &Raft<TypeConfig>, frame: &Frame) -> (u8, Vec<u8>) {
    let answer = match frame.kind {
        APPEND => match postcard::from_bytes(&frame.body) {
            Ok(question) => postcard::to_stdvec(&raft.append_entries(question).await),
            Err(error) => Err(error),
        },
        VOTE => match postcard::from_bytes(&frame.body) {
            Ok(question) => postcard::to_stdvec(&raft.vote(question).await),
            Err(error) => Err(error),
        },
        _ => Ok(Vec::new()),
    };
    answer.map_or_else(|error| (NOT_DONE, error.to_string().into_bytes()), |answer| (DONE, answer))
}
