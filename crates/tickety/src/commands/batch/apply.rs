//! `tickety batch apply`

use std::path::PathBuf;

use tickety_api::ErrorCode;
use tickety_api::batch::Operations;

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
    let mut read = Operations::new(&schema.prefix);
    let mut lines = Lines::open(&args.file)?;
    while let Some(line) = lines.next()? {
        let number = line.number;
        let wire = json(&line).map_err(|message| lines.fault(ErrorCode::BadInput, message))?;
        read.push(Some(number), wire).map_err(|fault| lines.fault(fault.code, fault.message))?;
    }
    let (operations, origins) = read.into_parts();
    Ok(Work { operations, origins, file: Some(lines.name()) })
}
