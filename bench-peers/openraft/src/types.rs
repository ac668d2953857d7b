//! What is replicated.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::io::Cursor;

/// Operations that waited together, each a key of 24 bytes and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group(pub Vec<ByteBuf>);

openraft::declare_raft_types!(
    /// The types of this store.
    pub TypeConfig:
        D = Group,
        R = (),
        NodeId = u64,
        Node = openraft::BasicNode,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = Cursor<Vec<u8>>,
);
