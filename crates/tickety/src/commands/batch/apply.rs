//! `tickety batch apply`

use std::path::PathBuf;

use tickety_api::ErrorCode;
use tickety_api::batch::Origin;
use tickety_api::operation::{LocalNames, WireOperation};
use tickety_core::operation::{Operation, Target};

use super::lines::{Lines, json};
use super::work::{HowArgs, Work};
use crate::exit::{CliError, Ended};
use crate::session::Session;

/// Apply operations from JSON lines, which may refer to each other
///
/// {"op": "create", "ref": "a", "title": "…"}, then {"op": "update", "issue": "$a", "priority": "high"}, and
/// likewise close, reopen, comment and delete: docs/batches.md. With "version" an operation is refused if the issue has changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    how: HowArgs,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    let mut work = Some(read(args, session)?);
    args.how.run("updated", session, false, || Ok(work.take().unwrap_or_default()))
}

fn read(args: &Args, session: &Session) -> Result<Work, CliError> {
    let schema = session.schema()?;
    let mut names = LocalNames::new(&schema.prefix);
    let mut lines = Lines::open(&args.file)?;
    let mut work = Work { file: Some(lines.name()), ..Work::default() };
    while let Some(line) = lines.next()? {
        let number = line.number;
        let read = json::<WireOperation>(&line);
        let wire = read.map_err(|message| lines.fault(ErrorCode::BadInput, message))?;
        let made = match &wire {
            WireOperation::Create(draft) => draft.reference.as_ref().map(|name| format!("${name}")),
            _ => None,
        };
        let operation = names.operation(work.operations.len(), wire);
        let operation = operation.map_err(|fault| lines.fault(fault.code, fault.message))?;
        let name = made.or_else(|| about(&operation, &work));
        work.operations.push(operation);
        work.origins.push(Origin { line: Some(number), name });
    }
    Ok(work)
}

/// Returns what the operation calls its issue.
fn about(operation: &Operation, work: &Work) -> Option<String> {
    match operation {
        Operation::Create(_) => None,
        Operation::Update { target, .. } | Operation::Delete { target, .. } => match target {
            Target::Existing(selector) => Some(selector.to_string()),
            Target::Created(index) => work.origins.get(*index).and_then(|origin| origin.name.clone()),
        },
    }
}
