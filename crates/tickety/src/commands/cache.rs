//! `tickety cache`

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;
use tickety_api::cache::{self, CacheEntries, CacheStats, Entry, IndexRows, IndexUse, Settings};
use tickety_api::{ErrorCode, Meta};
use tickety_engine::layers::CacheSettings;
use tickety_store::StorageError;

use crate::compose::{Distant, IndexReport, Repo, Usage};
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::{Screen, counted, palette};
use crate::session::Session;

/// Tell how often the index could answer as it was, and what it holds
///
/// Issues are read from an index, which is made of the files and compared with them before it answers. It is the cache
/// that outlives a command; in memory, a command keeps nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to tell.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell what the index was good for, over all commands in this checkout
    ///
    /// A hit rate of 80 % is good, one of 50 % middling, and less is poor.
    Stats {
        /// Begin to count anew after that
        #[arg(long)]
        clear: bool,
    },
    /// Count what the index holds, by kind
    Entries,
    /// Forget what a server keeps in memory, and what is kept here of its answers
    ///
    /// Where no server is asked there is nothing to forget: a command keeps nothing in memory, and
    /// `tickety index rebuild` makes the index anew.
    Clear,
}

/// The `data` of the answer to `clear`.
#[derive(Serialize)]
struct Cleared {
    /// How many entries were forgotten, about.
    entries: u64,
}

/// The columns of the names on a terminal.
const NAMES: usize = 19;

/// The columns of a count.
const COUNT: usize = 6;

/// What is said of memory.
const NOTHING_STAYS: &str = "nothing: a command ends with its answer";

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    match args.action {
        Action::Stats { clear } => stats(clear, session),
        Action::Entries => entries(session),
        Action::Clear => clear(session),
    }
}

fn clear(session: &Session) -> Result<Ended, CliError> {
    let forgotten = session.distant()?.map(Distant::clear_caches).transpose()?;
    let entries = forgotten.unwrap_or(0);
    if session.json() {
        return session.answer(Cleared { entries }, Meta::default());
    }
    if forgotten.is_none() {
        session.note("nothing to forget: a command ends with its answer; `tickety index rebuild` makes the index anew");
    }
    let mut screen = session.screen();
    line(&mut screen, "forgotten", counted(entries, "entry"));
    session.show(screen)
}

fn stats(clear: bool, session: &Session) -> Result<Ended, CliError> {
    if let Some(distant) = session.distant()? {
        if clear {
            return Err(CliError::usage("the counts of a server are its own: --clear is for those of a home here")
                .hint("leave out --clear"));
        }
        return tell(&distant.cache_stats()?, session);
    }
    let settings = session.context.caching()?.settings()?;
    let repo = session.repo()?;
    // Before anything else is done with the store, which would be counted.
    let usage = if clear { repo.clear_usage() } else { repo.usage() };
    let usage = usage.map_err(|error| {
        let error = CliError::from(error);
        if error.is(ErrorCode::Damaged) { error.hint_instead(BROKEN_HINT) } else { error }
    })?;
    let ended = tell(&wire(&usage, Size::of(&repo)?, &settings), session)?;
    if session.json() {
        return Ok(ended);
    }
    if usage.unreadable_bytes > 0 && !clear {
        output::note(format_args!(
            "warning: {} bytes of what was counted can't be read: damaged, or written by a newer Tickety; \
             `tickety cache stats --clear` begins anew",
            usage.unreadable_bytes
        ));
    }
    if clear {
        session.note("counting begins anew");
    }
    Ok(ended)
}

fn tell(stats: &CacheStats, session: &Session) -> Result<Ended, CliError> {
    if session.json() {
        return session.answer(stats, Meta::default());
    }
    let mut screen = session.screen();
    write(&mut screen, stats);
    session.show(screen)
}

/// What to do where the counts can't be read.
const BROKEN_HINT: &str = "without it, counting begins anew with the next command; no other answer depends on it";

/// The index on the disk.
pub(crate) struct Size {
    path: Option<String>,
    bytes: u64,
    rows: u64,
}

impl Size {
    /// Measures the index of a store.
    pub(crate) fn of(repo: &Repo) -> Result<Self, StorageError> {
        let IndexReport { path, bytes, .. } = repo.index_status()?;
        let rows = repo.index_rows()?.iter().map(|(_, rows)| rows).sum();
        Ok(Self { path, bytes, rows })
    }
}

fn wire(usage: &Usage, size: Size, settings: &CacheSettings) -> CacheStats {
    let CacheSettings { enabled, ttl, issues, answers, check_every, namespace: _ } = settings;
    CacheStats {
        index: Some(index_use(usage, size)),
        memory: Vec::new(),
        settings: Settings {
            enabled: *enabled,
            ttl_seconds: ttl.map(|ttl| ttl.as_secs()),
            issues: *issues,
            answers: *answers,
            check_milliseconds: u64::try_from(check_every.as_millis()).unwrap_or(u64::MAX),
        },
    }
}

/// Tells what an index was good for.
pub(crate) fn index_use(usage: &Usage, size: Size) -> IndexUse {
    let Usage { answers, delayed, verified, read_again, rebuilds, since, unreadable_bytes } = *usage;
    let Size { path, bytes, rows } = size;
    let hit_rate = usage.hit_rate();
    IndexUse {
        answers,
        hits: usage.hits(),
        delayed,
        hit_rate,
        mark: hit_rate.map(|rate| cache::mark(rate).into()),
        files_verified: verified,
        issues_read_again: read_again,
        rebuilds,
        since: since.map(|since| since.to_string()),
        unreadable_bytes,
        path,
        bytes,
        rows,
    }
}

fn write(screen: &mut Screen<'_>, stats: &CacheStats) {
    let CacheStats { index, memory, settings } = stats;
    if let Some(index) = index {
        write_index(screen, index);
    }
    if memory.is_empty() {
        line(screen, "in memory", NOTHING_STAYS.to_owned());
    }
    for class in memory {
        let rate = class.hit_rate.map_or_else(String::new, |rate| format!("{:.1} %, ", rate * 100.0));
        let (hits, misses) = (counted(class.hits, "hit"), class.misses);
        let said = format!("{rate}{hits}, {misses} not found, {}", counted(class.entries, "entry"));
        line(screen, &class.class, said);
    }
    line(screen, "settings", in_words(settings));
}

fn write_index(screen: &mut Screen<'_>, index: &IndexUse) {
    name(screen, "hit rate");
    match index.hit_rate {
        Some(rate) => {
            let (mark, style) = mark(rate);
            screen.raw(format!("{:.1} %  ", rate * 100.0)).put(style, mark).end();
        }
        None => drop(screen.line("no answers yet")),
    }
    let counts = [
        ("answers", index.answers),
        ("as it was", index.hits),
        ("delayed", index.delayed),
        ("files verified", index.files_verified),
        ("issues read again", index.issues_read_again),
        ("rebuilds", index.rebuilds),
    ];
    for (counted, count) in counts {
        line(screen, counted, count.to_string());
    }
    let since = index.since.as_deref().map(|since| match since.parse::<Timestamp>() {
        Ok(since) => screen.when_exactly(since),
        Err(_) => since.to_owned(),
    });
    line(screen, "since", since.unwrap_or_else(|| "nothing was counted yet".to_owned()));
    let path = index.path.as_deref().unwrap_or("no file can be written");
    line(screen, "index", format!("{} KiB, {} rows: {path}", index.bytes.div_ceil(1024), index.rows));
}

/// Says how a process that stays would cache.
fn in_words(settings: &Settings) -> String {
    if !settings.enabled {
        return "off".to_owned();
    }
    let kept = format!("on, at most {} and {}", counted(settings.issues, "issue"), counted(settings.answers, "answer"));
    match settings.ttl_seconds {
        Some(seconds) => format!("{kept} for {seconds} s"),
        None => kept,
    }
}

fn entries(session: &Session) -> Result<Ended, CliError> {
    let entries = match session.distant()? {
        Some(distant) => distant.cache_entries()?,
        None => {
            let rows = session.repo()?.index_rows()?.into_iter();
            let index = rows.map(|(kind, rows)| IndexRows { kind: kind.into(), rows }).collect();
            CacheEntries { index: Some(index), memory: Vec::new() }
        }
    };
    if session.json() {
        return session.answer(entries, Meta::default());
    }
    let CacheEntries { index, memory } = entries;
    let mut screen = session.screen();
    for IndexRows { kind, rows: count } in index.into_iter().flatten() {
        name(&mut screen, &kind);
        if screen.is_terminal() {
            screen.raw(format!("{count:>COUNT$}  ")).put(palette::FAINT, meaning(&kind)).end();
        } else {
            screen.raw(format!("{count}\n"));
        }
    }
    if screen.is_terminal() && memory.is_empty() {
        line(&mut screen, "in memory", NOTHING_STAYS.to_owned());
    }
    for Entry { class, key, hits, .. } in memory {
        line(&mut screen, &class, format!("{}: {key}", counted(hits, "hit")));
    }
    session.show(screen)
}

/// Says what the rows of a kind are for.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "issues" => "what lists show",
        "names" => "labels, people, fields and the like",
        "links" => "each where it is stored",
        "unreadable" => "files that can't be read",
        "directories" => "as they were when they were listed",
        "files" => "as they were when they were read",
        _ => "",
    }
}

/// Says what to think of a hit rate.
fn mark(rate: f64) -> (&'static str, Style) {
    let mark = cache::mark(rate);
    match mark {
        "good" => (mark, palette::GOOD),
        "middling" => (mark, palette::MIDDLING),
        _ => (mark, palette::ALARM),
    }
}

fn name(screen: &mut Screen<'_>, name: &str) {
    screen.put(palette::FAINT, name);
    if screen.is_terminal() {
        screen.space(NAMES.saturating_sub(name.len()));
    } else {
        screen.raw("\t");
    }
}

fn line(screen: &mut Screen<'_>, named: &str, value: String) {
    name(screen, named);
    screen.put(palette::PLAIN, value).raw("\n");
}
