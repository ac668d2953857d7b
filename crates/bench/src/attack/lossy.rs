//! A lossy network between the replicas, and between them and honest users: a proxy before each replica.
//!
//! A proxy cannot lose packets of a TCP connection, but what a lost packet does to it: what was in it, and all after it, comes
//! later. One piece in twenty is late by 10 ms and more, as after a retransmission, and one in four hundred by 200 ms.

use crate::error::BenchError;
use outvote_chaos::{Delay, Line, Proxy, Weather};
use outvote_client::CommitteeFile;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// With this least and a shape of 1, a piece is later than `t` with the chance `least / t`: 5 % for 10 ms.
const LEAST: Duration = Duration::from_micros(500);
const SHAPE: f64 = 1.0;
/// The longest that a piece is late: the system's shortest retransmission timeout.
const MOST: Duration = Duration::from_millis(200);
/// So that each run is as lossy as the other.
const SEED: u64 = 23;

/// The proxies; fair until told otherwise.
pub(crate) struct Lossy {
    proxies: Vec<Proxy>,
}

impl Lossy {
    /// Puts a proxy before each replica, and tells the homes and the committee that is given back where they are.
    pub(crate) async fn between(
        file: &CommitteeFile,
        homes: &[PathBuf],
    ) -> Result<(Self, CommitteeFile), BenchError> {
        let mut moved = file.clone();
        let mut proxies = Vec::with_capacity(homes.len());
        for (number, address) in (SEED..).zip(&mut moved.addresses) {
            let unusable = |why: String| BenchError::Cluster(format!("has no proxy: {why}"));
            let target: SocketAddr =
                address.parse().map_err(|_| unusable(format!("{address} is no address")))?;
            let anywhere = SocketAddr::new(target.ip(), 0);
            let proxy = Proxy::start(anywhere, Line::to(target), number).await;
            let proxy = proxy.map_err(|error| unusable(error.to_string()))?;
            *address = proxy.address().to_string();
            proxies.push(proxy);
        }
        for home in homes {
            let path = home.join("config/committee.toml");
            std::fs::write(&path, moved.to_toml()).map_err(|source| BenchError::File { path, source })?;
        }
        Ok((Self { proxies }, moved))
    }

    /// Packets are lost from now on, or no more.
    pub(crate) fn lose(&self, is_lossy: bool) {
        let late = Weather::late(Delay::HeavyTail { least: LEAST, shape: SHAPE, most: MOST });
        let weather = if is_lossy { late } else { Weather::default() };
        self.proxies.iter().for_each(|proxy| proxy.control().set_both(weather));
    }
}
