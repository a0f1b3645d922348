//! Progress of long work, on standard error and only where a person is watching.

use std::io::{self, Write};

use crate::context::Terminal;
use crate::session::Session;

/// A line that is written over and over.
#[derive(Debug)]
pub struct Progress {
    watched: bool,
    last: Option<(&'static str, u64)>,
}

impl Progress {
    /// Makes a line; it stays silent where nobody watches or it is to be quiet.
    pub fn new(session: &Session) -> Self {
        Self::over(session, false)
    }

    /// Makes a line beside what a command writes meanwhile: silent where that goes to the terminal, too.
    pub fn beside_output(session: &Session) -> Self {
        Self::over(session, true)
    }

    fn over(session: &Session, output: bool) -> Self {
        let may_speak = !session.global.quiet && !session.json();
        Self { watched: may_speak && is_free(session.context.terminal, output), last: None }
    }

    /// Says how much is done, of how much if that is known. Writes a hundred times at most where the
    /// total is known, and every hundredth time otherwise: a terminal is slower than the work.
    pub fn show(&mut self, stage: &'static str, done: u64, total: Option<u64>) {
        if !self.watched {
            return;
        }
        let step = done / total.map_or(100, |total| (total / 100).max(1));
        if self.last == Some((stage, step)) {
            return;
        }
        self.last = Some((stage, step));
        let text = match total {
            Some(total) => format!("{stage}: {done} of {total}"),
            None => format!("{stage}: {done}"),
        };
        write!(io::stderr().lock(), "\r{text}\x1b[K").ok();
    }

    /// Takes the line away.
    pub fn end(&mut self) {
        if self.last.take().is_some() {
            write!(io::stderr().lock(), "\r\x1b[K").ok();
        }
    }
}

/// Whether standard error is a terminal where, with `output`, nothing else is written.
fn is_free(terminal: Terminal, output: bool) -> bool {
    terminal.stderr && !(output && terminal.stdout)
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_not_written_between_those_of_the_output() {
        let terminal =
            |stdout, stderr| Terminal { stdin: true, stdout, stderr, width: 80, height: 24, pretended: false };
        assert!(is_free(terminal(true, true), false) && is_free(terminal(false, true), true));
        assert!(!is_free(terminal(true, true), true) && !is_free(terminal(true, false), false));
    }
}
