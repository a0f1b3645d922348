//! Branches on which no command of Tickety ran since they were committed to: what they have closed is in their commits.
//!
//! That a branch moved is seen by the directories of git's references, which costs a look at each. Only then are the tips
//! read, and only of those that are new git tells what differs from what is checked out: of the issues among that, the
//! ones that are open here, or lie under another number, are read at the tip. What is closed there goes into the ledger,
//! by the issue's id. So a look that finds nothing new starts no git, and one that does starts it three times.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tickety_core::ident::{IssueId, IssueKey};

use super::file::{Closing, Place};
use super::{NOWHERE, Told};
use crate::error::StorageError;
use crate::repo::events::line;
use crate::repo::failure::Failure;
use crate::repo::files::RECORD_LIMIT;
use crate::repo::format;
use crate::repo::git::{Git, Object, Objects};
use crate::repo::layout::RecordPath;
use crate::repo::store::{Handle, RepoStore};
use crate::repo::{os, state};

/// How many directories of references are looked at, and how many records of all branches are read in one look.
const DIRECTORIES: usize = 1_000;
const RECORDS: usize = 5_000;

/// The longest file of what was looked at that is read.
const MOST_BYTES: u64 = 1 << 20;

/// What was looked at from a checkout.
#[derive(Default, Serialize, Deserialize)]
struct LookedAt {
    /// What the directories of the references looked like.
    references: String,
    /// The branch that was checked out.
    here: Option<String>,
    /// The tips of the branches.
    tips: BTreeMap<String, String>,
}

impl RepoStore {
    /// Notes what branches have closed that were committed to since the last look. What can't be asked or noted now is
    /// found later.
    pub(super) fn scout(&self, handle: &Handle, git: &Git, here: &Place) -> Result<(), Failure> {
        let Some(dirs) = &self.layout.git else { return Ok(()) };
        let references = fingerprint(&dirs.common_dir);
        let path = self.layout.state.join("branches");
        let known = read(&path);
        if known.as_ref().is_some_and(|known| known.references == references && known.here.as_deref() == branch(here)) {
            return Ok(());
        }
        // Nobody has to be able to ask git, or to write, to get an answer.
        let Ok(tips) = git.latest_branches_not_here() else { return Ok(()) };
        let known = known.filter(|known| known.here.as_deref() == branch(here)).unwrap_or_default();
        let is_new = |(name, tip): &&(String, String)| known.tips.get(name) != Some(tip) && branch(here) != Some(name);
        let new: Vec<&(String, String)> = tips.iter().filter(is_new).collect();
        let found = if new.is_empty() { Ok(BTreeMap::new()) } else { self.closed_at_tips(handle, git, &new) };
        let noted = found.map_err(Failure::from).and_then(|found| {
            for (name, closed) in found {
                let told = Told { place: Place::Branch(name), at: self.now(), closed, reopened: Vec::new() };
                told.write(&self.layout, true)?;
            }
            Ok(())
        });
        if noted.is_ok() {
            let here = branch(here).map(str::to_owned);
            write(&path, &LookedAt { references, here, tips: tips.into_iter().collect() });
        }
        Ok(())
    }

    /// Finds what is closed at the tips of branches and open here.
    fn closed_at_tips(
        &self,
        handle: &Handle,
        git: &Git,
        branches: &[&(String, String)],
    ) -> Result<BTreeMap<String, Vec<Closing>>, StorageError> {
        let tips: Vec<&str> = branches.iter().map(|(_, tip)| tip.as_str()).collect();
        let mut wanted: Vec<(usize, RecordPath, String)> = Vec::new();
        for (place, path, blob) in git.records_that_differ(&tips)? {
            // One that is here and not open hides nothing.
            let keys = handle.index.resolve(path.issue.into()).map_err(Failure::from);
            let is_here = !keys.map_err(StorageError::from)?.is_empty();
            if wanted.len() < RECORDS && (!is_here || self.is_open_here(handle, path.issue)?) {
                wanted.push((place, path, blob));
            }
        }
        let names: Vec<(&str, u64)> = wanted.iter().map(|(.., blob)| (blob.as_str(), RECORD_LIMIT)).collect();
        let mut closed: Vec<(usize, Closing)> = Vec::new();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        Objects::start(git)?.blobs(&names, |place, object| {
            let (branch, path, _) = &wanted[place];
            let Object::Blob(bytes) = object else { return };
            let Ok(issue) = format::parse_issue(&bytes, path.issue, &self.schema) else { return };
            if self.schema.category(&issue.status).is_closed() {
                let mut closing = self.closing(path.issue, &issue, None, None);
                (closing.checkout, closing.root) = (NOWHERE.to_owned(), None);
                closed.push((*branch, closing));
            }
        })?;
        let ids: Vec<IssueId> = closed.iter().map(|(_, closing)| IssueId::new(closing.id)).collect();
        let open = handle.index.open_among(&ids).map_err(Failure::from).map_err(StorageError::from)?;
        let open: HashMap<_, IssueKey> = open.into_iter().collect();
        let mut found: BTreeMap<String, Vec<Closing>> = BTreeMap::new();
        for (place, closing) in closed.into_iter().filter(|(_, closing)| open.contains_key(&IssueId::new(closing.id))) {
            found.entry(branches[place].0.clone()).or_default().push(closing);
        }
        Ok(found)
    }

    fn is_open_here(&self, handle: &Handle, key: IssueKey) -> Result<bool, StorageError> {
        let found = handle.index.summaries(&[key]).map_err(Failure::from).map_err(StorageError::from)?;
        Ok(found.into_iter().flatten().any(|issue| !issue.category.is_closed()))
    }
}

fn branch(place: &Place) -> Option<&str> {
    match place {
        Place::Branch(name) => Some(name),
        Place::Checkout(_) => None,
    }
}

/// Returns what changes with every branch that is made, moved or removed: git replaces the files of references, which
/// changes their directories.
fn fingerprint(common: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |path: &Path| {
        if let Ok(stat) = os::stat_at(rustix::fs::CWD, path) {
            hasher.update(path.as_os_str().as_encoded_bytes());
            for part in [stat.key.inode, stat.key.size, stat.key.mtime_ns as u64, stat.key.ctime_ns as u64] {
                hasher.update(&part.to_le_bytes());
            }
        }
    };
    add(&common.join("packed-refs"));
    add(&common.join("reftable/tables.list"));
    let mut directories: Vec<PathBuf> = vec![common.join("refs/heads")];
    let mut place = 0;
    while let Some(directory) = directories.get(place).filter(|_| place < DIRECTORIES).cloned() {
        place += 1;
        add(&directory);
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        below.sort();
        directories.extend(below);
    }
    hasher.finalize().to_hex().to_string()
}

fn read(path: &Path) -> Option<LookedAt> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    state::open(path).ok()??.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    line::read(bytes.strip_suffix(b"\n")?)
}

/// Writes what was looked at. It is found again where that fails.
fn write(path: &Path, looked_at: &LookedAt) {
    let mut text = String::new();
    line::push(&mut text, looked_at);
    let new = state::unfinished(path);
    if let Ok(file) = state::open_private(&new)
        && os::write_at(&file, text.as_bytes(), 0).is_ok()
    {
        let _ = fs::rename(&new, path);
    }
}
