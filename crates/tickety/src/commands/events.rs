//! `tickety events`

#![expect(clippy::disallowed_methods, reason = "asks again after a pause")]

use std::str::FromStr;
use std::time::Duration;

use tickety_api::{Envelope, EventStats, Events, Meta};
use tickety_core::event::EventType;
use tickety_engine::events;
use tickety_store::{EventCursor, EventLog, EventPage, Position};

use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::{self, counted};
use crate::session::Session;

/// How often to ask for what is new.
const PAUSE: Duration = Duration::from_millis(500);

/// How many events are shown where nothing else is said.
const SHOWN: usize = 50;

/// How many events are read at once.
const PAGE: usize = 1000;

/// Show what happened to the issues, oldest first
///
/// Every write has one group of events, and so has every change that an editor, git or a script made to the files. The
/// last 50 are shown; --since shows what came after a cursor, which comes with every event.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    /// Show what came after the event with this cursor; `start` for all that is kept
    #[arg(long, value_name = "CURSOR")]
    since: Option<Since>,

    /// Wait for more and show it as it comes; with --json one document a line
    #[arg(short, long)]
    follow: bool,

    /// Show these types only, such as issue.closed
    #[arg(short, long = "type", value_name = "TYPES", value_delimiter = ',')]
    types: Vec<EventType>,

    /// Show at most N events [default: 50, with --since 1000]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

/// What to tell.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell what the log of events holds
    Stats,
}

/// From where to show events.
#[derive(Clone, Copy, Debug)]
enum Since {
    Start,
    Cursor(EventCursor),
}

impl FromStr for Since {
    type Err = tickety_store::events::EventCursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "start" { Ok(Self::Start) } else { text.parse().map(Self::Cursor) }
    }
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let log = &*session.events()?;
    if let Some(Action::Stats) = args.action {
        return stats(log, session);
    }
    let limit = args.limit.unwrap_or(if args.since.is_some() { PAGE } else { SHOWN });
    let shown = match args.since {
        // Who follows wants to hear what comes, and sees a little of what was.
        None => pollster::block_on(events::last(log, limit, &args.types))?,
        Some(since) => {
            let from = match since {
                Since::Start => Position::Oldest,
                Since::Cursor(cursor) => Position::After(cursor),
            };
            let limit = if args.follow { usize::MAX } else { limit };
            pollster::block_on(events::first(log, from, limit, &args.types))?
        }
    };
    if args.follow {
        return follow(log, shown, &args.types, session);
    }
    if session.json() {
        return session.answer(Events::from(&shown), Meta::default());
    }
    if shown.events.is_empty() {
        session.note("nothing has happened");
    }
    warn_of_damage(&shown);
    let mut screen = session.screen();
    render::events::write(&mut screen, &shown.events);
    if shown.more {
        session.note(format_args!("there are more: `tickety events --since {}`", shown.next));
    }
    session.show(screen)
}

/// Shows events, and those that come, until somebody ends it.
fn follow(log: &dyn EventLog, mut page: EventPage, types: &[EventType], session: &Session) -> Result<Ended, CliError> {
    loop {
        warn_of_damage(&page);
        if session.json() {
            for event in &page.events {
                let line = Envelope { data: tickety_api::Event::from(event), meta: Meta::default() };
                let line = serde_json::to_string(&line)
                    .map_err(|error| CliError::new(tickety_api::ErrorCode::Io, error).about("writing JSON"))?;
                output::write(&format!("{line}\n"))?;
            }
        } else if !page.events.is_empty() {
            let mut screen = session.screen();
            render::events::write(&mut screen, &page.events);
            output::write(&screen.into_text())?;
        }
        std::thread::sleep(PAUSE);
        page = pollster::block_on(events::first(log, Position::After(page.next), usize::MAX, types))?;
    }
}

fn warn_of_damage(page: &EventPage) {
    if page.damaged > 0 {
        let entries = counted(page.damaged, "entry");
        output::note(format_args!("warning: {entries} of the log can't be read any more"));
    }
}

fn stats(log: &dyn EventLog, session: &Session) -> Result<Ended, CliError> {
    let stats = pollster::block_on(log.event_stats())?;
    if session.json() {
        return session.answer(EventStats::from(&stats), Meta::default());
    }
    let mut screen = session.screen();
    render::events::write_stats(&mut screen, &stats);
    session.show(screen)
}
