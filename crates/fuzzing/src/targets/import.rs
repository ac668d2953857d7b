//! Logs of other chats, line by line, and what a terminal shows of what strangers wrote.

use outvote_chat::import::{ImportError, LogLines, MAX_LINE_BYTES, parse_line};
use outvote_chat::terminal::{escape, escape_lines, escape_name};

/// Nothing that a terminal obeys, that turns text around, or that cannot be seen.
fn is_shown(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
}

pub(crate) fn run(input: &[u8]) {
    for line in LogLines::new(input, "a.log") {
        match line {
            Ok(message) => {
                assert!(!message.text.is_empty() && message.text.len() <= MAX_LINE_BYTES);
                let whole = format!("[10:00] <{}> {}", message.nick, message.text);
                assert_eq!(parse_line(&whole), Ok((&*message.nick, &*message.text)));
            }
            Err(error) => assert!(matches!(error, ImportError::Line { .. }), "bytes in memory can be read"),
        }
    }
    let text = String::from_utf8_lossy(input);
    assert!(is_shown(&escape(&text)) && is_shown(&escape_name(&text)));
    assert!(escape_lines(&text, 2).split('\n').all(is_shown));
    let plain = escape(&text);
    assert_eq!(escape(&plain), plain, "what is fit to be shown stays as it is");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        b"[10:00] <ada> hello\n[10:01] <bob> hi there > ada\r\n\n[10:02] <cy>\n".to_vec(),
        b"[10:00] <a\xffb> x\n[1:00] <a> x\n<a> x\n[10:00] <> x\n".to_vec(),
        "[23:59] <\u{202e}eve> \u{1b}[2J\u{200b}\u{1f469}\u{200d}\u{1f680}\0\n".as_bytes().to_vec(),
        vec![b'a'; 3 * MAX_LINE_BYTES],
    ]
}
