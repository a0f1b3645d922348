//! Measures the server: a cached issue and a list beside the same bytes from a route that does nothing else, clients that
//! mean no good beside ones that do, memory over many requests, and a dashboard through the caching client.
//! `cargo xtask bench http` starts it.
//!
//! The server has one core, and what asks has another, where `taskset` is there to say so; both speak through the loopback
//! device. Runs that are compared take turns.

#![expect(clippy::disallowed_methods, reason = "a measuring program reads its arguments and starts programs")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program prints tables")]

mod dashboard;
mod figures;
mod hostile;
mod load;
mod memory;
mod process;
mod speed;
mod stack;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// What is measured.
#[derive(Clone, Debug, Default)]
struct Options {
    /// An empty folder for repositories.
    folder: PathBuf,
    /// The program whose `serve` is measured.
    program: PathBuf,
    /// Few rounds, for a first look.
    quick: bool,
    /// Serve the stack, which is what this process is for.
    serve: bool,
}

impl Options {
    /// How long one measurement takes.
    fn round(&self) -> Duration {
        Duration::from_millis(if self.quick { 1_000 } else { 4_000 })
    }

    /// How often what is compared takes turns.
    fn turns(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options::default();
    // Cargo adds `--bench` of its own accord.
    let mut words = arguments.iter().filter(|word| *word != "--bench");
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--dir" => options.folder = value()?.into(),
            "--program" => options.program = value()?.into(),
            "--quick" => options.quick = true,
            "--serve" => options.serve = true,
            _ => bail!("unknown option {word}; start this through `cargo xtask bench http`"),
        }
    }
    Ok(options)
}

fn measure(options: &Options) -> Result<()> {
    if options.serve {
        return stack::serve();
    }
    process::raise_file_limit();
    let home = process::make_home(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    process::pin_self();
    runtime.block_on(async {
        speed::measure(options, &home).await?;
        hostile::measure(options, &home).await?;
        memory::measure(options, &home).await?;
        dashboard::measure(options, &home).await
    })
}
