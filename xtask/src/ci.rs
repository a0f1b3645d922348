//! The pipeline: every step in one order, cheap ones first, the tests last so that their summary
//! closes the output.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::program::{self, cargo, installed};
use crate::{dist, faults, tidy};

/// A name and what to do.
type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 11] = [
    ("format", format),
    ("layout rules", tidy::run),
    ("lints", lints),
    ("the storage traits without a store", traits_alone),
    ("the command line without the server", without_server),
    ("the caching library as a package", package),
    ("documentation", documentation),
    ("the distributed binary", distributed_binary),
    ("examples in the documentation", documentation_examples),
    ("injected faults", injected_faults),
    ("tests", tests),
];

/// Runs all steps and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    for (name, step) in STEPS {
        eprintln!("\n== {name}");
        let begin = Instant::now();
        step().with_context(|| format!("failed: {name}"))?;
        // The summary of the tests stays the last thing printed.
        if name != "tests" {
            eprintln!("-- {name}: {:.0} s", begin.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

fn format() -> Result<()> {
    program::run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    program::run(&mut cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn traits_alone() -> Result<()> {
    program::run(&mut cargo(&["check", "--locked", "--package", "tickety-store", "--no-default-features"]))
}

/// The small binary is the program without the server.
fn without_server() -> Result<()> {
    let arguments = ["clippy", "--locked", "--package", "tickety", "--no-default-features", "--", "-D", "warnings"];
    program::run(&mut cargo(&arguments))
}

/// What others would download has to compile by itself.
fn package() -> Result<()> {
    let crates = ["--package", "tickety-cache-macros", "--package", "tickety-cache"];
    program::run(cargo(&["package", "--locked", "--quiet", "--allow-dirty"]).args(crates))
}

fn documentation() -> Result<()> {
    let mut command = cargo(&["doc", "--locked", "--workspace", "--all-features", "--no-deps"]);
    program::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn distributed_binary() -> Result<()> {
    dist::build_both().map(drop)
}

fn documentation_examples() -> Result<()> {
    program::run(&mut cargo(&["test", "--locked", "--workspace", "--all-features", "--doc", "--quiet"]))
}

/// A few of each kind; all of them take hours.
fn injected_faults() -> Result<()> {
    faults::run(&["--quick"])
}

fn tests() -> Result<()> {
    if installed("cargo-nextest") {
        return program::run(&mut cargo(&["nextest", "run", "--locked", "--workspace", "--all-features"]));
    }
    tests_without_nextest()
}

/// `cargo test` closes with the summary of whichever test program comes last: adds them up.
fn tests_without_nextest() -> Result<()> {
    let arguments =
        ["test", "--locked", "--workspace", "--all-features", "--lib", "--bins", "--tests", "--no-fail-fast"];
    eprintln!("$ cargo {}", arguments.join(" "));
    let mut child = cargo(&arguments).stdout(Stdio::piped()).spawn().context("could not start cargo test")?;
    let stdout = child.stdout.take().expect("standard output was asked for as a pipe");
    let mut total = Summary::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("could not read what cargo test prints")?;
        println!("{line}");
        total.add(&line);
    }
    let status = child.wait().context("could not wait for cargo test")?;
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    if total.passed == 0 {
        bail!("cargo test ran no test");
    }
    Ok(())
}

/// The sum of the summaries of several test programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Summary {
    /// Adds a line of the form `test result: ok. 3 passed; 0 failed; 1 ignored; …`, if it is one.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for part in counts.1.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn summaries_of_several_test_programs_add_up() {
        let mut total = Summary::default();
        total.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        total.add("test tests::a_line_of_another_kind ... ok");
        total.add("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.10s");
        assert_eq!(total, Summary { passed: 7, failed: 2, skipped: 1 });
    }
}
