//! Comments behind the body of a Markdown file that we write.
//!
//! Each begins with a line `<!-- comment ID -->` and a heading of author and time. A line of a text that would begin one
//! has a `\` before it.

use jiff::Timestamp;
use serde_json::Value;
use tickety_core::issue::{Comment, CommentId};

use super::assembly::FoundComment;

const BEGIN: &str = "<!-- comment ";
const END: &str = " -->";

/// Writes comments so that [`split`] finds them again.
pub(super) fn print(comments: &[Comment]) -> String {
    let mut text = String::new();
    for Comment { id, author, created, body } in comments {
        let author = author.as_ref().map(|author| format!("{author} · ")).unwrap_or_default();
        text.push_str(&format!("\n{BEGIN}{id}{END}\n### {author}{created}\n\n{}\n", escape(body)));
    }
    text
}

/// Marks the lines of a text that would begin a comment.
pub(super) fn escape(text: &str) -> String {
    let lines = text.split('\n').map(|line| match line.trim_start_matches('\\').starts_with(BEGIN) {
        true => format!("\\{line}"),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn plain(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if rest.trim_start_matches('\\').starts_with(BEGIN) => rest,
        _ => line,
    }
}

/// Cuts a text into the body and the comments behind it.
pub(super) fn split(text: &str) -> (String, Vec<FoundComment>) {
    let mut parts: Vec<(Option<CommentId>, Vec<&str>)> = vec![(None, Vec::new())];
    for line in text.lines() {
        let id = line.trim_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        match id.and_then(|id| uuid::Uuid::try_parse(id).ok()) {
            Some(id) => parts.push((Some(CommentId::new(id)), Vec::new())),
            None => parts.last_mut().expect("the body comes first").1.push(plain(line)),
        }
    }
    let mut parts = parts.into_iter();
    let body = parts.next().map(|(_, lines)| lines.join("\n")).unwrap_or_default();
    let comments = parts.map(|(id, lines)| {
        let heading = lines.first().and_then(|line| line.strip_prefix("### "));
        let (author, created) = match heading.map(|heading| heading.rsplit_once(" · ").unwrap_or(("", heading))) {
            Some((author, time)) => (Some(author.to_owned()), time.trim().parse::<Timestamp>().ok()),
            None => (None, None),
        };
        let body = lines[usize::from(heading.is_some())..].join("\n");
        let name = id.map_or(Value::Null, |id| Value::String(id.to_string()));
        FoundComment { name, author, created, body, own_id: id }
    });
    (body, comments.collect())
}
