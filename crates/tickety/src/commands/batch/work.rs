//! Applying a batch, or working out what it would do, and telling.

use std::time::{Duration, Instant};

use tickety_api::Meta;
use tickety_api::batch::{BatchAnswer, BatchFailure, Counts, Origin};
use tickety_core::operation::Operation;
use tickety_store::{BatchMode, BatchOutcome, BatchPreview, Effect, OperationOutcome, StorageError};

use super::preview;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::palette;
use crate::session::Session;

/// How a batch is applied.
#[derive(Debug, clap::Args)]
pub struct HowArgs {
    /// Apply what can be applied and say what couldn't: then the exit status is 1
    #[arg(long)]
    no_atomic: bool,

    /// All of it or nothing, which is the default
    #[arg(long, conflicts_with = "no_atomic")]
    atomic: bool,

    /// Say what would change, field by field, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// What is to be done.
#[derive(Default)]
pub struct Work {
    /// The operations.
    pub operations: Vec<Operation>,
    /// Where each comes from.
    pub origins: Vec<Origin>,
    /// The file they come from, as people call it.
    pub file: Option<String>,
}

/// How often issues are selected at the most, where others change them at the same time.
const ROUNDS: usize = 3;

impl HowArgs {
    /// Whether nothing is to be changed.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn mode(&self) -> BatchMode {
        if self.no_atomic { BatchMode::Each } else { BatchMode::Atomic }
    }

    /// Does the work that `make` says and tells what came of it: for each issue `42-k3f9 closed`, and what could not
    /// be done. With `again`, work that others got in the way of is made anew and tried again.
    pub fn run(
        &self,
        done: &str,
        session: &Session,
        again: bool,
        mut make: impl FnMut() -> Result<Work, CliError>,
    ) -> Result<Ended, CliError> {
        if let Some(outcome) = session.recalled()?.filter(|_| !self.dry_run) {
            return self.tell(&outcome, &[], None, Duration::ZERO, done, session);
        }
        for round in 1.. {
            let Work { operations, origins, file } = make()?;
            let batch = session.batch(operations)?;
            let begun = Instant::now();
            if self.dry_run {
                let preview = pollster::block_on(session.storage()?.preview(batch, self.mode()))?;
                let took = begun.elapsed();
                return self.foretell(&preview, &origins, file.as_deref(), took, session);
            }
            let outcome = pollster::block_on(session.storage()?.submit(batch, self.mode()))?;
            let took = begun.elapsed();
            let may_repeat = again && round < ROUNDS && outcome.rolled_back;
            if may_repeat && outcome.failures.iter().all(|failure| has_moved(&failure.error)) {
                continue;
            }
            return self.tell(&outcome, &origins, file.as_deref(), took, done, session);
        }
        unreachable!("the last round tells what came of it")
    }

    fn tell(
        &self,
        outcome: &BatchOutcome,
        origins: &[Origin],
        file: Option<&str>,
        took: Duration,
        done: &str,
        session: &Session,
    ) -> Result<Ended, CliError> {
        let answer = BatchAnswer::new(outcome, origins, !self.no_atomic, false).took(took);
        let ended = ended(outcome);
        let meta = session.meta_of(outcome);
        if session.json() {
            session.answer(answer, meta)?;
            return Ok(ended);
        }
        complain(&answer, file);
        if session.global.quiet {
            return Ok(ended);
        }
        let mut screen = session.screen();
        for OperationOutcome { key, effect, .. } in &outcome.outcomes {
            let word = match effect {
                Effect::Updated => done,
                Effect::Created | Effect::Deleted | Effect::Unchanged => effect.as_str(),
            };
            screen.show(palette::NAME, key).raw(" ").line(word);
        }
        // In a pipe the lines speak for themselves.
        let is_summed_up = screen.is_terminal() || outcome.outcomes.is_empty() || !outcome.failures.is_empty();
        session.show(screen)?;
        if is_summed_up {
            session.note(summary(&answer));
        }
        Ok(ended)
    }

    fn foretell(
        &self,
        preview: &BatchPreview,
        origins: &[Origin],
        file: Option<&str>,
        took: Duration,
        session: &Session,
    ) -> Result<Ended, CliError> {
        let ended = ended(&preview.outcome);
        let answer = BatchAnswer::of_preview(preview, origins, !self.no_atomic, &*session.schema()?).took(took);
        if session.json() {
            session.answer(answer, Meta::default())?;
            return Ok(ended);
        }
        complain(&answer, file);
        let mut screen = session.screen();
        preview::write(&mut screen, answer.changes.as_deref().unwrap_or_default());
        session.show(screen)?;
        session.note(summary(&answer));
        Ok(ended)
    }
}

/// Whether the issue isn't any more as it was when it was selected.
fn has_moved(error: &StorageError) -> bool {
    matches!(error, StorageError::Conflict { .. } | StorageError::NotFound { .. })
}

fn ended(outcome: &BatchOutcome) -> Ended {
    match outcome.failures.first() {
        None => Ended::Done,
        Some(failure) if outcome.rolled_back => Ended::Refused((&failure.error).into()),
        Some(_) => Ended::No,
    }
}

/// Says what could not be done, each with its line or its issue.
fn complain(answer: &BatchAnswer, file: Option<&str>) {
    for failure in &answer.failures {
        let BatchFailure { line, issue, message, .. } = failure;
        let place = match (file, line, issue) {
            (Some(file), Some(line), _) => format!("{file}:{line}: "),
            (_, _, Some(issue)) if !message.contains(issue.as_str()) => format!("{issue}: "),
            _ => String::new(),
        };
        output::complain(&format!("{place}{message}"), None);
    }
}

/// Sums up how many operations came out how.
fn summary(answer: &BatchAnswer) -> String {
    let Counts { created, updated, deleted, unchanged, failed } = answer.counts;
    let would = if answer.dry_run { "would be " } else { "" };
    let parts = [
        (created, format!("{would}created")),
        (updated, format!("{would}updated")),
        (deleted, format!("{would}deleted")),
        (unchanged, "unchanged".to_owned()),
        (failed, if answer.dry_run { "would fail" } else { "failed" }.to_owned()),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    match (parts.is_empty(), answer.rolled_back) {
        (true, _) => "nothing to do".to_owned(),
        (false, false) => parts.join(", "),
        (false, true) if answer.dry_run => format!("{}: nothing would be changed", parts.join(", ")),
        (false, true) => format!("{}: nothing was changed", parts.join(", ")),
    }
}
