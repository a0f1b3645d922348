//! Finding out what an input is by looking into it.

use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::records::Records;
use super::report::Report;
use super::{Folder, Format, csv, front_matter};

/// How much of a file is looked at, at most.
pub const LOOK: usize = 4 << 20;

/// How many files of a folder are looked into.
const FILES: usize = 20;

/// Something that issues can be read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detected {
    /// The format.
    pub format: Format,
    /// Where it lies, for a folder that holds it.
    pub path: Option<PathBuf>,
    /// What it was told by, for a folder.
    pub evidence: Option<String>,
}

/// Whether an input begins as JSON does.
pub(super) fn begins_like_json(input: &mut impl BufRead) -> bool {
    input.fill_buf().is_ok_and(is_json)
}

fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    matches!(text.first(), Some(b'[' | b'{'))
}

/// Returns the formats that a file may be in by how it begins: one if it is plain, several or none if it isn't.
pub fn detect(begin: &[u8]) -> Vec<Format> {
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
    if is_json(begin) {
        return detect_json(begin);
    }
    let text = String::from_utf8_lossy(begin);
    if front_matter::cut(&text).front.is_some() {
        return vec![Format::Markdown];
    }
    let names = csv::header_of(begin);
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_linear = has("ID") && has("Title") && has("Team") && (has("Cycle Number") || has("UUID"));
    match () {
        () if has("Issue key") && has("Summary") => vec![Format::Jira],
        () if is_linear => vec![Format::Linear],
        () if names.len() > 1 && csv::has_title(&names) => vec![Format::Csv],
        () => Vec::new(),
    }
}

fn detect_json(begin: &[u8]) -> Vec<Format> {
    let head = String::from_utf8_lossy(&begin[..begin.len().min(4096)]);
    let squeezed: String = head.chars().filter(|c| !c.is_whitespace()).take(400).collect();
    let first_line = begin.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let is_line = serde_json::from_slice::<Map<String, Value>>(first_line).is_ok();
    if squeezed.contains("\"format\":\"tickety\"") {
        let is_document = !is_line || squeezed.contains("\"issues\":[");
        return vec![if is_document { Format::Json } else { Format::Jsonl }];
    }
    let mut records = Records::new(begin, "issues", &["issues", "items", "values", "data", "nodes"]);
    let mut report = Report::default();
    let Ok(Some((_, record))) = records.next(&mut report) else { return Vec::new() };
    let has = |key: &str| record.contains_key(key);
    let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
    let rules: [(Format, bool); 8] = [
        (Format::Jsonl, has("number") && is_text("id") && has("kind") && has("created") && has("priority")),
        (
            Format::Beads,
            is_text("id")
                && has("title")
                && (has("issue_type") || has("created_at") && record["title"].is_string())
                && !has("number")
                && !has("iid")
                && !has("node_id"),
        ),
        (Format::Github, has("number") && has("title") && !has("kind") && !has("iid") && !has("identifier")),
        (Format::Gitlab, has("iid") && has("title")),
        (Format::Jira, has("key") && record.get("fields").is_some_and(Value::is_object)),
        (Format::Linear, is_text("identifier") && has("title")),
        (Format::GitBug, has("human_id") && has("title")),
        (Format::Taskwarrior, is_text("uuid") && has("description") && has("entry")),
    ];
    rules.into_iter().filter(|(_, fits)| *fits).map(|(format, _)| format).collect()
}

/// Returns what issues can be read from in a folder: the folder itself, or else what lies in it under its usual name.
/// Notes and pages are Markdown, too: most of the files have to tell a status in their front matter.
pub fn detect_folder(root: &Path) -> io::Result<Vec<Detected>> {
    let mut found: Vec<Detected> = Vec::new();
    let mut add = |format: Format, path: PathBuf, evidence: String| {
        let detected = Detected { format, path: Some(path), evidence: Some(evidence) };
        if !found.contains(&detected) {
            found.push(detected);
        }
    };
    for format in [Format::Backlog, Format::RepoTickets, Format::Tk, Format::Beans, Format::Issues] {
        for path in places(format, root) {
            if path.is_dir()
                && let Some(evidence) = looks_like(format, &path)?
            {
                add(format, path, evidence);
                break;
            }
        }
    }
    let beads = root.join(".beads/issues.jsonl");
    if beads.is_file() {
        add(Format::Beads, beads, "by its name".to_owned());
    }
    if found.is_empty()
        && let Some(evidence) = looks_like(Format::Markdown, root)?
    {
        found.push(Detected { format: Format::Markdown, path: Some(root.to_owned()), evidence: Some(evidence) });
    }
    Ok(found)
}

/// Returns the folder that a format lies in, where a folder that holds it was named.
pub fn folder_of(format: Format, root: &Path) -> PathBuf {
    let is_one = |path: &PathBuf| path.is_dir() && looks_like(format, path).is_ok_and(|evidence| evidence.is_some());
    let found = places(format, root).into_iter().find(is_one);
    found.unwrap_or_else(|| root.to_owned())
}

/// Where a format may lie in a folder, the likeliest first.
fn places(format: Format, root: &Path) -> Vec<PathBuf> {
    let below: &[&str] = match format {
        Format::Backlog => &["backlog", ".backlog"],
        Format::Tk | Format::RepoTickets => &[".tickets"],
        Format::Beans => &[".beans"],
        Format::Issues => &["issues", "docs/issues"],
        _ => &[],
    };
    let mut places: Vec<PathBuf> = below.iter().map(|name| root.join(name)).collect();
    places.push(root.to_owned());
    places
}

/// Says what a folder is told by, if it is one of a format. No single file decides: of those that are looked into, most
/// have to be what the format has.
fn looks_like(format: Format, path: &Path) -> io::Result<Option<String>> {
    let ends = |name: &str| path.file_name().is_some_and(|own| own == name);
    let endings = format.endings().unwrap_or_default();
    Ok(match format {
        Format::Backlog => {
            let tasks = names_in(path, ".md")?.iter().filter(|name| name.contains(" - ")).count();
            let has_tasks = path.join("tasks").is_dir();
            match () {
                () if has_tasks && (ends("backlog") || ends(".backlog")) => Some("by its name and `tasks`".to_owned()),
                () if has_tasks && path.join("config.yml").is_file() => Some("by `tasks` and `config.yml`".to_owned()),
                () if ends("tasks") && tasks > 0 => Some(format!("by its name and {tasks} names such as `task-1 - …`")),
                () => None,
            }
        }
        Format::RepoTickets => {
            let count = names_in(&path.join("open"), ".yaml")?.len() + names_in(&path.join("closed"), ".yaml")?.len();
            (count > 0).then(|| format!("by {count} YAML files in `open` and `closed`"))
        }
        Format::Tk => {
            let keys: &[&str] = if ends(".tickets") { &["status"] } else { &["status", "deps"] };
            most_have(path, &names_in(path, ".md")?, keys)
        }
        Format::Beans => {
            let names = names_in(path, ".md")?;
            let named: Vec<String> = names.iter().filter(|name| name.contains("--")).cloned().collect();
            let keys: &[&str] = if ends(".beans") { &["status"] } else { &["status", "created_at"] };
            if named.len() * 2 > names.len() { most_have(path, &named, keys) } else { None }
        }
        Format::Issues => {
            let mut names = names_in(path, ".md")?;
            for folder in ["complete", "completed", "closed", "done"] {
                names.extend(names_in(&path.join(folder), ".md")?);
            }
            // What we wrote ourselves is numbered, too.
            let is_own = fronts(path, &names).any(|front| front.contains_key("number") && front.contains_key("id"));
            let numbered = names.iter().filter(|name| super::issues_folder::is_issue(name)).count();
            (numbered * 2 > names.len() && !is_own)
                .then(|| format!("{numbered} of {} names begin with a number or a ULID", names.len()))
        }
        _ => {
            let folder = Folder::open(path, endings)?;
            let names: Vec<String> = folder.paths().take(FILES).map(str::to_owned).collect();
            let has_status = |front: &Map<String, Value>| {
                front.keys().any(|key| ["status", "state"].iter().any(|name| key.eq_ignore_ascii_case(name)))
            };
            let count = fronts(path, &names).filter(has_status).count();
            (count * 2 > names.len()).then(|| format!("{count} of {} files have a status", names.len()))
        }
    })
}

/// Says how many of the first files have all of some keys in their front matter, if most have.
fn most_have(path: &Path, names: &[String], keys: &[&str]) -> Option<String> {
    let looked_at = names.len().min(FILES);
    let has_all = |front: &Map<String, Value>| keys.iter().all(|key| front.contains_key(*key));
    let count = fronts(path, names).filter(has_all).count();
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    (count * 2 > looked_at).then(|| format!("{count} of {looked_at} files have {}", keys.join(" and ")))
}

/// Returns the names of the files in a folder that have an ending; none where there is no such folder.
fn names_in(path: &Path, ending: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string())
            && name.ends_with(ending)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Reads the front matter of the first files.
fn fronts<'p>(path: &'p Path, names: &'p [String]) -> impl Iterator<Item = Map<String, Value>> + 'p {
    names.iter().take(FILES).filter_map(move |name| {
        let mut text = Vec::new();
        File::open(path.join(name)).ok()?.take(64 << 10).read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        let front = front_matter::cut(&text).front.map(front_matter::read)?.ok()?;
        Some(front.values).filter(|values| !values.is_empty())
    })
}
