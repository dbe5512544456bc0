//! What capture files say of themselves, and what was wrong with them.

use crate::facts::{Anomalies, CaptureSection, InterfaceSummary};

/// Sections, interfaces, anomalies and warnings of one file or of many.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    /// Sections of pcapng files, equal ones once, at most [`Self::MAX_SECTIONS`].
    pub sections: Vec<CaptureSection>,
    /// Capturing interfaces, at most [`Self::MAX_INTERFACES`]. Interfaces of different files and sections that describe
    /// themselves alike, as in a ring buffer, are one, with their counters summed.
    pub interfaces: Vec<InterfaceSummary>,
    /// What could not be read, by stable name.
    pub anomalies: Anomalies,
    /// The same in words, with file and octet offset, at most [`Self::MAX_WARNINGS`].
    pub warnings: Vec<String>,
}

impl Provenance {
    /// Most sections kept: a file may hold any number of them.
    pub const MAX_SECTIONS: usize = 64;
    /// Most interfaces kept: a file may describe any number of them.
    pub const MAX_INTERFACES: usize = 128;
    /// Most warnings kept: a badly damaged file earns one every few octets. Anomalies are counted beyond.
    pub const MAX_WARNINGS: usize = 200;

    /// Adds a section unless there is an equal one.
    pub(super) fn add_section(&mut self, section: CaptureSection) {
        if self.sections.len() < Self::MAX_SECTIONS && !self.sections.contains(&section) {
            self.sections.push(section);
        }
    }

    /// Adds the interfaces of one section or file. Two of them that look alike stay two.
    pub(super) fn add_interfaces(
        &mut self,
        interfaces: impl IntoIterator<Item = InterfaceSummary>,
    ) {
        let mut taken = [false; Self::MAX_INTERFACES];
        for interface in interfaces {
            let same = self
                .interfaces
                .iter_mut()
                .zip(&mut taken)
                .find(|(known, taken)| !**taken && describe_alike(known, &interface));
            if let Some((known, taken)) = same {
                *taken = true;
                known.frames = known.frames.saturating_add(interface.frames);
                known.received = sum(known.received, interface.received);
                known.dropped = sum(known.dropped, interface.dropped);
            } else if self.interfaces.len() < Self::MAX_INTERFACES {
                if let Some(taken) = taken.get_mut(self.interfaces.len()) {
                    *taken = true;
                }
                self.interfaces.push(interface);
            } else {
                self.anomalies.note("interface-limit-reached", None);
            }
        }
    }

    /// Counts an anomaly of the file as a whole and says it in words.
    pub(super) fn warn(&mut self, anomaly: &str, warning: String) {
        self.anomalies.note(anomaly, None);
        self.add_warning(warning);
    }

    /// Adds what is known of the file `name`.
    pub(super) fn absorb(&mut self, name: &str, file: Self) {
        for section in file.sections {
            self.add_section(section);
        }
        self.add_interfaces(file.interfaces);
        self.anomalies.merge(&file.anomalies);
        for warning in file.warnings {
            self.add_warning(format!("{name}: {warning}"));
        }
    }

    fn add_warning(&mut self, warning: String) {
        match self.warnings.len().cmp(&(Self::MAX_WARNINGS - 1)) {
            std::cmp::Ordering::Less => self.warnings.push(warning),
            std::cmp::Ordering::Equal => self.warnings.push("further warnings are left out".into()),
            std::cmp::Ordering::Greater => {}
        }
    }
}

fn describe_alike(a: &InterfaceSummary, b: &InterfaceSummary) -> bool {
    a.link_type == b.link_type
        && a.snap_length == b.snap_length
        && a.name == b.name
        && a.description == b.description
        && a.filter == b.filter
}

/// The sum of two counters of which either may be unknown.
pub(super) fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::LinkType;

    fn interface(name: &str, frames: u64) -> InterfaceSummary {
        InterfaceSummary {
            name: Some(name.into()),
            link_type: Some(LinkType::ETHERNET),
            dropped: Some(1),
            frames,
            ..InterfaceSummary::default()
        }
    }

    #[test]
    fn alike_interfaces_of_two_files_are_one_and_of_one_file_two() {
        let mut all = Provenance::default();
        all.add_interfaces([interface("eth0", 1), interface("eth0", 10)]);
        all.add_interfaces([interface("eth0", 100), interface("eth1", 1_000)]);
        let frames: Vec<u64> = all.interfaces.iter().map(|i| i.frames).collect();
        assert_eq!(frames, [101, 10, 1_000]);
        assert_eq!(all.interfaces[0].dropped, Some(2));
    }

    #[test]
    fn everything_is_bounded() {
        let mut all = Provenance::default();
        for i in 0..1_000 {
            all.add_section(CaptureSection {
                comments: vec![i.to_string().into()],
                ..CaptureSection::default()
            });
            all.add_interfaces([interface(&i.to_string(), 1)]);
            all.warn("file-cut", i.to_string());
        }
        assert_eq!(all.sections.len(), Provenance::MAX_SECTIONS);
        assert_eq!(all.interfaces.len(), Provenance::MAX_INTERFACES);
        assert_eq!(all.anomalies.count("interface-limit-reached"), 872);
        assert_eq!(all.warnings.len(), Provenance::MAX_WARNINGS);
        assert_eq!(all.anomalies.count("file-cut"), 1_000);
    }
}
