//! The store behind a server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tickety_api::ErrorCode;
use tickety_api::cache::{CacheEntries, CacheStats};
use tickety_api::client::{Remote, RemoteError, RemoteOptions};
use tickety_api::envelope::Outdated;
use tickety_core::ident::IssueSelector;
use tickety_http::{Clock, SystemClock, Wait};
use tickety_store::{EventLog, History, IssueStorage, StorageError};

use crate::context::Context;
use crate::exit::CliError;
use crate::remote;

/// Issues that a server keeps, in its home.
#[derive(Debug)]
pub struct Distant(Remote);

impl Distant {
    /// Makes the client of the server at an address, with the token for it, and what it answered earlier commands. Nothing is
    /// asked yet.
    pub fn reach(url: &str, context: &Context) -> Result<Self, CliError> {
        let token = remote::find_token(url, context)?;
        let clock = context.fixed_time().map(|time| Arc::new(Standing(time.into())) as Arc<dyn Clock>);
        let options = RemoteOptions { token, cache: context.cache_folder(), clock, ..RemoteOptions::new(url) };
        Ok(Self(Remote::new(options).map_err(failed)?))
    }

    /// Returns the store.
    pub fn storage(&self) -> &dyn IssueStorage {
        &self.0
    }

    /// Returns the log of what happened there.
    pub fn events(&self) -> Box<dyn EventLog> {
        Box::new(self.0.clone())
    }

    /// Returns what became of an issue, as the repository there tells.
    pub fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, StorageError> {
        pollster::block_on(self.0.history(selector, limit))
    }

    /// Returns what the caches there were good for.
    pub fn cache_stats(&self) -> Result<CacheStats, CliError> {
        Ok(pollster::block_on(self.0.cache_stats())?)
    }

    /// Returns what the caches there hold.
    pub fn cache_entries(&self) -> Result<CacheEntries, CliError> {
        Ok(pollster::block_on(self.0.cache_entries(None))?)
    }

    /// Has the server forget what it keeps in memory, and forgets what is kept here of its answers. Returns how many entries
    /// the server had, about.
    pub fn clear_caches(&self) -> Result<u64, CliError> {
        let forgotten = pollster::block_on(self.0.clear_caches())?;
        self.0.forget();
        Ok(forgotten)
    }

    /// Refuses to write in the name of somebody else than the server takes one for.
    pub fn check_actor(&self, actor: &str) -> Result<(), CliError> {
        let identity = pollster::block_on(self.0.identity())?;
        match identity.user {
            Some(user) if user != actor => Err(CliError::new(
                ErrorCode::Forbidden,
                format_args!("--as {actor}: the token is that of {user}, and the server writes in no other name"),
            )
            .hint(format_args!("leave out --as, or take a token that `tickety token create --user \"{actor}\"` made"))),
            _ => Ok(()),
        }
    }

    /// Returns how old the oldest answer is that was given without the server, because it couldn't be reached: for people and
    /// for programs.
    pub fn outdated(&self) -> Option<(String, Outdated)> {
        let outdated = self.0.outdated()?;
        Some((outdated.to_string(), outdated.into()))
    }

    /// Keeps what was answered for the next command. Where that can't be written, that has to ask again.
    pub fn save(&self) {
        self.0.save().ok();
    }
}

/// The time of a test. Who waits waits as always.
#[derive(Debug)]
struct Standing(SystemTime);

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn wait(&self, time: Duration) -> Wait {
        SystemClock.wait(time)
    }
}

fn failed(error: RemoteError) -> CliError {
    let hint = match &error {
        RemoteError::Url { .. } | RemoteError::Project { .. } => {
            Some("write it as in http://127.0.0.1:7420, or http://127.0.0.1:7420/api/v1/projects/NAME")
        }
        _ => None,
    };
    let made = CliError::new(error.code(), &error);
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}
