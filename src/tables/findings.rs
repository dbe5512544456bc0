//! Rows of the table of findings.

use super::row::{Row, RowBuilder, RowMaker};
use super::schema::Table;
use crate::audit::{Cause, Finding, Verdict};
use compact_str::ToCompactString;

impl RowMaker<'_> {
    /// The row of one finding. One whose proof is that nothing was seen has the date on which the capture began, and
    /// all of a snapshot that of its moment.
    #[must_use]
    pub fn finding(&self, finding: &Finding) -> Row {
        let first = finding.evidence.iter().map(|evidence| evidence.seen).min();
        RowBuilder::new(Table::Findings)
            .moment(self.as_of)
            .address(finding.client)
            .code(finding.code.code())
            .code(finding.severity.code())
            .maybe_code(finding.set.as_ref().map(ToCompactString::to_compact_string))
            .maybe_code(self.area(finding.set.as_ref()))
            .maybe_code(finding.verdict.map(Verdict::code))
            .maybe_code(finding.cause.map(Cause::code))
            .hosts(finding.hosts.iter().map(String::as_str))
            .time(first)
            .codes(
                finding
                    .evidence
                    .iter()
                    .map(|evidence| evidence.seen.frame.to_compact_string()),
            )
            .sentence(&finding.summary)
            .sentence(&finding.consequence)
            .sentence(&finding.remedy)
            .code(finding.source.as_str())
            .sentence(&finding.display_filter)
            .finish(self.start(first))
    }
}
