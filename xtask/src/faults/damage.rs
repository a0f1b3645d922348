//! Damaged state: what is derived is made again, what isn't is told, and answers are those of a sound home.

mod edits;
mod kept;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Setting;
use super::random::Random;
use super::table::{Harm, Row};
use super::template::Template;
use super::verdict::{Case, judge_health};
use super::world::{Answer, World, state_of};

/// Questions whose answers don't change with the state that is damaged.
const QUESTIONS: [&[&str]; 9] = [
    &["list", "is:any", "--json"],
    &["search", "start1", "--json"],
    &["list", "is:open sort:priority,updated-desc", "--json"],
    &["list", "label:start3", "--json"],
    &["list", "is:blocked", "--json"],
    &["ready", "--json"],
    &["stats", "--json"],
    &["show", "1", "2", "--json"],
    &["graph", "--json"],
];

/// The exit status of damaged state.
const DAMAGED: i32 = 13;

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// One bit is another.
    Flip(u64),
    /// It ends here.
    Truncate(u64),
    /// It isn't there.
    Delete,
    /// It holds something else.
    Garbage,
    /// It is full of zeros.
    Zeros,
    /// It is an index of a format that isn't known yet.
    Newer,
    /// Beside it lies a file of this ending, with something in it.
    Stale(&'static str),
}

/// Runs all kinds of damage.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let template = Template::make(&setting.world)?;
    let flips = setting.runs(40, 1_000);
    let few = setting.runs(6, 200);
    let mut rows = vec![
        index(setting, &template, flips, false)?,
        index(setting, &template, flips, true)?,
        state(setting, &template, ("journal", 24 * 1024), few)?,
        state(setting, &template, ("journal.mark", u64::MAX), few)?,
        state(setting, &template, ("counter", u64::MAX), few)?,
        state(setting, &template, ("events/log", u64::MAX), few)?,
        edits::run(setting, &template)?,
    ];
    rows.extend(kept::run(setting)?);
    Ok(rows)
}

/// Damages the index, which is derived: every answer is that of a sound one. Where no time of the file shows the damage, as
/// on a failing disk, what is shown of issues is right, and a comparison with the files tells the rest.
fn index(setting: &Setting, template: &Template, flips: u64, is_hidden: bool) -> Result<Row> {
    let world = &setting.world;
    let name = if is_hidden { "index-hidden" } else { "index" };
    let mut row = Row::new(match is_hidden {
        true => "index.db with flipped bits and the time of the file put back",
        false => "index.db with flipped bits, truncated, deleted, garbage, newer, stale -wal, -shm, -journal",
    });
    let place = world.copy(&template.place, name)?;
    let checkout = &place.checkouts[0];
    // What was copied has the times of the copy, which only a new index tells.
    world.data(checkout, &["index", "rebuild", "--json"])?;
    let expected = answers(world, checkout)?;
    let file = state_of(checkout)?.join("index.db");
    let noted = file.with_extension("db-seal");
    let (sound, note, time) = (fs::read(&file)?, fs::read(&noted)?, fs::metadata(&file)?.modified()?);
    let size = sound.len() as u64;
    let mut random = Random::new(setting.seed, name, 0);
    let mut damages: Vec<Damage> = (0..flips).map(|_| Damage::Flip(random.below(size * 8))).collect();
    if !is_hidden {
        damages.extend((0..flips.div_ceil(10)).map(|_| Damage::Truncate(random.below(size))));
        damages.extend([Damage::Delete, Damage::Garbage, Damage::Zeros, Damage::Newer]);
        damages.extend(["-wal", "-shm", "-journal"].map(Damage::Stale));
    }
    let mut found_by_verify = 0;
    for damage in damages {
        if is_hidden {
            fs::write(&file, &sound)?;
        }
        damage.apply(&file)?;
        if is_hidden {
            OpenOptions::new().write(true).open(&file)?.set_modified(time)?;
            fs::write(&noted, &note)?;
        }
        row.run();
        let name = format!("{name}, {damage:?}");
        for (question, expected) in QUESTIONS.iter().zip(&expected) {
            let answer = world.run(checkout, question)?;
            let is_other = answer.data().is_some_and(|data| data != *expected);
            if is_other && is_hidden && !agrees(world, checkout)? {
                found_by_verify += 1;
                break;
            }
            compare(&mut row, &name, question, &answer, expected);
        }
    }
    if found_by_verify > 0 {
        row.note(&format!(" ({found_by_verify} flips changed an answer and were found by `index verify` alone)"));
    }
    world.data(checkout, &["index", "rebuild", "--json"])?;
    let answer = world.run(checkout, &["new", "After", "--json"])?;
    if answer.data().is_none() {
        row.harm(Harm::Wedged, format!("the `new` after all that: {}", answer.told()));
    }
    judge_health(&mut row, Case::new(world, "index.db, at the end"), checkout)?;
    if row.is_clean() {
        place.remove()?;
    }
    Ok(row)
}

/// Damages state that isn't derived: nobody panics, answers are right, and writes go on or say what to do.
fn state(setting: &Setting, template: &Template, (file, end): (&str, u64), runs: u64) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new(format!("{file} with flipped bits, truncated, deleted, garbage, zeros"));
    let size = fs::metadata(state_of(&template.place.checkouts[0])?.join(file)).with_context(|| file.to_owned())?.len();
    let size = size.min(end);
    let mut random = Random::new(setting.seed, file, 0);
    let mut damages: Vec<Damage> = (0..runs).map(|_| Damage::Flip(random.below(size * 8))).collect();
    damages.extend((0..runs.div_ceil(3)).map(|_| Damage::Truncate(random.below(size))));
    damages.extend([Damage::Delete, Damage::Garbage, Damage::Zeros]);
    for (round, damage) in damages.into_iter().enumerate() {
        let place = world.copy(&template.place, "state")?;
        let checkout = &place.checkouts[0];
        world.data(checkout, &["index", "rebuild", "--json"])?;
        let expected = answers(world, checkout)?;
        damage.apply(&state_of(checkout)?.join(file))?;
        row.run();
        let clean = row.is_clean();
        let name = format!("{file}, {damage:?}");
        for (question, expected) in QUESTIONS.iter().zip(&expected).skip(round % 2).step_by(3) {
            compare(&mut row, &name, question, &world.run(checkout, question)?, expected);
        }
        write_on(&mut row, world, checkout, &name)?;
        if clean && !row.is_clean() {
            return Ok(row);
        }
        place.remove()?;
    }
    Ok(row)
}

/// Writes after damage: it works, or says what to do, and works after that.
fn write_on(row: &mut Row, world: &World, checkout: &Path, name: &str) -> Result<()> {
    let new = ["new", "After", "--json"];
    let mut answer = world.run(checkout, &new)?;
    if answer.code() == Some(DAMAGED) {
        let hint = answer.json().map(|json| json["error"].to_string()).unwrap_or_default();
        if !hint.contains("tickety doctor") {
            row.harm(Harm::Wedged, format!("{name}: the error doesn't say what to do: {}", answer.told()));
        }
        let fixed = world.run(checkout, &["doctor", "--fix", "--json"])?;
        if fixed.panicked() || fixed.is_hung() {
            row.harm(Harm::Wedged, format!("{name}: doctor --fix: {}", fixed.told()));
        }
        answer = world.run(checkout, &new)?;
    }
    let Some(data) = answer.data() else {
        row.harm(Harm::Wedged, format!("{name}: `new` afterwards: {}", answer.told()));
        return Ok(());
    };
    // The four of the template have the numbers before.
    if data["issues"][0]["number"].as_u64().is_none_or(|number| number <= 4) {
        row.harm(Harm::Otherwise, format!("{name}: a number was given out again: {data}"));
    }
    let events = world.run(checkout, &["events", "--since", "start", "--json"])?;
    if events.data().is_none() {
        row.harm(Harm::Wedged, format!("{name}: events: {}", events.told()));
    }
    let listed = world.data(checkout, &["list", "is:any", "--limit", "1", "--json"])?;
    if listed["total"].as_u64() != Some(5) {
        row.harm(Harm::Lost, format!("{name}: {} issues, not 5", listed["total"]));
    }
    Ok(())
}

/// Says whether the index is what the files say.
fn agrees(world: &World, checkout: &Path) -> Result<bool> {
    let answer = world.run(checkout, &["index", "verify", "--json"])?;
    Ok(answer.data().is_some_and(|data| data["agrees"] == true))
}

/// Asks all questions of a sound home.
fn answers(world: &World, checkout: &Path) -> Result<Vec<Value>> {
    QUESTIONS.iter().map(|question| world.data(checkout, question)).collect()
}

fn compare(row: &mut Row, name: &str, question: &[&str], answer: &Answer, expected: &Value) {
    let question = question.join(" ");
    match answer.data() {
        Some(data) if data == *expected => {}
        Some(data) => {
            let harm = if answer.panicked() { Harm::Wedged } else { Harm::Otherwise };
            row.harm(harm, format!("{name}: `{question}` answers {data}, not {expected}"));
        }
        None => row.harm(Harm::Wedged, format!("{name}: `{question}`: {}", answer.told())),
    }
}

impl Damage {
    fn apply(self, file: &Path) -> io::Result<()> {
        match self {
            Self::Flip(bit) => {
                let mut bytes = fs::read(file)?;
                if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|at| bytes.get_mut(at)) {
                    *byte ^= 1 << (bit % 8);
                }
                fs::write(file, bytes)
            }
            Self::Truncate(length) => OpenOptions::new().write(true).open(file)?.set_len(length),
            Self::Delete => fs::remove_file(file),
            Self::Garbage => fs::write(file, "This is no file of Tickety's.\n".repeat(300)),
            Self::Zeros => fs::write(file, vec![0; fs::read(file)?.len()]),
            Self::Newer => fs::write(file, newer(&fs::read(file)?)?),
            Self::Stale(ending) => {
                let mut name = file.as_os_str().to_owned();
                name.push(ending);
                fs::write(name, "left behind ".repeat(1_000))
            }
        }
    }
}

/// Returns an index as one of a later format: its row of `meta` begins with a number of one byte, before the hash of the
/// configuration and the id of the boot.
fn newer(index: &[u8]) -> io::Result<Vec<u8>> {
    let mut index = index.to_vec();
    let is_hash = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    let hash = index.windows(64).position(is_hash).filter(|place| *place > 0);
    let hash = hash.ok_or_else(|| io::Error::other("the index has no hash of a configuration"))?;
    index[hash - 1] = 99;
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_done() {
        let file = std::env::temp_dir().join(format!("tickety-faults-damage-{}", std::process::id()));
        fs::write(&file, [0; 4]).unwrap();
        Damage::Flip(9).apply(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), [0, 2, 0, 0]);
        Damage::Truncate(2).apply(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), [0, 2]);
        Damage::Zeros.apply(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), [0, 0]);
        Damage::Delete.apply(&file).unwrap();
        assert!(!file.exists());
    }
}
