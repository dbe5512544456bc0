//! Formats that are often mistaken for captures, told by their first octets, and the way from each to a capture.

use std::fmt;

/// What a file is that is neither pcap nor pcapng.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignFormat {
    /// Event trace log of Windows: `pktmon`, `netsh trace`.
    EventTraceLog,
    /// Event log of Windows (`.evtx`).
    WindowsEventLog,
    /// Microsoft Network Monitor.
    NetworkMonitor,
    /// Solaris snoop (RFC 1761).
    Snoop,
    /// Sniffer of Network General or NetXRay.
    Sniffer,
    /// EtherPeek, OmniPeek.
    OmniPeek,
    /// Zip archive.
    Zip,
    /// Cabinet archive, as the diagnostics of Windows management make them.
    Cabinet,
    /// Another archive or compression; its usual name.
    Packed(&'static str),
    /// HTTP archive of a browser.
    HttpArchive,
    /// Other text.
    Text,
    /// None of these; its first four octets, zero where there are fewer.
    Unknown([u8; 4]),
}

impl ForeignFormat {
    /// Octets of a file that [`Self::of`] wants to see.
    pub(super) const HEAD_LENGTH: usize = 512;

    /// What a file that starts with `head` looks like.
    pub(super) fn of(head: &[u8]) -> Self {
        const MAGICS: &[(&[u8], ForeignFormat)] = &[
            (b"ElfFile\0", ForeignFormat::WindowsEventLog),
            (b"GMBU", ForeignFormat::NetworkMonitor),
            (b"RTSS", ForeignFormat::NetworkMonitor),
            (b"snoop\0\0\0", ForeignFormat::Snoop),
            (b"TRSNIFF data    \x1a", ForeignFormat::Sniffer),
            (b"XCP\0", ForeignFormat::Sniffer),
            (b"\x7fver", ForeignFormat::OmniPeek),
            (b"PK\x03\x04", ForeignFormat::Zip),
            (b"PK\x05\x06", ForeignFormat::Zip),
            (b"MSCF", ForeignFormat::Cabinet),
            (b"7z\xbc\xaf\x27\x1c", ForeignFormat::Packed("7-Zip")),
            (b"Rar!\x1a\x07", ForeignFormat::Packed("RAR")),
            (b"\xfd7zXZ\0", ForeignFormat::Packed("xz")),
            (b"BZh", ForeignFormat::Packed("bzip2")),
            (b"\x04\x22\x4d\x18", ForeignFormat::Packed("lz4")),
            (b"\x1f\x8b", ForeignFormat::Packed("gzip")),
            (b"\x28\xb5\x2f\xfd", ForeignFormat::Packed("zstd")),
        ];
        if let Some((_, format)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *format;
        }
        if is_event_trace_log(head) {
            return Self::EventTraceLog;
        }
        if let Some(text) = as_text(head) {
            let text = text.trim_start();
            return if text.starts_with('{') && text.contains("\"log\"") {
                Self::HttpArchive
            } else {
                Self::Text
            };
        }
        let mut magic = [0; 4];
        for (to, from) in magic.iter_mut().zip(head) {
            *to = *from;
        }
        Self::Unknown(magic)
    }

    /// What to do with such a file, as an imperative without a full stop.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::EventTraceLog => {
                "convert it with `pktmon etl2pcap FILE.etl` on Windows, or with etl2pcapng where `netsh trace` made it"
            }
            Self::WindowsEventLog => {
                "it holds no packets; record them with `pktmon start --capture --pkt-size 0`"
            }
            Self::NetworkMonitor | Self::Snoop | Self::Sniffer | Self::OmniPeek => {
                "convert it with Wireshark's `editcap -F pcapng IN OUT`"
            }
            Self::Zip | Self::Cabinet => "unpack it and name the capture inside",
            Self::Packed(_) => "unpack it, or pack the capture with gzip or zstd only once",
            Self::HttpArchive => {
                "a browser's archive shows requests, not packets; record with `pktmon`, Wireshark or tcpdump"
            }
            Self::Text => {
                "name the binary capture it was printed from, for example what `tcpdump -w` wrote"
            }
            Self::Unknown(_) => "name a pcap or pcapng file, plain or compressed with gzip or zstd",
        }
    }
}

/// A noun phrase with its article.
impl fmt::Display for ForeignFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventTraceLog => f.write_str("an event trace log (ETL)"),
            Self::WindowsEventLog => f.write_str("a Windows event log"),
            Self::NetworkMonitor => f.write_str("a Network Monitor capture"),
            Self::Snoop => f.write_str("a snoop capture"),
            Self::Sniffer => f.write_str("a Sniffer capture"),
            Self::OmniPeek => f.write_str("an OmniPeek capture"),
            Self::Zip => f.write_str("a zip archive"),
            Self::Cabinet => f.write_str("a cabinet archive"),
            Self::Packed(name) => write!(f, "data packed with {name}"),
            Self::HttpArchive => f.write_str("an HTTP archive (HAR)"),
            Self::Text => f.write_str("text"),
            Self::Unknown([a, b, c, d]) => {
                write!(
                    f,
                    "data of an unknown kind (starting with {a:02x} {b:02x} {c:02x} {d:02x})"
                )
            }
        }
    }
}

/// An event trace log has no magic. It starts with a buffer header of 72 octets, whose first field is the buffer's size
/// (`WMI_BUFFER_HEADER`), then comes a system event header with 1 or 2 as type and c0 as marker (`SYSTEM_TRACE_HEADER`).
fn is_event_trace_log(head: &[u8]) -> bool {
    let Some(size) = head.first_chunk().map(|size| u32::from_le_bytes(*size)) else {
        return false;
    };
    size % 1_024 == 0
        && (1_024..=16 << 20).contains(&size)
        && matches!(head.get(0x48..0x4c), Some([_, _, 1 | 2, 0xc0]))
}

/// The head as text; a character may be cut at its end. UTF-16 with a byte order mark counts, but is not decoded.
fn as_text(head: &[u8]) -> Option<&str> {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Some("");
    }
    let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let printable =
        |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}');
    (!text.is_empty() && text.chars().all(printable)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_formats_are_told_by_their_first_octets() {
        let mut etl = vec![0_u8; 0x80];
        etl[..4].copy_from_slice(&0x0001_0000_u32.to_le_bytes());
        etl[0x48..0x4c].copy_from_slice(&[2, 0, 2, 0xc0]);
        for (head, expected) in [
            (etl.as_slice(), ForeignFormat::EventTraceLog),
            (b"GMBU\0\x02", ForeignFormat::NetworkMonitor),
            (b"snoop\0\0\0\0\0\0\x02", ForeignFormat::Snoop),
            (b"PK\x03\x04\x14\0", ForeignFormat::Zip),
            (b"MSCF\0\0", ForeignFormat::Cabinet),
            (
                b"\xef\xbb\xbf{ \"log\": { \"version\"",
                ForeignFormat::HttpArchive,
            ),
            (b"{\"a\": 1}", ForeignFormat::Text),
            (
                "12:00:01 IP 10.0.0.1 > 10.0.0.2 \u{e4}".as_bytes(),
                ForeignFormat::Text,
            ),
            (b"\xff\xfeP\0k\0", ForeignFormat::Text),
            (
                b"\x7fELF\x02",
                ForeignFormat::Unknown([0x7f, b'E', b'L', b'F']),
            ),
            (b"\x00", ForeignFormat::Unknown([0; 4])),
        ] {
            assert_eq!(ForeignFormat::of(head), expected, "{head:?}");
        }
    }

    #[test]
    fn text_may_be_cut_inside_a_character() {
        assert_eq!(
            ForeignFormat::of(&"ä".repeat(3).as_bytes()[..5]),
            ForeignFormat::Text
        );
        assert_eq!(
            ForeignFormat::of(b"text \xff text"),
            ForeignFormat::Unknown(*b"text")
        );
    }
}
