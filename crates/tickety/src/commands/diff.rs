//! `tickety diff`

use serde::Serialize;
use tickety_api::history::Renumbered;
use tickety_api::{Happening, Meta, Problem};
use tickety_core::event::Event;

use crate::compose::Comparison;
use crate::exit::{CliError, Ended};
use crate::render;
use crate::session::Session;

/// Show which issues differ between two commits, or a commit and the files, field by field
///
/// Nothing is checked out. An issue is the same one under whatever number.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The commit, branch or tag to compare with
    #[arg(value_name = "REF")]
    from: String,

    /// The one that is compared with it [default: the files as they are]
    #[arg(value_name = "REF")]
    to: Option<String>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    from: String,
    to: Option<String>,
    issues: Vec<WireChange>,
}

/// An issue that differs.
#[derive(Serialize)]
struct WireChange {
    key: String,
    id: String,
    title: String,
    /// `added`, `removed` or `changed`.
    effect: &'static str,
    renumbered: Option<Renumbered>,
    events: Vec<Happening>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let comparison = session.opened()?.compare(&args.from, args.to.as_deref())?;
    if session.json() {
        let Comparison { from, to, issues, problems } = comparison;
        let issues = issues
            .iter()
            .map(|change| WireChange {
                key: change.key.to_string(),
                id: change.id.to_string(),
                title: change.title.clone(),
                effect: effect(&change.events),
                renumbered: change
                    .renumbered
                    .map(|(from, to)| Renumbered { from: from.to_string(), to: to.to_string() }),
                events: change.events.iter().map(Happening::from).collect(),
            })
            .collect();
        let problems = problems.into_iter().map(Problem::from).collect();
        return session.answer(Answer { from, to, issues }, Meta { problems, ..Meta::default() });
    }
    if comparison.issues.is_empty() {
        session.note("no issue differs");
    }
    let mut screen = session.screen();
    render::history::write_comparison(&mut screen, &comparison.issues);
    let ended = session.show(screen)?;
    session.name_problems(&comparison.problems);
    Ok(ended)
}

fn effect(events: &[Event]) -> &'static str {
    let is = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
    if is(|event| matches!(event, Event::IssueCreated { .. })) {
        "added"
    } else if is(|event| matches!(event, Event::IssueDeleted { .. })) {
        "removed"
    } else {
        "changed"
    }
}
