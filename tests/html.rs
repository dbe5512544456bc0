//! Holds the HTML report against the other formats, against HTML's own rules, and against captures that mean harm.

#[path = "support/pages.rs"]
mod pages;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the places of the recordings are needed")]
mod truth;

use data_encoding::BASE64;
use intap::audit::AuditReport;
use intap::facts::{Fact, HostName};
use pages::{facts, page, report};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use truth::{recording, recordings};

/// What the program prints about a recording.
fn printed(capture: &Path, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(["audit", "--format", format])
        .arg(capture)
        .output()
        .expect("the program starts");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("a report is UTF-8")
}

fn select<'d>(document: &'d Html, selector: &str) -> Vec<ElementRef<'d>> {
    let selector = Selector::parse(selector).expect("a selector");
    document.select(&selector).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn attribute<'d>(element: ElementRef<'d>, name: &str) -> &'d str {
    element.attr(name).expect("the attribute is there")
}

/// How often each entry occurs.
fn tally<T: Ord>(entries: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry).or_default() += 1;
    }
    counts
}

fn list<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
    value[key].as_array().expect("a list")
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect("a text")
}

/// Every set of every device in the JSON report.
fn sets(json: &Value) -> Vec<&Value> {
    list(json, "clients")
        .iter()
        .flat_map(|client| list(client, "endpoint_sets"))
        .collect()
}

/// A set that some device needed or tried is shown one by one.
fn is_touched(set: &Value) -> bool {
    word(set, "verdict") != "not_exercised" || !list(set, "hosts").is_empty()
}

#[test]
fn verdicts_are_counted_alike_in_every_format() {
    for name in recordings() {
        let capture = recording(&name).capture;
        let json: Value = serde_json::from_str(&printed(&capture, "json")).expect("JSON");
        let sets = sets(&json);
        let verdicts = tally(sets.iter().map(|set| word(set, "verdict").to_owned()));
        let touched = tally(
            sets.iter()
                .filter(|set| is_touched(set))
                .map(|set| word(set, "verdict").to_owned()),
        );

        let html = Html::parse_document(&printed(&capture, "html"));
        let legend: BTreeMap<String, usize> = select(&html, "#coverage + .legend li")
            .into_iter()
            .map(|entry| {
                let count = attribute(entry, "data-count");
                assert!(text(entry).ends_with(&format!(" {count}")), "{name}");
                let count = count.parse().expect("a number");
                (attribute(entry, "data-verdict").to_owned(), count)
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(legend, verdicts, "{name}: legend");
        let mut cells = tally(
            select(&html, "td[data-verdict]")
                .into_iter()
                .map(|cell| attribute(cell, "data-verdict").to_owned()),
        );
        // A line is there as soon as one device touched the set.
        let mut expected = touched.clone();
        cells.remove("not_exercised");
        expected.remove("not_exercised");
        assert_eq!(cells, expected, "{name}: cells");

        let written = tally(text_verdicts(&printed(&capture, "text"), &sets));
        assert_eq!(written, touched, "{name}: text");

        let markdown = printed(&capture, "markdown");
        let bad = |verdict: &&String| !matches!(verdict.as_str(), "reached" | "not_exercised");
        let rows = markdown.lines().filter(|line| line.starts_with("| **"));
        assert_eq!(
            rows.count(),
            verdicts
                .iter()
                .filter(|(verdict, _)| bad(verdict))
                .map(|(_, count)| count)
                .sum::<usize>(),
            "{name}: Markdown"
        );
    }
}

/// The verdicts of the text report's lines: a mark, and the key of a set.
fn text_verdicts(text: &str, sets: &[&Value]) -> Vec<String> {
    let keys: HashSet<&str> = sets.iter().map(|set| word(set, "key")).collect();
    text.lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let mark = words.next()?;
            // Sections without a number have a dash in its column.
            words
                .next()
                .filter(|key| *key == "-" || keys.contains(key))?;
            let verdict = match mark {
                "✓" => "reached",
                "!" => "degraded",
                "✗" => "blocked",
                "⊘" => "intercepted",
                "∅" => "never_reached",
                "-" => "not_exercised",
                "?" => "inconclusive",
                _ => return None,
            };
            Some(verdict.to_owned())
        })
        .collect()
}

#[test]
fn findings_and_their_evidence_are_those_of_the_json_report() {
    for name in recordings() {
        let capture = recording(&name).capture;
        let json: Value = serde_json::from_str(&printed(&capture, "json")).expect("JSON");
        let findings = list(&json, "findings");
        let html = Html::parse_document(&printed(&capture, "html"));
        let entries = select(&html, "#finding-list > li");
        assert_eq!(entries.len(), findings.len(), "{name}");
        let markdown = printed(&capture, "markdown");
        let headings = markdown.lines().filter(|line| line.starts_with("### "));
        assert_eq!(headings.count(), findings.len(), "{name}: Markdown");
        for (entry, finding) in entries.into_iter().zip(findings) {
            assert_eq!(attribute(entry, "data-state"), word(finding, "severity"));
            let part = |selector| {
                let selector = Selector::parse(selector).expect("a selector");
                entry.select(&selector).map(text).collect::<Vec<_>>()
            };
            assert_eq!(part(".what"), [word(finding, "summary")], "{name}");
            assert_eq!(part(".filter").concat(), word(finding, "display_filter"));
            let frames: Vec<String> = list(finding, "evidence")
                .iter()
                .map(|evidence| evidence["frame"].to_string())
                .collect();
            assert!(!frames.is_empty() || word(finding, "verdict") == "never_reached");
            assert_eq!(part(".evidence td:first-child"), frames, "{name}");
        }
    }
}

#[test]
fn volumes_are_the_sums_of_the_hosts() {
    for name in recordings() {
        let capture = recording(&name).capture;
        let (facts, summary) = facts(&capture);
        let report = report(facts, summary);
        let html = Html::parse_document(&page(&report));
        let drawn: BTreeMap<&str, u64> = select(&html, "[data-area]")
            .into_iter()
            .map(|bar| {
                let octets = attribute(bar, "data-octets").parse();
                (attribute(bar, "data-area"), octets.expect("a number"))
            })
            .collect();
        let mut hosts = BTreeMap::new();
        for (index, client) in report.clients.iter().enumerate() {
            for set in &client.sets {
                for host in &set.hosts {
                    hosts.insert((set.feature_area.name(), index, &host.name), host.octets);
                }
            }
        }
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for ((area, ..), octets) in hosts {
            *sums.entry(area).or_default() += octets;
        }
        sums.retain(|_, octets| *octets > 0);
        assert_eq!(drawn, sums, "{name}");
        assert!(!sums.is_empty(), "{name}");
    }
}

#[test]
fn every_attempt_kept_is_drawn_with_its_stages() {
    let (facts, summary) = facts(&recording("tls_inspection").capture);
    let html = Html::parse_document(&page(&report(facts, summary)));
    let ways = select(&html, ".way");
    assert_eq!(ways.len(), 2);
    for (class, least) in [("lookup", 8), ("connect", 8), ("handshake", 8), ("data", 5)] {
        let bars = select(&html, &format!(".lane .track rect.{class}"));
        assert!(bars.len() >= least, "{class}: {}", bars.len());
        for bar in bars {
            let percent = |name| -> f64 {
                let value = attribute(bar, name).trim_end_matches('%').parse();
                value.expect("a number")
            };
            assert!(percent("x") >= 0.0 && percent("width") > 0.0);
            assert!(percent("x") + percent("width") <= 100.0);
        }
    }
    // Four hosts are refused because of their certificates, none of them after data.
    assert_eq!(select(&html, ".lane .end.failed").len(), 4);
}

/// Browsers repair pages as they read them; ours leaves nothing to repair.
fn assert_well_formed(page: &str) -> Html {
    let html = Html::parse_document(page);
    assert_eq!(html.errors, Vec::<String>::new());
    let mut ids = HashSet::new();
    for element in select(&html, "[id]") {
        assert!(ids.insert(attribute(element, "id")), "{:?} twice", element);
    }
    for element in select(&html, "a[href], use[href]") {
        let target = attribute(element, "href").strip_prefix('#');
        assert!(ids.contains(target.expect("only places in the page")));
    }
    for element in select(&html, "[aria-labelledby]") {
        assert!(ids.contains(attribute(element, "aria-labelledby")));
    }
    html
}

#[test]
fn pages_are_well_formed_and_their_links_lead_somewhere() {
    for name in recordings() {
        let html = assert_well_formed(&printed(&recording(&name).capture, "html"));
        for table in select(&html, "table") {
            let selector = Selector::parse("th[scope]").expect("a selector");
            assert!(table.select(&selector).next().is_some(), "{name}");
        }
        assert_eq!(select(&html, "h1").len(), 1);
        assert_eq!(select(&html, "html[lang]").len(), 1);
    }
}

/// Elements that load, run or send something.
const ACTIVE: &str = "img, iframe, object, embed, applet, audio, video, source, track, link, base, form, frame, portal, \
    image, foreignObject, animate, set, math, template, meta[http-equiv=refresh]";

#[test]
fn a_page_runs_and_loads_nothing_but_what_its_policy_names() {
    let page = printed(&recording("firewall_mixed").capture, "html");
    let html = assert_well_formed(&page);
    let policy = select(&html, "meta[http-equiv=Content-Security-Policy]");
    let [policy] = policy.as_slice() else {
        panic!("one policy");
    };
    let hash = |element: &str| {
        let elements = select(&html, element);
        let [only] = elements.as_slice() else {
            panic!("one {element}");
        };
        format!(
            "'sha256-{}'",
            BASE64.encode(&Sha256::digest(text(*only).as_bytes()))
        )
    };
    assert_eq!(
        attribute(*policy, "content"),
        format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash("style"),
            hash("script")
        )
    );
    // What stands before the policy is not under it.
    let first = page.find("http-equiv").expect("a policy");
    assert!(page.find("<style").is_some_and(|style| first < style));
    assert!(select(&html, ACTIVE).is_empty());
    for element in select(&html, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style", "{name}");
            assert!(
                !matches!(name, "src" | "srcset" | "action" | "ping"),
                "{name}"
            );
            assert!(!value.trim_start().starts_with("javascript:"));
        }
    }
}

/// Names that end an attribute, a text, a comment, a script; that call for a script; that turn the reading direction; that a
/// template engine, a spreadsheet or a terminal would obey.
const HOSTILE: [&str; 12] = [
    "\"><script>alert(1)</script>",
    "'onmouseover='alert(1)",
    "</title><img src=x onerror=alert(1)>",
    "</svg><iframe src=javascript:alert(1)>",
    "--><!--",
    "]]></style><style>*{display:none}",
    "&lt;script&gt;&#x202e;",
    "{{7*7}}{%raw%}${x}",
    "\u{202e}moc.tfosorcim\u{2066}",
    "\0\u{1b}[31m\r\n\u{7f}\u{9b}2J",
    "\u{fffe}\u{feff}\u{200b}\u{e0041}",
    "=cmd|' /C calc'!A1",
];

/// A report in which every text that can come from a capture is `text`.
fn report_full_of(text: &str) -> AuditReport {
    let (mut facts, mut summary) = facts(&recording("tls_inspection").capture);
    let name = |zone: &str| HostName::from_wire(format!("{text}.{zone}").as_bytes());
    for fact in &mut facts {
        match fact {
            Fact::Dns(lookup) => lookup.name = name("manage.microsoft.com"),
            Fact::Flow(flow) => {
                if let Some(hello) = flow.tls.as_mut().and_then(|tls| tls.client_hello.as_mut()) {
                    hello.server_name = name("manage.microsoft.com");
                }
                if let Some(certificate) =
                    flow.tls.as_mut().and_then(|tls| tls.certificate.as_mut())
                {
                    certificate.issuer = text.into();
                    certificate.issuer_common_name = Some(text.into());
                }
            }
            Fact::Host(sighting) => sighting.name = name("example"),
        }
    }
    summary.sections = vec![Default::default()];
    for section in &mut summary.sections {
        section.application = Some(text.into());
        section.operating_system = Some(text.into());
        section.comments = vec![text.into(); 3];
    }
    summary.interfaces = vec![Default::default()];
    for interface in &mut summary.interfaces {
        interface.name = Some(text.into());
        interface.filter = Some(text.into());
    }
    summary.anomalies.note(text, None);
    summary.warnings = vec![text.to_owned()];
    let mut report = report(facts, summary);
    // And where the audit only lets through what it has read itself.
    report.edition.name = text.to_owned();
    report.edition.source = text.to_owned();
    for client in &mut report.clients {
        client.scenario.why = text.to_owned();
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
        finding.display_filter = text.to_owned();
        finding.hosts = vec![text.to_owned(); 3];
        for evidence in &mut finding.evidence {
            evidence.what = text.to_owned().into();
        }
    }
    assert!(report.clients.len() >= 2 && !report.findings.is_empty());
    report
}

/// Every element with the names of its attributes, in order.
fn structure(html: &Html) -> Vec<(String, BTreeSet<String>)> {
    select(html, "*")
        .into_iter()
        .map(|element| {
            let attributes = element.value().attrs().map(|(name, _)| name.to_owned());
            (element.value().name().to_owned(), attributes.collect())
        })
        .collect()
}

#[test]
fn hostile_names_change_nothing_but_the_text() {
    let harmless = structure(&assert_well_formed(&page(&report_full_of("harmless"))));
    for text in HOSTILE {
        let page = page(&report_full_of(text));
        let html = assert_well_formed(&page);
        assert_eq!(structure(&html), harmless, "{text:?}");
        let acts = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        assert_eq!(page.find(acts), None, "{text:?}");
    }
}

#[test]
fn long_texts_are_cut() {
    let long = page(&report_full_of(&"\u{202e}<".repeat(8 * 1_024)));
    let longer = page(&report_full_of(&"\u{202e}<".repeat(32 * 1_024)));
    assert_well_formed(&long);
    // The label of the edition, comments of the file, names of anomalies and display filters are bounded where they are made;
    // everything else is cut here.
    let escaped = "\\8238&#60;".len() * 24 * 1_024;
    assert_eq!((longer.len() - long.len()) / escaped, 9);
}

#[test]
fn twenty_thousand_devices_make_a_page_that_opens() {
    const DEVICES: u32 = 20_000;
    let (facts, summary) = facts(&recording("tls_inspection").capture);
    let fine: IpAddr = "10.20.0.31".parse().expect("an address");
    let own = |fact: &&Fact| match fact {
        Fact::Dns(lookup) => lookup.client.ip() == fine,
        Fact::Flow(flow) => flow.five_tuple.originator.ip() == fine,
        Fact::Host(_) => false,
    };
    let own: Vec<Fact> = facts.iter().filter(own).cloned().collect();
    let many = (0..DEVICES).flat_map(|number| {
        let address: IpAddr = Ipv4Addr::from_bits(0x0a40_0000 + number).into();
        own.iter().cloned().map(move |mut fact| {
            match &mut fact {
                Fact::Dns(lookup) => lookup.client.set_ip(address),
                Fact::Flow(flow) => {
                    flow.five_tuple.originator.set_ip(address);
                    flow.originator_mac = None;
                    if let Some(tcp) = &mut flow.tcp {
                        tcp.initial_sequence = Some(number);
                    }
                }
                Fact::Host(_) => {}
            }
            fact
        })
    });
    // The one device that was stopped comes last.
    let report = report(many.chain(facts.iter().cloned()), summary);
    assert_eq!(report.clients.len(), DEVICES as usize + 2);
    let page = page(&report);
    assert!(page.len() < 4_000_000, "{}", page.len());
    let html = assert_well_formed(&page);
    let rows = select(&html, "#device-list tbody tr");
    assert_eq!(rows.len(), 500);
    assert_eq!(attribute(rows[0], "data-state"), "stopped");
    assert_eq!(select(&html, ".marks tbody tr").len(), 500);
    assert!(page.contains("19502 more devices are not listed"));
    let legend = select(&html, "[data-verdict=reached][data-count]");
    let reached = report.clients.iter().flat_map(|client| &client.sets);
    let reached = reached.filter(|set| set.verdict == intap::audit::Verdict::Reached);
    assert_eq!(
        attribute(legend[0], "data-count"),
        reached.count().to_string()
    );
}

#[test]
fn a_capture_without_devices_is_a_page_too() {
    let html = assert_well_formed(&page(&report(Vec::new(), Default::default())));
    assert_eq!(select(&html, "h1").len(), 1);
    assert!(select(&html, "#device-list").is_empty());
}
