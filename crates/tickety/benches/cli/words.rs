//! What is searched for: words by how many issues have them.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Words of the generated texts.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// In about three of ten records.
    pub(crate) common: String,
    /// In about one of a hundred.
    pub(crate) usual: String,
    /// In at most ten.
    pub(crate) rare: String,
}

impl Words {
    /// Chooses words by reading all records.
    pub(crate) fn choose(records: &[(PathBuf, Vec<PathBuf>)]) -> Result<Self> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut read = 0;
        for (folder, names) in records {
            for name in names {
                let text = fs::read_to_string(folder.join(name))?;
                read += 1;
                for word in words_of(&text) {
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort();
        let nearest = |wanted: usize| {
            let found = counts.iter().min_by_key(|(_, count)| count.abs_diff(wanted));
            found.map(|(word, _)| word.clone()).context("the records hold no words")
        };
        let words = Self { common: nearest(read * 3 / 10)?, usual: nearest(read / 100)?, rare: nearest(5)? };
        eprintln!("searching for: {}, {}, {}", words.common, words.usual, words.rare);
        Ok(words)
    }
}

/// Returns the words of the Markdown text of a record: lower-case letters, so that they are the same in
/// every index.
fn words_of(record: &str) -> BTreeSet<String> {
    let text =
        record.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map_or(record, |(_, text)| text);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect()
}
