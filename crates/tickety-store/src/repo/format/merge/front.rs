//! How a merged file says what it says: lines that no field accounts for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use tickety_core::merge::{Piece, Side, by_age, pieces};

use super::super::document::Document;
use super::super::edit::{Patches, extent};
use super::super::key::Key;
use super::super::read;
use super::super::value::Entry;

/// Texts that the result of a merge may be written into; the first is the best.
#[derive(Debug)]
pub(super) struct Skeleton {
    /// With the line breaks that the file shall have: what is written into one is sealed and read again as it will stand.
    pub(super) texts: Vec<String>,
    /// The keys nobody knows that both sides changed, with what the older side has there.
    pub(super) overruled: Vec<LostChunk>,
}

/// What gave way of a key that nobody knows.
#[derive(Clone, Debug)]
pub(super) struct LostChunk {
    pub(super) key: String,
    pub(super) kept: Option<String>,
    pub(super) other: Option<String>,
}

/// The line breaks of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Newline {
    Plain,
    Windows,
}

impl Newline {
    /// Tells those of a file: of its first line.
    fn in_file(bytes: &[u8]) -> Self {
        let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.ends_with(b"\r\n") { Self::Windows } else { Self::Plain }
    }

    /// Returns a file with plain line breaks, for a result with these: a file with plain ones in its first line may have
    /// others further down, which stay where the result has plain ones as well.
    fn plain(self, bytes: &[u8]) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(bytes);
        match (self, Self::in_file(bytes)) {
            (Self::Plain, Self::Plain) => text,
            _ => Cow::Owned(text.replace("\r\n", "\n")),
        }
    }

    /// Puts these into a text that has plain ones.
    fn put(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Windows => text.replace('\n', "\r\n"),
        }
    }
}

impl Skeleton {
    /// Merges the lines of two files that can be read.
    pub(super) fn merge(base: Option<&[u8]>, sides: [Side<&[u8]>; 2], limit: usize) -> Self {
        let newer = newer_of(sides);
        let newline = newline_of(base, sides, newer);
        let base = base.map(|base| newline.plain(base));
        let texts = sides.map(|side| newline.plain(side.state));
        let newest = texts[newer].to_string();
        let base_front = base.as_deref().map_or("", front_of);
        let merged = merge_fronts(base_front, &texts, newer) + &texts[newer][front_of(&texts[newer]).len()..];
        let base_chunks = base.as_deref().map(|base| chunks(base, limit));
        let ours = chunks(&texts[newer], limit);
        let theirs = chunks(&texts[1 - newer], limit);
        let (wanted, overruled) = merge_chunks(base_chunks.as_ref(), &ours, &theirs);
        let texts = [merged, newest].into_iter().filter_map(|text| with_chunks(&text, &wanted, limit));
        Self { texts: texts.map(|text| newline.put(text)).collect(), overruled }
    }
}

/// Tells which side has the last word, as the merge of the fields does where it is by age.
pub(super) fn newer_of([ours, theirs]: [Side<&[u8]>; 2]) -> usize {
    let order = by_age(&ours, &theirs).unwrap_or_else(|| ours.state.cmp(theirs.state));
    usize::from(order == Ordering::Less)
}

fn newline_of(base: Option<&[u8]>, sides: [Side<&[u8]>; 2], newer: usize) -> Newline {
    let [ours, theirs] = sides.map(|side| Newline::in_file(side.state));
    match base.map(Newline::in_file) {
        Some(base) if base == ours => theirs,
        Some(base) if base == theirs => ours,
        _ => [ours, theirs][newer],
    }
}

/// Returns a file up to the line that ends its front matter; nothing if it has none.
fn front_of(text: &str) -> &str {
    Document::split(text.as_bytes(), usize::MAX).map_or("", |document| &text[..document.front.end])
}

fn merge_fronts(base: &str, texts: &[Cow<'_, str>; 2], newer: usize) -> String {
    let lines = |text| -> Vec<&str> { str::split_inclusive(text, '\n').collect() };
    let base = lines(base);
    let (newer, older) = (lines(front_of(&texts[newer])), lines(front_of(&texts[1 - newer])));
    let merged = pieces(&base, &newer, &older).into_iter().map(|piece| match piece {
        Piece::Clean(lines) | Piece::Conflict(lines, _) => lines.concat(),
    });
    merged.collect()
}

/// The lines of the keys of a file that nobody knows.
type Chunks = BTreeMap<String, String>;

/// A text, and what was found in it.
fn entries<'t>(document: &Document<'t>) -> Vec<Entry<'t>> {
    read::entries(document).unwrap_or_default()
}

fn chunks(text: &str, limit: usize) -> Chunks {
    let Ok(document) = Document::split(text.as_bytes(), limit) else { return Chunks::new() };
    let entries = entries(&document);
    let unknown = entries.iter().enumerate().filter(|(_, entry)| is_unknown(entry));
    unknown.map(|(index, entry)| (entry.key.to_string(), text[extent(&document, &entries, index)].to_owned())).collect()
}

/// Whether a merge of fields knows nothing of a key; that `author` is one only of comments does no harm.
fn is_unknown(entry: &Entry<'_>) -> bool {
    Key::parse(&entry.key).is_none() && entry.key != "author"
}

/// Merges the unknown keys, of which the newer side's stand where both changed one. Returns what each key shall be.
fn merge_chunks(
    base: Option<&Chunks>,
    newer: &Chunks,
    older: &Chunks,
) -> (BTreeMap<String, Option<String>>, Vec<LostChunk>) {
    let keys: BTreeSet<&String> =
        newer.keys().chain(older.keys()).chain(base.into_iter().flat_map(Chunks::keys)).collect();
    let mut overruled = Vec::new();
    let merged = keys.into_iter().map(|key| {
        let (new, old) = (newer.get(key), older.get(key));
        let value = match base.map(|base| base.get(key)) {
            _ if new == old => new,
            Some(base) if base == new => old,
            Some(base) if base == old => new,
            None if new.is_none() || old.is_none() => new.or(old),
            _ => {
                overruled.push(LostChunk { key: key.clone(), kept: new.cloned(), other: old.cloned() });
                new
            }
        };
        (key.clone(), value.cloned())
    });
    let merged = merged.collect();
    (merged, overruled)
}

/// Gives a text the unknown keys that it shall have; `None` if it can't be read.
fn with_chunks(text: &str, wanted: &BTreeMap<String, Option<String>>, limit: usize) -> Option<String> {
    let document = Document::split(text.as_bytes(), limit).ok()?;
    let entries = read::entries(&document).ok()?;
    let mut patches = Patches::new("\n");
    for (key, chunk) in wanted {
        let found: Vec<_> = (0..entries.len())
            .filter(|&index| entries[index].key == **key)
            .map(|index| extent(&document, &entries, index))
            .collect();
        match (found.as_slice(), chunk) {
            ([], Some(chunk)) => patches.insert(document.front.end, chunk),
            ([], None) => {}
            ([first, rest @ ..], chunk) => {
                let chunk = chunk.as_deref().unwrap_or_default();
                if text[first.clone()] != *chunk {
                    patches.replace(first.clone(), chunk);
                }
                rest.iter().for_each(|range| patches.replace(range.clone(), ""));
            }
        }
    }
    Some(patches.apply(text))
}

/// Merges files by lines, with git's markers around what both changed.
pub(super) fn with_markers(base: &[u8], ours: &[u8], theirs: &[u8]) -> (Vec<u8>, bool) {
    let texts = [base, ours, theirs].map(String::from_utf8_lossy);
    let [base, ours, theirs] = texts.each_ref().map(|text| text.split_inclusive('\n').collect::<Vec<&str>>());
    let (mut out, mut is_clean) = (String::new(), true);
    let push = |out: &mut String, lines: &[&str]| {
        for line in lines {
            out.push_str(line);
            if !line.ends_with('\n') {
                out.push('\n');
            }
        }
    };
    for piece in pieces(&base, &ours, &theirs) {
        match piece {
            Piece::Clean(lines) => push(&mut out, lines),
            Piece::Conflict(ours, theirs) => {
                is_clean = false;
                push(&mut out, &["<<<<<<< ours\n"]);
                push(&mut out, ours);
                push(&mut out, &["=======\n"]);
                push(&mut out, theirs);
                push(&mut out, &[">>>>>>> theirs\n"]);
            }
        }
    }
    (out.into_bytes(), is_clean)
}
