//! Statistics for the `metrics` facade.

use std::hash::Hash;

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::cache::Cache;
use crate::stats::Stats;

/// A metric: its name, which ends with `_total` if it counts, its unit and its help text.
pub type Metric = (&'static str, Unit, &'static str);

/// The metrics that [`Cache::report_metrics`] sets: name, unit, help text. All carry the labels `cache` and
/// `class`; names are stable.
pub const METRICS: [Metric; 20] = [
    ("cache_hits_total", Unit::Count, "Lookups that found something: fresh, stale or negative"),
    ("cache_stale_hits_total", Unit::Count, "Lookups that found something stale"),
    ("cache_negative_hits_total", Unit::Count, "Lookups that found that there is no such thing"),
    ("cache_misses_total", Unit::Count, "Lookups that found nothing"),
    ("cache_loads_total", Unit::Count, "Loads that came to a result"),
    ("cache_load_failures_total", Unit::Count, "Loads that failed, panicked or were given up"),
    ("cache_load_microseconds_total", Unit::Microseconds, "Time that loads took, failed ones included"),
    ("cache_coalesced_total", Unit::Count, "Callers that waited for a load that another had begun"),
    ("cache_refreshes_total", Unit::Count, "Loads of what was stale or about to be"),
    ("cache_stale_on_error_total", Unit::Count, "Values served although over since loading failed or took too long"),
    ("cache_refused_total", Unit::Count, "Loaded values not stored since something was invalidated meanwhile"),
    ("cache_rejected_total", Unit::Count, "Values not stored since they are too heavy or over"),
    ("cache_inserts_total", Unit::Count, "Entries stored"),
    ("cache_removals_capacity_total", Unit::Count, "Entries that left since there was no room"),
    ("cache_removals_expired_total", Unit::Count, "Entries that left since their time was over"),
    ("cache_removals_replaced_total", Unit::Count, "Entries that left since another was stored under their key"),
    ("cache_removals_invalidated_total", Unit::Count, "Entries that were removed or invalidated"),
    ("cache_entries", Unit::Count, "Entries stored"),
    ("cache_weight", Unit::Count, "Weight of the entries stored"),
    ("cache_capacity", Unit::Count, "Entries that fit, or weight"),
];

/// Gives the recorder units and help texts of metrics.
pub fn describe(metrics: &[Metric]) {
    for &(name, unit, help) in metrics {
        match name.ends_with("_total") {
            true => describe_counter!(name, unit, help),
            false => describe_gauge!(name, unit, help),
        }
    }
}

/// Sets metrics to these figures, with labels.
pub fn report(figures: impl IntoIterator<Item = (Metric, u64)>, labels: &[(&'static str, &str)]) {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    for ((name, ..), figure) in figures {
        match name.ends_with("_total") {
            true => counter!(name, labels.iter()).absolute(figure),
            false => gauge!(name, labels.iter()).set(figure as f64),
        }
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Gives the recorder units and help texts. Once is enough, for all caches.
    pub fn describe_metrics() {
        describe(&METRICS);
    }

    /// Sets the metrics of this cache, under a name, to what the statistics say now. Call it before they are
    /// scraped, or from time to time.
    pub fn report_metrics(&self, cache: &str) {
        for (id, class) in self.classes() {
            report(figures(&self.stats_of(id)), &[("cache", cache), ("class", class)]);
        }
    }
}

/// Returns each of the [metrics](METRICS) with what statistics say of it, for those who report them in their own way.
#[must_use]
pub fn figures(stats: &Stats) -> [(Metric, u64); 20] {
    let figures = [
        stats.hits,
        stats.stale_hits,
        stats.negative_hits,
        stats.misses,
        stats.loads,
        stats.load_failures,
        u64::try_from(stats.load_time.as_micros()).unwrap_or(u64::MAX),
        stats.coalesced,
        stats.refreshes,
        stats.stale_on_error,
        stats.refused,
        stats.rejected,
        stats.inserts,
        stats.removals.capacity,
        stats.removals.expired,
        stats.removals.replaced,
        stats.removals.invalidated,
        stats.entries,
        stats.weight,
        stats.capacity,
    ];
    std::array::from_fn(|index| (METRICS[index], figures[index]))
}
