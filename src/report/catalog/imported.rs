//! What an import brought.

use super::page::{Page, count};
use crate::catalog::{Import, ImportedEdition};

/// Things left out that are named; more are counted.
const SHOWN_LEFT_OUT: usize = 20;

/// Says what was imported, into which file, and how to use it; `before` says what was there.
#[must_use]
pub fn imported_text(import: &Import, read: &ImportedEdition, path: &str, before: &str) -> String {
    let mut page = Page::default();
    let name = import.edition_name();
    let sets = &read.file.sets;
    let hosts = sets.iter().map(|set| set.hosts.len()).sum();
    let prefixes = sets.iter().map(|set| set.prefixes.len()).sum();
    page.labelled(
        "",
        &format!(
            "Imported {name}: {} of Intune, {} of other services for reference; {}, {}.",
            count(read.intune_rows, "row"),
            read.other_rows,
            count(hosts, "host"),
            count(prefixes, "prefix"),
        ),
    );
    page.labelled("", before);
    page.labelled("  Stored in ", path);
    page.labelled("  SHA-256   ", &import.sha256());
    page.labelled(
        "",
        &format!(
            "Use it with --edition {name}: it is laid beside {} and replaces nothing of it. The service is known to be inaccurate for Intune.",
            import.beside()
        ),
    );
    if import.version.is_none() {
        page.labelled("", "The version is not known; name it with --version-file.");
    }
    page.each(
        "  Left out: ",
        read.left_out.iter().take(SHOWN_LEFT_OUT).cloned(),
    );
    let more = read.left_out.len().saturating_sub(SHOWN_LEFT_OUT);
    if more > 0 {
        page.labelled("  Left out: ", &format!("and {more} more"));
    }
    page.finish()
}
