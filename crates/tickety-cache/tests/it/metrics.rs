//! What the `metrics` facade is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tickety_cache::{Cache, Class, METRICS};

type Figures = Arc<Mutex<BTreeMap<String, f64>>>;

#[derive(Default)]
struct Sink {
    figures: Figures,
    described: Mutex<Vec<String>>,
}

struct Cell(String, Figures);

impl CounterFn for Cell {
    fn increment(&self, _: u64) {
        unreachable!("the figures are absolute");
    }

    fn absolute(&self, value: u64) {
        self.1.lock().unwrap().insert(self.0.clone(), value as f64);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        unreachable!("the figures are absolute");
    }

    fn decrement(&self, _: f64) {
        unreachable!("the figures are absolute");
    }

    fn set(&self, value: f64) {
        self.1.lock().unwrap().insert(self.0.clone(), value);
    }
}

impl Sink {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
        Arc::new(Cell(format!("{} {}", key.name(), labels.join(" ")), self.figures.clone()))
    }
}

impl Recorder for Sink {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_counter(name, unit, help);
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_metric_is_described_and_says_what_the_statistics_say() {
    let sink = Sink::default();
    let cache = Cache::<u32, u32>::builder(10).class(Class::new("other")).build();
    cache.insert(1, 1);
    cache.get(&1);
    cache.get(&1);
    cache.get(&2);
    metrics::with_local_recorder(&sink, || {
        Cache::<u32, u32>::describe_metrics();
        cache.report_metrics("issues");
    });
    let figures = sink.figures.lock().unwrap();
    assert_eq!(figures.len(), METRICS.len() * 2);
    let figure = |name: &str| figures[name];
    assert_eq!(figure("cache_hits_total issues default"), 2.0);
    assert_eq!(figure("cache_misses_total issues default"), 1.0);
    assert_eq!(figure("cache_entries issues default"), 1.0);
    assert_eq!(figure("cache_hits_total issues other"), 0.0);
    let names: Vec<_> = METRICS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(*sink.described.lock().unwrap(), names);
}

#[test]
fn the_names_are_stable() {
    let names: Vec<_> = METRICS.iter().map(|(name, ..)| name.strip_prefix("cache_").unwrap()).collect();
    assert_eq!(
        names.join(" "),
        "hits_total stale_hits_total negative_hits_total misses_total loads_total load_failures_total \
         load_microseconds_total coalesced_total refreshes_total stale_on_error_total refused_total rejected_total \
         inserts_total removals_capacity_total removals_expired_total removals_replaced_total \
         removals_invalidated_total entries weight capacity"
    );
}
