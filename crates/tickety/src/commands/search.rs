//! `tickety search`

use serde_json::Value;
use tickety_api::answer::IssueList;
use tickety_api::search as wire;
use tickety_core::query::{TextMatch, TextScope};
use tickety_core::text::{self, Snippet};
use tickety_engine::questions::{self, Extent, Listed, Listing};

use crate::exit::{CliError, Ended};
use crate::question::{PageArgs, QueryArgs};
use crate::render::list::Row;
use crate::render::screen::width;
use crate::render::{Screen, palette};
use crate::session::Session;

/// Search titles, bodies and comments of issues of every status
///
/// `tickety search parser crash`, `tickety search '"exact phrase"' is:open`, `tickety search title:pars*`.
/// The newest issues come first, with --ranked those that fit best. On a terminal each is shown with the places
/// where it fits, which --json has too. Elsewhere: one line an issue, as `list` prints it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    query: QueryArgs,

    #[command(flatten)]
    page: PageArgs,

    /// Show those first that fit best
    #[arg(short, long, conflicts_with = "sort")]
    ranked: bool,
}

/// The most snippets of one issue.
const SNIPPETS: usize = 3;

/// How far snippets stand to the right of the title on a terminal.
const INDENT: usize = 4;

/// The least columns of a title or snippet, however narrow the terminal is.
const NARROWEST: usize = 20;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let page = if args.ranked { args.page.ranked() } else { args.page };
    let query = args.query.parse_page(&page, session)?;
    let wanted = questions::wanted_texts(&query.filter);
    if wanted.is_empty() {
        return Err(CliError::usage("there is nothing to search for")
            .hint("write `tickety search WORDS`; `tickety list` takes queries without words"));
    }
    let moment = session.moment(&query)?;
    let mut screen = session.screen();
    let with_snippets = session.json() || (screen.is_terminal() && query.fields.is_empty());
    let extent = Extent { texts: with_snippets, ..super::list::extent(&query, session) };
    let Listing { issues, next, total, freshness, problems } =
        pollster::block_on(Listing::ask(session.storage()?, &query, &moment, extent))
            .map_err(|error| session.explain(error))?;
    if session.json() {
        let rows = issues.iter().map(|listed| {
            let mut issue = super::list::json(listed, &query);
            let snippets = listed.text.as_ref().map(|text| wire::Snippet::all(text, &wanted)).unwrap_or_default();
            issue["snippets"] = serde_json::to_value(snippets).unwrap_or(Value::Null);
            issue
        });
        let list = IssueList::new(rows.collect(), total, next.as_ref());
        return session.answer(list, session.meta_of_list(&query, freshness, problems)?);
    }
    let shown = issues.len();
    if issues.is_empty() {
        session.note(super::list::NOTHING);
    } else if with_snippets {
        for listed in &issues {
            found(&mut screen, listed, &wanted);
        }
    } else {
        let rows: Vec<Row> = issues.into_iter().map(Row::from).collect();
        super::list::write(&mut screen, &rows, &query);
    }
    let ended = session.show(screen)?;
    if next.is_some() {
        session.note(format_args!("only the first {shown}; --limit N shows more"));
    }
    session.warn_of_problems(problems)?;
    Ok(ended)
}

/// Writes an issue with the places where it fits.
fn found(screen: &mut Screen<'_>, listed: &Listed, wanted: &[(TextScope, TextMatch)]) {
    let Listed { summary, whole: _, text } = listed;
    let name = summary.key.number.to_string();
    let (status, when) = (summary.status.as_str(), screen.when(summary.updated));
    let taken = [name.as_str(), status, &when].map(width).iter().sum::<usize>() + " (, )".len() + 1;
    let in_title: Vec<TextMatch> = wire::scoped(wanted, TextScope::Title);
    screen.put(palette::NAME, name).space(1);
    pieces(screen, &fitting(&summary.title, &in_title, screen.width().saturating_sub(taken)));
    screen.raw(" (").put(palette::status(summary.category), status).raw(", ");
    screen.put(palette::FAINT, when).raw(")").end();
    let Some(text) = text else { return };
    let columns = screen.width().saturating_sub(INDENT);
    let elsewhere = wire::Part::all(text).filter(|part| part.place != TextScope::Title);
    let snippets = elsewhere.map(|part| fitting(part.text, &wire::scoped(wanted, part.place), columns));
    for snippet in snippets.filter(Snippet::has_hits).take(SNIPPETS) {
        screen.space(INDENT);
        pieces(screen, &snippet);
        screen.end();
    }
}

/// Makes a snippet that takes at most so many columns, which are fewer characters than columns where those are
/// wide.
fn fitting(part: &str, wanted: &[TextMatch], columns: usize) -> Snippet {
    let columns = columns.max(NARROWEST);
    let mut characters = columns;
    loop {
        let snippet = text::snippet(part, wanted, characters);
        let taken = width(&snippet.plain());
        if taken <= columns || characters <= NARROWEST / 2 {
            return snippet;
        }
        characters = (characters * columns / taken).min(characters - 1);
    }
}

fn pieces(screen: &mut Screen<'_>, snippet: &Snippet) {
    for piece in &snippet.pieces {
        screen.put(if piece.highlighted { palette::HIT } else { palette::PLAIN }, &piece.text);
    }
}
