//! Asking before much is changed, or anything is deleted.

use tickety_api::ErrorCode;

use super::selection::Selection;
use crate::editor;
use crate::exit::CliError;
use crate::output;
use crate::render::counted;
use crate::session::Session;

/// How many issues a query may select without a question.
const UNASKED: usize = 1_000;
/// How many of the issues are named with the question.
const NAMED: usize = 10;

/// Whether so many issues are changed only once somebody has agreed. Who writes a file knows what is in it.
pub fn is_much(selection: &Selection) -> bool {
    selection.file.is_none() && selection.issues.len() > UNASKED
}

/// Asks for agreement. `doing` is as in `closing 3 issues`, `done` as in `closed`.
pub fn ask(selection: &Selection, doing: &str, done: &str, session: &Session) -> Result<(), CliError> {
    let count = selection.issues.len();
    let what = counted(count, "issue");
    if !session.context.can_ask() {
        let message = format!("{doing} {what} has to be agreed to, and nobody can be asked");
        let hint = "--dry-run shows what would happen; repeat the command with --yes";
        return Err(CliError::new(ErrorCode::ConfirmationRequired, message).hint(hint));
    }
    for selected in selection.issues.iter().take(NAMED) {
        let name = selected.origin.name.as_deref().unwrap_or_default();
        let title = selected.summary.as_ref().map_or("", |summary| summary.title.as_str());
        output::note(format_args!("{name} {title}"));
    }
    if count > NAMED {
        output::note(format_args!("and {} more", count - NAMED));
    }
    let mut question = format!("{doing} {what}?");
    question[..1].make_ascii_uppercase();
    if editor::confirm(&question, false)? {
        Ok(())
    } else {
        Err(CliError::new(ErrorCode::Aborted, format!("nothing was {done}")))
    }
}
