//! What changes the issues: batches, and what others do to files.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use jiff::Timestamp;
use tickety_core::ident::{IssueId, IssueNumber};
use tickety_core::issue::{CloseReason, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_store::Batch;

use super::ISSUES;
use super::questions::{Names, any_selector};
use crate::layers::home::Home;

fn any_change(rng: &mut Rng, names: &Names) -> Change {
    let word = ["alpha", "beta alpha", "gamma"][rng.usize(..3)].to_owned();
    let kind = [LinkKind::BlockedBy, LinkKind::Parent, LinkKind::Relates][rng.usize(..3)];
    let other = Target::from(any_selector(rng, names));
    match rng.u32(..14) {
        0 => Change::Title(word),
        1 => Change::Body(word),
        2..4 => Change::Close { reason: CloseReason::Completed, note: None },
        4 => Change::Reopen,
        5 => Change::Priority(Priority::ALL[rng.usize(..5)]),
        6 => Change::AddLabel("x".to_owned()),
        7 => Change::RemoveLabel("x".to_owned()),
        8 => Change::AddAssignee(["ann", "bo"][rng.usize(..2)].to_owned()),
        9 => Change::Due(rng.bool().then(|| jiff::civil::date(2026, 6, rng.i8(1..28)))),
        10 => Change::AddComment(DraftComment::new(word)),
        11 => Change::RemoveLink { kind, target: other },
        _ => Change::AddLink { kind, target: other },
    }
}

pub(super) fn any_batch(rng: &mut Rng, names: &Names, now: Timestamp) -> Batch {
    let operation = |rng: &mut Rng| match rng.u32(..12) {
        0..3 if names.len() < ISSUES as usize => Operation::Create(Box::new(Draft::new("alpha new"))),
        0 => Operation::Delete { target: any_selector(rng, names).into(), expected: None },
        _ => Operation::Update {
            target: any_selector(rng, names).into(),
            expected: None,
            changes: vec![any_change(rng, names)],
        },
    };
    let count = match rng.u32(..64) {
        0 => rng.usize(30..50),
        1..9 => rng.usize(2..5),
        _ => 1,
    };
    Batch::new((0..count).map(|_| operation(rng)).collect(), Some("ann".to_owned()), now)
}

/// Does to a record, or to a comment beside it, what an editor, git, a shell or another command would.
pub(super) fn edit_outside(rng: &mut Rng, home: &Home, now: Timestamp) {
    let records = home.records();
    let Some(path) = records.get(rng.usize(..records.len().max(1))) else { return };
    let text = fs::read_to_string(path).unwrap();
    let number = rng.u32(1..=ISSUES);
    let has_room = records.len() < 2 * ISSUES as usize;
    match rng.u32(..16) {
        0 => fs::remove_file(path).unwrap(),
        1 => fs::write(path, format!("title: [broken\n{text}")).unwrap(),
        2 => fs::write(path, text.replacen("title: [broken\n", "", 9)).unwrap(),
        3 if has_room => add_twin(rng, path, &text),
        4 if has_room => fs::write(path.with_file_name(renamed(path, number)), text).unwrap(),
        5 => fs::rename(path, path.with_file_name(renamed(path, number))).unwrap(),
        6 => fs::write(path, text.replace("status: open", "status: closed")).unwrap(),
        7 => fs::write(path, text.replace("status: closed", "status: open")).unwrap(),
        8 => fs::write(path, text.replace("\nblocked-by:\n", &format!("\nblocked-by:\n  - \"{number}\"\n"))).unwrap(),
        9 => fs::write(path, &text).unwrap(),
        10..12 => edit_comments(rng, path),
        12 => {
            // Most often it is refused: the number is taken or ambiguous.
            let from = IssueNumber::new(number).unwrap();
            let _ = home.open(None).renumber(&[(from.into(), IssueNumber::new(rng.u32(1..=ISSUES)))], (None, now));
        }
        _ => fs::write(path, format!("{text}\n{} {}\n", any_word(rng), rng.u32(..))).unwrap(),
    }
}

/// Adds another issue with the same number, as a merge does.
fn add_twin(rng: &mut Rng, path: &Path, text: &str) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let id = uuid::Uuid::from_u128(rng.u128(..) & !(0xf << 76) | (7 << 76));
    let Some(old) = text.lines().find_map(|line| line.strip_prefix("id: ")) else { return };
    let twin = path.with_file_name(format!("{}-{}.md", &name[..6], IssueId::new(id).suffix()));
    fs::write(twin, text.replace(old, &id.to_string())).unwrap();
}

/// Adds a comment, or edits, breaks or removes the first there is.
fn edit_comments(rng: &mut Rng, record: &Path) {
    let stem = record.file_stem().unwrap().to_string_lossy().into_owned();
    let siblings = fs::read_dir(record.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut comments: Vec<_> =
        siblings.filter(|path| path.file_stem().unwrap().to_string_lossy().starts_with(&format!("{stem}_"))).collect();
    comments.sort();
    match (comments.first(), rng.u32(..5)) {
        (Some(comment), 0) => fs::remove_file(comment).unwrap(),
        (Some(comment), 1) => fs::write(comment, "no comment").unwrap(),
        (Some(comment), 2) => {
            let text = fs::read_to_string(comment).unwrap();
            fs::write(comment, format!("{text}\n{}\n", any_word(rng))).unwrap();
        }
        _ => {
            let id = uuid::Uuid::from_u128(rng.u128(..) & !(0xf << 76) | (7 << 76));
            let suffix = IssueId::new(id).suffix();
            let path = record.with_file_name(format!("{stem}_20260601T100000Z-{suffix}.md"));
            let front = format!("---\nid: {id}\nauthor: bo\ncreated: 2026-06-01T10:00:00Z\n---\n");
            fs::write(path, format!("{front}\n{}\n", any_word(rng))).unwrap();
        }
    }
}

fn any_word(rng: &mut Rng) -> &'static str {
    ["alpha", "delta"][rng.usize(..2)]
}

/// Returns the name of a record under another number.
fn renamed(path: &Path, number: u32) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    format!("{number:06}{}", &name[6..])
}
