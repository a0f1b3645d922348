//! What is said of projects and of the process when somebody asks for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tickety_cache::Stats;
use tickety_server::Project;
use tickety_server::metrics::Exposition;

use super::syncing::Syncing;
use crate::compose::{Looked, Served, WatchMode};

/// What a watcher has done.
#[derive(Debug, Default)]
pub struct Looks {
    count: AtomicU64,
    noticed: AtomicU64,
    /// How long what was noticed has waited in all, in nanoseconds.
    waited: AtomicU64,
    /// How long it waited last.
    last: AtomicU64,
}

impl Looks {
    /// Takes a look into account.
    pub fn note(&self, looked: Looked) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(lag) = looked.lag {
            let lag = u64::try_from(lag.as_nanos()).unwrap_or(u64::MAX);
            self.noticed.fetch_add(1, Ordering::Relaxed);
            self.waited.fetch_add(lag, Ordering::Relaxed);
            self.last.store(lag, Ordering::Relaxed);
        }
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

/// Says the figures of a project.
pub fn of_project(project: &Project, served: &Served, looks: &Looks, syncing: Option<&Syncing>, more: &mut Exposition) {
    let name = project.name();
    of_cache(&[("project", name), ("cache", "answers"), ("class", "bytes")], &project.kept_answers(), more);
    let project = [("project", name)];
    for (kind, stats) in served.instrumented.snapshot() {
        let labels = [("project", name), ("operation", kind.as_str())];
        let latency = stats.latency;
        let quantiles = [
            ("0.5", latency.p50.as_secs_f64()),
            ("0.95", latency.p95.as_secs_f64()),
            ("0.99", latency.p99.as_secs_f64()),
        ];
        let sum = latency.mean.as_secs_f64() * latency.count as f64;
        let help = "Time that operations of the store took, those that failed included";
        more.summary("tickety_storage_operation_duration_seconds", help, &labels, &quantiles, (sum, latency.count));
        let help = "Operations of the store that failed";
        more.counter("tickety_storage_operation_errors_total", help, &labels, stats.errors as f64);
    }
    if let Some(cached) = &served.cached {
        for (class, stats) in cached.stats() {
            of_cache(&[("project", name), ("cache", "store"), ("class", class)], &stats, more);
        }
    }
    let events = "Events that were handed to those who listen";
    more.counter("tickety_events_published_total", events, &project, served.bus.handed_on() as f64);
    let clients = "Clients that follow the events";
    more.gauge("tickety_event_clients", clients, &project, served.bus.subscribers() as f64);
    of_watcher(&project, served, looks, more);
    if let Some(syncing) = syncing {
        let state = syncing.state();
        let unpushed = "Issues that are not committed, and commits that are not pushed, as of the last fetch";
        more.gauge("tickety_unpushed_changes", unpushed, &project, state.unpushed as f64);
        let age = "How long there have been unpushed changes, as far as this process has seen it";
        let since = state.since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        more.gauge("tickety_unpushed_age_seconds", age, &project, since);
        for (result, count) in [("ok", state.counts.0), ("failed", state.counts.1)] {
            let labels = [("project", name), ("result", result)];
            more.counter("tickety_syncs_total", "Exchanges with the remote", &labels, count as f64);
        }
    }
}

fn of_watcher(project: &[(&str, &str)], served: &Served, looks: &Looks, more: &mut Exposition) {
    let status = served.watcher.status();
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let watching = f64::from(u8::from(status.mode == WatchMode::Notices));
    more.gauge("tickety_watcher_watching", "1 if the system names the files that change", project, watching);
    let lag = "How long the change has been waiting that is waiting longest, or waited last";
    let waiting = status.waiting.map_or_else(|| seconds(load(&looks.last)), |waiting| waiting.as_secs_f64());
    more.gauge("tickety_watcher_lag_seconds", lag, project, waiting);
    let (sum, count) = (seconds(load(&looks.waited)), load(&looks.noticed));
    let waits = "Time between a change of a file and its being in answers and events";
    more.summary("tickety_watcher_delay_seconds", waits, project, &[], (sum, count));
    more.counter("tickety_watcher_looks_total", "Looks at files", project, load(&looks.count) as f64);
    let ago = status.looked.map_or(0.0, |ago| ago.as_secs_f64());
    more.gauge("tickety_watcher_look_age_seconds", "Time since the last look", project, ago);
}

/// Says the figures of a cache, or of a class of it.
fn of_cache(labels: &[(&str, &str)], stats: &Stats, more: &mut Exposition) {
    for (metric, figure) in tickety_cache::figures(stats) {
        let (name, _, help) = metric;
        // Loads are the layer's own business, and their unit isn't the usual one.
        if name.contains("_microseconds") {
            continue;
        }
        if name.ends_with("_total") {
            more.counter(name, help, labels, figure as f64);
        } else {
            more.gauge(name, help, labels, figure as f64);
        }
    }
    if let Some(rate) = stats.hit_rate() {
        more.gauge("cache_hit_ratio", "Share of lookups that found something", labels, rate);
    }
}
