//! Imports beside others who write.

use pollster::block_on;
use tickety_core::issue::Priority;
use tickety_core::operation::{Change, Operation, OperationError, Target};
use tickety_engine::convert::{Format, NoteKind};
use tickety_engine::import::{ImportError, ImportReport, Progress, Stage, import};
use tickety_store::{Batch, IssueStorage};

use crate::world::{World, effects, import_into, notes, options};

/// The second record can't be imported, so that there is something to report.
const INPUT: &str = "{\"id\":\"r-1\",\"title\":\"A\",\"created_at\":\"2026-01-01T00:00:00Z\"}\n{\"title\":\"no id\"}\n";

#[test]
fn what_another_import_made_meanwhile_is_found_unchanged() {
    let world = World::new();
    let schema = block_on(world.store.schema()).unwrap();
    let mut reader = Format::Beads.reader(INPUT.as_bytes(), &schema);
    let mut first = None;
    let second = block_on(import(&world.store, &mut *reader, &options(world.now), &mut |progress| {
        if progress.stage == Stage::Write && first.is_none() {
            first = Some(import_into(&world.store, Format::Beads, INPUT.as_bytes(), options(world.now)).unwrap());
        }
    }))
    .unwrap();
    let first = first.unwrap();
    let made = effects(&first);
    assert_eq!((made.1, made.2), (0, 0));
    assert_eq!(effects(&second), (0, 0, made.0));
    // What was planned in vain isn't reported twice.
    assert_eq!(second.report.readable, first.report.readable);
    assert_eq!(notes(&second, NoteKind::Skipped), notes(&first, NoteKind::Skipped));
}

/// Imports while somebody else does something: between the plan and the write of it.
fn import_beside(world: &World, input: &str, operation: Operation) -> ImportReport {
    let schema = block_on(world.store.schema()).unwrap();
    let mut reader = Format::Beads.reader(input.as_bytes(), &schema);
    let mut operations = vec![operation];
    let mut beside = |progress: Progress| {
        if progress.stage == Stage::Write && !operations.is_empty() {
            let operations = std::mem::take(&mut operations);
            block_on(world.store.apply(Batch::new(operations, None, world.now))).unwrap();
        }
    };
    block_on(import(&world.store, &mut *reader, &options(world.now), &mut beside)).unwrap()
}

#[test]
fn what_is_edited_meanwhile_is_merged() {
    let mut world = World::new();
    world.import(Format::Beads, INPUT);
    let changes = vec![Change::Priority(Priority::Low)];
    let edit = Operation::Update { target: world.issues()[0].key().into(), expected: None, changes };
    let report = import_beside(&world, &INPUT.replace("\"A\"", "\"B\""), edit);
    assert_eq!(effects(&report), (0, 1, 0));
    let issue = &world.issues()[0];
    assert_eq!((issue.title.as_str(), issue.priority), ("B", Priority::Low));
}

#[test]
fn what_is_deleted_meanwhile_is_no_failure() {
    let mut world = World::new();
    world.import(Format::Beads, INPUT);
    let delete = Operation::Delete { target: world.issues()[0].key().into(), expected: None };
    let report = import_beside(&world, &INPUT.replace("\"A\"", "\"B\""), delete);
    assert_eq!(effects(&report), (1, 0, 0));
}

#[test]
fn an_import_that_is_always_overtaken_gives_up() {
    let world = World::new();
    let schema = block_on(world.store.schema()).unwrap();
    let mut reader = Format::Beads.reader(INPUT.as_bytes(), &schema);
    let mut writes = 0;
    let error =
        block_on(import(&world.store, &mut *reader, &options(world.now), &mut |progress| match progress.stage {
            Stage::Read => {}
            Stage::Plan => {
                let delete = |issue: tickety_core::Issue| {
                    let target = Target::from(issue.key());
                    Operation::Delete { target, expected: None }
                };
                let operations: Vec<_> = world.issues().into_iter().map(delete).collect();
                if !operations.is_empty() {
                    block_on(world.store.apply(Batch::new(operations, None, world.now))).unwrap();
                }
            }
            Stage::Write => {
                writes += 1;
                import_into(&world.store, Format::Beads, INPUT.as_bytes(), options(world.now)).unwrap();
            }
        }))
        .unwrap_err();
    assert!(matches!(error, ImportError::Record { source: OperationError::IdTaken { .. }, .. }), "{error}");
    assert_eq!(writes, 3);
}
