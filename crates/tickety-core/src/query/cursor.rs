//! Cursors as text: opaque, safe in URLs, and refused when damaged.
//!
//! The bytes are a tag, the content and a checksum, in base 64 for URLs without padding. They hold nothing
//! secret: the checksum guards against slips, not against forgery, which gains nothing.

use std::fmt;
use std::str::FromStr;

use super::ast::{Cursor, SortKey, SortValue};
use crate::ident::{IssueKey, IssueNumber, Suffix};

const AFTER: u8 = 1;
const SKIP: u8 = 2;

const MISSING: u8 = 0;
const INTEGER: u8 = 1;
const TEXT: u8 = 2;

impl Cursor {
    /// Whether the cursor can come from a query of this order: the number and types of its values
    /// are right.
    pub fn fits(&self, sort: &[SortKey]) -> bool {
        let ranked = super::order::is_ranked(sort);
        match self {
            Self::Skip(_) => ranked,
            Self::After { values, .. } => {
                let fits = |(key, value): (&SortKey, &Option<SortValue>)| match value {
                    None => true,
                    Some(SortValue::Text(_)) => key.by.is_text(),
                    Some(SortValue::Integer(_)) => !key.by.is_text(),
                };
                !ranked && values.len() == sort.len() && sort.iter().zip(values).all(fits)
            }
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::new();
        match self {
            Self::Skip(count) => {
                bytes.push(SKIP);
                bytes.extend(count.to_be_bytes());
            }
            Self::After { key, values } => {
                bytes.push(AFTER);
                bytes.extend(key.number.get().to_be_bytes());
                bytes.extend(key.suffix.as_str().bytes());
                for value in values {
                    match value {
                        None => bytes.push(MISSING),
                        Some(SortValue::Integer(value)) => {
                            bytes.push(INTEGER);
                            bytes.extend(value.to_be_bytes());
                        }
                        Some(SortValue::Text(text)) => {
                            bytes.push(TEXT);
                            let length = u32::try_from(text.len()).map_err(|_| fmt::Error)?;
                            bytes.extend(length.to_be_bytes());
                            bytes.extend(text.bytes());
                        }
                    }
                }
            }
        }
        bytes.extend(checksum(&bytes).to_be_bytes());
        f.write_str(&encode(&bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or(CursorParseError)
    }
}

/// A text that is no cursor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the cursor is damaged: take the one the page before returned, or leave it out to begin at the first page")]
pub struct CursorParseError;

fn read(text: &str) -> Option<Cursor> {
    let bytes = decode(text)?;
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if checksum(content) != u32::from_be_bytes(*sum) {
        return None;
    }
    let mut rest = Reader(content);
    let cursor = match rest.byte()? {
        SKIP => Cursor::Skip(rest.u32()?),
        AFTER => {
            let number = IssueNumber::new(rest.u32()?)?;
            let suffix: Suffix = str::from_utf8(&rest.array::<4>()?).ok()?.parse().ok()?;
            let mut values = Vec::new();
            while !rest.0.is_empty() {
                values.push(rest.value()?);
            }
            Cursor::After { key: IssueKey { number, suffix }, values }
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(cursor)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn value(&mut self) -> Option<Option<SortValue>> {
        match self.byte()? {
            MISSING => Some(None),
            INTEGER => Some(Some(SortValue::Integer(i64::from_be_bytes(self.array()?)))),
            TEXT => {
                let length = self.u32()? as usize;
                let (text, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Some(Some(SortValue::Text(str::from_utf8(text).ok()?.to_owned())))
            }
            _ => None,
        }
    }
}

/// FNV-1a with 32 bits: it finds every change of a single byte.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    out
}

/// Reads exactly what [`encode`] writes: unused bits have to be zero.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (place, byte) in chunk.iter().enumerate() {
            let digit = ALPHABET.iter().position(|known| known == byte)?;
            bits |= u32::try_from(digit).ok()? << (18 - 6 * place);
        }
        let (kept, unused) =
            bits.to_be_bytes()[1..].split_at_checked(chunk.len() - 1).map(|(a, b)| (a.to_vec(), b.to_vec()))?;
        if kept.is_empty() || unused.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend(kept);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_slip_goes_unnoticed() {
        let key = IssueKey { number: IssueNumber::new(42).unwrap(), suffix: "k3f9".parse().unwrap() };
        let values = vec![Some(SortValue::Integer(-3)), None, Some(SortValue::Text("größe".to_owned()))];
        let cursor = Cursor::After { key, values };
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        for place in 0..text.len() {
            for &other in ALPHABET.iter().chain(b"=+ ") {
                let mut damaged = text.clone().into_bytes();
                if damaged[place] == other {
                    continue;
                }
                damaged[place] = other;
                let damaged = String::from_utf8(damaged).unwrap();
                assert_eq!(damaged.parse::<Cursor>(), Err(CursorParseError), "{damaged}");
            }
            assert!(text[..place].parse::<Cursor>().is_err());
        }
    }

    proptest! {
        #[test]
        fn cursors_parse_what_they_print(
            number in 1..=u32::MAX,
            values in proptest::collection::vec(
                proptest::option::of(prop_oneof![
                    any::<i64>().prop_map(SortValue::Integer),
                    any::<String>().prop_map(SortValue::Text),
                ]),
                0..4,
            ),
        ) {
            let key = IssueKey { number: IssueNumber::new(number).unwrap(), suffix: "0zk3".parse().unwrap() };
            let cursor = Cursor::After { key, values };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            let skip = Cursor::Skip(number);
            prop_assert_eq!(skip.to_string().parse(), Ok(skip));
        }

        #[test]
        fn no_text_is_a_panic(text in any::<String>()) {
            let _ = text.parse::<Cursor>();
        }
    }
}
