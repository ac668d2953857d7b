//! Four real replicas that serve the chat, and a browser of a few lines.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use outvote_chat::{Chat, ChatOperation, routes};
use outvote_client::{CommitteeFile, MemberEntry};
use outvote_crypto::{KeyPair, sign_request};
use outvote_node::{Home, Listeners, Node, NodeConfig, RunningNode};
use outvote_types::Parameters;
use outvote_types::{
    Blob, BoundedVec, Domain, Member, Nonce, Operation, PublicKey, Request, RequestBody, encode,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing here takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Cluster {
    pub committee: CommitteeFile,
    pub pages: Vec<SocketAddr>,
    nodes: Vec<RunningNode>,
    _folder: TempDir,
}

impl Cluster {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (mut homes, mut members, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        for id in 0..4 {
            let links = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            links.set_nonblocking(true).unwrap();
            let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (at, page) = (links.local_addr().unwrap(), http.local_addr().unwrap());
            let (home, keys) = Home::init(folder.path().join(id.to_string()), at, page).unwrap();
            let member =
                Member { consensus_key: keys.consensus.public_key(), link_key: keys.link.public_key() };
            members.push(MemberEntry { member, address: at.to_string() });
            pages.push(page);
            homes.push((home, at, page, Listeners { links, http }));
        }
        let salt = members[0].member.link_key.0;
        let committee = CommitteeFile::create(members, salt, true, Parameters::default()).unwrap();
        let committee = committee.with_http(pages.iter().map(SocketAddr::to_string));
        let mut nodes = Vec::new();
        for (home, at, page, listeners) in homes {
            std::fs::write(home.committee(), committee.to_toml()).unwrap();
            let mut config = NodeConfig::default();
            (config.network.listen, config.network.http) = (at, page);
            let node = Node::with_config(home, config, Chat).listeners(listeners).routes(routes);
            nodes.push(node.start().await.unwrap());
        }
        Self { committee, pages, nodes, _folder: folder }
    }

    pub async fn stop_replica(&mut self, id: usize) {
        self.nodes.remove(id).stop().await;
    }

    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }

    pub async fn get(&self, id: usize, path: &str) -> Response {
        self.send(id, "GET", path, &[], "").await
    }

    pub async fn get_json(&self, id: usize, path: &str) -> Value {
        self.get(id, path).await.json()
    }

    /// Asks one replica until its answer is the wanted one: a client hears from f + 1 replicas, and this one may execute later.
    pub async fn get_until(&self, id: usize, path: &str, is_wanted: impl Fn(&Response) -> bool) -> Response {
        let asking = async {
            loop {
                let response = self.get(id, path).await;
                if is_wanted(&response) {
                    return response;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| panic!("{path} becomes what is wanted"))
    }

    pub async fn post(&self, id: usize, path: &str, body: &Value) -> Response {
        self.send(id, "POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    pub async fn send(
        &self,
        id: usize,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let host = self.pages[id].to_string();
        let mut all = vec![("host", host.as_str()), ("connection", "close")];
        all.retain(|(name, _)| headers.iter().all(|(own, _)| own != name));
        all.extend(headers);
        let lines: String = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let text = format!("{method} {path} HTTP/1.1\r\n{lines}content-length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.pages[id]).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        Response::parse(&bytes)
    }

    /// Opens a stream of events and leaves it open.
    pub async fn listen(&self, id: usize, query: &str) -> Events {
        let mut stream = TcpStream::connect(self.pages[id]).await.unwrap();
        let text = format!("GET /api/v1/events{query} HTTP/1.1\r\nhost: {}\r\n\r\n", self.pages[id]);
        stream.write_all(text.as_bytes()).await.unwrap();
        Events { stream, heard: String::new() }
    }
}

pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a response has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {} {text}", self.status))
    }

    /// The status and the code of an error in the one shape.
    pub fn error(&self) -> (u16, String) {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("{json}"));
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "hint", "message"]);
        let is_said = error.values().all(|text| text.as_str().is_some_and(|text| !text.is_empty()));
        assert!(is_said, "an error says what and how to fix it: {json}");
        (self.status, error["code"].as_str().unwrap().into())
    }
}

pub struct Events {
    stream: TcpStream,
    heard: String,
}

impl Events {
    /// The data of the next event of this name for which `is_wanted` holds.
    pub async fn wait(&mut self, name: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                while let Some((event, rest)) = self.heard.split_once("\n\n") {
                    let (event, rest) = (event.to_string(), rest.to_string());
                    self.heard = rest;
                    if event.contains(&format!("event: {name}\n"))
                        && let Some((_, data)) = event.split_once("data: ")
                    {
                        // A long event may come in several chunks, whose lengths stand on lines of their own.
                        let line = data.split("\r\n").step_by(2).collect::<String>();
                        let json =
                            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {event}"));
                        if is_wanted(&json) {
                            return json;
                        }
                    }
                }
                let mut bytes = vec![0; 65_536];
                let count = self.stream.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the stream ended");
                self.heard.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the event comes in time")
    }
}

/// Somebody in front of a page.
pub struct Person {
    pub key: KeyPair,
    nonce: u64,
}

impl Person {
    pub fn new() -> Self {
        Self { key: KeyPair::generate().unwrap(), nonce: 0 }
    }

    pub fn public(&self) -> PublicKey {
        self.key.public_key()
    }

    pub fn sign(&mut self, cluster: &Cluster, operation: &ChatOperation) -> Request {
        self.nonce += 1;
        let payload = Blob::new(operation.encode()).unwrap();
        let operations = BoundedVec::new(vec![Operation { author: None, query: false, payload }]).unwrap();
        let body = RequestBody { session: self.public(), nonce: Nonce(self.nonce), operations };
        let domain = Domain::clients(&cluster.committee.committee.cluster_id());
        sign_request(&self.key, &domain, body)
    }

    /// Signs the operation, hands it to one replica and gives its whole answer.
    pub async fn does(&mut self, cluster: &Cluster, via: usize, operation: ChatOperation) -> Value {
        let request = self.sign(cluster, &operation);
        let response = cluster.post(via, "/api/v1/submit", &submission(&request)).await;
        assert_eq!(response.status, 200, "{}", response.json());
        response.json()
    }
}

/// The body of a submission.
pub fn submission(request: &Request) -> Value {
    json!({"request": encode(request).iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
}
