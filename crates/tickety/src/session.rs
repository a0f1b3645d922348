//! What every command has at hand: the options, the world, the store, and ways to answer.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tickety_api::{Envelope, ErrorCode, Meta};
use tickety_core::ident::IssueSelector;
use tickety_core::operation::{Operation, OperationError};
use tickety_core::query::{Bounds, Count, Expr, Moment, Query, Term};
use tickety_core::schema::Schema;
use tickety_engine::{questions, requests};
use tickety_store::{
    Batch, BatchOutcome, EventLog, Freshness, History, IssueStorage, RecordProblem, Request, StorageError,
};

use crate::args::Global;
use crate::commands::Place;
use crate::compose::{Distant, Finding, HomeKind, Past, Repo};
use crate::context::Context;
use crate::exit::{CliError, Ended};
use crate::remote::{self, Chosen};
use crate::render::{Screen, escape};
use crate::{compose, output};

/// How many unreadable records are named on standard error.
const NAMED_PROBLEMS: usize = 3;

/// The surroundings of one command.
pub struct Session {
    /// The options of every command.
    pub global: Global,
    /// The world around.
    pub context: Context,
    /// The name of the command.
    pub command: &'static str,
    /// What tells the write of the command from others, where it has a key.
    request: Option<Request>,
    storage: OnceCell<Repo>,
    /// The server that is asked instead of a home here.
    remote: Option<Chosen>,
    distant: OnceCell<Distant>,
    /// The commit that is looked at instead of the checkout, with its issues.
    past: OnceCell<(String, Past)>,
}

impl Session {
    /// Makes the session of a command; opens nothing.
    pub fn new(global: Global, command: &'static str) -> Result<Self, CliError> {
        let context = Context::new(&global)?;
        Ok(Self {
            context,
            global,
            command,
            request: None,
            storage: OnceCell::new(),
            remote: None,
            distant: OnceCell::new(),
            past: OnceCell::new(),
        })
    }

    /// Finds out whether the command asks a server, as what works at this place may.
    pub fn at(mut self, place: Place) -> Result<Self, CliError> {
        self.remote = remote::choose(place, &self.global, &self.context, self.command)?;
        Ok(self)
    }

    /// Whether a server is asked instead of a home here.
    pub fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Has what the command writes be done once only, if it has a key. `arguments` say what it is.
    pub fn once(mut self, arguments: &[OsString]) -> Result<Self, CliError> {
        if let Some(key) = &self.global.idempotency_key {
            // How the answer looks is no part of what is asked for.
            let is_look = |argument: &[u8]| {
                [&b"--json"[..], b"-q", b"--quiet", b"--no-pager"].contains(&argument)
                    || argument.starts_with(b"--color")
            };
            let parts = arguments.iter().skip(1).map(|argument| argument.as_encoded_bytes());
            let request = requests::request(key, parts.filter(|argument| !is_look(argument)));
            self.request =
                Some(request.map_err(|error| CliError::new(ErrorCode::BadValue, error).about("--idempotency-key"))?);
        }
        Ok(self)
    }

    /// Returns a session with the same options in another directory.
    pub fn within(&self, directory: PathBuf) -> Result<Self, CliError> {
        Self::new(Global { directory: Some(directory), ..self.global.clone() }, self.command)
    }

    /// Returns the store of the home, which is opened when first asked for.
    pub fn storage(&self) -> Result<&dyn IssueStorage, CliError> {
        if let Some((_, past)) = self.past.get() {
            return Ok(past);
        }
        if let Some(distant) = self.distant()? {
            return Ok(distant.storage());
        }
        Ok(self.opened()?)
    }

    /// Returns the server that is asked, if one is.
    pub fn distant(&self) -> Result<Option<&Distant>, CliError> {
        let Some(chosen) = &self.remote else { return Ok(None) };
        if let Some(distant) = self.distant.get() {
            return Ok(Some(distant));
        }
        let reached = Distant::reach(&chosen.url, &self.context)?;
        Ok(Some(self.distant.get_or_init(|| reached)))
    }

    /// Returns the log of what happened.
    pub fn events(&self) -> Result<Box<dyn EventLog>, CliError> {
        if let Some(distant) = self.distant()? {
            return Ok(distant.events());
        }
        Ok(Box::new(self.repo()?))
    }

    /// Returns what became of an issue, at most the last so many steps.
    pub fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, CliError> {
        if let Some(distant) = self.distant()? {
            return distant.history(selector, limit).map_err(|error| self.explain(error));
        }
        self.opened()?.history(selector, limit).map_err(|error| self.explain(error))
    }

    /// Returns the root of the home, where that isn't where people look.
    pub fn unusual_root(&self) -> Result<Option<PathBuf>, CliError> {
        if self.is_remote() {
            return Ok(None);
        }
        let layout = self.opened()?.layout();
        Ok((layout.kind != HomeKind::Tree).then(|| layout.root.clone()))
    }

    /// Refuses to look at the issues of a commit where they aren't in a repository here.
    pub fn check_past(&self) -> Result<(), CliError> {
        match self.is_remote() {
            false => Ok(()),
            true => Err(CliError::usage("the issues of a commit are in the repository: a server has those of now")
                .hint("`--no-remote` looks into the repository here; `tickety log ISSUE` tells the history of one")),
        }
    }

    /// Has all that follows be about the issues of a commit, as git has them.
    pub fn look_back(&self, reference: &str) -> Result<(), CliError> {
        self.check_past()?;
        let past = self.opened()?.at(reference)?;
        self.note(format_args!("as of {}", past.0.get(..10).unwrap_or(&past.0)));
        self.past.set(past).map_err(|_| CliError::usage("one commit at a time"))
    }

    /// Returns the commit whose issues are looked at, if it isn't the checkout.
    pub fn commit(&self) -> Option<String> {
        self.past.get().map(|(commit, _)| commit.clone())
    }

    /// Returns the same store for what only one in a repository can do.
    pub fn opened(&self) -> Result<&Repo, CliError> {
        if let Some(storage) = self.storage.get() {
            return Ok(storage);
        }
        let opened = self.repo()?;
        Ok(self.storage.get_or_init(|| opened))
    }

    /// Returns the same store, also where a merge has left both sides in the settings.
    pub fn opened_to_resolve(&self) -> Result<&Repo, CliError> {
        let opened = compose::open_to_resolve(&self.context, self.global.freshness, self.command)?;
        Ok(self.storage.get_or_init(|| opened))
    }

    /// Does what is left to do when the command is done and nobody waits any more.
    pub fn finish(&self) {
        if let Some(storage) = self.storage.get() {
            if let Some(missing) = storage.unfinished() {
                output::note(format_args!("warning: {missing}; `tickety doctor` says more"));
            }
            storage.record_usage();
            // What fails now is done by a later command: what was written is durable.
            storage.maintain(self.context.time_of_writing()).ok();
        }
        if let Some(distant) = self.distant.get() {
            if let Some((told, _)) = distant.outdated().filter(|_| !self.json()) {
                output::note(told);
            }
            // The next command asks again for what can't be kept.
            distant.save();
        }
    }

    /// Opens the home for what only a store in a repository can do.
    pub fn repo(&self) -> Result<Repo, CliError> {
        compose::open(&self.context, self.global.freshness, self.command)
    }

    /// Examines the home, even where it can't be opened.
    pub fn examine(&self, fix: bool) -> Result<Vec<Finding>, CliError> {
        compose::examine(&self.context, self.global.freshness, self.command, fix)
    }

    /// Returns the configured vocabulary.
    pub fn schema(&self) -> Result<Arc<Schema>, CliError> {
        Ok(pollster::block_on(self.storage()?.schema())?)
    }

    /// Reads the name or id of an issue.
    pub fn selector(&self, text: &str) -> Result<IssueSelector, CliError> {
        let schema = self.schema()?;
        Ok(IssueSelector::parse(text, &schema.prefix)?)
    }

    /// Reads several names or ids, each argument one or some with commas between them.
    pub fn selectors(&self, texts: &[String]) -> Result<Vec<IssueSelector>, CliError> {
        let schema = self.schema()?;
        let names = texts.iter().flat_map(|text| text.split(',').map(str::trim));
        names.map(|name| Ok(IssueSelector::parse(name, &schema.prefix)?)).collect()
    }

    /// Returns the circumstances of a query. The time zone and the actor are only looked up if the
    /// query depends on them.
    pub fn moment(&self, query: &Query) -> Result<Moment, CliError> {
        let needs = questions::Needs::of(&query.filter);
        self.moment_with(needs)
    }

    /// Returns the circumstances for what is needed of them.
    pub fn moment_with(&self, needs: questions::Needs) -> Result<Moment, CliError> {
        Ok(Moment {
            now: self.context.now(),
            zone: if needs.zone { self.context.zone().clone() } else { jiff::tz::TimeZone::UTC },
            me: if needs.actor { self.context.actor()?.map(str::to_owned) } else { None },
        })
    }

    /// Applies operations as the actor, now: all or none.
    pub fn apply(&self, operations: Vec<Operation>) -> Result<BatchOutcome, CliError> {
        let batch = self.batch(operations)?;
        pollster::block_on(self.storage()?.apply(batch)).map_err(|error| self.explain(error))
    }

    /// Makes a batch of the actor, now.
    pub fn batch(&self, operations: Vec<Operation>) -> Result<Batch, CliError> {
        if let (Some(actor), Some(distant)) = (self.context.given_actor(), self.distant()?) {
            distant.check_actor(actor)?;
        }
        let actor = self.context.actor()?.map(str::to_owned);
        Ok(Batch::new(operations, actor, self.context.time_of_writing()).once(self.request.clone()))
    }

    /// Returns what became of the command before, if it was given with the same key.
    pub fn recalled(&self) -> Result<Option<BatchOutcome>, CliError> {
        let Some(request) = &self.request else { return Ok(None) };
        Ok(pollster::block_on(self.storage()?.recall(request))?)
    }

    /// Returns what JSON says of a write, and says to people where nothing was done.
    pub fn meta_of(&self, outcome: &BatchOutcome) -> Meta {
        if outcome.replayed {
            self.note("this was done before, with the same key: nothing was done now");
        }
        Meta { replayed: outcome.replayed, ..Meta::default() }
    }

    /// Turns an error of the store into that of the command, with what the store itself can tell
    /// about what to do.
    pub fn explain(&self, error: StorageError) -> CliError {
        // What is wrong with the name of another issue is said as if it had been asked for itself: with titles.
        if let StorageError::Refused { source, .. } = &error
            && let OperationError::NoTarget { selector } | OperationError::AmbiguousTarget { selector, .. } = source
            && let Ok(storage) = self.storage()
            && let Err(why) = pollster::block_on(storage.get(*selector))
        {
            return self.explain(why);
        }
        let StorageError::NotFound { selector: IssueSelector::Name(name) } = &error else { return error.into() };
        let beyond = self.newest().filter(|newest| name.number > newest.number);
        match beyond {
            Some(newest) => {
                let hint = format!("the newest issue is {}; `tickety list is:any` shows all", newest.number);
                CliError::new((&error).into(), &error).hint(hint)
            }
            None => error.into(),
        }
    }

    fn newest(&self) -> Option<tickety_core::ident::IssueKey> {
        let everything = Term::Count(Count::Number, Bounds { from: Some((1, true)), to: None });
        let query = Query { filter: Expr::Term(everything), limit: Some(1), ..Query::default() };
        let moment = self.moment(&query).ok()?;
        let page = pollster::block_on(self.storage().ok()?.list(&query, &moment)).ok()?;
        page.issues.first().map(|issue| issue.key)
    }

    /// Whether to answer in JSON.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// Answers in JSON.
    pub fn answer(&self, data: impl Serialize, meta: Meta) -> Result<Ended, CliError> {
        let outdated = self.distant.get().and_then(Distant::outdated).map(|(_, outdated)| outdated);
        let meta = Meta { outdated, ..meta };
        let envelope = Envelope { data, meta };
        let mut text = serde_json::to_string(&envelope)
            .map_err(|error| CliError::new(tickety_api::ErrorCode::Io, error).about("writing JSON"))?;
        text.push('\n');
        let shown = if self.context.terminal.stdout { escape::json(&text) } else { text.into() };
        output::write(&shown)?;
        Ok(Ended::Done)
    }

    /// Returns an empty screen.
    pub fn screen(&self) -> Screen<'_> {
        Screen::new(&self.context)
    }

    /// Shows a screen, through the pager where it is longer than the terminal.
    pub fn show(&self, screen: Screen<'_>) -> Result<Ended, CliError> {
        let text = screen.into_text();
        match self.context.pager()? {
            Some(pager) if text.lines().nth(self.context.terminal.height.saturating_sub(1)).is_some() => {
                output::page(&text, &pager)?;
            }
            _ => output::write(&text)?,
        }
        Ok(Ended::Done)
    }

    /// Says something beside the answer, unless it is to be quiet.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.global.quiet && !self.json() {
            output::note(text);
        }
    }

    /// Returns what JSON says about how an answer came about.
    pub fn meta(&self, freshness: Option<Freshness>, problems: u32) -> Result<Meta, CliError> {
        let problems = match problems {
            0 => Vec::new(),
            _ => pollster::block_on(self.storage()?.problems())?.into_iter().map(Into::into).collect(),
        };
        let freshness = freshness.filter(|_| self.past.get().is_none()).map(Into::into);
        Ok(Meta { freshness, commit: self.commit(), problems, ..Meta::default() })
    }

    /// Returns what JSON says about how a list of issues came about.
    pub fn meta_of_list(&self, query: &Query, freshness: Freshness, problems: u32) -> Result<Meta, CliError> {
        Ok(Meta { query: Some(query.clone().canonical().to_string()), ..self.meta(Some(freshness), problems)? })
    }

    /// Names the unreadable records on standard error: nobody should take an answer for complete
    /// that isn't.
    pub fn warn_of_problems(&self, problems: u32) -> Result<(), CliError> {
        if problems == 0 {
            return Ok(());
        }
        self.name_problems(&pollster::block_on(self.storage()?.problems())?);
        Ok(())
    }

    /// Names unreadable records on standard error.
    pub fn name_problems(&self, problems: &[RecordProblem]) {
        for problem in problems.iter().take(NAMED_PROBLEMS) {
            output::note(format_args!("warning: {problem}"));
        }
        if problems.len() > NAMED_PROBLEMS {
            output::note(format_args!("and {} more; see `tickety doctor`", problems.len() - NAMED_PROBLEMS));
        }
    }
}
