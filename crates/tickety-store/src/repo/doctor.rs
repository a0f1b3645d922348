//! Finding what is wrong with a home, and mending what can be mended without guessing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;

use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber};
use tickety_core::issue::LinkKind;

use super::counter;
use super::journal::{self, JournalError, JournalStatus};
use super::layout::{HOME_DIR, RecordPath, TEMPORARY_PREFIX};
use super::load::{Found, load, shown};
use super::lock::WriteLock;
use super::recovery;
use super::scan::Scan;
use super::store::RepoStore;
use crate::error::StorageError;

/// Something that is wrong with a home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which check found it.
    pub check: Check,
    /// What it is about: a path or the name of an issue.
    pub subject: String,
    /// What is wrong, and what a person can do where the doctor can't.
    pub message: String,
    /// What the doctor does about it.
    pub remedy: Remedy,
}

/// The checks, in the order they are made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Check {
    /// The configuration.
    Config,
    /// Acknowledged writes that aren't in their files yet.
    Journal,
    /// Files of writers that were killed.
    Leftover,
    /// Things among the records that are none.
    Stray,
    /// Records that can't be read.
    Record,
    /// Numbers or ids that several issues have.
    Number,
    /// Statuses and kinds that aren't configured.
    Vocabulary,
    /// Links that lead nowhere.
    Link,
    /// Links that go in a circle.
    Cycle,
    /// The counter of numbers.
    Counter,
    /// The index.
    Index,
}

impl Check {
    /// Returns the name of the check.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Journal => "journal",
            Self::Leftover => "leftover",
            Self::Stray => "stray",
            Self::Record => "record",
            Self::Number => "number",
            Self::Vocabulary => "vocabulary",
            Self::Link => "link",
            Self::Cycle => "cycle",
            Self::Counter => "counter",
            Self::Index => "index",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remedy {
    /// A person has to decide.
    Manual,
    /// `--fix` mends it.
    Fixable,
    /// It was mended just now.
    Fixed,
}

impl Remedy {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Fixable => "fixable",
            Self::Fixed => "fixed",
        }
    }
}

impl RepoStore {
    /// Examines the home. With `fix`, mends what is safe: what is derived is made afresh, acknowledged
    /// writes are finished, leftovers removed. No record is ever changed or removed.
    pub fn doctor(&self, fix: bool) -> Result<Vec<Finding>, StorageError> {
        let lock = if fix { Some(WriteLock::acquire(&self.layout, &self.lock_options())?) } else { None };
        let mut report = Report { fix, findings: Vec::new() };
        for warning in &self.config.warnings {
            let path = format!("{HOME_DIR}/{}", super::layout::CONFIG_FILE);
            report.add(Check::Config, path, warning.clone(), Remedy::Manual);
        }
        self.examine_journal(&mut report, lock.as_ref())?;
        let scan = self.scan()?;
        self.examine_leftovers(&mut report, &scan)?;
        for stray in scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays) {
            let path = format!("{HOME_DIR}/{}", stray.path.display());
            report.add(Check::Stray, path, format!("{}: move it elsewhere", stray.reason), Remedy::Manual);
        }
        let highest = self.examine_records(&mut report, &scan);
        self.examine_counter(&mut report, highest)?;
        self.examine_index(&mut report, lock.as_ref())?;
        report.findings.sort_by(|left, right| (left.check, &left.subject).cmp(&(right.check, &right.subject)));
        Ok(report.findings)
    }

    fn examine_journal(&self, report: &mut Report, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        let path = self.layout.journal().display().to_string();
        match journal::verify(&self.layout) {
            Ok(_) if !JournalStatus::read(&self.layout)?.needs_recovery => return Ok(()),
            Ok(_) => report.fixable(Check::Journal, path, "a writer ended before its files were written".to_owned()),
            Err(error @ JournalError::Damaged { .. }) => {
                let mut message = error.to_string();
                if let Some(lock) = lock {
                    let (_, aside) = recovery::salvage(&self.layout, lock, &self.home)?;
                    message = format!("{message}; it was moved to {}", aside.display());
                }
                report.fixable(Check::Journal, path, message);
            }
            Err(error) => return Err(error.into()),
        }
        lock.map_or(Ok(()), |lock| self.recover_locked(lock))
    }

    /// Finds what writers that were killed have left. Under the lock nobody else is writing.
    fn examine_leftovers(&self, report: &mut Report, scan: &Scan) -> Result<(), StorageError> {
        for shard in &scan.shards {
            let folder = self.layout.issues.join(shard.shard.to_string());
            let io = |source| StorageError::Io { action: "list", path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(io)? {
                let entry = entry.map_err(io)?;
                if !entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                    continue;
                }
                if report.fix {
                    let path = entry.path();
                    fs::remove_file(&path).map_err(|source| StorageError::Io { action: "remove", path, source })?;
                }
                let path = format!("{HOME_DIR}/issues/{}/{}", shard.shard, entry.file_name().display());
                report.fixable(Check::Leftover, path, "a writer was killed while it wrote this".to_owned());
            }
        }
        Ok(())
    }

    /// Reads every record. Returns the highest number.
    fn examine_records(&self, report: &mut Report, scan: &Scan) -> Option<IssueNumber> {
        let mut issues: BTreeMap<IssueKey, Vec<RecordPath>> = BTreeMap::new();
        for entry in scan.shards.iter().flat_map(|shard| &shard.entries) {
            let comments = issues.entry(entry.path.issue).or_default();
            if entry.path.comment.is_some() {
                comments.push(entry.path);
            }
        }
        let mut records = Records::default();
        for (&key, comments) in &issues {
            let found = load(&self.home, &self.schema, key, comments);
            for (_, problem) in found.problems() {
                let line = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                let message = format!("{line}{}", problem.message);
                report.add(Check::Record, problem.path.clone(), message, Remedy::Manual);
            }
            match found {
                Found::Issue(loaded) => {
                    let issue = loaded.issue;
                    if !self.schema.has_status(&issue.status) {
                        let message = format!("status `{}` is not configured: it counts as open", issue.status);
                        report.add(Check::Vocabulary, key.to_string(), message, Remedy::Manual);
                    }
                    if !self.schema.has_kind(&issue.kind) {
                        let message = format!("kind `{}` is not configured", issue.kind);
                        report.add(Check::Vocabulary, key.to_string(), message, Remedy::Manual);
                    }
                    records.by_id.entry(issue.id).or_default().push(key);
                    records.links.insert(key, issue.links.iter().map(|link| (link.kind, link.target)).collect());
                }
                Found::Missing => {
                    for path in comments {
                        let message = format!("is a comment of {key}, which has no record");
                        report.add(Check::Record, shown(*path), message, Remedy::Manual);
                    }
                }
                Found::Broken { .. } => {
                    records.links.insert(key, Vec::new());
                }
            }
        }
        records.examine_names(report);
        records.examine_links(report);
        issues.last_key_value().map(|(key, _)| key.number)
    }

    fn examine_counter(&self, report: &mut Report, highest: Option<IssueNumber>) -> Result<(), StorageError> {
        let Some(highest) = highest else { return Ok(()) };
        let next = counter::peek(&self.layout);
        if next.is_some_and(|next| next <= highest.get()) {
            if report.fix {
                counter::raise_to(&self.layout, highest)?;
            }
            let path = self.layout.counter().display().to_string();
            let message = format!("the next number would not be above {highest}, which exists");
            report.fixable(Check::Counter, path, message);
        }
        Ok(())
    }

    fn examine_index(&self, report: &mut Report, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        let differences = self.index_differences(lock)?;
        if differences.is_empty() {
            return Ok(());
        }
        if let Some(lock) = lock {
            self.replace_index(lock)?;
        }
        for difference in differences {
            let path = self.layout.index().display().to_string();
            report.fixable(Check::Index, path, difference.to_string());
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Report {
    fix: bool,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, check: Check, subject: String, message: String, remedy: Remedy) {
        self.findings.push(Finding { check, subject, message, remedy });
    }

    fn fixable(&mut self, check: Check, subject: String, message: String) {
        let remedy = if self.fix { Remedy::Fixed } else { Remedy::Fixable };
        self.add(check, subject, message, remedy);
    }
}

/// What is kept of the records while all are examined.
#[derive(Debug, Default)]
struct Records {
    by_id: HashMap<IssueId, Vec<IssueKey>>,
    links: BTreeMap<IssueKey, Vec<(LinkKind, IssueName)>>,
}

impl Records {
    fn named(&self, name: IssueName) -> Vec<IssueKey> {
        self.links.keys().filter(|key| name.names(**key)).copied().collect()
    }

    fn examine_names(&self, report: &mut Report) {
        let keys: Vec<IssueKey> = self.links.keys().copied().collect();
        for twins in keys.chunk_by(|left, right| left.number == right.number).filter(|twins| twins.len() > 1) {
            let message = format!("several issues have this number: {}; see `tickety renumber`", join(twins));
            report.add(Check::Number, twins[0].number.to_string(), message, Remedy::Manual);
        }
        for (id, keys) in self.by_id.iter().filter(|(_, keys)| keys.len() > 1) {
            let message = format!("several issues have this id: {}; was a file copied?", join(keys));
            report.add(Check::Number, id.to_string(), message, Remedy::Manual);
        }
    }

    fn examine_links(&self, report: &mut Report) {
        let mut edges: BTreeMap<LinkKind, BTreeMap<IssueKey, Vec<IssueKey>>> = BTreeMap::new();
        for (&holder, links) in &self.links {
            for &(kind, name) in links {
                // Most names have their suffix: looking those up is cheap.
                let exact = name.suffix.map(|suffix| IssueKey { number: name.number, suffix });
                let found = match exact {
                    Some(key) => self.links.contains_key(&key).then_some(key).into_iter().collect(),
                    None => self.named(name),
                };
                match found.as_slice() {
                    [target] => edges.entry(kind).or_default().entry(holder).or_default().push(*target),
                    [] => {
                        let message = format!("{kind} {name}, which doesn't exist: `tickety unlink` or edit the file");
                        report.add(Check::Link, holder.to_string(), message, Remedy::Manual);
                    }
                    several => {
                        let message = format!("{kind} {name}, which may be {}", join(several));
                        report.add(Check::Link, holder.to_string(), message, Remedy::Manual);
                    }
                }
            }
        }
        for (kind, edges) in edges.iter().filter(|(kind, _)| kind.is_acyclic()) {
            for circle in circles(edges) {
                let message = format!("{kind} goes in a circle: {}", join_with(&circle, " -> "));
                report.add(Check::Cycle, circle[0].to_string(), message, Remedy::Manual);
            }
        }
    }
}

/// Finds circles: at least one of each tangle. Depth first without recursion, each issue once.
fn circles(edges: &BTreeMap<IssueKey, Vec<IssueKey>>) -> Vec<Vec<IssueKey>> {
    let mut found = Vec::new();
    let mut done: BTreeSet<IssueKey> = BTreeSet::new();
    let none = Vec::new();
    for &start in edges.keys() {
        if done.contains(&start) {
            continue;
        }
        let mut walk = vec![start];
        let mut rest = vec![edges.get(&start).unwrap_or(&none).iter()];
        while let Some(next) = rest.last_mut() {
            match next.next() {
                None => {
                    done.extend(walk.pop());
                    rest.pop();
                }
                Some(target) if done.contains(target) => {}
                Some(target) => match walk.iter().position(|key| key == target) {
                    Some(at) => {
                        let mut circle = walk[at..].to_vec();
                        circle.push(*target);
                        found.push(circle);
                    }
                    None => {
                        walk.push(*target);
                        rest.push(edges.get(target).unwrap_or(&none).iter());
                    }
                },
            }
        }
    }
    found
}

fn join(keys: &[IssueKey]) -> String {
    join_with(keys, ", ")
}

fn join_with(keys: &[IssueKey], separator: &str) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}
