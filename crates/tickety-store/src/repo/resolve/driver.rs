//! Git's merge driver, for those who want one: installed only when asked for, and worth little more than `resolve` later.

use std::fs;
use std::path::Path;

use tickety_core::merge::Side;
use tickety_core::schema::Schema;

use super::super::config::Config;
use super::super::files::{RECORD_LIMIT, read_foreign, read_foreign_text};
use super::super::format::{self, IssueFile};
use super::super::git::Git;
use super::super::layout::{CONFIG_FILE, HOME_DIR, HomePath, Layout, RecordPath};
use crate::error::StorageError;

/// What git calls the driver.
const NAME: &str = "tickety";

/// What git runs: found by the name, since a repository may be used by several versions and users.
const COMMAND: &str = "tickety merge-driver %O %A %B %P";

/// The file that tells git for which files to run it, in the home.
const ATTRIBUTES_FILE: &str = ".gitattributes";

/// The line in it.
const ATTRIBUTES: &str = "issues/**/*.md merge=tickety";

/// The longest file of attributes that is read, and of a configuration.
const TEXT_LIMIT: u64 = 1 << 20;

/// What was done to install the merge driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstalledDriver {
    /// What git runs now, by its setting `merge.tickety.driver` of the clone.
    pub command: &'static str,
    /// The file that was made or changed; `None` if it had the line already.
    pub changed: Option<HomePath>,
}

/// Lets git merge the files of a home's issues by field, in this clone.
pub fn install_merge_driver(layout: &Layout) -> Result<InstalledDriver, StorageError> {
    let Some(git) = Git::of(layout) else {
        let message = format!("{} is not in a git repository", layout.root.display());
        return Err(StorageError::Git { message });
    };
    git.set(&format!("merge.{NAME}.name"), "Tickety: issues by field")?;
    git.set(&format!("merge.{NAME}.driver"), COMMAND)?;
    let path = layout.home.join(ATTRIBUTES_FILE);
    let io = |action, source| StorageError::Io { action, path: path.clone(), source };
    let mut text = match read_foreign_text(&path, TEXT_LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io("read", error)),
    };
    let has_line = text.lines().any(|line| line.trim() == ATTRIBUTES);
    if !has_line {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(ATTRIBUTES);
        text.push('\n');
        fs::write(&path, text).map_err(|error| io("write", error))?;
    }
    let changed = (!has_line).then(|| ATTRIBUTES_FILE.parse().expect("the name is a plain one"));
    Ok(InstalledDriver { command: COMMAND, changed })
}

/// Merges the files that git hands to a driver: base, ours and theirs. Ours gets the result. `path` is where the file
/// lies in the work tree, whose root is `top`. Returns whether nothing is left to be settled.
///
/// What would take a note, or leave two versions in a text, gets git's markers instead: there is no place for a note yet.
pub fn merge_file(top: &Path, path: &str, files: [&Path; 3]) -> Result<bool, StorageError> {
    let read = |file: &Path| {
        let io = |source| StorageError::Io { action: "read", path: file.to_owned(), source };
        read_foreign(file, RECORD_LIMIT).map_err(io)
    };
    let [base, ours, theirs] = [read(files[0])?, read(files[1])?, read(files[2])?];
    let (bytes, is_merged) = match merge_by_field(top, path, [&base, &ours, &theirs]) {
        Some(bytes) => (bytes, true),
        None => format::merge_lines(&base, &ours, &theirs),
    };
    let io = |source| StorageError::Io { action: "write", path: files[1].to_owned(), source };
    fs::write(files[1], bytes).map_err(io)?;
    Ok(is_merged)
}

/// Merges the versions of a record, if that can be done without anything giving way.
fn merge_by_field(top: &Path, path: &str, [base, ours, theirs]: [&[u8]; 3]) -> Option<Vec<u8>> {
    let (root, inside) = match path.rsplit_once(&format!("{HOME_DIR}/")) {
        Some((root, inside)) if root.is_empty() || root.ends_with('/') => (root, inside),
        _ => return None,
    };
    let RecordPath { issue, comment } = inside.parse::<HomePath>().ok()?.record()?;
    // For two that were added there is none.
    let base = Some(base).filter(|base| !base.is_empty());
    match comment {
        None => {
            let config = top.join(root).join(HOME_DIR).join(CONFIG_FILE);
            // The merge may be about the configuration, too.
            let text = read_foreign_text(&config, TEXT_LIMIT).unwrap_or_default();
            let schema = Config::parse(&text, &config).map_or_else(|_| Schema::default(), |config| config.schema);
            let file = |bytes| IssueFile { bytes, key: issue };
            let side = |bytes| Side::new(file(bytes), None);
            let merged = format::merge_issue_files(base.map(file), side(ours), side(theirs), &schema).ok()?;
            let is_lossless = merged.merged.overruled.is_empty() && !merged.merged.body_conflict;
            is_lossless.then_some(merged.bytes)
        }
        Some(stamp) => {
            let (ours, theirs) = (Side::new(ours, None), Side::new(theirs, None));
            let merged = format::merge_comment_files(base, ours, theirs, stamp.suffix()).ok()?;
            (!merged.conflict).then_some(merged.bytes)
        }
    }
}
