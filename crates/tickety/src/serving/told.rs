//! What a server says of a project that only its store in a repository can tell.

use std::sync::Arc;

use tickety_api::cache::{IndexRows, IndexUse};
use tickety_core::ident::IssueSelector;
use tickety_server::{Historian, Index};
use tickety_store::{History, StorageError};

use crate::commands::cache::{self, Size};
use crate::compose::Repo;

/// What only a store in a repository can tell.
pub(super) struct Told(pub(super) Arc<Repo>);

impl Historian for Told {
    fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, StorageError> {
        self.0.history(selector, limit)
    }
}

impl Index for Told {
    fn usage(&self, clear: bool) -> Result<IndexUse, StorageError> {
        let usage = if clear { self.0.clear_usage() } else { self.0.usage() }?;
        Ok(cache::index_use(&usage, Size::of(&self.0)?))
    }

    fn rows(&self) -> Result<Vec<IndexRows>, StorageError> {
        Ok(self.0.index_rows()?.into_iter().map(|(kind, rows)| IndexRows { kind: kind.into(), rows }).collect())
    }
}
