//! Folders in which each file is an issue: what they have in common.

use std::io::BufRead;

use serde_json::Value;
use tickety_core::schema::Schema;

use super::assembly::{Assembly, Profile};
use super::part::{Part, ReadOptions};
use super::report::{NoteKind, Place, Report};
use super::{Folder, FolderFile, Imported, ReadError, Reader, comments, front_matter};

/// How a tracker lays out its files.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) profile: &'static Profile,
    /// The endings of its files.
    pub(super) endings: &'static [&'static str],
    /// Whether a file is YAML from its beginning to its end.
    pub(super) is_yaml: bool,
    /// What the path of a file tells; `None` for one that is no issue.
    pub(super) place: fn(&str) -> Option<PathFacts>,
}

/// What the path of a file tells of its issue.
#[derive(Debug, Default)]
pub(super) struct PathFacts {
    /// What it is called, where the file itself doesn't say.
    pub(super) name: Option<String>,
    /// Its status, where the file itself doesn't say.
    pub(super) status: Option<&'static str>,
    /// Its title, where the file itself doesn't say.
    pub(super) title: Option<String>,
    /// When it was created, where the file itself doesn't say.
    pub(super) created: Option<String>,
}

/// Reads the files of a folder.
pub struct FilesReader<'a> {
    layout: Layout,
    input: Source<'a>,
    schema: &'a Schema,
    options: &'a ReadOptions,
}

enum Source<'a> {
    Folder(Folder),
    Stream(Box<dyn BufRead + 'a>),
}

impl std::fmt::Debug for FilesReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilesReader").field("system", &self.layout.profile.system).finish_non_exhaustive()
    }
}

impl<'a> FilesReader<'a> {
    /// Reads the files of a folder.
    pub(super) fn new(layout: Layout, folder: Folder, schema: &'a Schema, options: &'a ReadOptions) -> Self {
        Self { layout, input: Source::Folder(folder), schema, options }
    }

    /// Reads one file from a stream.
    pub(super) fn one(
        layout: Layout,
        input: Box<dyn BufRead + 'a>,
        schema: &'a Schema,
        options: &'a ReadOptions,
    ) -> Self {
        Self { layout, input: Source::Stream(input), schema, options }
    }

    fn read_file(&self, file: &FolderFile, facts: PathFacts, report: &mut Report) -> Option<Imported> {
        let mut place = Place::file(&file.path);
        let text = match str::from_utf8(&file.text) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let problem = format!("not UTF-8 at byte {}", error.valid_up_to() + 1);
                report.note(NoteKind::Skipped, &place, problem);
                return None;
            }
        };
        let cut = match self.layout.is_yaml {
            true => front_matter::Cut { front: Some(text), body: "" },
            false => front_matter::cut(text),
        };
        let front = match cut.front.map(front_matter::read).transpose() {
            Ok(front) => front.unwrap_or_default(),
            Err(problem) => {
                place.line = problem.line as u64 + u64::from(!self.layout.is_yaml);
                report.note(NoteKind::Skipped, &place, problem.message);
                return None;
            }
        };
        let profile = self.layout.profile;
        let part_of = |key: &str| self.options.part_of(key).or_else(|| profile.part_of(key)).cloned();
        let id = front.values.iter().find(|(key, _)| part_of(key) == Some(Part::Id)).map(|(_, value)| value);
        let id = id.and_then(super::assembly::text_of);
        let is_own =
            front.values.contains_key("number") && id.as_ref().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
        let name = id.or(facts.name);
        place.name = name.clone();

        let mut assembly = Assembly::new(profile, self.options, self.schema, &place, report);
        for key in front.doubles {
            let problem = format!("the key `{key}` stands more than once: only the last was taken");
            assembly.cleaner.note(NoteKind::Dropped, problem);
        }
        for (key, value) in front.values {
            match part_of(&key) {
                Some(Part::Id) if is_own => assembly.put_as(&key, &Part::OwnId, value),
                None if is_own && key == "number" => assembly.put_as(&key, &Part::OwnNumber, value),
                _ => assembly.put(&key, value),
            }
        }
        let body = if is_own {
            let (body, found) = comments::split(cut.body);
            for comment in found {
                assembly.comment(comment);
            }
            body
        } else {
            cut.body.to_owned()
        };
        let body = match first_heading(&body).filter(|_| !assembly.has_title()) {
            Some((title, rest)) => {
                assembly.put_as("the first heading", &Part::Title, Value::String(title.to_owned()));
                rest.to_owned()
            }
            None => body,
        };
        let body = body.trim_start_matches(['\r', '\n']).trim_end();
        if !body.is_empty() || !self.layout.is_yaml {
            assembly.put_as("the text", &Part::Body, Value::String(body.to_owned()));
        }
        if let Some(title) = facts.title.filter(|_| !assembly.has_title()) {
            assembly.default_title(&title, "the name of its file");
        }
        if let Some(status) = facts.status.filter(|_| !assembly.has_status()) {
            assembly.put_as("the folder", &Part::Status, Value::String(status.to_owned()));
        }
        if let Some(created) = facts.created.filter(|_| !assembly.has_created()) {
            assembly.put_as("the name of the file", &Part::Created, Value::String(created));
        }
        assembly.finish(name.as_deref().filter(|_| !is_own))
    }
}

impl Reader for FilesReader<'_> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        if let Source::Stream(input) = &mut self.input {
            let folder = Folder::of_stream(input).map_err(|source| ReadError::Io { line: 1, source })?;
            self.input = Source::Folder(folder);
        }
        loop {
            let Source::Folder(folder) = &mut self.input else { return Ok(None) };
            let Some(file) = folder.next(report) else { return Ok(None) };
            let Some(facts) = (self.layout.place)(&file.path) else {
                report.count_other("other files");
                continue;
            };
            report.records += 1;
            if let Some(imported) = self.read_file(&file, facts, report) {
                return Ok(Some(imported));
            }
        }
    }
}

/// Returns the title of a text that begins with a heading, and what follows.
fn first_heading(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let title = line.strip_prefix("# ")?.trim().trim_end_matches('#').trim();
    Some((title, rest)).filter(|_| !title.is_empty())
}

/// Returns the name of a file without its folders and its ending.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Makes a title of what a file is called: words instead of `-` and `_`, the first with a capital.
pub(super) fn title_of(slug: &str) -> Option<String> {
    let words = slug.replace(['-', '_'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    let first = letters.next()?;
    Some(first.to_uppercase().chain(letters).collect())
}
