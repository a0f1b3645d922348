//! How the configuration of a home came to be missing, as far as git tells.

use std::path::Path;

use super::super::discovery::{self, DiscoveryError};
use super::super::git::Git;
use crate::error::StorageError;

/// Why a folder has issues and no configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LostConfig {
    /// The file was removed; the commit that is checked out has it.
    Removed,
    /// A merge that isn't finished removes the home: others have moved it.
    Merging,
    /// A commit has removed the home, with its subject: others have moved it.
    Moved {
        /// The commit.
        by: String,
        /// The branch of the issues that the clone, or a remote of it, has.
        branch: Option<String>,
    },
    /// Git doesn't tell.
    Unknown,
}

impl LostConfig {
    /// Says what to do. The configuration lies at a path.
    pub fn remedy(&self, path: &str) -> String {
        match self {
            Self::Removed | Self::Unknown => format!(
                "`git restore {path}` brings a committed one back, `tickety init` writes a new one and leaves the issues as they are"
            ),
            Self::Merging => {
                "the merge removes the home, which others have moved: `git merge --abort`, then `tickety sync` says how to go on"
                    .to_owned()
            }
            Self::Moved { by, branch: Some(branch) } => format!(
                "commit {by} removed the home: the issues are on the branch {branch}, and `tickety init` checks it out; to take \
                 along what is only here, `git reset --keep ORIG_HEAD` right after the pull undoes it, and `tickety sync` says how to go on"
            ),
            Self::Moved { by, branch: None } => format!(
                "commit {by} removed the home, which others have moved: `git fetch`, then `tickety init`, which checks their \
                 branch out; `tickety init --home tree` makes a new home of what is left here"
            ),
        }
    }
}

/// Says how the configuration of the home around a folder was lost; `None` if it isn't. Starts git.
pub fn lost_config(folder: &Path) -> Result<Option<LostConfig>, StorageError> {
    let home = match discovery::discover(folder) {
        Err(DiscoveryError::NoConfig { home }) => home,
        _ => return Ok(None),
    };
    let layout = discovery::layout_at(home.parent().unwrap_or(&home))?;
    let Some(git) = Git::of(&layout) else { return Ok(Some(LostConfig::Unknown)) };
    if git.checked_out()?.is_some() && git.has_home("HEAD")? {
        let other = git.other_head()?.filter(|_| git.unfinished() == Some("merge"));
        let is_merging = other.map(|other| git.has_home(other)).transpose()? == Some(false);
        return Ok(Some(if is_merging { LostConfig::Merging } else { LostConfig::Removed }));
    }
    let Some(by) = git.removal_of_home()? else { return Ok(Some(LostConfig::Unknown)) };
    Ok(Some(LostConfig::Moved { by, branch: super::known_branch(folder)? }))
}
