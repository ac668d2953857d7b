//! `outvote chat import`: real chat from logs, each nick with a key of its own, in the files' order, at speed.
//!
//! One session orders everything: its nonce `i` is always the same envelope, signed by the same keys, so whatever is sent again
//! after an interruption is the same request and is executed once. `keys` and `record` are what outlives an interruption.

mod keys;
mod record;
mod run;

use super::{ask, misfit};
use crate::connection::{connect, tunables};
use crate::failure::Failure;
use crate::files;
use crate::output::{Output, note};
use crate::place::Place;
use clap::Args;
use keys::NickKeys;
use outvote::{Client, Nonce};
use outvote_chat::import::{Envelope, ImportError, ImportPlan, LogLines, Message, PlannedOperation};
use outvote_chat::terminal::escape;
use outvote_chat::{Access, ChatAnswer, ChatOperation, ChatQuestion};
use outvote_types::{Digest, Domain};
use record::Record;
use run::{Import as Running, Outcome};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Lines that are no message and are named one by one at most.
const BAD_LINES_SHOWN: usize = 10;

/// Brings in logs: lines `[HH:MM] <nick> text`, each nick with a key of its own. Run it again after an interruption: it goes on.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote chat import logs/*.log --room ubuntu\nThe nicks' keys stay in client/import of the home."
)]
pub(crate) struct Import {
    #[command(flatten)]
    place: Place,
    /// The logs, in this order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Into which room; opened if there is none.
    #[arg(long)]
    room: String,
    /// Messages that travel in one signed envelope.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1024))]
    envelope: u16,
    /// Envelopes in flight at most.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=64))]
    in_flight: u16,
}

impl Import {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        // Signing for thousands of nicks must not hold up the links.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Failure::failed)?;
        runtime.block_on(self.import(output))
    }

    async fn import(self, output: Output) -> Result<(), Failure> {
        let started = Instant::now();
        let committee = self.place.committee()?.committee;
        let folder = self.place.path().join("client/import");
        files::create_private_folder(&folder)?;
        let (logs, id, skipped) = self.read(&committee.cluster_id())?;
        // Two imports at once would both make keys.
        let _lock = lock(&folder.join("lock"))?;
        let mut keys = NickKeys::load(&folder.join("nicks.json"))?;
        let mut record = Record::load_or_begin(folder.join(format!("{}.json", &id.to_hex()[..16])), &keys)?;
        let mut plan =
            ImportPlan::new(&self.room, usize::from(self.envelope), record.registered.iter().cloned());
        let nicks = logs.iter().flatten().map(|message| message.nick.as_str()).collect::<BTreeSet<_>>().len();
        for messages in logs {
            plan.add_file(messages);
        }
        // Before anything is sent: a key that is lost is a name that is lost.
        keys.make(plan.new_nicks())?;
        let (new_nicks, messages) = (plan.new_nicks().to_vec(), plan.messages());
        let session = record.session()?;
        let mut envelopes = vec![opening(&self.room, &session.public_key().to_hex())];
        envelopes.extend(plan.envelopes());

        check_room(&self.place, &self.room).await?;
        let client = Client::builder(self.place.committee()?)
            .tunables(tunables()?)
            .identity_at(session.clone(), Nonce(record.done + 1))
            .connect()
            .await?;
        let import = Running {
            client,
            session,
            domain: Domain::clients(&committee.cluster_id()),
            envelopes: Arc::new(envelopes),
            keys: Arc::new(keys.signers()),
            in_flight: usize::from(self.in_flight),
        };
        let outcome = import.run(&mut record, output).await?;
        keys.mark_registered(&new_nicks)?;
        report(output, &record, &outcome, Totals { messages, nicks, skipped }, started)
    }

    /// The messages of each file, what identifies this import, and how many lines are no messages.
    fn read(&self, cluster: &Digest) -> Result<(Vec<Vec<Message>>, Digest, usize), Failure> {
        let mut identity =
            Digest::of_parts(&[&cluster.0, self.room.as_bytes(), &self.envelope.to_le_bytes()]);
        let (mut logs, mut skipped) = (Vec::new(), 0);
        for path in &self.files {
            let (messages, bad) = read_log(path, &mut skipped)?;
            for message in &messages {
                let parts = [message.nick.as_bytes(), message.text.as_bytes()].map(Digest::of);
                identity = Digest::of_parts(&[&identity.0, &parts[0].0, &parts[1].0]);
            }
            identity = Digest::of_parts(&[&identity.0, &bad.to_le_bytes()]);
            logs.push(messages);
        }
        Ok((logs, identity, skipped))
    }
}

fn read_log(path: &Path, skipped: &mut usize) -> Result<(Vec<Message>, u64), Failure> {
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| Failure::usage(format!("cannot read {name}: {error}: check the path")))?;
    let (mut messages, mut bad) = (Vec::new(), 0);
    for item in LogLines::new(BufReader::new(file), &name) {
        match item {
            Ok(message) => messages.push(message),
            Err(error @ ImportError::File { .. }) => return Err(Failure::failed(error)),
            Err(error @ ImportError::Line { .. }) => {
                bad += 1;
                *skipped += 1;
                if *skipped <= BAD_LINES_SHOWN {
                    note(&format!("skipped: {}", escape(&error.to_string())));
                }
            }
        }
    }
    Ok((messages, bad))
}

/// The session's first envelope, signed by itself: a name for whoever imports, and the room, if it is not there.
fn opening(room: &str, key: &str) -> Envelope {
    let name = format!("import-{}", &key[..16]);
    let operation = |operation| PlannedOperation { nick: String::new(), operation, origin: None };
    let open = ChatOperation::CreateRoom { room: room.into(), access: Access::Public };
    Envelope { operations: vec![operation(ChatOperation::Register { name }), operation(open)] }
}

/// An import into a room for invited people would be refused line by line: better to say so before.
async fn check_room(place: &Place, room: &str) -> Result<(), Failure> {
    let client = connect(place, None).await?;
    match ask(&client, &ChatQuestion::Room { room: room.into() }).await {
        Ok((ChatAnswer::Room { room: found }, _)) if found.access == Access::InviteOnly => Err(
            Failure::usage(format!("the room {room} is for invited people only: import into a public one")),
        ),
        Ok((ChatAnswer::Room { .. }, _)) => Ok(()),
        Ok(_) => Err(misfit()),
        // There is no such room yet: the first envelope opens it.
        Err(failure) if failure.is_rejection() => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn lock(path: &Path) -> Result<File, Failure> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| files::cannot("write", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(Failure::failed(format!(
            "another import into this home is running ({}): wait for its end",
            path.display()
        ))),
    }
}

/// What the logs hold.
struct Totals {
    messages: usize,
    nicks: usize,
    skipped: usize,
}

fn report(
    output: Output,
    record: &Record,
    outcome: &Outcome,
    totals: Totals,
    started: Instant,
) -> Result<(), Failure> {
    let seconds = started.elapsed().as_secs_f64();
    let rejected: u64 = record.rejected.values().sum();
    let result = json!({
        "messages": totals.messages, "committed": record.committed, "nicks": totals.nicks, "rejected": rejected,
        "rejected_by_code": record.rejected, "skipped_lines": totals.skipped, "envelopes": record.done,
        "resumed": outcome.resumed, "asked_again": outcome.asked_again, "seconds": seconds,
        "session": record.session_key,
    });
    output.print(&result, |_| {
        let mut text = format!(
            "{} messages of {} nicks: {} committed, {rejected} rejected, {} lines skipped, {seconds:.1} s",
            totals.messages, totals.nicks, record.committed, totals.skipped
        );
        for (code, count) in &record.rejected {
            text.push_str(&format!("\n  {count} rejected: {code}"));
        }
        text
    })
}
