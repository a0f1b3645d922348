//! Finding what is wrong with a home, and mending what can be mended without guessing.

mod kept;
mod lost;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use tickety_core::ident::IssueKey;
use tickety_core::issue::Issue;
use tickety_core::merge::has_conflict;

use super::config::Config;
use super::counter;
use super::discovery::{self, DiscoveryError};
use super::files::HomeDir;
use super::format::{self, FormatProblem};
use super::homes::{Leftover, LostConfig, lost_config};
use super::journal::{self, JournalError, JournalStatus};
use super::layout::{CONFIG_FILE, CommentStamp, HOME_DIR, RecordPath, TEMPORARY_PREFIX};
use super::load::{Found, load, shown};
use super::lock::WriteLock;
use super::recovery;
use super::scan::{Scan, StrayReason};
use super::stat::FileKind;
use super::state::{self, Hindered, Obstacle};
use super::store::{RepoOptions, RepoStore, merging, read_config};
use crate::error::StorageError;
use crate::storage::RecordProblem;
use records::Records;

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
    /// What stands where files of the state should.
    State,
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
    /// The log of events.
    Events,
    /// What became of requests.
    Request,
    /// The ledger of what is closed on other branches.
    Ledger,
    /// The contents that can be put back.
    Contents,
    /// The figures of what the index was good for.
    Usage,
    /// The index.
    Index,
    /// What was written and is not there.
    Vanished,
    /// What was written last and gave way to what was there before.
    Undone,
}

impl Check {
    /// Returns the name of the check.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::State => "state",
            Self::Journal => "journal",
            Self::Leftover => "leftover",
            Self::Stray => "stray",
            Self::Record => "record",
            Self::Number => "number",
            Self::Vocabulary => "vocabulary",
            Self::Link => "link",
            Self::Cycle => "cycle",
            Self::Counter => "counter",
            Self::Events => "events",
            Self::Request => "request",
            Self::Ledger => "ledger",
            Self::Contents => "contents",
            Self::Usage => "usage",
            Self::Index => "index",
            Self::Vanished => "vanished",
            Self::Undone => "undone",
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
    /// Nothing has to be done: somebody may have meant it, or nothing depends on it. The home is healthy with it.
    Note,
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
            Self::Note => "note",
            Self::Manual => "manual",
            Self::Fixable => "fixable",
            Self::Fixed => "fixed",
        }
    }
}

impl RepoStore {
    /// Examines the home of a folder, also where its configuration keeps it from being opened: that is then a
    /// finding, nothing is mended, and what depends on the configuration is not examined.
    pub fn examine(start: &Path, options: RepoOptions, fix: bool) -> Result<Vec<Finding>, StorageError> {
        let layout = match discovery::discover(start) {
            Err(DiscoveryError::NoConfig { home }) => discovery::layout_at(home.parent().unwrap_or(&home))?,
            found => found?,
        };
        let home = HomeDir::open(&layout)?;
        let (text, error) = match read_config(&home, &layout) {
            Err(error) => (String::new(), error),
            Ok(text) => match Config::parse(&text, &layout.config()) {
                Ok(config) => return Self::with_config(layout, home, config, options).doctor(fix),
                Err(error) => {
                    let error = merging(error, &text, &layout);
                    (text, error)
                }
            },
        };
        Self::with_config(layout, home, Config::salvage(&text), options).examine_without_config(&error)
    }

    fn examine_without_config(&self, error: &StorageError) -> Result<Vec<Finding>, StorageError> {
        let mut report = Report::new(false, false);
        let path = format!("{HOME_DIR}/{CONFIG_FILE}");
        let message = match error {
            StorageError::Config { line, message, .. } => {
                format!(
                    "{}{message}: repair it in an editor",
                    line.map(|line| format!("line {line}: ")).unwrap_or_default()
                )
            }
            StorageError::ConfigConflict { line, .. } => {
                format!("line {line}: unresolved merge conflict: choose between the sides, and `git add` it")
            }
            StorageError::NoConfig { .. } => {
                let lost = lost_config(&self.layout.root).ok().flatten().unwrap_or(LostConfig::Unknown);
                format!("is missing: {}", lost.remedy(&path))
            }
            StorageError::NewerHome { line, found, known, .. } => {
                let message = format!(
                    "{}made by a newer Tickety (format {found}, and this program knows format {known}): update this program",
                    line.map(|line| format!("line {line}: ")).unwrap_or_default()
                );
                report.add(Check::Config, path, message, Remedy::Manual);
                return Ok(report.findings);
            }
            StorageError::Damaged { message, .. } => message.clone(),
            StorageError::Io { action, source, .. } => format!("could not {action} it: {source}"),
            other => other.to_string(),
        };
        let message =
            format!("{message}. Until then other commands fail, nothing is mended, and the index isn't examined");
        report.add(Check::Config, path, message, Remedy::Manual);
        let obstacles = state::obstacles(&self.layout);
        if !hinder_writing(&obstacles) {
            self.examine_journal(&mut report, None)?;
        }
        report.obstacles(&obstacles);
        if let Some(scan) = self.examine_files(&mut report)? {
            let highest = self.examine_records(&mut report, &scan);
            self.examine_counter(&mut report, highest, None)?;
        }
        Ok(report.sorted())
    }

    /// Examines the home. With `fix`, mends what is safe: what is derived is made afresh, acknowledged
    /// writes are finished, leftovers removed. No record is ever changed or removed.
    ///
    /// What looks wrong beside a writer at work may be half of what it does: it is looked at again once
    /// nobody writes, as long as others may be waited for.
    pub fn doctor(&self, fix: bool) -> Result<Vec<Finding>, StorageError> {
        let obstacles = state::obstacles(&self.layout);
        // Without the lock nothing can be mended; what is in its way is the finding.
        if hinder_writing(&obstacles) {
            return self.examine_all(&obstacles, false, None);
        }
        if fix {
            let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
            return self.examine_all(&obstacles, true, Some(&lock));
        }
        let findings = self.examine_all(&obstacles, false, None)?;
        match self.lock_against_writers(!findings.is_empty())? {
            Some(lock) => self.examine_all(&obstacles, false, Some(&lock)),
            None => Ok(findings),
        }
    }

    fn examine_all(
        &self,
        obstacles: &[Obstacle],
        fix: bool,
        lock: Option<&WriteLock>,
    ) -> Result<Vec<Finding>, StorageError> {
        let mut report = Report::new(fix, true);
        for warning in &self.config.warnings {
            let path = format!("{HOME_DIR}/{CONFIG_FILE}");
            report.add(Check::Config, path, warning.clone(), Remedy::Manual);
        }
        let has_index =
            obstacles.iter().all(|obstacle| !matches!(obstacle.hinders, Hindered::Directory | Hindered::Index));
        if !hinder_writing(obstacles) {
            self.examine_journal(&mut report, lock)?;
        }
        report.obstacles(obstacles);
        self.examine_state(&mut report, obstacles)?;
        if obstacles.iter().all(|obstacle| !matches!(obstacle.hinders, Hindered::Directory | Hindered::Telling)) {
            self.examine_events(&mut report)?;
        }
        let left = self.left_by_moves(lock.is_some() && fix)?;
        if let Some((path, message)) = self.shadowed_home()
            && left.iter().all(|leftover| leftover.path != Path::new(&path))
        {
            report.add(Check::Stray, path, message, Remedy::Note);
        }
        for Leftover { path, message } in left {
            report.fixable(Check::Leftover, path.display().to_string(), message);
        }
        if let Some(scan) = self.examine_files(&mut report)? {
            let highest = self.examine_records(&mut report, &scan);
            self.examine_counter(&mut report, highest, lock)?;
            if fix || has_index {
                self.examine_index(&mut report, lock)?;
                self.examine_lost(&mut report, lock)?;
            }
        }
        Ok(report.sorted())
    }

    /// Examines what the state keeps beside the journal, the events and the index.
    fn examine_state(&self, report: &mut Report, obstacles: &[Obstacle]) -> Result<(), StorageError> {
        let hindered = |what: Hindered| obstacles.iter().any(|obstacle| obstacle.hinders == what);
        if hindered(Hindered::Directory) {
            return Ok(());
        }
        self.examine_state_leftovers(report)?;
        if !hindered(Hindered::Numbers) {
            self.examine_counter_file(report)?;
        }
        if !hindered(Hindered::Counting) {
            self.examine_usage(report);
        }
        self.examine_contents(report);
        if !hindered(Hindered::Knowing) {
            self.examine_ledger(report)?;
        }
        self.examine_requests(report)
    }

    /// Lists the records and finds what lies among them; `None` where they can't be listed.
    fn examine_files(&self, report: &mut Report) -> Result<Option<Scan>, StorageError> {
        let scan = match self.scan() {
            Err(StorageError::Damaged { path, message }) => {
                report.add(Check::Stray, path.display().to_string(), message, Remedy::Manual);
                return Ok(None);
            }
            scan => scan?,
        };
        self.examine_leftovers(report, &scan)?;
        for stray in scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays) {
            let RecordProblem { path, message, .. } = stray.problem();
            report.add(Check::Stray, path, message, Remedy::Manual);
        }
        Ok(Some(scan))
    }

    fn examine_journal(&self, report: &mut Report, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        let path = self.layout.journal().display().to_string();
        // There is nothing to finish in one without transactions.
        let is_behind = |count: usize| Ok(count > 0 && JournalStatus::read(&self.layout)?.needs_recovery);
        match journal::verify(&self.layout).and_then(is_behind) {
            Ok(false) => return Ok(()),
            Ok(true) => report.fixable(Check::Journal, path, "a writer ended before its files were written".to_owned()),
            Err(error @ JournalError::Damaged { .. }) => {
                let mut message = error.reason();
                if let Some(lock) = lock.filter(|_| report.fix) {
                    // What lies before the damage is told of, and nobody relies on what was noticed since.
                    let past = journal::look_back(&self.layout, None).unwrap_or_default();
                    let (_, aside) = recovery::salvage(&self.layout, lock, &self.home)?;
                    let _ = self.log_recovered(&past, true);
                    message = format!("{message}; it was moved to {}", aside.display());
                }
                report.fixable(Check::Journal, path, message);
            }
            Err(error @ JournalError::Format { .. }) => {
                report.add(Check::Journal, path, error.reason(), Remedy::Manual);
                return Ok(());
            }
            Err(error) => {
                let path = match &error {
                    JournalError::ReadOnly { path, .. } | JournalError::Access { path, .. } => {
                        path.display().to_string()
                    }
                    _ => path,
                };
                let message = format!("{}. Until then nothing can be written", error.reason());
                report.add(Check::Journal, path, message, Remedy::Manual);
                return Ok(());
            }
        }
        lock.filter(|_| report.fix).map_or(Ok(()), |lock| self.recover_locked(lock))
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

    /// Reads every record. Returns the issue with the highest number.
    fn examine_records(&self, report: &mut Report, scan: &Scan) -> Option<IssueKey> {
        let mut issues: BTreeMap<IssueKey, Vec<RecordPath>> = BTreeMap::new();
        for entry in scan.shards.iter().flat_map(|shard| &shard.entries) {
            let comments = issues.entry(entry.path.issue).or_default();
            if entry.path.comment.is_some() {
                comments.push(entry.path);
            }
        }
        let mut records = Records::default();
        let left_out = self.left_out();
        for RecordProblem { path, message, .. } in left_out.problems() {
            report.note(Check::Record, path, message);
        }
        // What links to them leads somewhere.
        records.links.extend(left_out.issues().iter().map(|key| (*key, Vec::new())));
        for (&key, comments) in &issues {
            let found = load(&self.home, &self.schema, key, comments);
            let own_name = matches!(found, Found::Broken { .. }).then(|| self.own_name(key)).flatten();
            report.elsewhere.extend(own_name);
            for (path, problem) in found.problems() {
                let line = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                let message = match own_name {
                    Some(own) if path.comment.is_none() && issues.contains_key(&own) => {
                        format!("{line}is a copy of {own} under another name: delete it; `tickety new` makes issues")
                    }
                    Some(own) if path.comment.is_none() => {
                        let name = RecordPath::issue(own).file_name();
                        format!("{line}is {own} under another name: rename it to {name}")
                    }
                    _ => format!("{line}{}", problem.message),
                };
                report.add(Check::Record, problem.path.clone(), message, Remedy::Manual);
            }
            match found {
                Found::Issue(loaded) => {
                    let mut known = BTreeMap::new();
                    for file in &loaded.files {
                        let Some(id) = file.comment else { continue };
                        if let Some(first) = known.insert(id, file.path) {
                            let message = format!("is the same comment as {}: delete one of the two", shown(first));
                            report.add(Check::Record, shown(file.path), message, Remedy::Manual);
                        }
                    }
                    let issue = loaded.issue;
                    if report.knows_words && !self.schema.has_status(&issue.status) {
                        let message = format!("status `{}` is not configured: it counts as open", issue.status);
                        report.add(Check::Vocabulary, key.to_string(), message, Remedy::Manual);
                    }
                    if report.knows_words && !self.schema.has_kind(&issue.kind) {
                        let message = format!("kind `{}` is not configured", issue.kind);
                        report.add(Check::Vocabulary, key.to_string(), message, Remedy::Manual);
                    }
                    report.conflicts(key, &issue);
                    records.by_id.entry(issue.id).or_default().push(key);
                    records.links.insert(key, issue.links.iter().map(|link| (link.kind, link.target)).collect());
                }
                Found::Missing { .. } => {
                    for path in comments {
                        let message = format!("is a comment of {key}, which has no record");
                        report.add(Check::Record, shown(*path), message, Remedy::Manual);
                    }
                }
                // It is the issue that its id tells, or a copy of that, and none of this name.
                Found::Broken { .. } if own_name.is_some() => {}
                Found::Broken { .. } => {
                    records.links.insert(key, Vec::new());
                }
            }
        }
        for stray in scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays) {
            if let StrayReason::Elsewhere(RecordPath { issue, comment: None }) = stray.reason {
                records.links.entry(issue).or_default();
                report.elsewhere.insert(issue);
            }
        }
        records.examine_names(report);
        records.examine_links(report);
        issues.last_key_value().map(|(key, _)| *key)
    }

    /// Returns what a record should be called whose id is that of another name.
    fn own_name(&self, key: IssueKey) -> Option<IssueKey> {
        let content = self.home.read(&RecordPath::issue(key).home_path(), format::ISSUE_BYTES as u64).ok()??;
        match format::parse_issue(&content.bytes, key, &self.schema).err()?.problem {
            FormatProblem::OtherRecord { found, .. } => {
                Some(IssueKey { number: key.number, suffix: found.parse().ok()? })
            }
            _ => None,
        }
    }

    /// A counter that is behind is no fault: git brings issues without asking it, and whoever draws a number leaves
    /// out those that exist. One that has come to its end gives out none.
    fn examine_counter(
        &self,
        report: &mut Report,
        highest: Option<IssueKey>,
        lock: Option<&WriteLock>,
    ) -> Result<(), StorageError> {
        if let Some(key) = highest.filter(|key| key.number.next().is_none()) {
            let message = format!(
                "has the last number there is, after which none can be created: `tickety renumber {key} --to NUMBER`, then `tickety doctor --fix`"
            );
            report.add(Check::Counter, key.to_string(), message, Remedy::Manual);
            return Ok(());
        }
        if !counter::is_used_up(&self.layout) {
            return Ok(());
        }
        let path = self.layout.counter().display().to_string();
        if let Some(lock) = lock.filter(|_| report.fix) {
            // What the journal tells of counts as taken.
            let mut journal = self.open_journal(lock)?;
            self.settle_events(lock, &journal)?;
            journal.checkpoint(&self.home)?;
            let unseen = counter::start_again(&self.layout)?;
            if counter::is_used_up(&self.layout) {
                let why = match unseen {
                    Some(error) => format!("what the branches have can't be told: {error}"),
                    None => "another checkout or branch has an issue with the last one".to_owned(),
                };
                report.add(Check::Counter, path, format!("gives out no more numbers, and {why}"), Remedy::Manual);
                return Ok(());
            }
        }
        report.fixable(Check::Counter, path, "gives out no more numbers, though there are some".to_owned());
        Ok(())
    }

    fn examine_events(&self, report: &mut Report) -> Result<(), StorageError> {
        let damaged = match self.damaged_events() {
            Ok(damaged) => damaged,
            Err(error) => {
                let message = format!("can't be read: {error}. Until then events wait in the journal");
                report.add(Check::Events, self.layout.events().display().to_string(), message, Remedy::Manual);
                return Ok(());
            }
        };
        self.examine_log_files(report)?;
        if damaged > 0 {
            let message = format!(
                "{damaged} of its entries can't be read: whoever reads the events is told so; they go with the events of their time"
            );
            report.add(Check::Events, self.layout.events().display().to_string(), message, Remedy::Manual);
        }
        Ok(())
    }

    fn examine_index(&self, report: &mut Report, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        let differences = self.index_differences(lock)?;
        if differences.is_empty() {
            return Ok(());
        }
        if let Some(lock) = lock.filter(|_| report.fix) {
            self.replace_index(lock)?;
        }
        for difference in differences {
            let path = self.layout.index().display().to_string();
            report.fixable(Check::Index, path, difference.to_string());
        }
        Ok(())
    }
}

/// Whether something keeps the lock from being taken or the journal from being used.
fn hinder_writing(obstacles: &[Obstacle]) -> bool {
    obstacles.iter().any(|obstacle| matches!(obstacle.hinders, Hindered::Directory | Hindered::Writing))
}

#[derive(Debug)]
struct Report {
    fix: bool,
    /// Whether it is known which statuses and kinds are configured.
    knows_words: bool,
    /// The issues whose records lie where they don't belong.
    elsewhere: BTreeSet<IssueKey>,
    findings: Vec<Finding>,
}

impl Report {
    fn new(fix: bool, knows_words: bool) -> Self {
        Self { fix, knows_words, elsewhere: BTreeSet::new(), findings: Vec::new() }
    }

    fn sorted(mut self) -> Vec<Finding> {
        self.findings.sort_by(|left, right| (left.check, &left.subject).cmp(&(right.check, &right.subject)));
        self.findings
    }

    /// Reports what stands where files of the state should, and takes it away where only the index is concerned.
    fn obstacles(&mut self, obstacles: &[Obstacle]) {
        for obstacle in obstacles {
            let subject = obstacle.path.display().to_string();
            let derived = obstacle.hinders == Hindered::Index && obstacle.kind != FileKind::Directory;
            if derived && (!self.fix || state::clear(&obstacle.path).is_ok()) {
                self.fixable(Check::State, subject, obstacle.reason());
            } else {
                self.add(Check::State, subject, obstacle.reason(), Remedy::Manual);
            }
        }
    }

    /// Reports texts that a merge has left for somebody to decide.
    fn conflicts(&mut self, key: IssueKey, issue: &Issue) {
        let marked = "has two versions of some lines, between `<<<<<<<` and `>>>>>>>`: edit it";
        if has_conflict(&issue.body) {
            self.add(Check::Record, key.to_string(), format!("its body {marked}"), Remedy::Manual);
        }
        for comment in issue.comments.iter().filter(|comment| has_conflict(&comment.body)) {
            let path = RecordPath::comment(key, CommentStamp::new(comment.created, comment.id.suffix()));
            self.add(Check::Record, shown(path), marked.to_owned(), Remedy::Manual);
        }
    }

    fn add(&mut self, check: Check, subject: String, message: String, remedy: Remedy) {
        self.findings.push(Finding { check, subject, message, remedy });
    }

    fn note(&mut self, check: Check, subject: String, message: String) {
        self.add(check, subject, message, Remedy::Note);
    }

    fn fixable(&mut self, check: Check, subject: String, message: String) {
        let remedy = if self.fix { Remedy::Fixed } else { Remedy::Fixable };
        self.add(check, subject, message, remedy);
    }
}
