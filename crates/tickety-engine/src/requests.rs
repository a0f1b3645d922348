//! What tells requests apart.

use tickety_store::{Request, RequestKeyError};

/// Names a request by a key and by all that it asks for.
pub fn request<'p>(key: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Result<Request, RequestKeyError> {
    Request::new(key, digest(parts))
}

/// Returns a hash of texts that no others are likely to have, nor the same ones otherwise divided.
pub fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_differently_is_another_request() {
        let of = |parts: &[&str]| request("key", parts.iter().map(|part| part.as_bytes())).unwrap();
        assert_eq!(of(&["new", "one"]), of(&["new", "one"]));
        assert_ne!(of(&["new", "one"]), of(&["newo", "ne"]));
        assert!(request("", [&b""[..]]).is_err());
        assert!(request("line\nbreak", [&b""[..]]).is_err());
    }
}
