//! `tickety stats`

use std::fmt::Display;

use tickety_api::answer;
use tickety_engine::questions::Needs;
use tickety_store::{Checked, Stats};

use crate::exit::{CliError, Ended};
use crate::question::QueryArgs;
use crate::render::{Screen, palette, screen};
use crate::session::Session;

/// Count issues by what they are
///
/// Issues of every status are counted unless the query says otherwise. Elsewhere than on a terminal:
/// one count a line, tabs between group, name and count.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    query: QueryArgs,
}

/// How many labels and assignees are shown on a terminal.
const LONGEST: usize = 12;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let query = args.query.parse(session)?;
    let mut needs = Needs::of(&query.filter);
    // What is overdue depends on the day it is.
    needs.zone = true;
    let Checked { value: stats, problems, freshness } =
        pollster::block_on(session.storage()?.stats(&query, &session.moment_with(needs)))?;
    if session.json() {
        return session.answer(answer::Stats::from(&stats), session.meta(Some(freshness), problems)?);
    }
    let mut screen = session.screen();
    write(&mut screen, &stats);
    let ended = session.show(screen)?;
    session.warn_of_problems(problems)?;
    Ok(ended)
}

fn write(screen: &mut Screen<'_>, stats: &Stats) {
    let Stats {
        total,
        by_status,
        by_category,
        by_kind,
        open_by_priority,
        open_by_label,
        open_by_assignee,
        ready,
        blocked,
        overdue,
        comments,
    } = stats;
    let all =
        [("total", *total), ("ready", *ready), ("blocked", *blocked), ("overdue", *overdue), ("comments", *comments)];
    let assignees: Vec<(&str, u64)> = open_by_assignee
        .iter()
        .map(|(name, count)| (if name.is_empty() { "(nobody)" } else { name }, *count))
        .collect();
    group(screen, "all", all);
    group(screen, "category", by_category.iter().map(|(name, count)| (name, *count)));
    group(screen, "status", by_status.iter().map(|(name, count)| (name, *count)));
    group(screen, "kind", by_kind.iter().map(|(name, count)| (name, *count)));
    group(screen, "open by priority", open_by_priority.iter().map(|(name, count)| (name, *count)));
    longest(screen, "open by label", open_by_label.iter().map(|(name, count)| (name.as_str(), *count)).collect());
    longest(screen, "open by assignee", assignees);
}

/// Writes the greatest counts of a group; all of them elsewhere than on a terminal.
fn longest(screen: &mut Screen<'_>, name: &str, mut counts: Vec<(&str, u64)>) {
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let left_out = if screen.is_terminal() { counts.len().saturating_sub(LONGEST) } else { 0 };
    counts.truncate(counts.len() - left_out);
    group(screen, name, counts);
    if left_out > 0 {
        screen.put(palette::FAINT, format!("  and {left_out} more")).end();
    }
}

fn group(screen: &mut Screen<'_>, name: &str, counts: impl IntoIterator<Item = (impl Display, u64)>) {
    let counts: Vec<(String, u64)> = counts.into_iter().map(|(name, count)| (name.to_string(), count)).collect();
    if counts.is_empty() {
        return;
    }
    if !screen.is_terminal() {
        for (counted, count) in counts {
            screen.put(palette::STRONG, name).raw("\t").put(palette::PLAIN, counted).raw(format!("\t{count}\n"));
        }
        return;
    }
    let widest = counts.iter().map(|(name, _)| screen::width(name)).max().unwrap_or(0);
    screen.put(palette::STRONG, name).end();
    for (counted, count) in counts {
        screen.space(2).put(palette::PLAIN, &counted).space(widest - screen::width(&counted).min(widest) + 2);
        screen.raw(format!("{count:>6}")).end();
    }
}
