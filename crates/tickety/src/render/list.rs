//! Lists of issues.

use std::borrow::Cow;
use std::collections::BTreeSet;

use anstyle::Style;
use tickety_core::issue::ClosedElsewhere;
use tickety_core::query::FieldName;
use tickety_engine::convert::Memory;
use tickety_engine::questions::Listed;
use tickety_store::{IssueSummary, StoredIssue};

use super::palette;
use super::screen::Screen;
use super::table::{self, Cell, Column, Width};

/// An issue in a list: what every list knows of it, and the rest where a field needs it.
#[derive(Clone, Debug)]
pub struct Row {
    /// What every list knows.
    pub summary: IssueSummary,
    /// The whole issue.
    pub whole: Option<StoredIssue>,
}

impl From<Listed> for Row {
    fn from(Listed { summary, whole, text: _ }: Listed) -> Self {
        Self { summary, whole }
    }
}

const COLUMNS: [Column; 9] = [
    Column { header: Cow::Borrowed("name"), width: Width::UpTo(16), right: true, importance: u8::MAX, stays: false },
    Column { header: Cow::Borrowed("status"), width: Width::UpTo(14), right: false, importance: 6, stays: false },
    Column { header: Cow::Borrowed("priority"), width: Width::UpTo(8), right: false, importance: 5, stays: false },
    Column { header: Cow::Borrowed("kind"), width: Width::UpTo(12), right: false, importance: 4, stays: false },
    Column { header: Cow::Borrowed("title"), width: Width::Rest, right: false, importance: u8::MAX, stays: false },
    Column { header: Cow::Borrowed("labels"), width: Width::UpTo(24), right: false, importance: 1, stays: false },
    Column { header: Cow::Borrowed("assignees"), width: Width::UpTo(16), right: false, importance: 2, stays: false },
    Column { header: Cow::Borrowed("updated"), width: Width::UpTo(10), right: true, importance: 3, stays: false },
    Column { header: Cow::Borrowed("closed on"), width: Width::UpTo(20), right: false, importance: 7, stays: false },
];

/// Writes a list: a table on a terminal; elsewhere one line an issue, its cells separated by tabs,
/// in the order of [`COLUMNS`], the name with its suffix and nothing cut off; the last one only where it isn't empty. Colours are those of the
/// table, where they are asked for.
pub fn write(screen: &mut Screen<'_>, rows: &[Row]) {
    if !screen.is_terminal() {
        for Row { summary, .. } in rows {
            let IssueSummary { key, status, priority, kind, title, labels, assignees, .. } = summary;
            let mut cells = vec![
                (palette::NAME, Cow::Owned(key.to_string())),
                (palette::status(summary.category), Cow::Borrowed(status.as_str())),
                (palette::priority(*priority), Cow::Borrowed(priority.as_str())),
                (palette::PLAIN, Cow::Borrowed(kind.as_str())),
                (palette::PLAIN, Cow::Borrowed(title.as_str())),
                (palette::LABEL, Cow::Owned(join(labels))),
                (palette::PLAIN, Cow::Owned(join(assignees))),
                (palette::FAINT, Cow::Owned(screen.when(summary.updated))),
            ];
            if !summary.elsewhere.is_empty() {
                cells.push((palette::ALARM, Cow::Owned(elsewhere(summary))));
            }
            tabbed(screen, cells);
        }
        return;
    }
    let names = names(rows);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .zip(&names)
        .map(|(Row { summary, .. }, name)| {
            vec![
                Cell::new(palette::NAME, name),
                Cell::new(palette::status(summary.category), summary.status.as_str()),
                Cell::new(palette::priority(summary.priority), summary.priority.as_str()),
                Cell::new(palette::PLAIN, summary.kind.as_str()),
                Cell::new(palette::PLAIN, &summary.title),
                Cell::new(palette::LABEL, join(&summary.labels)),
                Cell::new(palette::PLAIN, join(&summary.assignees)),
                Cell::new(palette::FAINT, screen.when(summary.updated)),
                Cell::new(palette::ALARM, elsewhere(summary)),
            ]
        })
        .collect();
    table::write(screen, &COLUMNS, &cells);
}

/// Returns the branches on which an issue is closed, though it isn't here.
fn elsewhere(summary: &IssueSummary) -> String {
    summary.elsewhere.iter().map(ClosedElsewhere::place).collect::<Vec<_>>().join(", ")
}

/// Writes a list of chosen fields, the name before them.
pub fn write_fields(screen: &mut Screen<'_>, rows: &[Row], fields: &[FieldName]) {
    let fields: Vec<&FieldName> = fields.iter().filter(|field| **field != FieldName::Number).collect();
    if !screen.is_terminal() {
        for row in rows {
            let mut cells = vec![(palette::NAME, Cow::Owned(row.summary.key.to_string()))];
            cells.extend(fields.iter().map(|field| (palette::PLAIN, Cow::Owned(text(field, row, screen)))));
            tabbed(screen, cells);
        }
        return;
    }
    // The last field that tends to be long takes what the others leave.
    let flexible = fields
        .iter()
        .rposition(|field| matches!(field, FieldName::Title | FieldName::Body | FieldName::Note))
        .or(fields.len().checked_sub(1));
    let mut columns = vec![COLUMNS[0].clone()];
    columns.extend(fields.iter().enumerate().map(|(place, field)| Column {
        header: Cow::Owned(field.to_string()),
        width: if Some(place) == flexible { Width::Rest } else { Width::UpTo(40) },
        right: false,
        importance: u8::try_from(fields.len() - place).unwrap_or(u8::MAX - 1).min(u8::MAX - 1),
        stays: true,
    }));
    let names = names(rows);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .zip(&names)
        .map(|(row, name)| {
            let mut cells = vec![Cell::new(palette::NAME, name)];
            cells.extend(fields.iter().map(|field| Cell::new(palette::PLAIN, text(field, row, screen))));
            cells
        })
        .collect();
    table::write(screen, &columns, &cells);
}

/// Returns the names to show: numbers, with the suffix where two issues of the list share one.
fn names(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let shared: BTreeSet<u32> =
        rows.iter().map(|row| row.summary.key.number.get()).filter(|number| !seen.insert(*number)).collect();
    rows.iter()
        .map(|Row { summary, .. }| {
            let number = summary.key.number;
            if shared.contains(&number.get()) { summary.key.to_string() } else { number.to_string() }
        })
        .collect()
}

/// Returns a field as a cell shows it.
fn text(field: &FieldName, row: &Row, screen: &Screen<'_>) -> String {
    let Row { summary, whole } = row;
    let issue = whole.as_ref().map(|whole| &whole.issue);
    let optional = |value: Option<String>| value.unwrap_or_default();
    match field {
        FieldName::Number => summary.key.number.to_string(),
        FieldName::Id => summary.id.to_string(),
        FieldName::Title => summary.title.clone(),
        FieldName::Body => optional(issue.map(|issue| one_line(&issue.body))),
        FieldName::Status => summary.status.to_string(),
        FieldName::Reason => optional(summary.reason.map(|reason| reason.to_string())),
        FieldName::Note => optional(issue.and_then(|issue| one_line(issue.closure.as_ref()?.note.as_ref()?).into())),
        FieldName::Priority => summary.priority.to_string(),
        FieldName::Kind => summary.kind.to_string(),
        FieldName::Label => join(&summary.labels),
        FieldName::Assignee => join(&summary.assignees),
        FieldName::Reporter => optional(summary.reporter.clone()),
        FieldName::Milestone => optional(summary.milestone.clone()),
        FieldName::Due => optional(summary.due.map(|due| due.to_string())),
        FieldName::Estimate => optional(summary.estimate.map(|length| length.to_string())),
        FieldName::Spent => optional(summary.spent.map(|length| length.to_string())),
        FieldName::Comment => summary.comments.to_string(),
        FieldName::Reference => optional(issue.map(|issue| join(&issue.references))),
        FieldName::Created => screen.when(summary.created),
        FieldName::Closed => optional(summary.closed.map(|closed| screen.when(closed))),
        FieldName::Updated => screen.when(summary.updated),
        FieldName::Related(relation) => {
            links(whole.as_ref(), |end| end.relation == *relation, |end| end.name.to_string())
        }
        FieldName::Link => links(whole.as_ref(), |_| true, |end| format!("{} {}", end.relation, end.name)),
        FieldName::Custom(key) => {
            optional(issue.and_then(|issue| one_line(&issue.fields.get(key)?.to_string()).into()))
        }
        FieldName::Fields => optional(issue.map(|issue| {
            let fields = issue.fields.iter().filter(|(key, _)| !Memory::is_in(key));
            let fields: Vec<String> =
                fields.map(|(key, value)| format!("{key}={}", one_line(&value.to_string()))).collect();
            fields.join(", ")
        })),
        FieldName::Version => summary.version.to_string(),
    }
}

fn links(
    whole: Option<&StoredIssue>,
    wanted: impl Fn(&tickety_core::graph::LinkEnd) -> bool,
    show: impl Fn(&tickety_core::graph::LinkEnd) -> String,
) -> String {
    let ends: Vec<String> =
        whole.iter().flat_map(|whole| &whole.derived.links).filter(|end| wanted(end)).map(show).collect();
    ends.join(", ")
}

/// Writes cells with tabs between them; a tab or line break inside a cell is shown as a picture.
fn tabbed<'a>(screen: &mut Screen<'_>, cells: impl IntoIterator<Item = (Style, Cow<'a, str>)>) {
    for (place, (style, cell)) in cells.into_iter().enumerate() {
        if place > 0 {
            screen.raw("\t");
        }
        screen.put(style, cell);
    }
    screen.raw("\n");
}

/// Folds white space, so that a text of several lines stands in a cell.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Joins names as lists show them.
pub fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::context::Context;
    use crate::render::samples;

    fn shown(context: &Context, fields: &[FieldName]) -> String {
        let rows: Vec<Row> = samples::issues()
            .into_iter()
            .map(|stored| Row { summary: IssueSummary::of(&stored), whole: Some(stored) })
            .collect();
        let mut screen = Screen::new(context);
        if fields.is_empty() {
            write(&mut screen, &rows)
        } else {
            write_fields(&mut screen, &rows, fields)
        }
        screen.into_text()
    }

    #[test]
    fn a_terminal_gets_a_table_that_fits() {
        assert_snapshot!(shown(&Context::fixed(Some(100), false), &[]));
        let narrow = shown(&Context::fixed(Some(44), false), &[]);
        assert!(narrow.lines().all(|line| crate::render::screen::width(line) <= 44), "{narrow}");
        assert_snapshot!(narrow);
    }

    #[test]
    fn a_pipe_gets_everything_between_tabs() {
        let text = shown(&Context::fixed(None, false), &[]);
        assert!(text.lines().all(|line| line.split('\t').count() == 8), "{text}");
        assert_snapshot!(text.replace('\t', " | "));
    }

    #[test]
    fn fields_are_columns_in_the_order_asked_for() {
        let fields = [FieldName::Due, FieldName::Title, FieldName::Custom("severity".to_owned()), FieldName::Link];
        assert_snapshot!(shown(&Context::fixed(Some(100), false), &fields));
        assert_snapshot!(shown(&Context::fixed(None, false), &fields).replace('\t', " | "));
    }
}
