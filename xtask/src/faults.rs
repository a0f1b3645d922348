//! Faults that are really injected: processes of the real binary are killed, starved and misled, and what
//! stands afterwards is compared with what was acknowledged. Each section prints rows of one table.

mod damage;
mod git;
mod kills;
mod places;
mod power;
mod races;
mod random;
mod requests;
mod state;
mod syscalls;
mod table;
mod template;
mod verdict;
mod world;
mod writes;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use self::table::Row;
use self::world::World;
use crate::program::{self, cargo, read, root};

/// A name and what it does.
type Section = (&'static str, fn(&Setting) -> Result<Vec<Row>>);

const SECTIONS: [Section; 9] = [
    ("kills", kills::run),
    ("requests", requests::run),
    ("syscalls", syscalls::run),
    ("recovery", syscalls::recovery),
    ("power", power::run),
    ("races", races::run),
    ("git", git::run),
    ("damage", damage::run),
    ("places", places::run),
];

/// What all sections share.
#[derive(Debug)]
struct Setting {
    /// All of it, which takes hours, instead of what fits into the pipeline.
    full: bool,
    /// What every choice follows from.
    seed: u64,
    /// How many runs instead of the usual number.
    runs: Option<u64>,
    /// The program under test and where its homes are made.
    world: World,
}

impl Setting {
    /// Returns how often something is to be done.
    fn runs(&self, quick: u64, full: u64) -> u64 {
        self.runs.unwrap_or(if self.full { full } else { quick })
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    full: bool,
    seed: u64,
    runs: Option<u64>,
    only: Vec<String>,
    program: Option<PathBuf>,
    folder: PathBuf,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self> {
        let folder = PathBuf::from(format!("/var/tmp/tickety-faults-{}", std::process::id()));
        let mut options = Self { full: false, seed: 1, runs: None, only: Vec::new(), program: None, folder };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--quick" => options.full = false,
                "--full" => options.full = true,
                "--seed" => options.seed = value()?.parse().context("--seed")?,
                "--runs" => options.runs = Some(value()?.replace('_', "").parse().context("--runs")?),
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--program" => options.program = Some(PathBuf::from(value()?)),
                "--dir" => options.folder = PathBuf::from(value()?),
                _ => bail!("unknown option {word}: --quick, --full, --seed, --runs, --only, --program, --dir"),
            }
        }
        if let Some(name) = options.only.iter().find(|name| SECTIONS.iter().all(|(section, _)| section != name)) {
            bail!("there is no section `{name}`: {}", SECTIONS.map(|(name, _)| name).join(", "));
        }
        Ok(options)
    }
}

/// Runs the sections that were asked for, prints their table, and fails unless every row is clean.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let program = match &options.program {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => build()?,
    };
    if options.folder.exists() {
        bail!("{} exists: name a folder that doesn't with --dir", options.folder.display());
    }
    std::fs::create_dir_all(&options.folder).with_context(|| options.folder.display().to_string())?;
    let folder = options.folder.canonicalize()?;
    let world = World::new(program, folder.clone())?;
    let setting = Setting { full: options.full, seed: options.seed, runs: options.runs, world };
    let mut rows = Vec::new();
    for (name, section) in SECTIONS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            eprintln!("faults: {name}");
            rows.extend(section(&setting).with_context(|| format!("section {name}, seed {}", setting.seed))?);
        }
    }
    println!("{}\n", described(&setting, &folder));
    table::print(&rows);
    let unclean = rows.iter().filter(|row| !row.is_clean()).count();
    if unclean > 0 {
        bail!("{unclean} of {} rows are not clean; what they left is in {}", rows.len(), folder.display());
    }
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// Builds the binary as tests do.
fn build() -> Result<PathBuf> {
    program::run(&mut cargo(&["build", "--quiet", "--locked", "--package", "tickety", "--bin", "tickety"]))?;
    Ok(program::target().join("debug/tickety"))
}

/// Says where a table comes from.
fn described(setting: &Setting, folder: &Path) -> String {
    let date = read(Command::new("date").args(["--utc", "+%F"])).unwrap_or_default();
    let commit = read(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(root()));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kind = read(Command::new("stat").args(["--file-system", "--format=%T"]).arg(folder)).unwrap_or_default();
    format!(
        "{}, {}, seed {}, commit {}, Linux {} on {}.",
        date.trim(),
        if setting.full { "full" } else { "quick" },
        setting.seed,
        commit.as_deref().map_or("unknown", str::trim),
        kernel.trim(),
        kind.trim(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_can_be_chosen() {
        let options = Options::parse(&["--full", "--seed", "7", "--only", "kills", "--runs", "1_000"]).unwrap();
        assert!(options.full);
        assert_eq!((options.seed, options.runs), (7, Some(1_000)));
        assert_eq!(options.only, ["kills"]);
        assert!(Options::parse(&["--only", "floods"]).is_err());
        assert!(Options::parse(&["--slow"]).is_err());
    }
}
