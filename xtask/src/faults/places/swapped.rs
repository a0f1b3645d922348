//! A directory that becomes a link out of the home, and a directory again, while commands write into it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{contents, make_outside};
use crate::faults::Setting;
use crate::faults::random::Random;
use crate::faults::state::State;
use crate::faults::table::{Harm, Row};
use crate::faults::world::start;
use crate::faults::writes::{Fate, Kind, Write};

/// The directories that become links, relative to the home.
const DIRECTORIES: [&str; 2] = ["issues/000", "issues"];
/// How long a directory stays what it is, in microseconds.
const LONGEST: u64 = 8_000;

/// Swaps and writes.
pub(super) fn run(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("a directory of issues that becomes a link out of the home and back while commands write");
    for (index, directory) in DIRECTORIES.into_iter().enumerate() {
        let place = world.plain(&format!("swapped-{index}"))?;
        let outside = world.empty(&format!("swapped-outside-{index}"))?;
        make_outside(&outside)?;
        let before = contents(&outside)?;
        let checkout = &place.checkouts[0];
        let home = checkout.join(".tickety");
        world.data(checkout, &["new", "first", "--json"])?;
        let (is_over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
        let clean = row.is_clean();
        let mut writes = Vec::new();
        thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                let mut random = Random::new(setting.seed, "swapped", 0);
                while !is_over.load(Ordering::SeqCst) {
                    swap(&home.join(directory), &outside, &mut random)?;
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
            let written = write(setting, &mut row, checkout, &mut writes);
            is_over.store(true, Ordering::SeqCst);
            swapping.join().expect("no thread panics").and(written)
        })?;
        // The home is as it was: what was acknowledged is there.
        let state = State::read(world, checkout)?;
        for Write { token, kind, .. } in writes.iter().filter(|write| write.fate == Fate::Acknowledged) {
            let found = state.tokens.get(token).copied().unwrap_or_default();
            if found != kind.parts() {
                let harm = if found == 0 { Harm::Lost } else { Harm::Torn };
                row.harm(harm, format!("{directory}: {kind:?} {token}: {found} of {} parts", kind.parts()));
            }
        }
        if contents(&outside)? != before {
            row.harm(Harm::Otherwise, format!("{directory}: something outside was written"));
        }
        let done = writes.iter().filter(|write| write.fate == Fate::Acknowledged).count();
        let swaps = swaps.load(Ordering::Relaxed);
        eprintln!("faults: places: {directory}: {swaps} swaps, {done} of {} writes done", writes.len());
        if clean == row.is_clean() {
            place.remove()?;
            fs::remove_dir_all(&outside)?;
        }
    }
    Ok(row)
}

/// Writes, each time something of another kind.
fn write(setting: &Setting, row: &mut Row, checkout: &Path, writes: &mut Vec<Write>) -> Result<()> {
    let world = &setting.world;
    for round in 0..setting.runs(30, 1_000) {
        let kinds = [Kind::Create, Kind::Edit, Kind::Comment, Kind::Batch];
        let kind = kinds[usize::try_from(round % 4)?];
        let token = format!("s{round}");
        let (arguments, input) = kind.command(&token, 1);
        let mut command = world.command(checkout, &[]);
        command.args(&arguments);
        let answer = start(command, input.as_deref())?.finish()?;
        row.run();
        if answer.is_hung() || answer.panicked() || answer.signal().is_some() {
            row.harm(Harm::Wedged, format!("{}: {}", arguments.join(" "), answer.told()));
        }
        let pending = answer.json().is_some_and(|json| json["error"]["code"] == "pending");
        let fate = if answer.data().is_some() || pending { Fate::Acknowledged } else { Fate::Refused };
        writes.push(Write { token, kind, checkout: 0, fate });
    }
    Ok(())
}

/// Makes a directory a link for a while.
fn swap(directory: &Path, outside: &Path, random: &mut Random) -> Result<()> {
    let aside = directory.with_extension("aside");
    let wait = |random: &mut Random| thread::sleep(Duration::from_micros(random.below(LONGEST)));
    wait(random);
    fs::rename(directory, &aside).with_context(|| directory.display().to_string())?;
    if symlink(outside, directory).is_ok() {
        wait(random);
        fs::remove_file(directory)?;
    }
    // A writer may have made it anew in between: what that holds goes back with the rest.
    while let Err(error) = fs::rename(&aside, directory) {
        if !directory.is_dir() {
            return Err(error).with_context(|| directory.display().to_string());
        }
        merge(directory, &aside)?;
    }
    Ok(())
}

/// Moves all files to another directory, and the emptied one away.
fn merge(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            merge(&entry.path(), &target)?;
        } else if let Err(error) = fs::rename(entry.path(), target) {
            // A temporary file, which its writer has removed or renamed by now.
            anyhow::ensure!(error.kind() == std::io::ErrorKind::NotFound, "{}: {error}", entry.path().display());
        }
    }
    // It is full again if somebody was faster.
    let _ = fs::remove_dir(from);
    Ok(())
}
