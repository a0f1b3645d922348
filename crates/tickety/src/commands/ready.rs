//! `tickety ready`

use tickety_engine::questions;

use crate::exit::{CliError, Ended};
use crate::question::{PageArgs, QueryArgs};
use crate::session::Session;

/// List what could be begun now: open, not blocked, best first
///
/// Best is the highest priority, then the nearest due date, then the longest waiting. What is closed on another branch of
/// the clone, and not merged here, is left out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List also what is closed on other branches
    #[arg(long)]
    all_branches: bool,

    #[command(flatten)]
    query: QueryArgs,

    #[command(flatten)]
    page: PageArgs,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let mut query = args.query.parse_page(&args.page, session)?;
    questions::limit_to_ready(&mut query, args.all_branches);
    let nothing = match args.query.is_empty() {
        true => "nothing could be begun now; `tickety list` shows what is blocked or in progress",
        false => super::list::NOTHING,
    };
    super::list::answer(&query, nothing, session)
}
