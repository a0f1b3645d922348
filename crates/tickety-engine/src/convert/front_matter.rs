//! The front matter of Markdown files, and YAML on its own: a bounded tree of values.

use granit_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// How deep values may lie in each other.
const DEPTH: usize = 32;

/// How many keys and values there may be.
const NODES: usize = 20_000;

/// A file cut into its front matter and what follows.
#[derive(Debug)]
pub(super) struct Cut<'t> {
    /// The YAML between the lines `---`; `None` where the file has none.
    pub(super) front: Option<&'t str>,
    /// What follows.
    pub(super) body: &'t str,
}

/// Cuts a file at the end of its front matter.
pub(super) fn cut(text: &str) -> Cut<'_> {
    let whole = Cut { front: None, body: text };
    let Some(rest) = text.strip_prefix("---").and_then(|rest| line_end(rest)) else { return whole };
    let mut at = 0;
    while at < rest.len() {
        let line = rest[at..].split_inclusive('\n').next().unwrap_or_default();
        if matches!(line.trim_end(), "---" | "...") {
            return Cut { front: Some(&rest[..at]), body: &rest[at + line.len()..] };
        }
        at += line.len();
    }
    whole
}

/// Returns what follows a line break, if nothing but blanks stands before it.
fn line_end(text: &str) -> Option<&str> {
    text.split_once('\n').filter(|(before, _)| before.trim().is_empty()).map(|(_, rest)| rest)
}

/// What is wrong with a YAML text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    /// The line, from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

/// What a YAML text holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Front {
    pub(super) values: Map<String, Value>,
    /// Keys that stand more than once; the last value counts.
    pub(super) doubles: Vec<String>,
}

/// Reads a YAML text that is a mapping. Numbers and booleans are such only where they would be written again as
/// they are: `1.10` and `007` are texts.
pub(super) fn read(text: &str) -> Result<Front, Problem> {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { text, parser, nodes: 0, doubles: Vec::new() };
    let mut values = Map::new();
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(Front { values, doubles: reader.doubles }),
            Event::MappingStart(..) if values.is_empty() => {
                let Value::Object(map) = reader.map(1)? else { unreachable!("a mapping is an object") };
                values = map;
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~") && values.is_empty() => {}
            _ => return Err(reader.problem(at, "the front matter is not `key: value` lines")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    nodes: usize,
    doubles: Vec<String>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Problem> {
        self.nodes += 1;
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, self.text.len())),
            Some(Ok((event, span))) => {
                let at = span.byte_range().map_or(0, |range| range.start);
                if self.nodes > NODES {
                    return Err(self.problem(at, &format!("there are more than {NODES} keys and values")));
                }
                Ok((event, at))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                Err(self.problem(at, &format!("not YAML: {}", error.info())))
            }
        }
    }

    fn problem(&self, at: usize, message: &str) -> Problem {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem { line, message: message.to_owned() }
    }

    /// Reads up to the end of a mapping that has begun.
    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut map = Map::new();
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(map)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.problem(at, "a key is no text")),
            };
            let (event, at) = self.next()?;
            let value = self.value(event, at, depth)?;
            if map.insert(key.clone(), value).is_some() {
                self.doubles.push(key);
            }
        }
    }

    fn value(&mut self, event: Event<'a>, at: usize, depth: usize) -> Result<Value, Problem> {
        if depth > DEPTH {
            return Err(self.problem(at, "values lie too deep in each other"));
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Ok(plain(&text)),
            Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
            Event::MappingStart(..) => self.map(depth + 1),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Value::Array(list)),
                        (event, at) => list.push(self.value(event, at, depth + 1)?),
                    }
                }
            }
            Event::Alias(_) => Err(self.problem(at, "aliases (`*name`) are not followed")),
            _ => Err(self.problem(at, "the YAML ends in the middle")),
        }
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match serde_json::from_str::<Value>(text) {
            Ok(Value::Number(number)) if number.to_string() == text => Value::Number(number),
            _ => Value::String(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn front_matter_is_cut_off() {
        let found = cut("---\na: 1\n---\n\nbody\n---\nmore");
        assert_eq!((found.front, found.body), (Some("a: 1\n"), "\nbody\n---\nmore"));
        for text in ["# no front", "---\na: 1\nnever ends", "--- a\n---\n", ""] {
            assert_eq!((cut(text).front, cut(text).body), (None, text));
        }
        assert_eq!(cut("---\r\na: 1\r\n---\r\nb").front, Some("a: 1\r\n"));
    }

    #[test]
    fn values_keep_what_is_written() {
        let text = "# c\nid: 007\nv: 1.10\nn: 2\nx: 2.5\nb: true\nyes: yes\ne:\nq: \"a\\nb\"\nl: [a, 'b, c']\nm:\n  k: |\n    t\n";
        let found = read(text).unwrap();
        let wanted = json!({"id": "007", "v": "1.10", "n": 2, "x": 2.5, "b": true, "yes": "yes", "e": null,
            "q": "a\nb", "l": ["a", "b, c"], "m": {"k": "t\n"}});
        assert_eq!(Value::Object(found.values), wanted);
        assert_eq!(read("a: 1\nb: 2\na: 3\n").map(|front| front.doubles), Ok(vec!["a".to_owned()]));
        assert_eq!(read("# nothing\n").unwrap(), Front::default());
    }

    #[test]
    fn what_is_no_mapping_or_too_much_is_refused() {
        for (text, line) in [("- a\n", 1), ("a: 1\nb: [\n", 2), ("a: &x 1\nb: *x\n", 2), ("a: 1\n---\nb: 2\n", 3)] {
            assert_eq!(read(text).map_err(|problem| problem.line), Err(line), "{text}");
        }
        assert!(read(&format!("a: {}{}", "[".repeat(100), "]".repeat(100))).is_err());
        assert!(read(&"a: 1\n".repeat(20_001)).is_err());
    }
}
