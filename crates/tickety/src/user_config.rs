//! The user's own configuration: TOML, all keys at the top.
//!
//! Most commands ask it for the actor, so lines of the usual form, `key = "text"` or `key = 7`, are read one by
//! one: the parser of TOML is only asked where a line is anything else.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tickety_api::ErrorCode;
use toml_edit::{Document, DocumentMut, Item, Value};

use crate::compose::read_foreign_text;
use crate::exit::CliError;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The settings of a file.
#[derive(Clone, Debug, Default)]
pub struct UserConfig {
    path: PathBuf,
    text: String,
    lines: Vec<Line>,
}

/// A setting of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The number of the line, from 1.
    pub number: usize,
    /// What is set.
    pub key: String,
    /// To what: a text, or as TOML has it.
    pub value: String,
    /// Whether it is a text.
    pub is_text: bool,
}

/// A table of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its values, each with the number of its line and its key; `None` for what is neither a text nor a list of texts.
    pub values: Vec<(usize, String, Option<Vec<String>>)>,
}

/// Returns a text, or a list of them.
fn texts(item: &Item) -> Option<Vec<String>> {
    match item.as_array() {
        Some(list) => list.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        None => Some(vec![item.as_str()?.to_owned()]),
    }
}

impl UserConfig {
    /// Reads the settings of a file; one that doesn't exist has none, and one that is no TOML is an error.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        Self::of(path, Self::read_text(path)?)
    }

    /// Reads a file without looking at what it says; one that doesn't exist says nothing.
    pub fn read_text(path: &Path) -> Result<String, CliError> {
        match read_foreign_text(path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(CliError::new(ErrorCode::BadConfig, format!("{} is not UTF-8 text", path.display())))
            }
            read => read.map_err(|error| CliError::io("read", path, &error)),
        }
    }

    /// Reads the settings that the text of a file has.
    pub fn of(path: &Path, text: String) -> Result<Self, CliError> {
        let mut config = Self { path: path.to_owned(), text, lines: Vec::new() };
        config.lines = match usual_lines(&config.text) {
            Some(lines) => lines,
            None => config.toml_lines()?,
        };
        Ok(config)
    }

    /// Returns its settings.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns what is set for a key.
    pub fn line(&self, key: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.key == key)
    }

    /// Returns the text that is set for a key, which has to be one.
    pub fn text(&self, key: &str) -> Result<Option<&str>, CliError> {
        match self.line(key) {
            Some(line) if !line.is_text => Err(self.wrong_line(line.number, &format!("`{key}` has to be a string"))),
            line => Ok(line.map(|line| line.value.as_str())),
        }
    }

    /// Returns what it means that a line is wrong.
    pub fn wrong_line(&self, number: usize, message: &str) -> CliError {
        CliError::new(ErrorCode::BadConfig, format!("{}:{number}: {message}", self.path.display()))
    }

    /// Writes a setting, a text or a number; everything else in the file stays.
    pub fn set(&self, key: &str, value: &str, is_text: bool) -> Result<(), CliError> {
        let mut document: DocumentMut = self.text.parse().map_err(|error| self.no_toml(&error))?;
        let text: String = value.chars().filter(|c| !c.is_control()).collect();
        let value = match value.parse::<i64>() {
            Ok(number) if !is_text => Value::from(number),
            _ => Value::from(text),
        };
        match document.get_mut(key).and_then(Item::as_value_mut) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            None => document[key] = Item::Value(value),
        }
        let write = || {
            if let Some(directory) = self.path.parent() {
                fs::create_dir_all(directory)?;
            }
            let beside = self.path.with_extension("toml.tmp");
            fs::write(&beside, document.to_string())?;
            if let Ok(before) = fs::metadata(&self.path) {
                fs::set_permissions(&beside, before.permissions())?;
            }
            fs::rename(&beside, &self.path)
        };
        write().map_err(|error| CliError::io("write", &self.path, &error))
    }

    /// Reads what isn't written in the usual form.
    fn toml_lines(&self) -> Result<Vec<Line>, CliError> {
        let document = Document::parse(&self.text).map_err(|error| self.no_toml(&error))?;
        let lines = document.iter().filter_map(|(key, item)| {
            let is_text = item.is_str();
            let value = match item.as_str() {
                Some(text) => text.to_owned(),
                None => item.as_value()?.to_string().trim().to_owned(),
            };
            Some(Line { number: self.line_number(item.span()), key: key.to_owned(), value, is_text })
        });
        Ok(lines.collect())
    }

    /// Returns the tables that stand under a key, each with its values: texts, or lists of them.
    pub fn tables(&self, key: &str) -> Result<Vec<Table>, CliError> {
        let document = Document::parse(&self.text).map_err(|error| self.no_toml(&error))?;
        let Some(found) = document.get(key) else { return Ok(Vec::new()) };
        let no_table = |name: &str, item: &Item| {
            self.wrong_line(self.line_number(item.span()), &format!("`{name}` has to be a table"))
        };
        let tables = found.as_table_like().ok_or_else(|| no_table(key, found))?;
        let table = |(name, item): (&str, &Item)| {
            let values = item.as_table_like().ok_or_else(|| no_table(name, item))?.iter();
            let values = values.map(|(key, item)| (self.line_number(item.span()), key.to_owned(), texts(item)));
            Ok(Table { name: name.to_owned(), values: values.collect() })
        };
        tables.iter().map(table).collect()
    }

    fn no_toml(&self, error: &toml_edit::TomlError) -> CliError {
        self.wrong_line(self.line_number(error.span()), error.message().trim())
    }

    fn line_number(&self, span: Option<Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start).min(self.text.len());
        1 + self.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count()
    }
}

/// Reads lines of the usual form; `None` where one isn't.
fn usual_lines(text: &str) -> Option<Vec<Line>> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_matches([' ', '\t']);
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return None;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']));
        let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_plain || lines.iter().any(|line| line.key == key) {
            return None;
        }
        let (value, rest, is_text) = match value.strip_prefix('"') {
            Some(text) => {
                let (text, rest) = text.split_once('"').filter(|(text, _)| !text.contains('\\'))?;
                (text, rest, true)
            }
            None => {
                let digits = value.bytes().take_while(u8::is_ascii_digit).count();
                let (number, rest) = value.split_at(digits);
                (Some(number).filter(|number| number.parse::<i64>().is_ok() && !is_padded(number))?, rest, false)
            }
        };
        let rest = rest.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with('#') {
            return None;
        }
        lines.push(Line { number: index + 1, key: key.to_owned(), value: value.to_owned(), is_text });
    }
    Some(lines)
}

/// Whether a number begins with a 0 that TOML doesn't allow.
fn is_padded(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize, key: &str, value: &str, is_text: bool) -> Line {
        Line { number, key: key.to_owned(), value: value.to_owned(), is_text }
    }

    #[test]
    fn lines_of_the_usual_form_need_no_parser() {
        let text = "# actor = \"no\"\r\n\nactor = \"Ann # Lee\" # me\n\tcache-max-entries=7 # few\n";
        let expected = [line(3, "actor", "Ann # Lee", true), line(4, "cache-max-entries", "7", false)];
        assert_eq!(usual_lines(text).as_deref(), Some(&expected[..]));
        for other in [
            "actor = \"Zed",
            "actor = Zed",
            "actor = 'Zed'",
            "actor = \"\"\"Zed\"\"\"",
            "actor = \"Z\\u0065d\"",
            "actor = \"Zed\" me",
            "actor = 05",
            "actor = 0.5",
            "\"actor\" = \"Zed\"",
            "actor",
            "a = 1\na = 1",
            "[table]",
        ] {
            assert_eq!(usual_lines(other), None, "{other}");
        }
    }

    #[test]
    fn every_way_to_write_it_in_toml_is_read() {
        let text =
            "actor = 'Ann \"A\" Lee'\n\"cache\" = \"o\\u0066f\"\ncache-max-entries = 1_000\n[table]\ncache = 1\n";
        let config = UserConfig { text: text.to_owned(), ..UserConfig::default() };
        let expected = [
            line(1, "actor", "Ann \"A\" Lee", true),
            line(2, "cache", "off", true),
            line(3, "cache-max-entries", "1000", false),
        ];
        assert_eq!(config.toml_lines().unwrap(), expected);
    }

    #[test]
    fn a_setting_is_replaced_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("tickety-user-config-{}", std::process::id()));
        let path = folder.join("new").join("config.toml");
        UserConfig::read(&path).unwrap().set("actor", "Ann \"A\" Lee\n", true).unwrap();
        assert_eq!(UserConfig::read(&path).unwrap().text("actor").unwrap(), Some("Ann \"A\" Lee"));
        fs::write(&path, "# mine\ncache = \"off\" # for now\nactor = \"x\"\n[t]\ncache = 1\n").unwrap();
        UserConfig::read(&path).unwrap().set("cache", "on", true).unwrap();
        UserConfig::read(&path).unwrap().set("cache-max-entries", "70", false).unwrap();
        let expected = "# mine\ncache = \"on\" # for now\nactor = \"x\"\ncache-max-entries = 70\n[t]\ncache = 1\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        fs::remove_dir_all(folder).unwrap();
    }
}
