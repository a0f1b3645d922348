//! Who holds the lock, and what its file says of that.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::finish;
use crate::faults::Setting;
use crate::faults::table::{Harm, Row};
use crate::faults::verdict::{Case, judge_health};
use crate::faults::world::{Running, World, start, state_of};

/// The exit status of who could not get the lock.
const LOCKED: i32 = 8;
/// How long a writer may take to say so: the ten seconds it waits, and what a busy machine adds.
const BOUND: Duration = Duration::from_secs(30);
/// How many issues the holder brings in, so that it holds the lock long enough to be caught.
const ISSUES: usize = 3_000;

/// Stops a process that holds the lock: writers give up in time and name it, readers don't notice, and when it goes
/// on so does everything.
pub(super) fn stopped(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("a stopped holder of the lock");
    for round in 0..setting.runs(1, 20) {
        let place = world.plain(&format!("holder-{round}"))?;
        let checkout = &place.checkouts[0];
        world.data(checkout, &["new", "Before", "--json"])?;
        let Some(holder) = stop_one(world, checkout)? else { continue };
        row.run();
        let pid = holder.pid().to_string();
        let begin = Instant::now();
        let answer = world.run(checkout, &["new", "Meanwhile", "--json"])?;
        let told = answer.json().and_then(|json| json["error"]["message"].as_str().map(str::to_owned));
        let names = told.as_deref().is_some_and(|told| told.contains(&pid) && told.contains("stopped"));
        if answer.code() != Some(LOCKED) || !names || begin.elapsed() > BOUND {
            row.harm(Harm::Wedged, format!("a writer beside {pid}: {} after {:?}", answer.told(), begin.elapsed()));
        }
        let answer = world.run(checkout, &["show", "1", "--json"])?;
        if answer.data().is_none() {
            row.harm(Harm::Wedged, format!("a reader beside {pid}: {}", answer.told()));
        }
        signal("CONT", &pid)?;
        let answer = holder.finish()?;
        if answer.data().is_none() {
            row.harm(Harm::Lost, format!("the holder, continued: {}", answer.told()));
        }
        let listed = world.data(checkout, &["list", "is:any", "--limit", "1", "--json"])?;
        if listed["total"].as_u64() != Some(ISSUES as u64 + 1) {
            row.harm(Harm::Lost, format!("{} issues, not {}", listed["total"], ISSUES + 1));
        }
        if world.run(checkout, &["new", "After", "--json"])?.data().is_none() {
            row.harm(Harm::Wedged, "a writer after the holder has gone on");
        }
        judge_health(&mut row, Case::new(world, "stopped holder"), checkout)?;
        if row.is_clean() {
            place.remove()?;
        }
    }
    if row.runs() == 0 {
        row.harm(Harm::Otherwise, "no holder of the lock could be stopped");
    }
    Ok(row)
}

/// Starts a writer that has much to do, and stops it once it holds the lock; `None` if it was too fast.
fn stop_one(world: &World, checkout: &Path) -> Result<Option<Running>> {
    let lines: String =
        (0..ISSUES).map(|issue| format!("{{\"op\":\"create\",\"title\":\"Issue {issue}\"}}\n")).collect();
    let lock = state_of(checkout)?.join("lock");
    for _ in 0..20 {
        let running = start(world.command(checkout, &["batch", "apply", "-", "--json"]), Some(&lines))?;
        let pid = running.pid().to_string();
        let begin = Instant::now();
        let held = |text: &str| text.lines().any(|line| line.strip_prefix("pid ") == Some(&pid));
        while begin.elapsed() < BOUND && !fs::read_to_string(&lock).is_ok_and(|text| held(&text)) {
            std::thread::sleep(Duration::from_micros(100));
        }
        signal("STOP", &pid)?;
        let file = File::open(&lock).context("the lock is a file")?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Some(running)),
            locked => {
                locked.context("could not try the lock")?;
                signal("CONT", &pid)?;
                drop(file);
                running.finish()?;
            }
        }
    }
    Ok(None)
}

/// Leaves a lock file that names somebody who doesn't hold it: nobody waits.
pub(super) fn recycled(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("a lock file that names a process which has its number from another");
    let place = world.plain("recycled")?;
    let checkout = &place.checkouts[0];
    world.data(checkout, &["new", "Before", "--json"])?;
    let lock = state_of(checkout)?.join("lock");
    let written = fs::read_to_string(&lock)?;
    let own = std::process::id();
    for pid in [1, own, u32::MAX] {
        let named = written
            .lines()
            .map(|line| if line.starts_with("pid ") { format!("pid {pid}\n") } else { format!("{line}\n") });
        fs::write(&lock, named.collect::<String>())?;
        let begin = Instant::now();
        let answer = world.run(checkout, &["new", "After", "--json"])?;
        row.run();
        if answer.data().is_none() || begin.elapsed() > BOUND {
            row.harm(Harm::Wedged, format!("pid {pid}: {}", answer.told()));
        }
    }
    judge_health(&mut row, Case::new(world, "recycled pid"), checkout)?;
    finish(row, place)
}

/// Sends a signal to a process that this one started.
fn signal(name: &str, pid: &str) -> Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), pid]).status().context("could not start kill")?;
    ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}
