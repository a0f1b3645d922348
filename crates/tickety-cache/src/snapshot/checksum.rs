//! CRC-64/XZ: the polynomial of ECMA-182, reflected.

const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = index as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};

/// Returns the checksum of bytes.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |sum, byte| TABLE[(sum as u8 ^ byte) as usize] ^ sum >> 8)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_standard_is_met() {
        assert_eq!(super::checksum(b"123456789"), 0x995d_c9bb_df19_39fa);
    }
}
