//! `tickety comment`

use std::path::PathBuf;

use tickety_core::operation::{Change, DraftComment, Operation};

use crate::exit::{CliError, Ended};
use crate::session::Session;
use crate::{editor, input, issues};

/// Comment on issues
///
/// `tickety comment 42 It happens on Mondays only`, `tickety comment 42,43 'The same for both'`. Without a text
/// the editor opens.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues, with commas between them
    #[arg(value_name = "ISSUES")]
    issues: String,

    /// The text, in Markdown; several words need no quotation marks; `-` reads standard input
    #[arg(value_name = "TEXT", conflicts_with_all = ["body", "body_file"])]
    text: Vec<String>,

    /// The text, whatever it begins with; `-` reads standard input
    #[arg(short, long, short_alias = 'm', alias = "message", value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// Take the text from FILE; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let Args { issues, text: words, body, body_file } = args;
    let selectors = session.selectors(std::slice::from_ref(&issues))?;
    // Elsewhere several issues stand side by side: nobody should comment on less than was meant.
    if let Some(first) = words.first().filter(|first| session.selector(first).is_ok()) {
        let message = format!("`{first}` may be another issue, or the beginning of the text");
        return Err(CliError::usage(message).hint(format!(
            "several issues have commas between them: `tickety comment {issues},{first} TEXT`; \
             a text that begins like this goes after --body"
        )));
    }
    let argument = Some(words.join(" ")).filter(|_| !words.is_empty()).or(body);
    let mut text = input::argument_or_file(argument.as_deref(), body_file.as_deref())?;
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
