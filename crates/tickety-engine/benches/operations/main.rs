//! What single operations of storage take, on a repository alone and with a cache in front. `cargo xtask bench criterion`
//! starts it; Criterion's own options follow, as in `-- --quick get`.

#[path = "../storage/repository.rs"]
mod repository;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use fastrand::Rng;
use pollster::block_on;
use tickety_core::ident::IssueNumber;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_engine::layers::{CacheSettings, CachedIssueStorage};
use tickety_store::{Batch, FreshnessMode, IssueStorage};

use crate::repository::{Repository, query};

/// How many issues there are.
const ISSUES: u32 = 10_000;

/// How many operations a batch has.
const BATCH: u32 = 20;

/// A store that is measured.
struct Subject<'a> {
    name: &'static str,
    store: Arc<dyn IssueStorage>,
    repository: &'a Repository,
}

fn main() {
    // A disk, which `/tmp` may not be.
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder for a repository can be made");
    let repository = Repository::generate(&folder.path().join("repository"), 1, ISSUES).expect("issues can be made");
    let alone = repository.open(FreshnessMode::Verify).expect("the repository can be opened");
    let cached = Arc::new(CachedIssueStorage::new(alone.clone(), CacheSettings::default()));
    let subject = |name, store| Subject { name, store, repository: &repository };
    let subjects = [subject("alone", alone), subject("cached", cached)];
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (name, operation) in [
        ("get", get as fn(&Subject<'_>, &mut Rng)),
        ("list of 100", list),
        ("search", search),
        ("create", create),
        ("batch", batch),
    ] {
        let mut group = criterion.benchmark_group(name);
        for subject in &subjects {
            let mut rng = Rng::with_seed(1);
            group.bench_function(BenchmarkId::from_parameter(subject.name), |bencher| {
                bencher.iter(|| operation(subject, &mut rng));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    std::fs::remove_dir_all(&repository.folder).expect("what was made can be removed");
}

impl Subject<'_> {
    fn list(&self, text: &str) {
        black_box(block_on(self.store.list(&query(text), &self.repository.moment(0))).expect("lists are answered"));
    }

    fn apply(&self, operations: Vec<Operation>) {
        let batch = Batch::new(operations, Some("ann".to_owned()), self.repository.moment(0).now);
        block_on(self.store.apply(batch)).expect("writes succeed");
    }
}

/// Reads one of a hundred issues.
fn get(subject: &Subject<'_>, rng: &mut Rng) {
    let number = IssueNumber::new(rng.u32(1..=100)).expect("issues are counted from one");
    black_box(block_on(subject.store.get(number.into())).expect("the issue is there"));
}

fn list(subject: &Subject<'_>, _: &mut Rng) {
    subject.list("is:any limit:100");
}

fn search(subject: &Subject<'_>, _: &mut Rng) {
    subject.list("timeout -retry limit:20");
}

fn create(subject: &Subject<'_>, _: &mut Rng) {
    subject.apply(vec![Operation::Create(Box::new(Draft::new("Something new")))]);
}

/// Renames issues, other ones each time.
fn batch(subject: &Subject<'_>, rng: &mut Rng) {
    let first = rng.u32(1..ISSUES - BATCH);
    let rename = |number| Operation::Update {
        target: IssueNumber::new(number).expect("issues are counted from one").into(),
        expected: None,
        changes: vec![Change::Title(format!("Renamed {}", rng.u32(..)))],
    };
    subject.apply((first..first + BATCH).map(rename).collect());
}
