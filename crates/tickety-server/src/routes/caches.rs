//! What the caches of a project are good for and hold.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as At;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tickety_api::cache::{CacheEntries, CacheStats, ClassUse, Entry, Settings, mark};
use tickety_api::{Envelope, ErrorCode, Meta};
use tickety_cache::Stats;
use tickety_engine::layers::CacheSettings;
use tickety_store::IssueStorage;
use utoipa::{IntoParams, ToSchema};

use crate::extract::Parameters;
use crate::problem::Problem;
use crate::project::Project;
use crate::reading::{Made, Reading};
use crate::state::State;
use crate::writing::{self, WithBody};

/// How many entries are listed where nothing else is said.
const LISTED: u32 = 50;

/// The class of the answers that are kept as they are sent.
const ANSWERS: &str = "http";

/// The parameters of entries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntryParameters {
    /// How many entries in memory at the most.
    #[param(maximum = 1000)]
    limit: Option<u32>,
}

/// Nothing is said where caches are cleared.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClearBody {}

/// The `data` of an answer about clearing caches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cleared {
    /// How many entries were forgotten, about.
    entries: u64,
}

/// Tells what the caches are good for.
#[utoipa::path(
    get,
    path = "/cache/stats",
    tag = "cache",
    operation_id = "showCacheStats",
    responses((status = 200, description = "The answer", body = Envelope<CacheStats>))
)]
pub(crate) async fn stats(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    let project = Arc::clone(&state.project);
    let answer = async move |_: &dyn IssueStorage| {
        let index = project.index.as_ref().map(|index| index.usage(false)).transpose()?;
        let stats = CacheStats { index, memory: classes(&project), settings: settings(&project.settings) };
        Ok(Made::new(stats, Meta::default()))
    };
    reading.answer(&state, answer).await
}

/// Tells what the caches hold.
#[utoipa::path(
    get,
    path = "/cache/entries",
    tag = "cache",
    operation_id = "listCacheEntries",
    params(EntryParameters),
    responses((status = 200, description = "The answer", body = Envelope<CacheEntries>))
)]
pub(crate) async fn entries(
    At(state): At<State>,
    reading: Reading,
    Parameters(EntryParameters { limit }): Parameters<EntryParameters>,
) -> Result<Response, Problem> {
    let most = state.shared.limits.page;
    if limit.is_some_and(|limit| limit > most) {
        return Err(
            Problem::new(ErrorCode::BadValue, format_args!("at most {most} entries are listed")).of_parameter("limit")
        );
    }
    let most = limit.unwrap_or(LISTED).min(most) as usize;
    let project = Arc::clone(&state.project);
    let answer = async move |_: &dyn IssueStorage| {
        let index = project.index.as_ref().map(|index| index.rows()).transpose()?;
        let kept = project.cached.as_ref().map(|cached| cached.entries(most)).unwrap_or_default();
        let memory = kept.into_iter().map(|(class, entry)| Entry {
            class,
            key: entry.key,
            age_milliseconds: milliseconds(entry.age),
            expires_in_milliseconds: entry.expires_in.map(milliseconds),
            hits: entry.hits,
            weight: entry.weight,
        });
        Ok(Made::new(CacheEntries { index, memory: memory.collect() }, Meta::default()))
    };
    reading.answer(&state, answer).await
}

/// Forgets what is kept in memory.
#[utoipa::path(
    post,
    path = "/cache/clear",
    tag = "cache",
    operation_id = "clearCaches",
    request_body = ClearBody,
    responses((status = 200, description = "What was forgotten", body = Envelope<Cleared>))
)]
pub(crate) async fn clear(
    At(state): At<State>,
    WithBody { writing, body: ClearBody {} }: WithBody<ClearBody>,
) -> Result<Response, Problem> {
    writing.check_without_tags(false)?;
    let project = &state.project;
    let entries = classes(project).iter().map(|class| class.entries).sum();
    if let Some(cached) = &project.cached {
        cached.clear();
    }
    project.representations.clear();
    Ok(writing::respond(StatusCode::OK, Cleared { entries }, false))
}

fn classes(project: &Project) -> Vec<ClassUse> {
    let kept = project.cached.as_ref().map(|cached| cached.stats()).unwrap_or_default();
    let kept = kept.into_iter().map(|(name, stats)| class(name, &stats));
    kept.chain([class(ANSWERS, &project.kept_answers())]).collect()
}

fn class(name: &str, stats: &Stats) -> ClassUse {
    let hit_rate = stats.hit_rate();
    ClassUse {
        class: name.to_owned(),
        hits: stats.hits,
        misses: stats.misses,
        hit_rate,
        mark: hit_rate.map(|rate| mark(rate).into()),
        inserts: stats.inserts,
        evictions: stats.removals.capacity,
        expired: stats.removals.expired,
        invalidated: stats.removals.invalidated,
        entries: stats.entries,
        weight: stats.weight,
        capacity: stats.capacity,
    }
}

fn settings(settings: &CacheSettings) -> Settings {
    let CacheSettings { enabled, ttl, issues, answers, check_every, namespace: _ } = settings;
    Settings {
        enabled: *enabled,
        ttl_seconds: ttl.map(|ttl| ttl.as_secs()),
        issues: *issues,
        answers: *answers,
        check_milliseconds: milliseconds(*check_every),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
