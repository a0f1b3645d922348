//! `tickety scan`

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use tickety_api::Meta;
use tickety_core::event::Event;
use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::issue::CloseReason;
use tickety_core::operation::{Change, Operation};
use tickety_store::{Commit, EventLog as _, Position, StorageError, StoredIssue};

use crate::compose::Repo;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::{palette, short};
use crate::session::Session;

/// How many events are read at once.
const PAGE: usize = 1000;

/// Close the issues that commits say they close: `Fixes TIK-42`, `Closes 42-k3f9`
///
/// The words are those of the forges: close, fix and resolve, also with -s, -d and -ed. `#42` is the forge's own and closes
/// nothing here; a commit that reverts another one closes nothing either. All issues are closed in one write. It can be
/// repeated: an issue that was closed, made or reopened after the commit is left alone.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which commits, as git takes them: main..topic, @{upstream}.. [default: all of what is checked out]
    #[arg(value_name = "RANGE")]
    range: Option<String>,

    /// Take #42 for an issue, too: where there is no forge with numbers of its own
    #[arg(long)]
    bare: bool,

    /// Say which issues would be closed and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    closed: Vec<WireClosed>,
    left: Vec<WireLeft>,
}

/// An issue that was closed, or would be.
#[derive(Serialize)]
struct WireClosed {
    key: String,
    title: String,
    commit: String,
    subject: String,
}

/// A name in a commit that closed nothing.
#[derive(Serialize)]
struct WireLeft {
    name: String,
    commit: String,
    /// `closed`, `newer` (made after the commit), `reopened` (after it), `unknown`, `ambiguous` or `unreadable`.
    why: &'static str,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened()?;
    let range = args.range.as_deref().unwrap_or("HEAD");
    let commits = repo.closing_messages(range, args.bare).map_err(|error| {
        CliError::from(error).hint_instead(
            "a range is two commits with .. between them, or one for all up to it; see `git help revisions`",
        )
    })?;
    // The newest commit that names an issue is the one that closes it.
    let mut named: BTreeMap<IssueName, &Commit> = BTreeMap::new();
    for (commit, names) in &commits {
        for name in names {
            named.entry(*name).or_insert(commit);
        }
    }
    let names: Vec<(IssueName, &Commit)> = named.into_iter().collect();
    let selectors: Vec<IssueSelector> = names.iter().map(|(name, _)| (*name).into()).collect();
    let found = pollster::block_on(session.storage()?.get_many(&selectors));
    let mut chosen: BTreeMap<IssueKey, (StoredIssue, &Commit)> = BTreeMap::new();
    let mut left: Vec<(IssueName, &Commit, &'static str)> = Vec::new();
    let mut reopened: Option<BTreeMap<IssueKey, Timestamp>> = None;
    for ((name, commit), found) in names.into_iter().zip(found) {
        let why = match found {
            Ok(stored) if stored.category.is_closed() => "closed",
            Ok(stored) if stored.issue.created > commit.committed => "newer",
            Ok(stored) => {
                let here = match &mut reopened {
                    Some(known) => known,
                    None => reopened.insert(reopenings(repo)?),
                };
                let key = stored.issue.key();
                if was_reopened(repo, key, commit, here)? {
                    "reopened"
                } else {
                    // By number and by its full name: the newer commit counts.
                    let later = |other: &(StoredIssue, &Commit)| other.1.committed >= commit.committed;
                    if !chosen.get(&key).is_some_and(later) {
                        chosen.insert(key, (stored, commit));
                    }
                    continue;
                }
            }
            Err(StorageError::NotFound { .. }) => "unknown",
            Err(StorageError::Ambiguous { .. }) => "ambiguous",
            Err(StorageError::Unreadable { .. }) => "unreadable",
            Err(error) => return Err(session.explain(error)),
        };
        left.push((name, commit, why));
    }
    if !args.dry_run && !chosen.is_empty() {
        let close = |(key, (_, commit)): (&IssueKey, &(StoredIssue, &Commit))| {
            let note = Some(format!("Closed by commit {}: {}", short(&commit.id), commit.subject));
            let changes = vec![Change::Close { reason: CloseReason::Completed, note }];
            Operation::Update { target: IssueSelector::from(*key).into(), expected: None, changes }
        };
        session.apply(chosen.iter().map(close).collect())?;
    }
    tell(&args, &chosen, &left, session)
}

fn tell(
    args: &Args,
    chosen: &BTreeMap<IssueKey, (StoredIssue, &Commit)>,
    left: &[(IssueName, &Commit, &'static str)],
    session: &Session,
) -> Result<Ended, CliError> {
    if session.json() {
        let closed = chosen.iter().map(|(key, (stored, commit))| WireClosed {
            key: key.to_string(),
            title: stored.issue.title.clone(),
            commit: commit.id.clone(),
            subject: commit.subject.clone(),
        });
        let left =
            left.iter().map(|(name, commit, why)| WireLeft { name: name.to_string(), commit: commit.id.clone(), why });
        let answer = Answer { dry_run: args.dry_run, closed: closed.collect(), left: left.collect() };
        return session.answer(answer, Meta::default());
    }
    let mut screen = session.screen();
    for (key, (_, commit)) in chosen {
        let done = if args.dry_run { " would be closed by " } else { " closed by " };
        screen.show(palette::NAME, key).raw(done).put(palette::PLAIN, short(&commit.id)).raw(": ");
        screen.put(palette::PLAIN, &commit.subject).end();
    }
    if !session.global.quiet {
        output::write(&screen.into_text())?;
    }
    for (name, commit, why) in left {
        let why = match *why {
            "closed" => continue,
            "newer" => "was made after it",
            "reopened" => "was reopened after it",
            "unknown" => "is the name of no issue",
            "ambiguous" => "is the number of several issues",
            _ => "can't be read",
        };
        session.note(format_args!("{} says it closes {name}, which {why}", short(&commit.id)));
    }
    if chosen.is_empty() {
        session.note("no commit closes an open issue");
    }
    Ok(Ended::Done)
}

/// Returns when issues were last reopened here, as far as the log of events goes.
fn reopenings(repo: &Repo) -> Result<BTreeMap<IssueKey, Timestamp>, CliError> {
    let mut reopened = BTreeMap::new();
    let mut page = pollster::block_on(repo.events(Position::Oldest, PAGE))?;
    loop {
        for logged in &page.events {
            if let Some(key) = reopening(&logged.event) {
                reopened.insert(key, logged.time);
            }
        }
        if !page.more {
            return Ok(reopened);
        }
        page = pollster::block_on(repo.events(Position::After(page.next), PAGE))?;
    }
}

fn reopening(event: &Event) -> Option<IssueKey> {
    match event {
        Event::IssueReopened { issue, .. } => Some(*issue),
        _ => None,
    }
}

/// Whether somebody reopened an issue after a commit: here, or in a later commit of its file.
fn was_reopened(
    repo: &Repo,
    key: IssueKey,
    commit: &Commit,
    here: &BTreeMap<IssueKey, Timestamp>,
) -> Result<bool, CliError> {
    if here.get(&key).is_some_and(|time| *time >= commit.committed) {
        return Ok(true);
    }
    let history = match repo.history(key.into(), usize::MAX) {
        Ok(history) => history,
        // A home on no branch has events alone.
        Err(StorageError::Git { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let names: BTreeSet<IssueKey> =
        history.steps.iter().filter_map(|step| step.renumbered).flat_map(|(from, to)| [from, to]).collect();
    if names.iter().any(|name| here.get(name).is_some_and(|time| *time >= commit.committed)) {
        return Ok(true);
    }
    Ok(history.steps.iter().any(|step| {
        let is_later = step.commit.as_ref().is_none_or(|made| made.committed >= commit.committed);
        is_later && step.events.iter().any(|event| reopening(event).is_some())
    }))
}
