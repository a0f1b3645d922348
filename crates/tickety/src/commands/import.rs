//! `tickety import`

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_core::schema::Schema;
use tickety_engine::convert::{
    Detected, Folder, Format, LOOK, Note, NoteKind, OptionError, ReadOptions, Reader, Report, detect, detect_folder,
    folder_of,
};
use tickety_engine::import::{ImportError, ImportOptions, ImportReport, ImportedIssue, import};
use tickety_store::Effect;

use crate::exit::{CliError, Ended};
use crate::input;
use crate::progress::Progress;
use crate::render::{Screen, palette};
use crate::session::Session;

/// Bring in issues from another tracker, or from an export
///
/// All of them or none. Importing the same or a newer file again updates the issues and makes no second ones.
/// What could not be taken as it was is reported with its line or file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is, or auto to find out
    ///
    /// One file: json, jsonl, beads, github, gitlab, jira, linear, csv, git-bug, taskwarrior. A folder: markdown,
    /// backlog, tk, beans, issues, repo-tickets.
    #[arg(value_name = "FORMAT")]
    format: String,

    /// The file or folder; `-` reads standard input
    #[arg(value_name = "PATH")]
    file: PathBuf,

    /// Say what would happen and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Report every field and every note
    #[arg(short, long)]
    verbose: bool,

    /// What a column or key becomes, as in `title=Summary,field.cost=Price`; `none=COLUMN` leaves it out
    #[arg(long, value_name = "PART=COLUMN", value_delimiter = ',')]
    map: Vec<String>,

    /// What a status, priority, kind or reason becomes, as in `status:In Review=in-progress`
    #[arg(long, value_name = "PART:THEIRS=OURS")]
    value: Vec<String>,

    /// What the source is called in references, where it doesn't say so itself, as in `owner/repo`
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// Give issues the numbers they have there, where those are free
    #[arg(long)]
    keep_numbers: bool,
}

/// How many notes of a kind are shown unless all are asked for.
const SHOWN_NOTES: usize = 10;

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let read = options(&args)?;
    let schema = session.schema()?;
    let Source { format, mut reader } = open(&args, &schema, &read, session)?;
    let options = ImportOptions {
        dry_run: args.dry_run,
        actor: session.context.actor()?.map(str::to_owned),
        now: session.context.time_of_writing(),
        source: format.as_str(),
        mapped: read.map.keys().cloned().collect(),
    };
    let mut progress = Progress::new(session);
    let imported = pollster::block_on(import(session.storage()?, &mut *reader, &options, &mut |done| {
        progress.show(done.stage.as_str(), done.done, done.total);
    }));
    progress.end();
    let imported = imported.map_err(|error| explain(error, &args.file, session))?;
    let Report { records, readable, deleted, .. } = imported.report;
    if records > deleted && readable == 0 {
        let first =
            imported.report.notes_of(NoteKind::Skipped).next().map(|note| format!("; {note}")).unwrap_or_default();
        let message = format!("nothing was imported: none of {records} records could be read{first}");
        let hint = "is the file in another format? `tickety import --help` lists them";
        return Err(CliError::new(ErrorCode::BadInput, message).about(input::name_of(&args.file).display()).hint(hint));
    }
    if session.json() {
        return session.answer(Imported::from(&imported), Meta::default());
    }
    let mut screen = session.screen();
    if !session.global.quiet {
        show(&mut screen, &imported, args.verbose);
    }
    session.show(screen)
}

/// What is imported.
struct Source<'a> {
    format: Format,
    reader: Box<dyn Reader + 'a>,
}

/// Opens what is to be imported, and finds out what it is where nobody said.
fn open<'a>(args: &Args, schema: &'a Schema, read: &'a ReadOptions, session: &Session) -> Result<Source<'a>, CliError> {
    let asked = match args.format.eq_ignore_ascii_case("auto") {
        true => None,
        false => Some(args.format.parse::<Format>().map_err(|error| CliError::new(ErrorCode::BadValue, error))?),
    };
    if !input::is_standard_input(&args.file) && args.file.is_dir() {
        return open_folder(asked, &args.file, schema, read, session);
    }
    let mut input: Box<dyn BufRead> = if input::is_standard_input(&args.file) {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(&args.file).map_err(|error| CliError::io("open", &args.file, &error))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let format = match asked {
        Some(format) => format,
        None => {
            let mut begin = Vec::new();
            let looked = (&mut input).take(LOOK as u64).read_to_end(&mut begin);
            looked.map_err(|error| CliError::io("read", input::name_of(&args.file), &error))?;
            let found =
                detect(&begin).into_iter().map(|format| Detected { format, path: None, evidence: None }).collect();
            let format = only(found, &args.file)?.format;
            session.note(format_args!("{}: taken for {format}", input::name_of(&args.file).display()));
            input = Box::new(io::Cursor::new(begin).chain(input));
            format
        }
    };
    check_options(format, args)?;
    Ok(Source { format, reader: format.reader_with(input, schema, read) })
}

fn open_folder<'a>(
    asked: Option<Format>,
    path: &Path,
    schema: &'a Schema,
    read: &'a ReadOptions,
    session: &Session,
) -> Result<Source<'a>, CliError> {
    let failed = |error: &io::Error| CliError::io("read", path, error);
    let (format, place) = match asked {
        Some(format) if format.endings().is_none() => {
            let message = format!("is a folder, and {format} is read from a file");
            return Err(CliError::new(ErrorCode::BadInput, message).about(path.display()));
        }
        Some(format) => (format, folder_of(format, path)),
        None => {
            let found = detect_folder(path).map_err(|error| failed(&error))?;
            let Detected { format, path: place, evidence } = only(found, path)?;
            let place = place.unwrap_or_else(|| path.to_owned());
            let evidence = evidence.map(|evidence| format!(": {evidence}")).unwrap_or_default();
            session.note(format_args!("{}: taken for {format}{evidence}", place.display()));
            (format, place)
        }
    };
    let reader = match format.endings() {
        Some(endings) => {
            let folder = Folder::open(&place, endings).map_err(|error| failed(&error))?;
            format.folder_reader(folder, schema, read)
        }
        None => {
            let file = File::open(&place).map_err(|error| CliError::io("open", &place, &error))?;
            Some(format.reader_with(BufReader::with_capacity(1 << 16, file), schema, read))
        }
    };
    Ok(Source { format, reader: reader.expect("a format with endings is read from a folder") })
}

/// Returns what was found, if it is one thing.
fn only(mut found: Vec<Detected>, path: &Path) -> Result<Detected, CliError> {
    let hint = match found.is_empty() && !input::is_standard_input(path) && path.is_dir() {
        true => {
            let path = path.display();
            format!(
                "`tickety import markdown {path}` makes an issue of every Markdown file; `tickety import --help` lists the formats"
            )
        }
        false => "`tickety import --help` lists the formats".to_owned(),
    };
    let message = match found.len() {
        1 => return Ok(found.remove(0)),
        0 => "it can't be told what this is: say the format".to_owned(),
        _ => {
            let names: Vec<String> = found
                .iter()
                .map(|Detected { format, path, evidence }| match (path, evidence) {
                    (Some(path), Some(evidence)) => format!("{format} ({}: {evidence})", path.display()),
                    (Some(path), None) => format!("{format} ({})", path.display()),
                    (None, _) => format.to_string(),
                })
                .collect();
            format!("it may be {}: say which", names.join(" or "))
        }
    };
    Err(CliError::new(ErrorCode::BadInput, message).about(input::name_of(path).display()).hint(hint))
}

/// Refuses what a format has no use for.
fn check_options(format: Format, args: &Args) -> Result<(), CliError> {
    let given = [("--map", &args.map), ("--value", &args.value)];
    match given.iter().find(|(_, texts)| !texts.is_empty()) {
        Some((option, _)) if !format.takes_options() => Err(CliError::usage(format!(
            "{option} says nothing about {format}, whose keys and values have one meaning: leave it out"
        ))),
        _ => Ok(()),
    }
}

/// Reads what was said about columns and values.
fn options(args: &Args) -> Result<ReadOptions, CliError> {
    let mut read =
        ReadOptions { source: args.source.clone(), keep_numbers: args.keep_numbers, ..ReadOptions::default() };
    let refused = |error: OptionError| CliError::new(ErrorCode::BadValue, error);
    for text in args.map.iter().filter(|text| !text.trim().is_empty()) {
        read.map(text).map_err(refused)?;
    }
    for text in &args.value {
        read.value(text).map_err(refused)?;
    }
    Ok(read)
}

fn explain(error: ImportError, file: &Path, session: &Session) -> CliError {
    let file = input::name_of(file);
    match error {
        ImportError::Storage(error) => session.explain(error),
        ImportError::Record { source, .. } => {
            let code = (&source).into();
            CliError::new(code, format!("nothing was imported: {source}")).about(file.display())
        }
        error @ ImportError::NoColumn { .. } => CliError::new(ErrorCode::BadValue, error).about(file.display()),
        ImportError::Read(error) => {
            let hint = "`tickety import --help` lists the formats";
            CliError::new(ErrorCode::BadInput, format!("nothing was imported: {error}"))
                .about(file.display())
                .hint(hint)
        }
    }
}

fn show(screen: &mut Screen<'_>, imported: &ImportReport, verbose: bool) {
    let ImportReport { report, issues: _, dry_run } = imported;
    let Report {
        records,
        readable,
        deleted: _,
        mapped,
        kept,
        defaults,
        left_out,
        passed_over,
        notes: _,
        omitted_notes,
        found: _,
    } = report;
    let would = if *dry_run { "would be " } else { "" };
    screen.line(format!(
        "{records} records: {} {would}created, {} {would}updated, {} unchanged, {} not importable",
        imported.count(Effect::Created),
        imported.count(Effect::Updated),
        imported.count(Effect::Unchanged),
        records - readable,
    ));
    for (what, count) in passed_over {
        screen.line(format!("{count} {what} passed over"));
    }
    if verbose {
        fields(screen, "became", mapped);
        fields(screen, "kept as custom field", kept);
        fields(screen, "left out:", left_out);
        for (field, count) in defaults {
            screen.raw("  ").put(palette::PLAIN, field).line(format!(" held a default that says nothing ({count})"));
        }
    } else {
        if !kept.is_empty() {
            let keys: BTreeSet<&str> = kept.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
            let keys: Vec<&str> = keys.into_iter().collect();
            screen.raw("kept as custom fields: ").put(palette::PLAIN, keys.join(", ")).end();
        }
        if !left_out.is_empty() {
            let keys: Vec<&str> = left_out.keys().map(String::as_str).collect();
            screen.raw("left out: ").put(palette::PLAIN, keys.join(", ")).line(" (--verbose says why)");
        }
    }
    for kind in NoteKind::ALL {
        let notes: Vec<&Note> = report.notes_of(kind).collect();
        let shown = if verbose { notes.len() } else { notes.len().min(SHOWN_NOTES) };
        for note in &notes[..shown] {
            let style = if kind == NoteKind::Skipped { palette::ALARM } else { palette::FAINT };
            screen.put(style, kind.as_str()).raw(" ").show(palette::PLAIN, note).end();
        }
        if notes.len() > shown {
            screen.line(format!("and {} more {kind}; --verbose shows all", notes.len() - shown));
        }
    }
    if *omitted_notes > 0 {
        screen.line(format!("and {omitted_notes} further notes"));
    }
}

fn fields(screen: &mut Screen<'_>, what: &str, fields: &BTreeMap<String, BTreeMap<String, u64>>) {
    for (theirs, ours) in fields {
        for (ours, count) in ours {
            screen.raw("  ").put(palette::PLAIN, theirs).raw(format!(" {what} ")).put(palette::STRONG, ours);
            screen.line(format!(" ({count})"));
        }
    }
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Imported<'a> {
    dry_run: bool,
    records: u64,
    created: usize,
    updated: usize,
    unchanged: usize,
    not_importable: u64,
    issues: Vec<WireIssue<'a>>,
    mapped: &'a BTreeMap<String, BTreeMap<String, u64>>,
    kept: &'a BTreeMap<String, BTreeMap<String, u64>>,
    defaults: &'a BTreeMap<String, u64>,
    left_out: &'a BTreeMap<String, BTreeMap<String, u64>>,
    passed_over: &'a BTreeMap<&'static str, u64>,
    notes: Vec<WireNote<'a>>,
    omitted_notes: u64,
}

/// A record and the issue that it is.
#[derive(Serialize)]
struct WireIssue<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    line: u64,
    name: Option<&'a str>,
    key: Option<String>,
    effect: &'static str,
}

/// Something that didn't come through as it was.
#[derive(Serialize)]
struct WireNote<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    line: u64,
    name: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a ImportReport> for Imported<'a> {
    fn from(imported: &'a ImportReport) -> Self {
        let ImportReport { report, issues, dry_run } = imported;
        let Report {
            records,
            readable,
            deleted: _,
            mapped,
            kept,
            defaults,
            left_out,
            passed_over,
            notes,
            omitted_notes,
            found: _,
        } = report;
        Self {
            dry_run: *dry_run,
            records: *records,
            created: imported.count(Effect::Created),
            updated: imported.count(Effect::Updated),
            unchanged: imported.count(Effect::Unchanged),
            not_importable: records - readable,
            issues: issues
                .iter()
                .map(|ImportedIssue { place, key, effect }| WireIssue {
                    file: place.file.as_deref(),
                    line: place.line,
                    name: place.name.as_deref(),
                    key: key.map(|key| key.to_string()),
                    effect: effect.as_str(),
                })
                .collect(),
            mapped,
            kept,
            defaults,
            left_out,
            passed_over,
            notes: notes
                .iter()
                .map(|Note { kind, place, message }| WireNote {
                    kind: kind.as_str(),
                    file: place.file.as_deref(),
                    line: place.line,
                    name: place.name.as_deref(),
                    message,
                })
                .collect(),
            omitted_notes: *omitted_notes,
        }
    }
}
