//! Where everything lies: the directories of a home and the names of its records.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueNumber, Suffix};

/// The directory of a home.
pub const HOME_DIR: &str = ".tickety";
/// The configuration, relative to the home. A directory is a home if it has one.
pub const CONFIG_FILE: &str = "config.toml";
/// The directory of the records, relative to the home.
pub const ISSUES_DIR: &str = "issues";
/// The state directory of a plain folder, relative to the home.
pub const LOCAL_DIR: &str = "local";
/// What the names of unfinished files begin with. They are ignored everywhere.
pub const TEMPORARY_PREFIX: &str = ".tmp-";
/// How many numbers share a directory.
pub const SHARD_SIZE: u32 = 1000;

/// The name of Tickety's directory inside a git directory.
const STATE_DIR: &str = "tickety";

/// Where a home that isn't on the code's branches lies, in Tickety's directory of the clone.
const CLONE_HOME: &str = "home";

/// Where a repository keeps its issues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HomeKind {
    /// With the code, on its branches; or in a plain folder.
    Tree,
    /// On a branch of its own, checked out once for all work trees of the clone.
    Branch,
    /// In the clone, on no branch.
    Local,
}

impl HomeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tree, Self::Branch, Self::Local];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Branch => "branch",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for HomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The directories of one home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// What sort of home it is.
    pub kind: HomeKind,
    /// The folder that has the home: the root of the work tree, a folder below it, or a plain
    /// folder; for a home of the clone a directory of its own.
    pub root: PathBuf,
    /// The home, `.tickety` in the root.
    pub home: PathBuf,
    /// Where the records are, `issues` in the home. May be missing while there are none.
    pub issues: PathBuf,
    /// Where this checkout keeps its index, journal and lock. May be missing before the first
    /// write.
    pub state: PathBuf,
    /// Where all checkouts of the clone keep what they share. The same as `state` in a plain
    /// folder and in a clone's main work tree.
    pub common_state: PathBuf,
    /// The git directories around the home; `None` in a plain folder, and for a home on no branch.
    pub git: Option<GitDirs>,
    /// Those of the work tree with the code, which are others for a home of the clone; `None` in a plain folder.
    pub checkout: Option<GitDirs>,
}

/// The git directories of one checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitDirs {
    /// The root of the work tree.
    pub work_tree: PathBuf,
    /// The directory of this checkout, `$GIT_DIR`.
    pub git_dir: PathBuf,
    /// The directory of the clone, `$GIT_COMMON_DIR`. The same as `git_dir` but in a linked work
    /// tree.
    pub common_dir: PathBuf,
}

impl GitDirs {
    /// Returns the directory of a home that all work trees of the clone share, whether there is one or not.
    pub fn clone_home(&self) -> PathBuf {
        self.common_dir.join(STATE_DIR).join(CLONE_HOME)
    }
}

impl Layout {
    /// Lays out the home of a folder.
    ///
    /// The state of a home below the root of its work tree is kept apart from that of other homes
    /// of the same clone, by a hash of its path.
    pub fn new(root: PathBuf, git: Option<GitDirs>) -> Self {
        let home = root.join(HOME_DIR);
        let issues = home.join(ISSUES_DIR);
        let (state, common_state) = match &git {
            None => (home.join(LOCAL_DIR), home.join(LOCAL_DIR)),
            Some(git) => {
                let below = root.strip_prefix(&git.work_tree).unwrap_or(Path::new(""));
                (state_dir(&git.git_dir, below), state_dir(&git.common_dir, below))
            }
        };
        let checkout = git.clone();
        Self { kind: HomeKind::Tree, root, home, issues, state, common_state, git, checkout }
    }

    /// Lays out the home that all work trees of a clone share, as seen from one of them. `git` are the directories of
    /// the checkout of the home's own branch, if it has one.
    pub fn of_clone(checkout: GitDirs, git: Option<GitDirs>) -> Self {
        let kind = if git.is_some() { HomeKind::Branch } else { HomeKind::Local };
        let common_state = state_dir(&checkout.common_dir, Path::new(""));
        let own = Self::new(checkout.clone_home(), git);
        Self { kind, common_state, checkout: Some(checkout), ..own }
    }

    /// Returns where the root lies in its work tree; empty at the root of the work tree and in a
    /// plain folder.
    pub fn below_work_tree(&self) -> &Path {
        self.git.as_ref().and_then(|git| self.root.strip_prefix(&git.work_tree).ok()).unwrap_or(Path::new(""))
    }

    /// Returns the state directory and those above it up to the one that was there before, the git
    /// directory or the home.
    pub(crate) fn state_directories(&self) -> impl Iterator<Item = &Path> {
        let outermost = self.git.as_ref().map_or(&*self.home, |git| &git.git_dir);
        self.state.ancestors().take_while(move |dir| dir.starts_with(outermost))
    }

    /// Returns the file of the journal.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// Returns the file that says how far the journal is applied.
    pub fn journal_mark(&self) -> PathBuf {
        self.state.join("journal.mark")
    }

    /// Returns the file that writers lock.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Returns the directory where recovery saves what gave way to edits from outside.
    pub fn kept(&self) -> PathBuf {
        self.state.join("kept")
    }

    /// Returns the file of the index.
    pub fn index(&self) -> PathBuf {
        self.state.join("index.db")
    }

    /// Returns the log of what the index was good for.
    pub fn usage(&self) -> PathBuf {
        self.state.join("usage")
    }

    /// Returns the directory of the log of events.
    pub fn events(&self) -> PathBuf {
        self.state.join("events")
    }

    /// Returns the directory of what became of requests.
    pub fn requests(&self) -> PathBuf {
        self.state.join("requests")
    }

    /// Returns the directory of what was acknowledged and is in the journal no more.
    pub fn contents(&self) -> PathBuf {
        self.state.join("contents")
    }

    /// Returns the file of the counter of numbers.
    pub fn counter(&self) -> PathBuf {
        self.common_state.join("counter")
    }

    /// Returns the directory of the ledger of what is closed on other branches.
    pub fn ledger(&self) -> PathBuf {
        self.common_state.join("ledger")
    }

    /// Returns the configuration file.
    pub fn config(&self) -> PathBuf {
        self.home.join(CONFIG_FILE)
    }
}

/// Returns Tickety's directory in a git directory, for the home at a path below the work tree.
pub(crate) fn state_dir(git_dir: &Path, below: &Path) -> PathBuf {
    let state = git_dir.join(STATE_DIR);
    if below.as_os_str().is_empty() {
        return state;
    }
    let hash = blake3::hash(below.as_os_str().as_encoded_bytes());
    state.join("homes").join(&hash.to_hex()[..16])
}

/// The number of a directory of records: those of issues 0 to 999 are in shard 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shard(u32);

impl Shard {
    /// Returns the shard that a number belongs to.
    pub fn of(number: IssueNumber) -> Self {
        Self(number.get() / SHARD_SIZE)
    }

    /// Wraps a shard's own number.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the shard's own number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Returns the last number of the shard.
    pub fn last(self) -> u32 {
        self.0.saturating_mul(SHARD_SIZE).saturating_add(SHARD_SIZE - 1)
    }

    /// Parses the name of a directory; `None` unless it is exactly as printed.
    pub fn parse(name: &[u8]) -> Option<Self> {
        parse_digits(name, 3).map(Self)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// Where a record lies relative to the directory of the issues: `000/000042-k3f9.md` for an issue,
/// `000/000042-k3f9_20261121T024857Z-7q2x.md` for one of its comments.
///
/// Printing and parsing are exact inverses, so one record has one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordPath {
    /// The issue.
    pub issue: IssueKey,
    /// Which comment, for the record of a comment.
    pub comment: Option<CommentStamp>,
}

impl RecordPath {
    /// The path of an issue's record.
    pub fn issue(key: IssueKey) -> Self {
        Self { issue: key, comment: None }
    }

    /// The path of a comment's record.
    pub fn comment(key: IssueKey, stamp: CommentStamp) -> Self {
        Self { issue: key, comment: Some(stamp) }
    }

    /// Returns the directory the record is in.
    pub fn shard(&self) -> Shard {
        Shard::of(self.issue.number)
    }

    /// Returns the record's name in its directory.
    pub fn file_name(&self) -> String {
        let mut name = String::with_capacity(48);
        self.write_file_name(&mut name).expect("a string takes all that is written");
        name
    }

    /// Returns the path relative to the home.
    pub fn home_path(&self) -> HomePath {
        HomePath(format!("{ISSUES_DIR}/{self}"))
    }

    /// Parses the name of a file in a shard's directory. `None` unless it is exactly the name that
    /// a record in this directory would have.
    pub fn parse_file_name(shard: Shard, name: &[u8]) -> Option<Self> {
        Self::parse_name(name).filter(|path| path.shard() == shard)
    }

    /// Parses the name of a file, in whatever directory it is: `None` unless it is exactly that of a record.
    pub fn parse_name(name: &[u8]) -> Option<Self> {
        let stem = name.strip_suffix(b".md")?;
        let dash = stem.iter().position(|&byte| byte == b'-')?;
        let number = IssueNumber::new(parse_digits(&stem[..dash], 6)?)?;
        let (suffix, rest) = stem[dash + 1..].split_at_checked(4)?;
        let issue = IssueKey { number, suffix: parse_suffix(suffix)? };
        let comment = match rest {
            [] => None,
            [b'_', stamp @ ..] => Some(CommentStamp::parse(stamp)?),
            _ => return None,
        };
        Some(Self { issue, comment })
    }

    fn write_file_name(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{:06}-{}", self.issue.number.get(), self.issue.suffix)?;
        if let Some(stamp) = &self.comment {
            write!(out, "_{stamp}")?;
        }
        out.write_str(".md")
    }
}

impl fmt::Display for RecordPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.shard())?;
        self.write_file_name(f)
    }
}

impl FromStr for RecordPath {
    type Err = RecordPathParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('/')
            .and_then(|(shard, name)| Self::parse_file_name(Shard::parse(shard.as_bytes())?, name.as_bytes()))
            .ok_or_else(|| RecordPathParseError { text: text.to_owned() })
    }
}

/// A text that is not the path of a record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{text}` is not the path of a record: they look like 000/000042-k3f9.md and 000/000042-k3f9_20261121T024857Z-7q2x.md"
)]
pub struct RecordPathParseError {
    text: String,
}

/// What tells the comments of an issue apart: the second it was written, and the suffix of its id.
/// The order is that of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommentStamp {
    /// The date and time in UTC as the decimal digits `yyyymmddhhmmss`: what the name says,
    /// without the arithmetic of calendars.
    digits: u64,
    suffix: Suffix,
}

impl CommentStamp {
    /// Makes the stamp of a comment. The time is cut to whole seconds and to the years 0 to 9999.
    pub fn new(created: Timestamp, suffix: Suffix) -> Self {
        let civil = jiff::tz::Offset::UTC.to_datetime(created);
        let mut digits = u64::from(civil.year().max(0).unsigned_abs());
        for part in [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()] {
            digits = digits * 100 + u64::from(part.unsigned_abs());
        }
        Self { digits, suffix }
    }

    /// Returns the characters from the comment's id.
    pub fn suffix(&self) -> Suffix {
        self.suffix
    }

    /// Returns the date and time as the decimal digits `yyyymmddhhmmss`.
    pub(crate) fn digits(&self) -> u64 {
        self.digits
    }

    /// Makes the stamp of [`digits`](Self::digits) and suffix again.
    pub(crate) fn from_digits(digits: u64, suffix: Suffix) -> Self {
        Self { digits, suffix }
    }

    /// Parses `20261121T024857Z-7q2x`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(8)?;
        let (time, rest) = rest.strip_prefix(b"T")?.split_at_checked(6)?;
        let suffix = parse_suffix(rest.strip_prefix(b"Z-")?)?;
        let mut digits = 0;
        for &byte in date.iter().chain(time) {
            digits = digits * 10 + u64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        let part = |place: u32| digits / 100_u64.pow(place) % 100;
        let in_range =
            (1..=12).contains(&part(4)) && (1..=31).contains(&part(3)) && part(2) < 24 && part(1) < 60 && part(0) < 60;
        in_range.then_some(Self { digits, suffix })
    }
}

impl fmt::Display for CommentStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}T{:06}Z-{}", self.digits / 1_000_000, self.digits % 1_000_000, self.suffix)
    }
}

/// Parses a number that is padded with zeros to at least `width` digits and to no more.
fn parse_digits(text: &[u8], width: usize) -> Option<u32> {
    if text.len() < width || (text.len() > width && text[0] == b'0') {
        return None;
    }
    text.iter().try_fold(0_u32, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Parses a suffix in lower case, as names have it.
fn parse_suffix(text: &[u8]) -> Option<Suffix> {
    Suffix::from_bytes(text.try_into().ok()?)
}

/// A path relative to the home that stays inside it: components separated by `/`, none of them
/// empty, `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HomePath(String);

impl HomePath {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory part, if there is one, and the name.
    pub fn split(&self) -> (Option<&str>, &str) {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, &self.0),
        }
    }

    /// Returns the record of this path, if it is one of a record.
    pub fn record(&self) -> Option<RecordPath> {
        self.0.strip_prefix(ISSUES_DIR)?.strip_prefix('/')?.parse().ok()
    }
}

impl FromStr for HomePath {
    type Err = HomePathParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inside = text.split('/').all(|name| !matches!(name, "" | "." | "..")) && !text.contains('\0');
        if inside { Ok(Self(text.to_owned())) } else { Err(HomePathParseError { text: text.to_owned() }) }
    }
}

impl From<RecordPath> for HomePath {
    fn from(path: RecordPath) -> Self {
        path.home_path()
    }
}

impl fmt::Display for HomePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HomePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no path inside the home.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a path inside the home: it must be relative and must not leave {HOME_DIR}")]
pub struct HomePathParseError {
    text: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u32, suffix: &str) -> IssueKey {
        IssueKey { number: IssueNumber::new(number).unwrap(), suffix: suffix.parse().unwrap() }
    }

    #[test]
    fn records_are_named_as_documented() {
        let stamp = CommentStamp::new("2026-11-21T02:48:57.9Z".parse().unwrap(), "7q2x".parse().unwrap());
        assert_eq!(RecordPath::issue(key(42, "k3f9")).to_string(), "000/000042-k3f9.md");
        assert_eq!(
            RecordPath::comment(key(42, "k3f9"), stamp).home_path().as_str(),
            "issues/000/000042-k3f9_20261121T024857Z-7q2x.md"
        );
        assert_eq!(RecordPath::issue(key(1_234_567, "zzzz")).to_string(), "1234/1234567-zzzz.md");
        assert_eq!(RecordPath::issue(key(u32::MAX, "0000")).to_string(), "4294967/4294967295-0000.md");
    }

    #[test]
    fn other_names_are_no_records() {
        for text in [
            "000042-k3f9.md",
            "000/42-k3f9.md",
            "000/0000042-k3f9.md",
            "0000/000042-k3f9.md",
            "001/000042-k3f9.md",
            "000/000042-K3F9.md",
            "000/000042-k3fl.md",
            "000/000042-k3f9.MD",
            "000/000042-k3f9.md~",
            "000/000042-k3f9",
            "000/000000-k3f9.md",
            "000/000042-k3f9_.md",
            "000/000042-k3f9_20261121T024857Z.md",
            "000/000042-k3f9_20261321T024857Z-7q2x.md",
            "000/000042-k3f9_20261121T244857Z-7q2x.md",
            "000/000042-k3f9_20261121T024857Z-7q2x-2.md",
            "000/4294967296-k3f9.md",
            "000/000042-k3é.md",
            "",
            "/",
        ] {
            assert!(text.parse::<RecordPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn comments_sort_by_time() {
        let early = CommentStamp::new("2025-12-31T23:59:59Z".parse().unwrap(), "zzzz".parse().unwrap());
        let late = CommentStamp::new("2026-01-01T00:00:00Z".parse().unwrap(), "0000".parse().unwrap());
        assert!(early < late);
        assert!(RecordPath::issue(key(42, "k3f9")) < RecordPath::comment(key(42, "k3f9"), early));
    }

    #[test]
    fn paths_out_of_the_home_are_refused() {
        for text in ["", "/etc/passwd", "../x", "issues/../../x", "issues//x", "./x", "issues/", "a\0b"] {
            assert!(text.parse::<HomePath>().is_err(), "{text}");
        }
        let path: HomePath = "issues/000/000042-k3f9.md".parse().unwrap();
        assert_eq!(path.split(), (Some("issues/000"), "000042-k3f9.md"));
        assert_eq!(path.record(), Some(RecordPath::issue(key(42, "k3f9"))));
        assert_eq!("config.toml".parse::<HomePath>().unwrap().record(), None);
    }

    #[test]
    fn homes_of_one_clone_keep_their_state_apart() {
        let git =
            GitDirs { work_tree: "/w".into(), git_dir: "/c/.git/worktrees/w".into(), common_dir: "/c/.git".into() };
        let top = Layout::new("/w".into(), Some(git.clone()));
        let one = Layout::new("/w/one".into(), Some(git.clone()));
        let two = Layout::new("/w/two".into(), Some(git));
        assert_eq!(top.state, Path::new("/c/.git/worktrees/w/tickety"));
        assert_eq!(top.common_state, Path::new("/c/.git/tickety"));
        assert!(one.state.starts_with("/c/.git/worktrees/w/tickety/homes"));
        assert_ne!(one.state, two.state);
        assert_ne!(one.common_state, two.common_state);
        assert_eq!(one.below_work_tree(), Path::new("one"));
        let names = |layout: &Layout| -> Vec<_> { layout.state_directories().map(Path::to_owned).collect() };
        assert_eq!(names(&top), [Path::new("/c/.git/worktrees/w/tickety"), Path::new("/c/.git/worktrees/w")]);
        assert_eq!(names(&one).len(), 4);
    }

    #[test]
    fn a_plain_folder_keeps_its_state_in_the_home() {
        let layout = Layout::new("/f".into(), None);
        assert_eq!(layout.state, Path::new("/f/.tickety/local"));
        assert_eq!(layout.counter(), Path::new("/f/.tickety/local/counter"));
    }

    proptest! {
        #[test]
        fn a_record_path_survives_printing(
            number in 1_u32..,
            suffix in "[0-9a-hjkmnp-tv-z]{4}",
            comment in proptest::option::of((-377_705_023_201_i64..=253_402_207_200, "[0-9a-hjkmnp-tv-z]{4}")),
        ) {
            let comment = comment.map(|(second, suffix)| {
                CommentStamp::new(Timestamp::from_second(second).unwrap(), suffix.parse().unwrap())
            });
            let path = RecordPath { issue: key(number, &suffix), comment };
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn what_parses_prints_the_same(text in "[0-9]{3,4}/[0-9]{6,7}-[0-9a-z]{4}(_[0-9]{8}T[0-9]{6}Z-[0-9a-z]{4})?\\.md") {
            if let Ok(path) = text.parse::<RecordPath>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }
}
