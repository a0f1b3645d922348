//! How an open store is doing, for who looks after a process that stays.

use super::failure::Failure;
use super::os;
use super::store::{Handle, RepoStore};

/// How a store is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Whether the home is where it was when it was opened: others may move it, or make another.
    pub is_in_place: bool,
    /// Where answers come from, or why there are none.
    pub index: Result<IndexPlace, String>,
    /// How many records can't be read, as far as is known.
    pub problems: u32,
    /// What is missing from answers; see [`RepoStore::unfinished`].
    pub unfinished: Option<String>,
    /// The first directory that has to be written and can't be.
    pub read_only: Option<String>,
}

/// Where the index is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexPlace {
    /// In its file.
    File,
    /// In memory, because its file can't be used: what others write is found by looking at every file.
    Memory,
}

impl RepoStore {
    /// Tells how the store is doing. Compares nothing with the files.
    pub fn condition(&self) -> Condition {
        let asked = self.ask(None, |handle: &mut Handle| {
            let place = if handle.in_memory { IndexPlace::Memory } else { IndexPlace::File };
            Ok::<_, Failure>((place, self.count_problems(handle)?))
        });
        let problems = asked.as_ref().map_or(0, |(_, problems)| *problems);
        let written = [&self.layout.issues, &self.layout.home, &self.layout.state];
        // What isn't there yet is made where it is needed.
        let read_only = written.into_iter().find(|path| path.exists() && !os::is_writable(path));
        Condition {
            is_in_place: self.home.is_in_place(),
            index: asked.map(|(place, _)| place).map_err(|error| error.to_string()),
            problems,
            unfinished: self.unfinished(),
            read_only: read_only.map(|path| path.display().to_string()),
        }
    }
}
