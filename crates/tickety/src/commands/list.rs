//! `tickety list`

use serde_json::Value;
use tickety_api::answer::{self as wire, IssueList};
use tickety_api::selection;
use tickety_core::query::Query;
use tickety_engine::questions::{Extent, Listed, Listing};

use crate::exit::{CliError, Ended};
use crate::question::{PageArgs, QueryArgs};
use crate::render::list::Row;
use crate::render::{self, Screen};
use crate::session::Session;

/// List issues: the open ones unless the query says otherwise
///
/// `tickety list label:cache priority:>=high sort:updated-desc`, `tickety list is:any "exact phrase"`.
/// Elsewhere than on a terminal: one line an issue, tabs between name, status, priority, kind, title,
/// labels, assignees and the time of the last change.
#[derive(Debug, clap::Args)]
#[command(after_long_help = QUERIES)]
pub struct Args {
    #[command(flatten)]
    query: QueryArgs,

    #[command(flatten)]
    page: PageArgs,

    /// List the issues as this commit, branch or tag has them
    #[arg(long, value_name = "REF")]
    on: Option<String>,
}

/// The query language in a nutshell: what, and after it an example.
const QUERIES: &str = "\
Queries: conditions side by side, and an issue has to fit all of them.
  is:                                   is:open is:in-progress is:closed is:any
                                        is:ready is:blocked is:overdue
  kind: status: reason:                 kind:bug,task
  priority:                             priority:>=high
  label: milestone: reference:          label:cache
  assignee: reporter: commenter:        assignee:me
  created: updated: closed: due:        created:2026-10 updated:>2w due:*..+1w
  number: comments: estimate: spent:    comments:>5 estimate:<=2h
  blocked-by: blocks: parent: child:    blocked-by:42
  has: no:                              has:due no:assignee
  field.KEY:                            field.severity:s1
  words, also in title: body: comment:  cache \"exact phrase\" pars* title:slow
  not, or, both                         -label:wontfix (kind:bug OR is:overdue)
  sort: limit: fields:                  sort:priority,due limit:10";

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    if let Some(reference) = &args.on {
        session.look_back(reference)?;
    }
    let query = args.query.parse_page(&args.page, session)?.open_by_default();
    let nothing = match args.query.is_empty() {
        true => "no open issues: `tickety new TITLE` creates one, `tickety list is:any` shows closed ones",
        false => NOTHING,
    };
    answer(&query, nothing, session)
}

/// What is said where no issue fits.
pub(super) const NOTHING: &str = "no issue fits the query";

/// Answers with the issues a query asks for, or says that there are none.
pub(super) fn answer(query: &Query, nothing: &str, session: &Session) -> Result<Ended, CliError> {
    let moment = session.moment(query)?;
    let storage = session.storage()?;
    let Listing { issues, next, total, freshness, problems } =
        pollster::block_on(Listing::ask(storage, query, &moment, extent(query, session)))
            .map_err(|error| session.explain(error))?;
    if session.json() {
        let rows = issues.iter().map(|listed| json(listed, query)).collect();
        let list = IssueList::new(rows, total, next.as_ref());
        return session.answer(list, session.meta_of_list(query, freshness, problems)?);
    }
    let rows: Vec<Row> = issues.into_iter().map(Row::from).collect();
    let mut screen = session.screen();
    if rows.is_empty() {
        session.note(nothing);
    } else {
        write(&mut screen, &rows, query);
    }
    let shown = rows.len();
    let ended = session.show(screen)?;
    if next.is_some() {
        session.note(format_args!("only the first {shown}; --limit N shows more"));
    }
    session.warn_of_problems(problems)?;
    Ok(ended)
}

/// Writes rows: the fields that the query chose, or what every list shows.
pub(super) fn write(screen: &mut Screen<'_>, rows: &[Row], query: &Query) {
    if query.fields.is_empty() {
        render::list::write(screen, rows);
    } else {
        render::list::write_fields(screen, rows, &query.fields);
    }
}

/// Returns what of the issues is shown: whole ones where a field needs them, and in JSON how many there are.
pub(super) fn extent(query: &Query, session: &Session) -> Extent {
    let whole = query.fields.iter().any(selection::needs_whole_issue);
    Extent { whole, texts: false, total: session.json(), bytes: None }
}

/// Returns an issue as JSON has it.
pub(super) fn json(listed: &Listed, query: &Query) -> Value {
    wire::row(&listed.summary, listed.whole.as_ref(), &query.fields)
}

#[cfg(test)]
mod tests {
    use tickety_core::schema::Schema;

    use super::*;

    #[test]
    fn the_queries_in_the_help_can_be_read() {
        let examples: Vec<&str> =
            QUERIES.lines().skip(1).filter_map(|line| line.rsplit_once("  ")).map(|(_, example)| example).collect();
        assert_eq!(examples.len(), 14);
        for example in examples {
            if let Err(error) = Query::parse(example, &Schema::default()) {
                panic!("{error}");
            }
        }
    }
}
