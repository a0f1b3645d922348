//! `tickety demo`

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickety_api::Meta;
use tickety_core::ident::IssueKey;
use tickety_engine::sample::Sample;
use tickety_store::Batch;

use crate::args;
use crate::exit::{CliError, Ended};
use crate::progress::Progress;
use crate::question;
use crate::session::Session;
use crate::{compose, output};

/// Make a sample repository and look around in it
///
/// It is made in --dir, which has to be new or empty, or in a new folder for temporary files.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many issues to make
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = args::distance)]
    issues: u32,

    /// What the issues are drawn from; the same seed makes the same issues
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// How many issues are made at once: as many as memory should hold.
const BATCH: usize = 10_000;

/// How many links make a tree.
const WORTH_DRAWING: usize = 3;

/// The `data` of the answer.
#[derive(Serialize)]
struct Made {
    directory: String,
    issues: u32,
    seed: u64,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let Args { issues, seed } = args;
    let folder = match &session.global.directory {
        Some(folder) => empty_folder(folder)?,
        None => new_folder(&session.context.temporary_directory())?,
    };
    compose::init(&folder, "TIK")?;
    let demo = session.within(folder.clone())?;
    fill(&demo, issues, seed)?;
    let directory = folder.display().to_string();
    if session.json() {
        return session.answer(Made { directory, issues, seed }, Meta::default());
    }
    if !session.global.quiet {
        look_around(&demo, &directory)?;
    }
    let mut screen = session.screen();
    if session.global.quiet {
        screen.line(&directory)
    } else {
        screen.line(format!("{issues} sample issues lie in {directory}"))
    };
    output::write(&screen.into_text())?;
    Ok(Ended::Done)
}

fn fill(demo: &Session, issues: u32, seed: u64) -> Result<(), CliError> {
    let storage = demo.storage()?;
    let now = demo.context.time_of_writing();
    let mut progress = Progress::new(demo);
    let mut done = 0;
    for operations in Sample::new(seed, issues, now).in_batches_of(BATCH).batches() {
        let made = operations.len() as u64;
        progress.show("making issues", done, Some(issues.into()));
        pollster::block_on(storage.apply(Batch::new(operations, None, now)))?;
        done += made;
    }
    demo.finish();
    Ok(())
}

/// Runs commands as a person would, each shown before what it prints.
fn look_around(demo: &Session, directory: &str) -> Result<(), CliError> {
    let mut commands: Vec<Vec<String>> = ["list --limit 10", "search cache --limit 5", "ready --limit 10", "stats"]
        .map(|command| command.split(' ').map(str::to_owned).collect())
        .into();
    if let Some(key) = worth_drawing(demo)? {
        commands.insert(3, vec!["graph".to_owned(), key.to_string(), "--depth".to_owned(), "3".to_owned()]);
    }
    for command in commands {
        let mut heading = demo.screen();
        heading.line(format!("$ tickety {}", command.join(" ")));
        output::write(&heading.into_text())?;
        let mut arguments: Vec<OsString> = ["tickety", "--no-pager", "--dir", directory].map(OsString::from).into();
        arguments.extend(command.into_iter().map(OsString::from));
        super::run(&arguments)?;
        output::write("\n")?;
    }
    Ok(())
}

/// Returns an open issue whose tree is worth looking at and fits a page: the one with the fewest links
/// of those that have several.
fn worth_drawing(demo: &Session) -> Result<Option<IssueKey>, CliError> {
    let query = question::parse("is:open has:child limit:20", demo)?;
    let storage = demo.storage()?;
    let page = pollster::block_on(storage.list(&query, &demo.moment(&query)?))?;
    let selectors: Vec<_> = page.issues.iter().map(|issue| issue.key.into()).collect();
    let whole = pollster::block_on(storage.get_many(&selectors));
    let branching = whole.into_iter().flatten().filter(|stored| stored.derived.links.len() >= WORTH_DRAWING);
    let least = branching.min_by_key(|stored| stored.derived.links.len());
    Ok(least.map(|stored| stored.issue.key()))
}

fn empty_folder(folder: &Path) -> Result<PathBuf, CliError> {
    fs::create_dir_all(folder).map_err(|error| CliError::io("make", folder, &error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| CliError::io("read", folder, &error))?;
    if entries.next().is_some() {
        let message = format!("{} is not empty", folder.display());
        return Err(CliError::usage(message).hint("a sample is made in a new or empty folder only"));
    }
    Ok(folder.to_owned())
}

fn new_folder(parent: &Path) -> Result<PathBuf, CliError> {
    for attempt in 1.. {
        let folder = parent.join(format!("tickety-demo-{attempt}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::io("make", &folder, &error)),
        }
    }
    unreachable!("an endless loop ends by returning")
}
