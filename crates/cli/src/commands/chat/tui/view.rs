//! Drawing. What strangers wrote is escaped: nothing in it reaches the terminal as a command.

use super::state::{Outgoing, Sending, State};
use crate::commands::chat::feed::clock;
use outvote_chat::MessageView;
use outvote_chat::terminal::{escape, escape_name};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use serde_json::Value;

/// Columns of the lists on the left and on the right.
const ROOMS_WIDTH: u16 = 20;
const REPLICAS_WIDTH: u16 = 34;
/// A terminal narrower than this shows the messages alone.
const NARROW: u16 = 90;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let [body, input] = Layout::vertical([Constraint::Min(3), Constraint::Length(3)]).areas(frame.area());
    if body.width < NARROW {
        messages(frame, body, state);
    } else {
        let [left, middle, right] = Layout::horizontal([
            Constraint::Length(ROOMS_WIDTH),
            Constraint::Min(20),
            Constraint::Length(REPLICAS_WIDTH),
        ])
        .areas(body);
        rooms(frame, left, state);
        messages(frame, middle, state);
        replicas(frame, right, state);
    }
    let title = format!(" {} says (Enter sends, Tab changes the room, Esc leaves) ", escape_name(&state.me));
    // The end of a long input is what is being typed.
    let shown = escape(&state.input);
    let tail = end_of(&shown, usize::from(input.width.saturating_sub(3)));
    frame.render_widget(Paragraph::new(format!("{tail}▏")).block(Block::bordered().title(title)), input);
}

/// The end of a text that fits into so many columns, of which some characters take two.
fn end_of(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let fits = |(_, character): &(usize, char)| {
        taken += Span::raw(character.to_string()).width();
        taken <= columns
    };
    let start = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(at, _)| at);
    &text[start..]
}

fn rooms(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let lines: Vec<Line<'_>> = state
        .rooms
        .iter()
        .map(|room| {
            let name = escape_name(&room.room).into_owned();
            let is_here = Some(&room.room) == state.room.as_ref();
            let style = if is_here { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            Line::styled(format!("{name} ({})", room.next_index), style)
        })
        .collect();
    let shown = if lines.is_empty() { vec![Line::raw("no rooms yet")] } else { lines };
    frame.render_widget(Paragraph::new(shown).block(Block::bordered().title(" rooms ")), area);
}

fn messages(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let title = match &state.room {
        Some(room) => format!(" {} ", escape_name(room)),
        None => " press Tab to enter a room ".to_string(),
    };
    let (width, height) = (area.width.saturating_sub(2), usize::from(area.height.saturating_sub(2)));
    let here = state.outgoing.iter().filter(|outgoing| Some(&outgoing.room) == state.room.as_ref());
    let trouble = state.trouble.as_ref();
    let trouble = trouble.map(|text| Line::styled(escape(text).into_owned(), Style::new().fg(Color::Red)));
    let all = state.messages.iter().map(message).chain(here.map(outgoing)).chain(trouble);
    // From the newest back until the area is full: what cannot be seen is not laid out, however much of it there is.
    let (mut shown, mut rows) = (Vec::new(), 0);
    for line in all.rev() {
        if rows >= height {
            break;
        }
        rows += wrapped(vec![line.clone()]).line_count(width).max(1);
        shown.push(line);
    }
    shown.reverse();
    let scroll = u16::try_from(rows.saturating_sub(height)).unwrap_or(u16::MAX);
    let text = wrapped(shown).scroll((scroll, 0));
    frame.render_widget(text.block(Block::bordered().title(title)), area);
}

fn wrapped(lines: Vec<Line<'_>>) -> Paragraph<'_> {
    Paragraph::new(lines).wrap(Wrap { trim: false })
}

fn message(message: &MessageView) -> Line<'static> {
    Line::from(vec![
        Span::styled(clock(message.time_us), Style::new().fg(Color::DarkGray)),
        Span::styled(format!(" {} ", escape_name(&message.author)), Style::new().fg(Color::Cyan)),
        Span::raw(escape(&message.text).into_owned()),
    ])
}

fn outgoing(outgoing: &Outgoing) -> Line<'static> {
    let (word, colour) = match &outgoing.sending {
        Sending::Sent => ("sending".to_string(), Color::Yellow),
        Sending::Pending => ("pending: no agreement yet, asking on".to_string(), Color::Magenta),
        Sending::Rejected(reason) => (format!("rejected: {}", escape(reason)), Color::Red),
    };
    Line::from(vec![
        Span::raw(format!("      {} ", escape(&outgoing.text))),
        Span::styled(format!("[{word}]"), Style::new().fg(colour)),
    ])
}

fn replicas(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let list = |field: &str| state.status[field].as_array().cloned().unwrap_or_default();
    let replicas = list("replicas");
    let top = replicas.iter().filter_map(|replica| replica["committed"].as_u64()).max().unwrap_or(0);
    let mut lines: Vec<Line<'_>> = replicas.iter().map(|entry| replica(entry, top)).collect();
    for evidence in list("evidence") {
        let rule = evidence["rule"].as_str().unwrap_or_default();
        let words = format!("caught: replica {}, {rule} (view {})", evidence["accused"], evidence["view"]);
        lines.push(Line::styled(words, Style::new().fg(Color::Red)));
    }
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text.block(Block::bordered().title(" replicas ")), area);
}

fn replica(entry: &Value, top: u64) -> Line<'static> {
    let is_reachable = entry["reachable"] == true;
    let behaviour = entry["behaviour"].as_str().unwrap_or_default().to_string();
    let lag = top.saturating_sub(entry["committed"].as_u64().unwrap_or(0));
    let mut words = match (is_reachable, entry["leader"] == true) {
        (false, _) => format!("{} away", entry["id"]),
        (true, true) => format!("{} leads view {}", entry["id"], entry["view"]),
        (true, false) => format!("{} view {}", entry["id"], entry["view"]),
    };
    if is_reachable && lag > 0 {
        words.push_str(&format!(", {lag} behind"));
    }
    let is_liar = !behaviour.is_empty() && behaviour != "honest";
    if is_liar {
        words.push_str(&format!(", {behaviour}"));
    }
    let colour = match (is_reachable, is_liar) {
        (false, _) => Color::DarkGray,
        (true, true) => Color::Red,
        (true, false) => Color::Green,
    };
    Line::styled(words, Style::new().fg(colour))
}
