//! Writing a folder of Markdown files.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Value, json};
use tickety_core::issue::{Closure, FieldValue, Issue, LinkKind};

use crate::convert::{Memory, Writer, comments};

/// Takes the files of a folder.
pub trait FileSink {
    /// Takes one file; its path has `/` between its parts.
    fn put(&mut self, path: &str, text: &[u8]) -> io::Result<()>;
}

/// Writes an issue a file: front matter that any reader of Markdown understands, the body, and the comments behind it.
pub struct MarkdownWriter<'a> {
    sink: &'a mut dyn FileSink,
}

impl std::fmt::Debug for MarkdownWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarkdownWriter").finish_non_exhaustive()
    }
}

impl<'a> MarkdownWriter<'a> {
    /// Writes into a folder.
    pub fn new(sink: &'a mut dyn FileSink) -> Self {
        Self { sink }
    }
}

impl Writer for MarkdownWriter<'_> {
    fn write(&mut self, issue: &Issue, updated: Timestamp) -> io::Result<()> {
        let Issue {
            number,
            id,
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
            comments: said,
            links,
            references,
            fields,
            created,
            imported_updated,
        } = issue;
        let mut text = Vec::with_capacity(body.len() + 512);
        let mut line = |key: &str, value: String| writeln!(text, "{key}: {value}");
        line("number", number.to_string())?;
        line("id", id.to_string())?;
        line("title", scalar(title))?;
        line("status", scalar(status.as_str()))?;
        line("kind", scalar(kind.as_str()))?;
        line("priority", scalar(priority.as_str()))?;
        let optional = [
            ("reporter", reporter.as_deref().map(scalar)),
            ("milestone", milestone.as_deref().map(scalar)),
            ("due", due.map(|day| day.to_string())),
            ("estimate", estimate.map(|minutes| minutes.0.to_string())),
            ("spent", spent.map(|minutes| minutes.0.to_string())),
            ("created", Some(created.to_string())),
            ("updated", Some(imported_updated.unwrap_or(updated).to_string())),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                line(key, value)?;
            }
        }
        if let Some(Closure { at, reason, note }) = closure {
            if let Some(at) = at {
                line("closed", at.to_string())?;
            }
            line("close-reason", reason.to_string())?;
            if let Some(note) = note {
                line("close-note", json!(note).to_string())?;
            }
        }
        let kinds = [
            ("parent", LinkKind::Parent),
            ("blocked-by", LinkKind::BlockedBy),
            ("relates", LinkKind::Relates),
            ("duplicate-of", LinkKind::DuplicateOf),
            ("discovered-from", LinkKind::DiscoveredFrom),
        ];
        let linked = kinds.into_iter().map(|(key, kind)| {
            let ends = links.iter().filter(|link| link.kind == kind).map(|link| link.target.to_string());
            (key, ends.collect::<Vec<_>>())
        });
        let lists = [("labels", labels), ("assignees", assignees), ("references", references)];
        let lists = lists.into_iter().map(|(key, items)| (key, items.iter().cloned().collect::<Vec<_>>()));
        for (key, items) in lists.chain(linked).filter(|(_, items)| !items.is_empty()) {
            writeln!(text, "{key}:")?;
            for item in items {
                writeln!(text, "  - {}", scalar(&item))?;
            }
        }
        let mut fields = fields.iter().filter(|(key, _)| !Memory::is_in(key)).peekable();
        if fields.peek().is_some() {
            writeln!(text, "fields:")?;
            for (key, value) in fields {
                writeln!(text, "  {key}: {}", field(value))?;
            }
        }
        let mut file = b"---\n".to_vec();
        file.append(&mut text);
        file.extend_from_slice(b"---\n");
        if !body.is_empty() {
            writeln!(file, "\n{}", comments::escape(body))?;
        }
        file.extend_from_slice(comments::print(said).as_bytes());
        self.sink.put(&file_name(issue), &file)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn left_out(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
}

/// Returns the name of an issue's file: `000042-k3f9-mend-the-bell.md`.
fn file_name(issue: &Issue) -> String {
    const LONGEST: usize = 48;
    let mut slug = String::new();
    for c in issue.title.chars() {
        if slug.len() >= LONGEST {
            break;
        }
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_end_matches('-');
    let key = issue.key();
    let name = format!("{:06}-{}", key.number.get(), key.suffix);
    if slug.is_empty() { format!("{name}.md") } else { format!("{name}-{slug}.md") }
}

/// Writes a text as YAML: plain where it is a word that no reader could take for anything else.
fn scalar(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '(' | ')');
    let means_more = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | "inf" | "nan"
    );
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(is_word)
        && !means_more;
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

fn field(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => Value::String(text.clone()).to_string(),
        FieldValue::Number(number) => json!(number.get()).to_string(),
        FieldValue::Date(date) => json!({ "date": date.to_string() }).to_string(),
        FieldValue::Bool(value) => value.to_string(),
    }
}
