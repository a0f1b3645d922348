//! Which branches the work trees of a clone have checked out, and where branches are, by reading files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::files::{read_foreign, read_foreign_text};
use super::super::layout::GitDirs;
use super::{Git, GitError, PACKED_BYTES, REFERENCE_BYTES, is_object_id};

/// What stands in `HEAD` where references are kept in a way that takes git to read.
const UNREADABLE_HEAD: &str = "refs/heads/.invalid";

/// How many of the branches that were committed to last are looked at when one is gone.
const BRANCHES: &str = "--count=64";

/// A work tree of the clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct Checkout {
    /// What git calls it; empty for the main one.
    pub(in crate::repo) name: String,
    /// Where it is.
    pub(in crate::repo) root: PathBuf,
    /// The branch that is checked out, also while it is being rebased; `None` without one.
    pub(in crate::repo) branch: Option<String>,
}

impl GitDirs {
    /// Returns the root of the main work tree; `None` where the name of the clone's directory doesn't tell.
    pub(in crate::repo) fn main_root(&self) -> Option<&Path> {
        self.common_dir.parent().filter(|_| self.common_dir.ends_with(".git"))
    }
}

/// Returns what git calls a checkout of the clone; empty for the main one.
pub(in crate::repo) fn checkout_name(dirs: &GitDirs) -> String {
    match dirs.git_dir == dirs.common_dir {
        true => String::new(),
        false => dirs.git_dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

impl Git {
    /// Returns the branch that is checked out here, also while it is being rebased; `None` without one. Starts git only
    /// where its files don't say.
    pub(in crate::repo) fn branch_here(&self) -> Result<Option<String>, GitError> {
        match branch_in(&self.dirs.git_dir) {
            Head::Branch(name) => Ok(Some(name)),
            Head::Detached => Ok(None),
            Head::Unreadable => self.branch_at_work(),
        }
    }

    /// Returns the work trees of the clone that are there. `main` is where the main one is said to be, where git's files
    /// don't tell.
    pub(in crate::repo) fn checkouts(&self, main: Option<&Path>) -> Result<Vec<Checkout>, GitError> {
        let common = &self.dirs.common_dir;
        let mut found = Vec::new();
        let root = self.dirs.main_root().or(main).map(Path::to_owned);
        let own = checkout_name(&self.dirs);
        let mut is_readable = true;
        let mut add = |name: String, git_dir: &Path, root: PathBuf| {
            let root = if name == own { self.dirs.work_tree.clone() } else { root };
            // Git forgets one that was removed by hand only later.
            if !root.join(".git").exists() {
                return;
            }
            let branch = match branch_in(git_dir) {
                Head::Branch(branch) => Some(branch),
                Head::Detached => None,
                Head::Unreadable => {
                    is_readable = false;
                    None
                }
            };
            found.push(Checkout { name, root, branch });
        };
        if let Some(root) = root {
            add(String::new(), common, root);
        }
        for entry in fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten() {
            let git_dir = entry.path();
            let Ok(link) = read_foreign_text(&git_dir.join("gitdir"), REFERENCE_BYTES) else { continue };
            // A relative one starts from here.
            let link = git_dir.join(link.trim_end_matches(['\n', '\r']));
            let Some(root) = link.parent() else { continue };
            add(entry.file_name().to_string_lossy().into_owned(), &git_dir, root.to_owned());
        }
        if !is_readable {
            let branches = self.listed_branches()?;
            for checkout in &mut found {
                let real = fs::canonicalize(&checkout.root).unwrap_or_default();
                checkout.branch = branches.get(&real).cloned().flatten();
            }
        }
        Ok(found)
    }

    /// Asks git which branch each work tree has checked out.
    fn listed_branches(&self) -> Result<HashMap<PathBuf, Option<String>>, GitError> {
        let output = self.run(&["worktree", "list", "--porcelain", "-z"])?;
        let mut branches = HashMap::new();
        let mut current = None;
        for field in output.split(|&byte| byte == 0) {
            let text = String::from_utf8_lossy(field);
            if let Some(path) = text.strip_prefix("worktree ") {
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
                branches.insert(path.clone(), None);
                current = Some(path);
            } else if let (Some(name), Some(path)) = (text.strip_prefix("branch refs/heads/"), &current) {
                branches.insert(path.clone(), Some(name.to_owned()));
            }
        }
        Ok(branches)
    }

    /// Returns the commits at the tips of branches of the clone; those that aren't there are missing. Starts git only
    /// where its files don't say.
    pub(in crate::repo) fn tips(&self, names: &[&str]) -> Result<HashMap<String, String>, GitError> {
        let mut tips = HashMap::new();
        if names.is_empty() {
            return Ok(tips);
        }
        if self.dirs.common_dir.join("reftable").exists() {
            let branches = self.branches()?.into_iter().filter(|branch| branch.is_local);
            let wanted = branches.filter(|branch| names.contains(&&*branch.name));
            return Ok(wanted.map(|branch| (branch.name, branch.tip)).collect());
        }
        let mut missing = Vec::new();
        for name in names {
            match self.loose_tip(name)? {
                Some(tip) => drop(tips.insert((*name).to_owned(), tip)),
                None => missing.push(*name),
            }
        }
        if missing.is_empty() {
            return Ok(tips);
        }
        let path = self.dirs.common_dir.join("packed-refs");
        let packed = match read_foreign(&path, PACKED_BYTES) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|source| GitError::Read { path, source })?,
        };
        for line in packed.split(|&byte| byte == b'\n') {
            let Some((id, name)) = str::from_utf8(line).ok().and_then(|line| line.split_once(" refs/heads/")) else {
                continue;
            };
            if missing.contains(&name) && is_object_id(id) {
                tips.insert(name.to_owned(), id.to_owned());
            }
        }
        Ok(tips)
    }

    /// Reads the file of a branch. What it says of another branch is followed once.
    fn loose_tip(&self, name: &str) -> Result<Option<String>, GitError> {
        let Some(mut text) = self.reference_file(&format!("refs/heads/{name}"))? else { return Ok(None) };
        if let Some(other) = text.strip_prefix("ref:") {
            let other = other.trim().to_owned();
            text = match self.reference_file(&other)? {
                Some(text) => text,
                None => return self.packed_reference(&other),
            };
        }
        Ok(Some(text.trim().to_owned()).filter(|text| is_object_id(text)))
    }

    /// Lists those branches of the clone that were committed to last and whose commits aren't all checked out, with their
    /// tips, the latest first.
    pub(in crate::repo) fn latest_branches_not_here(&self) -> Result<Vec<(String, String)>, GitError> {
        if self.checked_out()?.is_none() {
            return Ok(Vec::new());
        }
        self.branches_by_age(&["--no-merged=HEAD"])
    }

    /// Lists the branches of the clone that were committed to last, with their tips, the latest first.
    pub(in crate::repo) fn latest_branches(&self) -> Result<Vec<(String, String)>, GitError> {
        self.branches_by_age(&[])
    }

    fn branches_by_age(&self, which: &[&str]) -> Result<Vec<(String, String)>, GitError> {
        let format = "--format=%(objectname) %(refname)";
        let how = ["for-each-ref", "--sort=-committerdate", BRANCHES, format];
        let output = self.run(&[&how[..], which, &["refs/heads"]].concat())?;
        let lines = String::from_utf8_lossy(&output);
        let branch = |line: &str| {
            let (tip, name) = line.split_once(" refs/heads/")?;
            Some((name.to_owned(), tip.to_owned()))
        };
        Ok(lines.lines().filter_map(branch).collect())
    }
}

/// What the `HEAD` of a checkout says.
enum Head {
    Branch(String),
    Detached,
    /// It takes git to read it.
    Unreadable,
}

fn branch_in(git_dir: &Path) -> Head {
    let read = |name: &str| read_foreign_text(&git_dir.join(name), REFERENCE_BYTES).ok();
    let Some(head) = read("HEAD") else { return Head::Detached };
    let reference = match head.strip_prefix("ref:") {
        Some(name) => Some(name.trim().to_owned()),
        None => ["rebase-merge/head-name", "rebase-apply/head-name"].into_iter().find_map(read),
    };
    match reference.as_deref().map(str::trim) {
        Some(UNREADABLE_HEAD) => Head::Unreadable,
        Some(name) => name.strip_prefix("refs/heads/").map_or(Head::Detached, |name| Head::Branch(name.to_owned())),
        None => Head::Detached,
    }
}
