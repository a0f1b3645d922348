//! Committing the files of a home, and merging what others have committed.
//!
//! Hooks aren't run, paths outside of the home are never written, and what the user has set for commits of code changes
//! nothing here but who signs them, and with what.

use std::collections::{BTreeMap, BTreeSet};

use super::super::files::read_foreign_text;
use super::super::layout::HomePath;
use super::{Author, Git, GitError, ISSUE_BRANCH, run};

/// Settings by which git would do otherwise than it is told here: settle files as they were settled once, put changes
/// of code aside, move files, or write the message in another encoding.
const OWN_SETTINGS: &[&str] = &[
    "-c",
    "rerere.enabled=false",
    "-c",
    "merge.autoStash=false",
    "-c",
    "merge.directoryRenames=false",
    "-c",
    "i18n.commitEncoding=UTF-8",
];

/// What reads paths from its input.
const PATHS: [&str; 2] = ["--pathspec-from-file=-", "--pathspec-file-nul"];

/// The longest message of a merge that is read: conflicts are listed in it.
const MESSAGE_BYTES: u64 = 16 << 20;

/// What became of a merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeOutcome {
    /// It needed no commit of its own.
    Whole,
    /// It waits to be looked at and committed.
    Uncommitted,
    /// Some files wait to be settled.
    InConflict,
}

/// What git's index has of a path: its entries as git lists them, without the path.
type Entries = BTreeMap<HomePath, Vec<String>>;

impl Git {
    /// Commits some of the home's files, and nothing else that may be staged. Returns whether there was something to
    /// commit. Where it fails, git's index is as it was.
    pub fn commit_home(&self, paths: &[HomePath], message: &str, author: &Author) -> Result<bool, GitError> {
        let before = self.index_entries(paths)?;
        let committed = self.stage_and_commit(paths, message, author);
        if committed.is_err() {
            // What kept git from committing may keep it from this; only the first is told.
            let _ = self.put_back(paths, &before);
        }
        committed
    }

    fn stage_and_commit(&self, paths: &[HomePath], message: &str, author: &Author) -> Result<bool, GitError> {
        let wanted: BTreeSet<&HomePath> = paths.iter().collect();
        // Of a file that is gone from the index and from the disk, git says that there is none.
        let changed = self.home_status()?;
        let unstaged = changed.iter().filter(|(how, path)| how[1] != b' ' && wanted.contains(path));
        let unstaged = self.listed(unstaged.map(|(_, path)| path));
        if !unstaged.is_empty() {
            // A new issue may lie where a sparse checkout has nothing.
            let is_sparse = self.dirs.git_dir.join("info/sparse-checkout").symlink_metadata().is_ok();
            let how: &[&str] = if is_sparse { &["--all", "--sparse"] } else { &["--all"] };
            self.feed("add", &[how, &PATHS[..]].concat(), &unstaged)?;
        }
        let home = self.prefix.trim_end_matches('/');
        let how = ["diff", "--cached", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", "--", home];
        let output = self.run(&how)?;
        let staged: Vec<HomePath> = output.split(|&byte| byte == 0).filter_map(|path| self.home_path(path)).collect();
        let staged = self.listed(staged.iter().filter(|path| wanted.contains(path)));
        if staged.is_empty() {
            return Ok(false);
        }
        let author = format!("--author={}", author.ident());
        let how = ["--quiet", "--no-verify", "--cleanup=whitespace", "--message", message, &author, "--only"];
        self.feed_with(OWN_SETTINGS, "commit", &[&how[..], &PATHS].concat(), &staged)?;
        Ok(true)
    }

    /// Returns paths as git reads them.
    fn listed<'p>(&self, paths: impl Iterator<Item = &'p HomePath>) -> Vec<u8> {
        paths.flat_map(|path| format!("{}{path}\0", self.prefix).into_bytes()).collect()
    }

    /// Returns what git's index has of some paths.
    fn index_entries(&self, paths: &[HomePath]) -> Result<Entries, GitError> {
        let wanted: BTreeSet<&HomePath> = paths.iter().collect();
        let home = self.prefix.trim_end_matches('/');
        let output = self.run(&["ls-files", "--stage", "-z", "--full-name", "--", home])?;
        let mut entries = Entries::new();
        for entry in output.split(|&byte| byte == 0) {
            let Some(tab) = entry.iter().position(|&byte| byte == b'\t') else { continue };
            if let Some(path) = self.home_path(&entry[tab + 1..]).filter(|path| wanted.contains(path)) {
                entries.entry(path).or_default().push(String::from_utf8_lossy(&entry[..tab]).into_owned());
            }
        }
        Ok(entries)
    }

    /// Puts into git's index again what it had of some paths.
    fn put_back(&self, paths: &[HomePath], before: &Entries) -> Result<(), GitError> {
        // A mode of 0 removes, and takes any id that is as long as the others.
        let length = self.checked_out()?.map_or(40, |id| id.len());
        let mut input = Vec::new();
        for path in paths {
            let none = || vec![format!("0 {}", "0".repeat(length))];
            for entry in before.get(path).cloned().unwrap_or_else(none) {
                input.extend_from_slice(format!("{entry}\t{}{path}\0", self.prefix).as_bytes());
            }
        }
        self.feed("update-index", &["-z", "--index-info"], &input).map(drop)
    }

    /// Merges a commit, and leaves it to the caller to commit that where it takes a commit.
    pub fn merge(&self, commit: &str, message: &str) -> Result<MergeOutcome, GitError> {
        // Short issues look alike: git would take one that was deleted for one that was made, renamed. No two are the
        // same. (Before 2.50, git doesn't know how to look for none.)
        let mut arguments = vec![
            "merge",
            "--ff",
            "--no-commit",
            "--no-squash",
            "--no-log",
            "--cleanup=whitespace",
            "-Xfind-renames=100%",
            "--quiet",
            "--no-stat",
            "--no-verify",
            "--no-edit",
            "--message",
            message,
        ];
        let branch = self.branch()?;
        if branch.as_deref() == Some(ISSUE_BRANCH) {
            // Two people may have begun it.
            arguments.push("--allow-unrelated-histories");
        }
        arguments.push(commit);
        // Options for merges of the branch, of which the last setting counts.
        let options = branch.filter(|name| !name.contains('=')).map(|name| format!("branch.{name}.mergeOptions="));
        let mut settings = OWN_SETTINGS.to_vec();
        settings.extend(options.iter().flat_map(|options| ["-c", options]));
        match run(self.command(settings.iter().chain(&arguments))?, &arguments) {
            Ok(_) if self.unfinished() == Some("merge") => Ok(MergeOutcome::Uncommitted),
            Ok(_) => Ok(MergeOutcome::Whole),
            Err(GitError::Failed { status, .. }) if status.code() == Some(1) && self.has_unmerged()? => {
                Ok(MergeOutcome::InConflict)
            }
            Err(error) => {
                if self.unfinished() == Some("merge") {
                    self.abort_merge()?;
                }
                Err(error)
            }
        }
    }

    /// Whether a merge that isn't committed has a message that begins so.
    pub fn is_merging_as(&self, message: &str) -> bool {
        read_foreign_text(&self.dirs.git_dir.join("MERGE_MSG"), MESSAGE_BYTES)
            .is_ok_and(|text| text.starts_with(message))
    }

    /// Takes back a merge that isn't committed.
    pub fn abort_merge(&self) -> Result<(), GitError> {
        self.run(&["merge", "--abort"]).map(drop)
    }

    /// Returns the home's files that a merge which isn't committed has otherwise than both sides.
    pub fn merged_by_lines(&self) -> Result<Vec<HomePath>, GitError> {
        let home = self.prefix.trim_end_matches('/');
        let differing = |side: &str| -> Result<BTreeSet<HomePath>, GitError> {
            let how = ["diff-index", "--cached", "-z", "--no-renames", "--name-only", "--diff-filter=d", side, "--"];
            let output = self.run(&[&how[..], &[home]].concat())?;
            Ok(output.split(|&byte| byte == 0).filter_map(|path| self.home_path(path)).collect())
        };
        Ok(differing("HEAD")?.intersection(&differing("MERGE_HEAD")?).cloned().collect())
    }

    /// Has files of a merge that isn't committed wait to be settled, as if git hadn't merged them: here they are as on
    /// our side.
    pub fn unmerge(&self, paths: &[HomePath]) -> Result<(), GitError> {
        let wanted: BTreeSet<&HomePath> = paths.iter().collect();
        let base = self.merge_base("HEAD", "MERGE_HEAD")?;
        let (mut input, mut ours) = (Vec::new(), Vec::new());
        let mut put = |meta: &str, path: &HomePath| {
            input.extend_from_slice(format!("{meta}\t{}{path}\0", self.prefix).as_bytes());
        };
        let length = self.checked_out()?.map_or(40, |id| id.len());
        paths.iter().for_each(|path| put(&format!("0 {}", "0".repeat(length)), path));
        for (commit, stage) in [(base.as_deref(), 1), (Some("HEAD"), 2), (Some("MERGE_HEAD"), 3)] {
            let Some(commit) = commit else { continue };
            let listed = self.records_of(commit)?.into_iter();
            for listed in listed.filter(|listed| listed.blob.is_file && wanted.contains(&listed.path)) {
                put(&format!("100644 {} {stage}", listed.blob.id), &listed.path);
                ours.extend((stage == 2).then_some(listed.path));
            }
        }
        self.feed("update-index", &["-z", "--index-info"], &input)?;
        self.feed("checkout-index", &["--force", "--stage=2", "-z", "--stdin"], &self.listed(ours.iter())).map(drop)
    }

    /// Commits a merge whose files are settled.
    pub fn conclude_merge(&self) -> Result<(), GitError> {
        let arguments = ["commit", "--quiet", "--no-verify", "--no-edit", "--cleanup=strip"];
        run(self.command(OWN_SETTINGS.iter().chain(&arguments))?, &arguments).map(drop)
    }
}
