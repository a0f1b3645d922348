//! Measures the command line as whole processes, and the limits that no implementation could beat on
//! the same machine in the same run. `cargo xtask bench cli` starts this program once a size and
//! holds the figures against the targets.
//!
//! Everything that is compared is measured in turns, in a random order in every round, so that a
//! busy machine slows both sides of a ratio alike. One line goes to standard output for each
//! figure: name, median, 95th percentile, number of samples; times in milliseconds.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, reason = "a measuring program")]

mod baseline;
mod limits;
mod peak;
mod process;
mod reads;
mod repository;
mod rounds;
mod syncs;
mod words;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::repository::Repository;

/// What is measured, and how often.
#[derive(Clone, Debug)]
struct Options {
    /// The distributed binary.
    binary: PathBuf,
    /// A static program that does nothing.
    noop: PathBuf,
    /// An empty folder for repositories.
    folder: PathBuf,
    /// How many issues.
    size: u32,
    /// What the generated issues follow from.
    seed: u64,
    /// How often each command is run.
    rounds: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((first, command)) if first == peak::ARGUMENT => peak::print(command),
        _ => Options::parse(&arguments).and_then(|options| measure(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    let repository = Repository::generate(options)?;
    eprintln!("{} issues: reading", options.size);
    reads::measure(&repository, options)?;
    eprintln!("{} issues: writing", options.size);
    writes::measure(&repository, options)?;
    eprintln!("{} issues: rebuilding and importing", options.size);
    limits::measure_bulk(&repository, options)
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            binary: PathBuf::new(),
            noop: PathBuf::new(),
            folder: PathBuf::new(),
            size: 1000,
            seed: 1,
            rounds: 60,
        };
        // Cargo adds `--bench` of its own accord.
        let mut words = arguments.iter().filter(|word| *word != "--bench");
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--binary" => options.binary = value.into(),
                "--noop" => options.noop = value.into(),
                "--dir" => options.folder = value.into(),
                "--size" => options.size = value.parse().context("--size")?,
                "--seed" => options.seed = value.parse().context("--seed")?,
                "--rounds" => options.rounds = value.parse().context("--rounds")?,
                _ => bail!("unknown option {word}; start this through `cargo xtask bench cli`"),
            }
        }
        for path in [&options.binary, &options.noop, &options.folder] {
            if !path.is_absolute() {
                bail!("--binary, --noop and --dir are absolute paths; start this through `cargo xtask bench cli`");
            }
        }
        Ok(options)
    }
}
