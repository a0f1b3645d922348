//! The page of one issue.

use tickety_core::graph::{LinkEnd, LinkTarget};
use tickety_core::issue::{Closure, Comment, Derived, Issue};
use tickety_engine::convert::Memory;
use tickety_store::StoredIssue;

use super::list::join;
use super::screen::{Screen, width};
use super::{escape, palette, wrap};

/// The columns of the names of fields.
const NAMES: usize = 12;

/// Writes a whole issue.
pub fn write(screen: &mut Screen<'_>, stored: &StoredIssue) {
    let StoredIssue { issue, derived, category, version: _, path, problems: _ } = stored;
    let Derived { updated, links, elsewhere } = derived;
    let Issue {
        number: _,
        id: _,
        title: _,
        body,
        status,
        closure,
        priority,
        kind,
        labels,
        assignees,
        reporter,
        milestone,
        due,
        estimate,
        spent,
        comments,
        links: _,
        references,
        fields,
        created,
        imported_updated: _,
    } = issue;

    heading(screen, issue);
    screen.put(palette::status(*category), status.as_str()).raw(" · ");
    screen.put(palette::priority(*priority), priority.as_str()).raw(" · ").put(palette::PLAIN, kind.as_str());
    if !elsewhere.is_empty() {
        screen.raw(" · ").put(palette::ALARM, "closed elsewhere");
    }
    if derived.is_blocked() && !category.is_closed() {
        screen.raw(" · ").put(palette::ALARM, "blocked");
    }
    if !labels.is_empty() {
        screen.raw(" · ").put(palette::LABEL, join(labels));
    }
    screen.end();
    screen.end();

    field(screen, "assignees", &join(assignees));
    field(screen, "reporter", reporter.as_deref().unwrap_or_default());
    field(screen, "milestone", milestone.as_deref().unwrap_or_default());
    if let Some(due) = due {
        let late = !category.is_closed() && screen.is_terminal() && *due < screen.today();
        name(screen, "due");
        screen.put(if late { palette::ALARM } else { palette::PLAIN }, screen.day(*due)).end();
    }
    field(screen, "estimate", &estimate.map(|length| length.to_string()).unwrap_or_default());
    field(screen, "spent", &spent.map(|length| length.to_string()).unwrap_or_default());
    field(screen, "created", &screen.when_exactly(*created));
    field(screen, "updated", &screen.when_exactly(*updated));
    if let Some(Closure { at, reason, note }) = closure {
        let when = at.map(|at| format!(", {}", screen.when_exactly(at))).unwrap_or_default();
        field(screen, "closed", &format!("{reason}{when}"));
        if let Some(note) = note {
            screen.prose(&" ".repeat(NAMES), note);
        }
    }
    for closed in elsewhere {
        let when = closed.at.map(|at| format!(", {}", screen.when_exactly(at))).unwrap_or_default();
        let by = closed.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        name(screen, "elsewhere");
        screen.raw("closed on ").put(palette::NAME, closed.place()).raw(", not merged here");
        screen.put(palette::FAINT, format!("{when}{by}")).end();
    }
    for (key, value) in fields.iter().filter(|(key, _)| !Memory::is_in(key)) {
        many_lines(screen, key, &value.to_string());
    }
    for reference in references {
        field(screen, "reference", reference);
    }
    field(screen, "file", path);
    for end in links {
        link(screen, end);
    }
    if !body.is_empty() {
        screen.end().prose("", body);
    }
    for comment in comments {
        write_comment(screen, comment);
    }
}

/// Writes the name and the title, which is what this page is about and therefore never cut.
fn heading(screen: &mut Screen<'_>, issue: &Issue) {
    let name = issue.key().to_string();
    let indent = width(&name) + 2;
    let title = escape::line(&issue.title);
    screen.put(palette::NAME, name).space(2);
    if !screen.is_terminal() {
        screen.put(palette::STRONG, title).end();
        return;
    }
    let mut lines = String::new();
    wrap::line(&mut lines, &title, screen.width().saturating_sub(indent), 0);
    for (place, line) in lines.lines().enumerate() {
        screen.space(if place > 0 { indent } else { 0 }).put(palette::STRONG, line).end();
    }
}

fn name(screen: &mut Screen<'_>, text: &str) {
    screen.put(palette::FAINT, text).space(NAMES.saturating_sub(width(text)).max(1));
}

fn field(screen: &mut Screen<'_>, label: &str, value: &str) {
    if !value.is_empty() {
        name(screen, label);
        screen.put(palette::PLAIN, value).end();
    }
}

fn many_lines(screen: &mut Screen<'_>, label: &str, value: &str) {
    if value.contains('\n') {
        name(screen, label);
        screen.end().block(&" ".repeat(NAMES), value);
    } else {
        field(screen, label, value);
    }
}

fn link(screen: &mut Screen<'_>, end: &LinkEnd) {
    let LinkEnd { relation, name: named, target } = end;
    let relation = relation.as_str();
    name(screen, relation);
    match target {
        Some(LinkTarget { key, title, status, category }) => {
            let name = key.to_string();
            let taken = NAMES.max(width(relation) + 1) + width(&name) + width(status.as_str()) + 4;
            let title = screen.fitted(title, taken);
            screen.put(palette::NAME, name).space(1).put(palette::PLAIN, title).raw(" (");
            screen.put(palette::status(*category), status.as_str()).raw(")").end();
        }
        None => {
            screen
                .show(palette::NAME, named)
                .space(1)
                .put(palette::ALARM, "(no issue that can be read has this name, or several have)")
                .end();
        }
    }
}

fn write_comment(screen: &mut Screen<'_>, comment: &Comment) {
    let Comment { id: _, author, created, body } = comment;
    screen.end();
    screen.put(palette::FAINT, "── ").put(palette::STRONG, author.as_deref().unwrap_or("somebody"));
    screen.put(palette::FAINT, format!(", {}", screen.when_exactly(*created))).end();
    screen.prose("", body);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::context::Context;
    use crate::render::samples;

    fn shown(context: &Context) -> String {
        let mut screen = Screen::new(context);
        write(&mut screen, &samples::issues()[0]);
        screen.into_text()
    }

    #[test]
    fn everything_about_an_issue_is_shown() {
        assert_snapshot!(shown(&Context::fixed(Some(80), false)));
    }

    #[test]
    fn a_pipe_gets_absolute_times() {
        assert_snapshot!(shown(&Context::fixed(None, false)));
    }

    #[test]
    fn colours_don_t_change_the_text() {
        let plain = shown(&Context::fixed(Some(80), false));
        let coloured = shown(&Context::fixed(Some(80), true));
        assert!(coloured.contains("\u{1b}["));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            stripped.push_str(before);
            rest = after.split_once('m').expect("a style ends with m").1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
    }
}
