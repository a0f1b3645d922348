//! Processes beside each other: numbers, edits, sums that have to hold, a holder of the lock that doesn't go on,
//! few files, and clocks that lie.

mod edits;
mod holder;
mod ledger;

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::Result;

use super::Setting;
use super::random::Random;
use super::table::{Harm, Row};
use super::verdict::{Case, judge};
use super::world::{Place, World, start};
use super::writes::{Fate, Kind, Write};

/// How many processes create issues beside each other.
const PROCESSES: u64 = 8;
/// How wrong the clocks are.
const CLOCKS: [(&str, &str); 2] = [("a day back", "-1 day"), ("ten years ahead", "+10 years")];

/// Runs all races.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    Ok(vec![
        creates(setting)?,
        edits::same_field(setting)?,
        edits::different_fields(setting)?,
        ledger::run(setting)?,
        holder::stopped(setting)?,
        holder::recycled(setting)?,
        few_files(setting)?,
        clocks(setting)?,
    ])
}

/// Creates issues in two work trees from several processes: all have numbers of their own.
fn creates(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let each = setting.runs(10, 1_000);
    let mut row = Row::new(format!("{PROCESSES} processes x {each} creates in two work trees"));
    let place = world.repository("creates")?;
    let writes = Mutex::new(Vec::new());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let create = |process: u64| {
            let checkout = usize::try_from(process).unwrap_or_default() % place.checkouts.len();
            for index in 0..each {
                let token = format!("p{process}i{index}");
                let answer = world.run(&place.checkouts[checkout], &["new", &token, "--json"])?;
                let fate = if answer.data().is_some() { Fate::Acknowledged } else { Fate::Refused };
                if fate == Fate::Refused {
                    failures.lock().expect("no thread panics").push(answer.told());
                }
                let write = Write { token, kind: Kind::Create, checkout, fate };
                writes.lock().expect("no thread panics").push(write);
            }
            anyhow::Ok(())
        };
        let threads: Vec<_> = (0..PROCESSES).map(|process| scope.spawn(move || create(process))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    for failure in failures.into_inner().expect("no thread panics") {
        row.harm(Harm::Wedged, failure);
    }
    let writes = writes.into_inner().expect("no thread panics");
    writes.iter().for_each(|_| row.run());
    judge(&mut row, Case::new(world, "creates"), &place, &writes)?;
    finish(row, place)
}

/// Lets commands run with few open files.
fn few_files(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("EMFILE: create, update, batch, import with 3 to 24 open files");
    let place = world.plain("few-files")?;
    let mut writes = vec![acknowledged(world, &place, Kind::Create, "first")?];
    let kinds = [Kind::Create, Kind::Edit, Kind::Batch, Kind::Import];
    for limit in 3..=24_u64 {
        let kinds = if setting.full { &kinds[..] } else { &kinds[usize::try_from(limit % 4)?..][..1] };
        for kind in kinds {
            let token = format!("few{limit}{kind:?}");
            let (arguments, input) = kind.command(&token, 1);
            let mut command = world.prepare(Path::new("sh"), &place.checkouts[0]);
            command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]).arg(world.program());
            command.args(&arguments);
            let answer = start(command, input.as_deref())?.finish()?;
            row.run();
            let case = format!("{kind:?} with {limit} files: {}", answer.told());
            if answer.is_hung() || answer.panicked() || answer.signal().is_some() {
                row.harm(Harm::Otherwise, &case);
            }
            let pending = answer.json().is_some_and(|json| json["error"]["code"] == "pending");
            let done = answer.data().is_some() || pending;
            let fate = if done { Fate::Acknowledged } else { Fate::Refused };
            writes.push(Write { token, kind: *kind, checkout: 0, fate });
            if setting.full || limit.is_multiple_of(4) {
                judge(&mut row, Case::new(world, &case), &place, &writes)?;
            }
        }
    }
    judge(&mut row, Case::new(world, "few files, at the end"), &place, &writes)?;
    finish(row, place)
}

/// Lets commands run with clocks that lie, between others whose clocks are right.
fn clocks(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("clocks a day back and ten years ahead");
    let place = world.plain("clocks")?;
    let checkout = &place.checkouts[0];
    let mut writes = vec![acknowledged(world, &place, Kind::Create, "first")?];
    for round in 0..setting.runs(12, 500) {
        let mut random = Random::new(setting.seed, "clocks", round);
        let kind = random.pick(&[Kind::Create, Kind::Edit, Kind::Comment, Kind::Batch]).unwrap_or(Kind::Create);
        let clock = random.pick(&CLOCKS).filter(|_| random.chance(70));
        let token = format!("clock{round}");
        let (arguments, input) = kind.command(&token, 1);
        let mut command = world.command(checkout, &[]);
        command.args(&arguments);
        if let Some((_, offset)) = clock {
            let time = world.time(offset)?;
            command.env("TICKETY_TEST_CLOCK", time);
        }
        let answer = start(command, input.as_deref())?.finish()?;
        row.run();
        let case = format!("{kind:?} with a clock {}", clock.map_or("that is right", |(name, _)| name));
        if answer.data().is_none() {
            row.harm(Harm::Wedged, format!("{case}: {}", answer.told()));
        }
        let fate = if answer.data().is_some() { Fate::Acknowledged } else { Fate::Refused };
        writes.push(Write { token, kind, checkout: 0, fate });
        if round % 6 == 5 {
            judge(&mut row, Case::new(world, &case), &place, &writes)?;
        }
    }
    finish(row, place)
}

/// Writes something that has to succeed.
fn acknowledged(world: &World, place: &Place, kind: Kind, token: &str) -> Result<Write> {
    let (arguments, input) = kind.command(token, 1);
    let mut command = world.command(&place.checkouts[0], &[]);
    command.args(&arguments);
    let answer = start(command, input.as_deref())?.finish()?;
    anyhow::ensure!(answer.data().is_some(), "{kind:?}: {}", answer.told());
    Ok(Write { token: token.to_owned(), kind, checkout: 0, fate: Fate::Acknowledged })
}

/// Removes a place unless something was found there.
fn finish(row: Row, place: Place) -> Result<Row> {
    if row.is_clean() {
        place.remove()?;
    }
    Ok(row)
}
