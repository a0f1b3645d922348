//! Edits from outside that are hard to see: of the same size, within one tick of the clock, with the time put back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::faults::Setting;
use crate::faults::table::{Harm, Row};
use crate::faults::template::Template;
use crate::faults::verdict::{Case, judge_health};

/// Edits a record again and again and asks each time what it says.
pub(super) fn run(setting: &Setting, template: &Template) -> Result<Row> {
    let world = &setting.world;
    let mut row = Row::new("same-size edits, at once after a look, with the time put back");
    let place = world.copy(&template.place, "edits")?;
    let checkout = &place.checkouts[0];
    let record = record_of(checkout, 2)?;
    let text = fs::read_to_string(&record)?;
    for round in 0..setting.runs(20, 1_000) {
        let title = format!("edit{:04}", round % 10_000);
        let lines = text
            .lines()
            .map(|line| if line.starts_with("title: ") { format!("title: {title}") } else { line.to_owned() });
        let edited = lines.collect::<Vec<_>>().join("\n") + "\n";
        let before = fs::metadata(&record)?.modified()?;
        if round % 2 == 0 {
            fs::write(&record, &edited)?;
        } else {
            let beside = record.with_extension("new");
            fs::write(&beside, &edited)?;
            fs::rename(&beside, &record)?;
        }
        File::options().write(true).open(&record)?.set_modified(before)?;
        row.run();
        let words: &[&str] = if round % 3 == 0 { &["show", "2", "--json"] } else { &["list", "is:any", "--json"] };
        let data = world.data(checkout, words)?;
        let found = data["issues"].as_array().into_iter().flatten().find(|issue| issue["number"] == 2);
        if found.is_none_or(|issue| issue["title"] != title) {
            row.harm(Harm::Otherwise, format!("round {round}: `{}` doesn't see the title {title}", words.join(" ")));
        }
    }
    judge_health(&mut row, Case::new(world, "edits"), checkout)?;
    if row.is_clean() {
        place.remove()?;
    }
    Ok(row)
}

/// Returns the record of an issue below number 1000.
fn record_of(checkout: &Path, number: u64) -> Result<PathBuf> {
    let prefix = format!("{number:06}-");
    let shard = checkout.join(".tickety/issues/000");
    let mut entries = fs::read_dir(&shard)?.filter_map(Result::ok).map(|entry| entry.path());
    let is_record = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&prefix) && !name.contains('_')
    };
    entries.find(is_record).with_context(|| format!("issue {number} has no record"))
}
