//! etcd's gRPC, as much of it as a load needs, with its messages written down here: no compiler of interface files is needed.

use http::uri::PathAndQuery;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// `etcdserverpb.PutRequest`, without what is left at its default.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// An answer whose fields are not looked at, and a question without any.
#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

/// `etcdserverpb.ResponseHeader`.
#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

/// `etcdserverpb.StatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// One connection to one member.
#[derive(Clone, Debug)]
pub struct Member {
    grpc: Grpc<Channel>,
}

impl Member {
    /// Connects when first asked something, and again when the connection breaks.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| error.to_string())?
            .tcp_nodelay(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(1 << 24)
            .connect_timeout(Duration::from_millis(500));
        Ok(Self { grpc: Grpc::new(endpoint.connect_lazy()) })
    }

    async fn unary<Question, Answer>(&self, path: &'static str, question: Question) -> Result<Answer, String>
    where
        Question: prost::Message + Default + 'static,
        Answer: prost::Message + Default + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.map_err(|error| error.to_string())?;
        let codec = ProstCodec::<Question, Answer>::default();
        let answered =
            grpc.unary(tonic::Request::new(question), PathAndQuery::from_static(path), codec).await;
        answered.map(tonic::Response::into_inner).map_err(|status| status.to_string())
    }

    /// Writes a value; it is committed when this returns.
    ///
    /// # Errors
    /// What etcd says.
    pub async fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), String> {
        self.unary::<_, Empty>("/etcdserverpb.KV/Put", PutRequest { key, value }).await.map(|_| ())
    }

    /// Whether this member leads.
    ///
    /// # Errors
    /// What etcd says.
    pub async fn leads(&self) -> Result<bool, String> {
        let status: Status = self.unary("/etcdserverpb.Maintenance/Status", Empty {}).await?;
        Ok(status.leader != 0 && status.header.is_some_and(|header| header.member_id == status.leader))
    }
}
