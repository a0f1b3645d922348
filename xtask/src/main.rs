//! The pipeline, the layout rules, the distribution build, the benchmarks, the injected faults and the fuzzing of Tickety.
//!
//! `cargo xtask ci` is the whole pipeline, at home and in CI. This crate knows the workspace from the
//! outside (its manifests, its sources, its programs) and imports no crate of the product, so that it
//! compiles in seconds.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development tool: it runs programs, reads the environment and prints"
)]

mod bench;
mod ci;
mod dist;
mod faults;
mod fuzz;
mod program;

mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci      format, lints, layout rules, documentation, features, the distributed binary, tests
  tidy    the layout rules alone
  dist    builds the distributed binary, and the program with the server, and checks them
  bench   cli [--sizes 1000,10000,100000] [--quick] [--seed S]   measures the command line
          peers [--size 10000] [--quick] [--seed S]              measures it beside other trackers
          cache [--quick]                                        measures the caching library beside others
          storage [--size 10000] [--quick] [--seed S]            measures a store with a cache in front beside the store alone
          batch [--size 10000] [--quick] [--seed S]              measures batches beside what they have to do at least
          git [--sizes 10000,100000] [--quick] [--seed S]        measures issues in git beside plain git commands
          cli, peers and git take --program FILE: measure FILE, not the distributed binary
          criterion [CRITERION'S OPTIONS]                        measures single operations of both
  faults  [--quick|--full] [--seed S] [--only SECTIONS] [--runs N] [--program FILE] [--dir FOLDER]
          kills, starves and misleads processes of the binary and tells what was lost
  fuzz    [TARGET]... [--seconds 60]   feeds what reads files and texts with what libFuzzer makes up
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(),
        ["dist"] => dist::build_both().map(|binary| println!("{binary}")),
        ["bench", which, options @ ..] => bench::run(which, options),
        ["faults", options @ ..] => faults::run(options),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
