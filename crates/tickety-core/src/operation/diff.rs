//! The changes that lead from one state of an issue to another.

use std::collections::BTreeSet;

use super::{Change, DraftComment};
use crate::issue::{Comment, Issue};
use crate::text::is_same_word;

/// Returns the changes that turn `before` into `after`; none where they are equal. Number and id
/// are not compared.
pub fn diff(before: &Issue, after: &Issue) -> Vec<Change> {
    let Issue {
        number: _,
        id: _,
        title,
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
        links,
        references,
        fields,
        created,
        imported_updated,
    } = after;
    let mut changes = Vec::new();
    let mut push = |differs: bool, change: &dyn Fn() -> Change| {
        if differs {
            changes.push(change());
        }
    };
    push(before.title != *title, &|| Change::Title(title.clone()));
    push(before.body != *body, &|| Change::Body(body.clone()));
    push(before.status != *status || before.closure != *closure, &|| Change::Imported {
        status: status.clone(),
        closure: closure.clone(),
    });
    push(before.priority != *priority, &|| Change::Priority(*priority));
    push(before.kind != *kind, &|| Change::Kind(kind.clone()));
    push(before.reporter != *reporter, &|| Change::Reporter(reporter.clone()));
    push(before.milestone != *milestone, &|| Change::Milestone(milestone.clone()));
    push(before.due != *due, &|| Change::Due(*due));
    push(before.estimate != *estimate, &|| Change::Estimate(*estimate));
    push(before.spent != *spent, &|| Change::Spent(*spent));
    push(before.created != *created, &|| Change::Created(*created));

    words(&before.labels, labels, Change::AddLabel, Change::RemoveLabel, &mut changes);
    words(&before.assignees, assignees, Change::AddAssignee, Change::RemoveAssignee, &mut changes);
    words(&before.references, references, Change::AddReference, Change::RemoveReference, &mut changes);
    changes.extend(
        before.links.difference(links).map(|link| Change::RemoveLink { kind: link.kind, target: link.target.into() }),
    );
    changes.extend(
        links.difference(&before.links).map(|link| Change::AddLink { kind: link.kind, target: link.target.into() }),
    );
    for key in before.fields.keys().filter(|key| !fields.contains_key(*key)) {
        changes.push(Change::Field { key: key.clone(), value: None });
    }
    for (key, value) in fields.iter().filter(|(key, value)| before.fields.get(*key) != Some(value)) {
        changes.push(Change::Field { key: key.clone(), value: Some(value.clone()) });
    }
    for gone in before.comments.iter().filter(|comment| find(comments, comment).is_none()) {
        changes.push(Change::RemoveComment(gone.id));
    }
    for comment in comments.iter().filter(|comment| find(&before.comments, comment) != Some(comment)) {
        changes.push(Change::AddComment(DraftComment {
            id: Some(comment.id),
            author: comment.author.clone(),
            created: Some(comment.created),
            body: comment.body.clone(),
        }));
    }
    // Last, and whenever something else changes: an edit would drop the time otherwise.
    if before.imported_updated != *imported_updated || (!changes.is_empty() && imported_updated.is_some()) {
        changes.push(Change::ImportedUpdated(*imported_updated));
    }
    changes
}

/// Adds what makes one set of words of another. Removing a word takes every spelling of it, so one that stays is added
/// again.
fn words(
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
    add: fn(String) -> Change,
    remove: fn(String) -> Change,
    changes: &mut Vec<Change>,
) {
    let gone: Vec<&String> = before.difference(after).collect();
    changes.extend(gone.iter().copied().cloned().map(remove));
    let is_gone = |word: &String| !before.contains(word) || gone.iter().any(|gone| is_same_word(gone, word));
    changes.extend(after.iter().filter(|word| is_gone(word)).cloned().map(add));
}

fn find<'a>(comments: &'a [Comment], wanted: &Comment) -> Option<&'a Comment> {
    comments.iter().find(|comment| comment.id == wanted.id)
}
