//! The names of the members of an archive. A name that isn't exactly one of these is none, so nothing that an archive
//! says leads out of the home and its state.

use std::fmt;

use super::super::layout::{CONFIG_FILE, HomePath, RecordPath};

/// The name of the member that lists the others.
pub(super) const MANIFEST: &str = "manifest.json";

/// The file of a home that keeps the state out of git.
pub(super) const IGNORE_FILE: &str = ".gitignore";

/// The longest name: what the header of a member has room for.
const LONGEST: usize = 100;

/// A member of an archive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Member {
    /// The configuration of the home.
    Config,
    /// What git ignores in the home.
    Ignore,
    /// An issue or a comment.
    Record(RecordPath),
    /// A file of the log of events: full ones sort before the one that grows.
    Events(String),
    /// What became of a request.
    Request(String),
    /// A journal whose contents can be put back.
    Contents(String),
    /// A content that gave way to another.
    Kept(String),
    /// What was closed on a branch.
    Ledger(String),
}

impl Member {
    /// Reads a name; `None` unless it is exactly that of a member.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        if let Some(path) = name.strip_prefix("home/") {
            return match path {
                CONFIG_FILE => Some(Self::Config),
                IGNORE_FILE => Some(Self::Ignore),
                _ => path.strip_prefix("issues/")?.parse().ok().map(Self::Record),
            };
        }
        let (folder, name) = name.strip_prefix("state/")?.split_once('/')?;
        let of = |folder: fn(String) -> Self, is_name: bool| is_name.then(|| folder(name.to_owned()));
        match folder {
            "events" => of(Self::Events, is_log(name)),
            "requests" => of(Self::Request, name.len() == 32 && name.bytes().all(is_hex)),
            "contents" => of(Self::Contents, is_journal(name)),
            "kept" => of(Self::Kept, is_plain(name)),
            "ledger" => of(Self::Ledger, name.len() == 32 && name.bytes().all(is_hex)),
            _ => None,
        }
    }

    /// Returns the file of the home that it is, if it is one.
    pub(super) fn home_path(&self) -> Option<HomePath> {
        let plain = |name: &str| name.parse().expect("the name is a plain one");
        match self {
            Self::Config => Some(plain(CONFIG_FILE)),
            Self::Ignore => Some(plain(IGNORE_FILE)),
            Self::Record(record) => Some(record.home_path()),
            Self::Events(_) | Self::Request(_) | Self::Contents(_) | Self::Kept(_) | Self::Ledger(_) => None,
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => write!(f, "home/{CONFIG_FILE}"),
            Self::Ignore => write!(f, "home/{IGNORE_FILE}"),
            Self::Record(record) => write!(f, "home/issues/{record}"),
            Self::Events(name) => write!(f, "state/events/{name}"),
            Self::Request(name) => write!(f, "state/requests/{name}"),
            Self::Contents(name) => write!(f, "state/contents/{name}"),
            Self::Kept(name) => write!(f, "state/kept/{name}"),
            Self::Ledger(name) => write!(f, "state/ledger/{name}"),
        }
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `log`, or the number of the first event and how many there are: `00000000000000000001.245.log`.
fn is_log(name: &str) -> bool {
    let full = || name.strip_suffix(".log").and_then(|name| name.split_once('.'));
    name == "log"
        || full()
            .is_some_and(|(first, count)| is_number(first, 20) && !count.is_empty() && is_number(count, count.len()))
}

/// The time of the first transaction, then the name of the last: `01790000000000000000-9f86d081884c-12`.
fn is_journal(name: &str) -> bool {
    let mut parts = name.split('-');
    let (time, generation, id) = (parts.next(), parts.next(), parts.next());
    parts.next().is_none()
        && time.is_some_and(|time| is_number(time, 20))
        && generation.is_some_and(|name| name.len() == 12 && name.bytes().all(is_hex))
        && id.is_some_and(|id| !id.is_empty() && is_number(id, id.len()))
}

/// A name without anything that a shell or a file system makes something of.
fn is_plain(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(is_usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_member_and_printed_as_it_was() {
        for name in [
            "home/config.toml",
            "home/.gitignore",
            "home/issues/000/000042-k3f9.md",
            "home/issues/000/000042-k3f9_20261121T024857Z-7q2x.md",
            "state/events/log",
            "state/events/00000000000000000001.245.log",
            "state/requests/0123456789abcdef0123456789abcdef",
            "state/contents/01790000000000000000-9f86d081884c-12",
            "state/kept/000042-k3f9.md.12345678",
            "state/ledger/0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(Member::parse(name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_those_of_no_member() {
        let long = format!("state/kept/{}", "x".repeat(90));
        for name in [
            "",
            "/etc/passwd",
            "../config.toml",
            "home",
            "home/",
            "home/../config.toml",
            "home/config.toml/",
            "home//config.toml",
            "./home/config.toml",
            "home/local/journal",
            "home/issues/000/../000/000042-k3f9.md",
            "home/issues/001/000042-k3f9.md",
            "home/issues/000/notes.txt",
            "state/journal",
            "state/counter",
            "state/index.db",
            "state/events/../log",
            "state/events/log.damaged-1",
            "state/events/1.2.log",
            "state/requests/0123456789ABCDEF0123456789abcdef",
            "state/requests/..",
            "state/contents/1-9f86d081884c-12",
            "state/contents/01790000000000000000-9f86d081884c-12-1",
            "state/ledger/0123456789abcdef0123456789abcdef.damaged-1",
            "state/kept/..",
            "state/kept/.tmp-x",
            "state/kept/a/b",
            "state/kept/",
            "state/kept/a\0b",
            "state/kept/a b",
            &long,
        ] {
            assert_eq!(Member::parse(name), None, "{name}");
        }
    }
}
