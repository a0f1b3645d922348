//! Accounts between which something is transferred, two in one batch: for every reader, the total holds.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::finish;
use crate::faults::Setting;
use crate::faults::random::Random;
use crate::faults::table::{Harm, Row};
use crate::faults::verdict::{Case, judge_health};
use crate::faults::world::{World, start};

/// How many accounts there are.
const ACCOUNTS: u64 = 6;
/// What lies in each at the beginning.
const BALANCE: i64 = 100_000;
/// How many processes transfer.
const WRITERS: u64 = 3;
/// What the processes that read check before they answer.
const READERS: [&str; 2] = ["verify", "shards"];
/// The exit status of a conflict.
const CONFLICT: i32 = 5;

/// What a transfer came to.
enum Outcome {
    Done,
    /// Somebody else was faster.
    Conflict,
    Failed(String),
}

/// Transfers and reads.
pub(super) fn run(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("a ledger: transfers in batches, read meanwhile");
    let place = world.plain("ledger")?;
    let checkout = &place.checkouts[0];
    for account in 0..ACCOUNTS {
        let title = format!("Account {account}");
        world.data(checkout, &["new", &title, "--estimate", &BALANCE.to_string(), "--json"])?;
    }
    let each = setting.runs(10, 500);
    let (done, conflicts, running) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(WRITERS));
    let found: Vec<(Harm, String)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (done, conflicts, running) = (&done, &conflicts, &running);
                scope.spawn(move || {
                    let mut random = Random::new(setting.seed, "ledger", writer);
                    let mut found = Vec::new();
                    for _ in 0..each {
                        match transfer(world, checkout, &mut random) {
                            Ok(Outcome::Done) => drop(done.fetch_add(1, Ordering::Relaxed)),
                            Ok(Outcome::Conflict) => drop(conflicts.fetch_add(1, Ordering::Relaxed)),
                            Ok(Outcome::Failed(told)) => found.push((Harm::Wedged, told)),
                            Err(error) => found.push((Harm::Wedged, format!("{error:#}"))),
                        }
                    }
                    running.fetch_sub(1, Ordering::Relaxed);
                    found
                })
            })
            .collect();
        let readers: Vec<_> = READERS
            .iter()
            .map(|freshness| {
                let running = &running;
                scope.spawn(move || {
                    let mut found = Vec::new();
                    while running.load(Ordering::Relaxed) > 0 {
                        found.extend(wrong_total(world, checkout, freshness));
                    }
                    found
                })
            })
            .collect();
        let threads = writers.into_iter().chain(readers);
        threads.flat_map(|thread| thread.join().expect("no thread panics")).collect()
    });
    (0..done.load(Ordering::Relaxed)).for_each(|_| row.run());
    for (harm, what) in found.into_iter().chain(wrong_total(world, checkout, "verify")) {
        row.harm(harm, what);
    }
    eprintln!("faults: races: {} transfers, {} conflicts", row.runs(), conflicts.load(Ordering::Relaxed));
    judge_health(&mut row, Case::new(world, "ledger"), checkout)?;
    finish(row, place)
}

/// Moves something from one account to another, as both are now.
fn transfer(world: &World, checkout: &Path, random: &mut Random) -> Result<Outcome> {
    let from = 1 + random.below(ACCOUNTS);
    let to = 1 + (from + random.below(ACCOUNTS - 1)) % ACCOUNTS;
    let amount = 1 + i64::try_from(random.below(20))?;
    let shown = world.data(checkout, &["show", &from.to_string(), &to.to_string(), "--json"])?;
    let line = |issue: &Value, change: i64| -> Result<String> {
        let balance = balance(issue).context("an account has a balance")? + change;
        Ok(format!(
            r#"{{"op":"update","issue":{},"version":{},"estimate_minutes":{balance}}}"#,
            issue["number"], issue["version"]
        ))
    };
    let lines = [line(&shown["issues"][0], -amount)?, line(&shown["issues"][1], amount)?].join("\n");
    let answer = start(world.command(checkout, &["batch", "apply", "-", "--json"]), Some(&lines))?.finish()?;
    Ok(match answer.code() {
        Some(0) => Outcome::Done,
        Some(CONFLICT) => Outcome::Conflict,
        _ => Outcome::Failed(answer.told()),
    })
}

/// Reads all accounts in one answer and says what is wrong with their total.
fn wrong_total(world: &World, checkout: &Path, freshness: &str) -> Option<(Harm, String)> {
    let words = ["list", "is:any", "--freshness", freshness, "--json"];
    let answer = match world.run(checkout, &words) {
        Ok(answer) if answer.code() == Some(0) => answer,
        Ok(answer) => return Some((Harm::Wedged, format!("{freshness}: {}", answer.told()))),
        Err(error) => return Some((Harm::Wedged, format!("{error:#}"))),
    };
    let data = answer.data().unwrap_or_default();
    let balances: Vec<i64> = data["issues"].as_array().into_iter().flatten().filter_map(balance).collect();
    let expected = i64::try_from(ACCOUNTS).unwrap_or_default() * BALANCE;
    let total: i64 = balances.iter().sum();
    (total != expected)
        .then(|| (Harm::Torn, format!("{freshness}: the total is {total}, not {expected}: {balances:?}")))
}

/// Returns what lies in an account: its estimate, which lists show.
fn balance(issue: &Value) -> Option<i64> {
    issue["estimate_minutes"].as_i64()
}
