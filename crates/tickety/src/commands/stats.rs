//! `tickety stats`

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tickety_api::answer;
use tickety_core::schema::Schema;
use tickety_engine::questions::Needs;
use tickety_store::{Checked, Stats};

use crate::exit::{CliError, Ended};
use crate::question::QueryArgs;
use crate::render::{Screen, escape, palette, screen};
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

/// The columns of a count.
const COUNT: usize = 6;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let query = args.query.parse(session)?;
    let mut needs = Needs::of(&query.filter);
    // What is overdue depends on the day it is.
    needs.zone = true;
    let Checked { value: stats, problems, freshness } =
        pollster::block_on(session.storage()?.stats(&query, &session.moment_with(needs)?))?;
    if session.json() {
        return session.answer(answer::Stats::from(&stats), session.meta(Some(freshness), problems)?);
    }
    let mut screen = session.screen();
    write(&mut screen, &stats, &*session.schema()?);
    let ended = session.show(screen)?;
    if stats.total == 0 && !args.query.is_empty() {
        session.note(super::list::NOTHING);
    }
    session.warn_of_problems(problems)?;
    Ok(ended)
}

/// Counts of one kind: a name, and what was counted.
struct Group<'a> {
    name: &'static str,
    counts: Vec<(&'a str, u64)>,
    /// How many counts are not shown.
    left_out: usize,
}

fn write(screen: &mut Screen<'_>, stats: &Stats, schema: &Schema) {
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
    let all = [("total", total), ("ready", ready), ("blocked", blocked), ("overdue", overdue), ("comments", comments)];
    // The way of an issue through its statuses says more than the alphabet.
    let mut statuses: Vec<(&str, u64)> = counts(by_status);
    statuses.sort_by_key(|(name, _)| schema.statuses.iter().position(|known| known.name.as_str() == *name));
    let people = open_by_assignee.iter().map(|(name, count)| (if name.is_empty() { "(nobody)" } else { name }, *count));
    let shown_at_most = if screen.is_terminal() { LONGEST } else { usize::MAX };
    let groups = [
        Group::of("all", all.map(|(name, count)| (name, *count)).to_vec()),
        Group::of("category", by_category.iter().map(|(category, count)| (category.as_str(), *count)).collect()),
        Group::of("status", statuses),
        Group::of("kind", counts(by_kind)),
        Group::of("open by priority", open_by_priority.iter().map(|(name, count)| (name.as_str(), *count)).collect()),
        Group::of("open by label", counts(open_by_label)).greatest(shown_at_most),
        Group::of("open by assignee", people.collect()).greatest(shown_at_most),
    ];
    if screen.is_terminal() {
        columns(screen, &groups);
        return;
    }
    for Group { name, counts, .. } in &groups {
        for (counted, count) in counts {
            screen.put(palette::STRONG, name).raw("\t").put(palette::PLAIN, counted).raw(format!("\t{count}\n"));
        }
    }
}

fn counts(counted: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    counted.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}

impl<'a> Group<'a> {
    fn of(name: &'static str, counts: Vec<(&'a str, u64)>) -> Self {
        Self { name, counts, left_out: 0 }
    }

    /// Keeps the greatest counts, greatest first.
    fn greatest(mut self, most: usize) -> Self {
        self.counts.sort_by_key(|(name, count)| (Reverse(*count), *name));
        self.left_out = self.counts.len().saturating_sub(most);
        self.counts.truncate(most);
        self
    }
}

/// Writes the groups one under the other, all counts in one column.
fn columns(screen: &mut Screen<'_>, groups: &[Group<'_>]) {
    let names = groups.iter().flat_map(|group| &group.counts).map(|(name, _)| screen::width(&escape::line(name)));
    let widest = names.max().unwrap_or(0).min(screen.width().saturating_sub(COUNT + 4));
    for Group { name, counts, left_out } in groups {
        // Without further statuses, statuses and categories are the same.
        let said_already =
            *name == "status" && groups.iter().any(|group| group.name == "category" && group.counts == *counts);
        if counts.is_empty() || said_already {
            continue;
        }
        screen.put(palette::STRONG, name).end();
        for (counted, count) in counts {
            let counted = escape::line(counted);
            let counted = screen::cut(&counted, widest);
            screen.space(2).put(palette::PLAIN, &counted).space(widest - screen::width(&counted).min(widest) + 2);
            screen.raw(format!("{count:>COUNT$}")).end();
        }
        if *left_out > 0 {
            screen.put(palette::FAINT, format!("  and {left_out} more")).end();
        }
    }
}
