//! What a batch would change, field by field.

use serde_json::Value;
use tickety_api::batch::{BatchChange, BatchField};

use crate::render::{Screen, palette};

/// The longest value that is shown as it is, in characters.
const SHOWN: usize = 60;

/// Writes what would change.
pub fn write(screen: &mut Screen<'_>, changes: &[BatchChange]) {
    for change in changes {
        let BatchChange { key, effect, title, fields, links_added, links_removed, comments_added } = change;
        match key {
            Some(key) => screen.show(palette::NAME, key).raw(" ").put(palette::STRONG, title),
            None => screen.put(palette::GOOD, "new").raw(" ").put(palette::STRONG, title),
        };
        if *effect == "deleted" {
            screen.raw(" ").put(palette::ALARM, "would be deleted");
        }
        screen.end();
        for BatchField { field, before, after } in fields {
            // It stands above.
            if key.is_none() && field == "title" {
                continue;
            }
            let (before, after) = (shown(before), shown(after));
            screen.raw("  ").put(palette::PLAIN, field).raw(": ");
            if key.is_some() {
                screen.put(palette::FAINT, &before).raw(" → ");
            }
            screen.put(palette::PLAIN, &after).end();
        }
        for link in links_removed {
            screen.raw("  - ").put(palette::PLAIN, link).end();
        }
        for link in links_added {
            screen.raw("  + ").put(palette::PLAIN, link).end();
        }
        match comments_added {
            0 => {}
            1 => drop(screen.line("  + a comment")),
            several => drop(screen.line(format!("  + {several} comments"))),
        }
    }
}

/// Returns a value as a line has room for it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => brief(text),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn brief(text: &str) -> String {
    let lines = text.lines().count();
    if lines > 1 {
        return format!("({lines} lines)");
    }
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_briefly() {
        assert_eq!(shown(&Value::Null), "–");
        assert_eq!(shown(&serde_json::json!(["a", "b"])), "a, b");
        assert_eq!(shown(&serde_json::json!("one\ntwo")), "(2 lines)");
        assert_eq!(shown(&serde_json::json!("x".repeat(80))).chars().count(), SHOWN);
    }
}
