//! An issue as rows.

use jiff::Timestamp;
use tickety_core::ident::{IssueId, Version};
use tickety_core::issue::{FieldValue, Issue};
use tickety_core::query::{days, fold_name, microseconds};
use tickety_core::schema::{Category, Schema};
use tickety_core::text::tokens;

use super::packed::pack;
use super::schema::{BARRIER, NO_DUE, NO_TEXT, NameKind, present};

/// What the index has to know of a record beside the issue in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordState {
    /// The version of the record.
    pub version: Version,
    /// When the record was written. The issue counts as updated then, or at the latest time it
    /// tells of itself, whichever is later; only the latter counts for one that still has the time of
    /// an import. Absent where it isn't known.
    pub written: Option<Timestamp>,
}

impl RecordState {
    /// Returns when the issue in the record was last updated.
    pub(super) fn updated(&self, issue: &Issue) -> Timestamp {
        let recorded = issue.last_recorded();
        match (issue.imported_updated, self.written) {
            (None, Some(written)) => written.max(recorded),
            (Some(_), _) | (None, None) => recorded,
        }
    }
}

/// A row of `names`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NameRow {
    pub(super) kind: i64,
    pub(super) name: Vec<u8>,
    /// The spellings, NUL between them, where they aren't just the name.
    pub(super) shown: Option<String>,
}

impl NameRow {
    fn new(kind: NameKind, value: &str) -> Self {
        let name = fold_name(value);
        let shown = (name != value).then(|| value.to_owned());
        Self { kind: kind as i64, name: name.into_bytes(), shown }
    }

    /// Packs the identities of rows: kind and name.
    pub(super) fn pack(rows: &[Self]) -> Vec<u8> {
        let kinds: Vec<u8> = rows.iter().map(|row| u8::try_from(row.kind).expect("there are few kinds")).collect();
        pack(rows.iter().zip(&kinds).flat_map(|(row, kind)| [std::slice::from_ref(kind), &row.name]))
    }
}

/// How many bytes of a custom field's text count. Beyond them, equality goes by hash and order isn't kept;
/// no query is that long.
const FIELD_TEXT_LIMIT: usize = 512;

/// Returns the name under which a custom field that holds this text, or prints like this, is found.
pub(super) fn field_text_name(key: &str, text: &str) -> Vec<u8> {
    let mut name = field_prefix(key);
    let folded = fold_name(text).into_bytes();
    if folded.len() <= FIELD_TEXT_LIMIT {
        name.extend_from_slice(&folded);
    } else {
        name.extend_from_slice(&folded[..FIELD_TEXT_LIMIT]);
        name.extend_from_slice(blake3::hash(&folded).as_bytes());
    }
    name
}

/// Returns what the names of a custom field's values begin with.
pub(super) fn field_prefix(key: &str) -> Vec<u8> {
    let mut name = key.as_bytes().to_vec();
    name.push(0);
    name
}

/// Returns the kind and the name under which a value is found that lies in a range.
pub(super) fn field_value_name(key: &str, value: &FieldValue) -> (NameKind, Vec<u8>) {
    let mut name = field_prefix(key);
    match value {
        FieldValue::Text(text) => (NameKind::FieldText, field_text_name(key, text)),
        FieldValue::Number(number) => {
            // Flipping the sign, or all bits of a negative number, makes bytes order as numbers do.
            let bits = number.get().to_bits();
            let mask = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
            name.extend_from_slice(&(bits ^ mask).to_be_bytes());
            (NameKind::FieldNumber, name)
        }
        FieldValue::Date(date) => {
            name.extend_from_slice(&(days(*date) ^ i64::MIN).to_be_bytes());
            (NameKind::FieldDate, name)
        }
        FieldValue::Bool(value) => {
            name.push(u8::from(*value));
            (NameKind::FieldBool, name)
        }
    }
}

/// Returns all names of an issue, in the order of their rows.
pub(super) fn names(issue: &Issue) -> Vec<NameRow> {
    let mut rows: Vec<NameRow> = Vec::new();
    let mut add = |kind, value: &str| rows.push(NameRow::new(kind, value));
    issue.labels.iter().for_each(|label| add(NameKind::Label, label));
    issue.assignees.iter().for_each(|name| add(NameKind::Assignee, name));
    issue.reporter.iter().for_each(|name| add(NameKind::Reporter, name));
    issue.comments.iter().filter_map(|comment| comment.author.as_ref()).for_each(|name| add(NameKind::Commenter, name));
    issue.milestone.iter().for_each(|name| add(NameKind::Milestone, name));
    issue.references.iter().for_each(|name| add(NameKind::Reference, name));
    for (key, value) in &issue.fields {
        let mut add = |kind, name, shown| rows.push(NameRow { kind: kind as i64, name, shown });
        add(NameKind::FieldKey, key.clone().into_bytes(), None);
        let (kind, name) = field_value_name(key, value);
        if kind != NameKind::FieldText {
            add(NameKind::FieldText, field_text_name(key, &value.to_string()), Some(NO_TEXT.to_owned()));
        }
        add(kind, name, None);
    }
    rows.sort();
    rows.dedup();
    rows.dedup_by(|later, kept| {
        let same = later.kind == kept.kind && later.name == kept.name;
        if same {
            // The spelling that is the name itself sorts first, as it has none to show.
            let name = String::from_utf8_lossy(&kept.name).into_owned();
            let shown = kept.shown.get_or_insert(name);
            shown.push('\0');
            shown.push_str(later.shown.as_deref().unwrap_or_default());
        }
        same
    });
    rows
}

/// Returns the spellings of a row of `names`.
pub(super) fn spellings<'a>(name: &'a str, shown: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    shown.unwrap_or(name).split('\0')
}

/// The narrow row of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct IssueRow {
    pub(super) category: i64,
    pub(super) rank: i64,
    pub(super) due: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) closed: Option<i64>,
    pub(super) reason: Option<i64>,
    pub(super) comments: i64,
    pub(super) estimate: Option<i64>,
    pub(super) spent: Option<i64>,
    pub(super) present: i64,
}

impl IssueRow {
    pub(super) fn new(issue: &Issue, schema: &Schema, record: &RecordState) -> Self {
        Self {
            category: category_code(schema.category(&issue.status)),
            rank: i64::from(issue.priority.rank()),
            due: issue.due.map_or(NO_DUE, days),
            created: microseconds(issue.created),
            updated: microseconds(record.updated(issue)),
            closed: issue.closure.as_ref().and_then(|closure| closure.at).map(microseconds),
            reason: issue.closure.as_ref().map(|closure| closure.reason as i64),
            comments: i64::try_from(issue.comments.len()).unwrap_or(i64::MAX),
            estimate: issue.estimate.map(|minutes| i64::from(minutes.0)),
            spent: issue.spent.map(|minutes| i64::from(minutes.0)),
            present: present_bits(issue),
        }
    }
}

fn present_bits(issue: &Issue) -> i64 {
    let note = issue.closure.as_ref().and_then(|closure| closure.note.as_deref());
    let parts = [
        (present::TITLE, !issue.title.is_empty()),
        (present::BODY, !issue.body.is_empty()),
        (present::NOTE, note.is_some_and(|note| !note.is_empty())),
        (present::LABEL, !issue.labels.is_empty()),
        (present::ASSIGNEE, !issue.assignees.is_empty()),
        (present::REPORTER, issue.reporter.is_some()),
        (present::MILESTONE, issue.milestone.is_some()),
        (present::REFERENCE, !issue.references.is_empty()),
        (present::FIELDS, !issue.fields.is_empty()),
    ];
    parts.into_iter().filter(|(_, there)| *there).map(|(bit, _)| bit).sum()
}

pub(super) fn category_code(category: Category) -> i64 {
    match category {
        Category::Open => 0,
        Category::InProgress => 1,
        Category::Closed => 2,
    }
}

/// Returns the category of a code; `None` if there is none.
pub(super) fn category_of(code: i64) -> Option<Category> {
    Category::ALL.into_iter().find(|category| category_code(*category) == code)
}

/// Returns the date of a day count; `None` beyond the calendar.
pub(super) fn date_of(days: i64) -> Option<jiff::civil::Date> {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// Returns the bytes of an id.
pub(super) fn uuid_bytes(id: IssueId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

/// What the text index is given of an issue.
#[derive(Default, Debug)]
pub(super) struct Texts {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) comments: String,
}

impl Texts {
    /// Takes the tokens of an issue; the buffers are used again.
    pub(super) fn take(&mut self, issue: &Issue) {
        self.title.clear();
        self.body.clear();
        self.comments.clear();
        join_tokens(&mut self.title, &issue.title);
        join_tokens(&mut self.body, &issue.body);
        for remark in issue.remarks() {
            if !self.comments.is_empty() {
                self.comments.push_str(BARRIER);
            }
            join_tokens(&mut self.comments, remark);
        }
    }

    /// Returns 128 bits of a hash over all of it.
    pub(super) fn hash(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.title, &self.body, &self.comments] {
            hasher.update(part.as_bytes());
            // No token holds a NUL.
            hasher.update(&[0]);
        }
        *hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes")
    }
}

fn join_tokens(joined: &mut String, text: &str) {
    for (place, token) in tokens(text).enumerate() {
        if place > 0 {
            joined.push(' ');
        }
        joined.push_str(&token.text);
    }
}

#[cfg(test)]
mod tests {
    use tickety_core::schema::Decimal;

    use super::*;

    fn name(value: &FieldValue) -> Vec<u8> {
        field_value_name("k", value).1
    }

    #[test]
    fn field_names_order_as_their_values_do() {
        let numbers = [-1e300, -2.5, -1.0, -1e-300, 0.0, 1e-300, 3.0, 20.0, 1e300];
        let numbers = numbers.map(|number| FieldValue::Number(Decimal::new(number).unwrap()));
        assert!(numbers.windows(2).all(|pair| name(&pair[0]) < name(&pair[1])));
        let dates = ["-0004-02-29", "1969-12-31", "1970-01-01", "2026-11-21"];
        let dates = dates.map(|date| FieldValue::Date(date.parse().unwrap_or_else(|_| jiff::civil::date(-4, 2, 29))));
        assert!(dates.windows(2).all(|pair| name(&pair[0]) < name(&pair[1])));
    }

    #[test]
    fn long_texts_of_fields_are_equal_by_hash() {
        let long = "X".repeat(10_000);
        let other = format!("{long}y");
        assert!(field_text_name("k", &long).len() < 600);
        assert_eq!(field_text_name("k", &long), field_text_name("k", &long.to_lowercase()));
        assert_ne!(field_text_name("k", &long), field_text_name("k", &other));
    }

    #[test]
    fn days_are_dates() {
        for date in [jiff::civil::Date::MIN, jiff::civil::Date::MAX, jiff::civil::date(1970, 1, 1)] {
            assert_eq!(date_of(days(date)), Some(date));
        }
        assert_eq!(date_of(NO_DUE), None);
    }
}
