//! Keys that stand in a JSON object more than once: readers of JSON take the last and say nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::report::{NoteKind, Place, Report};

/// Reports each key of a record that stands more than once in the same object.
pub(super) fn note_duplicate_keys(text: &[u8], place: &Place, report: &mut Report) {
    for key in duplicate_keys(text) {
        let message = format!("the key `{key}` stands more than once: only the last was taken");
        report.note(NoteKind::Dropped, place, message);
    }
}

/// Returns the keys that stand more than once in an object of a JSON text, each with the keys and places that lead to
/// it. What is no JSON has none.
fn duplicate_keys(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut path = Vec::new();
    let walk = Walk { path: &mut path, found: &mut found };
    // A text that can't be read has been reported as such.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_slice(text));
    found
}

/// A step into a value.
enum Step<'de> {
    Key(Cow<'de, str>),
    Place(usize),
}

/// Walks through a value.
struct Walk<'w, 'de> {
    path: &'w mut Vec<Step<'de>>,
    found: &'w mut Vec<String>,
}

impl<'de> Walk<'_, 'de> {
    fn within(&mut self, step: Step<'de>) -> Walk<'_, 'de> {
        self.path.push(step);
        Walk { path: self.path, found: self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen: HashSet<Cow<'de, str>> = HashSet::new();
        let mut told: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(Key(key)) = map.next_key()? {
            let again = !seen.insert(key.clone());
            let tell = again && told.insert(key.clone());
            let within = self.within(Step::Key(key));
            if tell {
                within.found.push(print(within.path));
            }
            map.next_value_seed(within)?;
            self.path.pop();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for place in 0.. {
            let more = list.next_element_seed(self.within(Step::Place(place)))?;
            self.path.pop();
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _value: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Prints a path as in `comments[0].text`.
fn print(path: &[Step<'_>]) -> String {
    let mut printed = String::new();
    for step in path {
        match step {
            Step::Key(key) if printed.is_empty() => printed.push_str(key),
            Step::Key(key) => printed.extend([".", key]),
            Step::Place(place) => printed.push_str(&format!("[{place}]")),
        }
    }
    printed
}

/// A key, borrowed where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_wherever_they_stand_twice() {
        for (text, found) in [
            (r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#, &[][..]),
            (r#"{"a":1,"b":2,"a":3,"a":4}"#, &["a"]),
            (r#"{"a":1,"\u0061":2}"#, &["a"]),
            (r#"{"c":[0,{"x":{"y":1,"y":null}}],"d":1.5,"d":-2}"#, &["c[1].x.y", "d"]),
            (r#"{"a":{"b":1,"b":2},"a":[true]}"#, &["a.b", "a"]),
            ("[]", &[]),
            (r#"{"a":1,"a":"#, &["a"]),
        ] {
            assert_eq!(duplicate_keys(text.as_bytes()), found, "{text}");
        }
    }
}
