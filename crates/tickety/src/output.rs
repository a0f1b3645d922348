//! Standard output, standard error and the pager.

#![expect(clippy::disallowed_methods, reason = "starts the pager")]

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::exit::CliError;
use crate::render::escape;

/// Writes to standard output. A reader that has gone is reported as [`CliError::BrokenPipe`].
pub fn write(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_error(&error))
}

/// Turns an error of writing to standard output into that of the command.
pub fn write_error(error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        CliError::BrokenPipe
    } else {
        CliError::io("write to", Path::new("standard output"), error)
    }
}

/// Writes through a pager, or directly where it can't be started or fails.
pub fn page(text: &str, pager: &str) -> Result<(), CliError> {
    if paged(text, pager)? { Ok(()) } else { write(text) }
}

/// Shows a text in a pager. Says whether that went well.
fn paged(text: &str, pager: &str) -> Result<bool, CliError> {
    // The user's own setting is a command line, so a shell takes it apart, as git does.
    let child = Command::new("sh").args(["-c", pager]).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return Ok(false) };
    if let Some(mut input) = child.stdin.take() {
        // Whoever leaves the pager early has seen enough.
        input.write_all(text.as_bytes()).ok();
    }
    let ended = child.wait().map_err(|error| CliError::io("run", Path::new(pager), &error))?;
    // One that fails has shown nothing, or not all: such as `false`, or a command that doesn't exist. The shell tells
    // of a signal, such as that of Ctrl+C, in numbers from 128 on.
    Ok(ended.code().is_none_or(|status| !(1..128).contains(&status)))
}

/// Says something beside the answer, on standard error.
pub fn note(text: impl Display) {
    // Standard error is the last resort: if it is gone, nobody can be told.
    writeln!(io::stderr().lock(), "{}", escape::block(&text.to_string())).ok();
}

/// Says on standard error what went wrong and what to do next.
pub fn complain(message: &str, hint: Option<&str>) {
    note(format_args!("error: {message}"));
    if let Some(hint) = hint {
        note(format_args!("hint: {hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_that_fails_has_shown_nothing() {
        for (pager, expected) in [
            ("cat >/dev/null", true),
            ("true", true),
            // As somebody leaves one.
            ("kill -INT $$", true),
            ("exit 130", true),
            ("false", false),
            ("no-such-pager 2>/dev/null", false),
        ] {
            assert_eq!(paged("text\n", pager).unwrap(), expected, "{pager}");
        }
    }
}
