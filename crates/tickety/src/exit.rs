//! How a command ends: its exit status, and what is said when it fails.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use tickety_api::error::{EXIT_NO, EXIT_SUCCESS};
use tickety_api::{Envelope, ErrorCode, Failure, Meta};
use tickety_core::RelationParseError;
use tickety_core::ident::{IssueSelector, SelectorParseError, VersionParseError};
use tickety_core::issue::PartParseError;
use tickety_core::operation::OperationError;
use tickety_store::StorageError;

use crate::compose::LostConfig;
use crate::{args, compose, output};

/// How a command ended that didn't fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It did what it was asked.
    Done,
    /// It was asked a question, and the answer is no.
    No,
    /// It has answered, and said why it couldn't do what it was asked.
    Refused(ErrorCode),
}

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The arguments make no command, or ask for help.
    Arguments(Box<clap::Error>),
    /// Nobody reads the output any more, which is no failure.
    BrokenPipe,
    /// Anything else.
    Failed(Box<Failed>),
}

/// What is said about a failure.
#[derive(Debug)]
pub struct Failed {
    /// What it is to programs.
    pub code: ErrorCode,
    /// What went wrong.
    pub message: String,
    /// What people read instead, hint included, where more than a line helps.
    pub shown: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl CliError {
    /// Makes an error from its row in the table and what it says.
    pub fn new(code: ErrorCode, message: impl Display) -> Self {
        Self::Failed(Box::new(Failed { code, message: message.to_string(), shown: None, hint: None }))
    }

    /// Makes an error about the arguments that clap can't find.
    pub fn usage(message: impl Display) -> Self {
        Self::new(ErrorCode::Usage, message)
    }

    /// Makes an error of the system about a file.
    pub fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("could not {action} {}: {error}", path.display());
        let code = if error.kind() == io::ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Io };
        Self::new(code, message)
    }

    /// Whether it is the failure of this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Failed(failed) if failed.code == code)
    }

    /// Says what to do next, unless that is said already.
    pub fn hint(mut self, hint: impl Display) -> Self {
        if let Self::Failed(failed) = &mut self
            && failed.hint.is_none()
        {
            failed.hint = Some(hint.to_string());
        }
        self
    }

    /// Says what to do next, whatever was said about that before.
    pub fn hint_instead(mut self, hint: impl Display) -> Self {
        if let Self::Failed(failed) = &mut self {
            failed.hint = Some(hint.to_string());
        }
        self
    }

    /// Says what else there is to know, after what to do next.
    pub fn hint_too(mut self, hint: impl Display) -> Self {
        if let Self::Failed(failed) = &mut self {
            failed.hint = Some(match failed.hint.take() {
                Some(first) => format!("{first}; {hint}"),
                None => hint.to_string(),
            });
        }
        self
    }

    /// Says how to show the failure to people, hint included.
    pub fn shown_as(mut self, text: String) -> Self {
        if let Self::Failed(failed) = &mut self {
            failed.shown = Some(text);
        }
        self
    }

    /// Returns what went wrong, in one line.
    #[cfg(feature = "server")]
    pub fn message(&self) -> String {
        match self {
            Self::Failed(failed) => failed.message.clone(),
            Self::Arguments(error) => error.to_string(),
            Self::BrokenPipe => String::new(),
        }
    }

    /// Puts the object in front of the message, as in `3-k3f9: …`.
    pub fn about(mut self, object: impl Display) -> Self {
        if let Self::Failed(failed) = &mut self {
            failed.message = format!("{object}: {}", failed.message);
        }
        self
    }
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(Box::new(error))
    }
}

impl From<StorageError> for CliError {
    fn from(error: StorageError) -> Self {
        let made = Self::new((&error).into(), &error);
        match &error {
            StorageError::NotFound { .. } => made.hint(FIND_HINT),
            StorageError::Ambiguous { selector: IssueSelector::Id(_), .. } => {
                made.hint("one of the files is a copy: delete it; `tickety new` makes issues")
            }
            StorageError::Ambiguous { candidates, .. } => {
                let names: Vec<String> = candidates.iter().map(|(key, _)| format!("`{key}`")).collect();
                made.hint(format!(
                    "two branches created this number; write {}, or give one a new number with `tickety renumber`",
                    names.join(" or ")
                ))
            }
            StorageError::Unreadable { problem } if problem.path.ends_with(".md") && !lies_elsewhere(&problem.path) => {
                made.hint("repair the file in an editor; `tickety doctor` lists all such files")
            }
            StorageError::Unreadable { .. } => made.hint("`tickety doctor` lists all that can't be read"),
            StorageError::Conflict { key, .. } | StorageError::FieldConflict { key, .. } => made
                .hint(format!("look at it with `tickety show {key}`, then repeat the command if it is still wanted")),
            StorageError::Refused { source, .. } => match operation_hint(source) {
                Some(hint) => made.hint(hint),
                None => made,
            },
            StorageError::Overtaken { path } => {
                made.hint(format!("look at {}, then repeat the command if it is still needed", path.display()))
            }
            StorageError::Pending { is_full: true, .. } => {
                made.hint("free some space, and any next command completes it; don't repeat this one")
            }
            StorageError::Pending { path, .. } => made.hint(format!(
                "allow writing to {}; don't repeat the command",
                path.parent().unwrap_or(path).display()
            )),
            StorageError::NumberTaken { .. } => made.hint("leave out --to to get the next free number"),
            StorageError::Git { message } => match git_hint(message) {
                Some(hint) => made.hint(hint),
                None => made,
            },
            StorageError::NoReference { what: "branch", .. } => made.hint("`git branch --all` lists them"),
            StorageError::NoReference { .. } => {
                made.hint("`git rev-parse --verify REF` tells whether git knows a branch or commit")
            }
            StorageError::LastNumber { .. } => made.hint("choose a lower number"),
            StorageError::NumbersExhausted { .. } => made.hint("`tickety doctor` says what can be done about it"),
            StorageError::BatchTooLarge { .. } => made.hint("do it in several batches"),
            StorageError::BadCursor => made.hint("leave out --after, or repeat the query the cursor came from"),
            StorageError::KeyReused { .. } => made.hint("give each request a key of its own"),
            StorageError::RefusedBefore { .. } => made,
            StorageError::EventsGone { oldest, .. } => made.hint(format!(
                "read the issues anew, then go on with `tickety events --since {oldest}`; events in between are lost"
            )),
            StorageError::NoHome { start } => match compose::known_branch(start) {
                Ok(Some(branch)) => {
                    made.hint(format!("the issues are on the branch {branch}: `tickety init` checks it out"))
                }
                _ => made.hint(compose::hint_of_left_out_home(start).unwrap_or_else(|| {
                    "`tickety init` makes one here; -C DIR looks elsewhere".to_owned()
                })),
            },
            StorageError::NoConfig { path } => {
                // The home is the directory around it.
                let folder = path.ancestors().nth(2).unwrap_or(path);
                made.hint(compose::hint_of_left_out_home(folder).unwrap_or_else(|| {
                    let lost = compose::lost_config(folder).ok().flatten().unwrap_or(LostConfig::Unknown);
                    lost.remedy(&path.display().to_string())
                }))
            }
            StorageError::HomeMoved { .. } => made.hint("try again: the next command finds it"),
            StorageError::HomeRefused { hint, .. } => made.hint(hint),
            StorageError::NewerHome { .. } => made,
            StorageError::Config { .. } => {
                made.hint("repair the file in an editor; `tickety help config` describes the settings")
            }
            StorageError::ConfigConflict { path, shared: None, .. } => made.hint(format!(
                "choose between the sides in an editor, then `git add {}`; `tickety resolve` settles the issues, before that or after",
                path.display()
            )),
            StorageError::ConfigConflict { path, shared: Some(root), .. } => made.hint(format!(
                "choose between the sides in an editor, then `git -C {} add {}` and `tickety sync`",
                root.display(),
                path.strip_prefix(root).unwrap_or(path).display()
            )),
            StorageError::Setting { .. } => made.hint(SETTINGS_HINT),
            StorageError::Interrupted => made,
            StorageError::Locked { .. } => made.hint("try again when the other command has ended"),
            StorageError::HomeReadOnly { path, .. } => {
                made.hint(format!("allow writing to {}", path.parent().unwrap_or(path).display()))
            }
            StorageError::StateReadOnly { path, .. } => {
                let directory = path.parent().unwrap_or(path);
                made.hint(format!("reading works; to write, allow writing to {}", directory.display()))
            }
            StorageError::NoSpace { .. } => made.hint("nothing was changed: free some space and try again"),
            StorageError::Damaged { .. } => made.hint("`tickety doctor` says what can be done about it"),
            StorageError::BadBackup { .. } => made.hint("nothing was changed: take another copy of the backup"),
            StorageError::Unreachable { .. } => made.hint("look whether the server runs, and whether its address is right"),
            StorageError::Remote { hint: Some(hint), .. } => made.hint(hint),
            StorageError::Remote { hint: None, .. } => made,
            StorageError::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                made.hint(format!("allow reading {}, and searching the folders above it", path.display()))
            }
            StorageError::Io { .. } => made,
        }
    }
}

/// Says what to do about some of what git fails at.
pub fn git_hint(message: &str) -> Option<&'static str> {
    const HINTS: [(&[&str], &str); 7] = [
        (
            &["tell me who you are", "auto-detect email", "empty ident name", "no email was given"],
            "`git config --global user.name NAME` and `git config --global user.email ADDRESS` tell git who you are",
        ),
        (
            &["dubious ownership"],
            "the repository belongs to somebody else: if you trust it, `git config --global --add safe.directory DIR`",
        ),
        (&[".lock': File exists"], "another git is at work here, or was killed: if none is running, remove that file"),
        (
            &["would be overwritten by merge"],
            "git merges nothing over changes that aren't committed, nor while code is staged: commit that, or `git stash` it",
        ),
        (&["can't start git"], "install git, or put it on the PATH"),
        (
            &["gpg failed to sign", "failed to write commit object", "Couldn't load public key"],
            "git could not sign: `git config user.signingkey` names the key, `git config commit.gpgsign false` does without",
        ),
        (
            &["GPG signature"],
            "your git merges only what is signed (`merge.verifySignatures`): look at those commits before you allow it",
        ),
    ];
    HINTS.iter().find(|(signs, _)| signs.iter().any(|sign| message.contains(sign))).map(|(_, hint)| *hint)
}

/// Whether the path of a record isn't in the directory that its number belongs to: its text may be all right.
fn lies_elsewhere(path: &str) -> bool {
    let mut names = path.rsplit('/');
    let number = names.next().and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
    let directory = names.next().and_then(|name| name.parse::<u32>().ok());
    number.map(|number| number / 1000) != directory
}

/// What to do about an issue that doesn't exist.
pub const FIND_HINT: &str = "`tickety list is:any` shows all issues, `tickety search WORDS` finds some by their text";

/// What to do about a setting that doesn't exist or can't have a value.
pub const SETTINGS_HINT: &str =
    "`tickety config list` shows the settings in force, `tickety help config` describes them";

fn operation_hint(error: &OperationError) -> Option<String> {
    match error {
        OperationError::NotClosed { issue } => Some(format!("`tickety show {issue}` tells its status")),
        OperationError::UnknownStatus { .. } | OperationError::UnknownKind { .. } => {
            Some("`tickety config list` shows what is configured".to_owned())
        }
        OperationError::Cycle { walk, .. } => {
            walk.first().map(|key| format!("`tickety graph {key}` draws the links; `tickety unlink` removes one"))
        }
        OperationError::NoTarget { .. } => Some(FIND_HINT.to_owned()),
        OperationError::AmbiguousTarget { .. }
        | OperationError::Text { .. }
        | OperationError::TooMany { .. }
        | OperationError::ClosureOfOpen { .. }
        | OperationError::FieldKey { .. }
        | OperationError::FieldValue { .. }
        | OperationError::SelfLink { .. }
        | OperationError::NoComment { .. }
        | OperationError::IdTaken { .. }
        | OperationError::NotCreated { .. }
        | OperationError::NeedsFailed { .. } => None,
    }
}

macro_rules! from_parse_error {
    ($($error:ty),*) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::new((&error).into(), error)
            }
        })*
    };
}

from_parse_error!(SelectorParseError, PartParseError, VersionParseError, RelationParseError);

/// Says how a command ended and returns its exit status.
pub fn finish(arguments: &[OsString], result: Result<Ended, CliError>) -> ExitCode {
    let error = match result {
        Ok(Ended::Done) | Err(CliError::BrokenPipe) => return ExitCode::from(EXIT_SUCCESS),
        Ok(Ended::No) => return ExitCode::from(EXIT_NO),
        Ok(Ended::Refused(code)) => return ExitCode::from(code.exit_status()),
        Err(error) => error,
    };
    let json = args::wants_json(arguments);
    let failed = match error {
        CliError::Arguments(error) if error.use_stderr() && json => from_clap(&error),
        CliError::Arguments(error) if json => {
            output::write(&(explanation(&error) + "\n")).ok();
            return ExitCode::from(EXIT_SUCCESS);
        }
        CliError::Arguments(error) => {
            let status = error.exit_code();
            // With nobody to read it there is nothing left to say.
            error.print().ok();
            return ExitCode::from(u8::try_from(status).unwrap_or(ErrorCode::Usage.exit_status()));
        }
        CliError::BrokenPipe => return ExitCode::from(EXIT_SUCCESS),
        CliError::Failed(failed) => *failed,
    };
    let status = ExitCode::from(failed.code.exit_status());
    let Failed { code, message, shown, hint } = failed;
    if json {
        let failure = Failure::new(code, message, hint);
        let line = serde_json::to_string(&failure).expect("a failure is made of texts");
        output::write(&format!("{line}\n")).ok();
    } else if let Some(shown) = shown {
        output::complain(&shown, None);
    } else {
        output::complain(&message, hint.as_deref());
    }
    status
}

/// Answers in JSON to who asks for help or for the version.
fn explanation(error: &clap::Error) -> String {
    let data = if error.kind() == clap::error::ErrorKind::DisplayVersion {
        serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })
    } else {
        serde_json::json!({ "help": error.to_string() })
    };
    serde_json::to_string(&Envelope { data, meta: Meta::default() }).expect("an explanation is made of texts")
}

/// Takes clap's message apart: its first paragraph says what is wrong, one of the others what to do.
fn from_clap(error: &clap::Error) -> Failed {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut paragraphs = text.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.next().unwrap_or_default();
    let rest: Vec<String> = paragraphs.collect();
    let tip = rest.iter().find_map(|text| text.strip_prefix("tip: "));
    let usage = rest.iter().map(String::as_str).find(|text| text.starts_with("Usage: "));
    let hint = tip.or(usage).map(str::to_owned);
    Failed { code: ErrorCode::Usage, message, shown: None, hint }
}
