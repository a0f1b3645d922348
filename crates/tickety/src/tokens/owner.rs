//! Whose a file of tokens is: nobody else's, and nobody else can put another in its place.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::{getegid, geteuid};

/// The bit of a directory in which one removes only what is one's own, as in `/tmp`.
const STICKY: u32 = 0o1000;

/// Who reads.
#[derive(Clone, Copy, Debug)]
struct Reader {
    user: u32,
    group: u32,
}

/// What the system says of a file or a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ownership {
    user: u32,
    group: u32,
    mode: u32,
}

impl From<&Metadata> for Ownership {
    fn from(metadata: &Metadata) -> Self {
        Self { user: metadata.uid(), group: metadata.gid(), mode: metadata.mode() }
    }
}

impl Ownership {
    fn is_somebody_elses(&self, reader: Reader) -> bool {
        // Who is root needs no file.
        self.user != reader.user && self.user != 0
    }

    /// Says why this can't be a file of one's own tokens.
    fn of_file(self, reader: Reader) -> Result<(), String> {
        if self.is_somebody_elses(reader) {
            return Err(format!("it belongs to another user ({}): remove it, and make tokens of your own", self.user));
        }
        match self.mode & 0o022 {
            0 => Ok(()),
            _ => Err("others can write it: `chmod 600` it if all of its tokens are yours".to_owned()),
        }
    }

    /// Says why somebody else could put another file there.
    fn of_directory(self, reader: Reader) -> Result<(), String> {
        if self.is_somebody_elses(reader) {
            return Err(format!("its directory belongs to another user ({})", self.user));
        }
        // The group of one's own is what a umask of 002 lets write, where each user has one.
        let strangers = if self.group == reader.group { 0o002 } else { 0o022 };
        match self.mode & strangers {
            0 => Ok(()),
            _ if self.mode & STICKY != 0 => Ok(()),
            _ => Err("others can write its directory: `chmod go-w` that".to_owned()),
        }
    }
}

/// Returns what the system says of the directory of a file.
pub(super) fn of_directory(path: &Path) -> io::Result<Ownership> {
    Ok(Ownership::from(&fs::metadata(path.parent().unwrap_or(path))?))
}

/// Reads a file of at most so many bytes that is none of others: no link, no pipe, and nobody else can have written it.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let reader = Reader { user: geteuid().as_raw(), group: getegid().as_raw() };
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ownership::from(&metadata).of_file(reader).map_err(io::Error::other)?;
    of_directory(path)?.of_directory(reader).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Reader = Reader { user: 1_000, group: 1_000 };

    fn owned(user: u32, group: u32, mode: u32) -> Ownership {
        Ownership { user, group, mode }
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        assert_eq!(owned(1_000, 1_000, 0o600).of_file(ANN), Ok(()));
        assert_eq!(owned(0, 0, 0o644).of_file(ANN), Ok(()), "root may do everything anyway");
        for (user, mode) in [(1_001, 0o600), (65_534, 0o644), (1_000, 0o620), (1_000, 0o602)] {
            assert!(owned(user, 1_000, mode).of_file(ANN).is_err(), "{user} {mode:o}");
        }
        let root = Reader { user: 0, group: 0 };
        assert!(owned(1_000, 1_000, 0o600).of_file(root).is_err(), "nobody makes tokens for root");
    }

    #[test]
    fn a_directory_in_which_somebody_else_can_put_a_file_is_refused() {
        for (user, group, mode) in
            [(1_000, 1_000, 0o755), (1_000, 1_000, 0o775), (0, 0, 0o755), (0, 50, 0o2755), (0, 0, 0o1777)]
        {
            assert_eq!(owned(user, group, mode).of_directory(ANN), Ok(()), "{user} {group} {mode:o}");
        }
        for (user, group, mode) in
            [(1_001, 1_000, 0o755), (1_000, 50, 0o2775), (0, 0, 0o775), (1_000, 1_000, 0o777), (1_000, 1_000, 0o757)]
        {
            assert!(owned(user, group, mode).of_directory(ANN).is_err(), "{user} {group} {mode:o}");
        }
    }
}
