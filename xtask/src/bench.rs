//! Benchmarks: each prints Markdown tables, which docs/benchmarks.md keeps with the command and the
//! machine they come from.

mod cli;
mod figures;
mod git;
mod machine;
mod peers;
mod programs;
mod targets;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::dist;
use crate::program::{self, root};

/// What a benchmark is asked for.
#[derive(Clone, Debug)]
struct Options {
    /// How many issues, for each repository that is measured.
    sizes: Vec<u32>,
    /// Few rounds, for a first look.
    quick: bool,
    /// What the generated issues follow from.
    seed: u64,
    /// A binary to be measured in place of the distributed one.
    program: Option<PathBuf>,
}

/// Runs one of the benchmarks and prints its tables.
pub(crate) fn run(which: &str, words: &[&str]) -> Result<()> {
    match which {
        "batch" => programs::batch(&Options::parse(words, &[10_000])?),
        "cache" => programs::cache(&Options::parse(words, &[])?),
        "cli" => cli::run(&Options::parse(words, &[1_000, 10_000, 100_000])?),
        "criterion" => programs::criterion(words),
        "git" => git::run(&Options::parse(words, &[10_000, 100_000])?),
        "http" => programs::http(&Options::parse(words, &[])?),
        "peers" => peers::run(&Options::parse(words, &[10_000])?),
        "storage" => programs::storage(&Options::parse(words, &[10_000])?),
        _ => bail!("there is no benchmark `{which}`: batch, cache, cli, criterion, git, http, peers, storage"),
    }
}

impl Options {
    fn parse(words: &[&str], sizes: &[u32]) -> Result<Self> {
        let mut options = Self { sizes: sizes.to_vec(), quick: false, seed: 1, program: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--quick" => options.quick = true,
                "--seed" => options.seed = value()?.parse().context("--seed")?,
                "--program" => options.program = Some(PathBuf::from(value()?).canonicalize().context("--program")?),
                "--sizes" | "--size" => {
                    let sizes = value()?.split(',').map(|size| size.replace('_', "").parse());
                    options.sizes =
                        sizes.collect::<Result<_, _>>().context("--sizes takes numbers, as in 1000,10000")?;
                }
                _ => bail!("unknown option {word}: --sizes, --quick, --seed, --program"),
            }
        }
        Ok(options)
    }

    /// Returns the binary to be measured; builds the distributed one where none is given.
    fn binary(&self) -> Result<PathBuf> {
        match &self.program {
            Some(program) => Ok(program.clone()),
            None => Ok(PathBuf::from(dist::build()?)),
        }
    }
}

/// Makes an empty folder for a benchmark: on a disk, which `/var/tmp` is where `/tmp` may not be, and in no git
/// repository, as the target folder would be.
fn scratch(name: &str) -> Result<PathBuf> {
    let folder = PathBuf::from("/var/tmp").join(format!("tickety-bench-{name}"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    folder.canonicalize().with_context(|| folder.display().to_string())
}

/// Builds a static program that does nothing: what starting and ending a process costs here.
fn build_noop() -> Result<PathBuf> {
    let folder = program::target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let (source, noop) = (folder.join("noop.c"), folder.join("noop"));
    std::fs::write(&source, "int main(void) { return 0; }\n")?;
    program::run(Command::new("cc").args(["-O2", "-static", "-o"]).args([&noop, &source]).current_dir(root()))?;
    noop.canonicalize().context("the program was not built")
}
