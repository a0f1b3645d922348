//! Settling issues while the settings themselves wait for a person.

use std::path::Path;

use super::super::config::Config;
use super::super::files::HomeDir;
use super::super::format::conflict;
use super::super::git::Git;
use super::super::layout::{CONFIG_FILE, Layout};
use super::super::store::{RepoOptions, RepoStore, read_config};
use super::super::{discovery, store};
use crate::error::StorageError;

impl RepoStore {
    /// Opens the home of a folder to settle issues in it, also where a merge has left both sides in the settings:
    /// those of our side are in force then.
    pub fn open_to_resolve(start: &Path, options: RepoOptions) -> Result<Self, StorageError> {
        let layout = discovery::discover(start)?;
        let home = HomeDir::open(&layout)?;
        let text = read_config(&home, &layout)?;
        let path = layout.config();
        let config = match Config::parse(&text, &path).map_err(|error| store::merging(error, &text, &layout)) {
            Ok(config) => config,
            Err(error @ StorageError::ConfigConflict { .. }) => {
                let ours = ours(&layout, &text)?.and_then(|text| Config::parse(&text, &path).ok());
                ours.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        Ok(Self::with_config(layout, home, config, options))
    }
}

/// Returns our side of the settings: from git's index or, where that has none, from between the markers.
fn ours(layout: &Layout, text: &str) -> Result<Option<String>, StorageError> {
    if let Some(git) = Git::of(layout) {
        let stages = git.unmerged()?;
        let config = stages.iter().filter(|stage| stage.path.as_str() == CONFIG_FILE);
        let ours: Vec<&str> = config.filter(|stage| stage.number == 2).map(|stage| stage.id.as_str()).collect();
        if let Some(bytes) = git.contents(ours)?.into_iter().flatten().next() {
            return Ok(String::from_utf8(bytes).ok());
        }
    }
    Ok(conflict::versions(text).map(|versions| versions.ours))
}
