//! Long answers at a terminal, by screenfuls. The keys are read on a thread of its own: the answer goes on coming meanwhile.

use std::io::{self, Read, Write};
use std::sync::mpsc as std_mpsc;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::oneshot;

use super::output::Screen;

/// What the family's switches say.
const MORE: &str = "Press <SPACE> to continue or <Q> to quit:";
/// A terminal that does not say how large it is.
const SIZE: (usize, usize) = (24, 80);
/// Ctrl-C and Ctrl-D in raw mode, and escape.
const QUIT: [u8; 5] = [b'q', b'Q', 3, 4, 27];

/// An answer that stops at each screenful.
pub(super) struct Pager {
    text: std_mpsc::Sender<String>,
    done: oneshot::Receiver<()>,
}

impl Pager {
    /// A pager on the standard streams. What waits for a key is in memory: an answer is bounded.
    pub(super) fn start() -> io::Result<Self> {
        let (text, pieces) = std_mpsc::channel::<String>();
        let (ended, done) = oneshot::channel();
        std::thread::Builder::new().name("pager".to_owned()).spawn(move || {
            let mut pages = Pages::new(size());
            'all: while let Ok(piece) = pieces.recv() {
                for line in piece.split_inclusive('\n') {
                    if pages.full(line) {
                        match ask() {
                            Ok(Key::Page) => pages = Pages::new(size()),
                            Ok(Key::Line) => pages.one_more(),
                            Ok(Key::Quit) | Err(_) => break 'all,
                        }
                    }
                    pages.shown(line);
                    if io::stdout().write_all(line.as_bytes()).is_err() {
                        break 'all;
                    }
                }
                let _ = io::stdout().flush();
            }
            drop(pieces);
            let _ = ended.send(());
        })?;
        Ok(Self { text, done })
    }

    /// Ends when all is shown, or nobody wants the rest.
    pub(super) fn end(self) -> impl Future<Output = ()> {
        drop(self.text);
        async move { drop(self.done.await) }
    }
}

impl Screen for Pager {
    fn print(&mut self, text: String) -> io::Result<bool> {
        Ok(self.text.send(text).is_ok())
    }
}

/// Rows of the screen that are taken.
struct Pages {
    rows: usize,
    columns: usize,
    used: usize,
}

impl Pages {
    fn new((rows, columns): (usize, usize)) -> Self {
        // The last row is for the question.
        Self { rows: rows.saturating_sub(1).max(1), columns: columns.max(1), used: 0 }
    }

    fn rows_of(&self, line: &str) -> usize {
        line.trim_end_matches('\n').chars().count().div_ceil(self.columns).max(1)
    }

    /// Whether `line` has no room any more.
    fn full(&self, line: &str) -> bool {
        self.used > 0 && self.used + self.rows_of(line) > self.rows
    }

    fn shown(&mut self, line: &str) {
        self.used += self.rows_of(line);
    }

    fn one_more(&mut self) {
        self.used = self.rows.saturating_sub(1);
    }
}

fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => SIZE,
    }
}

enum Key {
    Page,
    Line,
    Quit,
}

/// Asks for a key, and takes the question away again.
fn ask() -> io::Result<Key> {
    let mut out = io::stdout().lock();
    write!(out, "{MORE}")?;
    out.flush()?;
    let key = read_key();
    write!(out, "\r\x1b[K")?;
    out.flush()?;
    key
}

fn read_key() -> io::Result<Key> {
    let stdin = io::stdin();
    let usual = tcgetattr(&stdin)?;
    let mut raw = usual.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
    tcsetattr(&stdin, OptionalActions::Now, &raw)?;
    let key = loop {
        let mut byte = [0];
        match stdin.lock().read(&mut byte) {
            Ok(0) => break Ok(Key::Quit),
            Ok(_) if QUIT.contains(&byte[0]) => break Ok(Key::Quit),
            Ok(_) if byte[0] == b' ' => break Ok(Key::Page),
            Ok(_) if byte[0] == b'\r' || byte[0] == b'\n' => break Ok(Key::Line),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    tcsetattr(&stdin, OptionalActions::Now, &usual)?;
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leaves_a_row_for_the_question_and_counts_what_wraps() {
        let mut pages = Pages::new((4, 10));
        for line in ["one\n", "\n", "three\n"] {
            assert!(!pages.full(line), "{line}");
            pages.shown(line);
        }
        assert!(pages.full("four\n"));
        pages.one_more();
        assert!(!pages.full("four\n"));
        let mut pages = Pages::new((4, 10));
        pages.shown("twelve chars\n");
        assert!(!pages.full("one\n") && pages.full("twelve chars\n"));
        let pages = Pages::new((2, 10));
        assert!(!pages.full(&"x".repeat(100)), "what is longer than a screen is shown all the same");
    }
}
