//! `tickety edit`

use std::path::{Path, PathBuf};

use tickety_api::ErrorCode;
use tickety_core::ident::{IssueKey, IssueSelector, Version};
use tickety_core::operation::{Change, Expected, Operation};

use crate::editor;
use crate::exit::{CliError, Ended};
use crate::form::Form;
use crate::input;
use crate::issues;
use crate::session::Session;
use crate::values::FieldArgs;

/// Change issues, in the editor or by options
///
/// Without options the editor opens. An empty value clears a field. Where a field holds several
/// values, `--label x` or `--label +x` adds one, `--label -x` removes one, `--label ''` removes all.
/// Several issues change together: all of them or none.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Set the title
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    title: Option<String>,

    /// Set the body, in Markdown; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// Take the body from FILE; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,

    /// Refuse if the issue isn't at VERSION any more
    #[arg(long, value_name = "VERSION")]
    if_version: Option<String>,

    #[command(flatten)]
    fields: FieldArgs,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let expected: Option<Version> = args.if_version.as_deref().map(str::parse).transpose()?;
    if expected.is_some() && args.issues.len() > 1 {
        return Err(CliError::usage("--if-version is about one issue, and there are several"));
    }
    let selectors = session.selectors(&args.issues)?;
    let mut texts = Vec::new();
    texts.extend(args.title.map(Change::Title));
    texts.extend(input::argument_or_file(args.body.as_deref(), args.body_file.as_deref())?.map(Change::Body));

    let held = if args.fields.clears_list() { Some(issues::read(session, &selectors)?) } else { None };
    let mut operations = Vec::with_capacity(selectors.len());
    for (place, &selector) in selectors.iter().enumerate() {
        let issue = held.as_ref().map(|held| &held[place].issue);
        let mut changes = texts.clone();
        changes.extend(args.fields.changes(issue, session)?);
        operations.push(Operation::Update { target: selector.into(), expected: expected.map(Expected::from), changes });
    }
    if operations.iter().all(|operation| matches!(operation, Operation::Update { changes, .. } if changes.is_empty()))
        && held.is_none()
    {
        return edit(&selectors, expected, session);
    }
    issues::write(session, operations, "updated").map_err(|error| match expected {
        Some(_) if error.is(ErrorCode::Conflict) => error.hint_instead(format!(
            "look at it with `tickety show {}`, then repeat the command with the version that it is at",
            selectors[0]
        )),
        _ => error,
    })
}

/// Opens the editor. What comes back is based on what went in: somebody else may change other fields meanwhile.
fn edit(selectors: &[IssueSelector], expected: Option<Version>, session: &Session) -> Result<Ended, CliError> {
    let &[selector] = selectors else {
        return Err(CliError::usage("the editor takes one issue at a time").hint("say with options what to change"));
    };
    if !session.context.can_ask() && !session.context.has_editor() {
        return Err(CliError::usage("nothing to change")
            .hint("`tickety edit --help` lists the options; on a terminal the editor opens"));
    }
    let schema = session.schema()?;
    let mut read = issues::read(session, &[selector])?;
    let stored = read.pop().expect("one issue was asked for");
    if let Some(expected) = expected.filter(|expected| *expected != stored.version) {
        let actual = stored.version;
        return Err(tickety_store::StorageError::Conflict { key: stored.issue.key(), expected, actual }.into());
    }
    let before = Form::of_issue(&stored.issue);
    let text = editor::Draft::new(&stored.issue.key().to_string(), before.print(), &session.context)?;
    let edited = text.edit(&session.context, |text| Form::parse(text, &schema, &session.context))?;
    let key = stored.issue.key();
    let changes = match edited {
        Some(after) => before.changes(after).map_err(|error| text.kept(error))?,
        None => Vec::new(),
    };
    let expected = match expected {
        // Whatever anybody else did meanwhile: there is nothing that it could contradict.
        _ if changes.is_empty() => None,
        Some(version) => Some(Expected::Version(version)),
        None => Some(Expected::Base(Box::new(stored.issue))),
    };
    let operation = Operation::Update { target: IssueSelector::from(key).into(), expected, changes };
    let ended = issues::write(session, vec![operation], "updated").map_err(|error| match text.path() {
        Some(path) if error.is(ErrorCode::FieldConflict) || error.is(ErrorCode::Conflict) => {
            changed_meanwhile(error, key, path)
        }
        _ => text.kept(error),
    })?;
    text.discard();
    Ok(ended)
}

/// Says that somebody else was faster, and how nothing gets lost.
fn changed_meanwhile(error: CliError, key: IssueKey, draft: &Path) -> CliError {
    error.hint_instead(format!(
        "your text is kept in {}; `tickety edit {key}` opens the issue as it is now: copy into it what you still want",
        draft.display()
    ))
}
