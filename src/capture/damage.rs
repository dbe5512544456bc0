//! Getting past damage: looking for the next place in a file that reads like a record, and saying what was lost.

use super::provenance::Provenance;
use super::read_buffer::ReadBuffer;

/// Why a record could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The file ends, or claims to end, inside it.
    Cut,
    /// Its header contradicts itself.
    Damaged,
}

/// Moves the window from an unreadable record to the next place where `is_record` holds, and warns. `unit` is what the
/// format calls a record. False when there is no such place: then the window is empty and the file is done, which needs no
/// warning when the file simply ends here.
pub(super) fn pass_over(
    buffer: &mut ReadBuffer,
    provenance: &mut Provenance,
    unit: &str,
    trouble: Trouble,
    mut is_record: impl FnMut(&mut ReadBuffer) -> bool,
) -> bool {
    let offset = buffer.offset();
    let started_inside = !buffer.window().is_empty();
    loop {
        buffer.consume(1);
        if !buffer.fill(1) {
            break;
        }
        if is_record(buffer) {
            let lost = buffer.offset().saturating_sub(offset);
            provenance.warn(
                &format!("{unit}-damaged"),
                format!("damaged at octet {offset}; {lost} octets were passed over up to the next readable {unit}"),
            );
            return true;
        }
    }
    if let Some(error) = buffer.failure() {
        let (anomaly, doing) = if buffer.is_decompressed() {
            ("compression-damaged", "decompressing")
        } else {
            ("read-failed", "reading")
        };
        let warning = format!(
            "{doing} failed behind octet {} ({error}); what came before was read",
            buffer.offset()
        );
        provenance.warn(anomaly, warning);
    } else if started_inside {
        match trouble {
            Trouble::Cut => provenance.warn(
                "file-cut",
                format!("ends inside a {unit} at octet {offset}, cut off or still being written; what came before was read"),
            ),
            Trouble::Damaged => provenance.warn(
                &format!("{unit}-damaged"),
                format!("damaged at octet {offset}; nothing behind it can be read"),
            ),
        }
    }
    false
}
