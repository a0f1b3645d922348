//! `tickety merge-driver`

use std::path::PathBuf;

use crate::compose;
use crate::exit::{CliError, Ended};
use crate::session::Session;

/// Merge one file for git: 0 merged, 1 a conflict is left
///
/// Git runs this where `tickety init --merge-driver` has told it to. What can be merged without leaving anything out is;
/// anything else gets git's markers, and waits for `tickety resolve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file with the version that both come from (%O)
    base: PathBuf,
    /// The file with our version, which gets the result (%A)
    ours: PathBuf,
    /// The file with their version (%B)
    theirs: PathBuf,
    /// The path of the file in the repository (%P)
    path: String,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let Args { base, ours, theirs, path } = args;
    let [base, ours, theirs] = [base, ours, theirs].map(|file| session.context.directory().join(file));
    let is_merged = compose::merge_file(session.context.directory(), &path, [&base, &ours, &theirs])?;
    Ok(if is_merged { Ended::Done } else { Ended::No })
}
