//! Domain names out of a message: octets and compression pointers in, [`HostName`]s out (RFC 1035 §4.1.4).
//!
//! `dns_parser::Name` checks names, but showing one recurses along its pointers and does not tell a dot inside a label
//! from the dot between two labels; so names are walked here, in a loop, and all names of a message share one allowance.

use crate::facts::HostName;
use smallvec::SmallVec;

/// Octets of the header, into which no name can point (RFC 1035 §4.1.1).
const HEADER_OCTETS: usize = 12;

/// Longest name in octets, with length octets and root (RFC 1035 §2.3.4).
const MAX_NAME_OCTETS: usize = 255;

/// Most pointers followed within one name. Encoders need one; a chain of chains stays far below this.
const MAX_POINTERS: u32 = 32;

/// What following one pointer takes from the allowance, in octets.
const POINTER_COST: u32 = 2;

/// Why a name cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameDefect {
    /// The captured octets end inside the name.
    Cut,
    /// The octets are no name: a label type that does not exist, a pointer that does not point backwards, too many
    /// pointers, too many octets, or the message's allowance is spent.
    Invalid,
}

/// Reads the names of one message.
#[derive(Debug)]
pub(super) struct NameReader<'a> {
    message: &'a [u8],
    /// Octets that may still be walked. A message can point at the same long name thousands of times.
    allowance: u32,
}

impl<'a> NameReader<'a> {
    /// Octets of names walked in one message before the rest counts as unreadable: as many as the longest message has, so
    /// that the worst message costs no more than reading it twice. The largest multicast responses need a tenth.
    pub(super) const ALLOWANCE: u32 = 65_536;

    /// Starts with the full allowance.
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self {
            message,
            allowance: Self::ALLOWANCE,
        }
    }

    /// The message whose names are read.
    pub(super) fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Offset of the first octet behind the name at `start`; pointers are not followed.
    pub(super) fn skip(&self, start: usize) -> Result<usize, NameDefect> {
        let mut position = start;
        loop {
            match self.step(position)? {
                Step::Root => return Ok(position.saturating_add(1)),
                Step::Pointer(_) => return Ok(position.saturating_add(2)),
                Step::Label(_, next) if next.saturating_sub(start) < MAX_NAME_OCTETS => {
                    position = next
                }
                Step::Label(..) => return Err(NameDefect::Invalid),
            }
        }
    }

    /// The name at `start`; `None` is the root.
    pub(super) fn read(&mut self, start: usize) -> Result<Option<HostName>, NameDefect> {
        let mut text = Presentation::default();
        self.walk(start, |label| text.push(label))?;
        text.finish()
    }

    /// Whether the name at `start` can be walked within all limits.
    pub(super) fn check(&mut self, start: usize) -> Result<(), NameDefect> {
        self.walk(start, |_| {})
    }

    fn walk(&mut self, start: usize, mut each: impl FnMut(&'a [u8])) -> Result<(), NameDefect> {
        let mut position = start;
        // Pointers go to a prior occurrence (RFC 1035 §4.1.4). Holding each to octets before the run of labels it ends
        // makes loops impossible.
        let mut run_start = start;
        let mut octets = 1_usize;
        let mut pointers = 0_u32;
        loop {
            match self.step(position)? {
                Step::Root => return Ok(()),
                Step::Label(label, next) => {
                    let length = label.len().saturating_add(1);
                    octets = octets.saturating_add(length);
                    if octets > MAX_NAME_OCTETS {
                        return Err(NameDefect::Invalid);
                    }
                    self.spend(u32::try_from(length).unwrap_or(u32::MAX))?;
                    each(label);
                    position = next;
                }
                Step::Pointer(target) => {
                    pointers = pointers.saturating_add(1);
                    if pointers > MAX_POINTERS || !(HEADER_OCTETS..run_start).contains(&target) {
                        return Err(NameDefect::Invalid);
                    }
                    self.spend(POINTER_COST)?;
                    run_start = target;
                    position = target;
                }
            }
        }
    }

    fn step(&self, position: usize) -> Result<Step<'a>, NameDefect> {
        let rest = self.message.get(position..).unwrap_or_default();
        let (&first, rest) = rest.split_first().ok_or(NameDefect::Cut)?;
        match first & 0xc0 {
            0x00 if first == 0 => Ok(Step::Root),
            0x00 => {
                let label = rest.get(..usize::from(first)).ok_or(NameDefect::Cut)?;
                Ok(Step::Label(
                    label,
                    position.saturating_add(1).saturating_add(label.len()),
                ))
            }
            0xc0 => {
                let &second = rest.first().ok_or(NameDefect::Cut)?;
                Ok(Step::Pointer(usize::from(u16::from_be_bytes([
                    first & 0x3f,
                    second,
                ]))))
            }
            // 0x40 was the extended label type (RFC 6891 §5 retired it), 0x80 was never given out.
            _ => Err(NameDefect::Invalid),
        }
    }

    fn spend(&mut self, octets: u32) -> Result<(), NameDefect> {
        self.allowance = self
            .allowance
            .checked_sub(octets)
            .ok_or(NameDefect::Invalid)?;
        Ok(())
    }

    /// Octets walked so far, the measure of work done.
    #[cfg(test)]
    pub(super) fn walked(&self) -> u32 {
        Self::ALLOWANCE.saturating_sub(self.allowance)
    }
}

/// One element of an encoded name.
enum Step<'a> {
    /// The empty label that ends a name.
    Root,
    /// A label and the offset behind it.
    Label(&'a [u8], usize),
    /// A compression pointer's target.
    Pointer(usize),
}

/// The name that uncompressed labels spell, as DHCP options carry it; the ending root label may be missing (RFC 4702 §2.3.1).
///
/// `None` for the root and for octets that are no such name.
pub(in crate::dissect) fn from_labels(mut octets: &[u8]) -> Option<HostName> {
    let mut text = Presentation::default();
    while let Some((&length, rest)) = octets.split_first() {
        if length == 0 {
            break;
        }
        if length > 63 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        text.push(label);
        octets = rest;
    }
    text.finish().ok().flatten()
}

/// A name in text form (RFC 1035 §5.1): what would change its reading is escaped.
#[derive(Default)]
struct Presentation {
    text: SmallVec<[u8; 256]>,
    labels: usize,
}

impl Presentation {
    fn push(&mut self, label: &[u8]) {
        if self.labels > 0 {
            self.text.push(b'.');
        }
        self.labels = self.labels.saturating_add(1);
        let plain = |octet: &u8| octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\');
        if label.iter().all(plain) {
            self.text.extend_from_slice(label);
            return;
        }
        // UTF-8 labels and blanks between words, common in multicast DNS (RFC 6762 §16), stay readable; `HostName` escapes
        // what is not UTF-8.
        let last = label.len().saturating_sub(1);
        for (index, &octet) in label.iter().enumerate() {
            match octet {
                b'.' | b'\\' => self.text.extend_from_slice(&[b'\\', octet]),
                b' ' if (1..last).contains(&index) => self.text.push(octet),
                0..=b' ' | 0x7f => self.push_decimal(octet),
                _ => self.text.push(octet),
            }
        }
    }

    fn push_decimal(&mut self, octet: u8) {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        self.text.push(b'\\');
        self.text
            .extend(digits.map(|digit| b'0'.saturating_add(digit)));
    }

    fn finish(mut self) -> Result<Option<HostName>, NameDefect> {
        if self.labels == 0 {
            return Ok(None);
        }
        // Names from elsewhere drop dots at their end, and this one belongs to the label.
        if self.text.ends_with(b"\\.") {
            self.text.truncate(self.text.len().saturating_sub(2));
            self.push_decimal(b'.');
        }
        HostName::from_escaped(&self.text)
            .map(Some)
            .ok_or(NameDefect::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `octets` where a message's first name lies.
    fn behind_header(octets: &[u8]) -> Vec<u8> {
        [&[0; HEADER_OCTETS], octets].concat()
    }

    fn read(octets: &[u8], start: usize) -> Result<Option<String>, NameDefect> {
        let message = behind_header(octets);
        NameReader::new(&message)
            .read(start)
            .map(|name| name.map(|n| n.as_str().to_owned()))
    }

    #[test]
    fn follows_a_pointer_and_ends_behind_it() {
        let octets = b"\x06Manage\x09microsoft\x03com\0\x03fef\xc0\x0c";
        assert_eq!(
            read(octets, 34),
            Ok(Some("fef.Manage.microsoft.com".to_owned()))
        );
        assert_eq!(NameReader::new(&behind_header(octets)).skip(34), Ok(40));
    }

    #[test]
    fn root_is_none() {
        assert_eq!(read(b"\0", 12), Ok(None));
    }

    #[test]
    fn one_label_with_dots_does_not_look_like_several() {
        assert_eq!(
            read(b"\x14manage.microsoft.com\0", 12),
            Ok(Some("manage\\.microsoft\\.com".to_owned()))
        );
        assert_eq!(
            read(b"\x03a\\.\x02b.\0", 12),
            Ok(Some("a\\\\\\..b\\046".to_owned()))
        );
    }

    #[test]
    fn blanks_and_controls_are_escaped_and_utf8_stays() {
        assert_eq!(
            read(b"\x05 a\x1bb \0", 12),
            Ok(Some("\\032a\\027b\\032".to_owned()))
        );
        assert_eq!(
            read(b"\x0bLiving Room\x05local\0", 12),
            Ok(Some("Living Room.local".to_owned()))
        );
        assert_eq!(
            read("\x08B\u{fc}ro-PC\x05local\0".as_bytes(), 12),
            Ok(Some("B\u{fc}ro-PC.local".to_owned()))
        );
    }

    #[test]
    fn pointers_must_go_back_and_not_into_the_header() {
        for octets in [b"\xc0\x0c", b"\xc0\x0d", b"\xc0\x05", b"\x41\x41"] {
            assert_eq!(read(octets, 12), Err(NameDefect::Invalid));
        }
        // A pointer back to the label in front of it.
        assert_eq!(read(b"\x01a\xc0\x0c", 12), Err(NameDefect::Invalid));
    }

    #[test]
    fn escapes_do_not_make_a_name_too_long() {
        let octets = [[63].as_slice(), &[1; 63], &[63], &[2; 63], &[0]].concat();
        let text = read(&octets, 12).unwrap().unwrap();
        assert_eq!(
            text,
            format!("{}.{}", "\\001".repeat(63), "\\002".repeat(63))
        );
    }

    #[test]
    fn a_long_chain_of_pointers_is_given_up() {
        let mut octets = b"\x01a\0\0".to_vec();
        for hop in 0..100_u16 {
            octets.extend((0xc000 | if hop == 0 { 12 } else { 14 + 2 * hop }).to_be_bytes());
        }
        assert_eq!(read(&octets, 16 + 2 * 31), Ok(Some("a".to_owned())));
        assert_eq!(read(&octets, 16 + 2 * 32), Err(NameDefect::Invalid));
    }

    #[test]
    fn two_hundred_and_fifty_five_octets_are_the_limit() {
        let mut octets = b"\x3f".to_vec();
        octets.extend([b'a'; 63]);
        let three = octets.repeat(3);
        let longest = [three.as_slice(), b"\x3d", &[b'b'; 61], b"\0"].concat();
        assert_eq!(longest.len(), 255);
        assert_eq!(read(&longest, 12).unwrap().unwrap().len(), 253);
        assert_eq!(
            NameReader::new(&behind_header(&longest)).skip(12),
            Ok(12 + 255)
        );
        let longer = [three.as_slice(), b"\x3e", &[b'b'; 62], b"\0"].concat();
        assert_eq!(read(&longer, 12), Err(NameDefect::Invalid));
        assert_eq!(
            NameReader::new(&behind_header(&longer)).skip(12),
            Err(NameDefect::Invalid)
        );
    }

    #[test]
    fn a_cut_is_told_from_nonsense() {
        assert_eq!(read(b"\x06man", 12), Err(NameDefect::Cut));
        assert_eq!(read(b"\x01a\xc0", 12), Err(NameDefect::Cut));
        assert_eq!(NameReader::new(&[]).skip(12), Err(NameDefect::Cut));
    }

    #[test]
    fn all_names_share_one_allowance() {
        let message = behind_header(&[b"\x3f".as_slice(), &[b'a'; 63], b"\0"].concat());
        let mut reader = NameReader::new(&message);
        let readable = (0..2_000).filter(|_| reader.read(12).is_ok()).count();
        assert_eq!(readable, 1_024);
        assert!(reader.walked() <= NameReader::ALLOWANCE);
    }

    #[test]
    fn labels_without_a_message_may_lack_the_root() {
        assert_eq!(from_labels(b"\x02pc\x04corp").unwrap().as_str(), "pc.corp");
        assert_eq!(from_labels(b"\x02pc\0rest").unwrap().as_str(), "pc");
        assert!(from_labels(b"\x05pc").is_none());
        assert!(from_labels(b"\xc0\x0c").is_none());
        assert!(from_labels(b"").is_none());
    }
}
