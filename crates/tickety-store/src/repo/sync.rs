//! Committing the issues, and exchanging them with others through git.
//!
//! The lock is held while git writes files of the home, so that no writer of Tickety does at the same time, and given
//! back while git talks to other machines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use tickety_core::Issue;
use tickety_core::ident::{IssueKey, IssueNumber, Suffix, alias_reference};

use super::files::RECORD_LIMIT;
use super::format;
use super::git::{Author, Distance, Git, GitError, MergeOutcome, Upstream};
use super::layout::{HomeKind, HomePath, RecordPath};
use super::lock::WriteLock;
use super::resolve::Resolution;
use super::store::RepoStore;
use crate::error::StorageError;

/// How often to fetch, merge and push again because somebody else has pushed meanwhile.
const MAX_ROUNDS: usize = 5;

/// How many issues the first line of a commit's message names.
const NAMED: usize = 3;

/// How many issues the rest of it lists.
const DETAILED: usize = 100;

/// How the issues stand to git.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncStatus {
    /// What sort of home it is.
    pub home: HomeKind,
    /// The branch that has the issues, if one is checked out.
    pub branch: Option<String>,
    /// The branch at a remote that it is exchanged with.
    pub upstream: Option<Upstream>,
    /// The issues with files that aren't committed.
    pub uncommitted: Vec<IssueKey>,
    /// How far the branch and that of the remote are apart, as of the last fetch; `None` if none was fetched.
    pub distance: Option<Distance>,
}

/// What a sync did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Synced {
    /// The first line of the message, if something was committed.
    pub committed: Option<String>,
    /// How many commits of others came in.
    pub merged: usize,
    /// How many commits were pushed.
    pub pushed: usize,
    /// What had to be settled in a merge.
    pub resolution: Resolution,
    /// The numbers that more issues have than before, because others gave them out, too.
    pub ambiguous: BTreeMap<IssueNumber, BTreeSet<IssueKey>>,
    /// What kept the issues from being exchanged, though nothing failed.
    pub held_back: Option<String>,
    /// What failed after the commit.
    pub failure: Option<String>,
}

impl RepoStore {
    /// Returns how the issues stand to git, without asking a remote.
    pub fn sync_status(&self) -> Result<SyncStatus, StorageError> {
        self.recover();
        let (home, git) = (self.layout.kind, Git::of(&self.layout));
        let Some(git) = git else {
            return Ok(SyncStatus { home, branch: None, upstream: None, uncommitted: Vec::new(), distance: None });
        };
        let branch = git.branch()?;
        let upstream = branch.as_deref().map(|branch| git.upstream(branch)).transpose()?.flatten();
        let distance = match &upstream {
            Some(upstream) => distance(&git, upstream)?,
            None => None,
        };
        let changed = git.dirty_paths()?;
        let mut uncommitted: Vec<IssueKey> = changed.iter().filter_map(|path| Some(path.record()?.issue)).collect();
        uncommitted.dedup();
        Ok(SyncStatus { home, branch, upstream, uncommitted, distance })
    }

    /// Commits the files of the home, merges what others have pushed, and pushes. `who` does it, now.
    pub fn sync(&self, (actor, now): (Option<&str>, Timestamp), push: bool) -> Result<Synced, StorageError> {
        let git = self.syncable()?;
        let mut synced = Synced::default();
        if git.is_ignored()? {
            let home = self.layout.home.display();
            synced.held_back = Some(format!("git ignores {home}: `git check-ignore -v` tells why"));
            return Ok(synced);
        }
        let before = self.ambiguous_numbers()?;
        self.sync_with(&git, (actor, now), push, &mut synced)?;
        synced.ambiguous = self.ambiguous_numbers()?;
        synced.ambiguous.retain(|number, keys| before.get(number).is_none_or(|known| !keys.is_subset(known)));
        Ok(synced)
    }

    fn sync_with(
        &self,
        git: &Git,
        (actor, now): (Option<&str>, Timestamp),
        push: bool,
        synced: &mut Synced,
    ) -> Result<(), StorageError> {
        if !self.finish_merge(git, (actor, now), synced)? {
            return Ok(());
        }
        let branch = {
            let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
            drop(self.open_journal(&lock)?);
            let author = git.author(actor, now)?;
            synced.committed = self.commit_files(git, &author)?;
            git.branch()?
        };
        let Some(branch) = branch else {
            synced.held_back = Some("no branch is checked out".to_owned());
            return Ok(());
        };
        let Some(upstream) = git.upstream(&branch)? else {
            synced.held_back = Some(match self.layout.kind {
                HomeKind::Branch => "there is no remote: `git remote add origin URL` names one".to_owned(),
                _ => format!("{branch} has no upstream: `git push -u origin {branch}` gives it one"),
            });
            return Ok(());
        };
        if let Err(error) = self.exchange(git, &branch, &upstream, push, (actor, now), synced) {
            // What was committed is told all the same.
            synced.failure = Some(error.to_string());
        }
        Ok(())
    }

    /// Returns what a sync would commit, merge and push, as of the last fetch.
    pub fn preview_sync(&self) -> Result<Synced, StorageError> {
        let git = self.syncable()?;
        let status = self.sync_status()?;
        let changed: Vec<(char, HomePath)> = git.home_changes()?;
        let Distance { ahead, behind } = status.distance.unwrap_or_default();
        let committed = (!changed.is_empty()).then(|| subject(&self.by_issue(&changed)));
        let pushed = if status.upstream.is_some() { ahead + usize::from(committed.is_some()) } else { 0 };
        Ok(Synced { committed, merged: behind, pushed, ..Synced::default() })
    }

    fn syncable(&self) -> Result<Git, StorageError> {
        Git::of(&self.layout).ok_or_else(|| {
            let (message, hint) = match self.layout.kind {
                HomeKind::Local => {
                    ("the issues are in this clone alone", "`tickety home move branch` makes them ready")
                }
                _ => ("the issues aren't in a git repository", "`git init` makes one"),
            };
            StorageError::HomeRefused { message: message.to_owned(), hint: hint.to_owned() }
        })
    }

    /// Finishes a merge of issues that a sync has left, and sees that git is in the midst of nothing else.
    fn finish_merge(
        &self,
        git: &Git,
        who: (Option<&str>, Timestamp),
        synced: &mut Synced,
    ) -> Result<bool, StorageError> {
        let doing = git.unfinished();
        match (doing, git.has_unmerged()?) {
            (None, false) => Ok(true),
            (Some("merge"), _) if self.layout.kind == HomeKind::Branch => self.conclude(git, who, synced),
            (doing, unmerged) => {
                let settle = if unmerged { "`tickety resolve` settles issues, then " } else { "" };
                let doing = doing.unwrap_or("merge of files");
                synced.held_back = Some(format!("git is in the midst of a {doing}: {settle}finish it with git"));
                Ok(false)
            }
        }
    }

    /// Settles what waits in a merge, and commits it.
    fn conclude(&self, git: &Git, who: (Option<&str>, Timestamp), synced: &mut Synced) -> Result<bool, StorageError> {
        synced.resolution = self.resolve(None, who)?;
        if synced.resolution.left.is_empty() && synced.resolution.unstaged.is_none() && !git.has_unmerged()? {
            git.conclude_merge()?;
            return Ok(true);
        }
        let root = self.layout.git.as_ref().map_or(&self.layout.root, |git| &git.work_tree).display();
        let left: Vec<&str> = synced.resolution.left.iter().map(|left| left.path.as_str()).collect();
        synced.held_back = Some(match left.is_empty() {
            true => format!("a merge waits in {root} for what only a person can settle"),
            false => format!(
                "a merge waits in {root}: settle {files} there, `git -C {root} add {files}`, then `tickety sync`",
                files = left.join(" ")
            ),
        });
        Ok(false)
    }

    /// Commits the files of the home. Returns the first line of the message.
    fn commit_files(&self, git: &Git, author: &Author) -> Result<Option<String>, StorageError> {
        let changed = git.home_changes()?;
        if changed.is_empty() {
            return Ok(None);
        }
        let issues = self.by_issue(&changed);
        let subject = subject(&issues);
        let message = format!("{subject}\n\n{}", self.details(&issues));
        Ok(git.commit_home(message.trim_end(), author)?.map(|_| subject))
    }

    /// Says what a commit does to each issue.
    fn details(&self, issues: &BTreeMap<IssueKey, Done>) -> String {
        let mut text = String::new();
        for (key, done) in issues.iter().take(DETAILED) {
            let title = self.committed_issue(*key).map(|issue| format!(": {}", issue.title)).unwrap_or_default();
            let from = match done {
                Done::Renumbered { from } => format!(" from {from}"),
                _ => String::new(),
            };
            writeln!(text, "{key} {}{from}{title}", done.as_str()).expect("writing to a string succeeds");
        }
        if issues.len() > DETAILED {
            writeln!(text, "and {} more", issues.len() - DETAILED).expect("writing to a string succeeds");
        }
        text
    }

    fn committed_issue(&self, key: IssueKey) -> Option<Issue> {
        let content = self.home.read(&RecordPath::issue(key).home_path(), RECORD_LIMIT).ok()??;
        format::parse_issue(&content.bytes, key, &self.schema).ok()
    }

    /// Says what happens to each issue of a commit.
    fn by_issue(&self, changed: &[(char, HomePath)]) -> BTreeMap<IssueKey, Done> {
        let records = changed.iter().filter_map(|(how, path)| Some((*how, path.record()?)));
        let mut issues = BTreeMap::new();
        for (how, record) in records {
            let done = match (record.comment, how) {
                (None, 'A') => Done::Created,
                (None, 'D') => Done::Deleted,
                (None, _) => Done::Updated,
                (Some(_), _) => Done::Commented,
            };
            let known = issues.entry(record.issue).or_insert(done);
            // What happens to the issue itself says more.
            if record.comment.is_none() {
                *known = done;
            }
        }
        let of = |done| issues.iter().filter(move |(_, known)| **known == done).map(|(key, _)| *key);
        let gone: BTreeMap<Suffix, IssueKey> = of(Done::Deleted).map(|key| (key.suffix, key)).collect();
        let moved: Vec<(IssueKey, IssueKey)> = of(Done::Created)
            .filter_map(|key| {
                let from = *gone.get(&key.suffix)?;
                self.committed_issue(key)?.references.contains(&alias_reference(from)).then_some((from, key))
            })
            .collect();
        for (from, to) in moved {
            issues.remove(&from);
            issues.insert(to, Done::Renumbered { from });
        }
        issues
    }

    /// Fetches, merges and pushes until nobody else was faster.
    fn exchange(
        &self,
        git: &Git,
        branch: &str,
        upstream: &Upstream,
        push: bool,
        who: (Option<&str>, Timestamp),
        synced: &mut Synced,
    ) -> Result<(), StorageError> {
        // Where a remote is a path, it is one from the code.
        let code = Git::of_code(&self.layout);
        let outside = code.as_ref().unwrap_or(git);
        for _ in 0..MAX_ROUNDS {
            let theirs = outside.fetch(upstream)?;
            let Distance { ahead, behind } = match &theirs {
                Some(theirs) => git.distance("HEAD", theirs)?,
                None => Distance { ahead: usize::from(git.head_commit()?.is_some()), behind: 0 },
            };
            if let (Some(theirs), true) = (&theirs, behind > 0) {
                if let Some(why) = self.keeps_code(git, theirs, "HEAD", "bring in")? {
                    synced.held_back = Some(format!("{why}: `git pull` merges it"));
                    return Ok(());
                }
                if !self.merge(git, theirs, upstream, who, synced)? {
                    return Ok(());
                }
                synced.merged += behind;
            } else if ahead == 0 {
                return Ok(());
            }
            if !push {
                return Ok(());
            }
            let base = theirs.as_deref();
            if let Some(base) = base
                && let Some(why) = self.keeps_code(git, "HEAD", base, "push")?
            {
                synced.held_back = Some(format!("{why}: `git push` pushes it, and the issues with it"));
                return Ok(());
            }
            let count = base.map_or(Ok(1), |base| git.distance("HEAD", base).map(|distance| distance.ahead))?;
            if count == 0 || outside.push(branch, upstream)? {
                synced.pushed = count;
                return Ok(());
            }
        }
        synced.failure = Some(format!("somebody else pushed {MAX_ROUNDS} times meanwhile: try again"));
        Ok(())
    }

    /// Says what code a merge or a push would take along, where the issues are with the code.
    fn keeps_code(&self, git: &Git, of: &str, not_in: &str, doing: &str) -> Result<Option<String>, GitError> {
        if self.layout.kind != HomeKind::Tree {
            return Ok(None);
        }
        Ok(match git.commits_of_code(of, not_in)? {
            0 => None,
            1 => Some(format!("to {doing} the issues would {doing} a commit of code")),
            count => Some(format!("to {doing} the issues would {doing} {count} commits of code")),
        })
    }

    /// Merges what others have pushed, field by field where git can't. Returns whether that is done.
    fn merge(
        &self,
        git: &Git,
        theirs: &str,
        upstream: &Upstream,
        who: (Option<&str>, Timestamp),
        synced: &mut Synced,
    ) -> Result<bool, StorageError> {
        let message = format!("Merge the issues of {}/{}", upstream.remote, upstream.branch);
        {
            let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
            drop(self.open_journal(&lock)?);
            // Somebody may have written since the commit.
            self.commit_files(git, &git.author(who.0, who.1)?)?;
            if git.merge(theirs, &message)? == MergeOutcome::InConflict {
                drop(lock);
                return self.conclude(git, who, synced);
            }
        }
        // What git merges by files may leave a comment without its issue.
        synced.resolution = self.resolve(None, who)?;
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        drop(self.open_journal(&lock)?);
        self.commit_files(git, &git.author(who.0, who.1)?)?;
        Ok(true)
    }
}

fn distance(git: &Git, upstream: &Upstream) -> Result<Option<Distance>, GitError> {
    match git.commit_of(&upstream.reference())?.is_some() && git.head_commit()?.is_some() {
        true => git.distance("HEAD", &upstream.reference()).map(Some),
        false => Ok(None),
    }
}

/// What happens to an issue in a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Done {
    Created,
    Updated,
    Commented,
    Deleted,
    /// It had another number.
    Renumbered {
        from: IssueKey,
    },
}

impl Done {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Commented => "commented",
            Self::Deleted => "deleted",
            Self::Renumbered { .. } => "renumbered",
        }
    }
}

/// Says in a line what a commit does.
fn subject(issues: &BTreeMap<IssueKey, Done>) -> String {
    if issues.is_empty() {
        return "Issues: settings".to_owned();
    }
    if issues.len() <= NAMED {
        let named: Vec<String> = issues.iter().map(|(key, done)| format!("{key} {}", done.as_str())).collect();
        return format!("Issues: {}", named.join(", "));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for done in issues.values() {
        *counts.entry(done.as_str()).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(done, count)| format!("{count} {done}")).collect();
    format!("Issues: {}", counted.join(", "))
}
