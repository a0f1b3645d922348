//! Commands that read.

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{AtFlags, StatxFlags, statx};

use crate::Options;
use crate::peak;
use crate::repository::Repository;
use crate::rounds::{self, Task, print_figure};

/// The query the index answers for a ranked search: its own, without what a process costs.
const RANKED: &str = "SELECT rowid FROM texts WHERE texts MATCH ?1 ORDER BY rank LIMIT 50";

/// Measures the commands that read, beside a program that does nothing and a look at all records.
pub(crate) fn measure(repository: &Repository, options: &Options) -> Result<()> {
    let commands = commands(repository);
    for (name, arguments) in &commands {
        let shown = repository.place.read(&repository.binary, arguments).with_context(|| name.clone())?;
        ensure!(!shown.trim().is_empty(), "{name}: `{}` printed nothing", arguments.join(" "));
    }
    let scan = Scan::open(repository)?;
    let index = repository.index()?;
    let mut numbers = fastrand::Rng::with_seed(options.seed);
    let mut tasks = vec![
        Task::new("spawn", |_| repository.place.time::<&str>(&repository.noop, &[])),
        Task::new("scan", |_| scan.time()),
        Task::new("show", |_| {
            let number = numbers.u32(1..=repository.size).to_string();
            repository.place.time(&repository.binary, &["show", &number])
        }),
    ];
    for (name, arguments) in &commands {
        tasks.push(Task::new(name.clone(), |_| repository.place.time(&repository.binary, arguments)));
    }
    for (kind, word) in kinds(repository) {
        let index = &index;
        tasks.push(Task::new(format!("fts {kind}"), move |_| ranked_query(index, word)));
    }
    rounds::measure(&mut tasks, options.rounds, options.seed)?;
    drop(tasks);

    for (name, arguments) in commands.iter().filter(|(name, _)| name.starts_with("list") || name.starts_with("search"))
    {
        print_figure(&format!("peak {name}"), peak::measure(&repository.place, &repository.binary, arguments)?);
    }
    print_figure("peak show", peak::measure(&repository.place, &repository.binary, &["show", "1"].map(str::to_owned))?);
    Ok(())
}

/// Every kind of word and the word of that kind.
fn kinds(repository: &Repository) -> [(&'static str, &str); 3] {
    let words = &repository.words;
    [("common", &words.common), ("usual", &words.usual), ("rare", &words.rare)]
}

/// Returns the commands by name. `show` is apart: each run shows another issue.
fn commands(repository: &Repository) -> Vec<(String, Vec<String>)> {
    let mut commands = Vec::new();
    let mut add = |name: String, line: &str| {
        commands.push((name, line.split(' ').map(str::to_owned).collect::<Vec<_>>()));
    };
    for freshness in ["trust", "shards", "verify"] {
        add(format!("list {freshness}"), &format!("list --limit 50 --freshness {freshness}"));
        add(
            format!("filter {freshness}"),
            &format!("list is:any kind:bug priority:>=high --limit 50 --freshness {freshness}"),
        );
        add(format!("ready {freshness}"), &format!("ready --limit 50 --freshness {freshness}"));
    }
    for (kind, word) in kinds(repository) {
        for freshness in ["trust", "shards"] {
            add(format!("search {kind} {freshness}"), &format!("search {word} --limit 50 --freshness {freshness}"));
        }
        add(format!("ranked {kind}"), &format!("search {word} --ranked --limit 50 --freshness trust"));
    }
    add("stats".to_owned(), "stats --freshness trust");
    add("list".to_owned(), "list --limit 50");
    commands
}

/// Opens the index anew, as a process has to, and times the query alone.
fn ranked_query(index: &PathBuf, word: &str) -> Result<std::time::Duration> {
    let connection =
        Connection::open_with_flags(index, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut statement = connection.prepare(RANKED)?;
    let begin = Instant::now();
    let rows = statement.query_map([format!("\"{word}\"")], |row| row.get::<_, i64>(0))?;
    let found: Vec<i64> = rows.collect::<Result<_, _>>()?;
    let took = begin.elapsed();
    ensure!(!found.is_empty(), "the index finds nothing for {word}");
    Ok(took)
}

/// A look at every record whose name is known, from its open folder.
struct Scan(Vec<(File, Vec<PathBuf>)>);

impl Scan {
    fn open(repository: &Repository) -> Result<Self> {
        let open = |(folder, names): &(PathBuf, Vec<PathBuf>)| Ok((File::open(folder)?, names.clone()));
        repository.records.iter().map(open).collect::<Result<_>>().map(Self)
    }

    fn time(&self) -> Result<std::time::Duration> {
        let begin = Instant::now();
        for (folder, names) in &self.0 {
            for name in names {
                statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?;
            }
        }
        Ok(begin.elapsed())
    }
}
