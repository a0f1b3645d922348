//! Damaged files that are kept beside the journal: what became of requests, and contents to be put back. `doctor` names
//! them and says what is lost.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Damage, QUESTIONS, answers, compare};
use crate::faults::Setting;
use crate::faults::random::Random;
use crate::faults::table::{Harm, Row};
use crate::faults::world::{Place, World, start, state_of};

/// A request with a key.
const REQUEST: [&str; 5] = ["new", "Asked for", "--idempotency-key", "key", "--json"];

/// Damages each of them.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let world = &setting.world;
    let template = template(world)?;
    let mut rows = Vec::new();
    for directory in ["requests", "contents"] {
        let mut row = Row::new(format!("{directory}/… with flipped bits, truncated, garbage, zeros"));
        let file = only_file(&state_of(&template.checkouts[0])?.join(directory))?;
        let (name, size) = (file.file_name().context("a file has a name")?.to_owned(), fs::metadata(&file)?.len());
        let mut random = Random::new(setting.seed, directory, 0);
        let few = setting.runs(6, 200);
        let mut damages: Vec<Damage> = (0..few).map(|_| Damage::Flip(random.below(size * 8))).collect();
        damages.extend((0..few.div_ceil(3)).map(|_| Damage::Truncate(random.below(size))));
        damages.extend([Damage::Garbage, Damage::Zeros]);
        for damage in damages {
            let place = world.copy(&template, "kept")?;
            let clean = row.is_clean();
            let checkout = &place.checkouts[0];
            let file = state_of(checkout)?.join(directory).join(&name);
            world.data(checkout, &["index", "rebuild", "--json"])?;
            let expected = answers(world, checkout)?;
            damage.apply(&file)?;
            row.run();
            let case = format!("{directory}, {damage:?}");
            for (question, expected) in QUESTIONS.iter().zip(&expected).take(2) {
                compare(&mut row, &case, question, &world.run(checkout, question)?, expected);
            }
            judge(&mut row, world, checkout, (&case, &file))?;
            let answer = world.run(checkout, &["new", "After", "--json"])?;
            if answer.data().is_none() {
                row.harm(Harm::Wedged, format!("{case}: the next `new`: {}", answer.told()));
            }
            if clean == row.is_clean() {
                place.remove()?;
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Makes a home that remembers a request and keeps what was written before the last checkpoint.
fn template(world: &World) -> Result<Place> {
    let place = world.plain("kept-template")?;
    let checkout = &place.checkouts[0];
    world.data(checkout, &REQUEST)?;
    world.data(checkout, &["new", "Before", "--json"])?;
    // Days later the journal is old enough to be forgotten.
    for title in ["Later", "Afterwards"] {
        let mut command = world.command(checkout, &["new", title, "--json"]);
        command.env("TICKETY_TEST_CLOCK", world.time("+3 days")?);
        let answer = start(command, None)?.finish()?;
        anyhow::ensure!(answer.data().is_some(), "new {title}: {}", answer.told());
    }
    Ok(place)
}

/// What is damaged is named, or does what it is for; `--fix` takes the note of a request away, and contents go with their time.
fn judge(row: &mut Row, world: &World, checkout: &Path, (case, file): (&str, &Path)) -> Result<()> {
    if named(world, checkout, file)? {
        let is_request = file.parent().is_some_and(|directory| directory.ends_with("requests"));
        world.run(checkout, &["doctor", "--fix", "--json"])?;
        if is_request && named(world, checkout, file)? {
            row.harm(Harm::Wedged, format!("{case}: `doctor --fix` leaves it as it is"));
        }
        return Ok(());
    }
    // The bit lay where nothing is: what was asked for is done once, and all can be put back.
    let replayed = world.run(checkout, &REQUEST)?;
    if replayed.json().is_none_or(|json| json["meta"]["replayed"] != true) {
        row.harm(Harm::Otherwise, format!("{case}: not named, and the request was done again: {}", replayed.told()));
    }
    let records = checkout.join(".tickety/issues/000");
    let before = super::super::places::contents(&records)?;
    fs::remove_dir_all(&records)?;
    let restored = world.run(checkout, &["restore", "--all", "--json"])?;
    if !records.is_dir() || super::super::places::contents(&records)? != before {
        row.harm(Harm::Lost, format!("{case}: not named, and not all was put back: {}", restored.told()));
    }
    Ok(())
}

/// Whether `doctor` finds something about a file.
fn named(world: &World, checkout: &Path, file: &Path) -> Result<bool> {
    let answer = world.run(checkout, &["doctor", "--json"])?;
    let findings = answer.json().map(|json| json["data"]["findings"].clone());
    let file = file.display().to_string();
    let is_about = |finding: &Value| finding["subject"].as_str() == Some(&file) && finding["message"].is_string();
    Ok(findings.as_ref().and_then(Value::as_array).is_some_and(|findings| findings.iter().any(is_about)))
}

fn only_file(directory: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    Ok(entries.next().with_context(|| format!("{} is empty", directory.display()))??.path())
}
