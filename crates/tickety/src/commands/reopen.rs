//! `tickety reopen`

use tickety_core::operation::{Change, DraftComment, Operation};

use crate::exit::{CliError, Ended};
use crate::input;
use crate::issues;
use crate::session::Session;

/// Reopen closed issues: all of them or none
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Say why, as a comment; `-` reads standard input
    #[arg(short, long, short_alias = 'm', aliases = ["message", "note"], value_name = "TEXT", allow_hyphen_values = true)]
    comment: Option<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let comment = input::argument_or_file(args.comment.as_deref(), None)?;
    let operations = session
        .selectors(&args.issues)?
        .into_iter()
        .map(|selector| {
            let mut changes = vec![Change::Reopen];
            changes.extend(comment.as_ref().map(|text| Change::AddComment(DraftComment::new(text))));
            Operation::Update { target: selector.into(), expected: None, changes }
        })
        .collect();
    issues::write(session, operations, "reopened")
}
