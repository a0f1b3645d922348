//! The settings a repository shares: `config.toml` in the home.
//!
//! Nothing in it names a command, a path or an address: a cloned repository chooses words, never
//! what runs.

use std::ops::Range;
use std::path::Path;

use tickety_core::issue::{Kind, Status};
use tickety_core::operation::limits;
use tickety_core::query::is_state_word;
use tickety_core::schema::{Category, FieldDef, FieldType, Schema, StatusDef};
use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use crate::error::StorageError;
use crate::storage::FreshnessMode;

/// The version of the file format that this library reads and writes.
pub const FORMAT: i64 = 1;

/// The keys at the top of the file, as `config set` takes them.
const KEYS: [&str; 7] = ["format", "prefix", "kinds", "default-kind", "freshness", "statuses", "fields"];

/// The parsed settings of a home.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// The vocabulary.
    pub schema: Schema,
    /// What answers are checked against unless the caller says otherwise; by size where absent.
    pub freshness: Option<FreshnessMode>,
    /// Keys that mean nothing to this version, with what they could have meant, and names that don't mean what they
    /// say.
    pub warnings: Vec<String>,
}

/// One setting, for listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// The dotted key.
    pub key: String,
    /// The value as TOML writes it, but without quotes where it is read back without them: what
    /// [`Config::with`] takes.
    pub value: String,
    /// Whether the file says so, or it is the default.
    pub explicit: bool,
}

/// What `freshness` is where the number of files decides.
const BY_SIZE: &str = "auto";

/// What can be the prefix of names.
const PREFIX_RULE: &str = "`prefix` has to be 1 to 16 ASCII letters and digits, a letter first";

/// Refuses a prefix that names can't begin with.
pub fn check_prefix(prefix: &str) -> Result<(), StorageError> {
    if is_prefix(prefix) { Ok(()) } else { Err(refused("prefix", PREFIX_RULE)) }
}

fn is_prefix(prefix: &str) -> bool {
    (1..=16).contains(&prefix.len())
        && prefix.starts_with(|c: char| c.is_ascii_alphabetic())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns the text of a new config.
pub fn template(prefix: &str) -> String {
    format!(
        "# Settings of the issues in this repository. `tickety config list` shows what is in force.\n\
         format = {FORMAT}\n\
         \n\
         # Commit messages and people may write {prefix}-42 for issue 42.\n\
         prefix = \"{prefix}\"\n\
         \n\
         # kinds = [\"bug\", \"feature\", \"task\", \"chore\", \"epic\"]\n\
         # default-kind = \"task\"\n\
         \n\
         # Further statuses, each counting as open, in-progress or closed:\n\
         # [statuses]\n\
         # review = \"in-progress\"\n\
         \n\
         # Typed custom fields: \"text\", \"number\", \"date\", \"bool\", or a list of choices:\n\
         # [fields]\n\
         # severity = [\"s1\", \"s2\", \"s3\"]\n"
    )
}

impl Config {
    /// Reads the text of the file at `path`, which only errors name.
    pub fn parse(text: &str, path: &Path) -> Result<Self, StorageError> {
        let source = Source { text, path };
        let document = Document::parse(text).map_err(|error| source.error(error.span(), error.message().trim()))?;
        source.read(document.as_table())
    }

    /// Takes what examining the records needs from a text that can't be used: the prefix, where a line says it.
    pub(super) fn salvage(text: &str) -> Self {
        let mut schema = Schema::default();
        let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
        let prefixes = top.filter_map(|line| {
            let line = Document::parse(line).ok()?;
            line.as_table().get("prefix")?.as_str().filter(|prefix| is_prefix(prefix)).map(str::to_owned)
        });
        if let Some(prefix) = prefixes.last() {
            schema.prefix = prefix;
        }
        Self { schema, freshness: None, warnings: Vec::new() }
    }

    /// Lists what is in force.
    pub fn settings(text: &str, path: &Path) -> Result<Vec<Setting>, StorageError> {
        let config = Self::parse(text, path)?;
        let document =
            Document::parse(text).map_err(|error| Source { text, path }.error(error.span(), error.message().trim()))?;
        let schema = &config.schema;
        let mut settings = Vec::new();
        let mut push = |key: String, value: String| {
            let explicit = lookup(document.as_table(), &key).is_some();
            settings.push(Setting { key, value, explicit });
        };
        push("format".to_owned(), FORMAT.to_string());
        push("prefix".to_owned(), plain("prefix", &schema.prefix));
        push("kinds".to_owned(), list(schema.kinds.iter().map(Kind::as_str)));
        push("default-kind".to_owned(), plain("default-kind", schema.default_kind.as_str()));
        push("freshness".to_owned(), config.freshness.map_or(BY_SIZE, FreshnessMode::as_str).to_owned());
        for status in &schema.statuses {
            push(format!("statuses.{}", status.name), status.category.to_string());
        }
        for field in &schema.fields {
            let value = match &field.field_type {
                FieldType::Choice(choices) => list(choices.iter().map(String::as_str)),
                other => other.as_str().to_owned(),
            };
            push(format!("fields.{}", field.key), value);
        }
        Ok(settings)
    }

    /// Returns the text with one setting changed; everything else stays byte for byte. The value is
    /// read as TOML where that makes a string or a list, and as a plain string otherwise; a list may be
    /// written with commas alone. The result is checked as a whole: what is wrong with it is
    /// [`StorageError::Setting`], since no file has such a line.
    pub fn with(text: &str, path: &Path, key: &str, value: &str) -> Result<String, StorageError> {
        let source = Source { text, path };
        let mut document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| source.error(error.span(), error.message().trim()))?;
        let value = given(key, value);
        if key == "format" && value.as_integer() != Some(FORMAT) {
            return Err(refused(key, &format!("`format` is the version of the files, which is {FORMAT}")));
        }
        let (table, name) = match key.split_once('.') {
            Some((table @ ("statuses" | "fields"), name)) => {
                let entry = document.entry(table).or_insert_with(|| Item::Table(Table::new()));
                let table = entry.as_table_like_mut();
                (table.ok_or_else(|| source.error(None, &format!("`{key}` is not in a table")))?, name)
            }
            Some(_) => return Err(refused(key, &unknown_key(key))),
            None => (document.as_table_mut() as &mut dyn TableLike, key),
        };
        match table.get_mut(name).and_then(Item::as_value_mut) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(name, Item::Value(value));
            }
        }
        let text = document.to_string();
        let config = Self::parse(&text, path).map_err(|error| match error {
            StorageError::Config { message, .. } => refused(key, &message),
            other => other,
        })?;
        match config.warnings.iter().find(|warning| warning.contains(&format!("`{key}`"))) {
            Some(warning) => Err(refused(key, warning)),
            None => Ok(text),
        }
    }
}

fn refused(key: &str, message: &str) -> StorageError {
    StorageError::Setting { key: key.to_owned(), message: message.to_owned() }
}

/// Reads the value of a setting as people write it: `AB`, `"AB"`, `["a", "b"]`, `a, b`.
fn given(key: &str, text: &str) -> Value {
    let text = text.trim();
    match text.parse::<Value>() {
        Ok(value) if value.is_str() || value.is_array() || key == "format" => value,
        _ if key == "kinds" || (key.starts_with("fields.") && text.contains(',')) => {
            Value::from_iter(text.split(',').map(str::trim).filter(|name| !name.is_empty()))
        }
        // `true` and `1` are words like others: no setting is a number or a truth.
        _ => Value::from(text),
    }
}

/// Writes a text so that [`given`] reads it back, without quotes if it can be.
fn plain(key: &str, text: &str) -> String {
    if given(key, text).as_str() == Some(text) { text.to_owned() } else { Value::from(text).to_string() }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    Value::from_iter(items).to_string()
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Item> {
    match key.split_once('.') {
        Some((outer, inner)) => table.get(outer)?.as_table_like()?.get(inner),
        None => table.get(key),
    }
}

fn unknown_key(key: &str) -> String {
    let near =
        KEYS.iter().max_by(|left, right| strsim::jaro_winkler(left, key).total_cmp(&strsim::jaro_winkler(right, key)));
    match near.filter(|near| strsim::jaro_winkler(near, key) > 0.8) {
        Some(near) => format!("there is no setting `{key}`; did you mean `{near}`?"),
        None => format!("there is no setting `{key}`; there are {}", KEYS.join(", ")),
    }
}

/// The file, for errors that name their line.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn error(self, span: Option<Range<usize>>, message: &str) -> StorageError {
        StorageError::Config { path: self.path.to_owned(), line: self.line(span), message: message.to_owned() }
    }

    fn line(self, span: Option<Range<usize>>) -> Option<u32> {
        let before = &self.text.as_bytes()[..span?.start.min(self.text.len())];
        u32::try_from(1 + before.iter().filter(|byte| **byte == b'\n').count()).ok()
    }

    fn text_of<'i>(self, item: &'i Item, key: &str) -> Result<&'i str, StorageError> {
        item.as_str().ok_or_else(|| self.error(item.span(), &format!("`{key}` has to be a string")))
    }

    fn read(self, table: &Table) -> Result<Config, StorageError> {
        let mut schema = Schema::default();
        let mut warnings = Vec::new();
        let mut freshness = None;
        match table.get("format").map(|item| (item.as_integer(), item)) {
            Some((Some(FORMAT), _)) => {}
            Some((Some(newer), item)) if newer > FORMAT => {
                let (path, line) = (self.path.to_owned(), self.line(item.span()));
                return Err(StorageError::NewerHome { path, line, found: newer, known: FORMAT });
            }
            Some((_, item)) => return Err(self.error(item.span(), &format!("`format` has to be {FORMAT}"))),
            None => return Err(self.error(None, &format!("`format = {FORMAT}` is missing"))),
        }
        for (key, item) in table {
            match key {
                "format" => {}
                "prefix" => schema.prefix = self.prefix(item)?,
                "kinds" => {
                    let names = self.names(item, key)?;
                    for name in &names {
                        warnings.extend(other_spelling(key, name, Kind::new(name).as_str()));
                    }
                    schema.kinds = names.iter().map(|name| Kind::new(name)).collect();
                    let kinds: Vec<&str> = schema.kinds.iter().map(Kind::as_str).collect();
                    warnings.extend(repeated(key, &kinds));
                }
                "default-kind" => schema.default_kind = Kind::new(self.text_of(item, key)?),
                "freshness" => {
                    freshness = match self.text_of(item, key)? {
                        BY_SIZE => None,
                        mode => Some(mode.parse().map_err(|_| {
                            let modes = FreshnessMode::ALL.map(FreshnessMode::as_str).join(", ");
                            let message = format!("`{mode}` is not a freshness: use {BY_SIZE}, {modes}");
                            self.error(item.span(), &message)
                        })?),
                    };
                }
                "statuses" => warnings.extend(self.statuses(item, &mut schema)?),
                "fields" => {
                    self.fields(item, &mut schema)?;
                    for field in &schema.fields {
                        if let FieldType::Choice(choices) = &field.field_type {
                            let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                            warnings.extend(repeated(&format!("fields.{}", field.key), &choices));
                        }
                    }
                }
                _ => warnings.push(unknown_key(key)),
            }
        }
        if !schema.has_kind(&schema.default_kind) {
            if table.contains_key("default-kind") {
                let message = format!("`default-kind` is `{}`, which is not one of `kinds`", schema.default_kind);
                return Err(self.error(table.get("default-kind").and_then(Item::span), &message));
            }
            schema.default_kind = schema.kinds[0].clone();
        }
        Ok(Config { schema, freshness, warnings })
    }

    fn prefix(self, item: &Item) -> Result<String, StorageError> {
        let prefix = self.text_of(item, "prefix")?;
        if is_prefix(prefix) { Ok(prefix.to_owned()) } else { Err(self.error(item.span(), PREFIX_RULE)) }
    }

    fn names(self, item: &Item, key: &str) -> Result<Vec<String>, StorageError> {
        let bad = || self.error(item.span(), &format!("`{key}` has to be a list of names, such as [\"a\", \"b\"]"));
        let names: Vec<String> = item
            .as_array()
            .ok_or_else(bad)?
            .iter()
            .map(|value| value.as_str().map(|name| name.trim().to_owned()).filter(|name| is_name(name)).ok_or_else(bad))
            .collect::<Result<_, _>>()?;
        if names.is_empty() { Err(bad()) } else { Ok(names) }
    }

    /// Reads the statuses. Returns what is odd about them.
    fn statuses(self, item: &Item, schema: &mut Schema) -> Result<Vec<String>, StorageError> {
        let mut warnings = Vec::new();
        let table = item
            .as_table_like()
            .ok_or_else(|| self.error(item.span(), "`statuses` has to be a table of name = \"category\""))?;
        for (name, item) in table.iter() {
            let category = item.as_str().and_then(|text| Category::ALL.into_iter().find(|one| one.as_str() == text));
            let Some(category) = category.filter(|_| is_name(name)) else {
                let message = format!("status `{name}` has to count as \"open\", \"in-progress\" or \"closed\"");
                return Err(self.error(item.span(), &message));
            };
            let key = format!("statuses.{name}");
            let written = name;
            let name = Status::new(name);
            warnings.extend(other_spelling(&key, written, name.as_str()));
            if is_state_word(name.as_str()) {
                warnings.push(format!(
                    "`{key}`: in queries `is:{name}` means something else than this status: choose another name"
                ));
            }
            match schema.statuses.iter().find(|def| def.name == name) {
                Some(def) if def.category == category => {}
                Some(def) => {
                    let message = format!("status `{name}` always counts as {}", def.category);
                    return Err(self.error(item.span(), &message));
                }
                None => {
                    let place = schema.statuses.iter().filter(|def| def.category <= category).count();
                    schema.statuses.insert(place, StatusDef { name, category });
                }
            }
        }
        Ok(warnings)
    }

    fn fields(self, item: &Item, schema: &mut Schema) -> Result<(), StorageError> {
        let table = item
            .as_table_like()
            .ok_or_else(|| self.error(item.span(), "`fields` has to be a table of name = \"type\""))?;
        for (key, item) in table.iter() {
            limits::field_key(key).map_err(|error| self.error(item.span(), &error.to_string()))?;
            let field_type = match item.as_str() {
                Some("text") => FieldType::Text,
                Some("number") => FieldType::Number,
                Some("date") => FieldType::Date,
                Some("bool") => FieldType::Bool,
                _ if item.is_array() => FieldType::Choice(self.names(item, key)?),
                _ => {
                    let message = format!(
                        "field `{key}` has to be \"text\", \"number\", \"date\", \"bool\" or a list of choices"
                    );
                    return Err(self.error(item.span(), &message));
                }
            };
            schema.fields.push(FieldDef { key: key.to_owned(), field_type });
        }
        Ok(())
    }
}

/// Says that a name will be shown in another spelling.
fn other_spelling(key: &str, written: &str, shown: &str) -> Option<String> {
    (written != shown).then(|| format!("`{key}`: `{written}` is shown as `{shown}`: write it like that"))
}

/// Says what stands in a list more than once.
fn repeated(key: &str, names: &[&str]) -> Option<String> {
    let folded = |name: &str| name.to_lowercase();
    let is_repeated = |at: usize| names[..at].iter().any(|other| folded(other) == folded(names[at]));
    let at = (0..names.len()).find(|&at| is_repeated(at))?;
    Some(format!("`{key}` has `{}` more than once: leave one out", names[at]))
}

/// Whether a text can be the name of a kind, a status or a choice.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= limits::NAME && !name.chars().any(|c| c.is_control() || c == ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_template_holds_the_defaults() {
        let config = parse(&template("TIK")).unwrap();
        assert_eq!((config.schema, config.freshness, config.warnings), (Schema::default(), None, vec![]));
    }

    #[test]
    fn what_is_configured_is_in_the_schema() {
        let text = "format = 1\nprefix = \"AB\"\nkinds = [\"Story\", \"bug\"]\nfreshness = \"trust\"\n\
                    [statuses]\nreview = \"in-progress\"\nopen = \"open\"\n[fields]\npoints = \"number\"\nsize = [\"s\", \"l\"]\n";
        let Config { schema, freshness, .. } = parse(text).unwrap();
        assert_eq!(schema.prefix, "AB");
        assert_eq!(schema.default_kind.as_str(), "story");
        assert_eq!(freshness, Some(FreshnessMode::Trust));
        assert_eq!(schema.category(&Status::new("review")), Category::InProgress);
        let names: Vec<&str> = schema.statuses.iter().map(|def| def.name.as_str()).collect();
        assert_eq!(names, ["open", "in-progress", "review", "closed"]);
        assert_eq!(schema.field_type("size"), FieldType::Choice(vec!["s".to_owned(), "l".to_owned()]));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, expected) in [
            ("", "config.toml: `format = 1` is missing"),
            (
                "# ours\nformat = 2",
                "config.toml:2: made by a newer Tickety (format 2, and this program knows format 1): update this program",
            ),
            ("format = 1\nprefix = \"a-b\"", "config.toml:2: `prefix` has to be"),
            ("format = 1\n\n[statuses]\ndone = \"finished\"", "config.toml:4: status `done` has to count as"),
            ("format = 1\n[statuses]\nclosed = \"open\"", "config.toml:3: status `closed` always counts as closed"),
            ("format = 1\n[fields]\nA = \"text\"", "config.toml:3: `A` can't be a custom field"),
            ("format = 1\nkinds = []", "config.toml:2: `kinds` has to be a list"),
            ("format = 1\ndefault-kind = \"nope\"", "config.toml:2: `default-kind` is `nope`"),
            ("format = 1\n= 3", "config.toml:2: "),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_prefix_is_salvaged_from_a_text_that_cannot_be_used() {
        for (text, prefix) in [
            ("format = 1\nprefix = \"AB\" # ours\nkinds = [\n", "AB"),
            ("prefix = \"AB\"\n<<<<<<< HEAD\n", "AB"),
            ("prefix = \"A B\"\n[fields\nprefix = \"CD\"\n", "TIK"),
            ("", "TIK"),
        ] {
            assert_eq!(Config::salvage(text).schema.prefix, prefix, "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_a_warning_with_a_suggestion() {
        let config = parse("format = 1\nprefx = \"X\"").unwrap();
        assert_eq!(config.warnings, ["there is no setting `prefx`; did you mean `prefix`?"]);
    }

    #[test]
    fn names_that_mislead_are_warnings_in_a_file_and_refused_as_settings() {
        let text = "format = 1\nkinds = [\"bug\", \"x y\", \"Bug\"]\n[statuses]\nany = \"closed\"\n\"to do\" = \"open\"\n\
                    [fields]\nsev = [\"a\", \"b\", \"A\"]\n";
        let expected = [
            "`kinds`: `x y` is shown as `x-y`: write it like that",
            "`kinds`: `Bug` is shown as `bug`: write it like that",
            "`kinds` has `bug` more than once: leave one out",
            "`statuses.any`: in queries `is:any` means something else than this status: choose another name",
            "`statuses.to do`: `to do` is shown as `to-do`: write it like that",
            "`fields.sev` has `A` more than once: leave one out",
        ];
        assert_eq!(parse(text).unwrap().warnings, expected);
        let set = |key, value| Config::with("format = 1\n", Path::new("config.toml"), key, value);
        for (key, value) in [
            ("kinds", "bug,bug"),
            ("kinds", "[\"bug\", \"x y\"]"),
            ("fields.sev", "a,b,a"),
            ("statuses.any", "closed"),
            ("statuses.all", "open"),
            ("statuses.ready", "open"),
            ("statuses.blocked", "open"),
            ("statuses.overdue", "open"),
            ("statuses.claimed", "in-progress"),
        ] {
            assert!(matches!(set(key, value), Err(StorageError::Setting { .. })), "{key} {value}");
        }
        for (key, value) in [("statuses.open", "open"), ("statuses.review", "open"), ("kinds", "bug,story")] {
            set(key, value).unwrap_or_else(|error| panic!("{key}: {error}"));
        }
    }

    #[test]
    fn setting_keeps_the_rest_byte_for_byte() {
        let text = "# mine\nformat = 1\nprefix = \"TIK\" # short\n\n[fields] # typed\n";
        let set =
            |key, value| Config::with(text, Path::new("config.toml"), key, value).map_err(|error| error.to_string());
        assert_eq!(set("prefix", "AB").unwrap(), text.replace("TIK", "AB"));
        assert_eq!(set("fields.size", "[\"s\", \"l\"]").unwrap(), format!("{text}size = [\"s\", \"l\"]\n"));
        assert!(set("prefix", "no good").is_err());
        assert!(set("colour", "red").unwrap_err().contains("there is no setting `colour`"));
        assert!(set("statuses.x", "y").is_err());
    }

    #[test]
    fn what_can_t_be_set_names_no_line_of_the_file() {
        let text = "format = 1\nprefix = \"TIK\"\n";
        for (key, value, expected) in [
            ("prefix", "1", PREFIX_RULE),
            ("prefx", "AB", "there is no setting `prefx`; did you mean `prefix`?"),
            ("statuses.done", "finished", "status `done` has to count as"),
            ("fields.A", "text", "`A` can't be a custom field"),
            ("kinds", "", "`kinds` has to be a list"),
            ("freshness", "never", "`never` is not a freshness: use auto, verify, shards, trust"),
            ("format", "2", "`format` is the version of the files, which is 1"),
        ] {
            match Config::with(text, Path::new("config.toml"), key, value) {
                Err(StorageError::Setting { key: named, message }) => {
                    assert_eq!(named, key);
                    assert!(message.starts_with(expected), "{key}: {message}");
                }
                other => panic!("{key}: {other:?}"),
            }
        }
        let broken = Config::with("format = 1\n= 3", Path::new("config.toml"), "prefix", "AB");
        assert!(matches!(broken, Err(StorageError::Config { line: Some(2), .. })), "{broken:?}");
    }

    #[test]
    fn what_is_listed_can_be_set() {
        let path = Path::new("config.toml");
        let text = "format = 1\nprefix = \"true\"\nkinds = [\"a-\\\"b\\\"\", \"1\"]\ndefault-kind = \"1\"\n\
                    [statuses]\nreview = \"open\"\n[fields]\nsize = [\"text\"]\nflaky = \"bool\"\n";
        let settings = Config::settings(text, path).unwrap();
        let mut again = "format = 1\n".to_owned();
        for Setting { key, value, .. } in &settings {
            again = Config::with(&again, path, key, value).unwrap_or_else(|error| panic!("{key} = {value}: {error}"));
        }
        assert_eq!(Config::parse(&again, path).unwrap(), Config::parse(text, path).unwrap());
        let values = |settings: Vec<Setting>| settings.into_iter().map(|one| (one.key, one.value)).collect::<Vec<_>>();
        assert_eq!(values(Config::settings(&again, path).unwrap()), values(settings));
        let commas = Config::with(text, path, "fields.size", "s, m,l").unwrap();
        assert!(commas.contains("size = [\"s\", \"m\", \"l\"]"), "{commas}");
    }

    #[test]
    fn settings_tell_defaults_from_choices() {
        let settings = Config::settings("format = 1\nprefix = \"AB\"", Path::new("config.toml")).unwrap();
        let prefix = settings.iter().find(|setting| setting.key == "prefix").unwrap();
        assert_eq!((prefix.value.as_str(), prefix.explicit), ("AB", true));
        let kinds = settings.iter().find(|setting| setting.key == "kinds").unwrap();
        assert_eq!((kinds.value.as_str(), kinds.explicit), (r#"["bug", "feature", "task", "chore", "epic"]"#, false));
    }
}
