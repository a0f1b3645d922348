//! Lists of strings in one column.

/// Appends a string: its length in 32 bits, then its bytes.
fn push(packed: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a record is far below 4 GiB");
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(bytes);
}

/// Packs strings; nothing for none.
pub(super) fn pack<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut packed = Vec::new();
    for value in values {
        push(&mut packed, value);
    }
    packed
}

/// Unpacks what [`pack`] packed; `None` if it did not.
pub(super) fn unpack(mut packed: &[u8]) -> Option<Vec<&[u8]>> {
    let mut values = Vec::new();
    while !packed.is_empty() {
        let (length, rest) = packed.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        values.push(value);
        packed = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let values: [&[u8]; 3] = [b"cache", b"", b"a\nb\0c"];
        let packed = pack(values);
        assert_eq!(unpack(&packed).unwrap(), values);
        assert!(pack([]).is_empty());
        for cut in 1..packed.len() {
            assert!(unpack(&packed[..cut]).is_none_or(|found| found.len() < 3), "{cut}");
        }
    }
}
