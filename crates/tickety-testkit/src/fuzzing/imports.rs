//! What is imported.

use pollster::block_on;
use tickety_core::query::Query;
use tickety_engine::convert::{Format, detect};
use tickety_engine::export::export;
use tickety_engine::import::{ImportError, ImportOptions, ImportReport, import};
use tickety_store::{Effect, MemoryStore};

use super::batch::issues;
use super::{moment, now, schema};

/// Imports what beads writes.
pub fn import_beads(bytes: &[u8]) {
    check(Format::Beads, bytes);
}

/// Imports the lines that Tickety writes.
pub fn import_jsonl(bytes: &[u8]) {
    check(Format::Jsonl, bytes);
}

/// Imports the document that Tickety writes.
pub fn import_json(bytes: &[u8]) {
    check(Format::Json, bytes);
}

/// Imports what other trackers write: which one, the first byte says.
pub fn import_trackers(bytes: &[u8]) {
    let formats: Vec<Format> = Format::ALL
        .into_iter()
        .filter(|format| !matches!(format, Format::Json | Format::Jsonl | Format::Beads))
        .collect();
    let Some((which, bytes)) = bytes.split_first() else { return };
    let format = formats[usize::from(*which) % formats.len()];
    drop(detect(bytes));
    let store = MemoryStore::new(schema());
    let Ok(report) = import_into(&store, format, bytes) else {
        assert!(issues(&store).is_empty(), "an import that failed left something");
        return;
    };
    assert!(report.report.readable <= report.report.records, "more was readable than there was");
    import_into(&store, format, bytes).expect("what was imported can be imported again");
    let imported = issues(&store);
    let again = import_into(&store, format, bytes).expect("what was imported can be imported again");
    assert_eq!(issues(&store), imported, "another import changed issues");
    assert_eq!(again.count(Effect::Unchanged), again.issues.len(), "another import changed issues");
}

/// Imports bytes, and again, until nothing is left to be done, which is soon; then exports what came of it and imports that elsewhere, which gives
/// the same issues.
fn check(format: Format, bytes: &[u8]) {
    let schema = schema();
    let store = MemoryStore::new(schema.clone());
    let report = match import_into(&store, format, bytes) {
        Ok(report) => report,
        Err(error) => {
            assert!(issues(&store).is_empty(), "an import that failed left something");
            return drop(error.to_string());
        }
    };
    for note in &report.report.notes {
        drop(note.to_string());
    }
    if !report.report.notes.is_empty() {
        // A link that was left out is tried again, and may find an issue that got its number only then.
        import_into(&store, format, bytes).expect("what was imported can be imported again");
    }
    let imported = issues(&store);
    let again = import_into(&store, format, bytes).expect("what was imported can be imported again");
    assert_eq!(issues(&store), imported, "another import changed issues");
    assert_eq!(again.count(Effect::Unchanged), again.issues.len(), "another import changed issues");
    let mut output = Vec::new();
    let mut writer = format.writer(&mut output, &schema).expect("Tickety writes it");
    let exported = block_on(export(&store, &Query::default(), &moment(), &mut *writer, &mut |_| {}));
    drop(writer);
    exported.expect("what was imported can be exported");
    let copy = MemoryStore::new(schema);
    let report = import_into(&copy, format, &output).expect("what was exported can be imported");
    if format != Format::Beads {
        assert_eq!(report.report.notes, [], "an import of an export leaves something out");
        assert_eq!(issues(&copy), imported, "an import of an export gives other issues");
    }
    assert_eq!(issues(&copy).len(), imported.len(), "an import of an export gives fewer issues");
}

fn import_into(store: &MemoryStore, format: Format, bytes: &[u8]) -> Result<ImportReport, ImportError> {
    let options = ImportOptions {
        dry_run: false,
        actor: Some("ann".to_owned()),
        now: now(),
        source: format.as_str(),
        mapped: Vec::new(),
    };
    let schema = schema();
    let mut reader = format.reader(bytes, &schema);
    block_on(import(store, &mut *reader, &options, &mut |_| {}))
}
