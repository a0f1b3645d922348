use std::collections::BTreeSet;

use tempfile::TempDir;

use super::*;

const NAMES: [&str; 3] = ["home/config.toml", "home/issues/000/000042-k3f9.md", "state/events/log"];

fn time() -> Timestamp {
    "2026-11-21T02:48:57.123456789Z".parse().unwrap()
}

/// A backup of three members.
fn written() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("backup.tar");
    let mut writer = Writer::begin(&path).unwrap();
    for name in NAMES {
        writer.add(&Member::parse(name).unwrap(), name.repeat(30).as_bytes(), time()).unwrap();
    }
    let length = writer.finish(time(), Some(43), false).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    (temp, path)
}

fn is_refused(path: &Path) -> bool {
    matches!(Archive::open(path), Err(StorageError::BadBackup { .. }))
}

#[test]
fn what_was_written_is_read() {
    let (temp, path) = written();
    let archive = Archive::open(&path).unwrap();
    assert_eq!((archive.manifest.taken, archive.manifest.next_number), (time(), Some(43)));
    let read = |(place, member, listed): (usize, &Member, &Listed)| {
        assert_eq!(listed.modified, time());
        (member.to_string(), archive.read(place).unwrap(), archive.version(place).unwrap())
    };
    let members: Vec<_> = archive.members().map(read).collect();
    let expected = NAMES.map(|name| {
        let text = name.repeat(30).into_bytes();
        (name.to_owned(), text.clone(), crate::repo::files::hash(&text))
    });
    assert_eq!(members, expected);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "nothing is left beside");
}

#[test]
fn nobody_else_may_read_it_and_no_other_file_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let (temp, path) = written();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let error = Writer::begin(&path).unwrap().finish(time(), None, false).unwrap_err();
    assert!(
        matches!(&error, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    Writer::begin(&path).unwrap().finish(time(), None, true).unwrap();
    assert_eq!(Archive::open(&path).unwrap().manifest.members, []);
    drop(Writer::begin(&path).unwrap());
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn a_flipped_bit_or_a_missing_byte_anywhere_is_noticed() {
    let (_temp, path) = written();
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 6000);
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(&path, damaged).unwrap();
        assert!(is_refused(&path), "byte {place}");
    }
    for length in (0..whole.len()).step_by(5) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(is_refused(&path), "{length} bytes");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert!(is_refused(&path));
    fs::write(&path, [&whole[..], &[0; BLOCK]].concat()).unwrap();
    assert!(is_refused(&path));
    fs::write(&path, &whole).unwrap();
    assert!(Archive::open(&path).is_ok());
}

/// Seals an archive with members as somebody made them up, and a list that agrees.
fn made_up(path: &Path, members: &[(&str, EntryType, &str)]) {
    let mut tar = tar::Builder::new(Vec::new());
    let mut listed = Vec::new();
    for (name, kind, link) in members {
        let mut header = self::header("home/config.toml", 4, time()).unwrap();
        header.set_entry_type(*kind);
        let old = header.as_old_mut();
        old.name = [0; 100];
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, &b"text"[..]).unwrap();
        let blake3 = blake3::hash(b"text").to_hex().to_string();
        listed.push(Listed { name: (*name).to_owned(), bytes: 4, modified: time(), blake3 });
    }
    finish(path, tar, listed, FORMAT);
}

fn finish(path: &Path, mut tar: tar::Builder<Vec<u8>>, members: Vec<Listed>, format: u32) {
    let manifest = Manifest { format, program: String::new(), taken: time(), next_number: None, members };
    let text = serde_json::to_vec(&manifest).unwrap();
    tar.append(&header(MANIFEST, text.len() as u64, time()).unwrap(), &text[..]).unwrap();
    let bytes = tar.into_inner().unwrap();
    let seal = seal(&blake3::hash(&bytes));
    fs::write(path, [&bytes[..], &seal].concat()).unwrap();
}

#[test]
fn members_that_no_backup_has_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("backup.tar");
    let good = ("home/config.toml", EntryType::Regular, "");
    made_up(&path, &[good]);
    assert!(Archive::open(&path).is_ok());
    let mut told = BTreeSet::new();
    for bad in [
        ("../config.toml", EntryType::Regular, ""),
        ("/etc/cron.d/x", EntryType::Regular, ""),
        ("home/../../x", EntryType::Regular, ""),
        ("home/issues/000/000042-k3f9.md/../../x", EntryType::Regular, ""),
        ("home/local/journal", EntryType::Regular, ""),
        ("state/journal", EntryType::Regular, ""),
        ("home/issues/000/000042-k3f9.md", EntryType::Symlink, "/etc/passwd"),
        ("home/issues/000/000042-k3f9.md", EntryType::Link, "/etc/passwd"),
        ("home/issues/000/000042-k3f9.md", EntryType::Regular, "/etc/passwd"),
        ("home/issues", EntryType::Directory, ""),
        ("state/kept/x", EntryType::Char, ""),
        ("state/kept/x", EntryType::Block, ""),
        ("state/kept/x", EntryType::Fifo, ""),
        ("state/kept/x", EntryType::GNUSparse, ""),
        ("state/kept/x", EntryType::GNULongName, ""),
        ("state/kept/x", EntryType::XHeader, ""),
        ("home/config.toml", EntryType::Regular, ""),
        ("manifest.json", EntryType::Regular, ""),
    ] {
        made_up(&path, &[good, bad]);
        match Archive::open(&path) {
            Err(StorageError::BadBackup { message, .. }) => drop(told.insert(message)),
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    assert!(told.iter().any(|message| message.ends_with("no backup has: \"../config.toml\"")), "{told:?}");
    assert!(told.contains("has a member twice"), "{told:?}");
}

#[test]
fn a_list_that_does_not_agree_and_a_newer_format_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("backup.tar");
    let listed = |text: &[u8]| Listed {
        name: "home/config.toml".to_owned(),
        bytes: 4,
        modified: time(),
        blake3: blake3::hash(text).to_hex().to_string(),
    };
    let tar = || {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(&header("home/config.toml", 4, time()).unwrap(), &b"text"[..]).unwrap();
        tar
    };
    finish(&path, tar(), vec![listed(b"text")], FORMAT);
    assert!(Archive::open(&path).is_ok());
    for (listed, format) in [
        (vec![], FORMAT),
        (vec![listed(b"else")], FORMAT),
        (vec![listed(b"text"); 2], FORMAT),
        (vec![listed(b"text")], 2),
    ] {
        finish(&path, tar(), listed, format);
        assert!(is_refused(&path), "format {format}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(Archive::open(&path), Err(StorageError::Io { .. })));
    fs::create_dir(&path).unwrap();
    assert!(is_refused(&path));
    rustix::fs::mkfifoat(rustix::fs::CWD, temp.path().join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    assert!(is_refused(&temp.path().join("pipe")));
}
