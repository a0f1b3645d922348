//! When tokens were last used, to the hour: for who wants to know which are worth keeping.
//!
//! It stands in a file of its own, `tokens.used`, which a server writes at most once an hour for each token. Nothing rests on
//! it: what can't be read or written is as if it weren't there.

use std::collections::BTreeMap;
use std::io;

use jiff::{SignedDuration, Timestamp};

use super::{MAX_BYTES, Token, TokenFile, owner};

/// The name of the file.
const FILE: &str = "tokens.used";

/// How old what is written may be before it is written again.
const OFTEN: SignedDuration = SignedDuration::from_hours(1);

/// When the tokens of a clone were last used, by what names them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uses(BTreeMap<String, Timestamp>);

impl Uses {
    /// Returns when a token was last used, to the hour.
    pub fn of(&self, token: &Token) -> Option<Timestamp> {
        self.0.get(&token.id()).copied()
    }

    /// Notes that a token is used. Says whether that is worth writing.
    pub(super) fn note(&mut self, id: &str, now: Timestamp) -> bool {
        if self.0.get(id).is_some_and(|last| now.duration_since(*last) < OFTEN) {
            return false;
        }
        self.0.insert(id.to_owned(), now);
        true
    }
}

impl TokenFile {
    /// Reads when they were last used.
    pub fn uses(&self) -> Uses {
        let read = || {
            let bytes = owner::read(&self.directory.join(FILE), MAX_BYTES).ok()?;
            let known: BTreeMap<String, String> = serde_json::from_slice(&bytes).ok()?;
            let time = |(id, at): (String, String)| Some((id, at.parse().ok()?));
            Some(known.into_iter().filter_map(time).collect())
        };
        Uses(read().unwrap_or_default())
    }

    /// Writes when they were last used, with what other processes know of these tokens.
    pub(super) fn write_uses<'i>(&self, uses: &Uses, ids: impl Iterator<Item = &'i String>) -> io::Result<()> {
        let _lock = self.lock()?;
        let known = self.uses();
        let last = |id: &String| Some((id.clone(), known.0.get(id).max(uses.0.get(id))?.to_string()));
        let all: BTreeMap<String, String> = ids.filter_map(last).collect();
        let bytes = serde_json::to_vec(&all).expect("texts become JSON");
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.replace(FILE, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_use_is_written_once_an_hour_and_what_is_revoked_is_forgotten() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let (noon, later) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T13:00:00Z"));
        let mut uses = file.uses();
        let noted = ["2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z", "2026-11-20T12:59:59Z", "2026-11-20T13:00:00Z"]
            .map(|time| uses.note("a", at(time)));
        assert_eq!(noted, [true, false, false, true]);
        let mut others = Uses::default();
        others.note("a", noon);
        others.note("b", noon);
        let ids = ["a".to_owned(), "b".to_owned()];
        file.write_uses(&others, ids.iter()).unwrap();
        file.write_uses(&uses, ids.iter()).unwrap();
        assert_eq!(file.uses().0, BTreeMap::from([("a".to_owned(), later), ("b".to_owned(), noon)]));
        file.write_uses(&uses, ids[..1].iter()).unwrap();
        assert_eq!(file.uses().0.len(), 1);
    }
}
