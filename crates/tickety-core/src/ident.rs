//! How issues are identified: the number people use, the id that is the identity, and the names
//! between the two.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use uuid::Uuid;

/// The number people use for an issue, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IssueNumber(NonZeroU32);

impl IssueNumber {
    /// The first number of a repository.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Makes a number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Returns the plain number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns the number after this one; `None` at the end of the range.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for IssueNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of an issue: a UUID of version 7, the same on every branch and in every clone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IssueId(Uuid);

impl IssueId {
    /// Wraps a UUID.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// Returns the four characters that tell issues of one number apart.
    pub fn suffix(self) -> Suffix {
        Suffix::of(self.0)
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for IssueId {
    type Err = SelectorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| SelectorParseError::Id { text: text.to_owned() })
    }
}

/// Crockford's base 32, lower case: no `i`, `l`, `o` or `u`, so a suffix is safe to read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Which bytes are in [`ALPHABET`]: a scan asks for every record.
const IN_ALPHABET: [bool; 256] = {
    let mut known = [false; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        known[ALPHABET[digit] as usize] = true;
        digit += 1;
    }
    known
};

/// Four characters of an id: its last 20 bits (random in a UUID of version 7) in Crockford's
/// base 32, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Suffix([u8; 4]);

impl Suffix {
    /// Returns the suffix of an id.
    pub fn of(id: Uuid) -> Self {
        let bits = id.as_u128();
        let mut out = [0; 4];
        for (place, byte) in out.iter_mut().enumerate() {
            *byte = ALPHABET[(bits >> (15 - 5 * place)) as usize & 31];
        }
        Self(out)
    }

    /// Returns the suffix that is written as these bytes, in lower case.
    pub fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        bytes.iter().all(|byte| IN_ALPHABET[usize::from(*byte)]).then_some(Self(bytes))
    }

    /// Returns the four characters as bytes.
    pub fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// Returns the four characters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Suffix {
    type Err = SelectorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: Option<[u8; 4]> = text.to_ascii_lowercase().into_bytes().try_into().ok();
        bytes.and_then(Self::from_bytes).ok_or_else(|| SelectorParseError::Suffix { text: text.to_owned() })
    }
}

/// The name that always means one issue, `42-k3f9`: what links and file names use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IssueKey {
    /// The number.
    pub number: IssueNumber,
    /// The characters from the id.
    pub suffix: Suffix,
}

impl fmt::Display for IssueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.suffix)
    }
}

/// Returns the external reference by which an issue that was renumbered is still found under its
/// old name.
pub fn alias_reference(old: IssueKey) -> String {
    format!("{ALIAS_SCHEME}{old}")
}

/// What [`alias_reference`] begins with.
pub const ALIAS_SCHEME: &str = "tickety:";

/// A name as people write it: `42`, which may be ambiguous after a merge, or `42-k3f9`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IssueName {
    /// The number.
    pub number: IssueNumber,
    /// The characters from the id, where given.
    pub suffix: Option<Suffix>,
}

impl IssueName {
    /// Whether this name can mean the issue called `key`.
    pub fn names(&self, key: IssueKey) -> bool {
        self.number == key.number && self.suffix.is_none_or(|suffix| suffix == key.suffix)
    }

    /// Parses `42`, `#42`, `42-k3f9` and, with a prefix of `TIK`, `TIK-42` and `TIK-42-k3f9`;
    /// the prefix in any case.
    pub fn parse(text: &str, prefix: &str) -> Result<Self, SelectorParseError> {
        let unknown = || SelectorParseError::Selector { text: text.to_owned(), prefix: prefix.to_owned() };
        let rest = text.strip_prefix('#').unwrap_or_else(|| match text.split_at_checked(prefix.len()) {
            Some((head, tail)) if !prefix.is_empty() && head.eq_ignore_ascii_case(prefix) => {
                tail.strip_prefix('-').unwrap_or(text)
            }
            _ => text,
        });
        let (number, suffix) = match rest.split_once('-') {
            Some((number, suffix)) => (number, Some(suffix.parse().map_err(|_| unknown())?)),
            None => (rest, None),
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unknown());
        }
        let number = number
            .parse()
            .ok()
            .and_then(IssueNumber::new)
            .ok_or_else(|| SelectorParseError::Range { text: number.to_owned() })?;
        Ok(Self { number, suffix })
    }
}

impl From<IssueKey> for IssueName {
    fn from(key: IssueKey) -> Self {
        Self { number: key.number, suffix: Some(key.suffix) }
    }
}

impl From<IssueNumber> for IssueName {
    fn from(number: IssueNumber) -> Self {
        Self { number, suffix: None }
    }
}

impl fmt::Display for IssueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        match self.suffix {
            Some(suffix) => write!(f, "-{suffix}"),
            None => Ok(()),
        }
    }
}

/// How a caller picks one issue: by name or by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IssueSelector {
    /// By number, with or without the suffix.
    Name(IssueName),
    /// By identity.
    Id(IssueId),
}

impl IssueSelector {
    /// Parses a name (see [`IssueName::parse`]) or a hyphenated UUID.
    pub fn parse(text: &str, prefix: &str) -> Result<Self, SelectorParseError> {
        if text.len() == 36 {
            return text.parse().map(Self::Id);
        }
        IssueName::parse(text, prefix).map(Self::Name)
    }
}

impl From<IssueKey> for IssueSelector {
    fn from(key: IssueKey) -> Self {
        Self::Name(key.into())
    }
}

impl From<IssueNumber> for IssueSelector {
    fn from(number: IssueNumber) -> Self {
        Self::Name(number.into())
    }
}

impl From<IssueName> for IssueSelector {
    fn from(name: IssueName) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for IssueSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// Why a text names no issue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectorParseError {
    /// Neither a number nor a name.
    #[error("`{text}` is not an issue: write 42, #42, {prefix}-42 or 42-k3f9")]
    Selector {
        /// What was given.
        text: String,
        /// The configured prefix.
        prefix: String,
    },
    /// The digits are zero or beyond `u32::MAX`.
    #[error("issue number {text} is out of range: numbers go from 1 to {}", u32::MAX)]
    Range {
        /// The digits given.
        text: String,
    },
    /// Not the four characters of a suffix.
    #[error("`{text}` is not the suffix of an issue: it has four characters from 0-9 and a-z without i, l, o, u")]
    Suffix {
        /// What was given.
        text: String,
    },
    /// Not a UUID.
    #[error("`{text}` is not the id of an issue: ids are UUIDs")]
    Id {
        /// What was given.
        text: String,
    },
}

/// The version of an issue: 128 bits of the hash of its record's bytes, written as 32 hexadecimal
/// digits. Which hash is the store's choice; versions are only compared for equality.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version([u8; 16]);

impl Version {
    /// Wraps the bits.
    pub fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Version {
    type Err = VersionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(VersionParseError { text: text.to_owned() });
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| VersionParseError { text: text.to_owned() })?;
        Ok(Self(bits.to_be_bytes()))
    }
}

/// A text that is no version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a version: it has 32 hexadecimal digits, as `show --json` prints them")]
pub struct VersionParseError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<String, SelectorParseError> {
        IssueName::parse(text, "TIK").map(|name| name.to_string())
    }

    #[test]
    fn every_spelling_names_the_same_issue() {
        for text in ["42", "#42", "TIK-42", "tik-42", "0042"] {
            assert_eq!(name(text).as_deref(), Ok("42"), "{text}");
        }
        for text in ["42-k3f9", "#42-K3F9", "TIK-42-k3f9"] {
            assert_eq!(name(text).as_deref(), Ok("42-k3f9"), "{text}");
        }
    }

    #[test]
    fn what_is_no_issue_is_refused() {
        for text in ["", "#", "x", "-1", "4 2", "42-", "42-k3f", "42-k3fl", "TIK42", "4２", "0", "4294967296"] {
            assert!(name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn suffix_is_the_last_twenty_bits() {
        let id = IssueId::new(Uuid::from_u128(0xfffff));
        assert_eq!(id.suffix().as_str(), "zzzz");
        assert_eq!(IssueId::new(Uuid::from_u128(0x100021)).suffix().as_str(), "0011");
    }

    #[test]
    fn a_version_survives_printing() {
        let version = Version::new([0xab; 16]);
        assert_eq!(version.to_string().parse(), Ok(version));
        assert!("+b".repeat(16).parse::<Version>().is_err());
    }
}
