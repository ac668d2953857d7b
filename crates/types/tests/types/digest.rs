//! What a digest is, however the bytes come, and in which order digests stand.

use outvote_types::{Digest, PublicKey};
use sha2::{Digest as _, Sha256};

// M5
#[test]
fn a_digest_is_sha_256_for_every_length_and_every_cut() {
    let bytes: Vec<u8> = (0..700usize).map(|at| (at * 7 + at / 251).to_le_bytes()[0]).collect();
    for length in 0..bytes.len() {
        let whole = &bytes[..length];
        let expected = Digest(Sha256::digest(whole).into());
        assert_eq!(Digest::of(whole), expected, "{length} bytes at once");
        assert_eq!(Digest::of_prefixed(&whole[..length / 2], &Bytes(&whole[length / 2..])), expected);
        for piece in [1, 8, 32, 63, 64, 65, 255, 256, 257] {
            let parts: Vec<&[u8]> = whole.chunks(piece).collect();
            assert_eq!(Digest::of_parts(&parts), expected, "{length} bytes in pieces of {piece}");
        }
    }
}

/// Bytes that are written one by one, without their length.
struct Bytes<'a>(&'a [u8]);

impl borsh::BorshSerialize for Bytes<'_> {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.0.iter().try_for_each(|byte| writer.write_all(&[*byte]))
    }
}

#[test]
fn digests_and_keys_stand_in_the_order_of_their_bytes() {
    let mut all = [[0; 32]; 96];
    for (at, bytes) in all.iter_mut().enumerate() {
        bytes[at % 32] = [1, 127, 255][at / 32];
    }
    for one in all {
        for other in all {
            assert_eq!(Digest(one).cmp(&Digest(other)), one.cmp(&other));
            assert_eq!(PublicKey(one).cmp(&PublicKey(other)), one.cmp(&other));
            assert_eq!(Digest(one) < Digest(other), one < other);
        }
    }
}
