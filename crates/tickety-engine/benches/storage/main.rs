//! Measures what the layers do for a process that stays: the same workload over a store in a repository, alone and with
//! a cache in front, beside each other. `cargo xtask bench storage` starts it.
//!
//! The workload is a dashboard that is loaded again and again, agents that poll what is ready, walks along links and
//! reads of single issues (most often the same ones), with 2 % writes and now and then a change from outside: an edit of a
//! file or a write of another process. The clock of the cache is set: a request comes every 50 ms, so that how often the
//! files are looked at doesn't depend on how fast the machine is. Every run has a process and a repository of its own.

#![expect(clippy::disallowed_methods, reason = "a measuring program reads its arguments and starts itself")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program prints tables")]

mod figures;
mod repeated;
mod report;
mod repository;
mod run;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tickety_store::FreshnessMode;

use crate::run::Way;

/// What is measured.
#[derive(Clone, Debug)]
struct Options {
    /// An empty folder for repositories.
    folder: PathBuf,
    /// How many issues.
    size: u32,
    /// What the generated issues and the workload follow from.
    seed: u64,
    /// How many requests are counted once the process has been there for a while.
    requests: u32,
    /// The one run that this process is for.
    only: Option<(FreshnessMode, Way)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Options::parse(&arguments).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    match options.only {
        Some((freshness, way)) => {
            print!("{}", run::run(options, freshness, way)?);
            Ok(())
        }
        None => report::print(options),
    }
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { folder: PathBuf::new(), size: 10_000, seed: 1, requests: 2_000, only: None };
        // Cargo adds `--bench` of its own accord.
        let mut words = arguments.iter().filter(|word| *word != "--bench");
        while let Some(word) = words.next() {
            if word == "--quick" {
                options.requests = 200;
                continue;
            }
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--dir" => options.folder = value()?.into(),
                "--size" => options.size = value()?.parse().context("--size")?,
                "--seed" => options.seed = value()?.parse().context("--seed")?,
                "--requests" => options.requests = value()?.parse().context("--requests")?,
                "--only" => options.only = Some((value()?.parse()?, Way::parse(value()?)?)),
                _ => bail!("unknown option {word}; start this through `cargo xtask bench storage`"),
            }
        }
        if !options.folder.is_absolute() {
            bail!("--dir is an absolute path; start this through `cargo xtask bench storage`");
        }
        Ok(options)
    }
}
