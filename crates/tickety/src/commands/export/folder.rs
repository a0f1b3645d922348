//! Exports that are a folder of files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tickety_core::query::Query;
use tickety_engine::convert::{FileSink, Format};
use tickety_engine::export::Exported;

use super::written;
use crate::compose;
use crate::exit::CliError;
use crate::session::Session;

/// Writes the issues into a new folder. It is made beside its place first, so that an export that fails leaves nothing.
pub(super) fn to_folder(format: Format, query: &Query, path: &Path, session: &Session) -> Result<Exported, CliError> {
    if let Some(home) = compose::home_of_file(path) {
        let message = format!("{} lies in {}, which holds what Tickety writes itself", path.display(), home.display());
        return Err(CliError::usage(message).hint("name a folder outside of it"));
    }
    let failed = |error: &io::Error| CliError::io("write", path, error);
    match fs::read_dir(path) {
        Ok(entries) => {
            if entries.count() > 0 {
                return Err(CliError::usage(format!("{} is not empty", path.display())).hint("name a new folder"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&error)),
    }
    let name = path.file_name().ok_or_else(|| CliError::usage(format!("{} is no name of a folder", path.display())))?;
    let beside = path.with_file_name(format!(".tmp-{}-{}", std::process::id(), name.to_string_lossy()));
    fs::create_dir(&beside).map_err(|error| failed(&error))?;
    let mut files = Files { folder: beside.clone() };
    let mut write_all = || {
        let mut writer = format.folder_writer(&mut files).ok_or_else(|| CliError::usage("not written to a folder"))?;
        let exported = written(&mut *writer, query, session, failed)?;
        let synced = File::open(&beside).and_then(|folder| folder.sync_all());
        synced.and_then(|()| fs::rename(&beside, path)).map_err(|error| failed(&error))?;
        Ok(exported)
    };
    write_all().inspect_err(|_| {
        fs::remove_dir_all(&beside).ok();
    })
}

/// A folder on the disk.
struct Files {
    folder: PathBuf,
}

impl FileSink for Files {
    fn put(&mut self, path: &str, text: &[u8]) -> io::Result<()> {
        let path = self.folder.join(path);
        let mut file = File::options().write(true).create_new(true).open(path)?;
        file.write_all(text)
    }
}
