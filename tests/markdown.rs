//! Holds the Markdown report against a Markdown parser: hostile names must stay text, and tables tables.

#[path = "support/pages.rs"]
#[allow(dead_code, reason = "pages are another format")]
mod pages;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the places of the recordings are needed")]
mod truth;

use intap::audit::AuditReport;
use pages::{facts, report};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::sync::Arc;
use truth::recording;

const HOSTILE: [&str; 14] = [
    "a | b || c",
    "`tick` ``` ~~~",
    "```\n# heading",
    "[text](http://evil.example) ![x](http://evil.example/x.png)",
    "<img src=x onerror=alert(1)> <!-- -->",
    "http://evil.example www.evil.example evil@example.com",
    "@everyone #1 GH-1 !12 org/repo#3 :smile:",
    "*bold* _it_ ~~gone~~ **x**",
    "\\` \\| \\",
    "{code}x{code} {noformat} !http://evil.example/x.png! [~admin]",
    "\u{202e}reverse\u{2066}",
    "\r\n\n- item\n> quote\n---",
    "&lt;b&gt; &#96; $x^2$",
    "    indented",
];

fn report_full_of(text: &str) -> AuditReport {
    let (facts, summary) = facts(&recording("tls_inspection").capture);
    let mut report = report(facts, summary);
    report.edition.name = text.to_owned();
    for client in &mut report.clients {
        for set in &mut client.sets {
            set.description = text.into();
            for host in &mut set.hosts {
                Arc::make_mut(host).name = text.to_owned();
            }
        }
    }
    for finding in &mut report.findings {
        finding.summary = text.to_owned();
        finding.remedy = text.to_owned();
        for evidence in &mut finding.evidence {
            evidence.what = text.to_owned().into();
        }
    }
    for reason in &mut report.fitness.reasons {
        reason.text = text.to_owned();
    }
    report
}

fn markdown(report: &AuditReport) -> String {
    let mut out = Vec::new();
    intap::report::markdown::write(report, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

/// What the document is made of: blocks, and texts without what is inside code.
fn read(markdown: &str) -> (Vec<String>, Vec<String>) {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let (mut blocks, mut texts) = (Vec::new(), Vec::new());
    let mut in_fence = false;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                assert!(matches!(kind, CodeBlockKind::Fenced(_)));
                blocks.push("fence".to_owned());
                in_fence = true;
            }
            Event::End(TagEnd::CodeBlock) => in_fence = false,
            Event::Start(
                tag @ (Tag::Heading { .. }
                | Tag::Paragraph
                | Tag::List(_)
                | Tag::Item
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell
                | Tag::Strong),
            ) => blocks.push(format!("{tag:?}")),
            Event::Start(tag) => panic!("{tag:?} in\n{markdown}"),
            Event::Html(html) | Event::InlineHtml(html) => panic!("{html} in\n{markdown}"),
            Event::Text(text) if !in_fence => texts.push(text.into_string()),
            Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::End(_) => {}
            other => panic!("{other:?} in\n{markdown}"),
        }
    }
    (blocks, texts)
}

#[test]
fn hostile_names_change_nothing_but_the_text() {
    let (harmless, _) = read(&markdown(&report_full_of("harmless")));
    assert!(harmless.iter().filter(|block| *block == "fence").count() >= 6);
    for text in HOSTILE {
        let markdown = markdown(&report_full_of(text));
        let (blocks, texts) = read(&markdown);
        assert_eq!(blocks, harmless, "{text:?} in\n{markdown}");
        // Trackers make links, mentions and references of plain text, never of code.
        for plain in texts {
            for sign in [
                "@", "#", "http", "www.", "{", "!", "[", ":smile", "evil.", "~",
            ] {
                assert!(!plain.contains(sign), "{plain:?} in\n{markdown}");
            }
        }
        assert!(!markdown.contains('\u{202e}') && !markdown.contains('\r'));
    }
}

#[test]
fn long_texts_are_cut() {
    let long = markdown(&report_full_of(&"`|".repeat(32 * 1_024)));
    read(&long);
    assert!(long.len() < 400_000, "{}", long.len());
}

#[test]
fn words_of_the_report_itself_need_no_code() {
    let (facts, summary) = facts(&recording("firewall_mixed").capture);
    let text = markdown(&report(facts, summary));
    assert!(
        text.contains("`time.windows.com`: no reply to NTP"),
        "{text}"
    );
    assert!(text.contains(
        "allow `time.windows.com` on UDP 123, or give the device another time server by DHCP"
    ));
    assert!(text.starts_with("# Intune network audit: The device was stopped\n"));
}
