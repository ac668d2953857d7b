//! What keys do.

use super::state::State;
use outvote_chat::MAX_TEXT_BYTES;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

/// What is to be done outside the screen.
pub(super) enum Wish {
    /// End the command.
    Leave,
    /// Follow this room.
    Look(String),
    /// Send a message.
    Send {
        /// Names it until its fate is known.
        id: u64,
        /// Where.
        room: String,
        /// What.
        text: String,
    },
}

/// Changes what is shown, and says what else is to be done.
pub(super) fn on_event(state: &mut State, event: &Event) -> Option<Wish> {
    let Event::Key(key) = event else { return None };
    if key.kind != KeyEventKind::Press {
        return None;
    }
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => Some(Wish::Leave),
        KeyCode::Char('c' | 'd') if with_control => Some(Wish::Leave),
        KeyCode::Tab | KeyCode::Down => go(state, 1),
        KeyCode::BackTab | KeyCode::Up => go(state, -1),
        KeyCode::Enter => state.submit().map(|(id, room, text)| Wish::Send { id, room, text }),
        KeyCode::Backspace => {
            state.input.pop();
            None
        }
        KeyCode::Char(character) if !with_control => {
            if state.input.len() + character.len_utf8() <= MAX_TEXT_BYTES {
                state.input.push(character);
            }
            None
        }
        _ => None,
    }
}

fn go(state: &mut State, step: isize) -> Option<Wish> {
    let room = state.neighbour(step)?;
    state.enter(room.clone());
    Some(Wish::Look(room))
}
