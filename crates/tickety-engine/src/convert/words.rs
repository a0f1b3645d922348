//! What the words of other trackers mean.

use tickety_core::issue::{CloseReason, Priority};
use tickety_core::schema::Category;

/// What a status of another tracker means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meaning {
    pub(super) category: Category,
    pub(super) reason: CloseReason,
    /// Whether nothing is lost where it becomes the first status of its category.
    pub(super) whole: bool,
}

const fn open(whole: bool) -> Meaning {
    Meaning { category: Category::Open, reason: CloseReason::Completed, whole }
}

const fn active(whole: bool) -> Meaning {
    Meaning { category: Category::InProgress, reason: CloseReason::Completed, whole }
}

const fn closed(reason: CloseReason, whole: bool) -> Meaning {
    Meaning { category: Category::Closed, reason, whole }
}

/// Folds a word: lower case, without apostrophes, words a space apart.
pub(super) fn fold(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\'' | '’'))
        .map(|c| if matches!(c, '_' | '-') || c.is_whitespace() { ' ' } else { c })
        .collect();
    plain.to_lowercase().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns what a status means, where that is plain.
pub(super) fn status(text: &str) -> Option<Meaning> {
    use CloseReason::{Cancelled, Completed, Duplicate};
    Some(match fold(text).as_str() {
        "open" | "opened" | "to do" | "todo" | "new" => open(true),
        "backlog"
        | "triage"
        | "ready"
        | "draft"
        | "reopened"
        | "unstarted"
        | "not started"
        | "proposed"
        | "pending"
        | "blocked"
        | "on hold"
        | "waiting"
        | "waiting for support"
        | "deferred"
        | "postponed"
        | "icebox"
        | "scheduled"
        | "planned"
        | "queued"
        | "unscheduled"
        | "selected for development"
        | "unassigned"
        | "up next"
        | "later"
        | "someday" => open(false),
        "in progress" | "inprogress" | "doing" | "started" | "active" | "wip" | "work in progress" => active(true),
        "in review" | "review" | "code review" | "reviewing" | "testing" | "in testing" | "qa" | "in qa" | "verify"
        | "in development" | "development" | "assigned" | "under review" | "ready for review" => active(false),
        "closed" | "done" | "completed" | "complete" | "resolved" | "finished" | "fixed" => closed(Completed, true),
        "released" | "shipped" | "merged" | "deployed" | "verified" | "archived" | "delivered" => {
            closed(Completed, false)
        }
        "cancelled" | "canceled" | "not planned" => closed(Cancelled, true),
        "wont fix" | "wontfix" | "wont do" | "rejected" | "declined" | "obsolete" | "abandoned" | "scrapped"
        | "invalid" | "dropped" | "deleted" | "removed" | "not a bug" | "works for me" | "cannot reproduce"
        | "not reproducible" | "superseded" | "incomplete" | "wontdo" | "works as designed" | "known error" => {
            closed(Cancelled, false)
        }
        "duplicate" | "duplicated" => closed(Duplicate, true),
        _ => return None,
    })
}

/// Returns why something was closed, where a word says so, and whether that is all it says.
pub(super) fn reason(text: &str) -> Option<(CloseReason, bool)> {
    let meaning = status(text).filter(|meaning| meaning.category.is_closed());
    meaning.map(|meaning| (meaning.reason, meaning.whole))
}

/// Returns the priority that a word means.
pub(super) fn priority(text: &str) -> Option<Priority> {
    Some(match fold(text).as_str() {
        "critical" | "urgent" | "highest" | "blocker" | "immediate" | "showstopper" | "p0" => Priority::Critical,
        "high" | "major" | "important" | "h" | "p1" => Priority::High,
        "medium" | "normal" | "moderate" | "default" | "m" | "none" | "no priority" | "undefined" | "p2" => {
            Priority::Medium
        }
        "low" | "minor" | "l" | "p3" => Priority::Low,
        "lowest" | "trivial" | "p4" => Priority::Lowest,
        _ => return None,
    })
}

/// Returns the usual kind that a word means, and whether that is all it says.
pub(super) fn kind(text: &str) -> Option<(&'static str, bool)> {
    Some(match fold(text).as_str() {
        "bug" | "defect" => ("bug", true),
        "incident" | "regression" | "fault" => ("bug", false),
        "feature" | "new feature" | "feature request" => ("feature", true),
        "story" | "user story" | "enhancement" | "improvement" => ("feature", false),
        "task" | "issue" => ("task", true),
        "sub task" | "subtask" => ("task", false),
        "chore" | "maintenance" => ("chore", true),
        "epic" => ("epic", true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_however_they_are_written() {
        for word in ["In Progress", "in_progress", "IN-PROGRESS", " in  progress "] {
            assert_eq!(status(word), Some(active(true)), "{word}");
        }
        assert_eq!(status("Won’t Fix"), status("wont-fix"));
        assert_eq!(reason("Duplicate"), Some((CloseReason::Duplicate, true)));
        assert_eq!((reason("To Do"), status("Q3 maybe")), (None, None));
        assert_eq!((priority("Highest"), priority("P3")), (Some(Priority::Critical), Some(Priority::Low)));
        assert_eq!(kind("Sub-task"), Some(("task", false)));
    }
}
