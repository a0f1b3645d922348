//! Commands that go through all issues: rebuilding the index, importing.

use std::fs;
use std::time::Instant;

use anyhow::Result;
use tickety_core::Schema;

use crate::Options;
use crate::baseline;
use crate::process::Place;
use crate::repository::Repository;
use crate::rounds::{self, Task};

/// Up to this size, importing is measured too.
const MOST_IMPORTED: u32 = 10_000;

/// Measures them beside the work they can't do without.
pub(crate) fn measure_bulk(repository: &Repository, options: &Options) -> Result<()> {
    let Repository { place, binary, size, .. } = repository;
    let records = repository.list_records()?;
    let schema = Schema::default();
    let scratch = options.folder.join("scratch");
    fs::create_dir_all(&scratch)?;
    let database = scratch.join("baseline.db");
    let rounds = (options.rounds * 1_000 / *size as usize).clamp(3, options.rounds.min(20));

    let mut tasks = vec![
        Task::new("rebuild", |_| place.time(binary, &["index", "rebuild"])),
        Task::new("parse and insert", |_| {
            let begin = Instant::now();
            baseline::parse_and_insert(&records, &schema, &database)?;
            Ok(begin.elapsed())
        }),
    ];
    if *size <= MOST_IMPORTED {
        let exported = scratch.join("issues.jsonl");
        fs::write(&exported, place.read(binary, &["export", "jsonl"])?)?;
        let target = scratch.join("imported");
        let files = scratch.join("files");
        let (records, schema, database) = (&records, &schema, &database);
        tasks.push(Task::new("import", move |_| {
            renew(&target)?;
            let inside = Place { folder: target.clone(), home: place.home.clone() };
            inside.read(binary, &["init"])?;
            inside.time(binary, &["import".as_ref(), "jsonl".as_ref(), exported.as_os_str()])
        }));
        tasks.push(Task::new("parse, insert and write", move |_| {
            renew(&files)?;
            let begin = Instant::now();
            baseline::parse_and_insert(records, schema, database)?;
            baseline::write_files(records, &files)?;
            Ok(begin.elapsed())
        }));
    }
    rounds::measure(&mut tasks, rounds, options.seed)
}

/// Makes a folder that is there and empty.
fn renew(folder: &std::path::Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
