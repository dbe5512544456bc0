//! The CRYPTO frames of an Initial packet (RFC 9000 §19.6), between whatever else stands there.

use super::long_header::varint;

/// Frame types allowed in an Initial (RFC 9000 §17.2.2, §19).
const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;

/// Walks frames and gives the CRYPTO ones as offset and data; it ends at the first frame that has no place in an Initial.
///
/// The data of a frame that was cut is given as far as it goes.
#[derive(Debug, Clone)]
pub(super) struct CryptoFrames<'a> {
    rest: &'a [u8],
}

impl<'a> CryptoFrames<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// Whether a payload that nothing authenticates begins with a frame that an Initial may hold.
    pub(super) fn begin_plausibly(payload: &[u8]) -> bool {
        matches!(
            varint(payload),
            Some((PADDING | PING | ACK | ACK_ECN | CRYPTO, _))
        )
    }
}

impl<'a> Iterator for CryptoFrames<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (kind, body) = varint(self.rest)?;
            self.rest = &[];
            match kind {
                PADDING | PING => self.rest = body,
                ACK | ACK_ECN => self.rest = skip_ack(body, kind == ACK_ECN)?,
                CRYPTO => {
                    let (offset, body) = varint(body)?;
                    let (length, body) = varint(body)?;
                    let whole = usize::try_from(length)
                        .ok()
                        .and_then(|length| body.split_at_checked(length));
                    let (data, rest) = whole.unwrap_or((body, &[]));
                    self.rest = rest;
                    return Some((offset, data));
                }
                _ => return None,
            }
        }
    }
}

/// RFC 9000 §19.3: largest, delay, number of ranges, first range, then a gap and a length per range, then ECN counts.
fn skip_ack(body: &[u8], ecn: bool) -> Option<&[u8]> {
    let (_, rest) = varint(body)?;
    let (_, rest) = varint(rest)?;
    let (ranges, rest) = varint(rest)?;
    let (_, mut rest) = varint(rest)?;
    let counts = ranges
        .checked_mul(2)?
        .checked_add(if ecn { 3 } else { 0 })?;
    // Every integer takes an octet at least, so the payload's end bounds the loop.
    for _ in 0..counts {
        (_, rest) = varint(rest)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_crypto_between_padding_ping_and_ack() {
        let payload = [
            0, 0, 1, 2, 5, 0, 1, 0, 1, 1, 6, 3, 2, 0xaa, 0xbb, 0, 3, 5, 0, 0, 0, 7, 7, 7, 6, 0, 1,
            0xcc, 0,
        ];
        let pieces: Vec<(u64, &[u8])> = CryptoFrames::new(&payload).collect();
        assert_eq!(pieces, [(3, &[0xaa, 0xbb][..]), (0, &[0xcc])]);
    }

    #[test]
    fn ends_at_a_frame_that_does_not_belong() {
        assert_eq!(CryptoFrames::new(&[0x1c, 0, 0, 0, 6, 0, 1, 1]).count(), 0);
        assert_eq!(
            CryptoFrames::new(&[2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0])
                .count(),
            0
        );
    }
}
