//! A terminal that a program takes for a real one: typed into, looked at, resized.

use crate::common::demo::PATIENCE;
use crate::common::until;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Everything that came is kept up to this much, for what a screen does not show.
const RAW_BYTES_MAX: usize = 4 << 20;

#[derive(Default)]
struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Seen {
    fn set_size(&mut self, rows: u16, columns: u16) {
        let [rows, columns] = [rows, columns].map(|count| NonZeroU16::new(count).unwrap());
        self.screen.screen_mut().set_size(rows, columns);
    }
}

/// A terminal with the program in it.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<Mutex<Seen>>,
}

impl Terminal {
    /// Runs the binary on a terminal of so many rows and columns; of none, as a terminal that does not know its size.
    pub(crate) fn start(folder: &Path, size: Option<(u16, u16)>, arguments: &[&str]) -> Self {
        Self::start_with(folder, size, arguments, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn start_with(
        folder: &Path,
        size: Option<(u16, u16)>,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let (pty, pts) = open().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        if let Some((rows, columns)) = size {
            pty.resize(Size::new(rows, columns)).unwrap();
            seen.lock().unwrap().set_size(rows, columns);
        }
        let command = Command::new(env!("CARGO_BIN_EXE_outvote"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("OUTVOTE_HOME")
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(environment.iter().copied());
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (reader, sink) = (Arc::clone(&pty), Arc::clone(&seen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It ends with an error once nobody holds the other side.
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                let mut seen = sink.lock().unwrap_or_else(PoisonError::into_inner);
                seen.screen.process(&bytes[..count]);
                if seen.raw.len() < RAW_BYTES_MAX {
                    seen.raw.extend_from_slice(&bytes[..count]);
                }
            }
        });
        Self { pty, child, seen }
    }

    /// What stands on the screen.
    pub(crate) fn shown(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    /// Whether the program has the whole screen to itself.
    pub(crate) fn is_taken(&self) -> bool {
        self.seen.lock().unwrap().screen.screen().alternate_screen()
    }

    pub(crate) fn is_cursor_hidden(&self) -> bool {
        self.seen.lock().unwrap().screen.screen().hide_cursor()
    }

    /// Whether these bytes came at any time.
    pub(crate) fn has_received(&self, bytes: &[u8]) -> bool {
        self.seen.lock().unwrap().raw.windows(bytes.len()).any(|window| window == bytes)
    }

    pub(crate) fn type_in(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.seen.lock().unwrap().set_size(rows, columns);
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits until this stands on the screen.
    pub(crate) fn until_shown(&self, what: &str) -> String {
        self.until_screen(what, |shown| shown.contains(what))
    }

    /// Waits until the screen is as it should be.
    pub(crate) fn until_screen(&self, what: &str, is_right: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(&format!("the screen shows {what:?}"), PATIENCE, || {
                last = self.shown();
                is_right(&last).then(|| last.clone())
            })
        }));
        looked.unwrap_or_else(|failure| {
            show(&last);
            std::panic::resume_unwind(failure)
        })
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        until("the program in the terminal ends", PATIENCE, || self.child.try_wait().unwrap()).code()
    }
}

#[allow(clippy::print_stderr, reason = "a failed test says what it saw")]
fn show(screen: &str) {
    eprintln!("--- the screen\n{screen}\n---");
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
