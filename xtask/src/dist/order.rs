//! The order of the functions in the binary: those that common commands call lie together.
//!
//! What a command calls is a quarter of the code, scattered over all of it, and every piece of 64 KiB that it
//! touches is a page fault. The commands are run under callgrind, which lists the functions they call. What all of
//! them call comes first, then what most of them do, and what the same commands call stays together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::program;

/// What is run to see which functions are called: what people and agents ask most.
const COMMANDS: [&[&str]; 13] = [
    &["list"],
    &["list", "--freshness", "trust"],
    &["list", "label:performance", "--json"],
    &["ready", "--freshness", "trust"],
    &["search", "cache", "--freshness", "trust"],
    &["search", "cache", "--ranked"],
    &["show", "5"],
    &["show", "5", "--json"],
    // Some of them have links, comments and long texts.
    &["show", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"],
    &["new", "Something to do", "--label", "order"],
    &["edit", "5", "--priority", "high"],
    &["comment", "5", "Seen"],
    &["close", "6"],
];

/// What runs before `main`: what callgrind calls by no name, and the search for the clock's function in the piece of
/// code that the kernel lends to every process, which valgrind hides.
const STARTS: [&str; 8] = [
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "frame_dummy",
    "register_tm_clones",
    "_dl_lookup_symbol_x",
    "do_lookup_x",
    "check_match",
];

/// Writes down which functions of a binary that isn't stripped the common commands call, and returns where.
pub(super) fn trace(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let home = folder.join("home");
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    let path = home.to_str().context("the path of the target directory is not UTF-8")?;
    if !home.exists() {
        program::read(Command::new(binary).args(["demo", "--issues", "300", "--seed", "1", "--dir", path]))?;
    }
    let mut called = Vec::new();
    for arguments in COMMANDS {
        let trace = folder.join("callgrind.out");
        let mut command = Command::new("valgrind");
        // It doesn't know every system call, and says so; the program gets on without.
        command.args(["--log-file=/dev/null", "--tool=callgrind", "--demangle=no"]);
        command.arg(format!("--callgrind-out-file={}", trace.display()));
        command.arg(binary).args(arguments).current_dir(&home).env("TICKETY_ACTOR", "order");
        program::read(&mut command)?;
        called.push(functions(&fs::read_to_string(&trace).context("callgrind wrote nothing")?).collect());
    }
    let lines = in_order(&called);
    let text = lines.join("\n");
    // Cargo links again for another name, not for other contents.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let order = folder.join(format!("order-{:016x}.txt", hasher.finish()));
    fs::write(&order, text).with_context(|| format!("could not write {}", order.display()))?;
    eprintln!("{} functions in front", lines.len());
    Ok(order)
}

/// Orders the functions by how many of the commands call them, and by which. Those that the processor at hand would
/// call in place of what valgrind pretends to have stand beside each other.
fn in_order(called: &[BTreeSet<String>]) -> Vec<String> {
    let mut callers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (command, functions) in called.iter().enumerate() {
        for function in functions {
            callers.entry(function).or_default().push(command);
        }
    }
    let mut functions: Vec<_> = callers.into_iter().collect();
    functions.sort_by(|(_, a), (_, b)| (Reverse(a.len()), a).cmp(&(Reverse(b.len()), b)));
    let named = functions.into_iter().flat_map(|(function, _)| {
        let narrow = ["avx2", "avx", "sse2_unaligned", "sse2"].into_iter().find(|narrow| function.contains(narrow));
        let wider = narrow.map(|narrow| ["evex", "avx512"].map(|wide| function.replacen(narrow, wide, 1)));
        std::iter::once(function.to_owned()).chain(wider.into_iter().flatten())
    });
    STARTS.iter().map(|start| (*start).to_owned()).chain(named).collect()
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
    use super::{functions, in_order};

    #[test]
    fn functions_are_named_once_and_without_their_depth() {
        let trace = "fn=(1) main\n12 3\ncfn=(2) _ZN3foo\ncalls=1 0\nfn=(2)\n1 1\nfn=(3) _ZN3foo'2\n";
        assert_eq!(functions(trace).collect::<Vec<_>>(), ["main", "_ZN3foo", "_ZN3foo"]);
    }

    #[test]
    fn what_all_commands_call_comes_first() {
        let called = [["a", "m", "z"], ["b", "m", "__memchr_avx2"], ["a", "m", "c"]];
        let called = called.map(|functions| functions.map(str::to_owned).into());
        let order = ["m", "a", "z", "__memchr_avx2", "__memchr_evex", "__memchr_avx512", "b", "c"];
        assert_eq!(in_order(&called)[super::STARTS.len()..], order);
    }
}
