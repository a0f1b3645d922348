//! A store in memory and what the tests do with it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollster::block_on;
use tickety_core::Issue;
use tickety_core::ident::IssueSelector;
use tickety_core::operation::{Change, Operation, Target};
use tickety_core::query::{Moment, Query, SortBy, SortKey};
use tickety_core::schema::Schema;
use tickety_engine::convert::{FileSink, Folder, Format, NoteKind, ReadOptions};
use tickety_engine::export::{Exported, export};
use tickety_engine::import::{ImportError, ImportOptions, ImportReport, import};
use tickety_store::{Batch, Effect, IssueStorage, MemoryStore, StoredIssue};

/// A store and a clock that moves on by a minute with every write.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_schema(Schema::default())
    }

    pub(crate) fn with_schema(schema: Schema) -> Self {
        Self { store: MemoryStore::new(schema), now: "2026-06-01T12:00:00Z".parse().unwrap() }
    }

    fn tick(&mut self) -> Timestamp {
        self.now = self.now.saturating_add(jiff::SignedDuration::from_mins(1)).unwrap();
        self.now
    }

    pub(crate) fn try_import(
        &mut self,
        format: Format,
        input: impl AsRef<[u8]>,
        dry_run: bool,
    ) -> Result<ImportReport, ImportError> {
        let now = self.tick();
        import_into(&self.store, format, input.as_ref(), ImportOptions { dry_run, ..options(now) })
    }

    /// Imports with options of the reader.
    pub(crate) fn import_with(&mut self, format: Format, input: &str, read: &ReadOptions) -> ImportReport {
        let now = self.tick();
        let schema = block_on(self.store.schema()).unwrap();
        let mut reader = format.reader_with(input.as_bytes(), &schema, read);
        block_on(import(&self.store, &mut *reader, &options(now), &mut |_| {})).unwrap()
    }

    pub(crate) fn import(&mut self, format: Format, input: impl AsRef<[u8]>) -> ImportReport {
        self.try_import(format, input, false).unwrap()
    }

    pub(crate) fn export(&self, format: Format) -> String {
        let (output, exported) = self.export_from(&self.store, format);
        assert_eq!(exported.problems, []);
        output
    }

    pub(crate) fn export_from(&self, store: &dyn IssueStorage, format: Format) -> (String, Exported) {
        let schema = block_on(store.schema()).unwrap();
        let mut output = Vec::new();
        let mut writer = format.writer(&mut output, &schema).unwrap();
        let exported = block_on(export(store, &Query::default(), &self.moment(), &mut *writer, &mut |_| {})).unwrap();
        drop(writer);
        (String::from_utf8(output).unwrap(), exported)
    }

    /// Exports into a folder in memory.
    pub(crate) fn export_folder(&self, format: Format) -> (Vec<(String, Vec<u8>)>, Exported) {
        let mut files = Files(Vec::new());
        let mut writer = format.folder_writer(&mut files).unwrap();
        let moment = self.moment();
        let exported = block_on(export(&self.store, &Query::default(), &moment, &mut *writer, &mut |_| {})).unwrap();
        drop(writer);
        (files.0, exported)
    }

    /// Imports a folder in memory.
    pub(crate) fn import_folder(
        &mut self,
        format: Format,
        files: &[(String, Vec<u8>)],
        read: &ReadOptions,
    ) -> ImportReport {
        self.import_open(format, &mut Folder::of(files.to_vec()), read)
    }

    /// Imports a folder.
    pub(crate) fn import_open(&mut self, format: Format, folder: &mut Folder, read: &ReadOptions) -> ImportReport {
        let now = self.tick();
        let schema = block_on(self.store.schema()).unwrap();
        let mut reader = format.folder_reader(std::mem::take(folder), &schema, read).unwrap();
        block_on(import(&self.store, &mut *reader, &options(now), &mut |_| {})).unwrap()
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, zone: TimeZone::UTC, me: None }
    }

    /// Returns all issues by number.
    pub(crate) fn stored(&self) -> Vec<StoredIssue> {
        let sort = vec![SortKey { by: SortBy::Number, descending: false }];
        let query = Query { sort, limit: Some(100_000), ..Query::default() };
        let page = block_on(self.store.list(&query, &self.moment())).unwrap();
        let selectors: Vec<IssueSelector> = page.issues.iter().map(|issue| issue.key.into()).collect();
        block_on(self.store.get_many(&selectors)).into_iter().map(Result::unwrap).collect()
    }

    pub(crate) fn issues(&self) -> Vec<Issue> {
        self.stored().into_iter().map(|stored| stored.issue).collect()
    }

    /// Returns the issue that beads calls `id`.
    pub(crate) fn beads(&self, id: &str) -> StoredIssue {
        self.found(&format!("beads:{id}"))
    }

    /// Returns the issue that has a reference.
    #[track_caller]
    pub(crate) fn found(&self, reference: &str) -> StoredIssue {
        let reference = reference.to_owned();
        let found = block_on(self.store.by_reference(std::slice::from_ref(&reference))).unwrap();
        let keys = found.get(&reference).unwrap_or_else(|| panic!("no issue has the reference {reference}"));
        assert_eq!(keys.len(), 1);
        block_on(self.store.get(keys[0].into())).unwrap()
    }

    pub(crate) fn change(&mut self, issue: &Issue, changes: Vec<Change>) {
        self.apply(vec![Operation::Update { target: Target::from(issue.key()), expected: None, changes }]);
    }

    pub(crate) fn apply(&mut self, operations: Vec<Operation>) {
        let now = self.tick();
        block_on(self.store.apply(Batch::new(operations, Some("me".to_owned()), now))).unwrap();
    }
}

struct Files(Vec<(String, Vec<u8>)>);

impl FileSink for Files {
    fn put(&mut self, path: &str, text: &[u8]) -> std::io::Result<()> {
        self.0.push((path.to_owned(), text.to_vec()));
        Ok(())
    }
}

pub(crate) fn options(now: Timestamp) -> ImportOptions {
    ImportOptions { dry_run: false, actor: Some("importer".to_owned()), now, source: "beads", mapped: Vec::new() }
}

pub(crate) fn import_into(
    store: &dyn IssueStorage,
    format: Format,
    input: &[u8],
    options: ImportOptions,
) -> Result<ImportReport, ImportError> {
    let schema = block_on(store.schema()).unwrap();
    let mut reader = format.reader(input, &schema);
    block_on(import(store, &mut *reader, &options, &mut |_| {}))
}

/// Returns how many issues were created, updated and left alone.
pub(crate) fn effects(report: &ImportReport) -> (usize, usize, usize) {
    (report.count(Effect::Created), report.count(Effect::Updated), report.count(Effect::Unchanged))
}

/// Returns the notes of a kind, one a line.
pub(crate) fn notes(report: &ImportReport, kind: NoteKind) -> String {
    report.report.notes_of(kind).map(|note| format!("{note}\n")).collect()
}
