//! `tickety search`

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tickety_api::answer::IssueList;
use tickety_core::ident::IssueKey;
use tickety_core::query::{TextMatch, TextScope};
use tickety_core::text::{self, Snippet};
use tickety_engine::questions;
use tickety_store::{IssueText, Page};

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

/// The columns of a snippet in JSON and elsewhere than on a terminal.
const SNIPPET: usize = 160;

/// The most snippets of one issue.
const SNIPPETS: usize = 3;

/// How far snippets stand to the right of the title on a terminal.
const INDENT: usize = 4;

/// The least columns of a title or snippet, however narrow the terminal is.
const NARROWEST: usize = 20;

/// Where an issue fits, in JSON.
#[derive(Serialize)]
struct WireSnippet {
    /// `title`, `body`, `comment` or `note`.
    r#in: &'static str,
    /// The text around the place.
    text: String,
    /// The parts that were looked for, as ranges of characters in the text: first, one after the last.
    hits: Vec<(usize, usize)>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let page = if args.ranked { args.page.ranked() } else { args.page };
    let query = args.query.parse_page(&page, session)?;
    let wanted = questions::wanted_texts(&query.filter);
    if wanted.is_empty() {
        return Err(CliError::usage("there is nothing to search for")
            .hint("write `tickety search WORDS`; `tickety list` takes queries without words"));
    }
    let moment = session.moment(&query)?;
    let storage = session.storage()?;
    let page = pollster::block_on(storage.list(&query, &moment))?;
    let Page { next, problems, freshness, .. } = &page;
    let (next, problems, freshness) = (next.clone(), *problems, *freshness);
    let rows = super::list::rows(page, &query, session)?;
    let mut screen = session.screen();
    let with_snippets = session.json() || (screen.is_terminal() && query.fields.is_empty());
    let keys: Vec<IssueKey> = rows.iter().filter(|_| with_snippets).map(|row| row.summary.key).collect();
    let texts = pollster::block_on(storage.texts(&keys))?;
    let texts: BTreeMap<IssueKey, IssueText> = texts.into_iter().map(|text| (text.key, text)).collect();
    if session.json() {
        let total = pollster::block_on(storage.count(&query, &moment))?;
        let issues = rows
            .iter()
            .map(|row| {
                let mut issue = super::list::json(row, &query);
                let snippets = texts.get(&row.summary.key).map(|text| wire(text, &wanted)).unwrap_or_default();
                issue["snippets"] = serde_json::to_value(snippets).unwrap_or(Value::Null);
                issue
            })
            .collect();
        let list = IssueList::new(issues, total, next.as_ref());
        return session.answer(list, session.meta_of_list(&query, freshness, problems)?);
    }
    if rows.is_empty() {
        session.note(super::list::NOTHING);
    } else if with_snippets {
        for row in &rows {
            found(&mut screen, row, texts.get(&row.summary.key), &wanted);
        }
    } else {
        super::list::write(&mut screen, &rows, &query);
    }
    let shown = rows.len();
    let ended = session.show(screen)?;
    if next.is_some() {
        session.note(format_args!("only the first {shown}; --limit N shows more"));
    }
    session.warn_of_problems(problems)?;
    Ok(ended)
}

/// Writes an issue with the places where it fits.
fn found(screen: &mut Screen<'_>, row: &Row, text: Option<&IssueText>, wanted: &[(TextScope, TextMatch)]) {
    let summary = &row.summary;
    let name = summary.key.number.to_string();
    let (status, when) = (summary.status.as_str(), screen.when(summary.updated));
    let taken = [name.as_str(), status, &when].map(width).iter().sum::<usize>() + " (, )".len() + 1;
    let in_title: Vec<TextMatch> = scoped(wanted, TextScope::Title);
    screen.put(palette::NAME, name).space(1);
    pieces(screen, &fitting(&summary.title, &in_title, screen.width().saturating_sub(taken)));
    screen.raw(" (").put(palette::status(summary.category), status).raw(", ");
    screen.put(palette::FAINT, when).raw(")").end();
    let Some(text) = text else { return };
    let columns = screen.width().saturating_sub(INDENT);
    let elsewhere = parts(text).filter(|part| part.place != TextScope::Title);
    let snippets = elsewhere.map(|Part { place, text, .. }| fitting(text, &scoped(wanted, place), columns));
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

fn scoped(wanted: &[(TextScope, TextMatch)], place: TextScope) -> Vec<TextMatch> {
    let fits = |scope: TextScope| scope == TextScope::Any || scope == place;
    wanted.iter().filter(|(scope, _)| fits(*scope)).map(|(_, text)| text.clone()).collect()
}

/// A text of an issue.
struct Part<'t> {
    /// Where it stands, as JSON calls it.
    name: &'static str,
    /// Where to look for what is to be found in it.
    place: TextScope,
    text: &'t str,
}

/// Returns the texts of an issue: title, body, comments, note.
fn parts(text: &IssueText) -> impl Iterator<Item = Part<'_>> {
    let title = Part { name: "title", place: TextScope::Title, text: &text.title };
    let body = Part { name: "body", place: TextScope::Body, text: &text.body };
    let remark = |name, text| Part { name, place: TextScope::Comment, text };
    let comments = text.comments.iter().map(move |comment| remark("comment", comment.body.as_str()));
    let note = text.note.as_deref().map(move |note| remark("note", note));
    [title, body].into_iter().chain(comments).chain(note)
}

/// Returns the parts of an issue's texts that fit, each with what JSON calls its place.
fn snippets(text: &IssueText, wanted: &[(TextScope, TextMatch)], columns: usize) -> Vec<(&'static str, Snippet)> {
    parts(text)
        .map(|Part { name, place, text }| (name, text::snippet(text, &scoped(wanted, place), columns)))
        .filter(|(_, snippet)| snippet.has_hits())
        .take(SNIPPETS)
        .collect()
}

fn wire(text: &IssueText, wanted: &[(TextScope, TextMatch)]) -> Vec<WireSnippet> {
    snippets(text, wanted, SNIPPET)
        .into_iter()
        .map(|(name, snippet)| {
            let mut hits = Vec::new();
            let mut at = 0;
            for piece in &snippet.pieces {
                let end = at + piece.text.chars().count();
                if piece.highlighted {
                    hits.push((at, end));
                }
                at = end;
            }
            WireSnippet { r#in: name, text: snippet.plain(), hits }
        })
        .collect()
}
