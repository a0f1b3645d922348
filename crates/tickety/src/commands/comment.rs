//! `tickety comment`

use std::path::PathBuf;

use tickety_core::operation::{Change, DraftComment, Operation};

use crate::exit::{CliError, Ended};
use crate::session::Session;
use crate::{editor, input, issues};

/// Comment on issues
///
/// `tickety comment 42 "It happens on Mondays only"`. Without a text the editor opens.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues, and at the end the text unless --body gives it; `-` reads standard input
    #[arg(required = true, value_names = ["ISSUE", "TEXT"], num_args = 1..)]
    arguments: Vec<String>,

    /// The text, in Markdown; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// Take the text from FILE; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let Args { mut arguments, body, body_file } = args;
    let text_apart = body.is_some() || body_file.is_some();
    let mut text = input::argument_or_file(body.as_deref(), body_file.as_deref())?;
    // The last argument is the text unless it names an issue; a text that looks like a name needs
    // --body.
    if !text_apart && arguments.len() > 1 && arguments.last().is_some_and(|last| session.selector(last).is_err()) {
        text = input::argument_or_file(arguments.pop().as_deref(), None)?;
    }
    let selectors = session.selectors(&arguments)?;
    let draft = match &text {
        Some(_) => None,
        None if session.context.can_ask() || session.context.has_editor() => {
            Some(editor::Draft::new("comment", String::new(), &session.context)?)
        }
        None => {
            return Err(CliError::usage("a comment needs a text")
                .hint("write `tickety comment ISSUE TEXT`, or pipe it in with `-`"));
        }
    };
    if let Some(draft) = &draft {
        text = draft.edit(&session.context, |text| Ok(text.to_owned()))?;
    }
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        draft.inspect(editor::Draft::discard);
        return Err(CliError::new(tickety_api::ErrorCode::Aborted, "nothing was written, so there is no comment"));
    };
    let operations = selectors
        .into_iter()
        .map(|selector| Operation::Update {
            target: selector.into(),
            expected: None,
            changes: vec![Change::AddComment(DraftComment::new(&text))],
        })
        .collect();
    let written = issues::write(session, operations, "commented");
    match &draft {
        Some(draft) if written.is_err() => written.map_err(|error| draft.kept(error)),
        Some(draft) => {
            draft.discard();
            written
        }
        None => written,
    }
}
