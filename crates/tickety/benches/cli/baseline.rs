//! What rebuilding and importing can't do without: reading and parsing every record, inserting it
//! into SQLite and FTS5, writing files. Nothing is synced, checked or derived here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, params};
use tickety_core::Schema;
use tickety_core::issue::{Comment, Issue};
use tickety_store::repo::format::{parse_comment, parse_issue};
use tickety_store::repo::layout::{RecordPath, Shard};

const TABLES: &str = "
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE issues (
    id INTEGER PRIMARY KEY, uuid BLOB, title TEXT, status TEXT, kind TEXT, priority INTEGER, reporter TEXT,
    labels TEXT, assignees TEXT, created INTEGER, closed INTEGER, path TEXT
);
CREATE VIRTUAL TABLE texts USING fts5(title, body, comments, content='');
";

/// Reads and parses the records of a repository and inserts them into a new database.
pub(crate) fn parse_and_insert(records: &[(PathBuf, Vec<PathBuf>)], schema: &Schema, database: &Path) -> Result<u32> {
    if database.exists() {
        fs::remove_file(database)?;
    }
    let mut connection = Connection::open(database)?;
    connection.execute_batch(TABLES)?;
    let transaction = connection.transaction()?;
    let mut issues = 0;
    {
        let mut row = transaction.prepare("INSERT INTO issues VALUES (?,?,?,?,?,?,?,?,?,?,?,?)")?;
        let mut text = transaction.prepare("INSERT INTO texts (rowid, title, body, comments) VALUES (?,?,?,?)")?;
        let mut insert = |issue: &Issue, comments: &[Comment], path: &Path| -> Result<()> {
            issues += 1;
            row.execute(params![
                issues,
                issue.id.to_string(),
                issue.title,
                issue.status.to_string(),
                issue.kind.to_string(),
                issue.priority.rank(),
                issue.reporter,
                joined(&issue.labels),
                joined(&issue.assignees),
                issue.created.as_microsecond(),
                issue.closure.as_ref().and_then(|closure| closure.at).map(|at| at.as_microsecond()),
                path.to_str(),
            ])?;
            let comments: Vec<&str> = comments.iter().map(|comment| comment.body.as_str()).collect();
            text.execute(params![issues, issue.title, issue.body, comments.join("\n")])?;
            Ok(())
        };
        for (folder, names) in records {
            // In the order of their names, an issue comes before its comments.
            let mut current: Option<(Issue, Vec<Comment>, PathBuf)> = None;
            for name in names {
                let path = folder.join(name);
                let bytes = fs::read(&path)?;
                let record = record_path(folder, name).with_context(|| format!("{} is no record", path.display()))?;
                if let Some(stamp) = record.comment {
                    let (_, comments, _) = current.as_mut().context("a comment without an issue")?;
                    comments.push(parse_comment(&bytes, stamp.suffix())?);
                } else {
                    let issue = parse_issue(&bytes, record.issue, schema)?;
                    if let Some((issue, comments, path)) = current.replace((issue, Vec::new(), path)) {
                        insert(&issue, &comments, &path)?;
                    }
                }
            }
            if let Some((issue, comments, path)) = current {
                insert(&issue, &comments, &path)?;
            }
        }
    }
    transaction.commit()?;
    ensure!(issues > 0, "no records");
    Ok(issues)
}

fn record_path(folder: &Path, name: &Path) -> Option<RecordPath> {
    let shard = Shard::parse(folder.file_name()?.as_encoded_bytes())?;
    RecordPath::parse_file_name(shard, name.as_os_str().as_encoded_bytes())
}

fn joined(names: &std::collections::BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Writes the records of a repository into an empty folder.
pub(crate) fn write_files(records: &[(PathBuf, Vec<PathBuf>)], folder: &Path) -> Result<()> {
    for (shard, names) in records {
        let target = folder.join(shard.file_name().context("a shard has a name")?);
        fs::create_dir_all(&target)?;
        for name in names {
            fs::write(target.join(name), fs::read(shard.join(name))?)?;
        }
    }
    Ok(())
}
