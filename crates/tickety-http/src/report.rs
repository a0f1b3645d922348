//! Statistics for the `metrics` facade.

use metrics::Unit;
use tickety_cache::Metric;

use crate::client::Client;

/// The metrics that [`Client::report_metrics`] sets: name, unit, help text. All carry the label `client`; names are stable.
pub const METRICS: [Metric; 16] = [
    ("http_cache_hits_total", Unit::Count, "Answers served without asking the origin, fresh or stale"),
    ("http_cache_misses_total", Unit::Count, "GET and HEAD for which nothing of use was stored"),
    ("http_cache_stale_serves_total", Unit::Count, "Stale answers that were served"),
    ("http_cache_revalidations_total", Unit::Count, "Stored answers that the origin said are still right"),
    ("http_cache_stored_total", Unit::Count, "Answers that were stored"),
    ("http_cache_coalesced_total", Unit::Count, "Requests answered by the request of another caller"),
    ("http_cache_bypassed_total", Unit::Count, "Requests that were not for the cache"),
    ("http_cache_invalidations_total", Unit::Count, "Writes after which stored answers were invalidated"),
    ("http_cache_saved_bytes_total", Unit::Bytes, "Bytes of bodies that the origin did not have to send"),
    ("http_cache_evicted_total", Unit::Count, "URLs that left since there was no room"),
    ("http_client_requests_total", Unit::Count, "Requests sent, repeated ones included"),
    ("http_client_retries_total", Unit::Count, "Requests that were tried again"),
    ("http_client_failures_total", Unit::Count, "Requests that came to no answer"),
    ("http_cache_entries", Unit::Count, "URLs for which answers are stored"),
    ("http_cache_bytes", Unit::Bytes, "Bytes that the stored answers take"),
    ("http_cache_capacity_bytes", Unit::Bytes, "Bytes that the stored answers may take"),
];

impl Client {
    /// Gives the recorder units and help texts. Once is enough, for all clients.
    pub fn describe_metrics() {
        tickety_cache::describe(&METRICS);
    }

    /// Sets the metrics of this client, under a name, to what the statistics say now. Call it before they are scraped, or
    /// from time to time.
    pub fn report_metrics(&self, client: &str) {
        let stats = self.stats();
        let figures = [
            stats.hits,
            stats.misses,
            stats.stale_serves,
            stats.revalidations,
            stats.stored,
            stats.coalesced,
            stats.bypassed,
            stats.invalidations,
            stats.bytes_saved,
            stats.evicted,
            stats.requests,
            stats.retries,
            stats.failures,
            stats.entries,
            stats.bytes,
            stats.capacity,
        ];
        tickety_cache::report(METRICS.into_iter().zip(figures), &[("client", client)]);
    }
}
