//! The tokens of a clone: who may ask its server.
//!
//! One file, `tokens.json`, in the directory of the state that all work trees share, so that it is never committed: it
//! holds the hash of each token and what that allows. It is replaced as a whole and can be read by its owner alone. A file
//! that is damaged, that others have written or could, that a newer version wrote, or that was made in another directory
//! is refused as a whole: a folder that was copied from somewhere else, or came in an archive, opens nothing.

mod live;
mod owner;
mod uses;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use blake3::Hash;
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tickety_api::ErrorCode;
use tickety_server::guard::access::Scope;

use crate::exit::CliError;

pub use live::LiveTokens;
pub use uses::Uses;

/// The name of the file.
const FILE: &str = "tokens.json";

/// What it is written as before it takes its place.
const UNFINISHED: &str = ".tmp-tokens.json";

/// What those hold who change it.
const LOCK: &str = "tokens.lock";

/// The version of the format.
const VERSION: u64 = 1;

/// The most tokens of a clone.
pub const MOST: usize = 1_000;

/// The longest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// How many digits of the hash name a token.
const ID: usize = 10;

/// A token, without the secret itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// What people call it; no two have the same name.
    pub name: String,
    /// Who acts by it.
    pub user: String,
    /// What it is good for.
    pub scope: Scope,
    /// The hash of the secret.
    pub hash: Hash,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

impl Token {
    /// Returns what names it in logs and lists: the first digits of its hash.
    pub fn id(&self) -> String {
        self.hash.to_hex()[..ID].to_owned()
    }

    /// Whether it has ended.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// A token as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    name: String,
    user: String,
    scope: String,
    hash: String,
    created: String,
    expires: Option<String>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    version: u64,
    /// The directory that it was made in, which no copy of it is.
    place: String,
    /// The hash of the tokens as JSON.
    check: String,
    tokens: Vec<Record>,
}

impl From<&Token> for Record {
    fn from(token: &Token) -> Self {
        let Token { name, user, scope, hash, created, expires } = token;
        Self {
            name: name.clone(),
            user: user.clone(),
            scope: scope.to_string(),
            hash: hash.to_hex().to_string(),
            created: created.to_string(),
            expires: expires.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<Record> for Token {
    type Error = String;

    fn try_from(record: Record) -> Result<Self, String> {
        let Record { name, user, scope, hash, created, expires } = record;
        let time = |text: String| text.parse::<Timestamp>().map_err(|error| error.to_string());
        Ok(Self {
            scope: scope.parse().map_err(|error| format!("{error}"))?,
            hash: Hash::from_hex(&hash).map_err(|error| error.to_string())?,
            created: time(created)?,
            expires: expires.map(time).transpose()?,
            name,
            user,
        })
    }
}

/// The tokens of one clone.
#[derive(Clone, Debug)]
pub struct TokenFile {
    directory: PathBuf,
}

impl TokenFile {
    /// Names those of the clone that has its common state in this directory.
    pub fn in_state(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Reads all of them; none where there is no file.
    pub fn read(&self) -> Result<Vec<Token>, CliError> {
        let path = self.path();
        let bytes = match owner::read(&path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(|error| CliError::io("read", &path, &error))?,
        };
        let place = self.place().map_err(|error| CliError::io("look at", &self.directory, &error))?;
        parse(&bytes, &place).map_err(|wrong| match wrong {
            Wrong::Elsewhere => {
                let message = format!("{} was made in another folder and copied here", path.display());
                CliError::new(ErrorCode::Damaged, message)
                    .hint("no token of it is good; remove the file, and make new ones with `tickety token create`")
            }
            Wrong::Newer(version) => {
                let message = format!("{} has version {version}, and this program knows {VERSION}", path.display());
                CliError::new(ErrorCode::BadConfig, message).hint("take a newer version of tickety")
            }
            Wrong::Damaged(why) => CliError::new(ErrorCode::Damaged, format!("{} is damaged: {why}", path.display()))
                .hint("no token is good now; remove the file, and make new ones with `tickety token create`"),
        })
    }

    /// Changes them, while nobody else does.
    pub fn change<T>(&self, change: impl FnOnce(&mut Vec<Token>) -> Result<T, CliError>) -> Result<T, CliError> {
        let failed = |action: &'static str, path: PathBuf| {
            move |error: io::Error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    CliError::new(ErrorCode::StateReadOnly, format!("could not {action} {}: {error}", path.display()))
                }
                _ => CliError::io(action, &path, &error),
            }
        };
        let mut directory = fs::DirBuilder::new();
        directory
            .recursive(true)
            .mode(0o777)
            .create(&self.directory)
            .map_err(failed("make", self.directory.clone()))?;
        let _lock = self.lock().map_err(failed("lock", self.directory.join(LOCK)))?;
        let mut tokens = self.read()?;
        let changed = change(&mut tokens)?;
        let place = self.place().map_err(failed("look at", self.directory.clone()))?;
        self.replace(FILE, &print(&tokens, place)).map_err(failed("write", self.path()))?;
        Ok(changed)
    }

    /// Waits until nobody else changes them.
    fn lock(&self) -> io::Result<File> {
        let path = self.directory.join(LOCK);
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(flags).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            // Held for as long as it takes to write a small file.
            Err(TryLockError::WouldBlock) => file.lock()?,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(file)
    }

    /// Returns what tells the directory from every other: its number, and when it was made. Nothing that is copied or unpacked
    /// has both, whoever made it; what is renamed keeps them.
    fn place(&self) -> io::Result<String> {
        let metadata = fs::metadata(&self.directory)?;
        // Some file systems don't know.
        let made = metadata.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Ok(format!("{}-{}", metadata.ino(), made.map_or(0, |at| at.as_nanos())))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.directory.join(UNFINISHED);
        // Left behind by a process that was killed: this one holds the lock.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.directory.join(name))?;
        File::open(&self.directory)?.sync_all()
    }
}

/// Why a file is refused.
#[derive(PartialEq, Eq, Debug)]
enum Wrong {
    Newer(u64),
    Damaged(String),
    Elsewhere,
}

fn parse(bytes: &[u8], here: &str) -> Result<Vec<Token>, Wrong> {
    let damaged = |why: String| Wrong::Damaged(why);
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(Wrong::Newer(version)),
        _ => return Err(damaged("it has no version".to_owned())),
    }
    let Records { version: _, place, check, tokens } =
        serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
    if place != here {
        return Err(Wrong::Elsewhere);
    }
    if check != checksum(&tokens) {
        return Err(damaged("its checksum is that of something else".to_owned()));
    }
    if tokens.len() > MOST {
        return Err(damaged(format!("it has more than {MOST} tokens")));
    }
    tokens.into_iter().map(|record| record.try_into().map_err(damaged)).collect()
}

fn print(tokens: &[Token], place: String) -> Vec<u8> {
    let tokens: Vec<Record> = tokens.iter().map(Into::into).collect();
    let records = Records { version: VERSION, place, check: checksum(&tokens), tokens };
    let mut bytes = serde_json::to_vec_pretty(&records).expect("tokens are made of texts");
    bytes.push(b'\n');
    bytes
}

fn checksum(tokens: &[Record]) -> String {
    let bytes = serde_json::to_vec(tokens).expect("tokens are made of texts");
    blake3::hash(&bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    fn token(name: &str) -> Token {
        Token {
            name: name.to_owned(),
            user: "Ann".to_owned(),
            scope: Scope::Write,
            hash: blake3::hash(name.as_bytes()),
            created: "2026-11-20T12:00:00Z".parse().unwrap(),
            expires: Some("2026-12-20T12:00:00Z".parse().unwrap()),
        }
    }

    fn add(file: &TokenFile, name: &str) -> Result<(), CliError> {
        file.change(|tokens| {
            tokens.push(token(name));
            Ok(())
        })
    }

    #[test]
    fn what_is_written_is_read_by_its_owner() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(&folder.path().join("a/b"));
        assert_eq!(file.read().unwrap(), []);
        add(&file, "one").unwrap();
        fs::write(file.directory.join(UNFINISHED), "left behind").unwrap();
        add(&file, "two").unwrap();
        assert_eq!(file.read().unwrap(), [token("one"), token("two")]);
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
        let mut names: Vec<_> =
            fs::read_dir(&file.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [FILE, LOCK]);
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        add(&file, "one").unwrap();
        let before = fs::read(file.path()).unwrap();
        let refused = file.change(|tokens| {
            tokens.clear();
            Err::<(), _>(CliError::usage("no"))
        });
        assert!(refused.is_err() && fs::read(file.path()).unwrap() == before);
    }

    #[test]
    fn a_damaged_file_is_refused_as_a_whole_and_left_as_it_is() {
        let whole = print(&[token("one"), token("two")], "here".to_owned());
        assert_eq!(parse(&whole, "here").unwrap().len(), 2);
        assert_eq!(parse(&whole, "there"), Err(Wrong::Elsewhere));
        for length in 0..whole.len() - 1 {
            assert!(matches!(parse(&whole[..length], "here"), Err(Wrong::Damaged(_))), "{length}");
        }
        let text = String::from_utf8(whole).unwrap();
        for (from, to) in [("\"write\"", "\"admin\""), ("one", "eno"), ("2026-12-20", "2027-12-20"), ("Ann", "Bob")] {
            assert!(matches!(parse(text.replacen(from, to, 1).as_bytes(), "here"), Err(Wrong::Damaged(_))), "{from}");
        }
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(parse(newer.as_bytes(), "here"), Err(Wrong::Newer(2)));
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        fs::write(file.path(), &newer).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(file.read().unwrap_err().is(ErrorCode::BadConfig));
        assert!(add(&file, "three").unwrap_err().is(ErrorCode::BadConfig));
        assert_eq!(fs::read(file.path()).unwrap(), newer.as_bytes());
    }

    #[test]
    fn what_was_copied_opens_nothing_and_what_was_moved_does() {
        let folder = TempDir::new().unwrap();
        let (made, copied, moved) =
            (folder.path().join("made"), folder.path().join("copied"), folder.path().join("moved"));
        add(&TokenFile::in_state(&made), "one").unwrap();
        fs::create_dir(&copied).unwrap();
        fs::copy(made.join(FILE), copied.join(FILE)).unwrap();
        let copy = TokenFile::in_state(&copied);
        assert!(copy.read().unwrap_err().message().contains("copied here"));
        assert!(add(&copy, "two").is_err(), "nothing is added to it");
        fs::rename(&made, &moved).unwrap();
        assert_eq!(TokenFile::in_state(&moved).read().unwrap(), [token("one")]);
    }

    #[test]
    fn a_file_that_others_can_write_and_a_link_are_refused() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        add(&file, "one").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o620)).unwrap();
        assert!(file.read().is_err());
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(file.path(), &elsewhere).unwrap();
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&elsewhere, file.path()).unwrap();
        assert!(file.read().is_err());
    }
    #[test]
    fn a_file_in_a_directory_that_others_can_write_is_refused() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        add(&file, "one").unwrap();
        for (mode, is_good) in [(0o777, false), (0o1777, true), (0o755, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(file.read().is_ok(), is_good, "{mode:o}");
            assert_eq!(add(&file, &format!("{mode:o}")).is_ok(), is_good, "{mode:o}");
        }
    }
}
