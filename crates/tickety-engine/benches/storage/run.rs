//! One run of the workload, in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fastrand::Rng;
use tickety_cache::ManualClock;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage};
use tickety_store::{FreshnessMode, IssueStorage};

use crate::Options;
use crate::figures::Figures;
use crate::repeated;
use crate::repository::{PAUSE, Repository};
use crate::workload::{Asked, Kind, Request, Worker};

/// One request in so many is followed by a change from outside.
pub(crate) const OUTSIDE: u32 = 200;

/// How many requests are counted as the start, when nothing is in memory yet: half a minute.
pub(crate) const COLD: u32 = 600;

/// How many follow that aren't counted: five minutes, after which whatever was kept first has been dropped for its age. A
/// store without a cache is spared the questions among them.
pub(crate) const FILL: u32 = 6_000;

/// How the store is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Way {
    Alone,
    Cached,
    /// With a cache; what an issue that is read links to is read as well.
    Ahead,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Alone, Self::Cached, Self::Ahead];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Cached => "cached",
            Self::Ahead => "ahead",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word).with_context(|| format!("there is no way `{word}`"))
    }
}

/// Adds what the questions of a part of the run took: times in nanoseconds.
fn add(figures: &mut Figures, part: &str, kind: Kind, asked: &[Asked]) {
    let mut times: Vec<Duration> = asked.iter().map(|asked| asked.time).collect();
    times.sort_unstable();
    let quantile = |percent: usize| {
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default().as_nanos() as f64
    };
    let sum = |figure: fn(&Asked) -> u64| asked.iter().map(figure).sum::<u64>() as f64;
    for (what, value) in [
        ("count", asked.len() as f64),
        ("loaded", sum(|asked| u64::from(asked.is_loaded))),
        ("statements", sum(|asked| asked.effort.statements)),
        ("looked at", sum(|asked| asked.effort.looked_at)),
        ("read", sum(|asked| asked.effort.read)),
        ("p50", quantile(50)),
        ("p95", quantile(95)),
        ("total", times.iter().sum::<Duration>().as_nanos() as f64),
    ] {
        figures.put(format!("{part} {} {what}", kind.as_str()), value);
    }
}

/// Runs the workload on a repository that is there.
pub(crate) fn run(options: &Options, freshness: FreshnessMode, way: Way) -> Result<Figures> {
    let repository = Repository::at(&folder(options, freshness, way));
    let repo = repository.open(freshness)?;
    let counted = Arc::new(InstrumentedIssueStorage::new(repo.clone()));
    let clock = Arc::new(ManualClock::new());
    let cached = Arc::new(CachedIssueStorage::with_clock(counted.clone(), CacheSettings::default(), clock.clone()));
    let store: Arc<dyn IssueStorage> = if way == Way::Alone { counted.clone() } else { cached.clone() };
    let loads = || counted.snapshot().values().map(|stats| stats.latency.count).sum();
    let mut worker = Worker::new(&repository, store.clone(), repo, options.size, way == Way::Ahead, &loads);
    // The first question finds what was generated just now, which nobody should be charged for.
    worker.list(Kind::List, "is:open limit:1")?;
    worker.asked.clear();
    let before = resident()?;
    let mut figures = Figures::default();
    let mut rng = Rng::with_seed(options.seed);
    let warm = COLD + FILL;
    for (part, turns) in [("cold", 0..COLD), ("fill", COLD..warm), ("warm", warm..warm + options.requests)] {
        for turn in turns {
            clock.advance(PAUSE);
            worker.turn = turn;
            let request = Request::random(&mut rng);
            let seed = rng.u64(..);
            if rng.u32(..OUTSIDE) == 0 {
                worker.change_outside(&mut Rng::with_seed(seed))?;
            }
            if part != "fill" || way != Way::Alone || request == Request::Write {
                worker.answer(request, &mut Rng::with_seed(seed))?;
            }
        }
        for (kind, asked) in std::mem::take(&mut worker.asked) {
            add(&mut figures, part, kind, &asked);
        }
    }
    figures.put("growth", resident()? - before);
    let stats = cached.stats();
    figures.put("issues kept", stats["get"].entries as f64);
    let answers = stats.iter().filter(|(class, _)| **class != "get");
    figures.put("answers kept", answers.map(|(_, stats)| stats.entries as f64).sum());
    repeated::measure(&*store, &repository, &mut figures)?;
    Ok(figures)
}

/// Where the repository of a run lies.
pub(crate) fn folder(options: &Options, freshness: FreshnessMode, way: Way) -> PathBuf {
    options.folder.join(format!("{}-{freshness}-{}", options.size, way.as_str()))
}

/// Returns the resident memory of the process, in bytes.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default();
    Ok(kilobytes * 1024.0)
}
