//! `tickety export`

mod folder;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_core::query::Query;
use tickety_engine::convert::{Format, Output, Writer};
use tickety_engine::export::{ExportError, Exported, export};

use crate::compose;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::progress::Progress;
use crate::question::QueryArgs;
use crate::render::counted;
use crate::render::escape::JsonShown;
use crate::session::Session;

/// Write issues in a format that other programs read
///
/// Issues of every status are written unless the query says otherwise. json and jsonl lose nothing:
/// importing them makes the same issues. What another format has no place for is named. What can't be read is left out
/// and named, and the status is 1.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// json, jsonl, beads, github, csv, or markdown for a folder of files
    #[arg(value_name = "FORMAT")]
    format: String,

    #[command(flatten)]
    query: QueryArgs,

    /// Write to FILE, which is replaced as a whole once everything is written; `-` is standard output. For markdown a
    /// new folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    format: &'static str,
    count: u64,
    /// Where it was written to.
    output: Option<String>,
    /// What was written, where no file was given.
    text: Option<String>,
    /// How many of what the format has no place for, by what it is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    left_out: BTreeMap<&'static str, u64>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let format: Format = args.format.parse().map_err(|error| CliError::new(ErrorCode::BadValue, error))?;
    let query = args.query.parse(session)?;
    let output = args.output.filter(|path| path != Path::new("-"));
    match (format.output(), &output) {
        (Output::Stream, _) => {}
        (Output::Folder, Some(path)) => {
            let exported = folder::to_folder(format, &query, path, session)?;
            return finished(format, exported, path, session);
        }
        (Output::Folder, None) => {
            return Err(CliError::usage(format!("{format} is a folder of files")).hint("--output FOLDER says where"));
        }
        (Output::Nothing, _) => {
            let message = format!("{format} is only read");
            return Err(CliError::new(ErrorCode::BadValue, message).hint("`tickety export --help` lists the formats"));
        }
    }
    match output {
        Some(path) => to_file(format, &query, &path, session),
        None if session.json() => {
            let mut text = Vec::new();
            let exported = write(format, &query, &mut text, session, output::write_error)?;
            let text = String::from_utf8(text).expect("every format is UTF-8");
            answer(format, exported, None, Some(text), session)
        }
        None => {
            let output = BufWriter::new(io::stdout().lock());
            let mut output: Box<dyn Write> = match session.context.terminal.stdout {
                true => Box::new(JsonShown::new(output)),
                false => Box::new(output),
            };
            let exported = write(format, &query, &mut output, session, output::write_error)?;
            output.flush().map_err(|error| output::write_error(&error))?;
            name_left_out(&exported, session);
            session.name_problems(&exported.problems);
            Ok(ended(&exported))
        }
    }
}

/// An export that lacks something is not what was asked for: whoever keeps it has to know.
fn ended(exported: &Exported) -> Ended {
    if exported.problems.is_empty() { Ended::Done } else { Ended::No }
}

fn answer(
    format: Format,
    exported: Exported,
    output: Option<String>,
    text: Option<String>,
    session: &Session,
) -> Result<Ended, CliError> {
    let ended = ended(&exported);
    let Exported { count, problems, left_out } = exported;
    let problems = problems.into_iter().map(Into::into).collect();
    let answer = Answer { format: format.as_str(), count, output, text, left_out };
    session.answer(answer, Meta { problems, ..Meta::default() })?;
    Ok(ended)
}

/// Writes the issues; `failed` says what it means that the output can't be written.
fn write(
    format: Format,
    query: &Query,
    output: &mut dyn Write,
    session: &Session,
    failed: impl Fn(&io::Error) -> CliError,
) -> Result<Exported, CliError> {
    let schema = session.schema()?;
    let mut writer = format.writer(output, &schema).expect("what isn't written to a file was refused before");
    written(&mut *writer, query, session, failed)
}

/// Writes the issues with a writer.
fn written(
    writer: &mut dyn Writer,
    query: &Query,
    session: &Session,
    failed: impl Fn(&io::Error) -> CliError,
) -> Result<Exported, CliError> {
    // What is written may be what is seen.
    let mut progress = Progress::beside_output(session);
    let moment = session.moment(query)?;
    let mut show = |done| progress.show("writing", done, None);
    let written = export(session.storage()?, query, &moment, writer, &mut show);
    pollster::block_on(written).map_err(|error| match error {
        ExportError::Storage(error) => session.explain(error),
        ExportError::Write(error) => failed(&error),
    })
}

fn to_file(format: Format, query: &Query, path: &Path, session: &Session) -> Result<Ended, CliError> {
    if let Some(home) = compose::home_of_file(path) {
        let message = format!("{} lies in {}, which holds what Tickety writes itself", path.display(), home.display());
        return Err(CliError::usage(message).hint("name a file outside of it"));
    }
    let exported = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(CliError::usage(format!("{} is a folder", path.display())).hint("--output takes a file"));
        }
        // A device or a pipe is written to: a file in its place would be none.
        Ok(metadata) if !metadata.is_file() => {
            let failed = |error: &io::Error| CliError::io("write", path, error);
            let file = fs::File::options().write(true).open(path).map_err(|error| failed(&error))?;
            let is_terminal = file.is_terminal();
            let output = BufWriter::new(file);
            let mut output: Box<dyn Write> =
                if is_terminal { Box::new(JsonShown::new(output)) } else { Box::new(output) };
            let exported = write(format, query, &mut output, session, failed)?;
            output.flush().map_err(|error| failed(&error))?;
            exported
        }
        // What a link leads to is replaced, and not the link.
        Ok(_) => replace(format, query, &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), path, session)?,
        Err(_) => replace(format, query, path, path, session)?,
    };
    finished(format, exported, path, session)
}

/// Says what was written and where.
fn finished(format: Format, exported: Exported, path: &Path, session: &Session) -> Result<Ended, CliError> {
    if session.json() {
        return answer(format, exported, Some(path.display().to_string()), None, session);
    }
    session.note(format_args!("{} written to {}", counted(exported.count, "issue"), path.display()));
    name_left_out(&exported, session);
    session.name_problems(&exported.problems);
    Ok(ended(&exported))
}

/// Says what the format has no place for.
fn name_left_out(exported: &Exported, session: &Session) {
    if !exported.left_out.is_empty() {
        let parts: Vec<String> = exported.left_out.iter().map(|(what, count)| format!("{count} {what}")).collect();
        session.note(format_args!("left out, because the format has no place for them: {}", parts.join(", ")));
    }
}

/// Writes beside the file first, so that an export that fails leaves the old one. The new one may be read and written
/// by those who may the old one. Errors say what the file was called.
fn replace(format: Format, query: &Query, path: &Path, called: &Path, session: &Session) -> Result<Exported, CliError> {
    let name = path.file_name().ok_or_else(|| CliError::usage(format!("{} is no file name", called.display())))?;
    let beside = path.with_file_name(format!(".tmp-{}-{}", std::process::id(), name.to_string_lossy()));
    let failed = |error: &io::Error| CliError::io("write", called, error);
    let permissions = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    let mut options = fs::File::options();
    // Nobody gets to open it who couldn't read the old one.
    options.write(true).create_new(true).mode(if permissions.is_some() { 0o600 } else { 0o666 });
    let file = options.open(&beside).map_err(|error| failed(&error))?;
    let write_all = || {
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)).map_err(|error| failed(&error))?;
        let mut output = BufWriter::new(file);
        let exported = write(format, query, &mut output, session, failed)?;
        let synced = output.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.and_then(|()| fs::rename(&beside, path)).map_err(|error| failed(&error))?;
        Ok(exported)
    };
    write_all().inspect_err(|_| {
        fs::remove_file(&beside).ok();
    })
}
