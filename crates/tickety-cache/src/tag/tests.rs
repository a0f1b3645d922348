//! What tags promise. Not in the file of the tags, which the tests of interleavings include.

use crate::tag::{IDLE, Names, Tags};

fn stamp_of(tags: &Tags, names: &[&str]) -> u64 {
    let names: Names = names.iter().map(|name| (*name).to_owned()).collect();
    tags.tagged(&names).unwrap().stamp()
}

#[test]
fn tags_that_nobody_carries_are_bounded() {
    let tags = Tags::default();
    for number in 0..100_000_u64 {
        tags.stamp(&format!("tag {number}"), || number + 1);
        stamp_of(&tags, &[&format!("other {number}")]);
    }
    let known: usize = (0..100).map(|number| tags.part(&format!("tag {number}")).lock().tags.len()).max().unwrap();
    assert!((1..=2 * IDLE).contains(&known), "{known}");
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
    let tagged = tags.tagged(&["a", "b", "c"].into_iter().collect()).unwrap();
    assert_eq!(tagged.stamp(), 0);
    tags.stamp("d", || 8);
    assert_eq!((tagged.stamp(), tags.newest()), (0, 8));
    tags.stamp("c", || 9);
    assert_eq!((tagged.stamp(), tags.newest()), (9, 9));
}
