//! `tickety show`

use std::collections::BTreeSet;

use tickety_api::answer::Shown;
use tickety_api::selection;
use tickety_api::{ErrorCode, Freshness, Issue, Meta};
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_store::{FreshnessMode, StorageError, StoredIssue};

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

    /// Show them as this commit, branch or tag has them
    #[arg(long, value_name = "REF")]
    at: Option<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    if args.at.is_some() {
        session.check_past()?;
    }
    let selectors = session.selectors(&args.issues)?;
    let mut found = match &args.at {
        Some(reference) => read_at(reference, &selectors, session)?,
        None => issues::read(session, &selectors)?,
    };
    if session.json() {
        let fields = match &args.fields {
            Some(fields) => question::fields(fields, session)?,
            None => Vec::new(),
        };
        let issues = found.iter().map(|stored| selection::value(&Issue::from(stored), &fields)).collect();
        let problems = found.iter().flat_map(|stored| &stored.problems).cloned().map(Into::into).collect();
        let commit = session.commit();
        let freshness = commit.is_none().then(|| freshness(&found, session));
        return session.answer(Shown { issues }, Meta { freshness, commit, problems, ..Meta::default() });
    }
    for problem in found.iter().flat_map(|stored| &stored.problems) {
        output::note(format_args!("warning: {problem}"));
    }
    if let Some(root) = session.unusual_root()?.filter(|_| args.at.is_none()) {
        for stored in &mut found {
            stored.path = root.join(&stored.path).display().to_string();
        }
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

/// Reads issues as a commit has them. They may have had other numbers then; a name that no issue has now is one of then.
fn read_at(reference: &str, selectors: &[IssueSelector], session: &Session) -> Result<Vec<StoredIssue>, CliError> {
    let now = pollster::block_on(session.storage()?.get_many(selectors));
    let selectors: Vec<(IssueSelector, Option<IssueKey>)> = selectors
        .iter()
        .zip(now)
        .map(|(selector, now)| match now {
            Ok(stored) => Ok((IssueSelector::Id(stored.issue.id), Some(stored.issue.key()))),
            Err(StorageError::NotFound { .. } | StorageError::Unreadable { .. }) => Ok((*selector, None)),
            Err(error) => Err(session.explain(error)),
        })
        .collect::<Result<_, _>>()?;
    session.look_back(reference)?;
    let ids: Vec<IssueSelector> = selectors.iter().map(|(selector, _)| *selector).collect();
    let then = pollster::block_on(session.storage()?.get_many(&ids));
    let explain = |error: StorageError, key: Option<IssueKey>| match (&error, key) {
        (StorageError::NotFound { .. }, Some(key)) => CliError::new(
            ErrorCode::NotFound,
            format_args!("{reference} has no issue {key}, or it can't be read there"),
        )
        .hint(format_args!("`tickety log {key}` tells which commit made it")),
        (StorageError::NotFound { selector }, None) => {
            CliError::new(ErrorCode::NotFound, format_args!("there is no issue {selector}, and none in {reference}"))
                .hint(format_args!("`tickety list is:any --on {reference}` shows the issues of that commit"))
        }
        _ => error.into(),
    };
    then.into_iter().zip(selectors).map(|(then, (_, key))| then.map_err(|error| explain(error, key))).collect()
}

/// Says how the issues were checked: each with the ends of its links.
fn freshness(found: &[StoredIssue], session: &Session) -> Freshness {
    let ends = found.iter().flat_map(|stored| &stored.derived.links).filter_map(|end| end.target.as_ref());
    let keys: BTreeSet<IssueKey> =
        found.iter().map(|stored| stored.issue.key()).chain(ends.map(|target| target.key)).collect();
    Freshness::of_whole_issues(session.global.freshness == Some(FreshnessMode::Trust), keys.len())
}
