//! What is asked of a server beside the storage trait.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tickety_core::ident::IssueSelector;
use tickety_store::events::MAX_EVENTS;
use tickety_store::{EventLog, EventPage, EventStats, History, Position, Request, StorageError};

use super::asking::Question;
use super::{Health, Identity, Remote};
use crate::cache::{CacheEntries, CacheStats};
use crate::exact::Exact;

/// The most events of a page that a server gives.
const PAGE: usize = 1_000;

#[async_trait]
impl EventLog for Remote {
    async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        let most = limit.min(MAX_EVENTS);
        let mut whole = self.page(from, most.min(PAGE)).await?;
        while whole.more && whole.events.len() < most {
            let next = self.page(Position::After(whole.next), (most - whole.events.len()).min(PAGE)).await?;
            let EventPage { events, next, more, damaged } = next;
            if events.is_empty() && next == whole.next {
                break;
            }
            whole.events.extend(events);
            (whole.next, whole.more) = (next, more);
            whole.damaged += damaged;
        }
        Ok(whole)
    }

    async fn event_stats(&self) -> Result<EventStats, StorageError> {
        self.ask(self.question("storage/events/stats")).await
    }
}

/// The `data` of an answer about clearing caches.
#[derive(Deserialize)]
struct Cleared {
    entries: u64,
}

/// The `data` of an answer about who asks.
#[derive(Deserialize)]
struct Told {
    data: Identity,
}

impl Remote {
    /// Returns what became of an issue commit by commit, the last steps of it.
    ///
    /// # Errors
    ///
    /// As [`IssueStorage::get`](tickety_store::IssueStorage::get), and where the server's store knows no history.
    pub async fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, StorageError> {
        let limit = u32::try_from(limit).ok();
        self.ask(self.question("storage/history").with("issue", selector).with_some("limit", limit)).await
    }

    /// Returns what the caches of the server are good for.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn cache_stats(&self) -> Result<CacheStats, StorageError> {
        self.read(self.question("cache/stats")).await
    }

    /// Returns what the caches of the server hold; 50 entries in memory where nothing else is said.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn cache_entries(&self, limit: Option<u32>) -> Result<CacheEntries, StorageError> {
        self.read(self.question("cache/entries").with_some("limit", limit)).await
    }

    /// Has the server forget what it keeps in memory, and returns how many entries that were. It takes the scope `admin`.
    ///
    /// # Errors
    ///
    /// If the server can't be asked, or refuses.
    pub async fn clear_caches(&self) -> Result<u64, StorageError> {
        let (core, key) = (self.core(), self.key(None)?);
        let url = format!("{}/cache/clear", self.url());
        let cleared = async move { core.send::<Cleared>(&url, b"{}".to_vec(), &key).await };
        let Cleared { entries } = self.worker().write(cleared).await.unwrap_or(Err(StorageError::Interrupted))?;
        Ok(entries)
    }

    /// Returns how the server is doing; that it isn't well is an answer.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn health(&self) -> Result<Health, StorageError> {
        let core = self.core();
        let question = core.question_to_server("health");
        let health = async move { core.read_now::<Health>(question).await };
        self.worker().read(health).await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Returns whom the server takes one for.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn identity(&self) -> Result<Identity, StorageError> {
        let core = self.core();
        let question = core.question_to_server("session");
        let told = async move { core.read_now::<Told>(question).await };
        Ok(self.worker().read(told).await.unwrap_or(Err(StorageError::Interrupted))?.data)
    }

    async fn page(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        let from = match from {
            Position::Oldest => "oldest".to_owned(),
            Position::Newest => "newest".to_owned(),
            Position::Last(count) => format!("last-{count}"),
            Position::After(cursor) => cursor.to_string(),
        };
        self.ask(self.question("storage/events").with("from", from).with("limit", limit)).await
    }

    /// Begins a question to the project.
    pub(super) fn question(&self, path: &str) -> Question {
        self.core().question(path)
    }

    /// Asks what a store is asked.
    pub(super) async fn ask<T: Exact + Send + 'static>(&self, question: Question) -> Result<T, StorageError> {
        let core = self.core();
        let asked = async move { core.ask(question).await };
        self.worker().read(asked).await.unwrap_or(Err(StorageError::Interrupted))
    }

    async fn read<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
        question: Question,
    ) -> Result<T, StorageError> {
        let core = self.core();
        let asked = async move { core.read(question).await };
        self.worker().read(asked).await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Asks with a body.
    pub(super) async fn post_read<T: Exact + Send + 'static>(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<T, StorageError> {
        let (core, body, key) = (self.core(), written(body), self.key(None)?);
        let asked = async move { core.post(path, body, &key).await };
        self.worker().read(asked).await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Has something done, also if nobody waits for it any more.
    pub(super) async fn post_write<T: Exact + Send + 'static>(
        &self,
        path: &'static str,
        body: &impl Serialize,
        key: String,
    ) -> Result<T, StorageError> {
        let (core, body) = (self.core(), written(body));
        let sent = async move { core.post(path, body, &key).await };
        self.worker().write(sent).await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Returns what tells a request from others on the way: so it may be sent again where its answer was lost.
    pub(super) fn key(&self, request: Option<&Request>) -> Result<String, StorageError> {
        if let Some(request) = request {
            // The key itself may have characters that no header has.
            return Ok(blake3::hash(request.key().as_bytes()).to_hex()[..32].to_owned());
        }
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| StorageError::Io {
            action: "take random numbers from",
            path: "the system".into(),
            source: std::io::Error::other(error.to_string()),
        })?;
        Ok(format!("{:032x}", u128::from_be_bytes(bits)))
    }
}

fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("what is sent has text keys only")
}
