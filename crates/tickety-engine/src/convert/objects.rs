//! Trackers that write a JSON object an issue: what their readers have in common.

use std::io::BufRead;

use serde_json::{Map, Value};
use tickety_core::schema::Schema;

use super::part::ReadOptions;
use super::records::Records;
use super::report::Report;
use super::{Imported, ReadError, Reader};

/// How a tracker writes its issues.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What the input should be, for who gave another one.
    pub(super) expected: &'static str,
    /// The keys under which lists of issues lie.
    pub(super) wrappers: &'static [&'static str],
    /// Makes an issue of an object that begins in a line.
    pub(super) read: ReadObject,
}

/// Makes an issue of an object that begins in a line.
type ReadObject = fn(u64, Map<String, Value>, &Schema, &ReadOptions, &mut Report) -> Option<Imported>;

/// Reads objects.
pub struct ObjectReader<'a, R> {
    kind: Kind,
    records: Records<R>,
    schema: &'a Schema,
    options: &'a ReadOptions,
}

impl<R> std::fmt::Debug for ObjectReader<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader").field("expected", &self.kind.expected).finish_non_exhaustive()
    }
}

impl<'a, R: BufRead> ObjectReader<'a, R> {
    pub(super) fn new(kind: Kind, input: R, schema: &'a Schema, options: &'a ReadOptions) -> Self {
        Self { kind, records: Records::new(input, kind.expected, kind.wrappers), schema, options }
    }
}

impl<R: BufRead> Reader for ObjectReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        while let Some((line, record)) = self.records.next(report)? {
            report.records += 1;
            if let Some(imported) = (self.kind.read)(line, record, self.schema, self.options, report) {
                return Ok(Some(imported));
            }
        }
        Ok(None)
    }
}
