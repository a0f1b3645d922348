//! `tickety batch create`

use std::path::PathBuf;

use serde::Deserialize;
use tickety_api::ErrorCode;
use tickety_api::batch::Origin;
use tickety_api::operation::{LocalNames, WireDraft, WireOperation};

use super::lines::{Lines, json};
use super::work::{HowArgs, Work};
use crate::exit::{CliError, Ended};
use crate::session::Session;

/// Create issues from JSON lines, such as {"title": "…", "labels": ["x"]}
///
/// docs/batches.md lists the fields. With "ref": "a" later lines name the issue as "$a".
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    #[command(flatten)]
    how: HowArgs,
}

/// A line: a draft, which may say that it is one.
#[derive(Deserialize)]
struct WireLine {
    #[serde(default)]
    op: Option<String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    let work = read(args, session)?;
    let mut work = Some(work);
    args.how.run("created", session, false, || Ok(work.take().unwrap_or_default()))
}

fn read(args: &Args, session: &Session) -> Result<Work, CliError> {
    let schema = session.schema()?;
    let mut names = LocalNames::new(&schema.prefix);
    let mut lines = Lines::open(&args.from)?;
    let mut work = Work { file: Some(lines.name()), ..Work::default() };
    while let Some(line) = lines.next()? {
        let number = line.number;
        let draft = json(&line).and_then(|WireLine { op, rest }| match op.as_deref() {
            None | Some("create") => {
                serde_json::from_value::<WireDraft>(rest.into()).map_err(|error| error.to_string())
            }
            Some(op) => Err(format!("`{op}` doesn't create: `tickety batch apply` takes operations of every kind")),
        });
        let draft = draft.map_err(|message| lines.fault(ErrorCode::BadInput, message))?;
        let name = draft.reference.as_ref().map(|name| format!("${name}"));
        let operation = names.operation(work.operations.len(), WireOperation::Create(Box::new(draft)));
        work.operations.push(operation.map_err(|fault| lines.fault(fault.code, fault.message))?);
        work.origins.push(Origin { line: Some(number), name });
    }
    Ok(work)
}
