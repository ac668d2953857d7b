//! Members that are built here, spoken to in their frames.

use outvote_peer_wire::{Connection, DONE, PUT, WHO_LEADS};
use std::sync::Arc;
use tokio::sync::Mutex;

/// One member, connected to when first asked something, and again when the connection broke.
#[derive(Clone, Debug)]
pub struct Member {
    address: String,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Member {
    /// A member at an address.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connection: Arc::default() }
    }

    async fn connected(&self) -> Result<Connection, String> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = &*connection {
            return Ok(open.clone());
        }
        let open = Connection::open(&self.address).await.map_err(|error| error.to_string())?;
        Ok(connection.insert(open).clone())
    }

    async fn ask(&self, kind: u8, body: Vec<u8>) -> Result<Vec<u8>, String> {
        let answered = self.connected().await?.ask(kind, body).await;
        match answered {
            Ok(answer) if answer.kind == DONE => Ok(answer.body),
            Ok(answer) => Err(String::from_utf8_lossy(&answer.body).into_owned()),
            Err(error) => {
                *self.connection.lock().await = None;
                Err(error.to_string())
            }
        }
    }

    /// Hands in an operation; it is committed when this returns.
    ///
    /// # Errors
    /// What the member says.
    pub async fn put(&self, operation: Vec<u8>) -> Result<(), String> {
        self.ask(PUT, operation).await.map(|_| ())
    }

    /// Who leads, as this member sees it.
    ///
    /// # Errors
    /// When it knows of nobody.
    pub async fn leader(&self) -> Result<usize, String> {
        let answer = self.ask(WHO_LEADS, Vec::new()).await?;
        answer
            .first()
            .map(|number| usize::from(*number))
            .ok_or_else(|| "an answer without a number".to_owned())
    }
}
