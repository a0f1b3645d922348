//! `tickety show`

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use tickety_api::selection;
use tickety_api::{Freshness, Issue, Meta};
use tickety_core::ident::IssueKey;
use tickety_store::{FreshnessMode, StoredIssue};

use crate::exit::{CliError, Ended};
use crate::question;
use crate::render;
use crate::session::Session;
use crate::{issues, output};

/// Show issues with their comments and links
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which: 42, #42, TIK-42 or 42-k3f9
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Show these fields only, with commas between them; with --json
    #[arg(short, long, value_name = "FIELDS", requires = "json")]
    fields: Option<String>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Shown {
    issues: Vec<Value>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let selectors = session.selectors(&args.issues)?;
    let found = issues::read(session, &selectors)?;
    if session.json() {
        let fields = match &args.fields {
            Some(fields) => question::fields(fields, session)?,
            None => Vec::new(),
        };
        let issues = found.iter().map(|stored| selection::value(&Issue::from(stored), &fields)).collect();
        let problems = found.iter().flat_map(|stored| &stored.problems).cloned().map(Into::into).collect();
        let freshness = Some(freshness(&found, session));
        return session.answer(Shown { issues }, Meta { freshness, problems, ..Meta::default() });
    }
    for problem in found.iter().flat_map(|stored| &stored.problems) {
        output::note(format_args!("warning: {problem}"));
    }
    let mut screen = session.screen();
    for (place, stored) in found.iter().enumerate() {
        if place > 0 {
            screen.end();
        }
        render::issue::write(&mut screen, stored);
    }
    session.show(screen)
}

/// Says how the issues were checked: each with the ends of its links.
fn freshness(found: &[StoredIssue], session: &Session) -> Freshness {
    let ends = found.iter().flat_map(|stored| &stored.derived.links).filter_map(|end| end.target.as_ref());
    let keys: BTreeSet<IssueKey> =
        found.iter().map(|stored| stored.issue.key()).chain(ends.map(|target| target.key)).collect();
    Freshness::of_whole_issues(session.global.freshness == Some(FreshnessMode::Trust), keys.len())
}
