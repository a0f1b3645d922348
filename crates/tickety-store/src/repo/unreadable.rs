//! Issues whose records are there and can't be read: they are neither missing nor free to be made again.

use std::collections::{BTreeSet, HashMap};

use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector, Suffix};

use super::failure::Failure;
use super::files::{FileError, RECORD_LIMIT};
use super::git::{Git, Object, Objects};
use super::layout::{HOME_DIR, HomePath, ISSUES_DIR, RecordPath, Shard};
use super::scan::{self, Scanner, Stray, StrayReason};
use super::sparse;
use super::store::{Handle, RepoStore};
use crate::error::StorageError;
use crate::storage::{Identity, RecordProblem};

/// The largest record that is searched for what it may be about; larger ones can be about anything.
const SEARCHED_BYTES: u64 = 64 << 20;

/// What can't be read, with the issue that it is by its name; a whole directory has no name of one.
pub(super) struct Hidden {
    /// Which issue.
    pub(super) key: Option<IssueKey>,
    /// Where it lies and why it can't be read.
    pub(super) problem: RecordProblem,
}

impl RepoStore {
    /// Lists what lies among the records and is none.
    pub(super) fn strays(&self) -> Result<Vec<Stray>, StorageError> {
        let scan = self.scan()?;
        Ok(scan.shards.into_iter().flat_map(|shard| shard.strays).chain(scan.strays).collect())
    }

    /// Says why no issue has a name: there is none, or its record can't be read.
    pub(super) fn why_not_found(&self, handle: &Handle, selector: IssueSelector) -> Result<StorageError, Failure> {
        let IssueSelector::Name(name) = selector else { return Ok(StorageError::NotFound { selector }) };
        let mut hidden = self.hidden_issues(handle, Some(Shard::of(name.number)))?;
        let may_be_it = |hidden: &Hidden| hidden.key.is_none_or(|key| name.names(key));
        if !hidden.iter().any(may_be_it) {
            hidden.extend(self.elsewhere(name.number).map_err(StorageError::from)?);
        }
        Ok(match hidden.into_iter().find(may_be_it) {
            Some(Hidden { problem, .. }) => StorageError::Unreadable { problem },
            None => StorageError::NotFound { selector },
        })
    }

    /// Lists the records of a number that lie in the directories of others: worth it only once there is no issue.
    pub(super) fn elsewhere(&self, number: IssueNumber) -> Result<impl Iterator<Item = Hidden>, FileError> {
        let strays = scan::find_elsewhere(&self.home, number)?;
        Ok(strays.into_iter().filter_map(|stray| {
            let problem = stray.problem();
            let key = path_of(&problem).and_then(|path| issue_at(&path))?;
            Some(Hidden { key: Some(key), problem })
        }))
    }

    /// Lists the issues that can't be read, of one directory or of all: those the index has found, and what
    /// stands where a record or a directory of records should.
    pub(super) fn hidden_issues(&self, handle: &Handle, shard: Option<Shard>) -> Result<Vec<Hidden>, Failure> {
        let mut found = Vec::new();
        for problem in handle.index.problems()? {
            let Some(path) = path_of(&problem) else { continue };
            // Nobody looks at a record in the wrong directory but who lists that.
            if path.record().is_none() && !self.is_there(&path) {
                continue;
            }
            if let Some(key) = issue_at(&path) {
                found.push(Hidden { key: Some(key), problem });
            }
        }
        let strays = match shard {
            None => self.strays()?,
            Some(shard) => {
                let scanner = Scanner::open(&self.home).map_err(StorageError::from)?;
                let scan = scanner.scan_shard(shard).map_err(StorageError::from)?;
                scan.into_iter().flat_map(|scan| scan.strays).chain(scanner.strays().iter().cloned()).collect()
            }
        };
        for stray in strays {
            let problem = stray.problem();
            match path_of(&problem).as_ref().map(|path| (issue_at(path), shard_at(path))) {
                Some((key @ Some(_), _)) => found.push(Hidden { key, problem }),
                Some((None, Some(at))) if shard.is_none_or(|shard| shard == at) => {
                    found.push(Hidden { key: None, problem });
                }
                _ => {}
            }
        }
        for listed in self.left_out().records.iter().filter(|listed| listed.record.comment.is_none()) {
            let message = format!("is not part of this sparse checkout: {}", sparse::HINT.replace("them", "it"));
            let problem = RecordProblem { path: format!("{HOME_DIR}/{}", listed.path), line: None, message };
            found.push(Hidden { key: Some(listed.record.issue), problem });
        }
        found.retain(|hidden| hidden.key.is_none_or(|key| shard.is_none_or(|shard| Shard::of(key.number) == shard)));
        Ok(found)
    }

    /// Whether something has a path.
    pub(super) fn is_there(&self, path: &HomePath) -> bool {
        !matches!(self.home.stat(path), Ok(None))
    }

    /// Looks for issues among the records that can't be read.
    pub(super) fn find_hidden(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        let mut found = vec![None; wanted.len()];
        let hidden = self.ask_fresh(None, |handle| self.hidden_issues(handle, None))?;
        if hidden.is_empty() {
            return Ok(found);
        }
        let mut by_suffix: HashMap<Suffix, &RecordProblem> = HashMap::new();
        for Hidden { key, problem } in &hidden {
            match key {
                Some(key) => drop(by_suffix.entry(key.suffix).or_insert(problem)),
                None => return Err(StorageError::Unreadable { problem: problem.clone() }),
            }
        }
        let mut texts = Texts::default();
        for (place, Identity { id, reference }) in wanted.iter().enumerate() {
            found[place] = by_suffix.get(&id.suffix()).map(|problem| (*problem).clone());
            if found[place].is_none() {
                for text in reference.iter().cloned().chain([id.to_string()]) {
                    texts.add(text, place);
                }
            }
        }
        self.find_left_out(&texts, &mut found)?;
        for Hidden { problem, .. } in hidden {
            let path = path_of(&problem).expect("hidden issues have paths in the home");
            match self.home.read(&path, SEARCHED_BYTES) {
                Ok(content) => {
                    let bytes = content.map(|content| content.bytes).unwrap_or_default();
                    for place in texts.places_in(&bytes) {
                        found[place].get_or_insert_with(|| problem.clone());
                    }
                }
                // The name tells an issue that was made under its own id. One that only refers to what
                // another tracker has may have any.
                Err(_) if wanted.iter().zip(&found).any(|(one, found)| one.reference.is_some() && found.is_none()) => {
                    return Err(StorageError::Unreadable { problem });
                }
                Err(_) => {}
            }
        }
        Ok(found)
    }
}

impl RepoStore {
    /// Looks for texts in what a sparse checkout leaves out, as git has it.
    fn find_left_out(&self, texts: &Texts, found: &mut [Option<RecordProblem>]) -> Result<(), StorageError> {
        let left_out = self.left_out();
        let (Some(git), false) = (Git::of(&self.layout), left_out.is_empty()) else { return Ok(()) };
        let names: Vec<(&str, u64)> =
            left_out.records.iter().map(|listed| (listed.blob.id.as_str(), RECORD_LIMIT)).collect();
        Objects::start(&git)?.blobs(&names, |place, object| {
            let Object::Blob(bytes) = object else { return };
            let path = format!("{HOME_DIR}/{}", left_out.records[place].path);
            for place in texts.places_in(&bytes) {
                let message = format!("is not part of this sparse checkout: {}", sparse::HINT.replace("them", "it"));
                found[place].get_or_insert(RecordProblem { path: path.clone(), line: None, message });
            }
        })?;
        Ok(())
    }
}

impl Stray {
    /// Whether it stands where a record or a directory of records should, and not merely beside them.
    pub(super) fn hides_records(&self) -> bool {
        !matches!(self.reason, StrayReason::Name)
    }

    /// Returns what a store reports about it.
    pub(super) fn problem(&self) -> RecordProblem {
        RecordProblem {
            path: format!("{HOME_DIR}/{}", self.path.display()),
            line: None,
            message: self.reason.to_string(),
        }
    }
}

/// Returns the path in the home of what can't be read.
pub(super) fn path_of(problem: &RecordProblem) -> Option<HomePath> {
    home_path(&problem.path)
}

fn home_path(path: &str) -> Option<HomePath> {
    path.strip_prefix(HOME_DIR)?.strip_prefix('/')?.parse().ok()
}

/// Returns the record of a path as problems tell it.
pub(super) fn record_at(path: &str) -> Option<RecordPath> {
    home_path(path)?.record()
}

/// Returns the issue that can't be read if what lies at a path, as problems tell it, can't.
pub(super) fn hidden_by(path: &str) -> Option<IssueKey> {
    issue_at(&home_path(path)?)
}

/// Returns the directory of records that a path, as problems tell it, lies in; `None` for what lies beside them.
pub(super) fn directory_of(path: &str) -> Option<Shard> {
    let path = home_path(path)?;
    let (above, name) = path.split().0?.rsplit_once('/')?;
    Shard::parse(name.as_bytes()).filter(|_| above == ISSUES_DIR)
}

/// Returns the issue whose record has a path, be it in the directory of others.
fn issue_at(path: &HomePath) -> Option<IssueKey> {
    let (parent, name) = path.split();
    let in_issues = parent?.split('/').next() == Some(ISSUES_DIR);
    RecordPath::parse_name(name.as_bytes()).filter(|path| in_issues && path.comment.is_none()).map(|path| path.issue)
}

/// Returns the directory of records that has a path.
fn shard_at(path: &HomePath) -> Option<Shard> {
    let (parent, name) = path.split();
    Shard::parse(name.as_bytes()).filter(|_| parent == Some(ISSUES_DIR))
}

/// Texts that are looked for in the bytes of records.
#[derive(Debug, Default)]
struct Texts {
    places: HashMap<Vec<u8>, Vec<usize>>,
    lengths: BTreeSet<usize>,
}

impl Texts {
    fn add(&mut self, text: String, place: usize) {
        self.lengths.insert(text.len());
        self.places.entry(text.into_bytes()).or_default().push(place);
    }

    /// Returns the places of the texts that stand in some bytes as words of their own. One pass, however many
    /// texts there are.
    fn places_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for start in (0..bytes.len()).filter(|&start| start == 0 || !bytes[start - 1].is_ascii_alphanumeric()) {
            for &length in &self.lengths {
                let Some(text) = bytes[start..].get(..length) else { break };
                let ends = bytes.get(start + length).is_none_or(|next| is_end(*next));
                if let Some(places) = ends.then(|| self.places.get(text)).flatten() {
                    found.extend(places);
                }
            }
        }
        found
    }
}

/// Whether a byte ends an id or a reference that stands in a record.
fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b']' | b'}' | b')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_as_a_word_of_its_own() {
        let mut texts = Texts::default();
        for (place, text) in ["beads:bd-4", "beads:bd-42", "beads:x y", "id"].into_iter().enumerate() {
            texts.add(text.to_owned(), place);
        }
        let found = |text: &str| texts.places_in(text.as_bytes()).into_iter().collect::<Vec<_>>();
        assert_eq!(found("references:\n  - beads:bd-42\n  - 'beads:x y'\n"), [1, 2]);
        assert_eq!(found("[beads:bd-4, xbeads:bd-42, beads:bd-42.1]"), [0]);
        assert_eq!(found("beads:bd-4"), [0]);
        assert_eq!(found("rapid id: identity"), Vec::<usize>::new());
    }
}
