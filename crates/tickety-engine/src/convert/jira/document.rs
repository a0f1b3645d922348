//! Atlassian's document format as Markdown.

use serde_json::Value;

/// How deep a document may lie in itself; what is deeper is left as its text.
const DEPTH: usize = 64;

/// Returns a text as Markdown: a string as it is, a document by its nodes.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => block(value, 0).trim().to_owned(),
    }
}

fn kind(node: &Value) -> &str {
    node.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn content(node: &Value) -> &[Value] {
    node.get("content").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn attribute<'n>(node: &'n Value, name: &str) -> Option<&'n Value> {
    node.get("attrs")?.get(name)
}

/// Prints the blocks of a node, a blank line apart.
fn blocks(node: &Value, depth: usize) -> String {
    let blocks = content(node).iter().map(|node| block(node, depth + 1));
    blocks.filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn block(node: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    match kind(node) {
        "doc" | "panel" | "layoutSection" | "layoutColumn" | "listItem" | "taskItem" | "decisionItem" | "expand"
        | "nestedExpand" | "tableCell" | "tableHeader"
            if content(node).iter().any(is_block) =>
        {
            blocks(node, depth)
        }
        "heading" => {
            let level = attribute(node, "level").and_then(Value::as_u64).unwrap_or(1).clamp(1, 6);
            format!("{} {}", "#".repeat(level as usize), inline(node, depth))
        }
        "bulletList" | "decisionList" => list(node, depth, |_, _| "- ".to_owned()),
        "taskList" => list(node, depth, |_, item| {
            let is_done = attribute(item, "state").and_then(Value::as_str) == Some("DONE");
            if is_done { "- [x] ".to_owned() } else { "- [ ] ".to_owned() }
        }),
        "orderedList" => {
            let first = attribute(node, "order").and_then(Value::as_u64).unwrap_or(1);
            list(node, depth, |place, _| format!("{}. ", first + place))
        }
        "codeBlock" => {
            let language = attribute(node, "language").and_then(Value::as_str).unwrap_or_default();
            let code: String = content(node).iter().filter_map(|part| part.get("text")?.as_str()).collect();
            let fence = if code.contains("```") { "````" } else { "```" };
            format!("{fence}{language}\n{code}\n{fence}")
        }
        "blockquote" => {
            let inner = blocks(node, depth);
            inner.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        }
        "rule" => "---".to_owned(),
        "table" => table(node, depth),
        _ => inline(node, depth),
    }
}

fn is_block(node: &Value) -> bool {
    !matches!(
        kind(node),
        "text" | "hardBreak" | "mention" | "emoji" | "date" | "status" | "inlineCard" | "placeholder" | "media"
    )
}

fn list(node: &Value, depth: usize, mark: impl Fn(u64, &Value) -> String) -> String {
    let items = content(node).iter().enumerate().map(|(place, item)| {
        let mark = mark(place as u64, item);
        let indent = " ".repeat(mark.len().min(4));
        let text = block(item, depth + 1);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = format!("{mark}{}", lines.next().unwrap_or_default());
        lines.fold(first, |item, line| format!("{item}\n{indent}{line}"))
    });
    items.collect::<Vec<_>>().join("\n")
}

fn table(node: &Value, depth: usize) -> String {
    let mut lines = Vec::new();
    for row in content(node) {
        let cells: Vec<String> =
            content(row).iter().map(|cell| block(cell, depth + 2).replace('\n', " ").replace('|', "\\|")).collect();
        lines.push(format!("| {} |", cells.join(" | ")));
        if lines.len() == 1 {
            lines.push(format!("|{}", "---|".repeat(cells.len())));
        }
    }
    lines.join("\n")
}

fn inline(node: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    if let Some(text) = node.get("text").and_then(Value::as_str) {
        return marked(text, node);
    }
    let named = |name: &str| attribute(node, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind(node) {
        "hardBreak" => "\n".to_owned(),
        "mention" | "status" => named("text"),
        "emoji" => match named("text") {
            text if text.is_empty() => named("shortName"),
            text => text,
        },
        "date" => {
            let millis = named("timestamp").parse::<i64>().ok();
            let time = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
            time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()).unwrap_or_default()
        }
        "inlineCard" | "blockCard" | "embedCard" => named("url"),
        "media" => match named("alt") {
            alt if alt.is_empty() => "(a file)".to_owned(),
            alt => format!("(the file {alt})"),
        },
        _ => content(node).iter().map(|part| inline(part, depth + 1)).collect(),
    }
}

fn marked(text: &str, node: &Value) -> String {
    let marks = node.get("marks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    marks.iter().fold(text.to_owned(), |text, mark| match kind(mark) {
        "code" => format!("`{text}`"),
        "strong" => format!("**{text}**"),
        "em" => format!("*{text}*"),
        "strike" => format!("~~{text}~~"),
        "link" => match attribute(mark, "href").and_then(Value::as_str) {
            Some(address) if address != text => format!("[{text}]({address})"),
            _ => text,
        },
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn a_document_becomes_markdown() {
        let words = |text: &str| json!({"type": "text", "text": text});
        let paragraph = |content| json!({"type": "paragraph", "content": [content]});
        let document = json!({"type": "doc", "version": 1, "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [words("Bells")]},
            {"type": "paragraph", "content": [
                words("Ring "),
                {"type": "text", "text": "twice", "marks": [{"type": "strong"}]},
                {"type": "hardBreak"},
                {"type": "text", "text": "here", "marks": [{"type": "link", "attrs": {"href": "https://example.org"}}]},
                {"type": "mention", "attrs": {"id": "1", "text": "@Rowan"}}]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [paragraph(words("one")), {"type": "orderedList", "content": [
                    {"type": "listItem", "content": [paragraph(words("deeper"))]}]}]},
                {"type": "listItem", "content": [paragraph(words("two"))]}]},
            {"type": "codeBlock", "attrs": {"language": "rust"}, "content": [words("let a = 1;")]},
            {"type": "table", "content": [
                {"type": "tableRow", "content": [{"type": "tableHeader", "content": [paragraph(words("a"))]}]},
                {"type": "tableRow", "content": [{"type": "tableCell", "content": [paragraph(words("b|c"))]}]}]},
            {"type": "taskList", "content": [{"type": "taskItem", "attrs": {"state": "DONE"}, "content": [words("t")]}]}
        ]});
        insta::assert_snapshot!(text(&document), @r"
        ## Bells

        Ring **twice**
        [here](https://example.org)@Rowan

        - one
          1. deeper
        - two

        ```rust
        let a = 1;
        ```

        | a |
        |---|
        | b\|c |

        - [x] t
        ");
        assert_eq!((text(&json!("h2. wiki")), text(&json!(null))), ("h2. wiki".to_owned(), String::new()));
    }
}
