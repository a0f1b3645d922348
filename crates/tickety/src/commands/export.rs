//! `tickety export`

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_core::query::Query;
use tickety_engine::convert::Format;
use tickety_engine::export::{ExportError, export};

use crate::exit::{CliError, Ended};
use crate::output;
use crate::progress::Progress;
use crate::question::QueryArgs;
use crate::session::Session;

/// Write issues in a format that other programs read
///
/// Issues of every status are written unless the query says otherwise. json and jsonl lose nothing:
/// importing them makes the same issues.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// json, jsonl or beads
    #[arg(value_name = "FORMAT")]
    format: String,

    #[command(flatten)]
    query: QueryArgs,

    /// Write to FILE, which is replaced as a whole once everything is written
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Exported {
    format: &'static str,
    count: u64,
    /// Where it was written to.
    output: Option<String>,
    /// What was written, where no file was given.
    text: Option<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let format: Format = args.format.parse().map_err(|error| CliError::new(ErrorCode::BadValue, error))?;
    let query = args.query.parse(session)?;
    match args.output {
        Some(path) => to_file(format, &query, &path, session),
        None if session.json() => {
            let mut text = Vec::new();
            let count = write(format, &query, &mut text, session)?;
            let text = String::from_utf8(text).expect("every format is UTF-8");
            session.answer(Exported { format: format.as_str(), count, output: None, text: Some(text) }, Meta::default())
        }
        None => {
            write(format, &query, &mut BufWriter::new(io::stdout().lock()), session)?;
            Ok(Ended::Done)
        }
    }
}

fn write(format: Format, query: &Query, output: &mut dyn Write, session: &Session) -> Result<u64, CliError> {
    let schema = session.schema()?;
    let mut writer = format.writer(output, &schema);
    let mut progress = Progress::new(session);
    let moment = session.moment(query);
    let mut show = |done| progress.show("writing", done, None);
    let written = export(session.storage()?, query, &moment, &mut *writer, &mut show);
    pollster::block_on(written).map_err(|error| match error {
        ExportError::Storage(error) => session.explain(error),
        ExportError::Write(error) => output::write_error(&error),
    })
}

/// Writes beside the file first, so that an export that fails leaves the old one.
fn to_file(format: Format, query: &Query, path: &Path, session: &Session) -> Result<Ended, CliError> {
    let name = path.file_name().ok_or_else(|| CliError::usage(format!("{} is no file name", path.display())))?;
    let beside = path.with_file_name(format!(".tmp-{}-{}", std::process::id(), name.to_string_lossy()));
    let written = fs::File::create_new(&beside)
        .map_err(|error| CliError::io("create", &beside, &error))
        .and_then(|file| {
            let mut output = BufWriter::new(file);
            let count = write(format, query, &mut output, session)?;
            let synced = output.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            synced.map_err(|error| CliError::io("write", &beside, &error))?;
            fs::rename(&beside, path).map_err(|error| CliError::io("write", path, &error))?;
            Ok(count)
        });
    let count = written.inspect_err(|_| {
        fs::remove_file(&beside).ok();
    })?;
    if session.json() {
        let output = Some(path.display().to_string());
        return session.answer(Exported { format: format.as_str(), count, output, text: None }, Meta::default());
    }
    session.note(format_args!("{count} issues written to {}", path.display()));
    Ok(Ended::Done)
}
