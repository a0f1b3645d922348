//! An issue that is written while it is read.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tickety_store::FreshnessMode;

use crate::home::{Home, get, titles};

/// Lists are answered from the index and an issue from its file: both tell the same.
#[test]
fn an_issue_is_never_ahead_of_the_lists() {
    const ROUNDS: u32 = 500;
    let home = Home::with(&["turn 0"]);
    let record = home.record(1);
    let text = fs::read_to_string(&record).unwrap();
    let (begun, written) = (AtomicU32::new(0), AtomicU32::new(0));
    let (store, trusting) = (home.open(), home.open_with(Some(FreshnessMode::Trust)));
    let mut ahead = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 1..=ROUNDS {
                let aside = record.with_extension("new");
                fs::write(&aside, text.replace("turn 0", &format!("turn {turn}"))).unwrap();
                while begun.load(Ordering::Acquire) < turn {
                    thread::yield_now();
                }
                fs::rename(&aside, &record).unwrap();
                written.store(turn, Ordering::Release);
            }
        });
        for turn in 1..=ROUNDS {
            begun.store(turn, Ordering::Release);
            let issue = get(&store, 1).unwrap().issue;
            if titles(&trusting, "") != [issue.title] {
                ahead.push(turn);
            }
            while written.load(Ordering::Acquire) < turn {
                thread::yield_now();
            }
        }
    });
    assert_eq!(ahead, [0; 0]);
}
