//! A folder `issues/` with one Markdown file an issue, whose name begins with its number or a ULID:
//! `0012-mend-the-bell.md`, `01J8…-mend-the-bell.md`; those in `complete/`, `closed/` or `done/` are closed.
//!
//! | the file | Tickety |
//! |---|---|
//! | the number without zeros, or the ULID | the reference `issues:12` |
//! | the time in a ULID, where nothing else tells it | created |
//! | front matter, if there is any | as for any [Markdown](super::markdown) |
//! | the first heading, else the rest of the name | the title |
//! | the text | the body |
//!
//! Files without a number, such as a README, are passed over and counted.

use jiff::Timestamp;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem, title_of};
use super::markdown::{PARTS, SEPARATORS};

const PROFILE: Profile = Profile {
    system: "issues",
    parts: PARTS,
    statuses: &[],
    priorities: &[],
    left_out: &[],
    separators: SEPARATORS,
    names_are_whole: false,
    canonical,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".md"], is_yaml: false, place };

/// A number is the same with zeros before it, a ULID in upper and lower case.
fn canonical(name: &str) -> String {
    let name = name.trim().trim_start_matches('#');
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let plain = name.trim_start_matches('0');
        return if plain.is_empty() { name.to_owned() } else { plain.to_owned() };
    }
    if is_ulid(name) { name.to_uppercase() } else { name.to_owned() }
}

fn place(path: &str) -> Option<PathFacts> {
    let stem = stem(path);
    let end = stem.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(stem.len());
    let (name, slug) = stem.split_at(end);
    let number = name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty();
    if !number && !is_ulid(name) {
        return None;
    }
    let is_closed = path.split('/').rev().skip(1).any(|folder| {
        matches!(folder, "complete" | "completed" | "closed" | "done" | "resolved" | "archive" | "archived")
    });
    let created = if number { None } else { ulid_time(name) };
    Some(PathFacts {
        name: Some(name.to_owned()),
        status: is_closed.then_some("closed"),
        title: title_of(slug.trim_matches(|c: char| !c.is_alphanumeric())),
        created: created.map(|time| time.to_string()),
    })
}

/// Whether the name of a file is that of an issue.
pub(super) fn is_issue(name: &str) -> bool {
    place(name).is_some()
}

fn is_ulid(name: &str) -> bool {
    name.len() == 26 && name.bytes().all(|byte| digit(byte).is_some()) && name.as_bytes()[0] <= b'7'
}

/// Returns the value of a digit in Crockford's base 32.
fn digit(byte: u8) -> Option<u64> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    DIGITS.iter().position(|digit| *digit == byte.to_ascii_uppercase()).map(|place| place as u64)
}

/// Returns the time that a ULID begins with.
fn ulid_time(name: &str) -> Option<Timestamp> {
    let millis = name.bytes().take(10).try_fold(0, |time, byte| Some((time << 5) | digit(byte)?))?;
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_number_or_ulid() {
        let facts = place("issues/complete/0012-mend-the-bell.md").unwrap();
        assert_eq!((facts.name.as_deref(), facts.status), (Some("0012"), Some("closed")));
        assert_eq!((facts.title.as_deref(), canonical("0012")), (Some("Mend the bell"), "12".to_owned()));
        let facts = place("01ARZ3NDEKTSV4RRFFQ69G5FAV_x.md").unwrap();
        assert_eq!(facts.created.as_deref(), Some("2016-07-30T23:54:10.259Z"));
        assert!(place("README.md").is_none() && place("complete/notes-1.md").is_none());
    }
}
