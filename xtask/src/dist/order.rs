//! The order of the functions in the binary: those that common commands call lie together.
//!
//! What a command calls is a quarter of the code, scattered over all of it, and every piece of 64 KiB that it
//! touches is a page fault. The commands are run under callgrind, which lists the functions they call.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::program;

/// What is run to see which functions are called: what people and agents ask most.
const COMMANDS: [&[&str]; 12] = [
    &["list"],
    &["list", "--freshness", "trust"],
    &["list", "label:performance", "--json"],
    &["ready", "--freshness", "trust"],
    &["search", "cache", "--freshness", "trust"],
    &["search", "cache", "--ranked"],
    &["show", "5"],
    &["show", "5", "--json"],
    &["new", "Something to do", "--label", "order"],
    &["edit", "5", "--priority", "high"],
    &["comment", "5", "Seen"],
    &["close", "6"],
];

/// Writes down which functions of a binary that isn't stripped the common commands call, and returns where.
pub(super) fn trace(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let home = folder.join("home");
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    let path = home.to_str().context("the path of the target directory is not UTF-8")?;
    if !home.exists() {
        program::read(Command::new(binary).args(["demo", "--issues", "300", "--seed", "1", "--dir", path]))?;
    }
    let mut called = BTreeSet::new();
    for arguments in COMMANDS {
        let trace = folder.join("callgrind.out");
        let mut command = Command::new("valgrind");
        // It doesn't know every system call, and says so; the program gets on without.
        command.args(["--log-file=/dev/null", "--tool=callgrind", "--demangle=no"]);
        command.arg(format!("--callgrind-out-file={}", trace.display()));
        command.arg(binary).args(["-C", path]).args(arguments).env("TICKETY_ACTOR", "order");
        program::read(&mut command)?;
        called.extend(functions(&fs::read_to_string(&trace).context("callgrind wrote nothing")?));
    }
    let order = folder.join("order.txt");
    let lines: Vec<&str> = called.iter().map(String::as_str).collect();
    fs::write(&order, lines.join("\n")).with_context(|| format!("could not write {}", order.display()))?;
    eprintln!("{} functions in front", lines.len());
    Ok(order)
}

/// Returns the names of functions in what callgrind wrote: `fn=(12) name`, once for each number.
fn functions(trace: &str) -> impl Iterator<Item = String> + '_ {
    let named = trace.lines().filter_map(|line| line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")));
    named.filter_map(|function| {
        let (_, name) = function.split_once(") ")?;
        // The second time that a function is on the stack, callgrind calls it `name'2`.
        Some(name.split('\'').next().unwrap_or(name).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::functions;

    #[test]
    fn functions_are_named_once_and_without_their_depth() {
        let trace = "fn=(1) main\n12 3\ncfn=(2) _ZN3foo\ncalls=1 0\nfn=(2)\n1 1\nfn=(3) _ZN3foo'2\n";
        assert_eq!(functions(trace).collect::<Vec<_>>(), ["main", "_ZN3foo", "_ZN3foo"]);
    }
}
