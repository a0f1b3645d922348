//! What was acknowledged, and where it is found after git is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::faults::table::{Harm, Row};
use crate::faults::world::{Place, World, start};

/// How many objects git is asked for at once: their names fit into a pipe.
const ASKED: usize = 1_000;

/// What stands for itself, and what no edit of an issue takes the place of.
const TOKEN: &str = "token";
const TOKEN_LENGTH: usize = TOKEN.len() + 6;

/// What was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Titles and comments, which stay.
    added: Vec<Entry>,
    /// The last values of the issues of a checkout: one of them is to be there.
    values: BTreeMap<(usize, u64), Vec<String>>,
    /// What was committed and can't be anywhere but in git.
    committed: Vec<String>,
    acknowledged: u64,
}

#[derive(Debug)]
struct Entry {
    checkout: usize,
    number: u64,
    token: String,
}

impl Ledger {
    pub(super) fn added(&mut self, checkout: usize, number: u64, token: String) {
        self.acknowledged += 1;
        self.added.push(Entry { checkout, number, token });
    }

    pub(super) fn replaced(&mut self, checkout: usize, number: u64, token: String) {
        self.acknowledged += 1;
        self.values.insert((checkout, number), vec![token]);
    }

    /// Notes a value that may have taken the place of the one before.
    pub(super) fn maybe_replaced(&mut self, checkout: usize, number: u64, token: String) {
        if let Some(values) = self.values.get_mut(&(checkout, number)) {
            values.push(token);
        }
    }

    pub(super) fn committed(&mut self, token: String) {
        self.acknowledged += 1;
        self.committed.push(token);
    }

    /// Returns how many writes were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Returns what of a checkout is in none of the places, with the number of its issue.
    fn missing(&self, checkout: usize, found: &[&BTreeSet<String>]) -> Vec<(u64, String)> {
        let is_there = |token: &String| found.iter().any(|found| found.contains(token));
        let added = self.added.iter().filter(|entry| entry.checkout == checkout && !is_there(&entry.token));
        let added = added.map(|entry| (entry.number, entry.token.clone()));
        let values = self.values.iter().filter(|((of, _), values)| *of == checkout && !values.iter().any(is_there));
        added.chain(values.map(|((_, number), values)| (*number, values.join(" or ")))).collect()
    }
}

/// Judges a home after all are done. Returns how many writes had to be restored.
pub(super) fn judge(row: &mut Row, world: &World, case: &str, place: &Place, ledger: &Ledger) -> Result<u64> {
    let in_git = tokens_in_git(world, &place.checkouts[0])?;
    for token in ledger.committed.iter().filter(|token| !in_git.contains(*token)) {
        row.harm(Harm::Lost, format!("{case}: {token} was committed in a work tree that was removed"));
    }
    let mut restored = 0;
    for (index, checkout) in place.checkouts.iter().enumerate() {
        let case = format!("{case}, checkout {index}");
        let answer = world.run(checkout, &["list", "is:any", "--json"])?;
        if answer.data().is_none() {
            row.harm(Harm::Wedged, format!("{case}: the next command: {}", answer.told()));
            continue;
        }
        let missing = ledger.missing(index, &[&tokens_in_files(checkout)?, &in_git]);
        let named = named(row, world, &case, checkout)?;
        for (number, token) in missing.iter().filter(|(number, _)| !named.contains_key(number)) {
            row.harm(Harm::Lost, format!("{case}: {token} of {number} is nowhere, and doctor doesn't name it"));
        }
        if !named.is_empty() {
            let mut arguments = vec!["restore", "--changed", "--json"];
            arguments.extend(named.values().map(String::as_str));
            let answer = world.run(checkout, &arguments)?;
            if answer.data().is_none() {
                row.harm(Harm::Wedged, format!("{case}: {}: {}", arguments.join(" "), answer.told()));
            }
        }
        let missing_still = ledger.missing(index, &[&tokens_in_files(checkout)?, &in_git]);
        for (number, token) in missing_still.iter().filter(|(number, _)| named.contains_key(number)) {
            row.harm(Harm::Lost, format!("{case}: {token} of {number} is nowhere, and restore doesn't bring it back"));
        }
        restored += u64::try_from(missing.len().saturating_sub(missing_still.len()))?;
        let answer = world.run(checkout, &["index", "verify", "--json"])?;
        if answer.data().is_none_or(|data| data["agrees"] != true) {
            row.harm(Harm::Otherwise, format!("{case}: index verify: {}", answer.told()));
        }
    }
    Ok(restored)
}

/// Returns the issues that `doctor` names as gone or undone, by number, with the names that `restore` takes. Judges what
/// else it finds: of the records git may have left anything, of the state nothing.
fn named(row: &mut Row, world: &World, case: &str, checkout: &Path) -> Result<BTreeMap<u64, String>> {
    let answer = world.run(checkout, &["doctor", "--json"])?;
    let data = answer.json().map(|json| json["data"].clone()).unwrap_or_default();
    let findings = data["findings"].as_array().with_context(|| format!("doctor: {}", answer.told()))?;
    let mut keys: Vec<String> = Vec::new();
    for finding in findings {
        match (finding["check"].as_str().unwrap_or_default(), finding["subject"].as_str().unwrap_or_default()) {
            // It names the first ones and says that `restore` lists them all.
            ("vanished" | "undone", "others") => {
                let listed = world.data(checkout, &["restore", "--json"])?;
                let listed = listed["restorable"].as_array().into_iter().flatten();
                let lost = listed.filter(|issue| issue["loss"] != "deleted");
                keys.extend(lost.filter_map(|issue| Some(issue["key"].as_str()?.to_owned())));
            }
            ("vanished" | "undone", key) => keys.push(key.to_owned()),
            ("record" | "link" | "stray" | "leftover", _) => {}
            _ => row.harm(Harm::Otherwise, format!("{case}: doctor: {finding}")),
        }
    }
    let by_number = |key: String| Some((key.split('-').next()?.parse().ok()?, key));
    Ok(keys.into_iter().filter_map(by_number).collect())
}

/// Returns the tokens in the files of a checkout.
fn tokens_in_files(checkout: &Path) -> Result<BTreeSet<String>> {
    let mut tokens = BTreeSet::new();
    let Ok(shards) = fs::read_dir(checkout.join(".tickety/issues")) else { return Ok(tokens) };
    for shard in shards {
        for entry in fs::read_dir(shard?.path())? {
            add_tokens(&fs::read_to_string(entry?.path())?, &mut tokens);
        }
    }
    Ok(tokens)
}

/// Returns the tokens in all commits of all branches and stashes, and of those that a reflog has.
fn tokens_in_git(world: &World, checkout: &Path) -> Result<BTreeSet<String>> {
    let run = |arguments: &[&str], input: Option<&str>| -> Result<String> {
        let mut command = world.prepare(Path::new("git"), checkout);
        command.args(arguments);
        let answer = start(command, input)?.finish()?;
        ensure!(answer.code() == Some(0), "git {}: {}", arguments.join(" "), answer.told());
        Ok(answer.stdout)
    };
    let listed = run(&["rev-list", "--all", "--reflog", "--objects"], None)?;
    let records = listed.lines().filter(|line| line.ends_with(".md")).filter_map(|line| line.split(' ').next());
    let ids: Vec<&str> = records.collect::<BTreeSet<_>>().into_iter().collect();
    let mut tokens = BTreeSet::new();
    for part in ids.chunks(ASKED) {
        add_tokens(&run(&["cat-file", "--batch"], Some(&(part.join("\n") + "\n")))?, &mut tokens);
    }
    Ok(tokens)
}

fn add_tokens(text: &str, tokens: &mut BTreeSet<String>) {
    let found = text.match_indices(TOKEN).filter_map(|(at, _)| text.get(at..at + TOKEN_LENGTH));
    tokens.extend(found.map(str::to_owned));
}
