//! Secrets: the texts that say who asks.
//!
//! A secret is 256 random bits with a prefix that tells what it is, and a checksum that tells a typing error from a wrong
//! secret: `tky_` and 58 of the letters a-z and 2-7. Only its hash is kept anywhere. One round of BLAKE3 is enough for
//! that: what has 256 random bits can't be guessed from its hash, so nothing is won by a slow hash or a salt.

use std::fmt;

use blake3::Hash;

/// The letters, five bits each (RFC 4648, in lower case).
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many random bytes there are.
const BYTES: usize = 32;

/// How many letters these make: the last one has a bit of them.
const RANDOM: usize = 52;

/// How many letters the checksum has, after them.
const CHECK: usize = 6;

/// What keeps the hash of a secret from being that of anything else.
const HASHED: &str = "tickety 2026 hash of a secret";

/// The same for its checksum.
const CHECKED: &str = "tickety 2026 checksum of a secret";

/// What a secret is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretKind {
    /// A token, made by `tickety token create`.
    Token,
    /// A session of a page, got for a token.
    Session,
}

impl SecretKind {
    /// Returns what its text begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Token => "tky_",
            Self::Session => "tks_",
        }
    }
}

/// A secret. Neither `Debug` nor an error shows it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Makes a new one. Fails where the system has no random numbers.
    pub fn generate(kind: SecretKind) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        let mut text = kind.prefix().to_owned();
        text.extend((0..RANDOM).map(|letter| letter_of(&bytes, letter)));
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Self(text))
    }

    /// Reads one; `None` where it can't be one, whatever secrets there are.
    pub fn parse(kind: SecretKind, text: &str) -> Option<Self> {
        let letters = text.strip_prefix(kind.prefix())?;
        if letters.len() != RANDOM + CHECK || !letters.bytes().all(|byte| LETTERS.contains(&byte)) {
            return None;
        }
        let (random, sum) = text.split_at(text.len() - CHECK);
        (checksum(random) == sum).then(|| Self(text.to_owned()))
    }

    /// Returns what is kept of it. Comparing hashes takes the same time wherever they differ.
    pub fn hash(&self) -> Hash {
        Hash::from_bytes(blake3::derive_key(HASHED, self.0.as_bytes()))
    }

    /// Returns the text, to be shown once to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Returns a letter of the bits, which are taken five by five.
fn letter_of(bytes: &[u8], letter: usize) -> char {
    let bit = letter * 5;
    let byte = |place: usize| u16::from(bytes.get(place).copied().unwrap_or(0));
    let pair = byte(bit / 8) << 8 | byte(bit / 8 + 1);
    let bits = pair >> (11 - bit % 8) & 31;
    char::from(LETTERS[usize::from(bits)])
}

fn checksum(text: &str) -> String {
    let sum = blake3::derive_key(CHECKED, text.as_bytes());
    (0..CHECK).map(|letter| letter_of(&sum, letter)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn secrets_have_256_bits_and_are_read_back() {
        let mut seen = HashSet::new();
        let mut letters = [0_u32; 128];
        for _ in 0..500 {
            let secret = Secret::generate(SecretKind::Token).unwrap();
            let text = secret.reveal().to_owned();
            assert_eq!((text.len(), &text[..4]), (62, "tky_"));
            for byte in text[4..55].bytes() {
                letters[usize::from(byte)] += 1;
            }
            assert!(Secret::parse(SecretKind::Token, &text).is_some_and(|read| read.hash() == secret.hash()));
            assert!(Secret::parse(SecretKind::Session, &text).is_none());
            assert!(seen.insert(text));
        }
        // 500 * 51 letters, each of the 32 about 797 times.
        let rare = LETTERS.iter().map(|letter| letters[usize::from(*letter)]).min().unwrap();
        assert!(rare > 500, "{rare}");
    }

    #[test]
    fn every_bit_is_in_the_text() {
        let text = |bytes: &[u8]| (0..RANDOM).map(|letter| letter_of(bytes, letter)).collect::<String>();
        let texts: HashSet<String> = (0..256)
            .map(|bit| {
                let mut bytes = [0_u8; BYTES];
                bytes[bit / 8] |= 1 << (bit % 8);
                text(&bytes)
            })
            .collect();
        assert_eq!(texts.len(), 256);
    }

    #[test]
    fn a_typing_error_is_no_secret_and_debug_shows_none() {
        let secret = Secret::generate(SecretKind::Token).unwrap();
        let text = secret.reveal();
        for place in 4..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[place] = if wrong[place] == b'a' { b'b' } else { b'a' };
            assert!(Secret::parse(SecretKind::Token, std::str::from_utf8(&wrong).unwrap()).is_none(), "{place}");
        }
        for wrong in ["", "tky_", &text[..61], &format!("{text}a"), &text.to_uppercase()] {
            assert!(Secret::parse(SecretKind::Token, wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
