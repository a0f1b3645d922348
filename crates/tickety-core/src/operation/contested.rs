//! What two people have changed at the same time: fields that changes touch and that have changed since the state the
//! changes were based on.

use super::field_change::state;
use super::{ApplyContext, Change, FieldState, apply};
use crate::graph::Relation;
use crate::ident::IssueKey;
use crate::issue::{Issue, LinkKind};
use crate::query::FieldName;

/// A field that has changed since, to something else than what is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContestedField {
    /// Which, as queries call it.
    pub field: FieldName,
    /// What it was when the changes were made up. Of a field with several values the one in question, here and below.
    pub base: FieldState,
    /// What the changes would make of it.
    pub ours: FieldState,
    /// What it is now.
    pub theirs: FieldState,
}

/// A field, or one of the values of a field that holds several.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Touched {
    Field(FieldName),
    Label(String),
    Assignee(String),
    Reference(String),
    Parent,
    Link(LinkKind, IssueKey),
}

/// Returns the fields that changes touch and that have become something else since `base` than the changes make of
/// them. Where both sides come to the same, nothing is contested, and comments never are. Labels, assignees, references
/// and links are contested one by one.
///
/// Changes that can't be applied to `base` are none that it was worth to be based on: nothing is contested then.
pub fn contested(
    base: &Issue,
    current: &Issue,
    changes: &[Change],
    context: &mut ApplyContext<'_>,
) -> Vec<ContestedField> {
    let mut touched = Vec::new();
    for change in changes {
        touch(change, context, &mut touched);
    }
    touched.retain(|touched| state_of(touched, base) != state_of(touched, current));
    if touched.is_empty() {
        return Vec::new();
    }
    // What comments say plays no part, and a comment may be gone by now.
    let kept = |change: &&Change| {
        !matches!(change, Change::AddComment(_) | Change::EditComment { .. } | Change::RemoveComment(_))
    };
    let changes: Vec<Change> = changes.iter().filter(kept).cloned().collect();
    let ours = match apply(base, &changes, context) {
        Ok(Some(ours)) => ours,
        Ok(None) => base.clone(),
        Err(_) => return Vec::new(),
    };
    let contested = touched.into_iter().map(|touched| ContestedField {
        base: state_of(&touched, base),
        ours: state_of(&touched, &ours),
        theirs: state_of(&touched, current),
        field: field_of(&touched),
    });
    contested.filter(|field| field.ours != field.theirs).collect()
}

fn touch(change: &Change, context: &mut ApplyContext<'_>, touched: &mut Vec<Touched>) {
    let mut add = |new: Touched| {
        if !touched.contains(&new) {
            touched.push(new);
        }
    };
    let mut field = |name| add(Touched::Field(name));
    match change {
        Change::Title(_) => field(FieldName::Title),
        Change::Body(_) => field(FieldName::Body),
        Change::Status(_) | Change::Reopen => field(FieldName::Status),
        Change::Close { reason: _, note } => {
            field(FieldName::Status);
            field(FieldName::Reason);
            if note.is_some() {
                field(FieldName::Note);
            }
        }
        Change::Imported { .. } => {
            field(FieldName::Status);
            field(FieldName::Reason);
            field(FieldName::Note);
        }
        Change::Priority(_) => field(FieldName::Priority),
        Change::Kind(_) => field(FieldName::Kind),
        Change::Reporter(_) => field(FieldName::Reporter),
        Change::Milestone(_) => field(FieldName::Milestone),
        Change::Due(_) => field(FieldName::Due),
        Change::Estimate(_) => field(FieldName::Estimate),
        Change::Spent(_) => field(FieldName::Spent),
        Change::Created(_) => field(FieldName::Created),
        Change::Field { key, .. } => field(FieldName::Custom(key.clone())),
        Change::AddLabel(label) | Change::RemoveLabel(label) => add(Touched::Label(label.trim().to_owned())),
        Change::AddAssignee(name) | Change::RemoveAssignee(name) => add(Touched::Assignee(name.trim().to_owned())),
        Change::AddReference(text) | Change::RemoveReference(text) => add(Touched::Reference(text.trim().to_owned())),
        Change::AddLink { kind: LinkKind::Parent, .. } => add(Touched::Parent),
        Change::AddLink { kind, target } | Change::RemoveLink { kind, target } => {
            // What leads nowhere fails when it is applied.
            if let Ok(target) = (context.resolve)(target) {
                add(Touched::Link(*kind, target));
            }
        }
        Change::AddComment(_) | Change::EditComment { .. } | Change::RemoveComment(_) | Change::ImportedUpdated(_) => {}
    }
}

fn field_of(touched: &Touched) -> FieldName {
    match touched {
        Touched::Field(field) => field.clone(),
        Touched::Label(_) => FieldName::Label,
        Touched::Assignee(_) => FieldName::Assignee,
        Touched::Reference(_) => FieldName::Reference,
        Touched::Parent => FieldName::Related(Relation::Parent),
        Touched::Link(kind, _) => FieldName::Related(Relation::stored(*kind)),
    }
}

fn state_of(touched: &Touched, issue: &Issue) -> FieldState {
    let held = |is_held: bool, value: String| if is_held { FieldState::Value(value) } else { FieldState::Absent };
    match touched {
        Touched::Field(field) => state(field, issue),
        Touched::Label(label) => held(issue.labels.contains(label), label.clone()),
        Touched::Assignee(name) => held(issue.assignees.contains(name), name.clone()),
        Touched::Reference(text) => held(issue.references.contains(text), text.clone()),
        Touched::Parent => match issue.links_of(LinkKind::Parent).next() {
            Some(parent) => FieldState::Value(parent.to_string()),
            None => FieldState::Absent,
        },
        Touched::Link(kind, target) => held(issue.links_of(*kind).any(|name| name.names(*target)), target.to_string()),
    }
}
