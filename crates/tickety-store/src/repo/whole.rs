//! All issues at once, as a commit or the checkout has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, Version};
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::config::Config;
use super::files;
use super::format::{self, FormatProblem};
use super::git::{Git, Listed, Object, Objects};
use super::layout::{HOME_DIR, RecordPath};
use super::load::{Found, load};
use super::scan::StrayReason;
use super::stat::FileKind;
use super::store::RepoStore;
use crate::error::StorageError;
use crate::memory::{MemoryStore, Taken};
use crate::storage::RecordProblem;

/// The longest configuration of a commit that is read, in bytes.
const CONFIG_BYTES: u64 = 1 << 20;

/// All issues of one state.
#[derive(Debug)]
pub(super) struct Whole {
    /// The commit; `None` for the checkout.
    pub(super) commit: Option<String>,
    /// What the configuration of that state says.
    pub(super) schema: Arc<Schema>,
    /// Whether it has a home at all.
    pub(super) has_home: bool,
    /// The issues that can be read.
    pub(super) issues: BTreeMap<IssueKey, Issue>,
    /// The versions of their records.
    pub(super) versions: BTreeMap<IssueKey, Version>,
    /// The issues whose records can't be read.
    pub(super) broken: BTreeSet<IssueKey>,
    /// The comments that can be read, and whose issues have no record.
    pub(super) orphans: BTreeSet<RecordPath>,
    /// What can't be read.
    pub(super) problems: Vec<RecordProblem>,
}

impl Whole {
    /// Returns a state without anything.
    pub(super) fn empty(schema: Arc<Schema>) -> Self {
        Self {
            commit: None,
            schema,
            has_home: false,
            issues: BTreeMap::new(),
            versions: BTreeMap::new(),
            broken: BTreeSet::new(),
            orphans: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    fn sort(&mut self) {
        for issue in self.issues.values_mut() {
            issue.comments.sort_by_key(|comment| (comment.created, comment.id));
        }
        let Self { issues, broken, orphans, .. } = self;
        orphans.retain(|path| !issues.contains_key(&path.issue) && !broken.contains(&path.issue));
        self.problems.sort();
        self.problems.dedup();
    }
}

/// Whether a problem is that a merge left its markers.
pub(super) fn is_conflict(problem: &RecordProblem) -> bool {
    problem.message.ends_with(&FormatProblem::MergeConflict.to_string())
}

impl RepoStore {
    /// Returns the store of the issues as a commit has them, read from git without checking anything out: it answers
    /// everything and keeps no write. Fails if git knows no such commit, or it has no home.
    pub fn at(&self, reference: &str) -> Result<(String, MemoryStore), StorageError> {
        let git = self.git()?;
        let whole = self.whole_of(&git, reference)?;
        let commit = whole.commit.clone().unwrap_or_default();
        if !whole.has_home {
            let message = format!("{reference} ({}) has no {HOME_DIR}", commit.get(..10).unwrap_or(&commit));
            return Err(StorageError::Git { message });
        }
        let mut written: BTreeMap<IssueKey, Timestamp> = BTreeMap::new();
        for (path, time) in git.commit_times_up_to(&commit, None)? {
            let Some(path) = path.record() else { continue };
            let last = written.entry(path.issue).or_insert(time);
            *last = time.max(*last);
        }
        let Whole { schema, issues, versions, problems, .. } = whole;
        let taken = issues.into_iter().map(|(key, issue)| Taken {
            version: versions[&key],
            written: written.get(&key).copied().unwrap_or(issue.created),
            path: super::load::shown(RecordPath::issue(key)),
            issue,
        });
        Ok((commit, MemoryStore::holding(schema, taken.collect(), problems)))
    }

    /// Reads everything that a commit has. Starts git three times, however many issues there are.
    pub(super) fn whole_of(&self, git: &Git, reference: &str) -> Result<Whole, StorageError> {
        let commit = git.commit_id(reference)?;
        let listed = git.records_of(&commit)?;
        let mut objects = Objects::start(git)?;
        let mut whole = Whole::empty(Arc::clone(&self.schema));
        whole.has_home = !listed.is_empty();
        match objects.blob(&git.config_in(&commit), CONFIG_BYTES)? {
            Object::Blob(bytes) => {
                whole.has_home = true;
                let config =
                    str::from_utf8(&bytes).ok().and_then(|text| Config::parse(text, &self.layout.config()).ok());
                if let Some(config) = config {
                    whole.schema = Arc::new(config.schema);
                }
            }
            Object::TooLarge(_) | Object::Other => whole.has_home = true,
            Object::Missing => {}
        }
        let mut wanted: Vec<&Listed> = Vec::new();
        for record in &listed {
            let reason = match (record.is_in_place(), record.blob.is_file) {
                (true, true) => {
                    wanted.push(record);
                    continue;
                }
                (true, false) => StrayReason::Kind(FileKind::Symlink),
                (false, _) => StrayReason::Elsewhere(record.record),
            };
            if record.record.comment.is_none() && record.is_in_place() {
                whole.broken.insert(record.record.issue);
            }
            whole.problems.push(told(record, None, reason.to_string()));
        }
        // Issues before their comments.
        wanted.sort_by_key(|record| record.record);
        let names: Vec<(&str, u64)> =
            wanted.iter().map(|record| (record.blob.id.as_str(), limit(record.record))).collect();
        objects.blobs(&names, |place, object| whole.take(wanted[place], object))?;
        whole.commit = Some(commit);
        whole.sort();
        Ok(whole)
    }

    /// Reads everything that the checkout has.
    pub(super) fn whole_here(&self) -> Result<Whole, StorageError> {
        self.recover();
        let scan = self.scan()?;
        let mut whole = Whole::empty(Arc::clone(&self.schema));
        whole.has_home = true;
        for stray in scan.strays.iter().chain(scan.shards.iter().flat_map(|shard| &shard.strays)) {
            if matches!(stray.reason, StrayReason::Name) {
                continue;
            }
            let path = format!("{HOME_DIR}/{}", stray.path.display());
            let name = stray.path.file_name().and_then(|name| RecordPath::parse_name(name.as_encoded_bytes()));
            if let (Some(record), StrayReason::Kind(_)) = (name, stray.reason)
                && record.comment.is_none()
            {
                whole.broken.insert(record.issue);
            }
            whole.problems.push(RecordProblem { path, line: None, message: stray.reason.to_string() });
        }
        let mut paths: BTreeMap<IssueKey, Vec<RecordPath>> = BTreeMap::new();
        for entry in scan.shards.iter().flat_map(|shard| &shard.entries) {
            let comments = paths.entry(entry.path.issue).or_default();
            comments.extend(entry.path.comment.map(|_| entry.path));
        }
        for (key, comments) in paths {
            let problems = match load(&self.home, &self.schema, key, &comments) {
                Found::Issue(loaded) => {
                    whole.versions.insert(key, loaded.version);
                    whole.issues.insert(key, Arc::unwrap_or_clone(loaded.issue));
                    loaded.problems
                }
                Found::Broken { problems, .. } => {
                    whole.broken.insert(key);
                    problems
                }
                Found::Missing { problems, files } => {
                    let comments = files.iter().map(|file| file.path);
                    whole.orphans.extend(comments.filter(|path| problems.iter().all(|(broken, _)| broken != path)));
                    problems
                }
            };
            whole.problems.extend(problems.into_iter().map(|(_, problem)| problem));
        }
        self.take_left_out(&mut whole)?;
        whole.sort();
        Ok(whole)
    }

    /// Reads what a sparse checkout leaves out from git.
    fn take_left_out(&self, whole: &mut Whole) -> Result<(), StorageError> {
        let left_out = self.left_out();
        let (Some(git), false) = (Git::of(&self.layout), left_out.is_empty()) else { return Ok(()) };
        let mut records: Vec<&Listed> = left_out.records.iter().collect();
        // Issues before their comments.
        records.sort_by_key(|record| record.record);
        let names: Vec<(&str, u64)> =
            records.iter().map(|record| (record.blob.id.as_str(), limit(record.record))).collect();
        Objects::start(&git)?.blobs(&names, |place, object| whole.take(records[place], object))?;
        Ok(())
    }
}

impl Whole {
    /// Takes in a record of a commit.
    fn take(&mut self, listed: &Listed, object: Object) {
        let path = listed.record;
        let read = match &object {
            Object::Blob(bytes) => match path.comment {
                None => format::parse_issue(bytes, path.issue, &self.schema).map(|issue| {
                    self.versions.insert(path.issue, files::hash(bytes));
                    self.issues.insert(path.issue, issue);
                }),
                Some(stamp) => {
                    format::parse_comment(bytes, stamp.suffix()).map(|comment| match self.issues.get_mut(&path.issue) {
                        Some(issue) => issue.comments.push(comment),
                        None => drop(self.orphans.insert(path)),
                    })
                }
            },
            found => {
                let message = super::history::why_unread(found, limit(path));
                self.problems.push(told(listed, None, message));
                self.broken.extend(path.comment.is_none().then_some(path.issue));
                return;
            }
        };
        if let Err(error) = read {
            self.problems.push(error.into_record_problem(super::load::shown(path)));
            self.broken.extend(path.comment.is_none().then_some(path.issue));
        }
    }
}

fn told(listed: &Listed, line: Option<u32>, message: String) -> RecordProblem {
    RecordProblem { path: format!("{HOME_DIR}/{}", listed.path), line, message }
}

/// Returns how much of a record is read.
pub(super) fn limit(path: RecordPath) -> u64 {
    match path.comment {
        None => format::ISSUE_BYTES as u64,
        Some(_) => format::COMMENT_BYTES as u64,
    }
}
