//! An open loop of people who chat; one of them is put out of a room on the way.

use crate::chat_oracle::{Heard, Posted, Removal, Shown, text_of, wrong_in};
use crate::cluster::{Cluster, WHOLE_PATIENCE};
use crate::history::{Back, Call, Entry};
use crate::load::LoadPlan;
use crate::record::{Kept, Record, nanoseconds};
use crate::trouble::Trouble;
use outvote_chat::{Access, ChatAnswer, ChatError, ChatOperation};
use outvote_client::{Client, CommitteeFile, Outcome, Tunables};
use outvote_crypto::KeyPair;
use outvote_types::{Nonce, PublicKey};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PEOPLE: u32 = 4;
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
const LAST_OUTCOMES: Duration = Duration::from_secs(90);
/// Everybody may post here.
const LOBBY: &str = "lobby";
/// Members only.
const CLUB: &str = "club";
/// The owner removes the last person after so many messages of its own.
const REMOVES_AFTER: u64 = 30;
/// Messages that a page of the API holds.
const PAGE: usize = 500;

#[derive(Debug, Default)]
struct Book {
    posted: Vec<Posted>,
    removal: Option<Removal>,
}

/// People who chat.
#[derive(Debug)]
pub(crate) struct ChatLoad {
    record: Arc<Record>,
    book: Arc<Mutex<Book>>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    owner: PublicKey,
}

async fn done(client: &Client, operation: &ChatOperation) -> Result<Result<ChatAnswer, String>, Trouble> {
    let mut finished = client.submit_bytes(operation.encode()).await?;
    while finished.outcome == Outcome::Pending {
        finished = client.ask_again(finished.ticket).await?;
    }
    match finished.outcome {
        Outcome::Committed(committed) => match committed.answer().map(ChatAnswer::parse) {
            Some(Ok(answer)) => Ok(Ok(answer)),
            Some(Err(ChatError::Refused { code, .. })) => Ok(Err(code)),
            other => Err(Trouble::failed(format!("a strange answer: {other:?}"))),
        },
        Outcome::Rejected(rejected) => Ok(Err(rejected.code)),
        Outcome::Pending => Err(Trouble::failed("an outcome that is none")),
    }
}

async fn must(client: &Client, operation: ChatOperation) -> Result<(), Trouble> {
    let done = done(client, &operation).await?;
    done.map(drop).map_err(|code| Trouble::failed(format!("{operation:?} was refused: {code}")))
}

impl ChatLoad {
    /// Makes the people and their rooms, and lets them talk.
    pub(crate) async fn begin(file: &CommitteeFile, plan: LoadPlan) -> Result<Self, Trouble> {
        let tunables = Tunables { seed: plan.seed, deadline_ms: 4_000, ..Tunables::default() };
        let connected = Client::builder(file.clone()).tunables(tunables).patience(CONNECT_PATIENCE).connect();
        let connected = connected.await?;
        let (mut people, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..PEOPLE {
            let key = KeyPair::generate().map_err(|error| Trouble::failed(error.to_string()))?;
            keys.push(key.public_key());
            people.push(connected.open(Arc::new(key), Some(Nonce(1))).await?);
        }
        for (number, person) in people.iter().enumerate() {
            must(person, ChatOperation::Register { name: format!("person-{number}") }).await?;
        }
        let open = |room: &str, access| ChatOperation::CreateRoom { room: room.into(), access };
        must(&people[0], open(LOBBY, Access::Public)).await?;
        must(&people[0], open(CLUB, Access::InviteOnly)).await?;
        for member in &keys[1..] {
            must(&people[0], ChatOperation::Invite { room: CLUB.into(), member: *member }).await?;
        }
        let load = Self {
            record: Arc::new(Record::begin()),
            book: Arc::default(),
            is_over: Arc::default(),
            tasks: JoinSet::new(),
            owner: keys[0],
        };
        let (last, mut load) = (keys[keys.len() - 1], load);
        for (number, client) in (0..PEOPLE).zip(people) {
            let (record, book) = (Arc::clone(&load.record), Arc::clone(&load.book));
            let person = Person { client, number, record, book, is_over: Arc::clone(&load.is_over), last };
            load.tasks.spawn(person.run(plan.rate));
        }
        Ok(load)
    }

    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    /// Lets everybody finish, and says what is wrong with what the replicas show.
    pub(crate) async fn end(mut self, cluster: &Cluster) -> Result<(Kept, Vec<String>), Trouble> {
        self.is_over.store(true, Ordering::Relaxed);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What has no outcome by then has none.
        let _ = tokio::time::timeout(LAST_OUTCOMES, all).await;
        let height = cluster.height().await;
        let until = tokio::time::Instant::now() + WHOLE_PATIENCE;
        while cluster.standings().await.iter().any(|own| own.as_ref().is_none_or(|own| own.executed < height))
        {
            if tokio::time::Instant::now() > until {
                return Err(Trouble::failed("not all replicas have executed what was said"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut wrong = Vec::new();
        for room in [LOBBY, CLUB] {
            let mut shown = Vec::new();
            for http in &cluster.file.http {
                shown.push(history(http, room, self.owner).await?);
            }
            let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            wrong.extend(wrong_in(room, &book.posted, &shown, book.removal.as_ref()));
        }
        let kept = self.record.keep();
        wrong.extend(kept.troubles.iter().take(5).cloned());
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = book.posted.iter().filter(|one| one.heard == Heard::Nothing).count();
        if unknown > 0 {
            wrong.push(format!("{unknown} messages have no outcome, long after all was well again"));
        }
        if book.removal.is_none() {
            wrong.push("the round was too short for somebody to be removed".into());
        }
        drop(book);
        Ok((kept, wrong))
    }
}

struct Person {
    client: Client,
    number: u32,
    record: Arc<Record>,
    book: Arc<Mutex<Book>>,
    is_over: Arc<AtomicBool>,
    /// Whom the owner removes.
    last: PublicKey,
}

impl Person {
    async fn run(self, rate: f64) {
        for turn in 0u64.. {
            let place = turn * u64::from(PEOPLE) + u64::from(self.number);
            let intended = Duration::from_secs_f64(place as f64 / rate);
            tokio::time::sleep_until((self.record.begun() + intended).into()).await;
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let done = self.post(turn, nanoseconds(intended)).await;
            let removed =
                if turn == REMOVES_AFTER && self.number == 0 { self.remove().await } else { Ok(()) };
            if let Err(trouble) = done.and(removed) {
                self.record.trouble(trouble.to_string());
            }
        }
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(&self, number: u64, intended: u64) -> Result<(), Trouble> {
        let room = if number.is_multiple_of(2) { LOBBY } else { CLUB };
        let call = Call::Put(number);
        let entry =
            Entry { client: self.number, key: u64::from(self.number), call, invoked: 0, returned: None };
        let recorded = self.record.invoked(entry);
        let invoked = self.record.now();
        let at = {
            let mut book = self.book();
            let heard = Heard::Nothing;
            book.posted.push(Posted { person: self.number, room: room.into(), number, invoked, heard });
            book.posted.len() - 1
        };
        let text = text_of(self.number, number);
        let heard = match done(&self.client, &ChatOperation::Post { room: room.into(), text }).await? {
            Ok(ChatAnswer::Posted { index, .. }) => Heard::Stands(index),
            Ok(other) => return Err(Trouble::failed(format!("a strange answer: {other:?}"))),
            Err(code) => Heard::Refused(code),
        };
        self.record.returned(recorded, intended, Back::Stored);
        let may_be_refused = self.number == PEOPLE - 1 && room == CLUB;
        if let Heard::Refused(code) = &heard
            && !(may_be_refused && code == "not-a-member")
        {
            self.record.trouble(format!("message {number} of person {} was refused: {code}", self.number));
        }
        if let Some(posted) = self.book().posted.get_mut(at) {
            posted.heard = heard;
        }
        Ok(())
    }

    async fn remove(&self) -> Result<(), Trouble> {
        must(&self.client, ChatOperation::Remove { room: CLUB.into(), member: self.last }).await?;
        let at = self.record.now();
        self.book().removal = Some(Removal { person: PEOPLE - 1, room: CLUB.into(), at });
        Ok(())
    }
}

/// A room as one replica shows it.
async fn history(http: &str, room: &str, reader: PublicKey) -> Result<Shown, Trouble> {
    let mut shown = Shown::new();
    loop {
        let after = shown.len() as i64 - 1;
        let path =
            format!("/api/v1/rooms/{room}/messages?after={after}&limit={PAGE}&reader={}", reader.to_hex());
        let page: serde_json::Value = serde_json::from_str(&get(http, &path).await?)
            .map_err(|error| Trouble::failed(format!("{http}{path}: {error}")))?;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return Ok(shown);
        }
        shown.extend(messages.iter().map(|message| message["text"].as_str().unwrap_or_default().to_owned()));
    }
}

/// The body of what a page answers.
async fn get(http: &str, path: &str) -> Result<String, Trouble> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if !head.starts_with("HTTP/1.1 200") {
        return Err(Trouble::failed(format!("{http}{path}: {head}")));
    }
    Ok(body.to_owned())
}
