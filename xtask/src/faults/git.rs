//! Git beside writers: whatever it does to the files while eight processes write, what was acknowledged is in the files,
//! in a commit or the stash, or `doctor` names it and `restore` brings it back.

mod ledger;
mod operations;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

use self::ledger::{Ledger, judge};
use self::operations::Checkout;
use super::Setting;
use super::kills::created;
use super::random::Random;
use super::table::{Harm, Row};
use super::world::{Place, World};

/// How many processes write beside each other, in two work trees.
const WRITERS: u64 = 8;
/// How many commands each of them runs in a home.
const COMMANDS: u64 = 10;

/// What a writer may be told while git changes the files under it: none of these was acknowledged.
const REFUSALS: [&str; 4] = ["not_found", "conflict", "field_conflict", "unreadable"];

/// What those who work in a home share.
#[derive(Debug, Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    failures: Mutex<Vec<(Harm, String)>>,
    /// How many writers are at work.
    writing: AtomicUsize,
    tokens: AtomicU64,
}

/// Lets git work beside writers, in one home after the other.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let wanted = setting.runs(60, 5_000);
    let mut row = Row::new(
        "git beside 8 writers: checkout, merge, rebase, cherry-pick, stash, clean, reset --hard, worktree add and remove",
    );
    let (mut home, mut written, mut brought_back) = (0, 0, 0);
    while row.runs() < wanted {
        let place = setting.world.repository(&format!("git-{home}"))?;
        let clean = row.is_clean();
        let (writes, restored) = live(setting, &mut row, &place, home)?;
        (written, brought_back) = (written + writes, brought_back + restored);
        // What a finding is about stays.
        if clean == row.is_clean() {
            place.remove()?;
        }
        home += 1;
        if u64::is_multiple_of(home, 20) {
            eprintln!("faults: git: {} of {wanted}", row.runs());
        }
    }
    // Had git undone nothing, nothing would have been tried.
    eprintln!("faults: git: of {written} acknowledged writes, {brought_back} had to be restored");
    Ok(vec![row])
}

/// Lets all work at once in one home, and judges it. Returns how many writes were acknowledged, and restored.
fn live(setting: &Setting, row: &mut Row, place: &Place, home: u64) -> Result<(u64, u64)> {
    let world = &setting.world;
    let shared = Shared { writing: AtomicUsize::new(usize::try_from(WRITERS)?), ..Shared::default() };
    let mut random = Random::new(setting.seed, "git", home);
    let mut checkouts = Vec::new();
    for (index, root) in place.checkouts.iter().enumerate() {
        checkouts.push(Checkout::make(world, root, index, Random::new(random.next(), "operations", 0))?);
    }
    let operations = thread::scope(|scope| {
        let shared = &shared;
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let random = Random::new(random.next(), "writer", number);
            writers.push(scope.spawn(move || {
                let written = write(world, place, shared, number, random);
                shared.writing.fetch_sub(1, Ordering::SeqCst);
                written
            }));
        }
        let threads: Vec<_> = checkouts.iter_mut().map(|checkout| scope.spawn(|| checkout.work(shared))).collect();
        let operations = threads.into_iter().map(|thread| thread.join().expect("no thread panics"));
        let operations = operations.sum::<Result<u64>>()?;
        writers.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))?;
        anyhow::Ok(operations)
    })?;
    (0..operations).for_each(|_| row.run());
    let case = format!("home {home}");
    for (harm, failure) in shared.failures.into_inner().expect("no thread panics") {
        row.harm(harm, format!("{case}: {failure}"));
    }
    let ledger = shared.ledger.into_inner().expect("no thread panics");
    let restored = judge(row, world, &case, place, &ledger)?;
    Ok((ledger.acknowledged(), restored))
}

/// Runs the commands of one writer.
fn write(world: &World, place: &Place, shared: &Shared, number: u64, random: Random) -> Result<()> {
    let mut random = random;
    let checkout = usize::try_from(number)? % place.checkouts.len();
    let mut own: Vec<u64> = Vec::new();
    for _ in 0..COMMANDS {
        let token = format!("token{:06}", shared.tokens.fetch_add(1, Ordering::Relaxed));
        let issue = random.pick(&own).filter(|_| random.chance(65));
        let is_edit = issue.is_some() && random.chance(60);
        let name = issue.unwrap_or_default().to_string();
        let arguments = match (issue, is_edit) {
            (None, _) => ["new", &token, "--body", &text_of(&token), "--json"].map(str::to_owned).to_vec(),
            // One value in the place of another: the last one counts.
            (Some(_), true) => ["edit", &name, "--milestone", &token, "--json"].map(str::to_owned).to_vec(),
            (Some(_), false) => ["comment", &name, &token, "--json"].map(str::to_owned).to_vec(),
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = world.run(&place.checkouts[checkout], &arguments)?;
        let code = answer.json().and_then(|json| json["error"]["code"].as_str().map(str::to_owned));
        let mut ledger = shared.ledger.lock().expect("no thread panics");
        match code.as_deref() {
            _ if answer.data().is_some() => {
                let number = issue.or_else(|| created(&answer).first().copied()).unwrap_or_default();
                match is_edit {
                    true => ledger.replaced(checkout, number, token),
                    false => ledger.added(checkout, number, token),
                }
                if issue.is_none() {
                    own.push(number);
                }
            }
            // It was acknowledged, and the issue may have another number than is known.
            Some("pending" | "overtaken") => {
                if let (Some(issue), true) = (issue, is_edit) {
                    ledger.maybe_replaced(checkout, issue, token);
                }
            }
            Some(code) if REFUSALS.contains(&code) => {}
            _ => {
                let harm = if answer.panicked() { Harm::Otherwise } else { Harm::Wedged };
                let told = format!("tickety {}: {}", arguments.join(" "), answer.told());
                shared.failures.lock().expect("no thread panics").push((harm, told));
            }
        }
    }
    Ok(())
}

/// Returns a text that no other issue has much of: of issues that look alike, git takes one for the other, renamed.
fn text_of(token: &str) -> String {
    (0..40).map(|line| format!("Line {line} of {token}, and of no other.\n")).collect()
}
