//! The command line against the limits of the machine.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::figures::{Figures, shown};
use super::targets::{BySize, HEADS, rows};
use super::{Options, build_noop, machine, scratch};
use crate::dist;
use crate::program::read;

/// Measures every size and prints the tables.
pub(super) fn run(options: &Options) -> Result<()> {
    let binary = options.binary()?;
    let noop = build_noop()?;
    let folder = scratch("cli")?;
    let mut sizes = BySize::new();
    for size in &options.sizes {
        let printed = measure(options, *size, &binary, &noop, &folder)?;
        sizes.insert(*size, Figures::parse(&printed)?);
    }
    let weight = std::fs::metadata(&binary).context("the binary is gone")?.len();
    println!("{}.\n", machine::describe(&folder));
    print_targets(&sizes, weight);
    print_all(&sizes);
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// Runs the measuring program of the binary's crate.
fn measure(options: &Options, size: u32, binary: &Path, noop: &Path, folder: &Path) -> Result<String> {
    let mut command = dist::cargo(&["bench", "--quiet", "--package", "tickety", "--bench", "cli"]);
    command.args(["--", "--binary"]).arg(binary).arg("--noop").arg(noop).arg("--dir").arg(folder);
    command.args(["--size", &size.to_string(), "--seed", &options.seed.to_string()]);
    command.args(["--rounds", if options.quick { "15" } else { "100" }]);
    read(&mut command)
}

fn print_targets(sizes: &BySize, weight: u64) {
    println!("S is starting a static program that does nothing and waiting for its end.\n");
    print_row(&HEADS.map(str::to_owned));
    print_row(&HEADS.map(|_| "---".to_owned()));
    let rows = rows(sizes);
    for row in &rows {
        print_row(&row.cells);
    }
    let most = dist::MOST_BYTES;
    let megabytes = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    let target = format!("at most {:.0} MB", most as f64 / 1e6);
    let verdict = if weight <= most { "reached" } else { "**missed**" };
    print_row(&["the binary", "", &megabytes(weight), "", "", "", &target, verdict].map(str::to_owned));
    let reached = rows.iter().filter(|row| row.reached).count() + usize::from(weight <= most);
    println!("\n{reached} of {} targets are reached.\n", rows.len() + 1);
}

/// Prints every figure there is: those without a target, and the limits themselves.
fn print_all(sizes: &BySize) {
    let names: BTreeSet<&str> = sizes.values().flat_map(|figures| figures.iter().map(|(name, _)| name)).collect();
    let heads = sizes.keys().map(|size| format!("{} issues", shown(f64::from(*size))));
    println!("All figures: median (95th percentile), in milliseconds but for peaks (megabytes) and syncs (calls).\n");
    print_row(&std::iter::once("figure".to_owned()).chain(heads).collect::<Vec<_>>());
    print_row(&vec!["---".to_owned(); sizes.len() + 1]);
    for name in names {
        let cell = |figures: &Figures| match figures.get(name) {
            None => String::new(),
            Some(figure) if figure.samples == 1 => shown(figure.median),
            Some(figure) => format!("{} ({})", shown(figure.median), shown(figure.p95)),
        };
        print_row(&std::iter::once(name.to_owned()).chain(sizes.values().map(cell)).collect::<Vec<_>>());
    }
}

fn print_row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
