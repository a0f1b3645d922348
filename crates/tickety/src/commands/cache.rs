//! `tickety cache`

use anstyle::Style;
use tickety_api::cache::{self, CacheEntries, CacheStats, IndexRows, IndexUse, Settings};
use tickety_api::{ErrorCode, Meta};
use tickety_engine::layers::CacheSettings;
use tickety_store::StorageError;

use crate::compose::{IndexReport, Repo, Usage};
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
    }
}

fn stats(clear: bool, session: &Session) -> Result<Ended, CliError> {
    let settings = session.context.caching()?.settings()?;
    let repo = session.repo()?;
    // Before anything else is done with the store, which would be counted.
    let usage = if clear { repo.clear_usage() } else { repo.usage() };
    let usage = usage.map_err(|error| {
        let error = CliError::from(error);
        if error.is(ErrorCode::Damaged) { error.hint_instead(BROKEN_HINT) } else { error }
    })?;
    let size = Size::of(&repo)?;
    if session.json() {
        return session.answer(wire(&usage, size, &settings), Meta::default());
    }
    let mut screen = session.screen();
    write(&mut screen, &usage, &size, &settings);
    let ended = session.show(screen)?;
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

fn write(screen: &mut Screen<'_>, usage: &Usage, size: &Size, settings: &CacheSettings) {
    name(screen, "hit rate");
    match usage.hit_rate() {
        Some(rate) => {
            let (mark, style) = mark(rate);
            screen.raw(format!("{:.1} %  ", rate * 100.0)).put(style, mark).end();
        }
        None => drop(screen.line("no answers yet")),
    }
    let counts = [
        ("answers", usage.answers),
        ("as it was", usage.hits()),
        ("delayed", usage.delayed),
        ("files verified", usage.verified),
        ("issues read again", usage.read_again),
        ("rebuilds", usage.rebuilds),
    ];
    for (counted, count) in counts {
        line(screen, counted, count.to_string());
    }
    let since = usage.since.map_or_else(|| "nothing was counted yet".to_owned(), |since| screen.when_exactly(since));
    line(screen, "since", since);
    let path = size.path.as_deref().unwrap_or("no file can be written");
    line(screen, "index", format!("{} KiB, {} rows: {path}", size.bytes.div_ceil(1024), size.rows));
    line(screen, "in memory", NOTHING_STAYS.to_owned());
    line(screen, "settings", in_words(settings));
}

/// Says how a process that stays would cache.
fn in_words(settings: &CacheSettings) -> String {
    if !settings.enabled {
        return "off".to_owned();
    }
    let kept = format!("on, at most {} and {}", counted(settings.issues, "issue"), counted(settings.answers, "answer"));
    match settings.ttl {
        Some(ttl) => format!("{kept} for {} s", ttl.as_secs()),
        None => kept,
    }
}

fn entries(session: &Session) -> Result<Ended, CliError> {
    let rows = session.repo()?.index_rows()?;
    if session.json() {
        let index = rows.into_iter().map(|(kind, rows)| IndexRows { kind: kind.into(), rows }).collect();
        return session.answer(CacheEntries { index: Some(index), memory: Vec::new() }, Meta::default());
    }
    let mut screen = session.screen();
    for (kind, count) in rows {
        name(&mut screen, kind);
        if screen.is_terminal() {
            screen.raw(format!("{count:>COUNT$}  ")).put(palette::FAINT, meaning(kind)).end();
        } else {
            screen.raw(format!("{count}\n"));
        }
    }
    if screen.is_terminal() {
        line(&mut screen, "in memory", NOTHING_STAYS.to_owned());
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
