//! `tickety resolve`

use std::collections::BTreeSet;

use serde::Serialize;
use tickety_api::Meta;
use tickety_core::ident::{IssueKey, IssueNumber};
use tickety_core::operation::FieldState;

use crate::compose::{LeftFile, Resolution, ResolvedIssue};
use crate::exit::{CliError, Ended};
use crate::render::{Screen, palette};
use crate::session::Session;

/// Settle what git could not merge, field by field: 0 all of it, 1 something is left to do
///
/// After `git merge`, `rebase`, `cherry-pick`, `stash pop`, or a merge elsewhere that left its markers in files. What only one
/// side changed is taken over; of a value that both changed the newer one stands, and the other is kept in a comment.
/// Where both changed the same lines of a text, both versions stay in it between `<<<<<<<` and `>>>>>>>`, for you to edit.
/// The files that git has as unmerged are then staged; commit them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The issues: 42, 42-k3f9, or several [default: all]
    #[arg(value_name = "ISSUE")]
    issues: Vec<String>,

    /// Say what would be settled, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    resolved: Vec<WireIssue>,
    left: Vec<WireFile>,
    ambiguous: Vec<WireNumber>,
    /// How many files are as merged in git's index.
    staged: usize,
    /// `null`, or why git still has the files as unmerged.
    unstaged: Option<String>,
}

/// An issue that was settled.
#[derive(Serialize)]
struct WireIssue {
    key: String,
    number: u32,
    title: Option<String>,
    files: usize,
    /// The values that gave way.
    overruled: Vec<WireValue>,
    body_conflict: bool,
    comment_conflicts: Vec<String>,
    undeleted: bool,
    renumbered_from: Option<String>,
}

/// A value that gave way.
#[derive(Serialize)]
struct WireValue {
    field: String,
    kept: Option<String>,
    other: Option<String>,
}

/// A file that was left as it is.
#[derive(Serialize)]
struct WireFile {
    path: String,
    message: String,
}

/// A number that several issues have.
#[derive(Serialize)]
pub(super) struct WireNumber {
    number: u32,
    keys: Vec<String>,
}

impl From<(IssueNumber, BTreeSet<IssueKey>)> for WireNumber {
    fn from((number, keys): (IssueNumber, BTreeSet<IssueKey>)) -> Self {
        Self { number: number.get(), keys: keys.iter().map(ToString::to_string).collect() }
    }
}

impl From<&ResolvedIssue> for WireIssue {
    fn from(issue: &ResolvedIssue) -> Self {
        let ResolvedIssue {
            key,
            title,
            files,
            overruled,
            body_conflict,
            comment_conflicts,
            undeleted,
            renumbered_from,
        } = issue;
        let values = overruled.iter().map(|value| WireValue {
            field: value.field.clone(),
            kept: wire_state(&value.kept),
            other: wire_state(&value.other),
        });
        Self {
            key: key.to_string(),
            number: key.number.get(),
            title: title.clone(),
            files: *files,
            overruled: values.collect(),
            body_conflict: *body_conflict,
            comment_conflicts: comment_conflicts.clone(),
            undeleted: *undeleted,
            renumbered_from: renumbered_from.map(|key| key.to_string()),
        }
    }
}

fn wire_state(state: &FieldState) -> Option<String> {
    match state {
        FieldState::Absent | FieldState::Unknown => None,
        FieldState::Value(value) => Some(value.clone()),
        FieldState::List(values) => Some(values.join(", ")),
    }
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened_to_resolve()?;
    let selectors = session.selectors(&args.issues)?;
    let issues = (!selectors.is_empty()).then_some(selectors.as_slice());
    let done = match args.dry_run {
        true => repo.preview_resolve(issues),
        false => repo.resolve(issues, (session.context.actor()?, session.context.time_of_writing())),
    };
    let done = done.map_err(|error| session.explain(error))?;
    let ended = if done.is_complete() { Ended::Done } else { Ended::No };
    if session.json() {
        answer(&args, done, session)?
    } else {
        show(&args, &done, session)?
    };
    Ok(ended)
}

fn answer(args: &Args, done: Resolution, session: &Session) -> Result<Ended, CliError> {
    let Resolution { resolved, left, ambiguous, staged, unstaged } = done;
    let left = left.into_iter().map(|LeftFile { path, message }| WireFile { path, message });
    let answer = Answer {
        dry_run: args.dry_run,
        resolved: resolved.iter().map(Into::into).collect(),
        left: left.collect(),
        ambiguous: ambiguous.into_iter().map(Into::into).collect(),
        staged,
        unstaged,
    };
    session.answer(answer, Meta::default())
}

fn show(args: &Args, done: &Resolution, session: &Session) -> Result<Ended, CliError> {
    let Resolution { resolved, left, ambiguous, staged, unstaged } = done;
    let mut screen = session.screen();
    for issue in resolved {
        show_issue(issue, args.dry_run, &mut screen);
    }
    for LeftFile { path, message } in left {
        screen.put(palette::ALARM, path).raw(": ").put(palette::PLAIN, message).end();
    }
    for (number, keys) in ambiguous {
        show_ambiguous(*number, keys, &mut screen);
    }
    let ended = session.show(screen)?;
    if let Some(unstaged) = unstaged {
        session.note(format_args!("the files are merged, and `git add` has to tell git so: {unstaged}"));
    }
    if !ambiguous.is_empty() {
        session.note("`tickety renumber 42-k3f9` gives one of them another number; links follow");
    }
    let conflicts = resolved.iter().filter(|issue| issue.has_conflict()).count();
    if conflicts > 0 {
        session.note("where both versions are in a text, `tickety edit ISSUE` or any editor decides");
    }
    if *staged > 0 && done.is_complete() && !args.dry_run {
        session.note("the issues are settled and staged: commit them to finish");
    }
    if resolved.is_empty() && left.is_empty() {
        session.note("there is nothing to settle");
    }
    Ok(ended)
}

/// Says which issues have one number.
pub(super) fn show_ambiguous(number: IssueNumber, keys: &BTreeSet<IssueKey>, screen: &mut Screen<'_>) {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    screen.show(palette::NAME, number).raw(" names several issues: ").put(palette::PLAIN, keys.join(", ")).end();
}

fn show_issue(issue: &ResolvedIssue, dry_run: bool, screen: &mut Screen<'_>) {
    let ResolvedIssue { key, title, files: _, overruled, .. } = issue;
    let ResolvedIssue { body_conflict, comment_conflicts, undeleted, renumbered_from, .. } = issue;
    let done = match (dry_run, *undeleted) {
        (false, false) => " merged",
        (true, false) => " would be merged",
        (false, true) => " kept, though one side had deleted it",
        (true, true) => " would be kept, though one side had deleted it",
    };
    screen.show(palette::NAME, key).raw(done);
    if let Some(title) = title {
        screen.raw(": ").put(palette::PLAIN, title);
    }
    screen.end();
    if let Some(old) = renumbered_from {
        screen.raw("  it was ").show(palette::NAME, old).line(" on one side");
    }
    for value in overruled {
        screen.raw("  ").put(palette::STRONG, &value.field).raw(": ").put(palette::PLAIN, value.kept.to_string());
        screen.raw(" stands, ").put(palette::PLAIN, value.other.to_string()).line(" is kept in a comment");
    }
    let both = " has both versions of some lines, between <<<<<<< and >>>>>>>";
    if *body_conflict {
        screen.raw("  ").put(palette::ALARM, "its body").line(both);
    }
    for comment in comment_conflicts {
        screen.raw("  ").put(palette::ALARM, comment).line(both);
    }
}
