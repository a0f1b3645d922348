//! The text of a record's values, where reading them loses how a number was written.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The values of a record as they are written, found when they are first asked for.
pub(super) struct Raw<'t> {
    text: &'t [u8],
    values: OnceCell<HashMap<String, &'t RawValue>>,
}

impl<'t> Raw<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, values: OnceCell::new() }
    }

    /// Returns how a value of the record is written, where that may not be how it would be printed.
    pub(super) fn exact(&self, key: &str, value: &Value) -> Option<&'t str> {
        if !has_float(value) {
            return None;
        }
        let values = self.values.get_or_init(|| serde_json::from_slice(self.text).unwrap_or_default());
        values.get(key).map(|raw| raw.get())
    }

    /// Returns how the values of an object in the record are written.
    pub(super) fn members(&self, key: &str) -> HashMap<String, &'t RawValue> {
        let values = self.values.get_or_init(|| serde_json::from_slice(self.text).unwrap_or_default());
        values.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// Returns a number in a value of the record that would be printed otherwise, and how.
    pub(super) fn changed_number(&self, key: &str, value: &Value) -> Option<(&'t str, String)> {
        numbers(self.exact(key, value)?).find_map(|number| {
            let printed = serde_json::from_str::<Value>(number).ok()?.to_string();
            (printed != number).then_some((number, printed))
        })
    }
}

/// Whether two texts are the same number, such as `1.50` and `1.5`.
pub(super) fn is_same_number(left: &str, right: &str) -> bool {
    decimal(left).is_some_and(|left| Some(left) == decimal(right))
}

/// Returns a number as its sign, its digits and the power of ten that they are multiplied with.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (is_negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let power = power.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let power = power.checked_add(i64::try_from(digits.len() - kept.len()).ok()?)?;
    match kept.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        kept => Some((is_negative, kept.to_owned(), power)),
    }
}

/// Whether a value holds a number that isn't a whole one of at most 64 bits: those print as they were written.
fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_float),
        Value::Object(map) => map.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Returns the numbers of a JSON text.
fn numbers(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            rest = &rest[start..];
            if let Some(text) = rest.strip_prefix('"') {
                rest = behind_string(text);
                continue;
            }
            let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
            let end = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(end);
            rest = behind;
            return Some(number);
        }
    })
}

/// Returns what follows a string whose first quote was taken off.
fn behind_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or("", |end| &text[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_texts() {
        let found: Vec<&str> = numbers(r#"{"a 1.0":[1.50,"-2\"3",-4e1],"b\\":0}"#).collect();
        assert_eq!(found, ["1.50", "-4e1", "0"]);
    }

    #[test]
    fn numbers_are_compared_by_what_they_are_worth() {
        for (left, right) in
            [("1.50", "1.5"), ("1e2", "100"), ("0.0", "-0"), ("120E-1", "12"), ("-0.5", "-5e-1"), ("007", "7")]
        {
            assert!(is_same_number(left, right), "{left} {right}");
        }
        for (left, right) in [("12345678901234567890", "12345678901234567000"), ("1", "-1"), ("1.5", "15"), ("1", "10")]
        {
            assert!(!is_same_number(left, right), "{left} {right}");
        }
    }

    #[test]
    fn only_a_number_that_would_be_printed_otherwise_is_told() {
        let text = br#"{"a":{"x":1.50},"b":[2.5,10],"c":"1.0","d":1e2}"#;
        let values: serde_json::Map<String, Value> = serde_json::from_slice(text).unwrap();
        let raw = Raw::new(text);
        let changed: Vec<_> = values.iter().filter_map(|(key, value)| raw.changed_number(key, value)).collect();
        assert_eq!(changed, [("1.50", "1.5".to_owned()), ("1e2", "100.0".to_owned())]);
        assert_eq!(raw.exact("c", &values["c"]), None);
    }
}
