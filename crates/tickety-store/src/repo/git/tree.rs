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

    /// Returns what git calls the configuration of a commit.
    pub(in crate::repo) fn config_in(&self, commit: &str) -> String {
        format!("{commit}:{}{}", self.prefix, super::super::layout::CONFIG_FILE)
    }
}
