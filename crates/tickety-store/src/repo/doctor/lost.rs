//! What was acknowledged and is there no more, though nobody is known to have meant that.
//!
//! Git tells what was meant: what is in some commit was put away, not lost, and what somebody committed here after an
//! edit of their own took its place on purpose.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::Version;

use super::super::git::Git;
use super::super::layout::HomePath;
use super::super::lock::WriteLock;
use super::super::losses::{Losses, Lost};
use super::super::restore::{Loss, Restorable};
use super::super::store::RepoStore;
use super::{Check, Report};
use crate::error::StorageError;

/// How many issues are named.
const NAMED: usize = 20;

const NS: i64 = 1_000_000_000;

impl RepoStore {
    /// Names what was acknowledged and is not there, unless git says that somebody meant it.
    pub(super) fn examine_lost(&self, report: &mut Report, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        self.look_again(lock)?;
        // What keeps it from being compared is a finding of its own.
        let Ok(mut losses) = self.losses(lock) else { return Ok(()) };
        losses.files.retain(|lost| lost.loss != Loss::Deleted && !report.elsewhere.contains(&lost.record.issue));
        if losses.files.is_empty() {
            return Ok(());
        }
        match Git::of(&self.layout) {
            Some(git) => {
                // What a merge was settled to, and nobody committed, goes with the merge.
                if git.other_head().is_ok_and(|other| other.is_none()) {
                    let is_settled: Vec<bool> = losses.files.iter().map(|lost| losses.is_settled(lost)).collect();
                    let mut is_settled = is_settled.into_iter();
                    losses.files.retain(|_| !is_settled.next().unwrap_or_default());
                }
                // Git was asked about those already.
                let (gone, here) = std::mem::take(&mut losses.files).into_iter().partition(|lost| lost.gone.is_some());
                losses.files = here;
                drop_meant(&git, &mut losses);
                losses.files.extend::<Vec<Lost>>(gone);
            }
            // What somebody changed can't be told from what was changed back.
            None => losses.files.retain(|lost| lost.loss == Loss::Missing),
        }
        let issues = self.issues_of(&losses)?;
        for issue in issues.iter().take(NAMED) {
            name(report, issue);
        }
        for check in [Check::Vanished, Check::Undone] {
            let more = issues.iter().skip(NAMED).filter(|issue| check_of(issue) == check).count();
            if more > 0 {
                report.note(check, "others".to_owned(), format!("{more} more {check}; `tickety restore` lists all"));
            }
        }
        Ok(())
    }
}

fn check_of(issue: &Restorable) -> Check {
    if issue.loss == Loss::Changed && issue.work_tree.is_none() { Check::Undone } else { Check::Vanished }
}

fn name(report: &mut Report, issue: &Restorable) {
    let Restorable { key, title, written, loss, files, work_tree, settled: _ } = issue;
    let what = match title {
        Some(title) => format!("`{title}`"),
        None if *files == 1 => "a comment".to_owned(),
        None => format!("{files} comments"),
    };
    let message = match (loss, work_tree) {
        (_, Some(work_tree)) => {
            let flag = if *loss == Loss::Changed { " --changed" } else { "" };
            format!(
                "{what} went with the work tree `{work_tree}`: written {written:.0}, never committed; `tickety restore {key}{flag}` brings it here"
            )
        }
        (Loss::Changed, None) => format!(
            "the last change of {what} is undone: written {written:.0}, and something else than Tickety put back what was there before; `tickety restore {key} --changed` brings it back"
        ),
        _ => format!(
            "{what} vanished: written {written:.0}, removed by something else than Tickety; `tickety restore {key}` puts it back"
        ),
    };
    report.note(check_of(issue), key.to_string(), message);
}

/// Leaves only what nobody is known to have meant: files that are missing though no removal was committed, and those
/// whose last content is in no commit and gave way to one that git has, or that was there before.
fn drop_meant(git: &Git, losses: &mut Losses) {
    let of = |loss| losses.files.iter().filter(move |lost| lost.loss == loss);
    let missing: BTreeSet<HomePath> = of(Loss::Missing).map(|lost| lost.path.clone()).collect();
    // What git can't tell is named, and where it isn't known whether somebody is at work on a file, that isn't.
    let removed = match missing.is_empty() {
        true => BTreeSet::new(),
        false => git.committed_removals(&missing).unwrap_or_default(),
    };
    let uncommitted = match of(Loss::Changed).next() {
        None => Some(BTreeSet::new()),
        Some(_) => git.dirty_paths().ok(),
    };
    let is_put_back = |lost: &Lost| {
        let Some(uncommitted) = &uncommitted else { return false };
        !uncommitted.contains(&lost.path) || lost.current.is_some_and(|current| losses.has_written(&lost.path, current))
    };
    let in_doubt: BTreeMap<HomePath, (Version, i64)> = losses
        .files
        .iter()
        .filter(|lost| match lost.loss {
            Loss::Missing => removed.contains(&lost.path),
            Loss::Changed => is_put_back(lost),
            Loss::Deleted => false,
        })
        .map(|lost| (lost.path.clone(), (lost.last, lost.time_ns.div_euclid(NS))))
        .collect();
    let lost = never_committed(git, losses, in_doubt).unwrap_or_default();
    losses.files.retain(|found| match found.loss {
        Loss::Missing if !removed.contains(&found.path) => true,
        _ => lost.contains(&found.path),
    });
}

/// Returns the files whose last content no commit has, and that nobody committed here afterwards with a content of their
/// own.
fn never_committed(
    git: &Git,
    losses: &Losses,
    mut files: BTreeMap<HomePath, (Version, i64)>,
) -> Result<BTreeSet<HomePath>, StorageError> {
    let wanted = files.iter().map(|(path, (version, _))| (path.clone(), *version)).collect();
    for path in git.has_contents(&wanted)? {
        files.remove(&path);
    }
    let Some(since) = files.values().map(|(_, time)| *time).min() else { return Ok(BTreeSet::new()) };
    for committed in git.committed_here(since)? {
        let is_own = committed.version.is_none_or(|version| !losses.has_written(&committed.path, version));
        if is_own && files.get(&committed.path).is_some_and(|(_, written)| committed.time >= *written) {
            files.remove(&committed.path);
        }
    }
    Ok(files.into_keys().collect())
}
