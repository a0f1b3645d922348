//! A log that is brought from elsewhere, where there is none.

use std::fs::{self, File};
use std::path::PathBuf;

use jiff::Timestamp;
use uuid::Uuid;

use super::WAIT;
use super::line::{self, FORMAT, Header};
use super::log::Reader;
use crate::error::StorageError;
use crate::repo::files::FileError;
use crate::repo::layout::Layout;
use crate::repo::{lock, os, state};

/// Whether there is a log that can be read.
pub(crate) fn has_log(layout: &Layout) -> Result<bool, StorageError> {
    Ok(Reader::open(layout)?.is_some())
}

/// Writes the files of a log, given by name, time and place, unless there is one. It gets an epoch of its own, so that
/// no cursor of where it comes from means anything here. Tells whether it was written.
pub(crate) fn bring_log(
    layout: &Layout,
    files: &[(&str, Timestamp, usize)],
    read: impl Fn(usize) -> Result<Vec<u8>, StorageError>,
) -> Result<bool, StorageError> {
    if !files.iter().any(|(name, ..)| *name == "log") {
        return Ok(false);
    }
    let directory = layout.events();
    state::make_directory(&directory)?;
    let failed = |action, path: PathBuf| move |source| FileError::Access { action, path, source };
    let guard = File::from(os::open_directory(&directory).map_err(failed("open", directory.clone()))?);
    lock::wait_for(&guard, WAIT, &directory)?;
    if has_log(layout)? || directory.join("log").symlink_metadata().is_ok() {
        return Ok(false);
    }
    let epoch = Uuid::now_v7().as_u64_pair().1;
    let mut is_brought = false;
    // The one that grows makes a log of them.
    let (growing, full): (Vec<_>, Vec<_>) = files.iter().copied().partition(|(name, ..)| *name == "log");
    for (name, modified, place) in full.into_iter().chain(growing) {
        let bytes = read(place)?;
        // As whoever reads a log: one without its beginning has nothing to tell.
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { continue };
        let Some(header) = line::read::<Header>(&bytes[..end]).filter(|header| header.events == FORMAT) else {
            continue;
        };
        let mut text = String::new();
        line::push(&mut text, &Header { epoch, ..header });
        let path = directory.join(name);
        let new = directory.join(format!("{}brought", crate::repo::layout::TEMPORARY_PREFIX));
        let file = state::open_private(&new)?;
        let bytes = [text.as_bytes(), &bytes[end + 1..]].concat();
        let written = os::write_at(&file, &bytes, 0).and_then(|()| file.set_modified(modified.into()));
        written.and_then(|()| os::sync_data(&file)).map_err(failed("write", new.clone()))?;
        fs::rename(&new, &path).map_err(failed("make", path))?;
        is_brought |= name == "log";
    }
    // Of who died before he could begin one.
    state::clear(&state::unfinished(&directory.join("log")))?;
    os::sync_directory(&directory).map_err(failed("sync", directory.clone()))?;
    Ok(is_brought)
}
