//! What clients asked and heard, in real time.

use std::fmt;

/// What a client asked of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Stores a value.
    Put(u64),
    /// Compare and set; `None` stands for no value.
    Cas {
        /// What must be there.
        expected: Option<u64>,
        /// What shall be there.
        value: Option<u64>,
    },
    /// Removes the key.
    Delete,
    /// Reads, in the agreed order.
    Get,
}

/// What it heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// The value stands.
    Stored,
    /// Something else was there.
    Mismatch(Option<u64>),
    /// The key is gone; whether it was there.
    Deleted(bool),
    /// What was there.
    Value(Option<u64>),
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of which client.
    pub client: u32,
    /// On which key.
    pub key: u64,
    /// What was asked.
    pub call: Call,
    /// When it was asked: nanoseconds since the load's start.
    pub invoked: u64,
    /// When what came back; `None` if nobody knows whether it was ever done. It may then still happen at any later time.
    pub returned: Option<(u64, Back)>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: u64| ns as f64 / 1e6;
        write!(f, "client {} key {} {:?} at {:.3} ms", self.client, self.key, self.call, ms(self.invoked))?;
        match &self.returned {
            Some((at, back)) => write!(f, " -> {back:?} at {:.3} ms", ms(*at)),
            None => write!(f, " -> unknown"),
        }
    }
}
