//! `tickety backup`

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_store::StorageError;

use crate::compose::{self, Backup};
use crate::exit::{CliError, Ended};
use crate::render::{counted, palette};
use crate::session::Session;

/// Write everything that can't be made again to one file
///
/// Issues, comments and settings, the events, what was deleted and can be restored, the numbers that were given out and
/// the keys of requests: all but the index. The file is a tar archive with checksums that only its owner may read;
/// `tickety restore --from FILE` brings it back. What lies among the issues and is none is left out and named, and the
/// status is 1.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; by default tickety-DATE-TIME.tar in the current folder
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Replace the file if there is one
    #[arg(short, long)]
    force: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    file: String,
    bytes: u64,
    issues: usize,
    comments: usize,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened()?;
    let now = session.context.time_of_writing();
    let file = match args.file {
        Some(file) => file,
        None => session.context.directory().join(format!("tickety-{}.tar", now.strftime("%Y%m%dT%H%M%SZ"))),
    };
    check(&file)?;
    let Backup { bytes, issues, comments, left_out } = repo.backup(&file, args.force, now).map_err(|error| {
        let is_there =
            matches!(&error, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists);
        if !is_there {
            return session.explain(error);
        }
        CliError::usage(format!("there is a file {} already", file.display())).hint("--force replaces it")
    })?;
    let ended = if left_out.is_empty() { Ended::Done } else { Ended::No };
    let shown = file.display().to_string();
    if session.json() {
        let problems = left_out.into_iter().map(Into::into).collect();
        session.answer(Answer { file: shown, bytes, issues, comments }, Meta { problems, ..Meta::default() })?;
        return Ok(ended);
    }
    if !session.global.quiet {
        let mut screen = session.screen();
        screen.put(palette::PLAIN, &shown).raw(": ");
        screen.line(format!("{}, {}, {bytes} bytes", counted(issues, "issue"), counted(comments, "comment")));
        session.show(screen)?;
    }
    session.name_problems(&left_out);
    Ok(ended)
}

/// Fails for what can't become a backup, or would be in the way.
fn check(file: &Path) -> Result<(), CliError> {
    if let Some(home) = compose::home_of_file(file) {
        let message = format!("{} lies in {}, which holds what Tickety writes itself", file.display(), home.display());
        return Err(CliError::usage(message).hint("name a file outside of it"));
    }
    match file.symlink_metadata() {
        Ok(found) if !found.is_file() => {
            let what = if found.is_dir() { "a folder" } else { "no file" };
            Err(CliError::usage(format!("{} is {what}", file.display())).hint("name a file that isn't there yet"))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CliError::new(ErrorCode::Io, format!("could not look at {}: {error}", file.display())))
        }
        _ => Ok(()),
    }
}
