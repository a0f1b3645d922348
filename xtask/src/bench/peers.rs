//! The command line beside other trackers that hold the same issues.
//!
//! Those that are installed are measured in turns with Tickety, whole processes whose output is
//! thrown away; of the others the table repeats figures that were measured elsewhere.

mod fossil;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use self::fossil::Fossil;
use super::figures::shown;
use super::{Options, build_noop, machine, scratch};
use crate::program::{installed, read};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// The 50 newest open issues.
    List,
    /// The 50 newest open bugs of high priority.
    Filter,
    /// 50 issues with a word in the title or the body.
    Search,
    /// One whole issue.
    Show,
    /// One field of one issue, durably.
    Update,
}

impl Operation {
    const ALL: [Self; 5] = [Self::List, Self::Filter, Self::Search, Self::Show, Self::Update];
}

/// A tracker that holds the issues.
trait Tracker {
    /// Returns its name and version.
    fn name(&self) -> String;

    /// Returns the command that does an operation: on the issue at an index of those it was
    /// filled with, and with a value that is new in every round.
    fn command(&self, operation: Operation, index: usize, round: usize) -> Command;
}

/// An issue to fill trackers with.
#[derive(Clone, Debug)]
struct Sample {
    number: u64,
    title: String,
    body: String,
    open: bool,
    priority: String,
    kind: String,
    created: String,
    comments: Vec<String>,
}

/// The word that is searched for: the generator uses it in a few of a hundred issues.
const WORD: &str = "timeout";

/// Figures measured elsewhere on 2 cores at 10,000 issues, in milliseconds a command, in the order of
/// [`Operation::ALL`].
const ELSEWHERE: [(&str, [f64; 5]); 4] = [
    ("tk", [83.0, 90.0, 42.0, 85.0, 12.0]),
    ("beads_rust 0.7.6", [122.0, 202.0, 203.0, 28.0, 538.0]),
    ("Backlog.md 1.52", [3246.0, 3032.0, 3990.0, 2978.0, 3985.0]),
    ("Fossil 2.28", [38.0, 8.0, 11.0, 6.0, 8.0]),
];

/// Fills the trackers that are installed, measures them and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let [size] = options.sizes[..] else { bail!("bench peers takes one --size") };
    let binary = options.binary()?;
    let noop = build_noop()?;
    let folder = scratch("peers")?;
    let tickety = Tickety::generate(&binary, &folder, size, options.seed)?;
    let samples = tickety.samples.clone();
    let mut trackers: Vec<Box<dyn Tracker>> = Vec::new();
    for freshness in FRESHNESS {
        trackers.push(Box::new(Tickety { freshness, ..tickety.clone() }));
    }
    if installed("fossil") {
        eprintln!("filling Fossil");
        trackers.push(Box::new(Fossil::fill(&folder, &samples)?));
    }
    for tracker in &trackers {
        for operation in [Operation::List, Operation::Filter, Operation::Search, Operation::Show] {
            let shown = read(&mut tracker.command(operation, 0, 0))?;
            ensure!(!shown.trim().is_empty(), "{} prints nothing for {operation:?}", tracker.name());
        }
    }
    let rounds = if options.quick { 10 } else { 60 };
    let (spawn, medians) = measure(&noop, &trackers, samples.len(), rounds, options.seed)?;
    println!("{}.\n", machine::describe(&folder));
    println!("{}", table(size, spawn, &trackers, &medians));
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// Runs everything once a round and returns the medians in milliseconds: of a program that does
/// nothing, and of every tracker's operations.
fn measure(
    noop: &Path,
    trackers: &[Box<dyn Tracker>],
    issues: usize,
    rounds: usize,
    seed: u64,
) -> Result<(f64, Vec<[f64; 5]>)> {
    let mut spawns = Vec::new();
    let mut times = vec![[const { Vec::new() }; 5]; trackers.len()];
    for round in 0..=rounds {
        // Another issue in every round, the same for all: 2,654,435,761 is prime and far apart.
        let index = (seed as usize).wrapping_add(round.wrapping_mul(2_654_435_761)) % issues;
        spawns.push(time(&mut Command::new(noop))?);
        for offset in 0..trackers.len() {
            let place = (offset + round) % trackers.len();
            for (operation, times) in Operation::ALL.into_iter().zip(&mut times[place]) {
                let took = time(&mut trackers[place].command(operation, index, round))?;
                // The first round warms the caches.
                if round > 0 {
                    times.push(took);
                }
            }
        }
    }
    Ok((median(&mut spawns), times.into_iter().map(|times| times.map(|mut times| median(&mut times))).collect()))
}

fn time(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("{command:?}"))?;
    let took = begin.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(took)
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn table(size: u32, spawn: f64, trackers: &[Box<dyn Tracker>], medians: &[[f64; 5]]) -> String {
    let mut table = format!(
        "Medians in milliseconds a command at {} issues (and comments); starting a static program that does nothing takes {} ms.\n\n\
         | tracker | list | filter | search | show | update |\n| --- | --- | --- | --- | --- | --- |\n",
        shown(f64::from(size)),
        shown(spawn)
    );
    let mut row = |name: &str, figures: &[f64; 5]| {
        let cells: Vec<String> = figures.iter().map(|figure| shown(*figure)).collect();
        writeln!(table, "| {name} | {} |", cells.join(" | ")).expect("a string takes everything");
    };
    for (tracker, medians) in trackers.iter().zip(medians) {
        row(&tracker.name(), medians);
    }
    for (name, figures) in &ELSEWHERE {
        row(&format!("{name}, measured elsewhere at 10,000"), figures);
    }
    table
}

/// How answers are checked against the files: `verify` is what this many issues get unless something else is asked
/// for or configured.
const FRESHNESS: [&str; 3] = ["verify", "shards", "trust"];

/// This project's own binary.
#[derive(Clone)]
struct Tickety {
    freshness: &'static str,
    binary: PathBuf,
    folder: PathBuf,
    home: PathBuf,
    version: String,
    samples: Vec<Sample>,
}

impl Tickety {
    fn generate(binary: &Path, folder: &Path, size: u32, seed: u64) -> Result<Self> {
        let home = folder.join("home");
        std::fs::create_dir_all(&home)?;
        let folder = folder.join("tickety");
        eprintln!("generating {size} issues");
        let mut command = Command::new(binary);
        command.args(["demo", "--issues", &size.to_string(), "--seed", &seed.to_string(), "--dir"]).arg(&folder);
        read(command.env("HOME", &home))?;
        let version = read(Command::new(binary).arg("--version"))?.trim().to_owned();
        let freshness = FRESHNESS[0];
        let mut tickety = Self { freshness, binary: binary.to_owned(), folder, home, version, samples: Vec::new() };
        let exported = read(tickety.start().args(["export", "jsonl"]))?;
        tickety.samples =
            exported.lines().filter(|line| line.contains("\"title\"")).map(sample).collect::<Result<_>>()?;
        ensure!(tickety.samples.len() as u64 >= u64::from(size), "only {} issues were exported", tickety.samples.len());
        Ok(tickety)
    }

    fn start(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).env("HOME", &self.home).env("TICKETY_ACTOR", "bench");
        command
    }
}

impl Tracker for Tickety {
    fn name(&self) -> String {
        format!("{} --freshness {}", self.version, self.freshness)
    }

    fn command(&self, operation: Operation, index: usize, round: usize) -> Command {
        let number = self.samples[index].number.to_string();
        let mut command = self.start();
        command.args(["--freshness", self.freshness]);
        match operation {
            Operation::List => command.args(["list", "--limit", "50"]),
            Operation::Filter => command.args(["list", "is:open kind:bug priority:high", "--limit", "50"]),
            Operation::Search => command.args(["search", WORD, "--limit", "50"]),
            Operation::Show => command.args(["show", &number]),
            Operation::Update => command.args(["edit", &number, "--milestone", &format!("{}-{round}", self.freshness)]),
        };
        command
    }
}

/// Takes an issue from a line of `tickety export jsonl`.
fn sample(line: &str) -> Result<Sample> {
    let value: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let comments = value["comments"].as_array().into_iter().flatten();
    Ok(Sample {
        number: value["number"].as_u64().context("an issue without a number")?,
        title: text("title"),
        body: text("body"),
        open: text("status") != "closed",
        priority: text("priority"),
        kind: text("kind"),
        created: text("created"),
        comments: comments.filter_map(|comment| comment["body"].as_str()).map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exported_issue_is_read() {
        let line = r#"{"number":7,"title":"A","status":"closed","kind":"bug","comments":[{"body":"b"}]}"#;
        let sample = sample(line).unwrap();
        assert_eq!((sample.number, sample.open, sample.comments), (7, false, vec!["b".to_owned()]));
    }
}
