use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::repo::lock::LockOptions;
use crate::repo::scene::Scene;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What a command counts that looks at three files.
fn one(at: i64) -> Usage {
    Usage { answers: 1, verified: 3, since: Some(second(at)), ..Usage::default() }
}

fn home() -> Scene {
    let scene = Scene::new();
    drop(scene.lock());
    scene
}

/// Opens a log as one who appends does, and hasn't yet.
fn open(scene: &Scene) -> File {
    OpenOptions::new().append(true).open(scene.layout.usage()).unwrap()
}

fn sums(scene: &Scene) -> (u64, u64) {
    let Usage { answers, unreadable_bytes, .. } = read(&scene.layout).unwrap();
    (answers, unreadable_bytes)
}

#[test]
fn what_was_counted_is_summed() {
    let scene = home();
    assert_eq!(read(&scene.layout).unwrap(), Usage::default());
    let all = Usage { answers: 1, delayed: 2, verified: 3, read_again: 4, rebuilds: 5, ..one(70) };
    for counted in [all, one(60), one(80)] {
        append(&scene.layout, &counted).unwrap();
    }
    let expected = Usage { answers: 3, verified: 9, since: Some(second(60)), ..all };
    assert_eq!(read(&scene.layout).unwrap(), expected);
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(read(&scene.layout).unwrap(), expected);
    assert_eq!(fs::metadata(scene.layout.usage()).unwrap().len(), 2 * RECORD as u64);
    assert_eq!(clear(&scene.layout, &scene.lock(), second(90), Duration::ZERO).unwrap(), expected);
    assert_eq!(read(&scene.layout).unwrap(), Usage { since: Some(second(90)), ..Usage::default() });
}

#[test]
fn a_full_log_is_summed_up() {
    let scene = home();
    let asked = |count: u64| (0..count).filter(|_| append(&scene.layout, &one(1)).unwrap()).count();
    let length = || fs::metadata(scene.layout.usage()).unwrap().len();
    assert_eq!(asked(1023), 0);
    sum_up(&scene.layout, &scene.lock()).unwrap();
    assert_eq!(length(), FULL - RECORD as u64);
    // As if somebody held the write lock: it is tried some times, and again when the log is twice as long.
    assert_eq!((asked(100), asked(900), asked(100)), (16, 0, 16));
    sum_up(&scene.layout, &scene.lock()).unwrap();
    assert_eq!(length(), 2 * RECORD as u64);
    assert_eq!(sums(&scene), (2123, 0));
}

#[test]
fn a_log_that_somebody_is_about_to_append_to_stays() {
    let scene = home();
    append(&scene.layout, &one(1)).unwrap();
    let mut stopped = open(&scene);
    stopped.try_lock_shared().unwrap();
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    let error = turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap_err();
    assert!(matches!(&error, StorageError::Locked { message } if message.contains("usage.old")), "{error}");
    append(&scene.layout, &one(1)).unwrap();
    assert_eq!(sums(&scene), (3, 0));
    stopped.write_all(&Record::Counts(one(1)).encode()).unwrap();
    drop(stopped);
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (4, 0));
}

#[test]
fn what_comes_late_is_counted_once() {
    let scene = home();
    append(&scene.layout, &one(1)).unwrap();
    let late = Record::Counts(one(2)).encode();
    let mut early = open(&scene);
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    early.write_all(&late).unwrap();
    assert_eq!(sums(&scene), (2, 0));
    let mut other = open(&scene);
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (2, 0));
    other.write_all(&late).unwrap();
    assert_eq!(sums(&scene), (3, 0));
    let mut last = open(&scene);
    assert_eq!(clear(&scene.layout, &scene.lock(), second(9), Duration::ZERO).unwrap().answers, 3);
    assert_eq!(sums(&scene), (0, 0));
    last.write_all(&late).unwrap();
    let expected = Usage { since: Some(second(9)), ..one(2) };
    assert_eq!(read(&scene.layout).unwrap(), expected, "counted since then, whenever it began");
}

#[test]
fn a_process_killed_while_it_sums_up_changes_no_sum() {
    let scene = home();
    append(&scene.layout, &one(1)).unwrap();
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    // It had made the new one, and given the old one its second name.
    fs::write(state::unfinished(&scene.layout.usage()), "half of").unwrap();
    fs::remove_file(before(&scene.layout)).unwrap();
    fs::hard_link(scene.layout.usage(), before(&scene.layout)).unwrap();
    assert_eq!(sums(&scene), (2, 0));
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (2, 0));
}

#[test]
fn threads_lose_no_count_while_others_sum_up() {
    let scene = home();
    let layout = &scene.layout;
    append(layout, &one(1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..500 {
                    append(layout, &one(1)).unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let options = LockOptions::new("test");
                    // Unless somebody is about to append to the one before.
                    let _ = turn(layout, &WriteLock::acquire(layout, &options).unwrap(), None, Duration::ZERO);
                    read(layout).unwrap();
                }
            });
        }
    });
    assert_eq!(sums(&scene), (3001, 0));
}

#[test]
fn damage_hides_only_itself() {
    let scene = home();
    let path = scene.layout.usage();
    append(&scene.layout, &one(1)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let record = bytes.clone();
    bytes[20] ^= 1;
    bytes.extend_from_slice(&record);
    bytes.extend_from_slice(b"something else");
    bytes.extend_from_slice(&[0; 50]);
    fs::write(&path, &bytes).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    fs::write(&path, &fs::read(&path).unwrap()[..RECORD + 64 + 2 * RECORD + 63]).unwrap();
    assert_eq!(sums(&scene), (2, 64 + 64 + 63));
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (2, 64 + 64 + 63), "not forgotten");
    clear(&scene.layout, &scene.lock(), second(1), Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (0, 0));
}

#[test]
fn records_of_other_versions_are_passed_over() {
    let scene = home();
    append(&scene.layout, &one(1)).unwrap();
    for (place, value) in [(6, 0), (6, 2), (7, b'x')] {
        let mut record = Record::Counts(one(1)).encode();
        record[place] = value;
        let check = check(&record);
        record[RECORD - 8..].copy_from_slice(&check);
        open(&scene).write_all(&record).unwrap();
    }
    append(&scene.layout, &one(1)).unwrap();
    assert_eq!(sums(&scene), (2, 3 * RECORD as u64));
}

#[test]
fn a_log_that_is_too_long_is_read_in_part_and_replaced() {
    let scene = home();
    append(&scene.layout, &one(1)).unwrap();
    let log = OpenOptions::new().write(true).open(scene.layout.usage()).unwrap();
    log.set_len(MOST + 100).unwrap();
    let unreadable = MOST - RECORD as u64 + 100;
    assert_eq!(sums(&scene), (1, unreadable));
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    assert_eq!(sums(&scene), (2, unreadable));
}

#[test]
fn what_is_no_file_is_neither_waited_for_nor_followed() {
    let scene = home();
    let path = scene.layout.usage();
    let refused = |what: &str| {
        append(&scene.layout, &one(1)).unwrap_err();
        let error = read(&scene.layout).unwrap_err();
        assert_eq!(error.path(), path);
        let reason = error.reason();
        assert!(reason.contains(what), "{reason}");
        turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap_err();
    };
    fs::create_dir(&path).unwrap();
    refused("is a directory");
    fs::remove_dir(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    refused("is a named pipe");
    fs::remove_file(&path).unwrap();
    let target = scene.layout.home.join("target");
    fs::write(&target, "mine").unwrap();
    symlink(&target, &path).unwrap();
    refused("is a symbolic link");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    fs::remove_file(&path).unwrap();
    append(&scene.layout, &one(1)).unwrap();
    fs::create_dir(before(&scene.layout)).unwrap();
    assert_eq!(sums(&scene), (1, 0));
    turn(&scene.layout, &scene.lock(), None, Duration::ZERO).unwrap();
    assert_eq!(sums(&scene), (1, 0));
}
