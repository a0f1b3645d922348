//! What answers take is counted.

use tickety_store::FreshnessMode;

use crate::home::{Home, get, list};

#[test]
fn what_an_answer_takes_is_counted() {
    let home = Home::with(&["one", "two", "three"]);
    let store = home.open_with(Some(FreshnessMode::Verify));
    list(&store, "");
    let before = store.effort();
    list(&store, "");
    let listed = store.effort();
    assert_eq!(listed.looked_at - before.looked_at, 3);
    assert!(listed.statements > before.statements);
    get(&store, 2).unwrap();
    let shown = store.effort();
    assert!(shown.read > listed.read);
    assert!(shown.statements > listed.statements);
}
