//! `tickety index`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::{Difference, IndexReport, IndexStatus, Side};
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::palette;
use crate::session::Session;

/// Look at the index, check it, or make it afresh
///
/// The index is derived from the files and can be made again at any time.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do with the index.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell where it lies and what it knows
    Status,
    /// Compare it with the files: 0 it agrees, 1 it doesn't
    Verify,
    /// Make it afresh from the files
    Rebuild,
}

/// The `data` of `status` and `rebuild`.
#[derive(Serialize)]
struct WireStatus {
    /// Where it lies; `null` for one that lives in memory because no file can be written.
    path: Option<String>,
    bytes: u64,
    /// What answers are checked against: `verify`, `shards` or `trust`.
    freshness: &'static str,
    issues: u64,
    files: u64,
    problems: u64,
    generation: u64,
    head: Option<String>,
}

/// The `data` of `verify`.
#[derive(Serialize)]
struct Verified {
    agrees: bool,
    differences: Vec<WireDifference>,
}

/// Something the index has and the files don't, or the other way round.
#[derive(Serialize)]
struct WireDifference {
    table: &'static str,
    row: String,
    /// `index` or `files`.
    only_in: &'static str,
}

/// The columns of the names on a terminal.
const NAMES: usize = 12;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.repo()?;
    match args.action {
        Action::Status => status(repo.index_status()?, session),
        Action::Rebuild => status(repo.rebuild()?, session),
        Action::Verify => verify(&repo.verify_index()?, session),
    }
}

fn status(report: IndexReport, session: &Session) -> Result<Ended, CliError> {
    let IndexReport { status, path, bytes, freshness } = report;
    let IndexStatus { generation, issues, files, problems, head } = status;
    let freshness = freshness.as_str();
    if session.json() {
        let status = WireStatus { path, bytes, freshness, issues, files, problems, generation, head };
        return session.answer(status, Meta::default());
    }
    let mut screen = session.screen();
    let mut line = |name: &str, value: String| {
        screen.put(palette::FAINT, name);
        if screen.is_terminal() {
            screen.space(NAMES.saturating_sub(name.len()));
        } else {
            screen.raw("\t");
        }
        screen.put(palette::PLAIN, value).raw("\n");
    };
    line("path", path.unwrap_or_else(|| "in memory: no file can be written".to_owned()));
    line("bytes", bytes.to_string());
    line("freshness", freshness.to_owned());
    line("issues", issues.to_string());
    line("files", files.to_string());
    line("unreadable", problems.to_string());
    line("commit", head.unwrap_or_else(|| "none".to_owned()));
    session.show(screen)
}

fn verify(differences: &[Difference], session: &Session) -> Result<Ended, CliError> {
    let ended = if differences.is_empty() { Ended::Done } else { Ended::No };
    let side = |difference: &Difference| if difference.side == Side::Here { "index" } else { "files" };
    if session.json() {
        let differences = differences
            .iter()
            .map(|difference| WireDifference {
                table: difference.table,
                row: difference.row.clone(),
                only_in: side(difference),
            })
            .collect();
        session.answer(Verified { agrees: ended == Ended::Done, differences }, Meta::default())?;
        return Ok(ended);
    }
    let mut screen = session.screen();
    for difference in differences {
        screen.raw("only in the ").raw(side(difference)).raw(": ").put(palette::STRONG, difference.table).raw(" ");
        screen.put(palette::PLAIN, &difference.row).end();
    }
    output::write(&screen.into_text())?;
    if differences.is_empty() {
        session.note("the index agrees with the files");
    } else {
        session.note("`tickety index rebuild` makes it afresh");
    }
    Ok(ended)
}
