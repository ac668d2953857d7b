//! As much HTTP as JSON-RPC on one kept connection needs.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Bytes of an answer at most.
const ANSWER_MAX: usize = 256 << 20;

/// One connection, for one question at a time.
#[derive(Debug)]
pub struct HttpClient {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl HttpClient {
    /// Connects when first asked something.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    /// Posts a question and reads its answer. After an error the next question takes a new connection.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no JSON.
    pub async fn post(&mut self, question: &Value) -> Result<Value, String> {
        // Taken out, so that a question that is given up in the middle does not leave its answer to the next.
        let open = match self.stream.take() {
            Some(open) => open,
            None => {
                let stream = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
                stream.set_nodelay(true).map_err(|error| error.to_string())?;
                BufReader::with_capacity(1 << 18, stream)
            }
        };
        let (open, answer) = exchange(open, question).await.map_err(|error| error.to_string())?;
        self.stream = Some(open);
        serde_json::from_slice(&answer).map_err(|error| error.to_string())
    }
}

async fn exchange(
    mut open: BufReader<TcpStream>,
    question: &Value,
) -> std::io::Result<(BufReader<TcpStream>, Vec<u8>)> {
    let body = question.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    open.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
    let (mut length, mut is_chunked, mut line) = (0usize, false, String::new());
    loop {
        line.clear();
        if open.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        } else if lower.starts_with("transfer-encoding:") {
            is_chunked = lower.contains("chunked");
        }
    }
    let mut answer = Vec::new();
    if is_chunked {
        loop {
            let size = chunk(&mut open, &mut answer, &mut line).await?;
            if size == 0 {
                return Ok((open, answer));
            }
        }
    }
    answer.resize(bounded(length)?, 0);
    open.read_exact(&mut answer).await?;
    Ok((open, answer))
}

fn bounded(length: usize) -> std::io::Result<usize> {
    if length <= ANSWER_MAX { Ok(length) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

/// Reads one chunk to the end of `answer`, and says how long it was.
async fn chunk(
    open: &mut BufReader<TcpStream>,
    answer: &mut Vec<u8>,
    line: &mut String,
) -> std::io::Result<usize> {
    line.clear();
    open.read_line(line).await?;
    let invalid = |_| std::io::Error::from(std::io::ErrorKind::InvalidData);
    let size = usize::from_str_radix(line.trim(), 16).map_err(invalid)?;
    let begun = answer.len();
    answer.resize(bounded(begun + size)?, 0);
    open.read_exact(&mut answer[begun..]).await?;
    let mut end = [0; 2];
    open.read_exact(&mut end).await?;
    Ok(size)
}
