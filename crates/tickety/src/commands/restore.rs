//! `tickety restore`

mod from;

use std::path::PathBuf;

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::{Loss, Restorable, Restoration, Selection};
use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Put back issues that something else than Tickety removed or changed
///
/// Without an argument it lists the issues whose files aren't as Tickety left them: missing, changed or deleted. A branch
/// may have them otherwise on purpose, so nothing is put back unless it is asked for; what is replaced is kept in
/// the state directory. What was written in a linked work tree that is gone, and never committed, is listed as well. What
/// Tickety wrote in the last 90 days can be put back, as long as it fits into 64 MiB.
///
/// With --from, everything is brought back from a backup, into a place without a home or over the one that is there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The issues: 42, 42-k3f9, or several
    #[arg(value_name = "ISSUE")]
    issues: Vec<String>,

    /// Put back all issues that are missing
    #[arg(long, conflicts_with = "issues")]
    all: bool,

    /// Put back what somebody changed too: the last content that Tickety wrote
    #[arg(long)]
    changed: bool,

    /// Put back what was deleted with Tickety too
    #[arg(long)]
    deleted: bool,

    /// Bring everything back from this backup, which `tickety backup` made
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issues", "all", "changed", "deleted"])]
    from: Option<PathBuf>,

    /// Remove issues and comments that the backup doesn't have
    #[arg(long, requires = "from")]
    exact: bool,

    /// Say what would be put back, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    restored: Vec<WireIssue>,
    /// What could be put back and wasn't asked for.
    restorable: Vec<WireIssue>,
}

/// An issue whose files aren't as Tickety left them.
#[derive(Serialize)]
struct WireIssue {
    key: String,
    number: u32,
    /// `null` where only comments are concerned.
    title: Option<String>,
    /// `missing`, `changed` or `deleted`.
    loss: &'static str,
    written: String,
    files: usize,
    /// The work tree in which it was written, if that is gone; else `null`.
    work_tree: Option<String>,
    /// Whether it is how a merge was settled: where that was given up, nothing is lost.
    settled: bool,
}

impl From<&Restorable> for WireIssue {
    fn from(issue: &Restorable) -> Self {
        let Restorable { key, title, written, loss, files, work_tree, settled } = issue;
        Self {
            key: key.to_string(),
            number: key.number.get(),
            title: title.clone(),
            loss: loss.as_str(),
            written: written.to_string(),
            files: *files,
            work_tree: work_tree.clone(),
            settled: *settled,
        }
    }
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    if let Some(backup) = &args.from {
        return from::run(backup, args.exact, args.dry_run, session);
    }
    let repo = session.opened()?;
    let mut losses = vec![Loss::Missing];
    losses.extend(args.changed.then_some(Loss::Changed));
    losses.extend(args.deleted.then_some(Loss::Deleted));
    let is_all = args.all || (args.issues.is_empty() && (args.changed || args.deleted));
    let is_asked = is_all || !args.issues.is_empty();
    let issues = if is_all { None } else { Some(session.selectors(&args.issues)?) };
    let selection = Selection { issues, losses };
    let done = if is_asked && !args.dry_run {
        repo.restore(&selection, (session.context.actor()?, session.context.time_of_writing()))
    } else {
        repo.preview_restore(&selection)
    };
    let done = done.map_err(|error| session.explain(error))?;
    if session.json() { answer(&args, &done, session) } else { show(&args, is_asked, &done, session) }
}

fn answer(args: &Args, done: &Restoration, session: &Session) -> Result<Ended, CliError> {
    let Restoration { restored, withheld, others } = done;
    let mut rest: Vec<&Restorable> = withheld.iter().chain(others).collect();
    rest.sort_by_key(|issue| issue.key);
    let (restored, restorable) =
        (restored.iter().map(Into::into).collect(), rest.into_iter().map(Into::into).collect());
    session.answer(Answer { dry_run: args.dry_run, restored, restorable }, Meta::default())
}

fn show(args: &Args, is_asked: bool, done: &Restoration, session: &Session) -> Result<Ended, CliError> {
    let Restoration { restored, withheld, others } = done;
    let mut screen = session.screen();
    for issue in restored {
        let title = issue.title.as_deref().unwrap_or("comments only");
        let done = if args.dry_run { "would be restored" } else { "restored" };
        screen.show(palette::NAME, issue.key).raw(" ").raw(done).raw(": ").put(palette::PLAIN, title).end();
    }
    let shown = match (is_asked, args.all) {
        (false, _) => others,
        (true, false) => withheld,
        (true, true) => &Vec::new(),
    };
    for Restorable { key, title, written, loss, work_tree, settled, .. } in shown {
        let title = title.as_deref().unwrap_or("comments only");
        let when = screen.when(*written);
        screen.show(palette::NAME, key).raw(" ").put(palette::ALARM, loss.as_str()).raw(", written ").raw(when);
        if let Some(work_tree) = work_tree {
            screen.raw(" in the work tree ").put(palette::PLAIN, work_tree).raw(", which is gone");
        }
        if *settled {
            screen.raw(", to settle a merge");
        }
        screen.raw(": ").put(palette::PLAIN, title).end();
    }
    let is_settled = shown.iter().any(|issue| issue.settled);
    session.show(screen)?;
    if restored.is_empty() && withheld.is_empty() && others.is_empty() {
        session.note("every file is as Tickety left it");
    } else if !is_asked {
        if is_settled {
            session.note("what settled a merge that was given up is no loss: the merge makes it again, and `tickety restore ISSUE` puts it back");
        }
        session.note("`tickety restore --all` puts back what is missing; --changed and --deleted the rest");
    } else if restored.is_empty() && withheld.is_empty() {
        session.note("nothing was put back: what was named is as Tickety left it");
    } else if restored.is_empty() {
        session.note("nothing was put back: --changed and --deleted say what else to put back");
    }
    Ok(Ended::Done)
}
