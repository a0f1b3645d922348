//! `tickety home`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::HomeKind;
use crate::exit::{CliError, Ended};
use crate::render::{counted, palette};
use crate::session::Session;

/// Tell where the issues are kept, and move them elsewhere
///
/// They are kept with the code on its branches (tree), on a branch of their own that all work trees of the clone share
/// (branch), or in this clone alone (local).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Move the issues: with their events, and to a branch with their history
    ///
    /// From the code's branches, the files are removed from the work tree and the removal is left to be committed. A
    /// branch that the issues were on stays.
    Move {
        /// Where to: tree, branch or local
        #[arg(value_name = "WHERE", value_parser = kind)]
        to: HomeKind,

        /// Say what would be moved, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    home: &'static str,
    root: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<Moved>,
}

/// How the home was moved.
#[derive(Serialize)]
struct Moved {
    dry_run: bool,
    from: &'static str,
    files: usize,
    /// Issues on other branches of the code, which stay there.
    elsewhere: Vec<String>,
}

/// Parses what sort of home is meant.
pub(super) fn kind(text: &str) -> Result<HomeKind, String> {
    let known = HomeKind::ALL.iter().find(|kind| kind.as_str() == text);
    known.copied().ok_or_else(|| "it is tree, branch or local".to_owned())
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened()?;
    let Some(Action::Move { to, dry_run }) = args.action else {
        let layout = repo.layout();
        let (home, root) = (layout.kind.as_str(), layout.root.display().to_string());
        if session.json() {
            return session.answer(Answer { home, root, moved: None }, Meta::default());
        }
        let mut screen = session.screen();
        screen.raw(home).raw(", in ").put(palette::PLAIN, &root).end();
        return session.show(screen);
    };
    let who = (session.context.actor()?, session.context.time_of_writing());
    let moved = repo.move_home(to, who, dry_run)?;
    let root = moved.root.display().to_string();
    if session.json() {
        let elsewhere = moved.elsewhere.iter().map(ToString::to_string).collect();
        let told = Moved { dry_run, from: moved.from.as_str(), files: moved.files, elsewhere };
        let told = (moved.from != to).then_some(told);
        return session.answer(Answer { home: to.as_str(), root, moved: told }, Meta::default());
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    if moved.from == to {
        screen.raw("the issues are there already: ").put(palette::PLAIN, &root).end();
        return session.show(screen);
    }
    screen.raw(counted(moved.files, "file")).raw(if dry_run { " would be moved to " } else { " moved to " });
    screen.put(palette::PLAIN, &root).end();
    if !moved.elsewhere.is_empty() {
        let names: Vec<String> = moved.elsewhere.iter().take(5).map(ToString::to_string).collect();
        let more = if moved.elsewhere.len() > names.len() { ", …" } else { "" };
        screen.line(format!("on other branches, and not moved: {}{more}", names.join(", ")));
    }
    if !dry_run {
        match (moved.from, to) {
            (HomeKind::Tree, _) => {
                screen.line("commit that they are gone from here: git add -A .tickety && git commit")
            }
            (_, HomeKind::Tree) => screen.line("commit them with the code: git add .tickety && git commit"),
            _ => &mut screen,
        };
    }
    session.show(screen)
}
