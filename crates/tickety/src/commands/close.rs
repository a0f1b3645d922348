//! `tickety close`

use tickety_core::issue::{CloseReason, LinkKind};
use tickety_core::operation::{Change, Operation, Target};

use crate::exit::{CliError, Ended};
use crate::input;
use crate::issues;
use crate::session::Session;

/// Close issues: all of them or none
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Why: completed, cancelled or duplicate [default: completed]
    #[arg(short, long, value_name = "REASON")]
    reason: Option<String>,

    /// Say something about it; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    note: Option<String>,

    /// Link to the issue that says the same; the reason is duplicate then
    #[arg(short, long, value_name = "ISSUE")]
    duplicate_of: Option<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let reason = match (&args.reason, &args.duplicate_of) {
        (Some(reason), None) => reason.parse()?,
        (None, None) => CloseReason::Completed,
        (None, Some(_)) => CloseReason::Duplicate,
        (Some(reason), Some(_)) if reason.parse::<CloseReason>()? == CloseReason::Duplicate => CloseReason::Duplicate,
        (Some(reason), Some(_)) => {
            return Err(CliError::usage(format!("--duplicate-of closes as duplicate, not as {reason}")));
        }
    };
    let note = input::argument_or_file(args.note.as_deref(), None)?;
    let original: Option<Target> = match &args.duplicate_of {
        Some(name) => Some(session.selector(name)?.into()),
        None => None,
    };
    let operations = session
        .selectors(&args.issues)?
        .into_iter()
        .map(|selector| {
            let mut changes = vec![Change::Close { reason, note: note.clone() }];
            changes.extend(original.clone().map(|target| Change::AddLink { kind: LinkKind::DuplicateOf, target }));
            Operation::Update { target: selector.into(), expected: None, changes }
        })
        .collect();
    issues::write(session, operations, "closed")
}
