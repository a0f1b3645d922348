//! The limits on what an issue holds, and the checks of its texts.

use super::OperationError;

/// The longest title, in bytes.
pub const TITLE: usize = 1_000;
/// The longest body or note, in bytes.
pub const BODY: usize = 1 << 20;
/// The longest comment, in bytes.
pub const COMMENT: usize = 512 << 10;
/// The longest name (label, assignee, reporter, milestone), in bytes.
pub const NAME: usize = 200;
/// The longest external reference, in bytes.
pub const REFERENCE: usize = 2_000;
/// The longest value of a custom field, in bytes.
pub const FIELD: usize = 256 << 10;
/// The longest key of a custom field, in bytes.
pub const FIELD_KEY: usize = 64;
/// The most labels, assignees, references or custom fields of one issue, each.
pub const ITEMS: usize = 200;
/// The most links stored with one issue.
pub const LINKS: usize = 2_000;
/// The most comments of one issue.
pub const COMMENTS: usize = 10_000;

/// Checks a text of one line and returns it without white space at its ends.
pub(super) fn line(text: &str, what: &'static str, limit: usize) -> Result<String, OperationError> {
    let trimmed = text.trim();
    let problem = |problem: &str| OperationError::Text { what, problem: problem.to_owned() };
    if trimmed.is_empty() {
        return Err(problem("is empty"));
    }
    if let Some(control) = trimmed.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(problem(&match control {
            '\n' | '\r' => "has more than one line".to_owned(),
            other => format!("has the control character {}", other.escape_default()),
        }));
    }
    length(trimmed, what, limit)?;
    Ok(trimmed.to_owned())
}

/// Checks a text of several lines and returns it with plain line breaks and none at its end.
pub(super) fn paragraphs(text: &str, what: &'static str, limit: usize) -> Result<String, OperationError> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(OperationError::Text {
            what,
            problem: format!("has the control character {}", control.escape_default()),
        });
    }
    let trimmed = text.trim_start_matches('\n').trim_end();
    length(trimmed, what, limit)?;
    Ok(trimmed.to_owned())
}

/// Checks the key of a custom field.
pub fn field_key(key: &str) -> Result<(), OperationError> {
    let fits = key.len() <= FIELD_KEY
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
    if fits { Ok(()) } else { Err(OperationError::FieldKey { key: key.to_owned() }) }
}

/// Checks how many there are of something.
pub(super) fn count(len: usize, what: &'static str, limit: usize) -> Result<(), OperationError> {
    if len > limit { Err(OperationError::TooMany { what, limit }) } else { Ok(()) }
}

fn length(text: &str, what: &'static str, limit: usize) -> Result<(), OperationError> {
    if text.len() <= limit {
        return Ok(());
    }
    Err(OperationError::Text { what, problem: format!("has {} bytes; the limit is {limit}", text.len()) })
}
