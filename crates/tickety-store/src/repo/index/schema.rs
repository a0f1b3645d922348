//! The tables of the index.
//!
//! SQLite reads the definitions of all tables whenever a process opens the file, so there are few.
//! `issues` holds what queries test and order by, in narrow rows that are quick to walk; `cards`
//! holds what is shown of an issue. Every name an issue has (label, assignee, custom field …) is a
//! row of `names`, so that one table answers them all in the order of the issues.

use rusqlite::Connection;

/// The version of the tables, and of what is written into them: tokens, folding, derived values. An
/// index of another version is made anew.
pub const FORMAT: i64 = 8;

/// What stands in for a missing due date: it is later than every date, and missing dates come last
/// in the order of what to do next, which is answered from an index.
pub(super) const NO_DUE: i64 = i32::MAX as i64;

/// Between two comments in the text index, where the note of a closed issue stands as one: a token core never makes, as
/// it is no letter, so that no phrase crosses from one comment to the next.
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

// SQLite parses these texts again in every process, so they hold no comments, no constraints, and types only where a
// column is compared with a row id: without one, no index serves the comparison.
//
// - `meta.format` is the first column in every format, so that any version can read it. `transactions` is the number
//   of the last transaction, from any beginning. `twins` is how many issues
//   share their number with another, `unmerged` how many texts have changed since the text index was last merged,
//   `changes` what the last transactions changed.
// - `issues.id` and its like are a `RowId`. `category` is 0 open, 1 in-progress, 2 closed; `rank` is that of the
//   priority, 0 critical to 4 lowest; `due` counts days since 1970 or is `NO_DUE`; `blocked` is derived; times are in
//   microseconds since 1970, `estimate` and `spent` in minutes; `present` holds the bits above.
// - `cards.card` is what is shown, packed; `blocked` is that of the issue, so that a card is enough. `title` and `milestone` are folded, to sort by. `names` (the
//   rows of `names` that are the issue's) is packed too. `text_hash` is of what the text index was given.
// - `names.name` is folded; `shown` has the spellings in the file, where folding changes them; `category` is that of the
//   issue, so that lists of what is open look up no other issue.
// - `links.suffix` is -1 where the link names none, `target` the one issue that has the name.
// - `problems.issue` is the issue that can't be read for it; a comment that can't be hides none.
// - `files.entries` are packed, 64 rows a shard.
// - The tokens core makes hold ASCII letters, digits and characters beyond ASCII: the ascii tokenizer keeps them
//   whole.
const TABLES: &str = "
CREATE TABLE meta (format, config, boot, transactions, generation, twins, unmerged, head, changes);
CREATE TABLE issues (id INTEGER PRIMARY KEY, category, rank, due, blocked, created, updated, closed, reason, comments, \
estimate, spent, present, status, kind);
CREATE TABLE cards (id INTEGER PRIMARY KEY, blocked, card, uuid, title, milestone, names, text_hash);
CREATE TABLE names (kind, name, issue INT, shown, category, PRIMARY KEY (kind, name, issue)) WITHOUT ROWID;
CREATE TABLE links (holder INT, kind, number INT, suffix, target INT, PRIMARY KEY (holder, kind, number, suffix)) WITHOUT ROWID;
CREATE TABLE shards (id INTEGER PRIMARY KEY, stat);
CREATE TABLE files (id INTEGER PRIMARY KEY, entries);
CREATE TABLE problems (path PRIMARY KEY, line, message, issue INT) WITHOUT ROWID;
CREATE VIRTUAL TABLE texts USING fts5(title, body, comments, content='', contentless_delete=1, tokenize='ascii');
";

/// What answers the common questions in their order, and finds the other end of a link. Bulk loads
/// make these at their end.
const INDEXES: &str = "
CREATE INDEX issues_open ON issues (id) WHERE category < 2;
CREATE INDEX issues_ready ON issues (rank, due) WHERE category = 0 AND blocked = 0;
CREATE INDEX issues_rank_open ON issues (rank, id DESC) WHERE category < 2;
CREATE INDEX issues_updated ON issues (updated);
CREATE INDEX issues_updated_open ON issues (updated) WHERE category < 2;
CREATE INDEX issues_closed ON issues (closed);
CREATE INDEX cards_uuid ON cards (uuid);
CREATE INDEX links_number ON links (number);
";

/// After how many changed texts parts of the text index are merged. Merging after each would write ten pages to save
/// the next search from reading one; until then every search looks into as many small parts at the most.
pub(super) const MERGED_TEXTS: i64 = 16;

/// How many pages of the text index are merged for each issue whose text is written. The default would merge a
/// whole level at once now and then, which takes the longer the more issues there are.
pub(super) const MERGED_PAGES: i64 = 8;

/// Sets up the merging of the text index: one part of one, and little by little from then on.
pub(super) fn settle_texts(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT INTO texts (texts) VALUES ('optimize');
         INSERT INTO texts (texts, rank) VALUES ('automerge', 0);
         INSERT INTO texts (texts, rank) VALUES ('crisismerge', 256);",
    )
}

/// Makes the tables.
pub(super) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// Makes the secondary indexes.
pub(super) fn create_indexes(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(INDEXES)
}
