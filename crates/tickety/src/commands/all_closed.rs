//! `tickety all-closed`

use serde::Serialize;
use tickety_core::query::{Expr, Is, Query, Term};
use tickety_engine::questions;

use crate::exit::{CliError, Ended};
use crate::output;
use crate::question::QueryArgs;
use crate::render;
use crate::render::list::Row;
use crate::session::Session;

/// Tell by the exit status whether all issues that fit are closed: 0 yes, 1 no
///
/// `tickety all-closed milestone:1.0 && ./release.sh`. The open ones are listed. Files that can't be
/// read count as open, since nobody can tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    query: QueryArgs,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    all_closed: bool,
    total: u64,
    open: u64,
    issues: Vec<tickety_api::IssueSummary>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let asked = args.query.parse(session)?;
    let not_closed = Expr::Not(Box::new(Expr::Term(Term::Is(Is::Closed))));
    let query = Query { filter: Expr::All(vec![not_closed, asked.filter.clone()]), ..Query::default() };
    let moment = session.moment_with(questions::Needs::of(&query.filter))?;
    let storage = session.storage()?;
    let page = pollster::block_on(storage.list(&query, &moment))?;
    let total = pollster::block_on(storage.count(&asked, &moment))?;
    let all_closed = page.issues.is_empty() && page.problems == 0;
    let ended = if all_closed { Ended::Done } else { Ended::No };
    if session.json() {
        let open = pollster::block_on(storage.count(&query, &moment))?;
        let issues = page.issues.iter().map(Into::into).collect();
        session
            .answer(Answer { all_closed, total, open, issues }, session.meta(Some(page.freshness), page.problems)?)?;
        return Ok(ended);
    }
    if total == 0 {
        session.note("no issue fits the query at all");
    }
    session.warn_of_problems(page.problems)?;
    let more = page.next.is_some().then_some(page.issues.len());
    if !page.issues.is_empty() && !session.global.quiet {
        let rows: Vec<Row> = page.issues.into_iter().map(|summary| Row { summary, whole: None }).collect();
        let mut screen = session.screen();
        render::list::write(&mut screen, &rows);
        output::write(&screen.into_text())?;
        if let Some(shown) = more {
            session.note(format_args!("only the first {shown} of those that aren't closed"));
        }
    }
    Ok(ended)
}
