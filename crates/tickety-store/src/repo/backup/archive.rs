//! The file of a backup: a tar archive that proves itself whole.
//!
//! The members come first, then one that lists them with their sizes and hashes, then the end of the archive as tar has
//! it, then a block with the hash of everything before: tar reads no further than its end. One flipped bit or missing
//! byte anywhere is noticed before anything is made of what the archive says.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};
use tickety_core::ident::Version;

use super::super::files::version_of;
use super::super::os;
use super::member::{MANIFEST, Member};
use crate::error::StorageError;

/// The version of the format that this build reads and writes.
const FORMAT: u32 = 1;

/// What everything in a tar archive is a multiple of.
const BLOCK: usize = 512;

/// What the last block begins with.
const SEAL: &str = "tickety backup, BLAKE3 of all before: ";

/// The largest member that is read.
const MOST_BYTES: u64 = 1 << 30;

/// What an archive says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of the format.
    pub(super) format: u32,
    /// The program that made it.
    pub(super) program: String,
    /// When it was made.
    pub(super) taken: Timestamp,
    /// The number of the next issue; `null` after the last there is.
    pub(super) next_number: Option<u32>,
    /// The members before it, in their order.
    pub(super) members: Vec<Listed>,
}

/// A member, as it is listed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// When the file was written.
    pub(super) modified: Timestamp,
    pub(super) blake3: String,
}

/// An archive that is being written, under a name of its own until it is whole.
pub(super) struct Writer {
    tar: tar::Builder<Hashing>,
    beside: PathBuf,
    path: PathBuf,
    members: Vec<Listed>,
}

/// Hashes what it passes on.
struct Hashing {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    length: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Says what could not be done with the file of a backup.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StorageError::NoSpace { action, path: path.to_owned() }
        }
        _ => StorageError::Io { action, path: path.to_owned(), source },
    }
}

impl Writer {
    /// Begins an archive that nobody else may read.
    pub(super) fn begin(path: &Path) -> Result<Self, StorageError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let name = path.file_name().ok_or_else(|| failed("write", path)(io::ErrorKind::InvalidFilename.into()))?;
        let beside = path.with_file_name(format!(".tmp-{}-{}", std::process::id(), name.to_string_lossy()));
        let file =
            File::options().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed("write", path))?;
        let hashing = Hashing { file: BufWriter::new(file), hasher: blake3::Hasher::new(), length: 0 };
        Ok(Self { tar: tar::Builder::new(hashing), beside, path: path.to_owned(), members: Vec::new() })
    }

    /// Adds a member.
    pub(super) fn add(&mut self, member: &Member, bytes: &[u8], modified: Timestamp) -> Result<(), StorageError> {
        let name = member.to_string();
        self.append(&name, bytes, modified)?;
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        self.members.push(Listed { name, bytes: bytes.len() as u64, modified, blake3 });
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8], modified: Timestamp) -> Result<(), StorageError> {
        let header = header(name, bytes.len() as u64, modified).map_err(failed("write", &self.path))?;
        self.tar.append(&header, bytes).map_err(failed("write", &self.path))
    }

    /// Completes the archive and makes it durable under its name, which nothing may have unless it is `replaced`.
    /// Returns how long it is.
    pub(super) fn finish(
        mut self,
        taken: Timestamp,
        next_number: Option<u32>,
        replaced: bool,
    ) -> Result<u64, StorageError> {
        let program = concat!("tickety ", env!("CARGO_PKG_VERSION")).to_owned();
        let members = std::mem::take(&mut self.members);
        let manifest = Manifest { format: FORMAT, program, taken, next_number, members };
        let mut text = serde_json::to_vec(&manifest).expect("texts, numbers and lists become JSON");
        text.push(b'\n');
        self.append(MANIFEST, &text, taken)?;
        let path = self.path.clone();
        let failed = || failed("write", &path);
        self.tar.finish().map_err(failed())?;
        let hashing = self.tar.get_mut();
        let seal = seal(&hashing.hasher.finalize());
        hashing.write_all(&seal).and_then(|()| hashing.flush()).map_err(failed())?;
        let length = hashing.length;
        os::sync_all(hashing.file.get_ref()).map_err(failed())?;
        let moved = if replaced { fs::rename(&self.beside, &path) } else { os::rename_new(&self.beside, &path) };
        moved.map_err(failed())?;
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        os::sync_directory(folder).map_err(failed())?;
        Ok(length)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Once it is whole it has its name. What can't be removed is no backup: nobody takes it for one.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Makes the header of a member, as every member of this format has it.
fn header(name: &str, bytes: u64, modified: Timestamp) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(bytes);
    header.set_mtime(u64::try_from(modified.as_second()).unwrap_or_default());
    header.set_cksum();
    Ok(header)
}

fn seal(hash: &blake3::Hash) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let text = format!("{SEAL}{}\n", hash.to_hex());
    block[..text.len()].copy_from_slice(text.as_bytes());
    block
}

/// An archive that was found whole.
#[derive(Debug)]
pub(super) struct Archive {
    file: File,
    path: PathBuf,
    pub(super) manifest: Manifest,
    /// The members with the place of their bytes, in the order of the list.
    members: Vec<(Member, u64)>,
}

impl Archive {
    /// Opens an archive and examines all of it.
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        let bad = |message: &str| StorageError::BadBackup { path: path.to_owned(), message: message.to_owned() };
        // The only file of its kind that is read through links: people name it.
        let kind = fs::metadata(path).map_err(failed("open", path))?;
        if !kind.is_file() {
            return Err(bad("is no file: a backup is"));
        }
        let mut file = os::open_followed(path).map_err(failed("open", path))?;
        let end = check_seal(&mut file)
            .map_err(failed("read", path))?
            .ok_or_else(|| bad("is no backup that Tickety made, or it is damaged or not all there"))?;
        let members = read_members(&file, end).map_err(|error| bad(&error.to_string()))?;
        let Some(((name, position, bytes), members)) = members.split_last().filter(|(last, _)| last.0 == MANIFEST)
        else {
            return Err(bad("has no list of its members at its end"));
        };
        let text = read_part(&file, *position, *bytes).map_err(failed("read", path))?;
        let manifest = read_manifest(&text).map_err(|message| bad(&format!("{name}: {message}")))?;
        let archive = Self { file, path: path.to_owned(), members: Vec::new(), manifest };
        archive.with_members(members)
    }

    fn with_members(mut self, members: &[(String, u64, u64)]) -> Result<Self, StorageError> {
        let listed = self.manifest.members.iter().map(|listed| (&listed.name, listed.bytes));
        if !listed.eq(members.iter().map(|(name, _, bytes)| (name, *bytes))) {
            return Err(self.bad("has other members than it lists"));
        }
        for (name, position, _) in members {
            match Member::parse(name) {
                Some(member) => self.members.push((member, *position)),
                None => return Err(self.bad(&format!("has a member that no backup has: {name:?}"))),
            }
        }
        let mut names: Vec<&Member> = self.members.iter().map(|(member, _)| member).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.bad("has a member twice"));
        }
        for place in 0..self.members.len() {
            self.read(place)?;
        }
        Ok(self)
    }

    pub(super) fn bad(&self, message: &str) -> StorageError {
        StorageError::BadBackup { path: self.path.clone(), message: message.to_owned() }
    }

    /// Returns the members with their places, in order.
    pub(super) fn members(&self) -> impl Iterator<Item = (usize, &Member, &Listed)> {
        self.members
            .iter()
            .zip(&self.manifest.members)
            .enumerate()
            .map(|(place, ((member, _), listed))| (place, member, listed))
    }

    /// Reads the bytes of a member, and checks them again: somebody may change the file meanwhile.
    pub(super) fn read(&self, place: usize) -> Result<Vec<u8>, StorageError> {
        let (listed, position) = (&self.manifest.members[place], self.members[place].1);
        let bytes = read_part(&self.file, position, listed.bytes).map_err(failed("read", &self.path))?;
        match blake3::hash(&bytes).to_hex().as_str() == listed.blake3 {
            true => Ok(bytes),
            false => Err(self.bad(&format!("{} is not as it is listed", listed.name))),
        }
    }

    /// Returns the version that a file has which is as a member.
    pub(super) fn version(&self, place: usize) -> Result<Version, StorageError> {
        let hash = blake3::Hash::from_hex(&self.manifest.members[place].blake3);
        hash.map(version_of).map_err(|_| self.bad("lists a member without its hash"))
    }
}

/// Compares the last block with everything before. Returns where the archive ends; `None` if it isn't whole.
fn check_seal(file: &mut File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let Some(end) = length.checked_sub(BLOCK as u64).filter(|end| end.is_multiple_of(BLOCK as u64)) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut reader.by_ref().take(end), &mut hasher)?;
    let mut last = [0; BLOCK];
    reader.read_exact(&mut last)?;
    Ok((last == seal(&hasher.finalize())).then_some(end))
}

/// Returns the names of the members, with the places and sizes of their bytes. Only what this format has is taken: plain
/// files, each with the header that it would be written with.
fn read_members(file: &File, end: u64) -> io::Result<Vec<(String, u64, u64)>> {
    let mut reader = file;
    reader.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(reader.take(end)));
    let mut found = Vec::new();
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        let header = entry.header();
        let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let no_member =
            || io::Error::new(io::ErrorKind::InvalidData, format!("has a member that no backup has: {name:?}"));
        let modified = i64::try_from(header.mtime()?).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let usual = self::header(&name, header.size()?, modified.ok_or_else(no_member)?).map_err(|_| no_member())?;
        if usual.as_bytes() != header.as_bytes() {
            return Err(no_member());
        }
        found.push((name, entry.raw_file_position(), header.size()?));
    }
    Ok(found)
}

fn read_part(file: &File, position: u64, bytes: u64) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    if bytes > MOST_BYTES
        || position.checked_add(bytes).is_none_or(|end| file.metadata().map_or(true, |found| end > found.len()))
    {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut part = vec![0; usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?];
    file.read_exact_at(&mut part, position)?;
    Ok(part)
}

/// Reads the list of the members; that of a newer format says so.
fn read_manifest(text: &[u8]) -> Result<Manifest, String> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let Version { format } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!(
            "made by another Tickety (format {format}, and this program knows format {FORMAT}): use that"
        ));
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
