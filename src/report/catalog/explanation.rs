//! Who lists a host or an address.

use super::json;
use super::page::{Page, title};
use super::set::standing_in_words;
use crate::catalog::{
    Claim, Edition, EditionClaims, Explanation, Ground, HandlingRule, Strength, Subject,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Answer<'x> {
    edition: &'x str,
    query: String,
    kind: &'static str,
    port: Option<u16>,
    matches: Vec<Match<'x>>,
    no_tls_inspection: Option<&'x str>,
    unauthenticated_proxy: Option<&'x str>,
    partial_content: Option<&'x str>,
    only_below: Vec<Below<'x>>,
    editions: Vec<InEdition<'x>>,
}

#[derive(Debug, Serialize)]
struct Match<'x> {
    id: Option<u16>,
    key: String,
    feature_area: &'static str,
    description: &'x str,
    pattern: String,
    decides: bool,
    strength: &'static str,
    standing: &'static str,
    sample: bool,
    misprint: bool,
    required: Option<bool>,
    tcp_ports: &'x [u16],
    udp_ports: &'x [u16],
    tcp_port_listed: Option<bool>,
    udp_port_listed: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Below<'x> {
    key: String,
    pattern: &'x str,
}

#[derive(Debug, Serialize)]
struct InEdition<'x> {
    edition: &'x str,
    matches: Vec<EditionMatch<'x>>,
}

#[derive(Debug, Serialize)]
struct EditionMatch<'x> {
    id: Option<u16>,
    key: String,
    pattern: &'x str,
}

/// The explanation as JSON.
#[must_use]
pub fn explanation_json(edition: &Edition, explanation: &Explanation<'_>) -> String {
    let rule = |rule: Option<&HandlingRule>| rule.map(|rule| rule.stated_for.clone());
    let rules = [
        rule(explanation.no_tls_inspection),
        rule(explanation.unauthenticated_proxy),
        rule(explanation.partial_content),
    ];
    json(&Answer {
        edition: &edition.name,
        query: explanation.question.subject.to_string(),
        kind: match explanation.question.subject {
            Subject::Host(_) => "host",
            Subject::Address(_) => "address",
        },
        port: explanation.question.port,
        matches: explanation.claims.iter().map(claim).collect(),
        no_tls_inspection: rules[0].as_deref(),
        unauthenticated_proxy: rules[1].as_deref(),
        partial_content: rules[2].as_deref(),
        only_below: explanation
            .only_below
            .iter()
            .map(|(set, pattern)| Below {
                key: set.key.to_string(),
                pattern: pattern.as_str(),
            })
            .collect(),
        editions: explanation
            .editions
            .iter()
            .map(|edition| InEdition {
                edition: &edition.edition,
                matches: edition
                    .claims
                    .iter()
                    .map(|(key, pattern)| EditionMatch {
                        id: key.id(),
                        key: key.to_string(),
                        pattern,
                    })
                    .collect(),
            })
            .collect(),
    })
}

fn claim<'x>(claim: &Claim<'x>) -> Match<'x> {
    let (sample, misprint) = match claim.ground {
        Ground::Host(host) => (host.sample, host.misprint),
        Ground::Prefix(_) => (false, false),
    };
    Match {
        id: claim.set.id(),
        key: claim.set.key.to_string(),
        feature_area: claim.set.feature_area().name(),
        description: &claim.set.description,
        pattern: claim.ground.to_string(),
        decides: claim.decides,
        strength: claim.ground.strength().code(),
        standing: claim.ground.standing().name(),
        sample,
        misprint,
        required: claim.set.required,
        tcp_ports: &claim.set.tcp_ports,
        udp_ports: &claim.set.udp_ports,
        tcp_port_listed: claim.tcp_listed,
        udp_port_listed: claim.udp_listed,
    }
}

/// The explanation as text.
#[must_use]
pub fn explanation_text(edition: &Edition, explanation: &Explanation<'_>) -> String {
    let mut page = Page::default();
    let question = &explanation.question;
    let port = question
        .port
        .map_or(String::new(), |port| format!(", port {port}"));
    page.line(&format!("{}{port}", question.subject));
    page.line("");
    page.line(&format!("Edition {}", title(edition)));
    if explanation.claims.is_empty() {
        page.line("  no endpoint set lists it");
    }
    for claim in &explanation.claims {
        write_claim(&mut page, claim, question.port);
    }
    for (set, pattern) in &explanation.only_below {
        page.labelled(
            "  ",
            &format!(
                "{} lists {pattern}, which covers what is below this name and not the name itself",
                set.key
            ),
        );
    }
    for (what, rule) in [
        (
            "TLS inspection is not supported",
            explanation.no_tls_inspection,
        ),
        (
            "a proxy must not ask for authentication",
            explanation.unauthenticated_proxy,
        ),
        (
            "HTTP partial responses (byte ranges) must pass",
            explanation.partial_content,
        ),
    ] {
        if let Some(rule) = rule {
            page.labelled("  ", &format!("{what}: stated for {}", rule.stated_for));
        }
    }
    page.line("");
    page.line("All editions, as published");
    let width = 16;
    for same in explanation.editions.chunk_by(|a, b| a.claims == b.claims) {
        let names: Vec<&str> = same
            .iter()
            .map(|edition| edition.edition.as_str())
            .collect();
        let names = names.join(", ");
        if names.chars().count() < width {
            page.each(&format!("  {names:width$}"), claims_in_words(&same[0]));
        } else {
            page.labelled("  ", &names);
            page.each(&format!("  {:width$}", ""), claims_in_words(&same[0]));
        }
    }
    page.finish()
}

fn claims_in_words(edition: &EditionClaims) -> Vec<String> {
    if edition.claims.is_empty() {
        return vec!["not listed".to_owned()];
    }
    edition
        .claims
        .iter()
        .map(|(key, pattern)| format!("{key} by {pattern}"))
        .collect()
}

fn write_claim(page: &mut Page, claim: &Claim<'_>, port: Option<u16>) {
    let decides = if claim.decides { "> " } else { "  " };
    page.labelled(
        &format!("{decides}{}  ", claim.set.key),
        &claim.set.description,
    );
    let mut words = vec![strength_in_words(claim.ground.strength()).to_owned()];
    if let Ground::Host(host) = claim.ground {
        if host.pattern.is_exact() {
            words.insert(0, "the name itself".to_owned());
        }
        if host.sample {
            words.push("printed as a sample of the set's wildcard".to_owned());
        }
        if host.misprint {
            words.push("another spelling of a misprint".to_owned());
        }
    }
    words.push(standing_in_words(claim.ground.standing()).to_owned());
    page.labelled(
        "      ",
        &format!("by {}: {}", claim.ground, words.join("; ")),
    );
    if let Some(port) = port {
        page.labelled("      ", &port_in_words(port, claim));
    }
}

fn port_in_words(port: u16, claim: &Claim<'_>) -> String {
    match (claim.tcp_listed, claim.udp_listed) {
        (Some(true), Some(true)) => format!("port {port} is listed, TCP and UDP"),
        (Some(true), _) => format!("TCP port {port} is listed, UDP is not"),
        (_, Some(true)) => format!("UDP port {port} is listed, TCP is not"),
        (None, None) => "the edition states no port for this set".to_owned(),
        _ => format!("port {port} is not listed"),
    }
}

fn strength_in_words(strength: Strength) -> &'static str {
    match strength {
        Strength::Strong => "strong evidence of the set",
        Strength::Weak => "weak evidence, others contact it too",
        Strength::Shared => "addresses that others share, no proof by themselves",
        Strength::Reference => "explains a flow, proves nothing",
    }
}
