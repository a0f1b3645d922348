//! Commands that write, beside what a durable write costs on this file system.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Options;
use crate::repository::Repository;
use crate::rounds::{self, Task, print_figure};
use crate::syncs;

/// Measures one create and one update, and counts their syncs.
pub(crate) fn measure(repository: &Repository, options: &Options) -> Result<()> {
    let Repository { place, binary, noop, size, .. } = repository;
    let mut numbers = fastrand::Rng::with_seed(options.seed);
    let create = |round: usize| {
        let body = "Measured: one durable create, as a whole process.";
        [String::from("new"), format!("Measured issue {round}"), String::from("--body"), body.to_owned()]
    };
    // A milestone of its own every time, so that every update is one.
    let mut update = |round: usize| {
        let number = numbers.u32(1..=*size).to_string();
        [String::from("edit"), number, String::from("--milestone"), format!("measured-{round}")]
    };
    print_figure("syncs create", syncs::count(place, binary, &create(usize::MAX))?);
    print_figure("syncs update", syncs::count(place, binary, &update(usize::MAX))?);

    let mut appended = Appended::create(repository)?;
    let mut tasks = vec![
        Task::new("spawn (writes)", |_| place.time::<&str>(noop, &[])),
        Task::new("fdatasync", |_| appended.time()),
        Task::new("create", |round| place.time(binary, &create(round))),
        Task::new("update", |round| place.time(binary, &update(round))),
    ];
    rounds::measure(&mut tasks, options.rounds, options.seed)
}

/// A file that grows by a small record and is synced each time.
struct Appended(std::fs::File);

impl Appended {
    fn create(repository: &Repository) -> Result<Self> {
        let path = repository.place.folder.join(".tmp-appended");
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    fn time(&mut self) -> Result<Duration> {
        self.0.write_all(&[b'x'; 1024])?;
        let begin = Instant::now();
        self.0.sync_data()?;
        Ok(begin.elapsed())
    }
}
