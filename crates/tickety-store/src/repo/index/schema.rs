//! The tables of the index.
//!
//! SQLite reads the definitions of all tables whenever a process opens the file, so there are few.
//! `issues` holds what queries test and order by, in narrow rows that are quick to walk; `cards`
//! holds what is shown of an issue. Every name an issue has (label, assignee, custom field …) is a
//! row of `names`, so that one table answers them all in the order of the issues.

use rusqlite::Connection;

/// The version of the tables, and of what is written into them: tokens, folding, derived values. An
/// index of another version is made anew.
pub const FORMAT: i64 = 1;

/// What stands in for a missing due date: it is later than every date, and missing dates come last
/// in the order of what to do next, which is answered from an index.
pub(super) const NO_DUE: i64 = i32::MAX as i64;

/// Between two comments in the text index: a token core never makes, as it is no letter, so that
/// no phrase crosses from one comment to the next.
pub(super) const BARRIER: &str = " \u{b6} ";

/// The kinds of rows in `names`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub(super) enum NameKind {
    Label = 0,
    Assignee = 1,
    Reporter = 2,
    Commenter = 3,
    Milestone = 4,
    Reference = 5,
    /// The key of a custom field the issue has.
    FieldKey = 6,
    /// Key, NUL, folded text: the value of a custom field as it prints. Where it is no text, `shown` says so.
    FieldText = 7,
    /// Key, NUL, the value so that bytes order as numbers do.
    FieldNumber = 8,
    /// Key, NUL, the days so that bytes order as numbers do.
    FieldDate = 9,
    /// Key, NUL, 0 or 1.
    FieldBool = 10,
}

/// What `names.shown` says of the printed value of a custom field that is no text.
pub(super) const NO_TEXT: &str = "no text";

/// Bits of `issues.present`: which of the parts without a column an issue has.
pub(super) mod present {
    pub(crate) const TITLE: i64 = 1;
    pub(crate) const BODY: i64 = 1 << 1;
    pub(crate) const NOTE: i64 = 1 << 2;
    pub(crate) const LABEL: i64 = 1 << 3;
    pub(crate) const ASSIGNEE: i64 = 1 << 4;
    pub(crate) const REPORTER: i64 = 1 << 5;
    pub(crate) const MILESTONE: i64 = 1 << 6;
    pub(crate) const REFERENCE: i64 = 1 << 7;
    pub(crate) const FIELDS: i64 = 1 << 8;
}

const TABLES: &str = "
CREATE TABLE meta (
    format INTEGER NOT NULL,    -- the first column of every format, so that any version can read it
    config TEXT NOT NULL,
    boot TEXT NOT NULL,
    generation INTEGER NOT NULL,
    twins INTEGER NOT NULL,     -- how many issues share their number with another
    head TEXT
) STRICT;

CREATE TABLE issues (
    id INTEGER PRIMARY KEY,     -- number << 20 | complement of the suffix
    category INTEGER NOT NULL,  -- 0 open, 1 in-progress, 2 closed
    rank INTEGER NOT NULL,      -- of the priority: 0 critical to 4 lowest
    due INTEGER NOT NULL,       -- days since 1970, or NO_DUE
    blocked INTEGER NOT NULL,   -- whether an issue that isn't closed blocks it
    created INTEGER NOT NULL,   -- times in microseconds since 1970
    updated INTEGER NOT NULL,
    closed INTEGER,
    reason INTEGER,
    comments INTEGER NOT NULL,
    estimate INTEGER,           -- minutes
    spent INTEGER,
    present INTEGER NOT NULL,   -- bits: which parts it has
    status TEXT NOT NULL,
    kind TEXT NOT NULL
) STRICT;

CREATE TABLE cards (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL,
    title TEXT NOT NULL,
    folded_title TEXT,          -- where folding changes it
    labels BLOB NOT NULL,       -- packed, as the file has them
    assignees BLOB NOT NULL,
    reporter TEXT,
    milestone TEXT,
    folded_milestone TEXT,
    nanos INTEGER,              -- what microseconds leave of created, closed and updated
    version BLOB NOT NULL,
    names BLOB NOT NULL,        -- the rows of names that are its own
    text_hash BLOB NOT NULL     -- of what the text index was given
) STRICT;

CREATE TABLE names (
    kind INTEGER NOT NULL,
    name BLOB NOT NULL,         -- folded
    issue INTEGER NOT NULL,
    shown TEXT,                 -- the spellings in the file, where folding changes them
    PRIMARY KEY (kind, name, issue)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    holder INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    number INTEGER NOT NULL,
    suffix INTEGER NOT NULL,    -- -1 where the link names none
    target INTEGER,             -- the one issue that has the name
    PRIMARY KEY (holder, kind, number, suffix)
) STRICT, WITHOUT ROWID;

CREATE TABLE shards (
    id INTEGER PRIMARY KEY,
    stat BLOB NOT NULL
) STRICT;

CREATE TABLE files (
    id INTEGER PRIMARY KEY,     -- 16 rows a shard
    entries BLOB NOT NULL       -- packed, by path
) STRICT;

CREATE TABLE problems (
    path TEXT PRIMARY KEY,
    line INTEGER,
    message TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The tokens core makes hold ASCII letters, digits and characters beyond ASCII: the ascii tokenizer keeps them whole.
CREATE VIRTUAL TABLE texts USING fts5(
    title, body, comments, content='', contentless_delete=1, tokenize='ascii'
);
";

/// What answers the common questions in their order, and finds the other end of a link. Bulk loads make
/// these at their end.
const INDEXES: &str = "
CREATE INDEX issues_open ON issues (category < 2) WHERE category < 2;
CREATE INDEX issues_ready ON issues (rank, due) WHERE category = 0 AND blocked = 0;
CREATE INDEX issues_updated ON issues (updated);
CREATE INDEX issues_updated_open ON issues (updated) WHERE category < 2;
CREATE INDEX issues_closed ON issues (closed) WHERE closed IS NOT NULL;
CREATE INDEX cards_uuid ON cards (uuid);
CREATE INDEX links_number ON links (number);
";

/// Makes the tables.
pub(super) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// Makes the secondary indexes.
pub(super) fn create_indexes(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(INDEXES)
}
