//! Fuzzing: the targets of `fuzz/`, which has the layout of cargo-fuzz, built by the toolchain of the project.
//!
//! cargo-fuzz wants a nightly toolchain for its sanitizers. In a product without `unsafe` they would find little, so this
//! builds with coverage alone, which the stable compiler has.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::program::{self, cargo, read, root, target};

/// What makes libFuzzer see which code an input reaches, as cargo-fuzz has it.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg fuzzing",
    "-Ccodegen-units=1",
];

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    seconds: u32,
    targets: Vec<String>,
}

impl Options {
    fn parse(words: &[&str], known: &[String]) -> Result<Self> {
        let mut options = Self { seconds: 60, targets: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--seconds" => {
                    let value = words.next().context("--seconds needs a value")?;
                    options.seconds = value.parse().context("--seconds")?;
                }
                name if known.iter().any(|target| target == name) => options.targets.push(name.to_owned()),
                name => bail!("there is no target `{name}`: {}", known.join(", ")),
            }
        }
        if options.targets.is_empty() {
            options.targets = known.to_vec();
        }
        Ok(options)
    }
}

/// What came of a target.
#[derive(Debug, Default)]
struct Row {
    executions: u64,
    inputs: u64,
    found: bool,
}

/// Feeds the targets, one after the other, prints a table, and fails if anything was found.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let folder = root().join("fuzz");
    let options = Options::parse(words, &targets(&folder)?)?;
    let programs = build(&folder)?;
    let temporary = temporary();
    std::fs::create_dir_all(&temporary).with_context(|| temporary.display().to_string())?;
    println!("| target | seconds | executions | inputs that reach new code | findings |\n|---|---|---|---|---|");
    let mut unclean = Vec::new();
    for name in &options.targets {
        let row = feed(&programs.join(name), name, &folder, options.seconds, &temporary)?;
        let Row { executions, inputs, found } = row;
        println!("| {name} | {} | {executions} | {inputs} | {} |", options.seconds, u8::from(found));
        if found {
            unclean.push(name.as_str());
        }
    }
    std::fs::remove_dir_all(&temporary).with_context(|| temporary.display().to_string())?;
    if !unclean.is_empty() {
        bail!("something was found in {}: see fuzz/found", unclean.join(", "));
    }
    Ok(())
}

/// Returns the names of the targets.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        names.extend(entry?.file_name().to_str().and_then(|name| name.strip_suffix(".rs")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets and returns where they are.
fn build(folder: &Path) -> Result<PathBuf> {
    let version = read(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc doesn't say its host")?;
    let output = target().join("fuzz");
    // With a target named, build scripts and macros go without the flags. The lock file of this workspace follows the
    // manifests of the other, so it may be behind.
    let mut command = cargo(&["build", "--release", "--target", host, "--manifest-path"]);
    command.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(&output);
    program::run(command.env("RUSTFLAGS", FLAGS.join(" ")))?;
    Ok(output.join(host).join("release"))
}

/// Where homes are made: in memory, where the system has such files, since thousands come and go in a second.
fn temporary() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("tickety-fuzz-{}", std::process::id()))
}

/// Runs one target for so long. What it finds is left in `fuzz/found`.
fn feed(program: &Path, name: &str, folder: &Path, seconds: u32, temporary: &Path) -> Result<Row> {
    let found = folder.join("found").join(name);
    // What libFuzzer keeps for the next time; the corpus that is committed stays as small as it is.
    let kept = target().join("fuzz/corpus").join(name);
    for folder in [&found, &kept] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut command = std::process::Command::new(program);
    command
        .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", found.display())])
        .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1"])
        .args([&kept, &folder.join("corpus").join(name), &found])
        .env("TMPDIR", temporary);
    eprintln!("$ {command:?}");
    let mut child = command.stderr(Stdio::piped()).spawn().with_context(|| program.display().to_string())?;
    let output = child.stderr.take().expect("standard error was asked for as a pipe");
    let mut row = Row::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("could not read what libFuzzer prints")?;
        let line = String::from_utf8_lossy(&line);
        let count = |label: &str| line.strip_prefix(label).and_then(|count| count.trim().parse().ok());
        if let Some(executions) = count("stat::number_of_executed_units:") {
            row.executions = executions;
        } else if let Some(inputs) = count("stat::new_units_added:") {
            row.inputs = inputs;
        } else if !line.starts_with("stat::") && !line.starts_with('#') {
            eprintln!("{line}");
        }
    }
    row.found = !child.wait().context("could not wait for the target")?.success();
    // Empty where nothing was found.
    let _ = std::fs::remove_dir(&found);
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_can_be_chosen() {
        let known = targets(&root().join("fuzz")).unwrap();
        let options = Options::parse(&["query", "--seconds", "5"], &known).unwrap();
        assert_eq!(options, Options { seconds: 5, targets: vec!["query".to_owned()] });
        assert_eq!(Options::parse(&[], &known).unwrap().targets, known);
        assert!(Options::parse(&["nonsense"], &known).is_err());
    }
}
