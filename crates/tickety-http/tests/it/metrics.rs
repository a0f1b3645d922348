//! The statistics as metrics.

use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tickety_http::{Client, METRICS};

use crate::world::World;

#[derive(Clone, Default)]
struct Noted {
    described: Arc<Mutex<Vec<String>>>,
    set: Arc<Mutex<Vec<(String, f64)>>>,
}

struct Figure(String, Noted);

impl CounterFn for Figure {
    fn increment(&self, _: u64) {}

    fn absolute(&self, value: u64) {
        self.1.set.lock().unwrap().push((self.0.clone(), value as f64));
    }
}

impl GaugeFn for Figure {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        self.1.set.lock().unwrap().push((self.0.clone(), value));
    }
}

impl Recorder for Noted {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.described.lock().unwrap().push(format!("{} {unit:?} {help}", key.as_str()));
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_counter(key, unit, help);
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Figure(named(key), self.clone())))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Figure(named(key), self.clone())))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn named(key: &Key) -> String {
    let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{}{{{}}}", key.name(), labels.join(","))
}

#[tokio::test]
async fn every_figure_is_described_and_set_under_its_name() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=60")], "text");
    for _ in 0..3 {
        world.text("/a").await;
    }
    let noted = Noted::default();
    metrics::with_local_recorder(&noted, || {
        Client::describe_metrics();
        world.client.report_metrics("test");
    });
    assert_eq!(noted.described.lock().unwrap().len(), METRICS.len());
    let set = noted.set.lock().unwrap();
    let names: Vec<_> = set.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, METRICS.map(|(name, ..)| format!("{name}{{client=test}}")));
    let figure = |name: &str| set.iter().find(|(known, _)| known.starts_with(&format!("{name}{{"))).unwrap().1;
    assert_eq!((figure("http_cache_hits_total"), figure("http_cache_misses_total")), (2.0, 1.0));
    assert_eq!((figure("http_client_requests_total"), figure("http_cache_saved_bytes_total")), (1.0, 8.0));
    assert_eq!(figure("http_cache_entries"), 1.0);
    assert!(figure("http_cache_bytes") > 1_000.0 && figure("http_cache_capacity_bytes") == f64::from(64 << 20));
}

#[test]
fn names_stay() {
    let names = METRICS.map(|(name, ..)| name);
    let expected = [
        "http_cache_hits_total",
        "http_cache_misses_total",
        "http_cache_stale_serves_total",
        "http_cache_revalidations_total",
        "http_cache_stored_total",
        "http_cache_coalesced_total",
        "http_cache_bypassed_total",
        "http_cache_invalidations_total",
        "http_cache_saved_bytes_total",
        "http_cache_evicted_total",
        "http_client_requests_total",
        "http_client_retries_total",
        "http_client_failures_total",
        "http_cache_entries",
        "http_cache_bytes",
        "http_cache_capacity_bytes",
    ];
    assert_eq!(names, expected);
}
