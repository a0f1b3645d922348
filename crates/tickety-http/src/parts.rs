//! Parts of representations: which a stored body is, and which is asked for (RFC 9110, section 14).

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderValue};

use crate::directives::seconds;

/// Which part of a representation a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    first: usize,
    /// Whether it goes to the end.
    ends: bool,
    /// The length of the whole, if it is known.
    whole: Option<usize>,
}

/// What of a stored body is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ranged {
    /// All: what isn't understood is ignored.
    All,
    /// Some of its bytes.
    Some(Range<usize>),
    /// Several parts, or one that isn't there: the origin says what becomes of that.
    Elsewhere,
}

impl Part {
    /// A whole representation.
    pub(crate) fn whole(length: usize) -> Self {
        Self { first: 0, ends: true, whole: Some(length) }
    }

    /// Reads `Content-Range` (section 14.4).
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
        let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let whole = if whole == "*" { None } else { Some(number(whole)?) };
        let valid = first <= last && whole.is_none_or(|whole| last < whole);
        valid.then_some(Self { first, ends: whole == Some(last + 1), whole })
    }

    /// Returns which bytes of the body a request asks for (section 14.1.2). Where they lie is counted from the first byte of the
    /// body, and from its last where it goes to the end.
    pub(crate) fn asked(self, headers: &HeaderMap, length: usize) -> Ranged {
        let mut lines = headers.get_all(header::RANGE).into_iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return Ranged::Elsewhere };
        let Some(range) = line.to_str().ok().and_then(|text| text.strip_prefix("bytes=")) else { return Ranged::All };
        if range.contains(',') {
            return Ranged::Elsewhere;
        }
        let Some((first, last)) = range.trim().split_once('-') else { return Ranged::All };
        let within = |at: usize| at.checked_sub(self.first);
        let bytes = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                let (Some(start), Some(end)) = (within(first), within(last.saturating_add(1))) else {
                    return Ranged::Elsewhere;
                };
                if end > length && !self.ends {
                    return Ranged::Elsewhere;
                }
                start..end.min(length)
            }
            (Some(first), None) if last.is_empty() && self.ends => match within(first) {
                Some(start) => start..length,
                None => return Ranged::Elsewhere,
            },
            (None, Some(last)) if first.is_empty() && self.ends && (last <= length || self.first == 0) => {
                length.saturating_sub(last)..length
            }
            (Some(_), None) | (None, Some(_)) if first.is_empty() || last.is_empty() => return Ranged::Elsewhere,
            _ => return Ranged::All,
        };
        if bytes.is_empty() { Ranged::Elsewhere } else { Ranged::Some(bytes) }
    }

    /// Says which part some bytes of the body are.
    pub(crate) fn told(self, bytes: &Range<usize>) -> Option<HeaderValue> {
        let whole = self.whole.map_or_else(|| "*".to_owned(), |whole| whole.to_string());
        let told = format!("bytes {}-{}/{whole}", self.first + bytes.start, self.first + bytes.end - 1);
        HeaderValue::from_str(&told).ok()
    }
}

/// Reads a position.
fn number(text: &str) -> Option<usize> {
    seconds(text)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(part: Part, text: &'static str) -> Ranged {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(text));
        part.asked(&headers, 10)
    }

    fn part(text: &'static str) -> Option<Part> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_static(text));
        Part::of(&headers)
    }

    #[test]
    fn one_part_is_cut_out_of_a_whole_and_others_are_left_to_the_origin() {
        let asked = |text| asked(Part::whole(10), text);
        assert_eq!(asked("bytes=0-1"), Ranged::Some(0..2));
        assert_eq!(asked("bytes=4-"), Ranged::Some(4..10));
        assert_eq!(asked("bytes=-3"), Ranged::Some(7..10));
        assert_eq!(asked("bytes=-30"), Ranged::Some(0..10));
        assert_eq!(asked("bytes=8-99"), Ranged::Some(8..10));
        for elsewhere in ["bytes=10-", "bytes=-0", "bytes=0-1,3-4", "bytes=12-13"] {
            assert_eq!(asked(elsewhere), Ranged::Elsewhere, "{elsewhere}");
        }
        for ignored in ["lines=1-2", "bytes=5-4", "bytes=x-y", "bytes=3", "bytes=0-18446744073709551616"] {
            assert_eq!(asked(ignored), Ranged::All, "{ignored}");
        }
    }

    #[test]
    fn a_part_is_cut_out_of_a_part_that_holds_it() {
        let (end, middle) = (part("bytes 20-29/30").unwrap(), part("bytes 20-29/*").unwrap());
        for part in [end, middle] {
            assert_eq!(asked(part, "bytes=20-22"), Ranged::Some(0..3));
            assert_eq!(asked(part, "bytes=25-29"), Ranged::Some(5..10));
            assert_eq!(asked(part, "bytes=19-22"), Ranged::Elsewhere);
        }
        assert_eq!(asked(end, "bytes=25-40"), Ranged::Some(5..10));
        assert_eq!(asked(end, "bytes=22-"), Ranged::Some(2..10));
        assert_eq!(asked(end, "bytes=-4"), Ranged::Some(6..10));
        for elsewhere in ["bytes=-11", "bytes=3-"] {
            assert_eq!(asked(end, elsewhere), Ranged::Elsewhere, "{elsewhere}");
        }
        for elsewhere in ["bytes=25-40", "bytes=22-", "bytes=-4"] {
            assert_eq!(asked(middle, elsewhere), Ranged::Elsewhere, "{elsewhere}");
        }
        assert_eq!(end.told(&(2..5)).unwrap(), "bytes 22-24/30");
        assert_eq!(middle.told(&(0..1)).unwrap(), "bytes 20-20/*");
        for invalid in ["bytes 3-2/9", "bytes 3-9/9", "bytes */9", "lines 1-2/3", "bytes 1-2"] {
            assert_eq!(part(invalid), None, "{invalid}");
        }
    }
}
