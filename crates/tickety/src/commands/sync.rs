//! `tickety sync`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};

use crate::commands::resolve::{WireNumber, show_ambiguous};
use crate::compose::{Committer, Synced};
use crate::exit::{CliError, Ended, git_hint};
use crate::render::counted;
use crate::session::Session;

/// Commit the issues, merge what others have pushed, and push
///
/// Only files of issues are committed, with you as the author; what else is staged stays staged. Where git can't merge
/// two versions of an issue, they are merged field by field, as `tickety resolve` does. Nothing is forced, and no code
/// is merged or pushed: with the issues on the code's branches, that waits for `git pull` and `git push`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Say what would be committed, merged and pushed, as of the last fetch, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Don't push
    #[arg(long)]
    no_push: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    /// The first line of the commit's message.
    committed: Option<String>,
    /// How many commits of others came in.
    merged: usize,
    pushed: usize,
    /// The issues in which two versions of some lines were left, between markers.
    conflicts: Vec<String>,
    /// The numbers that more issues have than before.
    ambiguous: Vec<WireNumber>,
    /// The files that aren't committed, because nobody could read them.
    left_out: Vec<LeftOut>,
    /// What kept the issues from being exchanged.
    held_back: Option<String>,
}

/// A file that isn't committed.
#[derive(Serialize)]
struct LeftOut {
    /// Where it lies, relative to the root.
    path: String,
    message: String,
}

/// How many numbers that several issues have are told to people.
const TOLD: usize = 10;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened()?;
    let (actor, now) = (session.context.actor()?, session.context.time_of_writing());
    let who = Committer { actor, now, credits: false };
    let synced = if args.dry_run { repo.preview_sync(!args.no_push)? } else { repo.sync(who, !args.no_push)? };
    let Synced { committed, merged, pushed, resolution, ambiguous, left_out, held_back, failure } = synced;
    let in_conflict = resolution.resolved.iter().filter(|issue| issue.has_conflict());
    let conflicts: Vec<String> = in_conflict.map(|issue| issue.key.to_string()).collect();
    let is_whole = conflicts.is_empty() && left_out.is_empty() && held_back.is_none();
    if let Some(failure) = failure {
        let mut done: Vec<String> = Vec::new();
        done.extend(committed.map(|subject| format!("the issues are committed here (`{subject}`)")));
        done.extend((merged > 0).then(|| format!("{} merged", counted(merged, "commit"))));
        done.push("`tickety sync` goes on once that works".to_owned());
        let hint = git_hint(&failure).map(|hint| format!("{hint}; ")).unwrap_or_default();
        return Err(CliError::new(ErrorCode::Git, failure).hint(format!("{hint}{}", done.join("; "))));
    }
    if session.json() {
        let left_out = left_out.iter().map(|left| LeftOut { path: left.path.clone(), message: left.message.clone() });
        let answer = Answer {
            dry_run: args.dry_run,
            committed,
            merged,
            pushed,
            conflicts: conflicts.clone(),
            ambiguous: ambiguous.into_iter().map(Into::into).collect(),
            left_out: left_out.collect(),
            held_back,
        };
        session.answer(answer, Meta::default())?;
    } else if !session.global.quiet {
        let mut screen = session.screen();
        let would = |done: &'static str, planned: &'static str| if args.dry_run { planned } else { done };
        if let Some(subject) = &committed {
            screen.raw(would("committed: ", "would be committed: ")).line(subject);
        }
        if merged > 0 {
            screen.raw(counted(merged, "commit")).line(would(" merged", " would be merged"));
        }
        for issue in &resolution.resolved {
            screen.raw(issue.key.to_string()).line(" merged field by field");
        }
        if pushed > 0 {
            screen.raw(counted(pushed, "commit")).line(would(" pushed", " would be pushed"));
        }
        if committed.is_none() && merged == 0 && pushed == 0 && is_whole {
            screen.line("everything is committed, merged and pushed");
        }
        let count = ambiguous.len();
        for (number, keys) in ambiguous.iter().take(TOLD) {
            show_ambiguous(*number, keys, &mut screen);
        }
        if count > TOLD {
            screen.line(format!("{} more numbers name several issues", count - TOLD));
        }
        session.show(screen)?;
        if count > 0 {
            let upstream = repo.sync_status()?.upstream;
            let theirs = upstream.map_or_else(|| "HEAD".to_owned(), |theirs| theirs.to_string());
            session.note(format_args!(
                "all keep their names; `tickety renumber --against {theirs}` leaves a number to its first issue, and the others get new ones"
            ));
        }
        if let Some(why) = held_back {
            session.note(why);
        }
    }
    for key in &conflicts {
        session.note(format_args!("{key} has two versions of some lines, between markers: `tickety edit {key}`"));
    }
    for left in left_out.iter().chain(&resolution.left) {
        session.note(format_args!("{}: {}", left.path, left.message));
    }
    Ok(if is_whole { Ended::Done } else { Ended::No })
}
