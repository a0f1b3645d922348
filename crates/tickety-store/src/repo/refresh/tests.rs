use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use pollster::block_on;
use tickety_core::ident::IssueSelector;
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;

use super::*;
use crate::repo::os::fault;
use crate::repo::{RepoOptions, init};
use crate::storage::{Batch, IssueStorage as _};

#[test]
fn a_comment_that_came_between_a_look_and_its_transaction_is_kept() {
    fault::revive();
    fault::fail_syncs(false);
    fault::set_boot(1);
    let home = tempfile::tempdir().unwrap();
    init(home.path(), "T").unwrap();
    let open = || {
        let options = RepoOptions { lock_wait: Duration::ZERO, ..RepoOptions::default() };
        RepoStore::open(home.path(), options).unwrap()
    };
    let now = Timestamp::UNIX_EPOCH;
    let apply = |operation| block_on(open().apply(Batch::new(vec![operation], None, now))).unwrap();
    let made = apply(Operation::Create(Box::new(Draft::new("One"))));
    let selector = IssueSelector::from(made.outcomes[0].key);
    let comment = |text: &str| {
        let change = Change::AddComment(DraftComment::new(text));
        apply(Operation::Update { target: Target::Existing(selector), expected: None, changes: vec![change] })
    };
    comment("first");
    let path = home.path().join(".tickety").join(RecordPath::issue(made.outcomes[0].key).home_path().as_str());
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("One", "Two")).unwrap();

    let slow = open();
    slow.ask(None, |handle| {
        let findings = slow.look_at_all(&handle.index)?;
        handle.index.release();
        comment("second");
        slow.take_over(handle, findings, None)
    })
    .unwrap();

    let moment = Moment { now, zone: jiff::tz::TimeZone::UTC, me: None };
    let query = Query::parse("is:any", &Schema::default()).unwrap();
    let page = block_on(open().list(&query, &moment)).unwrap();
    assert_eq!((page.issues[0].title.as_str(), page.issues[0].comments), ("Two", 2));
}
