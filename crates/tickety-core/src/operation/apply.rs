//! Applying drafts and changes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Change, Draft, DraftComment, OperationError, Target, limits};
use crate::ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector};
use crate::issue::{CloseReason, Closure, Comment, CommentId, FieldValue, Issue, Kind, Link, LinkKind, Status};
use crate::schema::{Category, FieldType, Schema};
use crate::text::is_same_word;

/// What applying needs from outside.
pub struct ApplyContext<'a> {
    /// The configured vocabulary.
    pub schema: &'a Schema,
    /// The time of the batch.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Option<&'a str>,
    /// Makes a new UUID of version 7.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
    /// Says which issue a target is.
    pub resolve: &'a mut dyn FnMut(&Target) -> Result<IssueKey, OperationError>,
}

impl std::fmt::Debug for ApplyContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplyContext").field("now", &self.now).field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Makes the issue that a draft describes, under the number and the id the store has chosen for it.
pub fn create(
    draft: &Draft,
    number: IssueNumber,
    id: IssueId,
    context: &mut ApplyContext<'_>,
) -> Result<Issue, OperationError> {
    let Draft {
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
    } = draft;
    let schema = context.schema;
    let mut issue = Issue {
        number,
        id,
        title: limits::line(title, "the title", limits::TITLE)?,
        body: String::new(),
        status: schema.first_of(Category::Open),
        closure: None,
        priority: *priority,
        kind: schema.default_kind.clone(),
        labels: BTreeSet::new(),
        assignees: BTreeSet::new(),
        reporter: None,
        milestone: None,
        due: *due,
        estimate: *estimate,
        spent: *spent,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: Default::default(),
        created: created.unwrap_or(context.now),
        imported_updated: *imported_updated,
    };
    let status = status.clone().unwrap_or_else(|| issue.status.clone());
    let mut closure = closure.clone();
    if closure.is_none() && schema.category(&status).is_closed() {
        closure = Some(Closure { at: Some(context.now), reason: CloseReason::Completed, note: None });
    }
    // As for a comment: what comes with its own time was not reported by whoever brings it in.
    let actor = context.actor.filter(|_| created.is_none());
    let reporter = reporter.clone().or_else(|| actor.map(str::to_owned));
    let changes = [Change::Body(body.clone()), Change::Imported { status, closure }, Change::Reporter(reporter)]
        .into_iter()
        .chain(kind.clone().map(Change::Kind))
        .chain(milestone.clone().map(|milestone| Change::Milestone(Some(milestone))))
        .chain(labels.iter().cloned().map(Change::AddLabel))
        .chain(assignees.iter().cloned().map(Change::AddAssignee))
        .chain(references.iter().cloned().map(Change::AddReference))
        .chain(fields.iter().map(|(key, value)| Change::Field { key: key.clone(), value: Some(value.clone()) }))
        .chain(links.iter().map(|(kind, target)| Change::AddLink { kind: *kind, target: target.clone() }))
        .chain(comments.iter().cloned().map(Change::AddComment));
    for change in changes {
        apply_one(&mut issue, &change, context)?;
    }
    finish(&mut issue)?;
    Ok(issue)
}

/// Applies changes in order and returns the issue as it is then; `None` where nothing changes.
///
/// An edit drops the time that an import kept, unless the changes set that time themselves or
/// concern comments only, which tell their own time.
pub fn apply(
    issue: &Issue,
    changes: &[Change],
    context: &mut ApplyContext<'_>,
) -> Result<Option<Issue>, OperationError> {
    let mut next = issue.clone();
    for change in changes {
        apply_one(&mut next, change, context)?;
    }
    finish(&mut next)?;
    if next == *issue {
        return Ok(None);
    }
    let kept = changes.iter().any(|change| matches!(change, Change::ImportedUpdated(_)));
    if !kept && !next.has_same_record(issue) {
        next.imported_updated = None;
    }
    Ok(Some(next))
}

fn finish(issue: &mut Issue) -> Result<(), OperationError> {
    issue.comments.sort_by_key(|comment| (comment.created, comment.id));
    limits::count(issue.labels.len(), "labels", limits::ITEMS)?;
    limits::count(issue.assignees.len(), "assignees", limits::ITEMS)?;
    limits::count(issue.references.len(), "references", limits::ITEMS)?;
    limits::count(issue.fields.len(), "custom fields", limits::ITEMS)?;
    limits::count(issue.links.len(), "links", limits::LINKS)?;
    limits::count(issue.comments.len(), "comments", limits::COMMENTS)
}

fn apply_one(issue: &mut Issue, change: &Change, context: &mut ApplyContext<'_>) -> Result<(), OperationError> {
    let schema = context.schema;
    match change {
        Change::Title(title) => issue.title = limits::line(title, "the title", limits::TITLE)?,
        Change::Body(body) => issue.body = limits::paragraphs(body, "the body", limits::BODY)?,
        Change::Status(status) => set_status(issue, status, context)?,
        Change::Close { reason, note } => close(issue, *reason, note.as_deref(), context)?,
        Change::Reopen => {
            if !schema.category(&issue.status).is_closed() {
                return Err(OperationError::NotClosed { issue: issue.key() });
            }
            issue.status = schema.first_of(Category::Open);
            issue.closure = None;
        }
        Change::Imported { status, closure } => {
            known_status(status, schema)?;
            if closure.is_some() && !schema.category(status).is_closed() {
                return Err(OperationError::ClosureOfOpen { status: status.clone() });
            }
            issue.status = status.clone();
            issue.closure = match closure {
                Some(Closure { at, reason, note }) => Some(Closure {
                    at: *at,
                    reason: *reason,
                    note: note.as_deref().map(close_note).transpose()?.flatten(),
                }),
                None => None,
            };
        }
        Change::Priority(priority) => issue.priority = *priority,
        Change::Kind(kind) => {
            known_kind(kind, schema)?;
            issue.kind = kind.clone();
        }
        Change::AddLabel(label) => {
            insert(&mut issue.labels, limits::line(label, "a label", limits::NAME)?);
        }
        Change::RemoveLabel(label) => {
            remove(&mut issue.labels, label);
        }
        Change::AddAssignee(assignee) => {
            insert(&mut issue.assignees, limits::line(assignee, "an assignee", limits::NAME)?);
        }
        Change::RemoveAssignee(assignee) => {
            remove(&mut issue.assignees, assignee);
        }
        Change::Reporter(reporter) => {
            issue.reporter =
                reporter.as_deref().map(|name| limits::line(name, "the reporter", limits::NAME)).transpose()?;
        }
        Change::Milestone(milestone) => {
            issue.milestone =
                milestone.as_deref().map(|name| limits::line(name, "the milestone", limits::NAME)).transpose()?;
        }
        Change::Due(due) => issue.due = *due,
        Change::Estimate(estimate) => issue.estimate = *estimate,
        Change::Spent(spent) => issue.spent = *spent,
        Change::Field { key, value } => set_field(issue, key, value.as_ref(), schema)?,
        Change::AddLink { kind, target } => {
            let target = (context.resolve)(target)?;
            if target == issue.key() {
                return Err(OperationError::SelfLink { issue: target });
            }
            if *kind == LinkKind::Parent {
                issue.links.retain(|link| link.kind != LinkKind::Parent);
            }
            // A file edited by hand may hold the same link without the suffix.
            issue.links.retain(|link| link.kind != *kind || !link.target.names(target));
            issue.links.insert(Link { kind: *kind, target: target.into() });
        }
        Change::RemoveLink { kind, target } => {
            let same = same_link(issue, *kind, target);
            let (target, written) = match (context.resolve)(target) {
                Ok(target) => (Some(target), same),
                Err(error @ OperationError::NoTarget { .. }) => {
                    (None, Some(same.or_else(|| only_link(issue, *kind, target)).ok_or(error)?))
                }
                Err(error) => (None, Some(same.ok_or(error)?)),
            };
            issue.links.retain(|link| {
                Some(*link) != written
                    && (link.kind != *kind || !target.is_some_and(|target| link.target.names(target)))
            });
        }
        Change::AddReference(reference) => {
            insert(&mut issue.references, limits::line(reference, "a reference", limits::REFERENCE)?);
        }
        Change::RemoveReference(reference) => {
            remove(&mut issue.references, reference);
        }
        Change::AddComment(comment) => {
            let comment = make_comment(comment, context)?;
            match issue.comments.iter_mut().find(|existing| existing.id == comment.id) {
                Some(existing) => *existing = comment,
                None => issue.comments.push(comment),
            }
        }
        Change::EditComment { id, body } => {
            let key = issue.key();
            let comment = issue
                .comments
                .iter_mut()
                .find(|comment| comment.id == *id)
                .ok_or(OperationError::NoComment { issue: key, comment: *id })?;
            comment.body = comment_body(body)?;
        }
        Change::RemoveComment(id) => {
            let before = issue.comments.len();
            issue.comments.retain(|comment| comment.id != *id);
            if issue.comments.len() == before {
                return Err(OperationError::NoComment { issue: issue.key(), comment: *id });
            }
        }
        Change::Created(created) => issue.created = *created,
        Change::ImportedUpdated(updated) => issue.imported_updated = *updated,
    }
    Ok(())
}

/// Adds a word, unless it is there in another spelling of its accents.
fn insert(words: &mut BTreeSet<String>, word: String) {
    if !words.iter().any(|known| is_same_word(known, &word)) {
        words.insert(word);
    }
}

/// Removes a word in every spelling of its accents.
fn remove(words: &mut BTreeSet<String>, word: &str) {
    words.retain(|known| !is_same_word(known, word.trim()));
}

fn set_status(issue: &mut Issue, status: &Status, context: &ApplyContext<'_>) -> Result<(), OperationError> {
    known_status(status, context.schema)?;
    let was_closed = context.schema.category(&issue.status).is_closed();
    let is_closed = context.schema.category(status).is_closed();
    issue.status = status.clone();
    if !is_closed {
        issue.closure = None;
    } else if !was_closed {
        issue.closure = Some(Closure { at: Some(context.now), reason: CloseReason::Completed, note: None });
    }
    Ok(())
}

fn close(
    issue: &mut Issue,
    reason: CloseReason,
    note: Option<&str>,
    context: &ApplyContext<'_>,
) -> Result<(), OperationError> {
    let note = note.map(close_note).transpose()?.flatten();
    if !context.schema.category(&issue.status).is_closed() {
        issue.status = context.schema.first_of(Category::Closed);
        issue.closure = Some(Closure { at: Some(context.now), reason, note });
        return Ok(());
    }
    let before = issue.closure.take();
    let (at, old_note) = before.map_or((None, None), |closure| (closure.at, closure.note));
    issue.closure = Some(Closure { at, reason, note: note.or(old_note) });
    Ok(())
}

fn close_note(note: &str) -> Result<Option<String>, OperationError> {
    let note = limits::paragraphs(note, "the note", limits::BODY)?;
    Ok(if note.is_empty() { None } else { Some(note) })
}

/// Returns the link of an issue to exactly the name of a target, whether or not there is an issue of that name.
fn same_link(issue: &Issue, kind: LinkKind, target: &Target) -> Option<Link> {
    let Target::Existing(IssueSelector::Name(name)) = target else { return None };
    Some(Link { kind, target: *name }).filter(|link| issue.links.contains(link))
}

/// Returns the only link of an issue to the number of a target.
fn only_link(issue: &Issue, kind: LinkKind, target: &Target) -> Option<Link> {
    let Target::Existing(IssueSelector::Name(IssueName { number, suffix: None })) = target else { return None };
    let mut named = issue.links.iter().filter(|link| link.kind == kind && link.target.number == *number);
    named.next().copied().filter(|_| named.next().is_none())
}

fn set_field(issue: &mut Issue, key: &str, value: Option<&FieldValue>, schema: &Schema) -> Result<(), OperationError> {
    let Some(value) = value else {
        issue.fields.remove(key);
        return Ok(());
    };
    limits::field_key(key)?;
    let field_type = schema.field_type(key);
    let fits = matches!(
        (&field_type, value),
        (FieldType::Number, FieldValue::Number(_))
            | (FieldType::Date, FieldValue::Date(_))
            | (FieldType::Bool, FieldValue::Bool(_))
    );
    let value = match value {
        value if fits => value.clone(),
        // Free text is what other types print; a declared type reads it back.
        value => FieldValue::parse(&value.to_string(), &field_type)
            .map_err(|source| OperationError::FieldValue { key: key.to_owned(), source })?,
    };
    let value = match value {
        FieldValue::Text(text) => FieldValue::Text(limits::paragraphs(&text, "the value of a field", limits::FIELD)?),
        other => other,
    };
    issue.fields.insert(key.to_owned(), value);
    Ok(())
}

fn make_comment(draft: &DraftComment, context: &mut ApplyContext<'_>) -> Result<Comment, OperationError> {
    let DraftComment { id, author, created, body } = draft;
    let author = match (author, created) {
        (Some(author), _) => Some(author.as_str()),
        (None, Some(_)) => None,
        (None, None) => context.actor,
    };
    Ok(Comment {
        id: id.unwrap_or_else(|| CommentId::new((context.new_id)())),
        author: author.map(|author| limits::line(author, "the author", limits::NAME)).transpose()?,
        created: created.unwrap_or(context.now),
        body: comment_body(body)?,
    })
}

fn comment_body(body: &str) -> Result<String, OperationError> {
    let body = limits::paragraphs(body, "the comment", limits::COMMENT)?;
    if body.is_empty() {
        return Err(OperationError::Text { what: "the comment", problem: "is empty".to_owned() });
    }
    Ok(body)
}

fn known_status(status: &Status, schema: &Schema) -> Result<(), OperationError> {
    if schema.has_status(status) {
        return Ok(());
    }
    let known = schema.statuses.iter().map(|def| def.name.to_string()).collect();
    Err(OperationError::UnknownStatus { status: status.clone(), known })
}

fn known_kind(kind: &Kind, schema: &Schema) -> Result<(), OperationError> {
    if schema.has_kind(kind) {
        return Ok(());
    }
    let known = schema.kinds.iter().map(ToString::to_string).collect();
    Err(OperationError::UnknownKind { kind: kind.clone(), known })
}
