//! Issues that a sparse checkout leaves out: git's index has them, and no file.
//!
//! They are neither missing nor deleted. Answers count them among what can't be read, and name them by directory; an issue
//! that is asked for, imported again or linked to is told from one that there isn't; and what is compared with a commit is
//! read from git. A checkout that isn't sparse costs one look at one path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustix::fs::CWD;
use tickety_core::ident::IssueKey;

use super::failure::Failure;
use super::files::read_foreign_text;
use super::git::{Git, Listed};
use super::layout::{GitDirs, HOME_DIR, HomeKind, HomePath, ISSUES_DIR};
use super::os;
use super::stat::StatKey;
use super::store::{Handle, RepoStore};
use crate::storage::RecordProblem;

/// What to do about them.
pub(super) const HINT: &str = "`git sparse-checkout add .tickety` brings them";

/// The longest configuration of git's that is looked into.
const CONFIG_BYTES: u64 = 1 << 20;

/// What is left out, with the state of git's index by which that is known.
pub(super) type Known = Option<(StatKey, Arc<LeftOut>)>;

/// What is left out.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// The records, with what git has of them.
    pub(super) records: Vec<Listed>,
    paths: BTreeSet<HomePath>,
    issues: BTreeSet<IssueKey>,
}

impl LeftOut {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a file is left out.
    pub(super) fn has(&self, path: &HomePath) -> bool {
        self.paths.contains(path)
    }

    /// Returns the issues whose records are left out.
    pub(super) fn issues(&self) -> &BTreeSet<IssueKey> {
        &self.issues
    }

    /// Says how many issues are left out, directory by directory.
    pub(super) fn problems(&self) -> Vec<RecordProblem> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for listed in self.records.iter().filter(|listed| listed.record.comment.is_none()) {
            *counts.entry(listed.record.shard().to_string()).or_default() += 1;
        }
        let problem = |(shard, count): (String, usize)| {
            let what = if count == 1 { "1 issue is".to_owned() } else { format!("{count} issues are") };
            let message = format!("{what} not part of this sparse checkout: {HINT}");
            RecordProblem { path: format!("{HOME_DIR}/{ISSUES_DIR}/{shard}"), line: None, message }
        };
        counts.into_iter().map(problem).collect()
    }
}

impl RepoStore {
    /// Returns what a sparse checkout leaves out of the issues. Where git can't be asked, nothing is known of it.
    pub(super) fn left_out(&self) -> Arc<LeftOut> {
        let dirs = self.layout.git.as_ref().filter(|dirs| self.layout.kind == HomeKind::Tree && is_sparse(dirs));
        let (Some(dirs), Some(git)) = (dirs, Git::of(&self.layout)) else { return Arc::default() };
        let Ok(stat) = os::stat_at(CWD, dirs.git_dir.join("index")) else { return Arc::default() };
        let mut known = self.left_out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, left_out)) = known.as_ref().filter(|(state, _)| *state == stat.key) {
            return Arc::clone(left_out);
        }
        let mut records = git.left_out_records().unwrap_or_default();
        records.retain(|listed| listed.is_in_place() && listed.blob.is_file && !self.is_there(&listed.path));
        let paths = records.iter().map(|listed| listed.path.clone()).collect();
        let issues = records.iter().filter(|listed| listed.record.comment.is_none());
        let issues = issues.map(|listed| listed.record.issue).collect();
        let left_out = Arc::new(LeftOut { records, paths, issues });
        *known = Some((stat.key, Arc::clone(&left_out)));
        left_out
    }

    /// Counts what can't be read, and the directories of which a sparse checkout leaves something out.
    pub(super) fn count_problems(&self, handle: &Handle) -> Result<u32, Failure> {
        let count = handle.index.count_problems()? + self.left_out().problems().len() as u64;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// Whether a checkout may be sparse: git has patterns for it, and no configuration says that they don't count.
fn is_sparse(dirs: &GitDirs) -> bool {
    if dirs.git_dir.join("info/sparse-checkout").symlink_metadata().is_err() {
        return false;
    }
    let mut said =
        [dirs.common_dir.join("config"), dirs.git_dir.join("config.worktree")].into_iter().filter_map(|path| {
            let text = read_foreign_text(&path, CONFIG_BYTES).ok()?.to_ascii_lowercase();
            let values = text.lines().filter_map(|line| line.trim().strip_prefix("sparsecheckout"));
            values.map(|rest| rest.trim_start_matches([' ', '\t', '=']).trim_end().to_owned()).next_back()
        });
    said.next_back().is_none_or(|value| !matches!(value.as_str(), "false" | "no" | "off" | "0"))
}
