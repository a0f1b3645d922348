//! Merging comments: each by itself, and none is lost that somebody wrote or changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Side, merge_text, three_way};
use crate::issue::{Comment, CommentId, Issue};

/// What became of the merge of a comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedComment {
    /// The comment; `None` if it is removed.
    pub comment: Option<Comment>,
    /// Whether its text has two versions of some lines between markers, because of this merge.
    pub conflict: bool,
}

/// Merges two states of one comment, which have the same id. Removing it gives way to changing it.
pub fn merge_comment(
    base: Option<&Comment>,
    ours: Side<Option<&Comment>>,
    theirs: Side<Option<&Comment>>,
) -> MergedComment {
    let alone = |comment: Option<&Comment>| MergedComment { comment: comment.cloned(), conflict: false };
    match (ours.state, theirs.state) {
        (None, None) => alone(None),
        (Some(left), None) | (None, Some(left)) => alone(Some(left).filter(|left| base != Some(*left))),
        (Some(one), Some(other)) => both(base, ours.with(one), theirs.with(other)),
    }
}

fn both(base: Option<&Comment>, ours: Side<&Comment>, theirs: Side<&Comment>) -> MergedComment {
    let Comment { id, author: our_author, created: our_created, body: our_body } = ours.state;
    let Comment { id: _, author: their_author, created: their_created, body: their_body } = theirs.state;
    // Nobody changes who wrote a comment or when but by hand: what is known goes before what isn't.
    let author = three_way(base.map(|base| &base.author), our_author, their_author);
    let created = three_way(base.map(|base| &base.created), our_created, their_created);
    let text = merge_text(base.map(|base| base.body.as_str()), ours.with(our_body), theirs.with(their_body));
    let comment = Comment {
        id: *id,
        author: author.unwrap_or(our_author.max(their_author)).clone(),
        created: *created.unwrap_or(our_created.min(their_created)),
        body: text.text,
    };
    MergedComment { comment: Some(comment), conflict: text.conflict }
}

/// Merges the comments of two states of an issue.
pub(super) fn merge_all(base: Option<&Issue>, ours: Side<&Issue>, theirs: Side<&Issue>) -> Vec<Comment> {
    let by_id = |issue: &'_ Issue| -> BTreeMap<CommentId, Comment> {
        issue.comments.iter().map(|comment| (comment.id, comment.clone())).collect()
    };
    let (our, their) = (by_id(ours.state), by_id(theirs.state));
    let base = base.map(by_id).unwrap_or_default();
    let ids: BTreeSet<CommentId> = our.keys().chain(their.keys()).copied().collect();
    let merged = ids
        .into_iter()
        .filter_map(|id| merge_comment(base.get(&id), ours.with(our.get(&id)), theirs.with(their.get(&id))).comment);
    merged.collect()
}
