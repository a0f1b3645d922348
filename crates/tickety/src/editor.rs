//! Texts from the user's editor.

#![expect(clippy::disallowed_methods, reason = "starts the editor")]

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tickety_api::ErrorCode;

use crate::context::Context;
use crate::exit::CliError;
use crate::output;

/// A text in an editor. Its file is removed when the text has been taken, and kept if anything goes
/// wrong: nobody should have to write something twice.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    start: String,
}

impl Draft {
    /// Writes the text that editing begins with into a temporary file of the given name.
    pub fn new(name: &str, start: String, context: &Context) -> Result<Self, CliError> {
        let directory = context.temporary_directory();
        for attempt in 0.. {
            let path = directory.join(format!("tickety-{}-{attempt}-{name}.md", std::process::id()));
            // Nobody else has to read what isn't finished.
            match fs::File::options().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    file.write_all(start.as_bytes()).map_err(|error| CliError::io("write", &path, &error))?;
                    return Ok(Self { path, start });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(CliError::io("create", &path, &error)),
            }
        }
        unreachable!("an endless loop ends by returning")
    }

    /// Has the text edited until `read` accepts it, and returns what that made of it; `None` where
    /// nothing was changed. What is refused is offered again, or kept where nobody can be asked.
    pub fn edit<T>(
        &self,
        context: &Context,
        read: impl Fn(&str) -> Result<T, CliError>,
    ) -> Result<Option<T>, CliError> {
        loop {
            self.start_editor(context)?;
            let text =
                fs::read_to_string(&self.path).map_err(|error| self.kept(CliError::io("read", &self.path, &error)))?;
            if text == self.start {
                self.discard();
                return Ok(None);
            }
            match read(&text) {
                Ok(value) => return Ok(Some(value)),
                Err(error) if context.can_ask() => {
                    let CliError::Failed(failed) = &error else { return Err(error) };
                    output::complain(&failed.message, failed.hint.as_deref());
                    if !confirm("Edit again?", true)? {
                        return Err(self.kept(error));
                    }
                }
                Err(error) => return Err(self.kept(error)),
            }
        }
    }

    /// Removes the file.
    pub fn discard(&self) {
        // A file left in the temporary directory harms nobody.
        fs::remove_file(&self.path).ok();
    }

    /// Returns where the text still is, if it is.
    pub fn path(&self) -> Option<&Path> {
        self.path.exists().then_some(&*self.path)
    }

    /// Says where the text still is, after what to do next.
    pub fn kept(&self, error: CliError) -> CliError {
        match self.path() {
            Some(path) => error.hint_too(format!("your text is kept in {}", path.display())),
            None => error,
        }
    }

    fn start_editor(&self, context: &Context) -> Result<(), CliError> {
        // Nobody has written anything yet.
        let editor = context.editor().inspect_err(|_| self.discard())?;
        // The user's own setting is a command line, so a shell takes it apart, as git does.
        let status =
            Command::new("sh").arg("-c").arg(format!("{editor} \"$@\"")).arg("editor").arg(&self.path).status();
        let status = status.map_err(|error| CliError::io("start", Path::new(&editor), &error))?;
        if status.success() {
            return Ok(());
        }
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.start) {
            self.discard();
        }
        let mut error = CliError::new(ErrorCode::Aborted, format!("the editor `{editor}` ended with {status}"));
        // The shell's word for a command that doesn't exist.
        if status.code() == Some(127) {
            error = error.hint("the variable VISUAL or EDITOR names the editor to use");
        }
        Err(self.kept(error))
    }
}

/// Asks a question that is answered by yes or no, on standard error.
pub fn confirm(question: &str, default: bool) -> Result<bool, CliError> {
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        write!(io::stderr(), "{question} {choices} ").ok();
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        let length = read.map_err(|error| CliError::io("read", Path::new("standard input"), &error))?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            // The end of the input is no agreement.
            "" => return Ok(default && length > 0),
            _ => {}
        }
    }
}
