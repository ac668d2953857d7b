//! Free ports, below those that the kernel gives to outgoing connections: a member that was killed finds its own free again.

use crate::error::PeerError;
use std::net::TcpListener;

const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
/// How far above its page's port a replica of ours has its link.
pub(crate) const LINK_OFFSET: u16 = 100;

/// Hands out ports in turn, so that a cluster never meets what is left of the one before.
#[derive(Debug)]
pub struct Ports {
    next: u16,
}

impl Default for Ports {
    fn default() -> Self {
        // Two runs on one machine rarely begin at the same place.
        let own = u16::try_from(std::process::id() % 97).unwrap_or_default();
        Self { next: FIRST + own * 64 }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

impl Ports {
    /// The next port for which this holds.
    fn find(&mut self, step: u16, is_good: impl Fn(u16) -> bool) -> Option<u16> {
        for _ in FIRST..LAST {
            if self.next < FIRST || self.next > LAST - step {
                self.next = FIRST;
            }
            let port = self.next;
            self.next += step;
            if is_good(port) {
                return Some(port);
            }
        }
        None
    }

    /// So many free ports.
    ///
    /// # Errors
    /// When there are not that many.
    pub fn take(&mut self, count: usize) -> Result<Vec<u16>, PeerError> {
        (0..count).map(|_| self.find(1, is_free).ok_or(PeerError::Ports(count))).collect()
    }

    /// The first of so many ports in a row that are free, and as many at the distance of our replicas' links.
    ///
    /// # Errors
    /// When there are none.
    pub fn row(&mut self, count: u16) -> Result<u16, PeerError> {
        let is_good = |first: u16| {
            (first..first + count).chain(first + LINK_OFFSET..first + LINK_OFFSET + count).all(is_free)
        };
        self.find(2 * LINK_OFFSET, is_good).ok_or(PeerError::Ports(2 * usize::from(count)))
    }
}
