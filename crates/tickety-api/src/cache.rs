//! What caches were good for and what they hold, on the wire.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What the caches of a project were good for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CacheStats {
    /// The index on the disk; `null` where there is none.
    pub index: Option<IndexUse>,
    /// The caches in memory of a process that stays, by class.
    pub memory: Vec<ClassUse>,
    /// How a process that stays caches.
    pub settings: Settings,
}

/// What the index was good for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndexUse {
    /// How many questions were answered.
    pub answers: u64,
    /// How many of them by the index as it was.
    pub hits: u64,
    /// How many had to wait until it was brought up to date.
    pub delayed: u64,
    /// From 0 to 1; `null` without answers.
    pub hit_rate: Option<f64>,
    /// `good`, `middling` or `poor`; `null` without answers.
    pub mark: Option<Cow<'static, str>>,
    /// How many files were looked at.
    pub files_verified: u64,
    /// How many issues were read again.
    pub issues_read_again: u64,
    /// How often it was made afresh.
    pub rebuilds: u64,
    /// Since when that is counted; `null` where nothing was counted.
    pub since: Option<String>,
    /// How much of what was counted can't be read.
    pub unreadable_bytes: u64,
    /// Where the index lies; `null` for one that lives in memory because no file can be written.
    pub path: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: u64,
}

/// What a cache in memory was good for, of a class.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassUse {
    /// The class, such as `search.filter`.
    pub class: String,
    /// Lookups that found something.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// From 0 to 1; `null` without lookups.
    pub hit_rate: Option<f64>,
    /// `good`, `middling` or `poor`; `null` without lookups.
    pub mark: Option<Cow<'static, str>>,
    /// Entries stored so far.
    pub inserts: u64,
    /// Entries that left for want of room.
    pub evictions: u64,
    /// Entries whose time was over.
    pub expired: u64,
    /// Entries that something changed made wrong.
    pub invalidated: u64,
    /// Entries there are.
    pub entries: u64,
    /// Their weight, in what the capacity is counted in.
    pub weight: u64,
    /// How much there is room for.
    pub capacity: u64,
}

/// How a process that stays caches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CacheSettings))]
pub struct Settings {
    /// Whether anything is kept.
    pub enabled: bool,
    /// How long at the most; `null` for the time of each class.
    pub ttl_seconds: Option<u64>,
    /// How many issues.
    pub issues: u64,
    /// How many answers.
    pub answers: u64,
    /// How long an answer may be given without another look at the files.
    pub check_milliseconds: u64,
}

/// What caches hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CacheEntries {
    /// Rows of the index on the disk, by kind; `null` where there is none.
    pub index: Option<Vec<IndexRows>>,
    /// Entries in memory of a process that stays, those in most demand first.
    pub memory: Vec<Entry>,
}

/// How many rows of a kind an index has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndexRows {
    /// `issues`, `names`, `links`, `unreadable`, `directories` or `files`.
    pub kind: Cow<'static, str>,
    /// How many.
    pub rows: u64,
}

/// An entry in memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CacheEntry))]
pub struct Entry {
    /// Its class.
    pub class: String,
    /// What it is kept under.
    pub key: String,
    /// How long ago it was stored.
    pub age_milliseconds: u64,
    /// How long it may still be given; `null` for ever.
    pub expires_in_milliseconds: Option<u64>,
    /// How often it was asked for, about.
    pub hits: u32,
    /// Its weight.
    pub weight: u32,
}

/// What to think of a hit rate.
pub fn mark(rate: f64) -> &'static str {
    match rate {
        rate if rate >= 0.8 => "good",
        rate if rate >= 0.5 => "middling",
        _ => "poor",
    }
}
