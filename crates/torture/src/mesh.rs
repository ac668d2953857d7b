//! A proxy on every link: between each two replicas, and between the clients and each replica.

use outvote_chaos::{Control, Counts, Direction, Flow, Line, Proxy, Weather};
use outvote_client::CommitteeFile;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// All links of a cluster.
#[derive(Debug)]
pub struct Mesh {
    n: usize,
    /// For `(i, j)` with `i < j`: `i` dials `j`. Both of their connections go through it.
    links: BTreeMap<(usize, usize), Proxy>,
    clients: Vec<Proxy>,
}

impl Mesh {
    /// Starts the proxies in front of these addresses.
    ///
    /// # Errors
    /// When an address is none, or the system has no more ports.
    pub async fn start(file: &CommitteeFile, seed: u64) -> io::Result<Self> {
        let parsed = |address: &String| address.parse().map_err(io::Error::other);
        let targets = file.addresses.iter().map(parsed).collect::<io::Result<Vec<SocketAddr>>>()?;
        let n = targets.len();
        let (mut links, mut clients) = (BTreeMap::new(), Vec::new());
        for (to, target) in targets.iter().enumerate() {
            for from in 0..to {
                let seed = seed ^ ((from as u64) << 32 | (to as u64) << 16);
                links.insert((from, to), Proxy::start(loopback(), Line::to(*target), seed).await?);
            }
            clients.push(Proxy::start(loopback(), Line::to(*target), seed ^ to as u64).await?);
        }
        Ok(Self { n, links, clients })
    }

    /// The committee as replica `id` is to see it: whom it dials is behind a proxy of the pair's own.
    #[must_use]
    pub fn seen_by(&self, id: usize, file: &CommitteeFile) -> CommitteeFile {
        let mut file = file.clone();
        for ((from, to), proxy) in &self.links {
            if *from == id {
                file.addresses[*to] = proxy.address().to_string();
            }
        }
        file
    }

    /// The committee as clients are to see it.
    #[must_use]
    pub fn seen_by_clients(&self, file: &CommitteeFile) -> CommitteeFile {
        let addresses = self.clients.iter().map(|proxy| proxy.address().to_string()).collect();
        CommitteeFile { addresses, ..file.clone() }
    }

    /// What replica `from` sends to replica `to` travels like this.
    pub fn set(&self, from: usize, to: usize, weather: Weather) {
        let direction = if from < to { Direction::There } else { Direction::Back };
        if let Some(control) = self.between(from, to) {
            control.set(direction, weather);
        }
    }

    /// The link between two replicas.
    #[must_use]
    pub fn between(&self, one: usize, other: usize) -> Option<Control> {
        self.links.get(&(one.min(other), one.max(other))).map(Proxy::control)
    }

    /// All links of one replica to others.
    #[must_use]
    pub fn of(&self, id: usize) -> Vec<Control> {
        (0..self.n).filter_map(|other| self.between(id, other)).collect()
    }

    /// All links between replicas.
    #[must_use]
    pub fn all(&self) -> Vec<Control> {
        self.links.values().map(Proxy::control).collect()
    }

    /// The clients' link to one replica.
    #[must_use]
    pub fn of_clients(&self, id: usize) -> Option<Control> {
        self.clients.get(id).map(Proxy::control)
    }

    /// Every link between replicas travels like this, both ways.
    pub fn set_all(&self, weather: Weather) {
        self.all().iter().for_each(|control| control.set_both(weather));
    }

    /// Only replicas that this joins hear each other.
    pub fn join(&self, joins: impl Fn(usize, usize) -> bool) {
        for (one, other) in self.links.keys() {
            let flow = if joins(*one, *other) { Flow::Open } else { Flow::Stalled };
            let weather = Weather::default().flowing(flow);
            self.set(*one, *other, weather);
            self.set(*other, *one, weather);
        }
    }

    /// Makes all links fair again.
    pub fn heal(&self) {
        self.links.values().chain(&self.clients).for_each(|proxy| proxy.control().heal());
    }

    /// What all proxies between replicas have seen, together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.all().iter().map(Control::counts).fold(Counts::default(), |sum, one| Counts {
            accepted: sum.accepted + one.accepted,
            open: sum.open + one.open,
            resets: sum.resets + one.resets,
            bytes_there: sum.bytes_there + one.bytes_there,
            bytes_back: sum.bytes_back + one.bytes_back,
            swallowed: sum.swallowed + one.swallowed,
            flipped: sum.flipped + one.flipped,
            segments: sum.segments + one.segments,
        })
    }
}
