use tempfile::TempDir;

use super::*;

fn layout() -> (TempDir, Layout) {
    let temp = tempfile::tempdir().unwrap();
    let layout = Layout::new(temp.path().to_owned(), None);
    (temp, layout)
}

fn branch() -> Place {
    Place::Branch("feat/x".to_owned())
}

fn closing(number: u32) -> Closing {
    Closing {
        id: Uuid::from_u128(number.into()),
        issue: format!("{number}-k3f9"),
        at: Some(Timestamp::from_second(i64::from(number)).unwrap()),
        by: Some("ann".to_owned()),
        checkout: String::new(),
        root: None,
    }
}

fn closed(numbers: impl IntoIterator<Item = u32>) -> Vec<Line> {
    numbers.into_iter().map(|number| Line::Closed(closing(number))).collect()
}

fn append(layout: &Layout, lines: &[Line]) {
    Writing::begin(layout).unwrap().append(&branch(), lines).unwrap();
}

fn entries(layout: &Layout) -> BTreeMap<Uuid, Entry> {
    match read(&branch().path(layout)).unwrap() {
        Read::Known(Closed { place, entries }) => {
            assert_eq!(place, branch());
            entries
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_say_what_counts_now() {
    let (_temp, layout) = layout();
    append(&layout, &closed(1..=3));
    let ids = |numbers: &[u128]| numbers.iter().map(|number| Uuid::from_u128(*number)).collect::<Vec<_>>();
    append(&layout, &[Line::Seen { tip: "a".to_owned(), closed: ids(&[1]), open: ids(&[2, 9]) }]);
    append(&layout, &[Line::Reopened(Uuid::from_u128(3)), Line::Reopened(Uuid::from_u128(9))]);
    let known = entries(&layout);
    let seen: Vec<_> = known.values().map(|entry| (entry.reopened, entry.seen.clone())).collect();
    assert_eq!(seen, [(false, Some(("a".to_owned(), true))), (false, Some(("a".to_owned(), false))), (true, None)]);
    // Closed again, it counts as closed, and what was seen before doesn't.
    append(&layout, &closed([1, 3]));
    assert!(entries(&layout).values().all(|entry| !entry.reopened));
    assert_eq!(entries(&layout)[&Uuid::from_u128(1)].seen, None);
    assert_eq!(files(&layout).len(), 1);
}

#[test]
fn a_torn_line_hides_no_other() {
    let (_temp, layout) = layout();
    append(&layout, &closed(1..=2));
    let path = branch().path(&layout);
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        append(&layout, &closed([7]));
        let (found, damaged) = read_counting(&path).unwrap();
        let Read::Known(Closed { entries, .. }) = found else { panic!("{length}: {found:?}") };
        assert!(entries.contains_key(&Uuid::from_u128(7)), "{length}");
        assert!(damaged <= 1, "{length}");
    }
}

#[test]
fn what_is_of_something_else_is_kept_aside() {
    let (_temp, layout) = layout();
    append(&layout, &closed([1]));
    let path = branch().path(&layout);
    fs::write(&path, "nonsense\n").unwrap();
    assert!(matches!(read(&path).unwrap(), Read::Damaged));
    append(&layout, &closed([2]));
    assert_eq!(entries(&layout).len(), 1);
    assert_eq!(fs::read_to_string(path.with_extension("damaged-1")).unwrap(), "nonsense\n");
}

#[test]
fn what_is_of_a_newer_version_is_left_alone() {
    let (_temp, layout) = layout();
    append(&layout, &closed([1]));
    let path = branch().path(&layout);
    let mut text = String::new();
    line::push(&mut text, &serde_json::json!({ "ledger": 2, "where": "anything" }));
    fs::write(&path, &text).unwrap();
    assert!(matches!(read(&path).unwrap(), Read::Newer(2)));
    append(&layout, &closed([2]));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_latest_are_kept_and_what_is_outdated_is_dropped() {
    let (_temp, layout) = layout();
    for _ in 0..40 {
        append(&layout, &closed([1]));
    }
    append(&layout, &[Line::Reopened(Uuid::from_u128(1))]);
    append(&layout, &closed([2]));
    append(&layout, &[Line::Seen { tip: "a".to_owned(), closed: vec![Uuid::from_u128(2)], open: Vec::new() }]);
    let before = entries(&layout);
    settle(&layout).unwrap();
    assert_eq!(entries(&layout), before, "nothing else is said");
    assert!(fs::read_to_string(branch().path(&layout)).unwrap().lines().count() < 10);
    append(&layout, &closed(1..=30));
    settle(&layout).unwrap();
    let known: Vec<Uuid> = entries(&layout).into_keys().collect();
    assert_eq!(known, (23..=30).map(Uuid::from_u128).collect::<Vec<_>>());
}
