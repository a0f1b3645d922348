//! `tickety batch`

mod apply;
mod close;
mod confirm;
mod create;
mod delete;
mod get;
mod lines;
mod preview;
mod selection;
mod update;
mod work;

use crate::exit::{CliError, Ended};
use crate::session::Session;

/// Do the same to many issues, or many things at once
///
/// All of it or nothing, unless --no-atomic says otherwise. Issues are chosen by a query or by a file of names; the open
/// ones unless the query says otherwise. A batch has at most 100,000 operations; its file at most 256 MiB, and a line 8 MiB.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Action {
    Get(get::Args),
    Create(create::Args),
    Update(Box<update::Args>),
    Close(close::Args),
    Delete(delete::Args),
    Apply(apply::Args),
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    match args.action {
        Action::Get(args) => get::run(&args, session),
        Action::Create(args) => create::run(&args, session),
        Action::Update(args) => update::run(&args, session),
        Action::Close(args) => close::run(&args, session),
        Action::Delete(args) => delete::run(&args, session),
        Action::Apply(args) => apply::run(&args, session),
    }
}
