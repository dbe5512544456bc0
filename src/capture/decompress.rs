//! gzip and zstd around a capture file, told by their magic.

use std::io::{self, BufReader, Read};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952; several members may follow each other.
    Gzip,
    /// RFC 8878; several frames may follow each other.
    Zstd,
}

impl Compression {
    /// Octets of a file that [`Self::of`] wants to see.
    pub(super) const MAGIC_LENGTH: usize = 4;

    /// The compression of a file that starts with `magic`.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            // RFC 1952 §2.3.1: identification 1f 8b, method 8 (deflate).
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // RFC 8878 §3.1.1: Zstandard frames; §3.1.2: skippable frames, which parallel compressors put first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// A reader of the decompressed octets.
    pub(super) fn decoder(self, source: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let source = BufReader::with_capacity(128 << 10, source);
        Ok(match self {
            Self::Gzip => Box::new(Piecewise::new(flate2::bufread::MultiGzDecoder::new(source))),
            Self::Zstd => Box::new(Piecewise::new(zstd::Decoder::with_buffer(source)?)),
        })
    }
}

/// Asks a decoder for small pieces: a decoder that meets damage gives nothing of the piece it was asked for, so a piece is
/// what is lost before the damage.
struct Piecewise<R> {
    decoder: R,
    failure: Option<io::Error>,
}

/// At 500 MB/s a piece takes a microsecond, against which the call's overhead is small.
const PIECE: usize = 512;

impl<R> Piecewise<R> {
    fn new(decoder: R) -> Self {
        Self {
            decoder,
            failure: None,
        }
    }
}

impl<R: Read> Read for Piecewise<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let mut filled = 0_usize;
        for piece in room.chunks_mut(PIECE) {
            match self.decoder.read(piece) {
                Ok(count) => {
                    filled = filled.saturating_add(count);
                    if count < piece.len() {
                        break;
                    }
                }
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn sample() -> Vec<u8> {
        (0_u32..20_000)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 20).to_le_bytes())
            .collect()
    }

    fn read(compressed: Vec<u8>) -> (Vec<u8>, io::Result<usize>) {
        let compression = Compression::of(&compressed).unwrap();
        let mut decoder = compression
            .decoder(Box::new(io::Cursor::new(compressed)))
            .unwrap();
        let mut bytes = Vec::new();
        let result = decoder.read_to_end(&mut bytes);
        (bytes, result)
    }

    #[test]
    fn members_and_frames_may_follow_each_other() {
        let half = sample();
        let whole = [half.clone(), half.clone()].concat();
        let (bytes, result) = read([gzip(&half), gzip(&half)].concat());
        assert!(result.is_ok() && bytes == whole);
        let frame = zstd::encode_all(half.as_slice(), 1).unwrap();
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        let (bytes, result) = read([&skippable[..], &frame, &frame].concat());
        assert!(result.is_ok() && bytes == whole);
    }

    #[test]
    fn damage_costs_at_most_a_piece_of_what_was_before_it() {
        let half = sample();
        for (kind, part) in [
            ("gzip", gzip(&half)),
            ("zstd", zstd::encode_all(half.as_slice(), 1).unwrap()),
        ] {
            let mut damaged = [part.clone(), part.clone()].concat();
            // The start of the second member or frame, behind its magic.
            damaged[part.len()..][..8].fill(0xff);
            let (bytes, result) = read(damaged);
            assert!(result.is_err(), "{kind}");
            assert!(
                bytes.len() + PIECE >= half.len(),
                "{kind}: {} of {}",
                bytes.len(),
                half.len()
            );
            assert!(bytes == half[..bytes.len()], "{kind}");
        }
    }

    #[test]
    fn a_cut_gives_what_can_be_decompressed() {
        let bytes = sample();
        let mut compressed = gzip(&bytes);
        compressed.truncate(compressed.len() / 2);
        let (read, result) = read(compressed);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(read.len() > bytes.len() / 4 && read == bytes[..read.len()]);
    }
}
