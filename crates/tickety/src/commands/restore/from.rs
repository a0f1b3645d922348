//! `tickety restore --from`

use std::path::Path;

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::{self, FileEffect, FromBackup, RestoredFile};
use crate::exit::{CliError, Ended};
use crate::render::{counted, palette};
use crate::session::Session;

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    root: String,
    /// When the backup was made.
    taken: String,
    /// Whether there was no home.
    new_home: bool,
    /// Whether the log of events comes from the backup.
    brings_events: bool,
    files: Vec<WireFile>,
    unchanged: usize,
}

/// A file that wasn't as in the backup.
#[derive(Serialize)]
struct WireFile {
    path: String,
    /// `created`, `replaced`, `removed`, `stays` or `renamed`.
    effect: &'static str,
}

pub(super) fn run(backup: &Path, is_exact: bool, dry_run: bool, session: &Session) -> Result<Ended, CliError> {
    let (context, freshness) = (&session.context, session.global.freshness);
    let done = compose::restore_from(context, freshness, session.command, (backup, is_exact, dry_run))?;
    let FromBackup { root, taken, is_new, files, unchanged, brings_events } = done;
    let root = root.display().to_string();
    if session.json() {
        let wire = |RestoredFile { path, effect }: RestoredFile| WireFile { path, effect: effect.as_str() };
        let files = files.into_iter().map(wire).collect();
        let taken = taken.to_string();
        let answer = Answer { dry_run, root, taken, new_home: is_new, brings_events, files, unchanged };
        return session.answer(answer, Meta::default());
    }
    let mut screen = session.screen();
    for RestoredFile { path, effect } in &files {
        let style = match effect {
            FileEffect::Created | FileEffect::Stays => palette::PLAIN,
            FileEffect::Replaced | FileEffect::Removed | FileEffect::Renamed => palette::ALARM,
        };
        screen.put(style, effect.as_str()).raw(" ").put(palette::PLAIN, path).end();
    }
    session.show(screen)?;
    let count = |effect: FileEffect| files.iter().filter(|file| file.effect == effect).count();
    let (made, removed) = (count(FileEffect::Created) + count(FileEffect::Replaced), count(FileEffect::Removed));
    let made = counted(made, "file");
    let would = if dry_run { "would be " } else { "" };
    session.note(format_args!("{would}restored in {root}: {made} written, {removed} removed, {unchanged} unchanged"));
    if count(FileEffect::Replaced) + removed > 0 && !dry_run {
        session.note("what was replaced or removed is kept in the state directory, in `kept`");
    }
    if count(FileEffect::Stays) > 0 {
        session.note("what the backup doesn't have stays; --exact removes it");
    }
    if count(FileEffect::Renamed) > 0 {
        session.note("issues that have another name now are left as they are");
    }
    if brings_events {
        session.note("the log of events comes from the backup: cursors of before are gone");
    }
    Ok(Ended::Done)
}
