//! Edits of one issue at the same moment.

use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};

use super::finish;
use crate::faults::Setting;
use crate::faults::table::{Harm, Row};
use crate::faults::verdict::{Case, judge_health};
use crate::faults::world::{Answer, World};

/// The exit status of a conflict.
const CONFLICT: i32 = 5;

/// Changes one field from several processes that all saw the same version: one wins, the others are told.
pub(super) fn same_field(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("one field edited by 4 processes at once");
    let place = world.plain("same-field")?;
    let checkout = &place.checkouts[0];
    world.data(checkout, &["new", "One", "--json"])?;
    for round in 0..setting.runs(8, 500) {
        let shown = world.data(checkout, &["show", "1", "--json"])?;
        let version = shown["issues"][0]["version"].as_str().context("an issue has a version")?.to_owned();
        let values: Vec<String> = (0..4).map(|process| format!("m{round}p{process}")).collect();
        let edits =
            values.iter().map(|value| vec!["edit", "1", "--milestone", value, "--if-version", &version, "--json"]);
        let answers = at_once(world, checkout, edits.collect())?;
        row.run();
        let won: Vec<&String> =
            values.iter().zip(&answers).filter(|(_, answer)| answer.data().is_some()).map(|(value, _)| value).collect();
        let lost = answers.iter().filter(|answer| answer.code() == Some(CONFLICT)).count();
        if (won.len(), lost) != (1, 3) {
            let told: Vec<String> = answers.iter().map(Answer::told).collect();
            row.harm(Harm::Otherwise, format!("round {round}: {} won and {lost} had a conflict: {told:?}", won.len()));
        }
        let shown = world.data(checkout, &["show", "1", "--json"])?;
        if won.iter().all(|won| shown["issues"][0]["milestone"] != **won) {
            row.harm(Harm::Lost, format!("round {round}: {won:?} won, and it is {}", shown["issues"][0]["milestone"]));
        }
    }
    judge_health(&mut row, Case::new(world, "one field"), checkout)?;
    finish(row, place)
}

/// Changes several fields from several processes: all changes are kept.
pub(super) fn different_fields(setting: &Setting) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("4 fields edited by 4 processes at once");
    let place = world.plain("different-fields")?;
    let checkout = &place.checkouts[0];
    world.data(checkout, &["new", "One", "--json"])?;
    for round in 0..setting.runs(8, 500) {
        let value = format!("v{round}");
        let fields =
            [("--milestone", "milestone"), ("--title", "title"), ("--reporter", "reporter"), ("--body", "body")];
        let edits = fields.map(|(option, _)| vec!["edit", "1", option, &value, "--json"]);
        let answers = at_once(world, checkout, edits.into())?;
        row.run();
        let shown = world.data(checkout, &["show", "1", "--json"])?;
        for ((_, field), answer) in fields.iter().zip(&answers) {
            if answer.data().is_none() {
                row.harm(Harm::Wedged, format!("round {round}, {field}: {}", answer.told()));
            } else if shown["issues"][0][field].as_str().map(str::trim) != Some(&value) {
                row.harm(Harm::Lost, format!("round {round}: {field} is {}, not {value}", shown["issues"][0][field]));
            }
        }
    }
    judge_health(&mut row, Case::new(world, "4 fields"), checkout)?;
    finish(row, place)
}

/// Runs commands beside each other.
fn at_once(world: &World, checkout: &Path, commands: Vec<Vec<&str>>) -> Result<Vec<Answer>> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            commands.into_iter().map(|words| scope.spawn(move || world.run(checkout, &words))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}
