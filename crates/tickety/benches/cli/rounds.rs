//! Measuring in turns.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Something that is measured again and again.
pub(crate) struct Task<'a> {
    name: String,
    /// Runs it once, given the number of the round, and says how long it took.
    run: Box<dyn FnMut(usize) -> Result<Duration> + 'a>,
}

impl<'a> Task<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut(usize) -> Result<Duration> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Runs every task once a round, in a new random order each, and prints the figures. The first
/// round warms the caches and doesn't count.
pub(crate) fn measure(tasks: &mut [Task<'_>], rounds: usize, seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut samples = vec![Vec::with_capacity(rounds); tasks.len()];
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    for round in 0..=rounds {
        random.shuffle(&mut order);
        for index in &order {
            let task = &mut tasks[*index];
            let took = (task.run)(round).with_context(|| task.name.clone())?;
            if round > 0 {
                samples[*index].push(took);
            }
        }
    }
    for (task, samples) in tasks.iter().zip(&mut samples) {
        print_times(&task.name, samples);
    }
    Ok(())
}

/// Prints the median and the 95th percentile of some times.
pub(crate) fn print_times(name: &str, samples: &mut [Duration]) {
    samples.sort_unstable();
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    println!("{name}\t{:.4}\t{:.4}\t{}", at(0.5), at(0.95), samples.len());
}

/// Prints a figure that is no time.
pub(crate) fn print_figure(name: &str, value: f64) {
    println!("{name}\t{value:.4}\t{value:.4}\t1");
}
