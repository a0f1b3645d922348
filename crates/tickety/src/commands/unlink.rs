//! `tickety unlink`

use crate::commands::link;
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::session::Session;

/// Remove links: `tickety unlink 5 blocked-by 3`
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    link: link::Args,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    issues::write(session, link::operations(&args.link, session, false)?, "unlinked")
}
