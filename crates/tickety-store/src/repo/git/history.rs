//! When records were last committed, and which differ from what is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};

use jiff::Timestamp;

use super::super::layout::{HomePath, ISSUES_DIR};
use super::{Git, GitError, Running, parse_seconds};

/// What the time of a commit begins with in the output of `git log`: no path contains it.
pub(super) const TIME_MARK: u8 = 1;

impl Git {
    /// Returns when the files of the issues were last committed, as far as the history of the
    /// commit that is checked out goes.
    ///
    /// With `wanted`, the search ends as soon as all of these were met: then the cost follows how
    /// far back they lie, and not the whole history.
    pub fn commit_times(&self, wanted: Option<&BTreeSet<HomePath>>) -> Result<BTreeMap<HomePath, Timestamp>, GitError> {
        match wanted.is_some_and(BTreeSet::is_empty) || self.is_unborn()? {
            true => Ok(BTreeMap::new()),
            false => self.commit_times_up_to("HEAD", wanted),
        }
    }

    /// Returns the same as far as the history of another commit goes.
    pub(in crate::repo) fn commit_times_up_to(
        &self,
        start: &str,
        wanted: Option<&BTreeSet<HomePath>>,
    ) -> Result<BTreeMap<HomePath, Timestamp>, GitError> {
        let mut times = BTreeMap::new();
        let mut missing = wanted.map(BTreeSet::len);
        if missing == Some(0) {
            return Ok(times);
        }
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let format = "--format=%x01%ct";
        let arguments =
            ["log", format, "--name-only", "-z", "--no-renames", "--diff-merges=combined", start, "--", &directory];
        let mut running = Running::start(self.command(arguments)?)?;
        let output = running.0.stdout.take().expect("its output is piped");
        let mut output = BufReader::with_capacity(64 * 1024, output);
        let mut field = Vec::new();
        let mut time = None;
        loop {
            field.clear();
            let read = output.read_until(0, &mut field);
            if read.map_err(|source| GitError::Pipe { command: "log", source })? == 0 {
                break;
            }
            // The first path of a commit follows a line feed.
            let text = field.strip_suffix(&[0]).unwrap_or(&field);
            let text = text.strip_prefix(b"\n").unwrap_or(text);
            if let [TIME_MARK, seconds @ ..] = text {
                time = parse_seconds(seconds);
                continue;
            }
            let (Some(time), Some(path)) = (time, self.home_path(text)) else { continue };
            if wanted.is_some_and(|wanted| !wanted.contains(&path)) || times.contains_key(&path) {
                continue;
            }
            times.insert(path, time);
            missing = missing.map(|missing| missing - 1);
            if missing == Some(0) {
                return Ok(times);
            }
        }
        let status = running.0.wait().map_err(|source| GitError::Pipe { command: "log", source })?;
        if status.success() {
            return Ok(times);
        }
        let message = "run `git log` to see why".to_owned();
        Err(GitError::Failed { command: "log".to_owned(), status, message })
    }

    /// Returns those of some files that are missing because somebody meant it, as far as git tells: the commit that is
    /// checked out has them no more, and another one of any branch has them.
    pub fn committed_removals(&self, missing: &BTreeSet<HomePath>) -> Result<BTreeSet<HomePath>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let paths = |output: Vec<u8>| -> BTreeSet<HomePath> {
            let fields = output.split(|&byte| byte == 0);
            let paths = fields.filter_map(|field| self.home_path(field.strip_prefix(b"\n").unwrap_or(field)));
            paths.filter(|path| missing.contains(path)).collect()
        };
        let everywhere = ["-c", "log.showRoot=true", "log", "--all", "--format=", "--name-only", "-z", "--no-renames"];
        let mut committed = paths(self.run(&[&everywhere[..], &["--diff-filter=A", "--", &directory]].concat())?);
        if !committed.is_empty() && !self.is_unborn()? {
            let here = ["ls-tree", "-r", "-z", "--full-tree", "--name-only", "HEAD", "--", &directory];
            for path in paths(self.run(&here)?) {
                committed.remove(&path);
            }
        }
        Ok(committed)
    }

    /// Returns the files of the home that differ from what is committed: changed, staged, new or
    /// removed.
    pub fn dirty_paths(&self) -> Result<BTreeSet<HomePath>, GitError> {
        Ok(self.home_changes()?.into_iter().map(|(_, path)| path).collect())
    }

    /// Returns them with how they differ: `A` for a new one, `D` for one that is gone, `M` for another content.
    pub(crate) fn home_changes(&self) -> Result<Vec<(char, HomePath)>, GitError> {
        let change = |(how, path): ([u8; 2], HomePath)| {
            let how = match &how {
                how if how.contains(&b'D') => 'D',
                b"??" | [b'A', _] => 'A',
                _ => 'M',
            };
            (how, path)
        };
        Ok(self.home_status()?.into_iter().map(change).collect())
    }

    /// Returns them with the two letters that git has for how they differ: in its index, and on the disk.
    pub(super) fn home_status(&self) -> Result<Vec<([u8; 2], HomePath)>, GitError> {
        let home = self.prefix.trim_end_matches('/');
        let output = self.run(&[
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=all",
            "--",
            home,
        ])?;
        // `XY path`: two letters and a blank.
        let change = |entry: &[u8]| Some((*entry.first_chunk::<2>()?, self.home_path(entry.get(3..)?)?));
        Ok(output.split(|&byte| byte == 0).filter_map(change).collect())
    }
}
