//! What a build without a client for servers has instead of one: nothing. `tickety-server` is asked in its place.

use std::convert::Infallible;

use tickety_api::cache::{CacheEntries, CacheStats};
use tickety_api::envelope::Outdated;
use tickety_core::ident::IssueSelector;
use tickety_store::{EventLog, History, IssueStorage, StorageError};

use crate::context::Context;
use crate::exit::CliError;

/// The store behind a server, of which there is none.
#[derive(Debug)]
pub struct Distant(Infallible);

impl Distant {
    pub fn reach(url: &str, _: &Context) -> Result<Self, CliError> {
        Err(CliError::usage(format_args!("this program doesn't ask {url} itself")))
    }

    pub fn storage(&self) -> &dyn IssueStorage {
        match self.0 {}
    }

    pub fn events(&self) -> Box<dyn EventLog> {
        match self.0 {}
    }

    pub fn history(&self, _: IssueSelector, _: usize) -> Result<History, StorageError> {
        match self.0 {}
    }

    pub fn cache_stats(&self) -> Result<CacheStats, CliError> {
        match self.0 {}
    }

    pub fn cache_entries(&self) -> Result<CacheEntries, CliError> {
        match self.0 {}
    }

    pub fn clear_caches(&self) -> Result<u64, CliError> {
        match self.0 {}
    }

    pub fn check_actor(&self, _: &str) -> Result<(), CliError> {
        match self.0 {}
    }

    pub fn outdated(&self) -> Option<(String, Outdated)> {
        match self.0 {}
    }

    pub fn save(&self) {
        match self.0 {}
    }
}
