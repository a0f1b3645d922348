//! What two homes have that were made by the same commands: all but what is drawn at random.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Gives what is drawn at random, and what is made of it, names by the order in which it appears.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<String, String>,
}

impl Names {
    /// Replaces ids, versions, the letters of names, and the epoch of cursors.
    pub(super) fn in_place_of_random(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        while let Some(at) = rest.find(|c| is_part(c) || c == '\x1b') {
            let (before, found) = rest.split_at(at);
            if found.starts_with('\x1b') {
                // A colour, which ends with this letter.
                let end = found.find('m').map_or(found.len(), |end| end + 1);
                out.push_str(before);
                out.push_str(&found[..end]);
                rest = &found[end..];
                continue;
            }
            let end = found.find(|c| !is_part(c)).unwrap_or(found.len());
            out.push_str(before);
            out.push_str(&self.word(&found[..end]));
            rest = &found[end..];
        }
        out.push_str(rest);
        out
    }

    fn word(&mut self, word: &str) -> String {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parts: Vec<&str> = word.split('-').collect();
        match parts[..] {
            [number, letters]
                // A number, or the time of a comment in the name of its file.
                if number.starts_with(|c: char| c.is_ascii_digit())
                    && number.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte))
                    && letters.len() == 4
                    && letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) =>
            {
                format!("{number}-{}", self.named("letters", letters))
            }
            [epoch, sequence] if epoch.len() == 16 && is_hex(epoch) && is_hex(sequence) => {
                format!("{}-{sequence}", self.named("epoch", epoch))
            }
            // The group that an event belongs to, counted anew by each process.
            [process, _] if process.len() == 12 && is_hex(process) => self.named("group", word),
            [whole] if whole.len() == 32 && is_hex(whole) => self.named("hash", whole),
            // As GitHub would name comments, made of their ids.
            [whole] if whole.len() > 13 && whole.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.named("number", whole)
            }
            [a, b, c, d, e] if [a.len(), b.len(), c.len(), d.len(), e.len()] == [8, 4, 4, 4, 12] => {
                self.named("id", word)
            }
            _ => word.to_owned(),
        }
    }

    fn named(&mut self, what: &str, found: &str) -> String {
        let count = self.known.len();
        match self.known.entry(found.to_owned()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(format!("[{what} {count}]")).clone(),
        }
    }
}

#[test]
fn what_is_drawn_at_random_is_named_by_its_order() {
    let mut names = Names::default();
    let text = "42-k3f9 7-7241 42-k3f9 2126-11-21 by-hand 000042-k3f9.md 3f9a61c0d2b84e75-42";
    let named = "42-[letters 0] 7-[letters 1] 42-[letters 0] 2126-11-21 by-hand 000042-[letters 0].md [epoch 2]-42";
    assert_eq!(names.in_place_of_random(text), named);
}
