//! What tags promise. Not in the file of the tags, which the tests of interleavings include.

use std::sync::Arc;

use crate::tag::{IDLE, Names, Tags};

fn stamp_of(tags: &Tags, names: &[&str]) -> u64 {
    let names: Names = names.iter().map(|name| Arc::from(*name)).collect();
    tags.tagged(&names).unwrap().stamp()
}

#[test]
fn tags_that_nobody_carries_are_bounded() {
    let tags = Tags::default();
    for number in 0..100_000_u64 {
        tags.stamp(&format!("tag {number}"), || number + 1);
        stamp_of(&tags, &[&format!("other {number}")]);
    }
    assert!(tags.registry.lock().tags.len() <= 2 * IDLE);
}

#[test]
fn a_forgotten_stamp_still_holds() {
    let tags = Tags::default();
    for number in 1..=5000_u64 {
        tags.stamp(&format!("tag {number}"), || number);
    }
    for number in 1..=5000_u64 {
        assert!(stamp_of(&tags, &[&format!("tag {number}")]) >= number, "{number}");
    }
}

#[test]
fn the_newest_of_several_stamps_counts() {
    let tags = Tags::default();
    let tagged = tags.tagged(&["a", "b", "c"].map(Arc::from).into_iter().collect()).unwrap();
    assert_eq!(tagged.stamp(), 0);
    tags.stamp("d", || 8);
    assert_eq!((tagged.stamp(), tags.newest()), (0, 8));
    tags.stamp("c", || 9);
    assert_eq!((tagged.stamp(), tags.newest()), (9, 9));
}
