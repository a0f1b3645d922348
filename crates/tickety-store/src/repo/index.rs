//! The index of a repository's issues: what is derived from the files, in one SQLite file.
//!
//! The index answers queries, finds files and remembers by which stat keys they were read. It never
//! reads an issue file and holds nothing that the files don't tell: it is rebuilt at will, after a
//! reboot too, since its writes are never synced. What it answers agrees with
//! [`Query::matches`](tickety_core::Query::matches) and [`compare`](tickety_core::query::compare).
//!
//! - [`Index::open`] says whether there is one to use; [`Index::build`] makes one afresh.
//! - [`Index::write`] keeps it up to date, one transaction at a time, under the store's write lock.
//! - [`Index::list`], [`count`](Index::count), [`stats`](Index::stats), [`graph`](Index::graph) and
//!   [`resolve`](Index::resolve) answer; [`Index::files`] and [`locate`](Index::locate) say
//!   what to look at to know that the answer is fresh.
//!
//! A transaction that was killed is rolled back by whoever opens the file next. Readers are kept
//! waiting only while a transaction is being written out.

mod build;
mod card;
mod changes;
mod compare;
mod compile;
mod derive;
mod error;
mod files;
mod links;
mod list;
mod order;
mod packed;
mod plan;
mod record;
mod row_id;
mod schema;
mod seal;
mod sql;
mod state;
mod stats;
#[cfg(test)]
mod tests;
mod tracked;
mod verify;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tickety_core::schema::Schema;

pub use build::IndexBuilder;
pub use error::IndexError;
pub use files::Location;
pub use list::Listing;
pub use record::RecordState;
pub use schema::FORMAT;
pub use tracked::{Changes, TrackedFile, TrackedFiles, TrackedShard};
pub use verify::{Difference, Side};
pub use write::IndexWriter;

/// How long to wait for a transaction of another process to be written out.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// What errors call an index that has no file.
const IN_MEMORY: &str = ":memory:";

/// How many prepared statements are kept.
const STATEMENTS: usize = 64;

/// An open index. One thread uses it at a time; every thread that reads opens its own.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
}

/// What an index was made under. It serves only under the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    /// A hash of the configured vocabulary, which decides what records mean.
    pub config: String,
    /// The boot of the machine: an index isn't synced, so it may be torn after another boot.
    pub boot: String,
}

impl Fingerprint {
    /// Makes the fingerprint of a vocabulary and a boot (any text that differs from boot to boot).
    pub fn new(schema: &Schema, boot: &str) -> Self {
        let config = blake3::hash(format!("{schema:?}").as_bytes()).to_hex();
        Self { config: config.to_string(), boot: boot.to_owned() }
    }
}

/// What opening an index found.
#[derive(Debug)]
pub enum Opened {
    /// It can be used.
    Ready(Index),
    /// It has to be made afresh.
    Rebuild(RebuildReason),
}

/// Why an index has to be made afresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RebuildReason {
    /// There is none.
    Missing,
    /// The file is no index or is torn.
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
    /// An older Tickety made it.
    Older {
        /// Its format.
        format: i64,
    },
    /// A newer Tickety made it; it will be replaced, and the newer one will replace this.
    Newer {
        /// Its format.
        format: i64,
    },
    /// It was made under another configuration.
    Config,
    /// The machine was started again since; an index isn't synced.
    Reboot,
}

/// What an index tells about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexStatus {
    /// How many transactions changed what it says of issues.
    pub generation: u64,
    /// How many issues it has.
    pub issues: u64,
    /// How many files it knows.
    pub files: u64,
    /// How many of them can't be read.
    pub problems: u64,
    /// Under which commit the files were last looked at.
    pub head: Option<String>,
}

impl Index {
    /// Opens the index, for reading only where it can't be written. An error says something about
    /// the machine; whatever is wrong with the file itself is a [`RebuildReason`].
    pub fn open(path: &Path, fingerprint: &Fingerprint) -> Result<Opened, IndexError> {
        let look = seal::Look::at(path);
        let index = match Self::connect(path) {
            Ok(index) => index,
            Err(IndexError::Damaged { detail, .. }) => return Ok(Opened::Rebuild(RebuildReason::Damaged { detail })),
            Err(_) if is_missing(path) => return Ok(Opened::Rebuild(RebuildReason::Missing)),
            Err(error) => return Err(error),
        };
        match index.check(fingerprint) {
            Ok(Ok(transaction)) if look.is_foreign(path, transaction) => {
                let detail = seal::FOREIGN.to_owned();
                Ok(Opened::Rebuild(RebuildReason::Damaged { detail }))
            }
            Ok(Ok(_)) => Ok(Opened::Ready(index)),
            Ok(Err(reason)) => Ok(Opened::Rebuild(reason)),
            Err(IndexError::Damaged { detail, .. }) => Ok(Opened::Rebuild(RebuildReason::Damaged { detail })),
            Err(error) => Err(error),
        }
    }

    fn connect(path: &Path) -> Result<Self, IndexError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| IndexError::of("open it", path, error))?;
        Self::over(connection, path)
    }

    fn over(connection: Connection, path: &Path) -> Result<Self, IndexError> {
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| IndexError::of("open it", path, error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise SQLite compiles a statement once more after it has seen what is bound to it, which changes no
        // plan of ours.
        let stable = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        stable.map_err(|error| IndexError::of("open it", path, error))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Returns the number of the last transaction, or why the index doesn't serve.
    fn check(&self, fingerprint: &Fingerprint) -> Result<Result<i64, RebuildReason>, IndexError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare("SELECT * FROM meta")?;
            statement.query_row([], |row| {
                let format: i64 = row.get(0)?;
                Ok(match format {
                    _ if format < FORMAT => Err(RebuildReason::Older { format }),
                    _ if format > FORMAT => Err(RebuildReason::Newer { format }),
                    _ if row.get_ref("boot")?.as_str()? != fingerprint.boot => Err(RebuildReason::Reboot),
                    _ if row.get_ref("config")?.as_str()? != fingerprint.config => Err(RebuildReason::Config),
                    _ => Ok(row.get("transactions")?),
                })
            })
        };
        read().map_err(self.error("read its description"))
    }

    /// Whether the file can't be written, so that the index answers but can't be brought up to date.
    pub fn is_read_only(&self) -> bool {
        self.connection.is_readonly("main").unwrap_or(true)
    }

    /// Returns under which commit the files were last looked at.
    pub fn head(&self) -> Result<Option<String>, IndexError> {
        let read = self.connection.query_row("SELECT head FROM meta", [], |row| row.get(0));
        read.map_err(self.error("read its description"))
    }

    /// Returns what the index tells about itself.
    pub fn status(&self) -> Result<IndexStatus, IndexError> {
        let read = || {
            self.connection.query_row(
                "SELECT generation, (SELECT count(*) FROM issues), (SELECT count(*) FROM problems), head FROM meta",
                [],
                |row| {
                    Ok(IndexStatus {
                        generation: unsigned(row.get(0)?),
                        issues: unsigned(row.get(1)?),
                        files: 0,
                        problems: unsigned(row.get(2)?),
                        head: row.get(3)?,
                    })
                },
            )
        };
        let status = read().map_err(self.error("read its description"))?;
        Ok(IndexStatus { files: self.all_files()?.len() as u64, ..status })
    }

    /// Returns how many rows it has of each kind, as people call them.
    pub fn row_counts(&self) -> Result<Vec<(&'static str, u64)>, IndexError> {
        const KINDS: [(&str, &str); 5] = [
            ("issues", "SELECT count(*) FROM issues"),
            ("names", "SELECT count(*) FROM names"),
            ("links", "SELECT count(*) FROM links"),
            ("unreadable", "SELECT count(*) FROM problems"),
            ("directories", "SELECT count(*) FROM shards"),
        ];
        let count = |sql: &str| self.connection.query_row(sql, [], |row| row.get(0)).map(unsigned);
        let counts: rusqlite::Result<Vec<_>> = KINDS.into_iter().map(|(kind, sql)| Ok((kind, count(sql)?))).collect();
        let mut counts = counts.map_err(self.error("count its rows"))?;
        counts.push(("files", self.all_files()?.len() as u64));
        Ok(counts)
    }

    /// Counts every statement that is run from now on.
    #[cfg(feature = "effort")]
    pub(super) fn count_statements(&mut self, counter: std::sync::Arc<std::sync::atomic::AtomicU64>) {
        use rusqlite::trace::{TraceEvent, TraceEventCodes};
        let count = move |_: TraceEvent<'_>| {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let traced = self.connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count));
        traced.expect("a connection can be traced");
    }

    /// Returns how to say what failed.
    fn error(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> IndexError + use<'_> {
        move |error| IndexError::of(action, &self.path, error)
    }
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Returns a count as one.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
