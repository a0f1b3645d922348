//! What remains of a linked work tree that git has removed: what was acknowledged there.
//!
//! The state of a linked work tree lies in git's directory for it, which goes with the work tree. So its journal and its
//! kept contents have a second name, in the directory that all work trees of the clone share: hard links, made once for a
//! journal and at each checkpoint for the contents, so that a write costs nothing more. A directory here is that of one
//! work tree in its life: git gives names out again, so the state names its directory, and one that no state names any
//! more is that of a work tree which is gone.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::contents::{self, KEPT_BYTES, KEPT_DAYS};
use super::files::{FileError, read_foreign_text};
use super::journal::{self, Acknowledged, Journal};
use super::layout::{HomeKind, Layout, state_dir};
use super::{os, state};
use crate::error::StorageError;

/// The file of a state that names the directory here.
const POINTER: &str = "remains";

/// The second names of a work tree's journal and of its contents.
const JOURNAL: &str = "journal";
const CONTENTS: &str = "contents";

/// The longest file of git's, or of ours, that is read here.
const SHORT: u64 = 4 << 10;

/// A work tree that is gone, with what was acknowledged there.
pub(super) struct Gone {
    /// What git called it.
    pub(super) work_tree: String,
    pub(super) acknowledged: Acknowledged,
}

/// Returns the directory of what remains of work trees, if the home is one that each of them has.
fn directory(layout: &Layout) -> Option<PathBuf> {
    let is_one = layout.kind == HomeKind::Tree && layout.git.is_some();
    is_one.then(|| layout.common_state.join("worktrees"))
}

fn is_linked(layout: &Layout) -> bool {
    layout.kind == HomeKind::Tree && layout.state != layout.common_state
}

/// Gives the journal of a linked work tree its second name, unless it has one. Where the file system has no hard links,
/// nothing remains.
pub(super) fn hold(layout: &Layout, journal: &Journal<'_>) {
    if journal.names() == 1 && is_linked(layout) {
        // Writing goes on without.
        let _ = link(layout);
    }
}

fn link(layout: &Layout) -> Result<(), StorageError> {
    let Some(own) = own_directory(layout)? else { return Ok(()) };
    state::make_directory(&own)?;
    let (path, new) = (own.join(JOURNAL), own.join(".tmp-journal"));
    state::clear(&new)?;
    let linked = fs::hard_link(layout.journal(), &new).and_then(|()| fs::rename(&new, &path));
    linked.map_err(|source| access("link", &path, source))?;
    hold_contents(layout)?;
    for directory in own.ancestors().take_while(|dir| dir.starts_with(&layout.common_state)) {
        os::sync_directory(directory).map_err(|source| access("sync", directory, source))?;
    }
    Ok(())
}

/// Gives the contents that a linked work tree keeps their second names, and takes those of others away.
pub(super) fn hold_contents(layout: &Layout) -> Result<(), StorageError> {
    if !is_linked(layout) {
        return Ok(());
    }
    let Some(own) = own_directory(layout)?.map(|own| own.join(CONTENTS)) else { return Ok(()) };
    let kept = contents::journals(layout)?;
    if kept.is_empty() {
        return Ok(());
    }
    state::make_directory(&own)?;
    let names: BTreeSet<_> = kept.iter().filter_map(|path| path.file_name()).collect();
    for held in contents::journals_in(&own)? {
        if held.file_name().is_none_or(|name| !names.contains(name)) {
            let _ = fs::remove_file(&held);
        }
    }
    for path in &kept {
        let second = own.join(path.file_name().unwrap_or_default());
        match fs::hard_link(path, &second) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked.map_err(|source| access("link", &second, source))?,
        }
    }
    os::sync_directory(&own).map_err(|source| access("sync", &own, source))
}

/// Returns the directory of this work tree, naming one if it has none yet.
fn own_directory(layout: &Layout) -> Result<Option<PathBuf>, StorageError> {
    let Some(all) = directory(layout) else { return Ok(None) };
    let pointer = layout.state.join(POINTER);
    if let Some(name) = pointed_at(&pointer) {
        return Ok(Some(all.join(name)));
    }
    let git = layout.git.as_ref().and_then(|dirs| dirs.git_dir.file_name()).unwrap_or_default().to_string_lossy();
    let name = format!("{git}.{:08x}", Uuid::now_v7().as_u128() & 0xffff_ffff);
    let new = state::unfinished(&pointer);
    let file = state::open_private(&new)?;
    let written = os::write_at(&file, name.as_bytes(), 0).and_then(|()| os::sync_data(&file));
    written.and_then(|()| fs::rename(&new, &pointer)).map_err(|source| access("write", &pointer, source))?;
    os::sync_directory(&layout.state).map_err(|source| access("sync", &layout.state, source))?;
    Ok(Some(all.join(name)))
}

/// Reads the name of a directory; `None` unless it is one that is made here.
fn pointed_at(pointer: &Path) -> Option<String> {
    let mut text = String::new();
    state::open(pointer).ok()??.take(SHORT).read_to_string(&mut text).ok()?;
    let (work_tree, rest) = text.rsplit_once('.')?;
    let is_name = !work_tree.is_empty() && !work_tree.contains('/') && rest.len() == 8;
    (is_name && rest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

/// Returns the directories of work trees that are gone, and of those that are there.
fn directories(layout: &Layout) -> Result<(Vec<PathBuf>, Vec<PathBuf>), StorageError> {
    let (mut gone, mut there) = (Vec::new(), Vec::new());
    let (Some(all), Some(git)) = (directory(layout), &layout.git) else { return Ok((gone, there)) };
    let entries = match fs::read_dir(&all) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((gone, there)),
        entries => entries.map_err(|source| access("list", &all, source))?,
    };
    let mut live = BTreeSet::new();
    for entry in fs::read_dir(git.common_dir.join("worktrees")).into_iter().flatten().flatten() {
        let git_dir = entry.path();
        if git_dir == git.git_dir || is_there(&git_dir) {
            let state = state_dir(&git_dir, layout.below_work_tree());
            live.extend(pointed_at(&state.join(POINTER)));
        }
    }
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let is_live = path.file_name().is_some_and(|name| live.contains(&*name.to_string_lossy()));
        if is_live { there.push(path) } else { gone.push(path) }
    }
    gone.sort();
    Ok((gone, there))
}

/// Whether a work tree is there, or is locked because it may be on a disk that isn't.
fn is_there(git_dir: &Path) -> bool {
    let Ok(link) = read_foreign_text(&git_dir.join("gitdir"), SHORT) else { return false };
    git_dir.join("locked").exists() || git_dir.join(link.trim_end_matches(['\n', '\r'])).exists()
}

fn read(path: &Path) -> Result<Acknowledged, StorageError> {
    let mut acknowledged = Acknowledged::default();
    for journal in contents::journals_in(&path.join(CONTENTS))?.into_iter().chain([path.join(JOURNAL)]) {
        contents::add_kept(&mut acknowledged, &journal)?;
    }
    Ok(acknowledged)
}

/// Reads what was acknowledged in work trees that are gone.
pub(super) fn gone(layout: &Layout) -> Result<Vec<Gone>, StorageError> {
    let (gone, _) = directories(layout)?;
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let work_tree = name.rsplit_once('.').map_or(&*name, |(work_tree, _)| work_tree).to_owned();
        Ok(Gone { work_tree, acknowledged: read(&path)? })
    };
    gone.into_iter().map(read).collect()
}

/// Reads what was acknowledged in the other work trees that are there.
pub(super) fn others(layout: &Layout) -> Result<Vec<Acknowledged>, StorageError> {
    let own = layout.state.join(POINTER);
    let own = pointed_at(&own).filter(|_| is_linked(layout));
    let (_, there) = directories(layout)?;
    let is_own = |path: &Path| path.file_name().is_some_and(|name| own.as_deref() == name.to_str());
    let mut others = there.iter().filter(|path| !is_own(path)).map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if is_linked(layout) {
        let main = Layout { state: layout.common_state.clone(), ..layout.clone() };
        others.push(contents::acknowledged(&main)?);
    }
    Ok(others)
}

/// Drops what remains of work trees that are gone where it is too old or too much, the oldest first. Their journals
/// need no room for more.
pub(super) fn tidy(layout: &Layout, oldest_ns: i64) -> Result<(), StorageError> {
    let mut remains = Vec::new();
    for path in directories(layout)?.0 {
        let mut last_ns = journal::trim(&path.join(JOURNAL))?.unwrap_or_default();
        let mut bytes = 0;
        for file in contents::journals_in(&path.join(CONTENTS))?.into_iter().chain([path.join(JOURNAL)]) {
            let Ok(stat) = os::stat_at(rustix::fs::CWD, &file) else { continue };
            bytes += stat.key.size;
            if file.file_name().is_some_and(|name| name != JOURNAL) {
                last_ns = last_ns.max(stat.key.mtime_ns);
            }
        }
        remains.push((last_ns, bytes, path));
    }
    remains.sort_by(|one, other| other.cmp(one));
    let mut sum = 0;
    for (last_ns, bytes, path) in remains {
        sum += bytes;
        if sum > KEPT_BYTES || last_ns < oldest_ns {
            // What can't be removed now goes later.
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

/// Returns the time before which nothing is kept.
pub(super) fn oldest_ns() -> i64 {
    os::now_ns().saturating_sub(i64::from(KEPT_DAYS) * 24 * 60 * 60 * 1_000_000_000)
}

fn access(action: &'static str, path: &Path, source: io::Error) -> StorageError {
    FileError::Access { action, path: path.to_owned(), source }.into()
}
