//! What a commit has among the issues.

use super::super::layout::{HomePath, ISSUES_DIR, RecordPath};
use super::log::{Fields, finish};
use super::{Blob, Git, GitError, Running};

/// Something that a commit has among the issues and that looks like a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct Listed {
    /// Its path relative to the home.
    pub(in crate::repo) path: HomePath,
    /// The record whose name it has.
    pub(in crate::repo) record: RecordPath,
    /// What it is.
    pub(in crate::repo) blob: Blob,
}

impl Listed {
    /// Whether it lies where a record of this name has to.
    pub(in crate::repo) fn is_in_place(&self) -> bool {
        self.path.record() == Some(self.record)
    }
}

impl Git {
    /// Lists the records of a commit, also those in the wrong directory.
    pub(in crate::repo) fn records_of(&self, commit: &str) -> Result<Vec<Listed>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, "--", &directory];
        let mut running = Running::start(self.command(arguments)?)?;
        let output = running.0.stdout.take().expect("its output is piped");
        let mut fields = Fields::new(output);
        let mut records = Vec::new();
        while let Some(field) = fields.next("ls-tree")? {
            // `mode type id`, a tab and the path.
            let Some(tab) = field.iter().position(|&byte| byte == b'\t') else { continue };
            let (Ok(meta), Some(path)) = (str::from_utf8(&field[..tab]), self.home_path(&field[tab + 1..])) else {
                continue;
            };
            let mut words = meta.split(' ');
            let (Some(mode), Some(_), Some(id)) = (words.next(), words.next(), words.next()) else { continue };
            let Some(record) = RecordPath::parse_name(path.split().1.as_bytes()) else { continue };
            records.push(Listed { path, record, blob: Blob { id: id.to_owned(), is_file: mode.starts_with("100") } });
        }
        finish(running, "ls-tree")?;
        Ok(records)
    }

    /// Lists the records that git's index has and that a sparse checkout leaves out.
    pub(in crate::repo) fn left_out_records(&self) -> Result<Vec<Listed>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let output = self.run(&["ls-files", "-t", "--stage", "-z", "--full-name", "--", &directory])?;
        // `S mode id stage`, a tab and the path.
        let record = |entry: &[u8]| {
            let entry = entry.strip_prefix(b"S ")?;
            let tab = entry.iter().position(|&byte| byte == b'\t')?;
            let path = self.home_path(&entry[tab + 1..])?;
            let mut words = str::from_utf8(&entry[..tab]).ok()?.split(' ');
            let (mode, id) = (words.next()?, words.next()?.to_owned());
            let record = RecordPath::parse_name(path.split().1.as_bytes())?;
            Some(Listed { path, record, blob: Blob { id, is_file: mode.starts_with("100") } })
        };
        Ok(output.split(|&byte| byte == 0).filter_map(record).collect())
    }

    /// Lists the issues that commits have otherwise than what is checked out has them, or that this doesn't have: which of
    /// the commits, where, and the content there.
    pub(in crate::repo) fn records_that_differ(
        &self,
        commits: &[&str],
    ) -> Result<Vec<(usize, RecordPath, String)>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let head = self.commit_id("HEAD")?;
        let mut found = Vec::new();
        let input: String = commits.iter().map(|commit| format!("{head}^{{tree}} {commit}^{{tree}}\n")).collect();
        let names = self.feed("cat-file", &["--batch-check=%(objectname)"], input.replace(' ', "\n").as_bytes())?;
        let names = String::from_utf8_lossy(&names);
        let trees: Vec<&str> = names.lines().collect();
        let pairs: String = trees.chunks_exact(2).map(|pair| format!("{} {}\n", pair[0], pair[1])).collect();
        let how =
            ["--stdin", "-r", "--raw", "--no-abbrev", "-z", "--no-renames", "--diff-filter=AMT", "--", &directory];
        let output = self.feed("diff-tree", &how, pairs.as_bytes())?;
        let mut fields = output.split(|&byte| byte == 0);
        let mut place = 0;
        while let Some(field) = fields.next() {
            // Each pair is named before what differs.
            let text = String::from_utf8_lossy(field);
            let meta = match text.rsplit_once('\n') {
                Some((pair, meta)) => {
                    let known = |tree: &&str| pair.trim().ends_with(*tree);
                    place = trees.chunks_exact(2).position(|pair| known(&pair[1])).unwrap_or(place);
                    meta.to_owned()
                }
                None => text.into_owned(),
            };
            let Some(meta) = meta.strip_prefix(':') else { continue };
            let path = fields.next().and_then(|path| self.home_path(path)).and_then(|path| path.record());
            let blob = meta.split(' ').nth(3).map(str::to_owned);
            if let (Some(path), Some(blob)) = (path.filter(|path| path.comment.is_none()), blob) {
                found.push((place, path, blob));
            }
        }
        Ok(found)
    }

    /// Returns what git calls the configuration of a commit.
    pub(in crate::repo) fn config_in(&self, commit: &str) -> String {
        format!("{commit}:{}{}", self.prefix, super::super::layout::CONFIG_FILE)
    }
}
