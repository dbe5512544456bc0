//! The long form of the codes that reports carry, as text of 80 columns and as JSON.

use super::catalog::json;
use super::catalog::page::Page;
use crate::audit::{CodeKind, Explanation};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Answer {
    kind: &'static str,
    code: &'static str,
    title: &'static str,
    when: &'static str,
    not: &'static str,
    consequence: &'static str,
    remedy: &'static str,
    source: &'static str,
}

/// The explanations as JSON, a list.
#[must_use]
pub fn codes_json(explanations: &[Explanation]) -> String {
    let answers: Vec<Answer> = explanations
        .iter()
        .map(|explanation| Answer {
            kind: explanation.kind.name(),
            code: explanation.code,
            title: explanation.title,
            when: explanation.when,
            not: explanation.not,
            consequence: explanation.consequence,
            remedy: explanation.remedy,
            source: explanation.source,
        })
        .collect();
    json(&answers)
}

/// The explanations in full.
#[must_use]
pub fn codes_text(explanations: &[Explanation]) -> String {
    let mut page = Page::default();
    for (number, explanation) in explanations.iter().enumerate() {
        if number > 0 {
            page.line("");
        }
        page.labelled(
            &format!("{} ", explanation.code),
            &format!("({}) {}", explanation.kind.name(), explanation.title),
        );
        page.labelled("  Said when  ", explanation.when);
        page.labelled("  Not        ", explanation.not);
        page.labelled("  Means      ", explanation.consequence);
        page.labelled("  Change     ", explanation.remedy);
        page.labelled("  Source     ", explanation.source);
    }
    page.finish()
}

/// One line for each code, by kind.
#[must_use]
pub fn code_list_text(explanations: &[Explanation]) -> String {
    let mut page = Page::default();
    for (kind, heading) in [
        (CodeKind::Finding, "Findings"),
        (CodeKind::Cause, "Causes"),
        (CodeKind::Verdict, "Verdicts"),
    ] {
        page.line(heading);
        for explanation in explanations.iter().filter(|e| e.kind == kind) {
            page.labelled(&format!("  {:<27} ", explanation.code), explanation.title);
        }
        page.line("");
    }
    page.line("intap explain CODE tells more about one of them.");
    page.finish()
}
