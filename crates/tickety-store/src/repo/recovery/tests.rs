use std::fs;

use proptest::prelude::*;

use super::*;
use crate::repo::journal::JournalStatus;
use crate::repo::os::fault;
use crate::repo::scene::{Contents, Scene};

const ONE: &str = "issues/000/000001-k3f9.md";
const TWO: &str = "issues/000/000002-k3f9.md";
const FAR: &str = "issues/007/007000-k3f9.md";

/// What a recovery did, for comparison: redone, intact, kept with their reasons.
fn summary(report: &RecoveryReport) -> (Vec<&str>, usize, Vec<(&str, KeptReason)>) {
    (
        report.redone.iter().map(HomePath::as_str).collect(),
        report.intact,
        report.kept.iter().map(|kept| (kept.path.as_str(), kept.reason)).collect(),
    )
}

/// Gives a file or directory the times of long ago, as a disk has them that lost what came later.
fn age(scene: &Scene, path: &str) {
    let long_ago = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 1 };
    let times = rustix::fs::Timestamps { last_access: long_ago, last_modification: long_ago };
    let path = scene.layout.home.join(path);
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).unwrap();
}

#[test]
fn an_empty_journal_needs_no_recovery_until_the_next_boot() {
    let scene = Scene::new();
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    scene.put(ONE, b"one");
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    fault::set_boot(2);
    assert!(JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    let report = scene.recover().unwrap();
    assert!(report.rebooted);
    assert_eq!(summary(&report), (vec![], 1, vec![]));
    assert!(!JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    assert_eq!(scene.recover().unwrap(), RecoveryReport::default());
}

#[test]
fn what_a_dead_writer_left_is_redone() {
    let scene = Scene::new();
    scene.write(&[(ONE, Some(b"one")), (TWO, Some(b"two"))], true).1.unwrap();
    scene.write(&[(ONE, Some(b"ONE")), (TWO, None), (FAR, Some(b"far"))], false).1.unwrap();
    assert!(JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    let report = scene.recover().unwrap();
    assert!(!report.rebooted);
    assert_eq!(summary(&report), (vec![ONE, TWO, FAR], 0, vec![]));
    assert_eq!(scene.contents(), Contents::from([(ONE.into(), b"ONE".into()), (FAR.into(), b"far".into())]));
    assert_eq!(scene.recover().unwrap(), RecoveryReport::default());
}

#[test]
fn what_a_dead_writer_left_beside_a_file_is_removed() {
    let scene = Scene::new();
    scene.write(&[(ONE, Some(b"one")), (TWO, Some(b"two"))], true).1.unwrap();
    scene.write(&[(ONE, Some(b"ONE")), (TWO, None)], false).1.unwrap();
    // Killed between the exchange of the files and the removal of the old one, and before another removal.
    scene.write_outside(ONE, Some(b"ONE"));
    for path in [ONE, TWO] {
        scene.write_outside(&path.replace("000/", "000/.tmp-"), Some(b"one"));
    }
    assert_eq!(summary(&scene.recover().unwrap()), (vec![TWO], 1, vec![]));
    assert_eq!(scene.contents(), Contents::from([(ONE.into(), b"ONE".into())]));
}

#[test]
fn a_write_stands_whose_end_cannot_be_marked() {
    let write = |steps| {
        let scene = Scene::new();
        fault::die_after(steps);
        let written = scene.write(&[(ONE, Some(b"one"))], true).1;
        fault::revive();
        written.is_ok().then_some(scene)
    };
    // The mark is the last thing that is written.
    let scene = (1..100).find_map(write).unwrap();
    assert!(JournalStatus::read(&scene.layout).unwrap().needs_recovery);
    assert_eq!(summary(&scene.recover().unwrap()), (vec![], 1, vec![]));
    assert_eq!(scene.contents(), Contents::from([(ONE.into(), b"one".into())]));
}

#[test]
fn a_later_transaction_is_not_undone() {
    let scene = Scene::new();
    scene.put(ONE, b"first");
    scene.put(ONE, b"second");
    scene.put(ONE, b"first");
    scene.write(&[(ONE, None)], true).1.unwrap();
    scene.put(ONE, b"last");
    fault::set_boot(2);
    let report = scene.recover().unwrap();
    assert_eq!((report.transactions, summary(&report)), (5, (vec![], 1, vec![])));
    assert_eq!(scene.contents()[ONE], b"last");
}

#[test]
fn every_earlier_state_is_brought_up_to_date_after_a_reboot() {
    let versions: [Option<&[u8]>; 4] = [None, Some(b"first"), Some(b"second"), Some(b"last")];
    for lost_to in versions {
        let scene = Scene::new();
        scene.put(ONE, b"first");
        scene.put(ONE, b"second");
        scene.put(ONE, b"last");
        scene.write_outside(ONE, lost_to);
        fault::set_boot(2);
        scene.recover().unwrap();
        assert_eq!(scene.contents()[ONE], b"last", "{lost_to:?}");
    }
}

#[test]
fn a_torn_file_is_written_again_after_a_reboot_only() {
    let whole: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
    let prefix_and_zeros = [&whole[..1024], &[0; 3000]].concat();
    for torn in [&[][..], &[0; 700], &whole[..4096], &prefix_and_zeros] {
        let scene = Scene::new();
        scene.put(ONE, &whole);
        scene.write_outside(ONE, Some(torn));
        fault::set_boot(2);
        assert_eq!(summary(&scene.recover().unwrap()), (vec![ONE], 0, vec![]));
        assert_eq!(scene.contents()[ONE], whole);
    }
    for edited in [&whole[..4095], &whole[1..], b"text"] {
        assert!(!is_torn_version(edited, &whole));
    }
    let scene = Scene::new();
    scene.put(ONE, b"one");
    scene.write(&[(ONE, Some(&whole))], false).1.unwrap();
    scene.write_outside(ONE, Some(b""));
    assert_eq!(summary(&scene.recover().unwrap()), (vec![], 0, vec![(ONE, KeptReason::Edited)]));
}

#[test]
fn a_third_content_is_kept_and_ours_is_saved() {
    for boot in [1, 2] {
        let scene = Scene::new();
        scene.put(ONE, b"one");
        scene.write(&[(ONE, Some(b"ours")), (TWO, Some(b"two"))], false).1.unwrap();
        scene.write_outside(ONE, Some(b"theirs"));
        fault::set_boot(boot);
        let report = scene.recover().unwrap();
        assert_eq!(summary(&report), (vec![TWO], 0, vec![(ONE, KeptReason::Edited)]));
        assert_eq!(scene.contents()[ONE], b"theirs");
        assert_eq!(fs::read(&report.saved[0]).unwrap(), b"ours");
        assert_eq!(scene.recover().unwrap(), RecoveryReport::default());
        scene.put(ONE, b"writes go on");
    }
}

#[test]
fn a_file_removed_by_somebody_else_is_not_brought_back_while_the_kernel_runs() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    scene.write(&[(ONE, Some(b"ours"))], false).1.unwrap();
    scene.write_outside(ONE, None);
    assert_eq!(summary(&scene.recover().unwrap()), (vec![], 0, vec![(ONE, KeptReason::Removed)]));
    assert!(scene.contents().is_empty());
}

#[test]
fn what_is_no_file_is_left_alone() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    scene.write_outside(ONE, None);
    fs::create_dir(scene.layout.home.join(ONE)).unwrap();
    fault::set_boot(2);
    let reason = KeptReason::NotAFile(crate::repo::stat::FileKind::Directory);
    assert_eq!(summary(&scene.recover().unwrap()), (vec![], 0, vec![(ONE, reason)]));
}

/// Lets `git switch` and the like happen at a time of our choice: a clock that stamps files can't
/// be set, but the time of a transaction and that of the boot can.
fn judged(current: &Current, history: &[Change], directory_ns: i64, evidence: Evidence) -> &'static str {
    let scene = Scene::new();
    scene.put(ONE, b"unrelated");
    let lock = scene.lock();
    let journal = Journal::open(&scene.layout, &lock).unwrap();
    let dir = scene.layout.home.join("issues/000");
    let time = rustix::fs::Timespec { tv_sec: directory_ns / 1_000_000_000, tv_nsec: directory_ns % 1_000_000_000 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, dir, &times, rustix::fs::AtFlags::empty()).unwrap();
    let history = History(history.iter().map(|change| Change { after: change.after, ..*change }).collect());
    let path = Scene::path(TWO);
    let directories = DirectoryTimes::look(&scene.home, [&path].into_iter());
    match judge(&journal, &directories, &history, &path, current, evidence).unwrap() {
        Verdict::Intact => "intact",
        Verdict::Redo => "redo",
        Verdict::Keep(KeptReason::Restored) => "restored",
        Verdict::Keep(KeptReason::Removed) => "removed",
        Verdict::Keep(_) => "edited",
    }
}

const SECOND: i64 = 1_000_000_000;
const WRITTEN: i64 = 1_700_000_000 * SECOND;
const BOOTED: i64 = WRITTEN + 10_000 * SECOND;

fn written(before: Option<&[u8]>, applied_by_ns: Option<i64>) -> Change {
    let scene = Scene::new();
    scene.put(TWO, b"after");
    let lock = scene.lock();
    let journal = Journal::open(&scene.layout, &lock).unwrap();
    let log = journal.log();
    let mut after = None;
    for found in log.transactions(crate::repo::journal::Extent::Unknown).unwrap() {
        log.visit_records(&found, |record| {
            after = record.after;
            Ok::<_, JournalError>(())
        })
        .unwrap();
    }
    Change { before: before.and_then(Scene::version), after, time_ns: WRITTEN, applied_by_ns }
}

fn file(bytes: &[u8], ctime_ns: i64) -> Current {
    let stat = crate::repo::stat::StatKey { ctime_ns, ..Default::default() };
    Current::File(crate::repo::files::Content { bytes: bytes.to_vec(), stat, mode: 0o644 })
}

#[test]
fn a_file_put_back_before_the_reboot_is_kept_and_a_lost_write_is_redone() {
    let change = [written(Some(b"before"), None)];
    let after = |interruption| Evidence { interruption, booted_ns: Some(BOOTED) };
    let at = |ctime| judged(&file(b"before", ctime), &change, WRITTEN, after(Interruption::Kernel));
    // The old inode is still there, untouched since before the write: the rename was lost.
    assert_eq!(at(WRITTEN - SECOND), "redo");
    // Somebody put the content back, and that is on the disk.
    assert_eq!(at(WRITTEN + SECOND), "restored");
    // After the reboot nobody can tell.
    assert_eq!(at(BOOTED + SECOND), "redo");
    // As long as the kernel runs, nothing is lost; but a writer that died before it came to the file
    // finds what it left.
    let late = file(b"before", WRITTEN + SECOND);
    assert_eq!(judged(&late, &change, WRITTEN, after(Interruption::Writer)), "redo");
    assert_eq!(judged(&late, &change, WRITTEN, after(Interruption::Mark)), "restored");
    let unknown = Evidence { interruption: Interruption::Kernel, booted_ns: None };
    assert_eq!(judged(&late, &change, WRITTEN, unknown), "redo");
}

#[test]
fn a_file_removed_before_the_reboot_stays_removed_and_a_lost_one_comes_back() {
    let evidence = Evidence { interruption: Interruption::Kernel, booted_ns: Some(BOOTED) };
    for before in [None, Some(&b"before"[..])] {
        let last = [written(before, None)];
        let at = |ns| judged(&Current::Absent, &last, ns, evidence);
        assert_eq!(at(WRITTEN - SECOND), "redo");
        // The directory may have got the temporary file only.
        assert_eq!(at(WRITTEN + SECOND), "redo");
        assert_eq!(at(WRITTEN + 61 * SECOND), "removed");
        assert_eq!(at(BOOTED + SECOND), "redo");
        // A later transaction tells that it was applied.
        let followed = [written(before, Some(WRITTEN + SECOND))];
        assert_eq!(judged(&Current::Absent, &followed, WRITTEN + 2 * SECOND, evidence), "removed");
    }
}

#[test]
fn a_transaction_has_the_time_of_the_clock_that_stamps_files() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    let made = os::stat_at(scene.home.fd(), ONE).unwrap().key.ctime_ns;
    scene.write(&[(ONE, Some(b"two"))], false).1.unwrap();
    let lock = scene.lock();
    let journal = Journal::open(&scene.layout, &lock).unwrap();
    let (found, _) = journal.unsettled().unwrap();
    // Its writer's clock may stand before the making of what it replaces: the program's tells whole seconds.
    assert!(found.iter().all(|found| found.header.time_ns > made), "{made} {found:?}");
    assert_eq!(found.len(), 1);
}

#[test]
fn transactions_that_were_made_durable_together_were_applied_after_all_had_begun() {
    let evidence = Evidence { interruption: Interruption::Kernel, booted_ns: Some(BOOTED) };
    let made = || written(None, Some(WRITTEN + SECOND));
    let gone = |time_ns| Change { after: None, time_ns, ..written(Some(b"after"), Some(WRITTEN + SECOND)) };
    // The first of two was written after the second had begun, and what the second did was lost.
    let at = |history: &[Change], ctime| judged(&file(b"after", ctime), history, WRITTEN, evidence);
    assert_eq!(at(&[made(), gone(WRITTEN)], WRITTEN + SECOND / 2), "redo");
    assert_eq!(at(&[made(), gone(WRITTEN)], WRITTEN + 2 * SECOND), "restored");
    // One after the other, what lies between was there before the second began.
    let alone = [written(None, Some(WRITTEN + SECOND / 4)), gone(WRITTEN + SECOND / 4)];
    assert_eq!(at(&alone, WRITTEN + SECOND / 2), "restored");
}

#[test]
fn a_lost_mark_costs_nothing_but_time() {
    let scene = Scene::new();
    scene.put(ONE, b"one");
    scene.write(&[(TWO, Some(b"two"))], false).1.unwrap();
    fs::remove_file(scene.layout.state.join("journal.mark")).unwrap();
    let report = scene.recover().unwrap();
    assert!(!report.rebooted);
    assert_eq!(summary(&report), (vec![TWO], 1, vec![]));
}

#[test]
fn the_times_of_a_directory_are_found_above_a_missing_one_as_they_were() {
    let scene = Scene::new();
    age(&scene, "issues");
    let path = Scene::path(FAR);
    let directories = DirectoryTimes::look(&scene.home, [&path].into_iter());
    // What a recovery makes there tells nothing of what was there.
    scene.put(FAR, b"far");
    assert_eq!(directories.changed_ns(&path), Some(1_000_000_000 * SECOND + 1));
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction: which files get which content, 0 for none.
    Write(Vec<(usize, u8)>),
    Checkpoint,
}

const FILES: [&str; 5] = [ONE, TWO, FAR, "issues/000/000003-zzzz.md", "config.toml"];

fn step() -> impl Strategy<Value = Step> {
    let write = proptest::collection::btree_map(0..FILES.len(), 0_u8..6, 1..4);
    prop_oneof![6 => write.prop_map(|edits| Step::Write(edits.into_iter().collect())), 1 => Just(Step::Checkpoint)]
}

/// A content of its own for each number and step, some of them longer than a block.
fn content(number: u8, place: usize) -> Option<Vec<u8>> {
    (number > 0).then(|| {
        format!("{number} in step {place}\n").repeat(usize::from(number) * usize::from(number) * 4).into_bytes()
    })
}

/// What the test knows of the disk.
#[derive(Default)]
struct Disk {
    /// The states of the home since the last checkpoint, the first of which is durable.
    states: Vec<Contents>,
}

/// Runs steps until one dies. Returns the acknowledged state, and the one that the last step was
/// about to leave.
fn run(scene: &Scene, steps: &[Step], disk: &mut Disk) -> (Contents, Contents) {
    let mut now = Contents::new();
    disk.states.push(now.clone());
    for (place, step) in steps.iter().enumerate() {
        match step {
            Step::Write(edits) => {
                let edits: Vec<_> = edits.iter().map(|&(file, number)| (FILES[file], content(number, place))).collect();
                let mut next = now.clone();
                for (path, bytes) in &edits {
                    match bytes {
                        Some(bytes) => drop(next.insert((*path).to_owned(), bytes.clone())),
                        None => drop(next.remove(*path)),
                    }
                }
                let edits: Vec<_> = edits.iter().map(|(path, bytes)| (*path, bytes.as_deref())).collect();
                let (acknowledged, result) = scene.write(&edits, true);
                if result.is_err() {
                    disk.states.push(without_temporary(scene.contents()));
                    return (if acknowledged { next.clone() } else { now }, next);
                }
                now = next;
                disk.states.push(now.clone());
            }
            Step::Checkpoint => {
                let lock = scene.lock();
                let before = fault::syncs();
                let result = Journal::open(&scene.layout, &lock).and_then(|mut journal| {
                    recover(&mut journal, &scene.home)?;
                    journal.checkpoint(&scene.home)
                });
                if fault::syncs() > before {
                    disk.states = vec![now.clone()];
                }
                if result.is_err() {
                    return (now.clone(), now);
                }
            }
        }
    }
    (now.clone(), now)
}

fn without_temporary(mut contents: Contents) -> Contents {
    contents.retain(|path, _| !path.contains("/.tmp-") && !path.starts_with(".tmp-"));
    contents
}

/// Takes what a power cut takes: any file may be as it was at any time since the last checkpoint,
/// or torn; the journal has what was acknowledged, and of the rest anything.
fn cut_power(scene: &Scene, disk: &Disk, chance: &mut impl FnMut(usize) -> usize) {
    fault::set_boot(2);
    for path in FILES {
        let place = chance(disk.states.len());
        let found = disk.states[place].get(path);
        match found {
            // What was durable is never torn; what was written since may be.
            Some(bytes) if place > 0 && disk.states[0].get(path) != Some(bytes) => match chance(4) {
                0 => scene.write_outside(path, Some(b"")),
                1 => scene.write_outside(path, Some(&vec![0; bytes.len()])),
                2 => scene.write_outside(path, Some(&bytes[..bytes.len() / 512 * 512])),
                _ => scene.write_outside(path, Some(bytes)),
            },
            found => scene.write_outside(path, found.map(Vec::as_slice)),
        }
    }
    if chance(2) == 0 {
        let _ = fs::remove_file(scene.layout.state.join("journal.mark"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_crash_anywhere_leaves_the_state_before_or_after_each_transaction(
        steps in proptest::collection::vec(step(), 1..8),
        dies_after in 0_u64..120,
        power in any::<bool>(),
        choices in proptest::collection::vec(any::<u32>(), 32),
    ) {
        let scene = Scene::new();
        let mut choices = choices.into_iter().cycle();
        let mut chance = |below: usize| choices.next().unwrap() as usize % below;
        let mut disk = Disk::default();
        fault::die_after(dies_after);
        let (acknowledged, started) = run(&scene, &steps, &mut disk);
        fault::revive();
        if power {
            cut_power(&scene, &disk, &mut chance);
        }
        let report = scene.recover().unwrap();
        prop_assert_eq!(&report.kept, &[]);
        let found = without_temporary(scene.contents());
        prop_assert!(found == acknowledged || found == started, "{:?}\nfound {:?}\nacknowledged {:?}\nstarted {:?}", report, found.keys(), acknowledged.keys(), started.keys());
        // Once is enough, and the journal goes on.
        prop_assert_eq!(scene.recover().unwrap(), RecoveryReport::default());
        scene.put(ONE, b"afterwards");
        fault::set_boot(3);
        prop_assert_eq!(scene.recover().unwrap().kept, &[]);
        prop_assert_eq!(scene.contents().remove(ONE), Some(b"afterwards".to_vec()));
    }

    #[test]
    fn a_crash_during_recovery_is_recovered_from(
        steps in proptest::collection::vec(step(), 1..6),
        dies_after in 0_u64..100,
        dies_again_after in proptest::collection::vec(0_u64..20, 1..4),
        choices in proptest::collection::vec(any::<u32>(), 32),
    ) {
        let scene = Scene::new();
        let mut choices = choices.into_iter().cycle();
        let mut chance = |below: usize| choices.next().unwrap() as usize % below;
        let mut disk = Disk::default();
        fault::die_after(dies_after);
        let (acknowledged, started) = run(&scene, &steps, &mut disk);
        fault::revive();
        cut_power(&scene, &disk, &mut chance);
        for steps in dies_again_after {
            fault::die_after(steps);
            let _ = scene.recover();
            fault::revive();
        }
        prop_assert_eq!(scene.recover().unwrap().kept, &[]);
        let found = without_temporary(scene.contents());
        prop_assert!(found == acknowledged || found == started);
    }
}
