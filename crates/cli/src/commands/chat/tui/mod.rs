//! `outvote chat tui`: the chat on the whole terminal.
//!
//! `state` is what is known, `keyboard` changes it, `view` draws it, `work` talks to the cluster meanwhile.

mod keyboard;
mod state;
mod view;
mod work;

use super::Speaker;
use crate::connection::connect;
use crate::failure::Failure;
use crate::identities::Identities;
use clap::Args;
use keyboard::Wish;
use ratatui::crossterm::event::{self, Event};
use state::State;
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::sync::mpsc;
use work::{Update, Worker};

/// How long the keyboard's thread waits before it looks whether the command is over.
const KEYBOARD_POLL: Duration = Duration::from_millis(200);
/// Keys and updates that wait for the screen at most.
const QUEUE: usize = 256;

/// The chat on the whole terminal: rooms, live messages, what became of yours, the replicas.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat tui --as ada\nTab changes the room, Enter sends, Esc leaves.")]
pub(crate) struct Tui {
    #[command(flatten)]
    speaker: Speaker,
    /// The room to begin with.
    #[arg(long)]
    room: Option<String>,
}

impl Tui {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                "`chat tui` needs a terminal; in scripts use `chat send`, `history` and `tail`",
            ));
        }
        let identity = Identities::of(&self.speaker.place).load(self.speaker.name.as_deref())?;
        let client = connect(&self.speaker.place, Some(identity.signer())).await?;
        let (updates, news) = mpsc::channel(QUEUE);
        let mut state = State::new(identity.name.clone(), self.room);
        let worker = Worker::start(client, identity.keys.public_key(), state.room.clone(), updates);
        let mut terminal = ratatui::try_init().map_err(Failure::failed)?;
        let ended = live(&mut terminal, &mut state, &worker, news).await;
        ratatui::restore();
        ended
    }
}

/// Draws after whatever happened, until somebody leaves.
async fn live(
    terminal: &mut ratatui::DefaultTerminal,
    state: &mut State,
    worker: &Worker,
    mut news: mpsc::Receiver<Update>,
) -> Result<(), Failure> {
    let mut keys = listen();
    loop {
        terminal.draw(|frame| view::draw(frame, state)).map_err(Failure::failed)?;
        tokio::select! {
            event = keys.recv() => {
                let Some(event) = event else { return Ok(()) };
                match keyboard::on_event(state, &event) {
                    Some(Wish::Leave) => return Ok(()),
                    Some(Wish::Look(room)) => worker.look(room),
                    Some(Wish::Send { id, room, text }) => worker.send(id, room, text),
                    None => {}
                }
            }
            Some(update) = news.recv() => state.learn(update),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// Reads the keyboard on a thread of its own: a terminal's input cannot be awaited everywhere.
fn listen() -> mpsc::Receiver<Event> {
    let (sender, keys) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        while !sender.is_closed() {
            let is_there = event::poll(KEYBOARD_POLL).unwrap_or(false);
            if is_there {
                let Ok(event) = event::read() else { return };
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        }
    });
    keys
}
