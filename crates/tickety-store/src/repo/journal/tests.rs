use std::fs;
use std::time::Duration;

use super::*;
use crate::repo::files::hash;
use crate::repo::os::fault;
use crate::repo::scene::{Scene, now};

const ONE: &str = "issues/000/000001-k3f9.md";
const TWO: &str = "issues/000/000002-k3f9.md";
const FAR: &str = "issues/007/007000-k3f9.md";

/// Makes a journal with three transactions that are on the disk and nothing else, as after a
/// reboot. Returns it with the ends of the three.
fn three_transactions() -> (Scene, [u64; 3]) {
    let scene = Scene::new();
    let mut ends = [0; 3];
    for (end, text) in ends.iter_mut().zip(["one", "two", "three"]) {
        scene.put(ONE, text.as_bytes());
        *end = START + JournalStatus::read(&scene.layout).unwrap().bytes;
    }
    (scene, ends)
}

fn walk(scene: &Scene) -> Result<usize, JournalError> {
    let log = Log::open_existing(&scene.layout.journal())?.expect("it was made");
    Ok(log.transactions(Extent::Unknown)?.len())
}

#[test]
fn a_write_is_acknowledged_with_one_sync_however_large() {
    let scene = Scene::new();
    scene.put(ONE, b"first use makes the journal");
    for files in [1_u32, 3_000] {
        let lock = scene.lock();
        let mut journal = Journal::open(&scene.layout, &lock).unwrap();
        let before = fault::syncs();
        let mut transaction = journal.begin(&scene.home, now()).unwrap();
        for number in 1..=files {
            let path = Scene::path(&format!("issues/{:03}/{number:06}-zzzz.md", number / 1000));
            transaction.put(&path, None, &[b'x'; 400]).unwrap();
        }
        let committed = transaction.commit().unwrap();
        assert_eq!(fault::syncs() - before, 1);
        let applied = journal.apply(&scene.home, committed).unwrap();
        assert_eq!(fault::syncs() - before, 1);
        // The second time the first file is there already, made by somebody else as far as the
        // transaction knows, but with the content it wants.
        assert_eq!((applied.records.len(), applied.kept.len()), (files as usize, 0));
    }
    assert_eq!(scene.contents().len(), 3_001);
}

#[test]
fn the_first_write_makes_its_directories_durable_too() {
    let scene = Scene::new();
    let before = fault::syncs();
    scene.put(ONE, b"text");
    assert_eq!(fault::syncs() - before, 3);
}

#[test]
fn applied_records_come_with_the_state_of_their_files() {
    let scene = Scene::new();
    let applied = scene.put(FAR, b"text");
    let [record] = &applied.records[..] else { panic!("{applied:?}") };
    assert_eq!(record.version, Some(hash(b"text")));
    assert_eq!(record.stat, scene.home.stat(&Scene::path(FAR)).unwrap().map(|stat| stat.key));
    let removed = scene.write(&[(FAR, None)], true).1.unwrap();
    assert_eq!((removed.records[0].version, removed.records[0].stat), (None, None));
    assert!(scene.contents().is_empty());
}

#[test]
fn one_transaction_may_change_a_file_twice() {
    let scene = Scene::new();
    let lock = scene.lock();
    let mut journal = Journal::open(&scene.layout, &lock).unwrap();
    crate::repo::recovery::recover(&mut journal, &scene.home).unwrap();
    let path = Scene::path(ONE);
    let mut transaction = journal.begin(&scene.home, now()).unwrap();
    let first = transaction.put(&path, None, b"first").unwrap();
    transaction.put(&path, Some(first), b"second").unwrap();
    let committed = transaction.commit().unwrap();
    journal.apply(&scene.home, committed).unwrap();
    assert_eq!(scene.contents()[ONE], b"second");
}

#[test]
fn a_file_that_changed_since_it_was_read_is_kept() {
    let scene = Scene::new();
    scene.put(ONE, b"read");
    let lock = scene.lock();
    let mut journal = Journal::open(&scene.layout, &lock).unwrap();
    let mut transaction = journal.begin(&scene.home, now()).unwrap();
    transaction.put(&Scene::path(ONE), Some(hash(b"read")), b"ours").unwrap();
    transaction.put(&Scene::path(TWO), None, b"ours").unwrap();
    let committed = transaction.commit().unwrap();
    scene.write_outside(ONE, Some(b"theirs"));
    let applied = journal.apply(&scene.home, committed).unwrap();
    let kept = Kept { path: Scene::path(ONE), reason: KeptReason::Edited, wanted: Some(hash(b"ours")) };
    assert_eq!(applied.kept, [kept]);
    assert_eq!((scene.contents()[ONE].as_slice(), scene.contents()[TWO].as_slice()), (&b"theirs"[..], &b"ours"[..]));
    assert!(!journal.needs_recovery());
}

#[test]
fn a_dropped_transaction_leaves_nothing() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    {
        let lock = scene.lock();
        let mut journal = Journal::open(&scene.layout, &lock).unwrap();
        let mut transaction = journal.begin(&scene.home, now()).unwrap();
        // More than is held in memory, so that a part of it is written.
        transaction.put(&Scene::path(TWO), None, &vec![b'x'; 600_000]).unwrap();
    }
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    scene.put(FAR, b"far");
    fault::set_boot(2);
    assert_eq!(scene.recover().unwrap().intact, 2);
    assert_eq!(scene.contents().len(), 2);
}

#[test]
fn permission_bits_survive_a_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    scene.put(ONE, b"one");
    let path = scene.layout.home.join(ONE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    scene.put(ONE, b"two");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_could_never_become_visible_is_refused_before_it_is_acknowledged() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    scene.write_outside("issues/007", Some(b"a file in place of a directory"));
    let (acknowledged, result) = scene.write(&[(FAR, Some(b"far"))], true);
    assert!(!acknowledged);
    let error = result.unwrap_err();
    assert!(matches!(error, JournalError::File(FileError::NotADirectory { .. })), "{error}");
    scene.put(ONE, b"others still work");
}

#[test]
fn a_failed_sync_is_returned_and_poisons_the_journal() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    {
        let lock = scene.lock();
        let mut journal = Journal::open(&scene.layout, &lock).unwrap();
        let mut transaction = journal.begin(&scene.home, now()).unwrap();
        transaction.put(&Scene::path(ONE), Some(hash(b"one")), b"two").unwrap();
        let before = fault::syncs();
        fault::fail_syncs(true);
        assert!(matches!(transaction.commit(), Err(JournalError::Sync { .. })));
        // Not tried again, neither here nor by what comes after.
        assert_eq!(fault::syncs() - before, 1);
        fault::fail_syncs(false);
        assert!(matches!(journal.begin(&scene.home, now()), Err(JournalError::Poisoned { .. })));
        assert!(matches!(journal.checkpoint(&scene.home), Err(JournalError::Poisoned { .. })));
        assert_eq!(fault::syncs() - before, 1);
    }
    // Opened again, the journal tells what the disk has, and the failed write is not redone.
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    assert_eq!(scene.contents()[ONE], b"one");
    scene.put(ONE, b"three");
    fault::set_boot(2);
    assert_eq!(scene.recover().unwrap().intact, 1);
}

#[test]
fn a_failed_checkpoint_keeps_the_transactions() {
    let (scene, _) = three_transactions();
    {
        let lock = scene.lock();
        let mut journal = Journal::open(&scene.layout, &lock).unwrap();
        fault::fail_syncs(true);
        assert!(matches!(journal.checkpoint(&scene.home), Err(JournalError::Sync { .. })));
        fault::fail_syncs(false);
    }
    assert_eq!(walk(&scene).unwrap(), 3);
}

#[test]
fn a_checkpoint_empties_the_journal() {
    let (scene, ends) = three_transactions();
    let lock = scene.lock();
    let mut journal = Journal::open(&scene.layout, &lock).unwrap();
    assert_eq!(journal.bytes(), ends[2] - START);
    journal.checkpoint(&scene.home).unwrap();
    assert_eq!(journal.bytes(), 0);
    assert_eq!(walk(&scene).unwrap(), 0);
    let before = fault::syncs();
    journal.checkpoint(&scene.home).unwrap();
    assert_eq!(fault::syncs(), before);
    drop(lock);
    // What the old generation left behind the first transaction of the new one is not taken for
    // one of its own.
    scene.put(TWO, b"two");
    assert_eq!(walk(&scene).unwrap(), 1);
    fault::set_boot(2);
    assert_eq!(scene.recover().unwrap().transactions, 1);
}

#[test]
fn a_checkpoint_is_due_by_size_or_age() {
    let scene = Scene::new();
    let due = |policy, later: Duration| {
        let status = JournalStatus::read(&scene.layout).unwrap();
        let lock = scene.lock();
        let journal = Journal::open(&scene.layout, &lock).unwrap();
        let at = now() + later;
        assert_eq!(journal.is_checkpoint_due(policy, at), status.is_checkpoint_due(policy, at));
        status.is_checkpoint_due(policy, at)
    };
    let policy = CheckpointPolicy { bytes: 2 * format::PAGE, age: Duration::from_secs(600) };
    scene.recover().unwrap();
    assert!(!due(policy, Duration::from_secs(10_000)));
    scene.put(ONE, b"one");
    assert!(!due(policy, Duration::from_secs(500)));
    assert!(due(policy, Duration::from_secs(601)));
    scene.put(ONE, b"two");
    assert!(due(policy, Duration::ZERO));
}

#[test]
fn what_a_large_transaction_wrote_is_copied() {
    let scene = Scene::new();
    let large = vec![b'x'; 3 << 19];
    scene.put(ONE, &large);
    let lock = scene.lock();
    let journal = Journal::open(&scene.layout, &lock).unwrap();
    let copy = journal.copy_into(&scene.layout.contents()).unwrap().unwrap();
    let mut acknowledged = Acknowledged::default();
    acknowledged.add_kept(&copy).unwrap();
    let last = acknowledged.files()[&Scene::path(ONE)];
    assert!(acknowledged.read(&last).unwrap() == Some(large));
}

#[test]
fn a_large_batch_gives_its_room_back() {
    let scene = Scene::new();
    let body = vec![b'x'; 1024 * 1024];
    let paths: Vec<_> = (1..=10).map(|number| format!("issues/000/{number:06}-zzzz.md")).collect();
    let edits: Vec<_> = paths.iter().map(|path| (path.as_str(), Some(body.as_slice()))).collect();
    scene.write(&edits, true).1.unwrap();
    let length = || fs::metadata(scene.layout.journal()).unwrap().len();
    assert!(length() > 10 * 1024 * 1024);
    let lock = scene.lock();
    Journal::open(&scene.layout, &lock).unwrap().checkpoint(&scene.home).unwrap();
    assert_eq!(length(), log::CHUNK);
}

#[test]
fn the_file_grows_ahead_of_small_transactions() {
    let scene = Scene::new();
    let mut lengths = std::collections::BTreeSet::new();
    for number in 0..20_u32 {
        scene.put(ONE, &number.to_le_bytes());
        lengths.insert(fs::metadata(scene.layout.journal()).unwrap().len());
    }
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [log::CHUNK, 2 * log::CHUNK]);
}

#[test]
fn a_tail_torn_anywhere_is_cut() {
    let (scene, [_, second, third]) = three_transactions();
    let whole = fs::read(scene.layout.journal()).unwrap();
    let used = format::HEADER_SIZE + format::RECORD_SIZE + ONE.len() + "three".len();
    for cut in second as usize..second as usize + used {
        for zeros in [true, false] {
            let mut torn = whole[..cut].to_vec();
            torn.resize(if zeros { third as usize } else { cut }, 0);
            fs::write(scene.layout.journal(), torn).unwrap();
            assert_eq!(walk(&scene).unwrap(), 2, "cut at {cut}, zeros: {zeros}");
        }
    }
}

#[test]
fn damage_before_the_last_transaction_is_an_error() {
    let (scene, [first, second, _]) = three_transactions();
    let whole = fs::read(scene.layout.journal()).unwrap();
    let used = (format::HEADER_SIZE + format::RECORD_SIZE + ONE.len() + "two".len()) as u64;
    for start in [START, first] {
        for byte in start..start + used {
            let mut damaged = whole.clone();
            damaged[byte as usize] ^= 0x40;
            fs::write(scene.layout.journal(), damaged).unwrap();
            match walk(&scene) {
                Err(JournalError::Damaged { position, .. }) => assert_eq!(position, start, "byte {byte}"),
                other => panic!("byte {byte}: {other:?}"),
            }
        }
    }
    // The unused rest of a page may be anything.
    let mut padded = whole;
    padded[second as usize - 1] ^= 0x40;
    fs::write(scene.layout.journal(), padded).unwrap();
    assert_eq!(walk(&scene).unwrap(), 3);
}

#[test]
fn a_damaged_journal_stops_writes_until_it_is_salvaged() {
    for boot in [1, 2] {
        let (scene, [_, second, _]) = three_transactions();
        scene.put(TWO, b"two");
        let mut damaged = fs::read(scene.layout.journal()).unwrap();
        // The third of four.
        damaged[second as usize + 40] ^= 1;
        fs::write(scene.layout.journal(), &damaged).unwrap();
        fault::set_boot(boot);
        assert!(matches!(verify(&scene.layout), Err(JournalError::Damaged { .. })));
        // What the first two wrote is lost; what the others did is not known any more.
        scene.write_outside(ONE, Some(b"one"));
        scene.write_outside(TWO, None);
        let _ = fs::remove_file(scene.layout.state.join("journal.mark"));
        let error = scene.recover().unwrap_err();
        assert!(error.to_string().contains("is damaged at byte"), "{error}");
        let (report, aside) = crate::repo::recovery::salvage(&scene.layout, &scene.lock(), &scene.home).unwrap();
        assert_eq!(report.transactions, 2);
        assert_eq!(fs::read(aside).unwrap(), damaged);
        assert_eq!(verify(&scene.layout).unwrap(), 0);
        scene.put(FAR, b"far");
        assert!(!scene.contents().contains_key(TWO));
        assert_eq!(scene.contents()[ONE], if boot == 2 { b"two".to_vec() } else { b"one".to_vec() });
    }
}

#[test]
fn a_journal_without_a_first_page_is_moved_away() {
    let (scene, _) = three_transactions();
    let mut damaged = fs::read(scene.layout.journal()).unwrap();
    damaged[..format::PAGE as usize].fill(b'x');
    fs::write(scene.layout.journal(), &damaged).unwrap();
    let (report, aside) = crate::repo::recovery::salvage(&scene.layout, &scene.lock(), &scene.home).unwrap();
    assert_eq!((report.transactions, fs::read(aside).unwrap()), (0, damaged));
    scene.put(TWO, b"two");
}

/// A journal after a checkpoint, and the two halves of its first page: the slot that counts, the
/// slot before.
fn checkpointed() -> (Scene, [usize; 2]) {
    let (scene, _) = three_transactions();
    let lock = scene.lock();
    Journal::open(&scene.layout, &lock).unwrap().checkpoint(&scene.home).unwrap();
    drop(lock);
    (scene, [format::SLOTS[0] as usize, format::SLOTS[1] as usize])
}

fn flip(scene: &Scene, byte: usize) {
    let mut bytes = fs::read(scene.layout.journal()).unwrap();
    bytes[byte] ^= 1;
    fs::write(scene.layout.journal(), bytes).unwrap();
}

#[test]
fn a_checkpoint_torn_in_its_slot_has_not_happened() {
    let (scene, [new, _]) = checkpointed();
    assert_eq!(walk(&scene).unwrap(), 0);
    flip(&scene, new + 20);
    assert_eq!(walk(&scene).unwrap(), 3);
    let report = scene.recover().unwrap();
    assert_eq!((report.intact, report.redone.len(), report.kept.len()), (1, 0, 0));
}

#[test]
fn a_slot_that_rotted_is_noticed() {
    let (scene, [new, old]) = checkpointed();
    scene.put(TWO, b"acknowledged in the new generation");
    flip(&scene, old + 20);
    assert_eq!(walk(&scene).unwrap(), 1);
    flip(&scene, old + 20);
    flip(&scene, new + 20);
    assert!(matches!(walk(&scene), Err(JournalError::Damaged { .. })));
    flip(&scene, old + 20);
    assert!(matches!(walk(&scene), Err(JournalError::Damaged { position: 0, .. })));
}

#[test]
fn another_format_is_named() {
    let (scene, _) = three_transactions();
    let mut foreign = fs::read(scene.layout.journal()).unwrap();
    let slot = format::SLOTS[1] as usize;
    foreign[slot + 8] = 2;
    fs::write(scene.layout.journal(), &foreign).unwrap();
    let error = scene.recover().unwrap_err();
    assert!(matches!(error, JournalError::Format { found: 2, supported: 1, .. }), "{error}");
    assert_eq!(fs::read(scene.layout.journal()).unwrap(), foreign);
}

#[test]
fn a_journal_whose_first_sync_never_returned_is_made_anew() {
    for bytes in [Vec::new(), vec![0; 100], vec![0; log::CHUNK as usize]] {
        let scene = Scene::new();
        drop(scene.lock());
        fs::write(scene.layout.journal(), &bytes).unwrap();
        assert_eq!(JournalStatus::read(&scene.layout).unwrap().needs_recovery, !bytes.is_empty());
        scene.put(ONE, b"one");
        assert_eq!(walk(&scene).unwrap(), 1);
    }
}

#[test]
fn a_journal_tells_its_highest_number() {
    let scene = Scene::new();
    assert_eq!(highest_number(&scene.layout.journal()).unwrap(), None);
    scene.put(FAR, b"far");
    scene.write(&[(ONE, Some(b"one")), ("config.toml", Some(b""))], true).1.unwrap();
    assert_eq!(highest_number(&scene.layout.journal()).unwrap(), IssueNumber::new(7000));
}

#[test]
fn a_disk_that_is_too_small_for_the_journal_keeps_its_room() {
    let scene = Scene::new();
    fault::set_free(Some(100));
    assert!(matches!(scene.write(&[(ONE, Some(b"text"))], true), (false, Err(JournalError::Access { .. }))));
    // The lock names its holder.
    assert!(fault::free().is_some_and(|free| free > 0));
    assert_eq!(fs::metadata(scene.layout.journal()).unwrap().len(), 0);
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    fault::set_free(None);
    scene.put(ONE, b"text");
}

#[test]
fn a_disk_with_little_room_takes_small_writes() {
    let scene = Scene::new();
    fault::set_free(Some(log::CHUNK / 2));
    for text in [&b"one"[..], b"two"] {
        scene.put(ONE, text);
    }
    let free = fault::free().unwrap();
    assert!(free > log::CHUNK / 4, "{free}");
    // What didn't fit leaves its room to others.
    let failed = scene.write(&[(TWO, Some(&[b'x'; 2 * log::CHUNK as usize]))], true);
    assert!(matches!(failed, (false, Err(JournalError::Access { .. }))), "{failed:?}");
    assert!(fault::free().unwrap() + 200 > free, "{:?} of {free}", fault::free());
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    assert_eq!(walk(&scene).unwrap(), 2);
}
